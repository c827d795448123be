"""Answers of an exported net, by onnxruntime and numpy alone.

python predict_onnx.py NET.onnx FILE

FILE is CSV of a table, or JSON lines: of sequences and series each column holds a list in a line.
Prints a line of JSON for each. In Python `Net(path)(columns)` takes and gives {name: list}.
"""

import csv
import json
import re
import sys

import numpy as np
import onnxruntime


class Net:
    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["denseq"])

    def __call__(self, columns) -> dict:
        read = {"table": self.cells, "sequences": self.sequences, "series": self.series}
        given = read[self.about["kind"]](columns)
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(None, given), strict=True))

    def step(self, columns, carry=None):
        """The answers of NET.step.onnx to one more step of each row, and the carry after it."""
        given = self.sequences(columns)
        rows = len(given["length"])
        for needed in self.session.get_inputs():
            if needed.name.startswith("carry."):
                zeros = np.zeros((needed.shape[0], rows, needed.shape[2]), np.float32)
                before = needed.name.removesuffix(".before")
                given[needed.name] = zeros if carry is None else carry[f"{before}.after"]
        names = [output.name for output in self.session.get_outputs()]
        found = dict(zip(names, self.session.run(None, given), strict=True))
        return found, {name: found.pop(name) for name in names if name.startswith("carry.")}

    def number(self, cell):
        if cell is None or cell != cell or str(cell).strip() in ("", *self.about["missing"]):
            return np.nan
        text = str(cell).strip().removesuffix("Z").removesuffix("+00:00").replace(" ", "T")
        if re.match(r"\d{4}-\d\d", text):  # a date or a time, in UTC
            return float(np.datetime64(text, "us").astype(np.int64))
        return float(cell)

    def text(self, cell):
        if cell is None or cell != cell or str(cell).strip() in ("", *self.about["missing"]):
            return ""
        if isinstance(cell, bool | np.bool_):
            return str(cell).lower()
        is_whole = isinstance(cell, float | np.floating) and float(cell).is_integer()
        return str(int(cell) if is_whole else cell).strip()

    def cells(self, columns):
        given = {}
        for name, kind in self.about["columns"].items():
            read, dtype = (self.text, object) if kind == "category" else (self.number, float)
            given[name] = np.array([read(cell) for cell in columns[name]], dtype)
        return given

    def series(self, columns):
        given = {}
        for needed in self.session.get_inputs():
            if needed.name == self.about.get("group"):
                given[needed.name] = np.array(
                    [self.text(cell) for cell in columns[needed.name]], object
                )
                continue
            rows = [[self.number(cell) for cell in row] for row in columns[needed.name]]
            given[needed.name] = np.array(rows, float)
        return given

    def sequences(self, columns):
        steps, token = self.about["steps"], self.about["token"]
        lengths = [len(row) for row in columns[token or next(iter(self.about["numbers"]))]]
        if max(lengths, default=0) > steps:
            longest = f"a sequence has {max(lengths)} steps, the net takes {steps}"
            raise ValueError(f"{longest}: export it with --steps={max(lengths)}")
        given: dict[str, np.ndarray] = {"length": np.array(lengths, np.int64)}
        for name, width in self.about["numbers"].items():
            shape = (steps,) if name in self.about["flat"] else (steps, width)
            given[name] = np.zeros((len(lengths), *shape))
            for row, values in enumerate(columns[name]):
                given[name][row, : len(values)] = np.array(values, float).reshape(-1, *shape[1:])
        if token:
            codes = {letter: code for code, letter in enumerate(self.about["characters"], 2)}
            given[token] = np.full((len(lengths), steps), "", object)
            letters = np.zeros((len(lengths), steps, 20), np.int32)
            for row, words in enumerate(columns[token]):
                for step, word in enumerate(words):
                    word = "" if word is None else str(word)  # one that is missing is unknown
                    short = word if len(word) <= 20 else word[:10] + word[-10:]
                    letters[row, step, : len(short)] = [codes.get(letter, 1) for letter in short]
                    word = word.lower() if self.about["fold_case"] else word
                    word = re.sub(r"\d", "0", word) if self.about["fold_digits"] else word
                    given[token][row, step] = word
            if codes:
                given["characters"] = letters
        return given


if __name__ == "__main__":
    with open(sys.argv[2], newline="", encoding="utf-8") as lines:
        is_csv = sys.argv[2].endswith(".csv")
        rows = list(csv.DictReader(lines)) if is_csv else [json.loads(line) for line in lines]
    answers = Net(sys.argv[1])({name: [row.get(name) for row in rows] for name in rows[0]})
    for i in range(len(rows)):
        print(json.dumps({name: np.asarray(cells[i]).tolist() for name, cells in answers.items()}))
