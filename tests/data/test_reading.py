"""Tables as people write them: one reading, found in training rows and kept with the schema."""

from __future__ import annotations

import datetime
import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config.data_options import Table
from train.data.files.arrow import as_table
from train.data.files.read import read_table
from train.data.load import read_encoder
from train.data.table.load import load_table
from train.data.table.roles import row_weights
from train.errors import UserError

try:
    import polars
except ImportError:
    polars = None

N = 60
RANDOM = np.random.default_rng(0)
Y = RANDOM.normal(size=N).round(3)


@pytest.fixture
def train(tmp_path):
    """Writes a training file, returns its encoder (through JSON) and its notes."""

    def trained(content: str, name: str = "train.csv", target: str = "y", **options):
        path = tmp_path / name
        path.write_bytes(content.encode())
        dataset = load_table(Table(path=str(path), target=target, valid=0, **options), "auto")
        plain = json.loads(json.dumps(dataset.encoder.to_json()))
        encoder = read_encoder(plain)
        assert encoder == dataset.encoder
        return encoder, dataset.notes

    return trained


@pytest.fixture
def ask(tmp_path):
    """What an encoder makes of a file: its rows."""

    def asked(encoder, content: str, name: str = "new.csv"):
        (tmp_path / name).write_bytes(content.encode())
        return encoder.read(read_table(tmp_path / name, may_be_empty=True, may_repeat=True), name)

    return asked


