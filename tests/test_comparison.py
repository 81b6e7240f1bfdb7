"""What a description may write otherwise than the request, and what is another run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_omics.hooks import run_settings
from airflow_provider_omics.operators import comparison

ROLE = "arn:aws:iam::123456789012:role/Omics"
RUN = {
    "id": "1",
    "arn": "arn:aws:omics:us-east-1:123456789012:run/1",
    "workflowId": "1234567",
    "workflowType": "PRIVATE",
    "roleArn": ROLE,
    "outputUri": "s3://bucket/runs",
    "runOutputUri": "s3://bucket/runs/1/uuid",
}
REQUEST = {"workflowId": "1234567", "roleArn": ROLE, "outputUri": "s3://bucket/runs"}


@pytest.mark.parametrize(
    ("asked", "shown", "differing"),
    [
        ({}, {}, set()),
        ({}, {"workflowOwnerId": "123456789012"}, set()),
        ({}, {"workflowOwnerId": "999988887777"}, {"workflowOwnerId"}),
        ({"workflowOwnerId": "999988887777"}, {}, set()),
        ({"workflowOwnerId": "999988887777"}, {"workflowOwnerId": "999988887777"}, set()),
        ({"workflowOwnerId": "999988887777"}, {"workflowOwnerId": "123456789012"}, {"workflowOwnerId"}),
        ({}, {"workflowType": "READY2RUN"}, {"workflowType"}),
        (
            {"workflowType": "READY2RUN"},
            {"workflowType": "READY2RUN", "workflowOwnerId": "999988887777"},
            set(),
        ),
        ({}, {"workflowVersionName": "2.0"}, {"workflowVersionName"}),
        ({"workflowType": "READY2RUN"}, {"workflowType": "READY2RUN", "workflowVersionName": "2.0"}, set()),
        (
            {"workflowType": "READY2RUN", "workflowVersionName": "1.0"},
            {"workflowType": "READY2RUN", "workflowVersionName": "2.0"},
            {"workflowVersionName"},
        ),
        (
            {"workflowType": None, "outputUri": "s3://bucket/runs", "runId": None, "workflowVersionName": None},
            {},
            set(),
        ),
        ({}, {"runId": "1"}, set()),
        ({}, {"runId": "9"}, {"runId"}),
        ({"parameters": {"a": 1}}, {}, set()),
        ({"parameters": {"a": 1}}, {"parameters": {"a": 2}}, {"parameters"}),
        ({"parameters": {"a": {"b": [1, None]}}}, {"parameters": {"a": {"b": [1.0, None], "c": None}}}, set()),
        ({}, {"parameters": {}}, set()),
        ({"outputUri": "s3://bucket/run"}, {}, {"outputUri", "runOutputUri"}),
    ],
)
def test_what_differs(asked: dict[str, Any], shown: dict[str, Any], differing: set[str]) -> None:
    assert set(comparison.differences({**REQUEST, **asked}, {**RUN, **shown}, tagged=True)) == differing


def test_parameters_that_neither_tag_nor_description_tells_are_others() -> None:
    asked = {**REQUEST, "parameters": {"a": 1}}
    assert set(comparison.differences(asked, RUN, tagged=False)) == {"parameters"}


@pytest.mark.parametrize(
    ("asked", "shown", "differing"),
    [
        ({}, {"runId": "9", "workflowVersionName": "v1", "parameters": {"a": 1}}, set()),
        ({"parameters": {"a": 1}}, {"runId": "9", "parameters": {"a": 1, "b": 2}}, set()),
        ({"parameters": {"a": 1}}, {"runId": "9", "parameters": {"a": 2}}, {"parameters"}),
        ({"workflowId": "7"}, {"runId": "9"}, {"workflowId"}),
        ({}, {}, set()),
        ({}, {"runId": "1"}, set()),
        ({}, {"runId": "8"}, {"runId"}),
    ],
)
def test_what_a_request_to_repeat_a_run_leaves_out_is_not_compared(
    asked: dict[str, Any], shown: dict[str, Any], differing: set[str]
) -> None:
    request = {"runId": "9", "roleArn": ROLE, "outputUri": "s3://bucket/runs", **asked}
    assert set(comparison.differences(request, {**RUN, **shown}, tagged=True, merged=True)) == differing


OTHER_FORMS: list[tuple[Any, Any]] = [
    ("1", 1),
    (30, "30"),
    (30, "30.0"),
    (2**53 + 1, 2**53),
    (2**53 + 1, float(2**53)),
    (2**53 + 1, str(2**53)),
    (True, "true"),
    ({"b": [1, 2]}, '{"b": [1, 2]}'),
    ('{"b": [1, 2]}', {"b": [1.0, 2]}),
    ([1, None, {"b": "2"}], ["1", {"b": 2, "c": None}]),
    ([None], []),
]
OTHER_VALUES: list[tuple[Any, Any]] = [
    ("1", 2),
    (30, "31"),
    (2**53 + 1, 2**53 + 2),
    (str(2**53 + 1), str(2**53)),
    (10**400, 10**400 + 1),
    (1, "9" * 5000),
    ("NA12878", "NA12891"),
    ("007", 7),
    ("1.0", "1"),
    ("1", ["1"]),
    (1, "[1"),
    (1, "NaN"),
    ([1, 2], [2, 1]),
    ([1, 2], [1, 2, 3]),
    ({"b": 1}, {"b": 1, "c": 2}),
    ({"b": 1}, '{"b": 2}'),
    ({"b": 1}, None),
]


@pytest.mark.parametrize(("asked", "shown"), OTHER_FORMS)
def test_parameters_in_another_form_are_told_by_the_tag(asked: Any, shown: Any) -> None:
    request, found = {**REQUEST, "parameters": {"a": asked}}, {**RUN, "parameters": {"a": shown}}
    assert not comparison.differences(request, found, tagged=True)
    assert set(comparison.differences(request, found, tagged=False)) == {"parameters"}
    assert not comparison.differences(request, {**RUN, "parameters": json.dumps({"a": shown})}, tagged=True)


@pytest.mark.parametrize(("asked", "shown"), OTHER_VALUES)
def test_other_parameters_are_others_whatever_the_tag_says(asked: Any, shown: Any) -> None:
    request, found = {**REQUEST, "parameters": {"a": asked}}, {**RUN, "parameters": {"a": shown}}
    for tagged in (True, False):
        assert set(comparison.differences(request, found, tagged=tagged)) == {"parameters"}


@pytest.mark.parametrize("shown", [{}, {"runId": "1"}], ids=["absent", "own-id"])
def test_a_repeated_run_that_neither_tag_nor_description_tells_is_another(shown: dict[str, Any]) -> None:
    asked = {**REQUEST, "runId": "9"}
    assert set(comparison.differences(asked, {**RUN, **shown}, tagged=False)) == {"runId"}
    assert not comparison.differences(asked, {**RUN, "runId": "9"}, tagged=False)


@pytest.mark.parametrize("shown", [{}, {"engineSettings": {"profile": "prod"}}])
def test_a_member_without_a_rule_is_told_by_the_tag_or_must_be_described_equally(shown: dict[str, Any]) -> None:
    asked = {**REQUEST, "engineSettings": {"profile": "test"}, "parametersUri": "s3://bucket/a.json"}
    found = {**RUN, **shown, "parameters": {"sample": "a"}}
    assert not comparison.differences(asked, found, tagged=True)
    assert set(comparison.differences(asked, found, tagged=False)) == {"engineSettings", "parametersUri", "parameters"}
    equal = {member: asked[member] for member in ("engineSettings", "parametersUri")}
    assert set(comparison.differences(asked, {**RUN, **equal}, tagged=False)) == {"parameters"}


def test_members_that_change_nothing_that_is_computed_do_not_count_and_all_others_do() -> None:
    others = {"name": "a", "priority": 1, "runGroupId": "1", "cacheId": "2", "storageType": "STATIC", "logLevel": "ALL"}
    counting = {**REQUEST, "engineSettings": {}, "networkingMode": "VPC", "parametersUri": "s3://b/a", "later": 1}
    assert comparison.decisive({**others, **counting, "parameters": None}) == counting


def nested(depth: int) -> dict[str, Any]:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize(
    ("asked", "shown", "tagged", "same"),
    [
        (nested(99), nested(99), True, True),
        (nested(99), nested(99), False, True),
        (nested(99), nested(5_000), True, False),
        ({}, nested(700), True, False),
        (nested(700), nested(700), True, True),  # which a run that is repeated has lent
        (nested(700), nested(700), False, False),
    ],
)
def test_deeply_nested_parameters(asked: Any, shown: Any, tagged: bool, same: bool) -> None:
    request, found = {**REQUEST, "parameters": asked}, {**RUN, "parameters": shown}
    assert (not comparison.differences(request, found, tagged=tagged)) is same


def test_json_as_text_in_json_as_text_is_not_read_without_end() -> None:
    def wrapped(value: Any, times: int, *, text: bool) -> Any:
        for _ in range(times):
            for _ in range(40):
                value = [value]
            value = json.dumps(value) if text else value
            text = not text
        return value

    asked, shown = {"a": wrapped(1, 9, text=True)}, {"a": wrapped(1, 9, text=False)}
    assert set(comparison.differences({**REQUEST, "parameters": asked}, {**RUN, "parameters": shown}, tagged=True)) == {
        "parameters"
    }


@pytest.mark.parametrize(
    ("asked", "lent"),
    [
        ({}, {"workflowId", "workflowType", "workflowOwnerId", "workflowVersionName", "parameters"}),
        ({"workflowId": "1"}, {"workflowId", "workflowType", "workflowOwnerId", "workflowVersionName", "parameters"}),
        ({"workflowId": "2"}, {"workflowId", "parameters"}),
    ],
)
def test_another_workflow_takes_over_no_version_of_the_repeated_run_s(asked: dict[str, Any], lent: set[str]) -> None:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    repeated = {
        **{"workflowId": "1", "workflowType": "PRIVATE", "workflowOwnerId": "999988887777"},
        **{"workflowVersionName": "v1", "parameters": {"a": 1}, "creationTime": time},
    }
    completed = comparison.completed({"runId": "9", **asked}, repeated, {"creationTime": time})
    assert set(completed) == {"runId"} | lent
    assert completed["workflowId"] == asked.get("workflowId", "1")


@pytest.mark.parametrize(
    ("uri", "folder", "below"),
    [
        ("s3://b/runs/1", "s3://b/runs", True),
        ("s3://b/runs/1", "s3://b/runs/", True),
        ("s3://b/runs//1", "s3://b/runs/", True),
        ("s3://b/runs", "s3://b/runs/", True),
        ("s3://b/1", "s3://b", True),
        ("s3://b/runs-evil/1", "s3://b/runs", False),
        ("s3://b-evil/runs/1", "s3://b", False),
        ("s3://b", "s3://b/runs", False),
    ],
)
def test_below_is_a_matter_of_whole_folders(uri: str, folder: str, below: bool) -> None:
    assert comparison.is_below(uri, folder) is below


@pytest.mark.parametrize(
    ("shared", "own", "parameters"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"a": 1}, None, {"a": 1}),
        (None, {"a": 1}, {"a": 1}),
        ({"a": 1}, ["what AWS refuses"], {"a": 1}),
    ],
)
def test_the_settings_of_a_run_of_a_batch(shared: Any, own: Any, parameters: dict[str, Any]) -> None:
    merged = run_settings.merged({"roleArn": ROLE, "parameters": shared}, {"runSettingId": "1", "parameters": own})
    assert merged == {"roleArn": ROLE, "runSettingId": "1", "parameters": parameters}


def test_null_in_the_settings_of_a_run_of_a_batch_is_nothing() -> None:
    shared = {"roleArn": ROLE, "outputUri": "s3://b/runs", "workflowType": None}
    merged = run_settings.merged(shared, {"runSettingId": "1", "outputUri": None, "parameters": None})
    assert merged == {"roleArn": ROLE, "outputUri": "s3://b/runs", "runSettingId": "1"}
