"""ReadSamplesheetOperator: where sheet and template come from, and what is refused."""

from __future__ import annotations

import inspect
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.hooks import s3
from airflow_provider_omics.hooks import samplesheet as hook_module
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.limits import SAMPLESHEET_FINDINGS
from airflow_provider_omics.operators.connected import ConnectedOperator
from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.samplesheet import ReadSamplesheetOperator
from tests.archives import archive
from tests.conftest import ContextMaker, Logged

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG  # type: ignore[no-redef,unused-ignore]

SHEET = "sample,reads\nNA1,s3://b/1.fq\nNA2,s3://b/2.fq\n"
TEMPLATE = {"sample": {"description": "the name"}, "reads": {"optional": False}, "depth": {"optional": True}}

pytestmark = [pytest.mark.usefixtures("omics_connection"), pytest.mark.matrix]


def of_file(folder: Path, sheet: str = SHEET, **arguments: Any) -> ReadSamplesheetOperator:
    path = folder / "samples.csv"
    path.write_text(sheet)
    return ReadSamplesheetOperator(**({"task_id": "sheet", "samplesheet": str(path)} | arguments))


def samples(rows: list[dict[str, Any]]) -> list[str]:
    return [row["parameters"]["sample"] for row in rows]


def test_a_file_of_the_worker(tmp_path: Path, context: ContextMaker, logged: Logged) -> None:
    assert samples(of_file(tmp_path).execute(context())) == ["NA1", "NA2"]
    text = logged()
    assert "has 2 rows" in text
    assert "NA1" not in text


def test_an_object_in_s3(omics_bucket: str, context: ContextMaker, logged: Logged) -> None:
    s3.client(OmicsHook()).put_object(Bucket=omics_bucket, Key="in/samples.csv", Body=SHEET.encode())
    uri = f"s3://{omics_bucket}/in/samples.csv"
    operator = ReadSamplesheetOperator(task_id="sheet", samplesheet=uri)
    assert samples(operator.execute(context())) == ["NA1", "NA2"]
    assert f"Read {uri}, ETag" in logged()


def test_a_sheet_that_is_not_there_may_come_later(omics_bucket: str, tmp_path: Path, context: ContextMaker) -> None:
    for location in (f"s3://{omics_bucket}/none.csv", "s3://no-such-bucket/x.csv", str(tmp_path / "none.csv")):
        with pytest.raises(errors.SamplesheetUnreadable, match="cannot be read") as caught:
            ReadSamplesheetOperator(task_id="sheet", samplesheet=location).execute(context())
        assert caught.value.source == location
        assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("location", ["samples.csv", "s3://bucket", "s3://", "https://b/x.csv", ""])
def test_what_is_no_place_of_a_sheet(location: str, context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsInputError) as caught:
        ReadSamplesheetOperator(task_id="sheet", samplesheet=location).execute(context())
    assert caught.value.argument == "samplesheet"


def test_a_large_file_is_no_samplesheet(tmp_path: Path, context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_module, "SAMPLESHEET_BYTES", len(SHEET) - 1)
    with pytest.raises(errors.OmicsInputError, match=f"it is larger than {len(SHEET) - 1} bytes"):
        of_file(tmp_path).execute(context())


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path, context: ContextMaker) -> None:
    operator = of_file(tmp_path, "sample,depth\nNA1,x\nNA1,1\n", types={"depth": "int"})
    with pytest.raises(errors.SamplesheetInvalid) as caught:
        operator.execute(context())
    assert isinstance(caught.value, AirflowFailException)
    assert str(caught.value).splitlines() == [
        f"The samplesheet {operator.samplesheet} has 2 problems; no run was started.",
        "line 2: column 'depth' must be a whole number like 30",
        "line 3: column 1 has the same key as line 2; if another column tells the rows apart, name it in key_column=",
        "Next: mend the sheet, and clear this task.",
    ]
    assert len(caught.value.problems) == 2


def test_a_message_has_an_end() -> None:
    lines = str(errors.SamplesheetInvalid("s", ["x"] * (SAMPLESHEET_FINDINGS + 2))).splitlines()
    assert len(lines) == SAMPLESHEET_FINDINGS + 3
    assert lines[0] == "The samplesheet s has more than 1,000 problems; no run was started."
    assert lines[-2] == "… and more: the rest of the sheet was not read."


def test_the_template_of_the_workflow(omics_emulator: Any, tmp_path: Path, context: ContextMaker) -> None:
    omics_emulator.store.seed_workflow(
        "123456789012", "us-east-1", "1234567", name="germline", parameterTemplate=TEMPLATE
    )
    sheet = "sample,reads,depth\nNA1,s3://b/1.fq,\n"
    (row,) = of_file(tmp_path, sheet, workflow_id="1234567").execute(context())
    assert row["parameters"] == {"sample": "NA1", "reads": "s3://b/1.fq"}
    with pytest.raises(errors.SamplesheetInvalid, match=r"column 2 is no parameter .* did you mean 'reads'\?"):
        of_file(tmp_path, "sample,raeds\n1,x\n", workflow_id="1234567").execute(context())
    with pytest.raises(errors.NotFound):
        of_file(tmp_path, workflow_id="7654321").execute(context())
    with pytest.raises(errors.NotFound):
        of_file(tmp_path, workflow_id="1234567", workflow_owner_id="210987654321").execute(context())