def rows(*columns, header: str, delimiter: str = ",") -> str:
    """Lines of a text file."""
    lines = [header, *(delimiter.join(map(str, row)) for row in zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def cycled(*values) -> list:
    return [values[i % len(values)] for i in range(N)]


def raw(rows, encoder, name: str) -> list[float]:
    """The numbers of a column as they were in the file."""
    column = next(column for column in encoder.columns if column.name == name)
    key, (place, *_) = encoder.places()[name]
    assert key == "numbers"
    return (rows.inputs[key][:, place].astype(float) * column.unit + column.shift).tolist()


def column(encoder, name: str):
    return next(column for column in (*encoder.columns, *encoder.targets) if column.name == name)


def test_codes_stay_codes_where_a_later_file_has_digits_alone(train, ask):
    encoder, notes = train(rows(cycled("01", "02", "1A", "10"), Y, header="code,y"))
    assert "codes such as '01' begin with zeros" in notes[0]
    assert ask(encoder, "code\n02\n01\n").inputs["codes"].tolist() == [[2], [1]]
    typed = encoder.read(pa.table({"code": ["02", "01"]}), "data")
    assert typed.inputs["codes"].tolist() == [[2], [1]]
    for wrong in ({"code": [2, 1]}, {"code": ["2", "x"]}):
        found = encoder.read(as_table(wrong), "data")
        assert found.inputs["codes"].tolist() == [[0], [0]]
        assert (
            "2 of 2 cells are categories that no training row has: '2' in row 1" in found.notes[0]
        )


@pytest.mark.parametrize(
    ("cells", "later", "codes"),
    [
        (("True", "False", "Unknown"), "c\nTrue\nFalse\n", [2, 1]),
        (("1.10", "1.1", "x"), "c\n1.10\n1.1\n", [2, 1]),
        (("1E5", "2B", "3C"), "c\n1E5\n", [1]),
        (("2020-01-01 09:00", "x"), "c\n2020-01-01 09:00\n", [1]),
        (("0x10", "0x1F"), "c\n0x1F\n", [2]),
        (("True", "False"), "c\nTRUE\nfalse\n", [2, 1]),
        (("yes", "no"), "c\nno\n", [1]),
    ],
)
def test_categories_keep_their_writing(train, ask, cells, later, codes):
    encoder, _ = train(rows(cycled(*cells), Y, header="c,y"))
    found = ask(encoder, later)
    assert found.inputs["codes"][:, 0].tolist() == codes and not found.notes


def test_true_and_false_of_any_format_are_one_category(train):
    encoder, _ = train(rows(cycled("True", "False", "Unknown"), Y, header="c,y"))
    found = encoder.read(pa.table({"c": [True, False, None]}), "data")
    assert found.inputs["codes"][:, 0].tolist() == [2, 1, 0]


def test_blanks_after_the_commas_are_no_part_of_a_category(train):
    encoder, _ = train(
        rows(cycled("30", "40"), cycled("Gov", "Private"), Y, header="a, w, y").replace(",", ", ")
    )
    assert column(encoder, "w").vocabulary == ("Gov", "Private")
    for text in ("Private", " Private "):
        found = encoder.read(as_table([{"a": 30, "w": text}]), "data")
        assert found.inputs["codes"].tolist() == [[2]] and not found.notes


def test_thousands_of_a_tsv_and_of_a_german_file(train, ask):
    salary = cycled("71,586", "987", "8,135", "12,000")
    content = rows(salary, range(N), header="s\ty", delimiter="\t")
    encoder, notes = train(content, "x.tsv")
    assert raw(ask(encoder, "s\n71,586\n987\n", "n.tsv"), encoder, "s") == [71586, 987]
    assert "config.data.decimal" in notes[0] and "71586" in notes[0]
    encoder, notes = train(
        rows(cycled("1.500,00", "2,5", "7"), cycled("0,5", "1,25"), header="a;y", delimiter=";")
    )
    assert raw(ask(encoder, "a;b\n1.500;1\n"), encoder, "a") == [1500]
    assert column(encoder, "y").notation.decimal == ","
    with pytest.raises(UserError, match=r"'1.5' in row 1: expected a number as in the training"):
        ask(encoder, "a;b\n1.5;1\n")


def test_an_option_settles_what_a_file_leaves_open(train, ask):
    content = rows(cycled("71,586", "12,004"), range(N), header="s;y", delimiter=";")
    encoder, notes = train(content)
    assert raw(ask(encoder, content), encoder, "s")[0] == pytest.approx(71.586)
    assert "'71,586' is read as 71.586, which its cells do not prove" in notes[0]
    encoder, notes = train(content, decimal=".")
    assert raw(ask(encoder, content), encoder, "s")[0] == 71586
    encoder, _ = train(content, thousands=",")
    assert raw(ask(encoder, content), encoder, "s")[0] == 71586


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("0,13", "1,5E-05", ",5", "-2", "0,7"), [0.13, 1.5e-05, 0.5, -2, 0.7]),
        (("71 586,50", "1\u00a0200,00", "3,1"), [71586.5, 1200, 3.1]),
        (("1'200.5", "3", "7"), [1200.5, 3, 7]),
        (("$1,200.00", "$13.00", "($5.00)", "-$3.00", "$(7.00)"), [1200, 13, -5, -3, -7]),
        (("13%", "2.5 %", "-3%"), [13, 2.5, -3]),
        (("19M", "3.5M", "201k", "7M", "1.2B"), [19e6, 3.5e6, 201e3, 7e6, 1.2e9]),
        (("12 kg", "7.5 kg", "3 kg"), [12, 7.5, 3]),
        (("09:30", "23:15:30", "1:00 PM"), [34200, 83730, 46800]),
        (("1 days 02:03:04", "0 days 00:00:01"), [93784, 1]),
        (("5-", "7.25", "3-"), [-5, 7.25, -3]),
        (("1,23,456", "12,34,567.5"), [123456, 1234567.5]),
    ],
)
def test_notations_of_numbers(train, ask, cells, numbers):
    content = rows(cycled(*cells), Y, header="a\ty", delimiter="\t")
    encoder, notes = train(content, "x.tsv")
    assert raw(ask(encoder, content, "n.tsv"), encoder, "a")[: len(cells)] == pytest.approx(
        numbers, rel=1e-6, abs=1e-6
    )
    if column(encoder, "a").notation.shown():
        assert any("column 'a'" in note and "is read as" in note for note in notes)


