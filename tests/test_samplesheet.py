"""What a samplesheet is read as, and what is said of one that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_omics.samplesheet import KEY_PARAM, Layout, parse
from airflow_provider_omics.samplesheet.layout import LONGEST_KEY

SHEET = "sample,reads,depth\nNA1,s3://b/1.fq,30\nNA2,s3://b/2.fq,20\n"
TEMPLATE: dict[str, dict[str, Any]] = {
    "sample": {"description": "the name"},
    "reads": {"optional": False},
    "depth": {"optional": True},
}


def rows(sheet: str | bytes, **layout: Any) -> list[dict[str, Any]]:
    found, problems = parse(sheet if isinstance(sheet, bytes) else sheet.encode(), Layout(**layout))
    assert problems == []
    return found


def problems(sheet: str | bytes, **layout: Any) -> list[str]:
    _, found = parse(sheet if isinstance(sheet, bytes) else sheet.encode(), Layout(**layout))
    return found


def parameters(sheet: str | bytes, **layout: Any) -> list[dict[str, Any]]:
    return [row["parameters"] for row in rows(sheet, **layout)]


def test_a_row_becomes_the_arguments_of_a_run() -> None:
    assert rows(SHEET) == [
        {"parameters": {"sample": "NA1", "reads": "s3://b/1.fq", "depth": "30"}, "params": {KEY_PARAM: "NA1"}},
        {"parameters": {"sample": "NA2", "reads": "s3://b/2.fq", "depth": "20"}, "params": {KEY_PARAM: "NA2"}},
    ]


@pytest.mark.parametrize("name", ["007", "1e5", "NA", "null", "true", "1.0", "-", "=A1", "NaN", "{1}", "1_000"])
def test_a_cell_is_text_unless_the_author_says_otherwise(name: str) -> None:
    assert parameters(f"sample\n{name}\n") == [{"sample": name}]


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("str", "007", "007"),
        ("int", "007", 7),
        ("int", "-3", -3),
        ("float", "1e-8", 1e-8),
        ("float", "30", 30.0),
        ("bool", "TRUE", True),
        ("bool", "false", False),
        ("json", '"[""a"", 1.5, null]"', ["a", 1.5, None]),
        ("json", "null", None),
    ],
)
def test_types(kind: str, cell: str, value: Any) -> None:
    (row,) = parameters(f"k,x\n1,{cell}\n", types={"x": kind})
    assert row == {"k": "1", "x": value}
    assert type(row["x"]) is type(value)


@pytest.mark.parametrize(
    ("kind", "cell", "wanted"),
    [
        ("int", "1e5", "a whole number like 30"),
        ("int", "1.0", "a whole number like 30"),
        ("int", "1_000", "a whole number like 30"),
        ("int", "٣", "a whole number like 30"),
        ("float", "nan", "a number like 0.5 or 1e-8"),
        ("float", "1e999", "a number like 0.5 or 1e-8"),
        ("float", '"1,5"', "a number like 0.5 or 1e-8"),
        ("bool", "yes", "true or false"),
        ("bool", "1", "true or false"),
        ("json", "{", 'JSON like ["a", "b"]'),
        ("json", "NaN", 'JSON like ["a", "b"]'),
        ("json", "[1e999]", 'JSON like ["a", "b"]'),
        ("json", "[" * 100_000, 'JSON like ["a", "b"]'),
    ],
)
def test_a_wrong_type_is_told_without_the_cell(kind: str, cell: str, wanted: str) -> None:
    assert problems(f"k,x\n1,{cell}\n", types={"x": kind}) == [f"line 2: column 'x' must be {wanted}"]


@pytest.mark.parametrize("cell", ["{{ conn.aws_default.password }}", "{% raw %}", "a{#", '"[""\\u007b\\u007b 1""]"'])
def test_a_cell_that_airflow_would_render_is_refused(cell: str) -> None:
    (found,) = problems(f"k,x\n1,{cell}\n", types={"x": "json" if "u007b" in cell else "str"})
    assert found == "line 2: column 'x' holds {{, {% or {#, which Airflow would take for a template"


def test_nested_json_is_no_template() -> None:
    assert parameters('k,x\n1,"{""a"":{""b"":{}}}"\n', types={"x": "json"})[0]["x"] == {"a": {"b": {}}}


def test_all_problems_are_told_at_once_by_line() -> None:
    sheet = (
        "sample,reads,depth\n"
        "NA1,s3://b/1.fq,30\n"
        "\n"
        "NA2,,x\n"  # line 4: empty, and no number
        "NA1,s3://b/3.fq,1\n"  # line 5: the key of line 2
        "NA3,s3://b/4.fq\n"  # line 6: a cell is missing
        "NA4,s3://b/5.fq,1,2\n"  # line 7: one too many
        '"NA5"x,s3://b/6.fq,1\n'  # line 8: no CSV
        ",s3://b/7.fq,1\n"  # line 9: no key
        "NA6,https://b/8.fq?X-Amz-Signature=0,1\n"  # line 10: a presigned URL
        "NA\u200b1,s3://b/9.fq,1\n"  # line 11: looks like NA1
    )
    found = problems(sheet, types={"depth": "int"})
    assert found == [
        "line 4: column 2 is empty",
        "line 4: column 'depth' must be a whole number like 30",
        "line 5: column 1 has the same key as line 2; if another column tells the rows apart, name it in key_column=",
        "line 6: has 2 cells, but the header has 3",
        "line 7: has 4 cells, but the header has 3",
        "line 8: is not CSV (',' expected after '\"'); is a quotation mark not closed?",
        "line 9: column 1 is empty",
        "line 10: column 2 holds a presigned URL or another credential, which Airflow would keep in its database; give "
        "the s3:// URI",
        "line 11: column 1 holds a line break or another invisible character (U+200B); is a quotation mark not closed?",
    ]
    assert not [text for text in found if "NA" in text]


@pytest.mark.parametrize(
    "sheet",
    [
        SHEET.encode("utf-8-sig"),
        SHEET.replace("\n", "\r\n").encode(),
        SHEET.replace("\n", "\r").encode(),
        SHEET.rstrip("\n").encode(),
        SHEET.replace("\n", "\n\n , ,\n").encode(),
        SHEET.replace(",", " , ").encode(),
        SHEET.replace("\n", ",,\n").encode(),
        SHEET.replace("NA1", ' "NA1"').encode(),
    ],
    ids=["BOM", "CRLF", "CR", "no end", "blank lines", "spaces", "empty columns", "quoted"],
)
def test_what_spreadsheets_leave_behind_means_nothing(sheet: bytes) -> None:
    assert rows(sheet) == rows(SHEET)


def test_quoting() -> None:
    assert parameters('sample,note\n1,"a, ""b"""\n') == [{"sample": "1", "note": 'a, "b"'}]
    (unclosed,) = problems('sample,note\n1,"a\n2,b\n3,c\n')
    assert unclosed == "line 2: is not CSV (unexpected end of data); is a quotation mark not closed?"
    (swallowed,) = problems('sample,note\n1,"a\n2,b\n3,"\n')
    assert swallowed.startswith("line 2: column 2 holds a line break")