def test_the_template_of_a_version(omics: Any, tmp_path: Path, context: ContextMaker) -> None:
    if not hasattr(omics, "create_workflow_version"):
        with pytest.raises(errors.OmicsVersionError, match="GetWorkflowVersion"):
            of_file(tmp_path, workflow_id="1", workflow_version_name="2").execute(context())
        return
    definition: Any = {"definitionZip": archive(name="main.nf"), "parameterTemplate": TEMPLATE}
    workflow_id = omics.create_workflow(name="w", **definition)["id"]
    changed = {"sample": {"description": "the name"}, "fastq": {}}
    omics.create_workflow_version(
        workflowId=workflow_id, versionName="2", **definition | {"parameterTemplate": changed}
    )
    of_file(tmp_path, workflow_id=workflow_id).execute(context())
    with pytest.raises(errors.SamplesheetInvalid, match="no column gives the workflow's parameter 'fastq'"):
        of_file(tmp_path, workflow_id=workflow_id, workflow_version_name="2").execute(context())


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("delimiter", ""),
        ("delimiter", "||"),
        ("delimiter", '"'),
        ("types", {"sample": "integer"}),
        ("arguments", {"sample": "parameters"}),
        ("arguments", {"sample": "params"}),
        ("arguments", {"sample": "nmae"}),
        ("optional_columns", "reads"),
        ("common_parameters", {"when": datetime(2026, 1, 1)}),
        ("common_parameters", {"x": float("nan")}),
        ("common_parameters", {"x": ["https://b/k?X-Amz-Signature=5ec2e7"]}),
        ("common_parameters", {"aws_secret_access_key": "5ec2e7"}),
        ("common_parameters", {"x": [{"y": "{{ conn.aws_default.password }}"}]}),
        ("workflow_id", "w-1"),
    ],
)
def test_what_no_sheet_could_mend(argument: str, value: Any, tmp_path: Path, context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsInputError) as caught:
        of_file(tmp_path, **{argument: value}).execute(context())
    assert caught.value.argument == argument


def test_a_version_without_its_workflow(tmp_path: Path, context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsInputError, match="workflow_id: must be given"):
        of_file(tmp_path, workflow_version_name="2").execute(context())


def test_more_rows_than_airflow_maps(tmp_path: Path, context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    role, output = "arn:aws:iam::123456789012:role/Omics", "s3://bucket/runs"
    with DAG("sheets", schedule=None, start_date=datetime(2026, 1, 1)):
        fits = of_file(tmp_path)
        (tmp_path / "more").mkdir()
        mapped = of_file(tmp_path / "more", SHEET.replace("NA2", "NA1") + "NA3,\n", task_id="mapped")
        for number, operator in enumerate((fits, mapped)):
            StartRunOperator.partial(
                task_id=f"run_{number}", workflow_id="1", role_arn=role, output_uri=output
            ).expand_kwargs(operator.output)
    assert len(fits.execute(context())) == 2
    with pytest.raises(errors.SamplesheetInvalid) as caught:
        mapped.execute(context())
    problem, excess = caught.value.problems
    assert problem.startswith("line 3: column 1 has the same key")  # and nothing of line 4, which is not read
    assert excess.startswith("the samplesheet has more than the 2 rows that Airflow maps a task over: raise [core]")
    assert "StartRunBatchOperator" in excess


def test_rows_that_nothing_is_mapped_over_are_not_counted(
    tmp_path: Path, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "1")
    with DAG("sheets", schedule=None, start_date=datetime(2026, 1, 1)):
        operator = of_file(tmp_path)
    assert len(operator.execute(context())) == 2


def test_every_argument_is_documented_kept_and_templated_as_it_says() -> None:
    classes = (ReadSamplesheetOperator, ConnectedOperator)
    parameters = [
        each for cls in classes for each in inspect.signature(inspect.unwrap(cls.__init__)).parameters.values()
    ]
    arguments = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    docstrings = "".join(cls.__doc__ or "" for cls in classes)
    documented = dict(re.findall(r":param (\w+):((?:(?!:param)[\s\S])*)", docstrings))
    made = ReadSamplesheetOperator(task_id="sheet", samplesheet="/x")
    assert set(documented) == arguments
    assert all(hasattr(made, name) for name in arguments)
    assert {name for name, text in documented.items() if "(templated)" in text} == set(made.template_fields)