@pytest.mark.parametrize("odd", ["unknown", "#DIV/0!", ".", "-", "n.a.", "Varies with device"])
@pytest.mark.parametrize("marked", [False, True])
def test_a_few_odd_cells_are_missing_and_named(train, ask, odd, marked):
    cells = [odd if i % 6 == 1 else f"{i},5" if marked else str(i * i) for i in range(N)]
    encoder, notes = train(rows(cells, Y, header="a;y", delimiter=";"))
    assert column(encoder, "a").kind == "number" and column(encoder, "a").missing
    assert any(
        f"10 of 60 cells, such as {odd!r} in row 2: no number; read as missing" in n for n in notes
    )
    found = ask(encoder, f"a\n{odd}\n7\n")
    assert np.isnan(found.inputs["numbers"][0, 0]) and len(found.notes) == 1


def test_a_censored_number_is_its_limit_and_said(train, ask):
    cells = ["<0.5" if i % 5 == 0 else f"{i / 8 + 1}" for i in range(N)]
    encoder, notes = train(rows(cells, Y, header="a,y"))
    assert raw(ask(encoder, "a\n<0.5\n"), encoder, "a") == [0.5]
    assert any("12 of 60 cells, such as '<0.5' in row 1: is read as 0.5" in note for note in notes)


def test_a_target_that_cannot_be_read_leaves_its_row_out(train):
    y = ["pending" if i % 10 == 0 else str(Y[i]) for i in range(N)]
    encoder, notes = train(rows(Y, y, header="x,y"))
    assert column(encoder, "y").kind == "number"
    assert any("6 rows whose target is no number are left out" in note for note in notes)


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ("%d-%m-%Y", "dmy"),
        ("%m/%d/%Y", "mdy"),
        ("%d.%m.%Y", "dmy"),
        ("%Y/%m/%d", "ymd"),
        ("%d %b %Y", "dmy"),
        ("%B %d, %Y", "mdy"),
        ("%m/%d/%Y %I:%M %p", "mdy"),
        ("%Y-%m-%d", ""),
    ],
)
def test_dates_have_one_order_for_all(train, ask, form, order):
    days = np.datetime64("2020-01-01") + np.arange(N)
    written = [day.item().strftime(form) for day in days]
    encoder, notes = train("x;y\n" + "".join(f"{d};{y}\n" for d, y in zip(written, Y, strict=True)))
    assert (column(encoder, "x").kind, column(encoder, "x").date_order) == ("time", order)
    text = ask(encoder, f"x;z\n{written[1]};1\n").inputs["numbers"]
    typed = encoder.read(pa.table({"x": pa.array(days[1:2])}), "data").inputs["numbers"]
    assert text.tolist() == typed.tolist()
    in_json = ask(encoder, json.dumps({"x": str(days[1])}), "new.jsonl").inputs["numbers"]
    assert in_json.tolist() == typed.tolist()
    assert not any("fits them too" in note for note in notes)


def test_dates_of_two_orders_are_said_and_settled(train):
    content = rows(cycled("01/02/2020", "03/04/2020", "05/06/2021"), Y, header="d,y")
    encoder, notes = train(content)
    assert column(encoder, "d").date_order == "mdy"
    assert "dates are read mdy, and dmy fits them too; config.data.date_format settles" in notes[0]
    assert column(train(content, date_format="dmy")[0], "d").date_order == "dmy"
    content = rows(cycled("20200102", "20210304", "20190506"), Y, header="d,y")
    assert column(train(content)[0], "d").kind == "number"
    assert column(train(content, dates=("d",))[0], "d").kind == "time"


