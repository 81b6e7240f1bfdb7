"""What XCom carries, whatever AWS, a workflow or a file wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from jinja2 import Environment

from airflow_provider_omics.hooks import s3
from airflow_provider_omics.limits import JSON_DEPTH
from airflow_provider_omics.sensors.run import RunSensor
from airflow_provider_omics.templates import Templates
from airflow_provider_omics.xcom import Result, is_storable, storable
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]

OUTPUTS = (
    r'{"text": "a\u0000b", "half": "\ud800x", "other half": ["\udc00"], "pair": "\ud83d\ude00", "n\u0000": 1,'
    r' "template": "{{ conn.aws_default.password }}", "{% raw %}": 2, "large": 18446744073709551616, "nan": NaN}'
)
"""JSON that a workflow may declare as its outputs."""
CARRIED = {
    "text": "a\ufffdb",
    "half": "\ufffdx",
    "other half": ["\ufffd"],
    "pair": "😀",
    "n\ufffd": 1,
    "template": None,
    "large": None,
    "nan": None,
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain \N{DNA DOUBLE HELIX} é\ufeff", "plain \N{DNA DOUBLE HELIX} é\ufeff"),
        ("a\0b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_texts_that_a_database_keeps(text: str, kept: str) -> None:
    assert storable(text) == kept
    assert is_storable(kept)
    assert is_storable(text) is (text == kept)
    kept.encode()


def test_plain_json() -> None:
    result = Result(Templates())
    when = datetime(2026, 1, 1, tzinfo=UTC)
    value = {"a": (1, 2.5, True, None), 1: [when], "b": 2**64 - 1, "c": -(2**63)}
    assert result.of(value) == {
        "a": [1, 2.5, True, None],
        "1": ["2026-01-01T00:00:00+00:00"],
        "b": 2**64 - 1,
        "c": -(2**63),
    }
    assert not result.left_out


def test_what_is_nested_deeply_becomes_null() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    result = Result(Templates())
    assert json.dumps(result.of({"a": 1, "b": value})).count("[") == JSON_DEPTH - 1
    assert list(result.left_out.values()) == [1]


class Lazy(Sequence[Any]):
    """What Airflow gives in place of a list of XCom."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __getitem__(self, place: Any) -> Any:
        return self.items[place]

    def __len__(self) -> int:
        return len(self.items)


def test_credentials_and_all_else_are_taken_out_at_once() -> None:
    signed = "https://b/k?X-Amz-Signature=5ec2e7"
    value = {
        "urls": Lazy(f"{signed}\0", {"deep": [f"{signed}&a={{{{ x }}}}"]}, datetime(2026, 1, 1, tzinfo=UTC)),
        "secret_key": Lazy("5ec2e7"),
        f"{signed}\ud800": 2**64,
    }
    result = Result(Templates(Environment(variable_start_string="[", variable_end_string="]")))
    assert result.of(value) == {
        "urls": [None, {"deep": [None]}, "2026-01-01T00:00:00+00:00"],
        "secret_key": None,
    }, "in a DAG with such delimiters, the mark of a credential is a template, too"
    result = Result(Templates())
    assert result.of(value) == {
        "urls": [
            "https://b/k?X-Amz-Signature=[redacted]",
            {"deep": [None]},
            "2026-01-01T00:00:00+00:00",
        ],
        "secret_key": "[redacted]",
        "https://b/k?X-Amz-Signature=[redacted]": None,
    }
    assert sorted(result.left_out.values()) == [1, 1]


@both_modes
def test_a_sensor_returns_nothing_that_a_mapped_task_would_render(
    deferrable: bool, start: Any, context: ContextMaker, logged: Logged
) -> None:
    run = start(parameters={"sample": "{{ conn.x }}", "reads": ["s3://b/1.fq\0"]}).execute(context())
    sensor: Any = RunSensor(task_id="sensor", run_id=run["id"], deferrable=deferrable)
    found = finish(sensor, context())
    assert found["parameters"] == {"sample": None, "reads": ["s3://b/1.fq\ufffd"]}
    assert "null in place of 1 values" in logged()


@both_modes
def test_a_completed_run_succeeds_whatever_its_outputs_are(
    deferrable: bool, start: Any, context: ContextMaker, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = s3.read
    monkeypatch.setattr(s3, "read", lambda *given, **named: (OUTPUTS.encode(), read(*given, **named)[1]))
    result = finish(start(deferrable=deferrable), context())
    assert result["status"] == "COMPLETED"
    assert result["outputs"] == CARRIED
    carried = json.dumps(result, ensure_ascii=False).encode()  # as msgpack and PostgreSQL want it
    assert b"\\u0000" not in carried
    text = logged()
    assert "null in place of 2 values of the result: they contain {{, {% or {#" in text
    assert "null in place of 1 values of the result: they are numbers that Airflow cannot send" in text


@both_modes
@pytest.mark.parametrize("body", [b"[" * 60_000, b'{"a":' * 500 + b"1" + b"}" * 500, b"\xff", b"{"])
def test_outputs_that_cannot_be_read_are_unknown(
    body: bytes, deferrable: bool, start: Any, context: ContextMaker, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = s3.read
    monkeypatch.setattr(s3, "read", lambda *given, **named: (body, read(*given, **named)[1]))
    result = finish(start(deferrable=deferrable), context())
    assert (result["status"], result.get("outputs")) == ("COMPLETED", None)
    assert "cannot be read" in logged()


def test_names_of_tasks_and_samples_are_cleaned_too(start: Any, logged: Logged) -> None:
    operator = start()
    summary = {"computed": {"{{ x }}": 1, "align\0": 2}, "cache_id": "1"}
    assert operator.for_xcom(summary) == {"computed": {"align\ufffd": 2}, "cache_id": "1"}
    assert "null in place of 1 values" in logged()
