"""A trained net as one file for other programs: ONNX, StableHLO or safetensors, by its ending.

python -m train.export --workdir=DIR --out=FILE.onnx|FILE.stablehlo|FILE.safetensors [--steps=N]
                       [--trust=NAME]

ONNX: raw columns in, text too, and the columns of train.predict out, in the target's units, for any
number of rows; beside it predict_onnx.py, which needs onnxruntime and numpy alone, and for a net
that answers step by step FILE.step.onnx, which takes a carry and gives the next.
StableHLO: encoded inputs in, answers in encoded units out, for CPU, GPU and TPU
(train.portable.stablehlo.load reads it, and verifies its digest first).
safetensors: weights under torch's names and in its layouts, with config and schema.
Beside each stands MODEL_CARD.md. --steps: how many steps a sequence may have, as many as the
longest of training unless given. --trust: as of train.predict.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from train import errors, flags, parallel
from train.errors import StorageError, UserError

if TYPE_CHECKING:
    from train.inference.predictor import Predictor

ENDINGS = (".onnx", ".stablehlo", ".safetensors")
SCRIPT = "predict_onnx.py"
STEP = ".step.onnx"
CARD = "MODEL_CARD.md"


def export(
    workdir: str | Path,
    out: str | Path,
    steps: int | None = None,
    trust: str | tuple[str, ...] = (),
) -> list[Path]:
    """Writes a run's net to `out`, and what stands beside it; returns the files.

    Raises UserError for a folder or an ending that is none, and for a net that has no such form.
    """
    from train.inference.load import load
    from train.portable.model_card import model_card
    from train.run.manifest import read_listed

    path = Path(out)
    if path.suffix not in ENDINGS:
        raise UserError(f"--out: expected a file that ends in {', '.join(ENDINGS)}, got {path}")
    if not path.parent.is_dir():
        raise UserError(f"--out: no folder {path.parent}; make it first")
    result = read_listed(Path(workdir), "result.json", "a finished run's folder")
    model = load(workdir, trust)
    contents = {path: _writer(path.suffix)(model, steps)}
    if path.suffix == ".onnx":
        from train.portable import predict_onnx_text

        if (by_step := _by_step(model)) is not None:
            contents[path.with_suffix(STEP)] = by_step
        contents[path.with_name(SCRIPT)] = predict_onnx_text().encode()
    card = model_card(model.config, model.encoder, result)
    contents[path.with_name(CARD)] = card.encode()
    _write(contents)
    return list(contents)


def _writer(ending: str) -> Callable[[Predictor, int | None], bytes]:
    """What makes a file of this ending, imported late: ONNX is an extra."""
    match ending:
        case ".onnx":
            try:
                import onnx  # noqa: F401
            except ImportError:
                raise UserError(
                    "--out: .onnx is written by the package onnx, which is not installed: "
                    "pip install 'denseq[onnx]'"
                ) from None
            from train.portable.model import as_onnx

            return as_onnx
        case ".stablehlo":
            from train.portable.stablehlo import as_stablehlo

            return as_stablehlo
        case ".safetensors":
            from train.portable.weights import as_safetensors

            return as_safetensors
        case _:
            raise NotImplementedError(f"nothing writes {ending}")


def _by_step(model: Predictor) -> bytes | None:
    """The graph of one step; None of a net that does not answer step by step."""
    from train.inference.stepping import check_can_step
    from train.portable.model import as_step_onnx

    try:
        check_can_step(model.config, model.encoder)
    except UserError:
        return None
    return None if model.ensemble.has_members else as_step_onnx(model)


def _write(contents: dict[Path, bytes]) -> None:
    from train.data.files.storage import written_whole

    for path, content in contents.items():
        try:
            with written_whole(path) as file:
                file.write(content)
        except OSError as error:
            raise StorageError(f"{path}: cannot be written: {error.strerror}") from None


def main(argv: list[str]) -> int:
    """Writes the files, and says which."""
    command = flags.parse_export(argv, __doc__)
    parallel.configure()
    for path in export(command.workdir, command.out, command.steps, command.trust):
        print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    errors.run(main)
