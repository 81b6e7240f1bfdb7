"""What Airflow renders of a mapped task, and what therefore neither a cell nor an output may hold."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.samplesheet import ReadSamplesheetOperator
from airflow_provider_omics.templates import Templates
from tests.conftest import ContextMaker, Logged

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG  # type: ignore[no-redef,unused-ignore]

pytestmark = pytest.mark.matrix

SESSION = () if DAG.__module__.startswith("airflow.sdk") else (None,)
"""Airflow 2.11 reads XCom from its database."""

OWN = {
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "line_statement_prefix": "%%",
    "line_comment_prefix": "##",
}
"""What a DAG may choose so that its templates do not meet the braces of its commands."""


@pytest.mark.parametrize(
    ("text", "plain", "own"),
    [
        ("{{ conn.aws_default.password }}", True, False),
        ("<< conn.aws_default.password >>", False, True),
        ("{% for x in y %}", True, True),
        ("{# x #}", True, True),
        ("{{ never closed", True, False),
        ("<<", False, True),
        ("  %% for x in y", False, True),
        ("100 %% of it", False, False),
        ("reads ## a comment", False, True),
        ("s3://b/{a}/%x#1", False, False),
        ("}} %} #} >>", False, False),
        ("", False, False),
    ],
)
def test_the_delimiters_of_a_dag_are_those_that_count(text: str, plain: bool, own: bool) -> None:
    assert Templates().is_template(text) is plain
    assert Templates(Environment(**OWN)).is_template(text) is own  # type: ignore[arg-type]


def test_what_is_a_template_is_what_jinja_changes() -> None:
    """Compare with rendering itself: whatever a rendered text differs in is found before."""
    environment = Environment(**OWN, keep_trailing_newline=True)  # type: ignore[arg-type]
    pieces = ("<", "<<", ">>", "{", "%", "#", "##", "%%", "\n", " ", "x", "-", "{%", "%}", "1")
    for text in (a + b + c for a in pieces for b in pieces for c in pieces):
        if not Templates(environment).is_template(text):
            assert environment.from_string(text).render() == text


def test_the_marks_are_named() -> None:
    assert Templates().marks == "{{, {% or {#"
    assert Templates(Environment(**OWN)).marks == "<<, {%, {#, %% or ##"  # type: ignore[arg-type]


@pytest.mark.parametrize("kwargs", [{}, OWN])
def test_cells_are_held_against_the_dags_own_delimiters(
    kwargs: dict[str, Any], tmp_path: Path, context: ContextMaker, omics_connection: str
) -> None:
    cells = {"braces": "{{ var.value.x }}", "angles": "<< var.value.x >>"}
    refused = "angles" if kwargs else "braces"
    with DAG("sheets", schedule=None, start_date=datetime(2026, 1, 1), jinja_environment_kwargs=kwargs):
        for name, cell in cells.items():
            (tmp_path / f"{name}.csv").write_text(f"sample,x\n1,{cell}\n")
            operator = ReadSamplesheetOperator(task_id=name, samplesheet=str(tmp_path / f"{name}.csv"))
            if name == refused:
                with pytest.raises(errors.SamplesheetInvalid, match=r"line 2: column 2 holds .*a template"):
                    operator.execute(context())
            else:
                assert operator.execute(context())[0]["parameters"]["x"] == cell
        operator = ReadSamplesheetOperator(task_id="c", samplesheet="/x", common_parameters={"x": [cells[refused]]})
        with pytest.raises(errors.OmicsInputError, match="common_parameters: hold"):
            operator.execute(context())


@pytest.mark.parametrize("kwargs", [{}, OWN])
def test_a_result_has_no_text_that_a_mapped_task_would_render(
    kwargs: dict[str, Any], omics_connection: str, logged: Logged
) -> None:
    refused, allowed = ("<<x>>", "{{x}}") if kwargs else ("{{x}}", "<<x>>")
    with DAG("runs", schedule=None, start_date=datetime(2026, 1, 1), jinja_environment_kwargs=kwargs):
        run = StartRunOperator(task_id="run", workflow_id="1", role_arn="r", output_uri="s3://b/o")
    outputs = {"a": [refused, allowed, 1], refused: "x", "b": {"c": f"s3://b/{refused}"}}
    assert run.result_of({"id": "1", "outputs": outputs, "status": None}) == {
        "id": "1",
        "outputs": {"a": [None, allowed, 1], "b": {"c": None}},
    }
    text = logged()
    assert "null in place of 3 values of the result: they contain" in text
    assert refused not in text


class FirstInstance:
    """What Airflow asks of the first instance of a mapped task."""

    map_index = 0


def test_airflow_renders_what_expand_kwargs_gives_and_not_what_expand_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show on the installed Airflow why cells and outputs are checked: by the steps of MappedOperator's rendering."""
    given = {"x": "{{ 1 + 1 }}", "y": ["{{ 2 + 2 }}"]}
    with DAG("mapped", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        xcom = ReadSamplesheetOperator(task_id="sheet", samplesheet="/x").output
        common: dict[str, Any] = {"role_arn": "r", "output_uri": "s3://b/o"}
        rows = StartRunOperator.partial(task_id="rows", **common).expand_kwargs(xcom)
        lists = StartRunOperator.partial(task_id="lists", workflow_id="1", **common).expand(parameters=xcom)
    monkeypatch.setattr(
        type(xcom), "get_task_map_length", lambda *_, **__: 1, raising=False
    )  # of 2.11: of its database
    for mapped, value, expected in (
        (rows, {"workflow_id": "{{ 6 * 7 }}", "parameters": given}, {"x": "2", "y": ["4"]}),
        (lists, given, given),
    ):
        monkeypatch.setattr(type(xcom), "resolve", lambda *_, value=value, **__: [value])
        operator: Any = mapped
        kwargs, seen_oids = operator._get_specified_expand_input().resolve(
            {"ti": FirstInstance(), "run_id": "r"}, *SESSION
        )
        task = operator.unmap(kwargs)
        task._do_render_template_fields(task, operator.template_fields, {}, dag.get_template_env(), seen_oids)
        assert task.parameters == expected
        assert task.workflow_id == ("42" if mapped is rows else "1")