def test_lines_are_those_of_the_file_behind_a_cell_of_several_lines() -> None:
    found = problems('sample,note\n1,"a\nb"\n1,x\n')
    assert [text.partition(":")[0] for text in found] == ["line 2", "line 4"]
    assert "same key as line 2" in found[1]


def test_what_is_no_csv_in_utf_8() -> None:
    for data in ("sample\nJosé\n".encode("latin-1"), "sample\n1\n".encode("utf-16")):
        (found,) = problems(data)
        assert "is not text in UTF-8: save the sheet as 'CSV UTF-8'" in found
    assert problems("sample\n1\nJosé\n".encode("latin-1"))[0].startswith("line 3: ")
    (huge,) = problems(f"sample\n{'x' * 200_000}\n")
    assert huge.startswith("line 2: is not CSV (field larger than field limit")
    assert len(problems('"sample"x\n1\n2\n')) == 1


def test_an_empty_sheet_is_an_error_with_advice() -> None:
    for sheet in ("", "\n\n", "\ufeff", " , \n"):
        assert problems(sheet) == [
            "the samplesheet is empty: give a header line that names the columns, and a line for each run"
        ]
    (found,) = problems("sample,reads\n,\n")
    assert found.startswith("the samplesheet has a header but no rows")
    assert "ShortCircuitOperator" in found


def test_headers() -> None:
    assert problems("sample,reads,reads\n1,a,b\n") == ["line 1: columns 2 and 3 have the same name"]
    assert problems("sample,,reads\n1,a,b\n")[0] == "line 1: column 2 has no name"
    assert problems("\nsample;reads\n1;a\n") == [
        "line 2: the whole line is one column: is ',' the delimiter? Give delimiter="
    ]
    assert parameters("sample\treads\n1\ta,b\n", delimiter="\t") == [{"sample": "1", "reads": "a,b"}]
    assert problems("sam\x07ple\n1\n")[0].startswith("line 1: the name of column 1 holds")


def test_columns_that_the_author_names_must_exist() -> None:
    found = problems(
        "Sample,read\n1,a\n",
        key_column="sample",
        columns={"reads": "fastq", "absent": None},
        arguments={"urgency": "priority"},
        types={"depth": "int", "gc": "float"},
        optional_columns=["gc", "sample"],
    )
    assert found == [
        "line 1: the column 'depth' is missing",
        "line 1: the column 'reads' is missing; is column 2 meant?",
        "line 1: the column 'sample' is missing; is column 1 meant?",
        "line 1: the column 'urgency' is missing",
    ]