def test_layouts_that_programs_write(train, ask):
    x = cycled("1.5", "2.25", "7")
    for content in (
        "sep=;\n" + rows(x, Y, header="x;y", delimiter=";"),
        rows(range(1, N + 1), x, Y, header="x,y"),
        rows([f'"r{i}"' for i in range(N)], x, Y, header='"x","y"'),
        rows(range(N), x, Y, header=",x,y"),
        rows(x, Y, header="x;y;;", delimiter=";").replace("\n", ";;\n").replace(";;;;\n", ";;\n"),
        rows(x, Y, header="x,y,"),
        rows(range(1, N + 1), x, Y, [""] * N, header="x;y;", delimiter=";"),
        rows(x, Y, header="x   y", delimiter="  "),
    ):
        encoder, _ = train(content)
        assert [c.name for c in encoder.columns] == ["x"], content[:40]
        assert raw(ask(encoder, "x,z\n1.5,1\n"), encoder, "x") == [1.5]


def test_a_row_that_is_longer_than_the_header_by_a_decimal_comma_is_refused(train):
    with pytest.raises(UserError, match="fields: found 3, expected 2 as in the header"):
        train(rows(cycled("1,5", "7,2"), Y, header="x,y"))


def test_packed_empty_and_repeated(train, ask, tmp_path):
    encoder, _ = train(rows(cycled(1, 2, 4), Y, header="x,y"))
    assert ask(encoder, "x\n").inputs["numbers"].shape == (0, 1)
    (tmp_path / "n.csv.gz").write_bytes(gzip.compress(b"x\n4\n"))
    packed = encoder.read(read_table(tmp_path / "n.csv.gz"), "n")
    assert raw(packed, encoder, "x") == [4]
    assert raw(ask(encoder, "x,a,a\n2,3,4\n"), encoder, "x") == [2]
    with pytest.raises(UserError, match="2 columns are called 'x'"):
        ask(encoder, "x,x\n2,3\n")


def test_wavelengths_are_names(train, ask):
    names = [f"{900 + 2.5 * i:g}" for i in range(4)]
    values = [cycled(1.5, 2, 3.5)] * 4
    encoder, _ = train(rows(Y, *values, header=",".join(["y", *names])))
    assert ask(encoder, rows(*values, header=",".join(names))).inputs["numbers"].shape == (N, 4)


def test_weights_are_read_as_the_training_rows_wrote_them(train, ask, tmp_path):
    content = rows(Y * 2, Y, cycled('"1,500"', 7, '"2,000.5"'), header="x,y,w")
    encoder, notes = train(content, weight="w")
    assert any(note.startswith("weight 'w': ") and "1500" in note for note in notes)
    options = Table(weight="w")

    def weights(*cells):
        return row_weights(pa.table({"w": cells}), options, "data", encoder.weight_reading).tolist()

    assert weights("1,500", "7") == [1500, 7] and weights("2,500") == [2500]
    assert weights("1e-40", "1") == [0, 1]  # as devices have it
    with pytest.raises(UserError, match="expected a number as in the training"):
        weights("5%", "6%")
    with pytest.raises(UserError, match=r"weight of row 2 is 1e\+30, too large to add up"):
        weights("1", "1e30")


def test_hints_for_what_is_a_guess_or_stands_elsewhere(train):
    _, notes = train(rows(cycled(20200102, 20210304, 20190506), Y, header="d,y"))
    assert "column 'd': 20190506 could be a date, and is read as a number" in notes[0]
    _, notes = train(rows(cycled(20200132, 20210304, 20190506), Y, header="d,y"))
    assert not notes
    days = [800100 + day for day in range(1, 9)]
    _, notes = train(rows(cycled(*days), Y, header="d,y"))
    assert "800101 could be a date, and is read as a number" in notes[0]
    assert "config.data.date_format=%y%m%d" in notes[0]
    for others in (days[:7], [*days, 800132], [*days, 801301], [*days, 88888]):
        assert not train(rows(cycled(*others), Y, header="d,y"))[1]
    table = rows(Y * 2, Y, header="x,y")
    with pytest.raises(UserError, match="if line 4 holds the names, delete what stands above"):
        train("Report of 2024\nby me\n\n" + table)
    assert [c.name for c in train("# Report of 2024, v2\n# by me\n\n" + table)[0].columns] == ["x"]
    with pytest.raises(UserError, match="no column 'yy'; there is 'x'"):
        train(table, features=("yy",))


