"""Finished runs side by side: their scores, what differs, and whether a difference is one.

python -m train.compare runs/* [--sort=rmse] [--page=compare.html]

Runs of the same data and target are ranked by --sort, or by their first metric, on the test rows.
Each is compared with the first on the rows that both answered, with a 95 % interval of the
difference: where 0 lies within, it may be chance. That is told of the scores of numbers (rmse, mse,
mae, r2), of classes (accuracy, auc, f1, macro_f1, log_loss) and of tags (token_accuracy, f1,
strict_f1). The page has their curves over one another.
"""

from __future__ import annotations

from pathlib import Path

from train import errors, flags, parallel


def main(argv: list[str]) -> int:
    """Reads the runs, prints the tables, writes the page."""
    command = flags.parse_compare(argv, __doc__)
    parallel.configure()
    from train.results.comparison.finished import read_runs
    from train.results.comparison.page import write_page
    from train.results.comparison.ranked import rank_runs
    from train.results.comparison.text import ranking_lines

    runs, notes = read_runs(command.folders)
    rankings = rank_runs(runs, command.sort)
    for line in notes:
        print(line)
    for ranking in rankings:
        print("\n".join(ranking_lines(ranking)))
    path = Path(command.page)
    write_page(path, rankings)
    print(f"page: {path}")
    return 0


if __name__ == "__main__":
    errors.run(main)
