"""WDL's qualified names of parameters: the emulator, the preflight checks and samplesheets agree on them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_provider_omics.hooks import preflight_rules
from airflow_provider_omics.samplesheet import Layout, parse

TEMPLATE: dict[str, dict[str, Any]] = {"reads": {}, "call.depth": {}, "reference": {"optional": True}}
WORKFLOW = "7654321"


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (("reads", "call.depth"), True),
        (("cohort.reads", "call.depth"), True),
        (("cohort.reads", "cohort.call.depth", "cohort.reference"), True),
        (("reads", "depth"), False),
        (("cohort.raeds", "call.depth"), False),
        (("a.b.reads", "call.depth"), False),
        (("cohort.", "reads", "call.depth"), False),
    ],
)
def test_all_agree(names: tuple[str, ...], known: bool, omics: Any, omics_emulator: Any, omics_bucket: str) -> None:
    parameters = dict.fromkeys(names, "x")
    rows, problems = parse(f"{','.join(names)}\n{','.join('x' * len(names))}\n".encode(), Layout(template=TEMPLATE))
    request = {"workflowId": WORKFLOW, "parameters": parameters}
    verdict = preflight_rules.of_definition(request, {"parameterTemplate": TEMPLATE})
    omics_emulator.store.seed_workflow("123456789012", "us-east-1", WORKFLOW, name="w", parameterTemplate=TEMPLATE)
    given = {"roleArn": "arn:aws:iam::123456789012:role/Omics", "outputUri": f"s3://{omics_bucket}/runs"}
    with nullcontext() if known else pytest.raises(ClientError, match="parameter template has no"):
        omics.start_run(**request, **given)
    assert (not problems, not verdict.findings) == (known, known)
    if known:
        assert rows[0]["parameters"] == parameters


def test_an_optional_parameter_with_a_qualified_name_may_be_empty() -> None:
    sheet = b"sample,wf.reads,wf.reference\n1,a,\n"
    layout = Layout(template={"reads": {}, "reference": {"optional": True}}, columns={"sample": None})
    rows, problems = parse(sheet, layout)
    assert problems == []
    assert rows[0]["parameters"] == {"wf.reads": "a"}


@pytest.mark.parametrize(("engine", "missing"), [("WDL", 0), ("WDL_LENIENT", 0), ("NEXTFLOW", 2), ("CWL", 2)])
def test_only_wdl_has_qualified_names(engine: str, missing: int) -> None:
    request = {"workflowId": WORKFLOW, "parameters": {"cohort.reads": "x", "call.depth": "y"}}
    verdict = preflight_rules.of_definition(request, {"engine": engine, "parameterTemplate": TEMPLATE})
    assert len(verdict.findings) == missing
    layout = Layout(template=TEMPLATE, engine=engine)
    _, problems = parse(b"cohort.reads,call.depth\nx,y\n", layout)
    assert len(problems) == missing


def test_two_spellings_of_one_parameter_are_told_before_the_start() -> None:
    request = {"workflowId": WORKFLOW, "parameters": {"reads": "x", "cohort.reads": "y", "call.depth": "z"}}
    (finding,) = preflight_rules.of_definition(request, {"parameterTemplate": TEMPLATE}).findings
    assert "cohort.reads, reads are spellings of one parameter" in str(finding)
