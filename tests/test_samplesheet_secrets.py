"""What a samplesheet must not hold, and what no message on one, or on its runs, says: who its patients are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_omics.hooks import preflight_rules
from tests.test_samplesheet import TEMPLATE, problems

PATIENTS = "Jane Doe,s3://b/Jane_Doe.fq,30\nJohn Roe,s3://b/John_Roe.fq,31\nJane Doe,,x\n"


@pytest.mark.parametrize(
    "layout",
    [
        {"template": TEMPLATE},
        {"types": {"depth": "int"}},
        {"key_column": "sample"},
        {"columns": {"Sample ID": "sample"}, "template": TEMPLATE},
        {"template": TEMPLATE, "common_parameters": {"sample": "x"}},
    ],
)
def test_a_sheet_without_a_header_names_no_patient(layout: dict[str, Any]) -> None:
    (found,) = problems(PATIENTS, **layout)
    assert found.startswith("line 1: looks like no header: none of its 3 cells names a parameter of the workflow")


@pytest.mark.parametrize("template", [None, {}, {"Jane": {}}, {"30": {}, "reads": {}}])
@pytest.mark.parametrize("types", [{}, {"30": "int"}])
@pytest.mark.parametrize(
    "sheet",
    [
        PATIENTS,
        PATIENTS.replace(",", ";"),
        "Jane Doe,Jane Doe\n1,2\n",
        "Jane Doe,30\n,\n{{ x }},1\nx,y,z\n",
        'Jane Doe,"Jane\nDoe",30\nx,y,z\n',
        "Jane Doe\nJane Doe",
        "Jane Doe\n" + "x" * 300,
    ],
)
def test_no_message_says_what_may_be_a_cell(sheet: str, types: dict[str, str], template: Any) -> None:
    """Not even where a line of data looks like a header, since one cell of it happens to fit."""
    for found in problems(sheet, types=types, template=template):
        for word in ("Doe", "Roe", "s3://", "xxx"):
            assert word not in found


def test_a_header_that_is_misspelt_is_one() -> None:
    (unknown, missing, other) = problems("Sample,Read\n1,a\n", template=TEMPLATE)[1:]
    assert unknown.startswith("line 1: column 2 is no parameter of the workflow; did you mean 'reads'?")
    assert missing == "line 1: no column gives the workflow's parameter 'sample'; is column 1 meant?"
    assert other == "line 1: no column gives the workflow's parameter 'reads'; is column 2 meant?"


@pytest.mark.parametrize(
    "cell",
    [
        "https://b/k?X-Amz-Signature=0",
        "https://b/k?AWSAccessKeyId=AKIA&Expires=1&Signature=x%3D",
        "https://proxy/?to=https%3A%2F%2Fb%2Fk%3FX-Amz-Security-Token%3D0",
        "https://lab.blob.core.windows.net/c/b?sv=1&sig=x",
        "https://d1.cloudfront.net/x?Policy=a&Signature=b&Key-Pair-Id=c",
        "https://storage.googleapis.com/b/k?X-Goog-Signature=0",
        "https://jane:secret@ftp.example.org/1.fq",
        "aws_secret_access_key=x",
        "Authorization: Bearer x",
    ],
)
def test_a_credential_in_a_cell_is_refused(cell: str) -> None:
    (found,) = problems(f"k,x\n1,{cell}\n", types={"x": "str"})
    assert found.startswith("line 2: column 'x' holds a presigned URL or another credential, which Airflow would keep")
    (found,) = problems(f"{cell},x\n1,2\n")
    assert found.startswith("line 1: the name of column 1 holds a presigned URL or another credential")
    written = json.dumps([cell]).replace("X", "\\u0058").replace("S", "\\u0053").replace(":", "\\u003a")
    quoted = written.replace('"', '""')
    (found,) = problems(f'k,x\n1,"{quoted}"\n', types={"x": "json"})
    assert found.startswith("line 2: column 'x' holds a presigned URL or another credential")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Jane Doe", "s3://b/Jane_Doe.fq"), "has none of the 2 that are given. It has depth, reads, sample."),
        (("Jane Doe", "raeds"), "has no raeds (did you mean reads?). It has depth, reads, sample."),
        (("extra", "sample"), "has no extra. It has depth, reads, sample."),
    ],
)
def test_preflight_shows_no_name_that_may_be_the_first_patient_of_a_table(names: tuple[str, ...], shown: str) -> None:
    request = {"workflowId": "1234567", "parameters": dict.fromkeys(names, "x")}
    unknown, *_ = preflight_rules.of_definition(request, {"parameterTemplate": TEMPLATE}).findings
    assert str(unknown) == f"parameters: the workflow's template {shown}"