def test_words_that_are_read_as_missing_are_said(train):
    content = rows(cycled("NA", "b", " None"), cycled(1, "n/a", 2.5), Y, header="c,x,y")
    _, notes = train(content)
    expected = "read as missing: 'NA' (20), 'None' (20) in 'c'; 'n/a' (20) in 'x'; a word that is a"
    assert any(expected in note for note in notes)
    encoder, notes = train(content, missing=("", "n/a"))
    assert column(encoder, "c").vocabulary == ("NA", "None", "b")
    assert not any("'NA'" in note for note in notes)


@pytest.mark.parametrize("header", ["x,y", ",x,y"])
def test_an_index_that_is_left_out_is_said(train, header: str) -> None:
    _, notes = train(rows(range(N), Y * 2, Y, header=header))
    [line] = [note for note in notes if "column 1 has no name and is left out" in note]
    assert line.endswith("train.csv: column 1 has no name and is left out, as an index of the rows")
    _, notes = train(rows(Y * 2, Y, header="x,y"))
    assert not any("left out" in note for note in notes)


def test_an_index_of_days_that_is_left_out_says_how_it_would_be_read(train) -> None:
    days = [str(datetime.date(2024, 1, 1) + datetime.timedelta(days=i)) for i in range(N)]
    content = rows(days, Y * 2, Y, header=",x,y")
    _, notes = train(content)
    said = "as an index of the rows, from '2024-01-01' on; a name in the header has it read"
    assert any(note.endswith(said) for note in notes)
    _, notes = train(rows([""] * N, Y * 2, Y, header=",x,y"))
    assert not any(", from" in note for note in notes)
    with pytest.raises(UserError, match="no rows"):
        train(",x,y\n")
    with pytest.raises(UserError, match=r"no column 'day'.*; column 1 has no name: give it one in"):
        train(content, features=("day", "x"))


def test_columns_of_one_name_that_are_not_used_are_said(train) -> None:
    _, notes = train(rows(Y * 2, Y, Y, Y, header="x,y,z,z"), features=("x",))
    [line] = [note for note in notes if "called" in note]
    assert line.endswith("train.csv: 2 columns are called 'z'; none of them is used")


def test_cells_that_only_a_later_file_lacks_are_said(train, ask) -> None:
    encoder, _ = train(rows(cycled("1.5", "2", "7"), cycled("a", "b"), Y, header="x,c,y"))
    said = ask(encoder, "x,c\n" + "1,a\nNA,\n2,b\n" * 10).notes
    assert said == (
        "new.csv: column 'x': 10 of 30 cells are missing, first row 2, and no training row lacks "
        "one; read as the training median",
        "new.csv: column 'c': 10 of 30 cells are missing, first row 2, and no training row lacks "
        "one; read as none of its categories",
    )
    typed = pa.table({"x": [1.0, None] * 10, "c": ["a", "b"] * 10})
    assert len(encoder.read(typed, "new").notes) == 1
    assert ask(encoder, "x,c\nNA,a\n").notes == ()  # who asks for one row knows it
    with_gaps, _ = train(rows(cycled("1.5", "NA", "7"), Y, header="x,y"))
    assert ask(with_gaps, "x\n" + "NA\n" * 30).notes == ()


