"""Answers of an exported net, by onnxruntime and numpy alone: python predict_onnx.py NET.onnx FILE

FILE is CSV, or JSON lines (of sequences and series a line each, with a list in each column). Prints
a line of JSON for each row. Of a table `Net(path)(columns)` takes a dict of lists.
"""

import csv, json, re, sys
import numpy as np
import onnxruntime

WIDTH = {"tensor(double)": np.float64, "tensor(string)": object}


class Net:
    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["denseq"])

    def __call__(self, columns):
        make = {"table": self.cells, "sequences": self.sequences, "series": self.series}
        given = make[self.about["kind"]](columns)
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(None, given)))

    def is_missing(self, cell):
        return cell is None or cell != cell or str(cell).strip() in ("", *self.about["missing"])

    def number(self, cell):
        if self.is_missing(cell):
            return np.nan
        if isinstance(cell, str) and re.match(r"\s*\d{4}-\d\d", cell):  # a date, or a time in UTC
            cell = np.datetime64(cell.strip().rstrip("Z").replace(" ", "T"))
        is_time = isinstance(cell, np.datetime64) or hasattr(cell, "isoformat")
        return float(np.datetime64(cell, "us").astype(np.int64)) if is_time else float(cell)

    def text(self, cell):
        if isinstance(cell, (bool, np.bool_)):
            return str(cell).lower()
        is_whole = isinstance(cell, (float, np.floating)) and float(cell).is_integer()
        return "" if self.is_missing(cell) else str(int(cell) if is_whole else cell).strip()

    def cells(self, columns):
        given = {}
        for name, kind in self.about["columns"].items():
            read = self.text if kind == "category" else self.number
            given[name] = np.array([read(cell) for cell in columns[name]], object if kind == "category" else float)
        return given

    def sequences(self, columns):
        steps, token = self.about["steps"], self.about["token"]
        lists = columns[token or next(iter(self.about["numbers"]))]
        given = {"length": np.array([len(row) for row in lists], np.int64)}
        if max(given["length"], default=0) > steps:
            raise ValueError(f"a sequence has {max(given['length'])} steps, the net takes {steps}: export it with --steps")
        for name, width in self.about["numbers"].items():
            flat = name in self.about["flat"]
            padded = np.zeros((len(lists), steps) if flat else (len(lists), steps, width))
            for row, values in enumerate(columns[name]):
                if len(values):
                    padded[row, : len(values)] = np.array(values, float)
            given[name] = padded
        if token:
            given[token] = np.full((len(lists), steps), "", object)
            codes = {letter: i for i, letter in enumerate(self.about["characters"], 2)}
            letters = np.zeros((len(lists), steps, 20), np.int32)
            for row, words in enumerate(lists):
                for step, word in enumerate(words):
                    short = word if len(word) <= 20 else word[:10] + word[-10:]
                    letters[row, step, : len(short)] = [codes.get(letter, 1) for letter in short]
                    word = word.lower() if self.about["fold_case"] else word
                    given[token][row, step] = re.sub(r"\d", "0", word) if self.about["fold_digits"] else word
            if codes:
                given["characters"] = letters
        return given

    def series(self, columns):
        return {given.name: np.array([[self.number(cell) for cell in row] for row in columns[given.name]], float)
                for given in self.session.get_inputs()}


if __name__ == "__main__":
    path, file = sys.argv[1:]
    with open(file, newline="") as lines:
        rows = list(csv.DictReader(lines)) if file.endswith(".csv") else [json.loads(line) for line in lines]
    answers = Net(path)({name: [row.get(name) for row in rows] for name in rows[0]})
    for i in range(len(rows)):
        print(json.dumps({name: values[i].tolist() if hasattr(values[i], "tolist") else values[i] for name, values in answers.items()}))
