"""Reports of all kinds as a browser shows them: on a desk, a tablet and a phone, and on paper.

Needs chromium. The pages stand in frames of three widths, so that one start of it measures all.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from golden_runs import make_inputs
from pyarrow import csv
from series_tables import shops

from train import backtest, compare, loop
from train import config as configs
from train.config import LSTM, Config, SelfOrganizingMap, Series, Train
from train.config.plan import Plan

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium"),
]

CONFIGS = Path(__file__).parents[2] / "configs"
PAPER = 711  # pixels of a sheet of A4 between its margins
WIDTHS = (1440, 768, 390, PAPER)
MOST_BYTES = 400_000
MOST_PAGES = 2
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-pdf-header-footer",
)
GRID = '{"optim.learning_rate": (1e-3, 1e-2), "net.hidden": ((8,), (16, 8))}'
# {kind of report: (config, what is changed)}; "IN" is the folder of what `make_inputs` writes.
KINDS = {
    "regression": ("diabetes", {}),
    "binary": ("breast_cancer", {}),
    "multiclass": ("digits", {"train.linear_seconds": "0.1"}),
    "forecasts": (
        "series",
        {
            "data.path": "builtin:mackey_glass",
            "data.target": "x",
            "data.time": "time",
            "data.rows": "600",
            "loss": "quantile",
        },
    ),
    "sequence": ("digits_rows", {}),
    "tags": (
        "sequences",
        {
            "data.path": "IN/sentences.jsonl",
            "data.inputs": "tokens",
            "data.target": "tags,intent",
            "net.hidden": "(16,)",
        },
    ),
    "clusters": ("clusters", {"data.path": "builtin:wine", "data.label": "cultivar"}),
    "map": ("clusters", {"data.path": "builtin:wine", "data.label": "cultivar"}),
    "autoencoder": ("autoencoder", {}),
    "population": ("diabetes", {"population.seeds": "2", "population.grid": GRID}),
}
PAGES = (*KINDS, "backtest", "comparison")
# What is measured in each frame: {"beyond": of the page's edge, "cut", "broken" words, "unnamed"}.
MEASURE = """
function measure(frame) {
  const page = frame.contentDocument, width = page.documentElement.clientWidth;
  const found = {width, beyond: [], cut: [], broken: [], unnamed: []};
  const text = node => (node.textContent || '').trim().slice(0, 50);
  if (page.documentElement.scrollWidth > width) found.beyond.push('the page');
  const hidden = node => node.closest('details') || node.closest('.many');
  for (const node of page.querySelectorAll('main *')) {
    if (hidden(node)) continue;
    const box = node.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1) found.beyond.push(node.tagName + ' ' + text(node));
    if (node.matches('.scroll') && node.scrollWidth > node.clientWidth + 1)
      found.cut.push('table ' + text(node));
    if (node.tagName == 'text') {
      const around = node.closest('svg').getBoundingClientRect();
      if (box.left < around.left - 2 || box.right > around.right + 2 || box.top < around.top - 2
          || box.bottom > around.bottom + 2) found.cut.push('drawn ' + text(node));
    }
  }
  for (const svg of page.querySelectorAll('svg')) {
    if (svg.getAttribute('role') != 'img' || !svg.getAttribute('aria-label'))
      found.unnamed.push(svg.outerHTML.slice(0, 80));
    const boxes = [...svg.querySelectorAll('text:not(.ink):not(.on)')].map(
      node => [node.getBoundingClientRect(), text(node)]);
    boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, other]) => {
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
          && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
        found.cut.push('over one another: ' + one + ' and ' + other);
    }));
  }
  for (const figure of page.querySelectorAll('figure'))
    if (!text(figure.querySelector('figcaption') || figure)) found.unnamed.push('a figure');
  const words = page.createTreeWalker(page.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const node = words.currentNode, word = node.textContent.trim();
    if (!word || /[\\s\\/]/.test(word) || word.length > 30) continue;
    if (hidden(node.parentElement)) continue;
    const range = page.createRange();
    range.selectNodeContents(node);
    const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
    if (lines.size > 1) found.broken.push(word);
  }
  return found;
}
onload = () => {
  const all = {};
  for (const frame of document.querySelectorAll('iframe')) all[frame.id] = measure(frame);
  document.documentElement.dataset.found = JSON.stringify(all);
};
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Path]:
    """The report of a small run of each kind."""
    folder = tmp_path_factory.mktemp("reports")
    make_inputs(folder)
    found = {}
    for kind, (name, changes) in KINDS.items():
        overrides = {"train.epochs": "3"}
        for field, text in changes.items():
            overrides[field] = text.replace("IN/", f"{folder}/")
        config = configs.load(CONFIGS / f"{name}.py", overrides)
        if kind == "map":
            config.net = SelfOrganizingMap(shape=(6, 8))
        loop.fit(config, folder / kind)
        found[kind] = folder / kind / "report.html"
    found["backtest"] = backtested(folder)
    diabetes = [str(folder / kind) for kind in ("regression", "population")]
    compare.main([*diabetes, f"--page={folder / 'compare.html'}"])
    found["comparison"] = folder / "compare.html"
    return found


def backtested(folder: Path) -> Path:
    """The page of a backtest of several series with dates."""
    csv.write_csv(shops(300), folder / "shops.csv")
    data = Series(
        path=str(folder / "shops.csv"),
        target="sales",
        time="when",
        group="shop",
        known=("promotion",),
        lookback=24,
        horizon=12,
        valid=40,
        test=77,
    )
    config = Config(name="shops", data=data, net=LSTM(hidden=(8,)), train=Train(epochs=2))
    backtest.backtest(config, folder / "backtest", Plan(origins=4, step=10, interval=0.8))
    return folder / "backtest" / "backtest.html"


def chromium(folder: Path, page: Path, *flags: str) -> str:
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'browser'}", *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def measured(reports, tmp_path_factory) -> dict[str, dict]:
    """What the browser finds of each page at each width, by "kind width"."""
    folder = tmp_path_factory.mktemp("frames")
    frames = ""
    for kind, path in reports.items():
        # The page forbids scripts, this one's included: it is measured from outside.
        source = html.escape(path.read_text())
        for width in WIDTHS:
            shown = source.replace("@media print", "@media all") if width == PAPER else source
            size = f'width="{width}" height="3000" style="border:0"'
            frames += f'<iframe id="{kind} {width}" {size} srcdoc="{shown}"></iframe>\n'
    page = folder / "frames.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><script>{MEASURE}</script>{frames}")
    dumped = chromium(folder, page, "--dump-dom", "--virtual-time-budget=20000")
    found = re.search('data-found="([^"]*)"', dumped)
    assert found is not None
    return json.loads(html.unescape(found[1]))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", PAGES)
def test_nothing_overflows_or_is_cut_and_every_figure_has_a_name(kind, width, measured):
    found = measured[f"{kind} {width}"]
    nothing: list[str] = []
    assert found == {
        "width": width,
        "beyond": nothing,
        "cut": nothing,
        "broken": nothing,
        "unnamed": nothing,
    }


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_small_and_prints_in_two(kind, reports, tmp_path):
    assert reports[kind].stat().st_size < MOST_BYTES
    paper = tmp_path / "report.pdf"
    chromium(tmp_path, reports[kind], f"--print-to-pdf={paper}")
    counts = re.findall(rb"/Count (\d+)", paper.read_bytes())
    assert 1 <= max(map(int, counts)) <= MOST_PAGES