def test_columns_and_arguments() -> None:
    sheet = "Sample ID,reads,urgency,note\nNA1,a,5,\n"
    (row,) = rows(
        sheet,
        columns={"Sample ID": "sample", "note": None},
        arguments={"urgency": "priority", "Sample ID": "name"},
        types={"urgency": "int"},
    )
    assert row == {
        "parameters": {"sample": "NA1", "reads": "a"},
        "priority": 5,
        "name": "NA1",
        "params": {KEY_PARAM: "NA1"},
    }
    assert problems("a,b\n1,2\n", columns={"a": "x", "b": "x"}) == ["line 1: 2 columns give 'x'"]
    assert problems("a,b\n1,2\n", arguments={"a": "name", "b": "name"}) == ["line 1: 2 columns give 'name'"]
    assert problems("k,a\n1,\n", arguments={"a": "name"}) == ["line 2: column 'a' is empty"]


def test_empty_cells() -> None:
    sheet = "sample,reads,depth\nNA1,a,\n"
    assert problems(sheet) == ["line 2: column 3 is empty"]
    assert parameters(sheet, optional_columns=["depth"]) == [{"sample": "NA1", "reads": "a"}]
    assert parameters(sheet, template=TEMPLATE) == [{"sample": "NA1", "reads": "a"}]
    assert parameters(sheet, common_parameters={"depth": 30}) == [{"sample": "NA1", "reads": "a", "depth": 30}]
    assert parameters(SHEET, common_parameters={"depth": 1, "ref": "x"})[0]["depth"] == "30"
    assert problems("sample,x\n,1\n", optional_columns=["sample"]) == ["line 2: column 'sample' is empty"]
    assert problems("sample,reads,depth\nNA1,,\n", template=TEMPLATE) == ["line 2: column 'reads' is empty"]


def test_the_parameter_template() -> None:
    assert len(rows(SHEET, template=TEMPLATE)) == 2
    assert rows("id,sample,reads\n1,a,b\n", template=TEMPLATE, columns={"id": None})[0]["params"] == {KEY_PARAM: "1"}
    assert problems("sample,raeds\n1,a\n", template=TEMPLATE, common_parameters={"dept": 1}) == [
        "line 1: column 2 is no parameter of the workflow; did you mean 'reads'? Name its parameter in columns=, or "
        "give it None there to leave it out",
        "line 1: common_parameters: 'dept' is no parameter of the workflow; did you mean 'depth'?",
        "line 1: no column gives the workflow's parameter 'reads'; is column 2 meant?",
    ]
    assert parameters("sample\n1\n", template=TEMPLATE, common_parameters={"reads": "x"}) == [
        {"reads": "x", "sample": "1"}
    ]


def test_keys() -> None:
    assert [row["params"][KEY_PARAM] for row in rows("a,b\n1,x\n1,y\n", key_column="b")] == ["x", "y"]
    assert problems("a,b\n1,x\n2,x\n", key_column="b") == ["line 3: column 'b' has the same key as line 2"]
    assert len(rows("a\nna1\nNA1\n")) == 2
    (found,) = problems(f"a\n{'x' * (LONGEST_KEY + 1)}\n")
    assert found == "line 2: column 1 is the key and has 251 characters; Airflow keeps 250 of a label"


def test_keys_that_look_the_same_are_the_same() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    (problem,) = problems(f"sample\n{composed}\n{decomposed}\n", key_column="sample")
    assert problem == "line 3: column 'sample' has the same key as line 2"
    assert parameters(f"sample\n{decomposed}\n") == [{"sample": decomposed}]


def test_the_same_sheet_gives_the_same_list() -> None:
    sheet = "k,x\n" + "".join(f"{number * 7919 % 1009},{number}\n" for number in range(1000))
    first, second = (json.dumps(rows(sheet)) for _ in range(2))
    assert first == second
    assert [row["parameters"]["x"] for row in json.loads(first)] == [str(number) for number in range(1000)]


@pytest.mark.parametrize(
    ("sheet", "common"),
    [
        ("sample,cohort.reads\na,s3://b/a\n", {"reads": "s3://b/all"}),
        ("sample,reads,cohort.reads\na,s3://b/a,s3://b/b\n", {}),
    ],
)
def test_two_spellings_of_one_parameter(sheet: str, common: dict[str, Any]) -> None:
    assert problems(sheet, common_parameters=common, template=TEMPLATE) == [
        "line 1: 'cohort.reads' and 'reads' are spellings of one parameter: choose one"
    ]