def test_a_class_that_is_read_as_missing_is_named(train) -> None:
    labels = ["None", "mild", "bad", ""] * (N // 4)
    _, notes = train(rows(Y, labels, header="x,y"))
    [line] = [note for note in notes if "lack a target" in note]
    assert "30 of 60 rows lack a target, left out; read as missing: 'None' (15); if it" in line
    _, notes = train(rows(Y, labels, header="x,y"), missing=("",))
    [line] = [note for note in notes if "lack a target" in note]
    assert line.endswith("15 of 60 rows lack a target, left out")


def test_numbers_without_the_unit_of_training_are_said(train) -> None:
    encoder, _ = train(rows([f"{y}%" for y in Y], Y, header="x,y"))
    said = encoder.read(pa.table({"x": [0.5, 0.25]}), "new").notes
    [line] = said
    assert line.startswith("new: column 'x': numbers without '%', which those of training have")
    assert encoder.read(pa.table({"x": ["0.5%", "1%"]}), "new").notes == ()


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("x\ty\n62.696\t1\n55\t2\n", "'62.696' is read as 62.696, which its cells do not prove"),
        ("x,y\n-1.666,1\n14,2\n", "'-1.666' is read as -1.666, which its cells do not prove"),
        ("x;y\n1.500,25;1\n7;2\n", "'1.500,25' is read as 1500.25, which the training rows"),
        ("x,y\n1.25,1\n-1.666,2\n", None),
    ],
)
def test_texts_that_no_training_row_explains_are_said_where_they_are_a_guess(
    tmp_path, ask, content, shown
):
    path = tmp_path / "typed.parquet"
    pq.write_table(pa.table({"x": Y, "y": Y * 2}), path)
    encoder = load_table(Table(path=str(path), target="y", valid=0), "auto").encoder
    name = "new.tsv" if "\t" in content else "new.csv"
    said = ask(encoder, content, name).notes
    assert (shown is None and not said) or shown in said[0]


def test_numbers_that_could_all_have_thousands_are_said(train):
    _, notes = train(rows(cycled("71.586", "987", "8.135"), Y, header="s,y"))
    assert "'71.586' is read as 71.586, which its cells do not prove" in notes[0]


def test_rows_with_a_delimiter_more_could_begin_with_names_of_theirs(train, ask):
    content = rows(range(1, N + 1), Y, [""] * N, header="x;y", delimiter=";")
    encoder, notes = train(content, numeric=("x",))
    assert any("so their first cell is 'x'; if it is a name of the row" in note for note in notes)
    # Of a header with the same delimiter at its end it is one: no column is shifted.
    found = ask(encoder, "x;y;\n1;2.5;3;\n2;3.5;4;\n")
    assert raw(found, encoder, "x") == [2.5, 3.5]


def test_years_of_two_digits_are_said(train):
    days = [f"{i % 28 + 1:02d}/{i % 12 + 1:02d}/{i % 90:02d}" for i in range(N)]
    encoder, notes = train(rows(days, Y, header="d,y"))
    assert column(encoder, "d").date_order == "dmy"
    assert "years of two digits are of 1969 to 2068: '01/01/00' is of 2000" in notes[0]


def test_what_differs_in_case_or_blanks_alone_is_said(train):
    x = cycled("red", "Red", "new  york", "new york", "blue\u200b", "blue")
    _, notes = train(rows(x, Y, header="x,y"))
    assert "column 'x': 'Red' and 'red' differ in case or blanks alone, and 2 more" in notes[0]
    _, notes = train(rows(Y, cycled("Low", "high", "low"), header="x,y"))
    assert notes[0].startswith("target 'y': 'Low' and 'low' differ in case or blanks alone, and")
    assert train(rows(cycled("a", "b", "c"), Y, header="x,y"))[1] == ()


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("-999", "12", "15.5", "17", "22"), "-999"),
        (("99", "12", "15", "17", "20"), "99"),
        (("-9", "12", "15", "-7", "20"), None),
        (("9", "8", "7", "6", "5"), None),
        (("99", "12", "150", "17", "20"), None),
    ],
)
def test_numbers_that_may_stand_for_none_are_said(train, cells, code):
    _, notes = train(rows(cycled(*cells), Y, header="x,y"))
    if code is None:
        assert notes == ()
    else:
        assert f": {code} stands in 1" in notes[0] and "far from all others" in notes[0]
        assert f"config.data.missing takes '{code}'" in notes[0]
        assert train(rows(cycled(*cells), Y, header="x,y"), missing=(code,))[1] == ()
