"""Values that are no JSON, numbers in the place of ids, and data that is too large: found before any call."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.emulator.pytest_plugin import BUCKET
from airflow_provider_omics.hooks import run_settings, s3, schema
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.limits import JSON_DEPTH
from airflow_provider_omics.operators.run_end import CancelRunOperator
from airflow_provider_omics.resources import RULES
from airflow_provider_omics.sensors.run import RunSensor
from tests.conftest import ContextMaker
from tests.emulator.batches import needs_batches
from tests.waits import both_modes, finish

pytestmark = pytest.mark.matrix

NO_JSON = {
    "Decimal": (Decimal("1.5"), r"must be JSON: .*; not a decimal\.Decimal"),
    "date": (date(2026, 1, 1), r"must be JSON: .*; not a datetime\.date"),
    "set": ({"NA12878"}, "must be JSON: .*; not a set"),
    "bytes": (b"NA12878", "must be JSON: .*; not a bytes"),
    "nan": (float("nan"), "must be JSON, which has no nan"),
    "inf": (float("-inf"), "must be JSON, which has no -inf"),
    "key": ({("NA12878",): 1}, "must be JSON; a key of it is a tuple"),
    "surrogate": ("NA12878 \ud800", "holds half of a surrogate pair"),
    "surrogate in a key": ({"NA12878 \udfff": 1}, "holds half of a surrogate pair"),
}
RUN = {"workflowId": "1234567", "roleArn": "arn:aws:iam::123456789012:role/Omics", "outputUri": "s3://b/runs"}


def checked(parameters: Any) -> Any:
    return schema.check("StartRun", RUN | {"parameters": parameters}, {"parameters": "parameters"})["parameters"]


@pytest.mark.parametrize("kind", NO_JSON)
def test_what_is_no_json_is_told_by_place_and_type_alone(kind: str) -> None:
    value, message = NO_JSON[kind]
    with pytest.raises(errors.OmicsInputError, match=rf"^parameters\['samples'\]\[1\]: {message}") as caught:
        checked({"samples": ["s3://b/1.bam", value]})
    assert "NA12878" not in str(caught.value)


def test_what_is_json_is_left_as_it_is_and_times_are_iso_8601() -> None:
    value = {"a": [1, 2.5, True, None, "x", {"b": {}}], "t": datetime(2026, 1, 2, tzinfo=UTC), "u": (1, 2), "v": {3: 4}}
    found = checked(value)
    assert found == value | {"t": "2026-01-02T00:00:00+00:00", "u": [1, 2], "v": {"3": 4}}
    assert json.dumps(found, allow_nan=False)
    assert found["a"][2] is True


def test_two_keys_that_would_become_one_are_refused() -> None:
    with pytest.raises(errors.OmicsInputError, match=r"^parameters\['depths'\]: must be JSON; two keys of it are"):
        checked({"depths": {1: "a", "1": "b"}})


def nested(levels: int) -> Any:
    value: Any = "x"
    for number in range(levels):
        value = [value] if number % 2 else {"a": value}
    return value


def test_what_is_nested_too_deeply_is_refused() -> None:
    assert checked(nested(JSON_DEPTH)) == nested(JSON_DEPTH)
    for levels in (JSON_DEPTH + 1, 5000):
        with pytest.raises(errors.OmicsInputError, match=r"^parameters\[.*…: is nested more than 100 deep") as caught:
            checked(nested(levels))
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("kind", ["Decimal", "nan", "surrogate"])
def test_a_run_is_refused_before_any_call(
    kind: str, start: Callable[..., Any], context: ContextMaker, omics_faults: Any
) -> None:
    operator = start(parameters={"depth": NO_JSON[kind][0]})
    omics_faults.calls.clear()
    with pytest.raises(errors.OmicsInputError, match=rf"parameters\['depth'\]: {NO_JSON[kind][1]}"):
        operator.execute(context())
    assert not omics_faults.calls


@needs_batches
@pytest.mark.parametrize("number", [2, 120])
@pytest.mark.parametrize("kind", ["Decimal", "nan"])
def test_a_batch_is_refused_before_any_call(
    kind: str, number: int, start_batch: Any, context: ContextMaker, omics_faults: Any
) -> None:
    settings = [{"runSettingId": f"s{n}", "parameters": {"depth": NO_JSON[kind][0]}} for n in range(number)]
    operator = start_batch(batch_run_settings=settings, settings_s3_prefix=f"s3://{BUCKET}/batches")
    omics_faults.calls.clear()
    with pytest.raises(errors.OmicsInputError, match=r"batch_run_settings\[0\]\.parameters\['depth'\]: must be JSON"):
        operator.execute(context())
    assert not omics_faults.calls


@needs_batches
def test_times_go_into_a_batch_as_into_a_run() -> None:
    settings = [{"runSettingId": "a", "parameters": {"drawn": datetime(2026, 1, 2, tzinfo=UTC)}}]
    assert run_settings.check(settings) == [
        {"runSettingId": "a", "parameters": {"drawn": "2026-01-02T00:00:00+00:00"}},
    ]


@needs_batches
def test_settings_that_are_too_large_are_refused(start_batch: Any, context: ContextMaker, omics_faults: Any) -> None:
    limit = int(RULES["run_parameters.bytes"].limit)
    fits, too_large = ({"x": "y" * (limit - len('{"x":""}') + more)} for more in (0, 1))
    settings = [{"runSettingId": "a", "parameters": fits}, {"runSettingId": "b", "parameters": too_large}]
    operator = start_batch(batch_run_settings=settings)
    omics_faults.calls.clear()
    with pytest.raises(errors.OmicsInputError, match=r"\[1\]\.parameters: they are 256,001 bytes of JSON") as caught:
        operator.execute(context())
    assert len(str(caught.value)) < 300
    assert not omics_faults.calls
    assert len(run_settings.check(settings[:1])) == 1


@pytest.mark.parametrize(
    ("constant", "problem"),
    [("NaN", "NaN is not JSON"), ("-Infinity", "-Infinity is not JSON"), ("1e999", "has a number that is too large")],
)
def test_settings_in_s3_with_what_json_does_not_know(
    constant: str, problem: str, omics_connection: str, omics_bucket: str
) -> None:
    hook, uri = OmicsHook(), f"s3://{omics_bucket}/cohort.json"
    body = f'[{{"runSettingId": "a", "parameters": {{"x": {constant}}}}}]'.encode()
    s3.client(hook).put_object(Bucket=omics_bucket, Key="cohort.json", Body=body)
    with pytest.raises(errors.RunSettingsUnreadable, match=problem):
        run_settings.read(hook, uri, {})
    with pytest.raises(ValueError, match="not JSON compliant"):
        run_settings.body([{"x": float(constant)}])


@both_modes
@pytest.mark.usefixtures("quick_waits")
def test_ids_that_native_rendering_made_numbers(
    deferrable: bool, begin: Callable[..., str], context: ContextMaker, omics: Any
) -> None:
    run_id: Any = int(begin())
    cancelled = finish(CancelRunOperator(task_id="cancel", run_id=run_id, deferrable=deferrable), context())
    assert (cancelled["id"], cancelled["status"]) == (str(run_id), "CANCELLED")
    sensor: Any = RunSensor(task_id="wait", run_id=run_id, deferrable=deferrable)
    with pytest.raises(errors.ResourceFailed, match=f"{run_id}"):
        finish(sensor, context())


@pytest.mark.parametrize("value", [True, 1.0, None])
def test_what_is_no_id(value: Any) -> None:
    with pytest.raises(errors.OmicsInputError, match="run_id: "):
        schema.check("GetRun", {"id": value}, {"id": "run_id"})


def test_a_number_is_no_name() -> None:
    with pytest.raises(errors.OmicsInputError, match=r"name: must be a string, not 7 \(int\)"):
        schema.check("StartRun", RUN | {"name": 7}, {"name": "name"})


@needs_batches
@pytest.mark.parametrize(
    "given", ["  [{'runSettingId': 'NA12878'}]", "{'inlineSettings': [{'runSettingId': 'NA12878'}]}"]
)
def test_a_list_that_was_rendered_as_text_is_not_repeated(given: str, start_batch: Any, context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsInputError, match=r"a task's \.output, an XComArg, keeps it") as caught:
        start_batch(batch_run_settings=given).execute(context())
    assert "NA12878" not in str(caught.value)


def test_a_long_text_that_is_no_uri_is_shortened() -> None:
    with pytest.raises(ValueError, match="is not an S3 URI") as caught:
        s3.split("x" * 1000)
    assert len(str(caught.value)) < 130


PASSWORD = "https://jane:S3CRET" + "x" * 100 + "@b/k"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("parameters", {"a": {PASSWORD: [{1}]}}),
        ("parameters", {PASSWORD: nested(200)}),
        *(("workflowId", v) for v in (PASSWORD, [PASSWORD], {"x": PASSWORD})),
    ],
)
def test_a_value_is_redacted_before_it_is_shortened(member: str, value: Any) -> None:
    with pytest.raises(errors.OmicsInputError) as caught:
        schema.check("StartRun", {**RUN, member: value}, {})
    assert "S3CRET" not in str(caught.value)
