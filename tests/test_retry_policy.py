"""When a task is tried again, by the policy that Airflow 3.3 and later take."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics import compat
from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.failures import REASONS
from tests.dag_runner import DagRunner

pytestmark = pytest.mark.matrix

TESTS = Path(__file__).parent
RUNS = {"1111111": "INSTANCE_RESERVATION_FAILED", "2222222": "INVALID_ECR_IMAGE_URI", "3333333": "INPUT_URI_NOT_FOUND"}

older = pytest.mark.skipif(compat.ExceptionRetryPolicy is not None, reason="this Airflow has retry policies")
newer = pytest.mark.skipif(compat.ExceptionRetryPolicy is None, reason="retry policies came with Airflow 3.3")


@older
def test_an_older_airflow_is_told_which_one_is_needed() -> None:
    with pytest.raises(ImportError, match=r"Airflow 3\.3 or later"):
        importlib.import_module("airflow_provider_omics.retry_policy")


def policy(**pauses: timedelta) -> Any:
    return importlib.import_module("airflow_provider_omics.retry_policy").OmicsRetryPolicy(**pauses)


def decided(exception: BaseException) -> tuple[str, timedelta | None]:
    decision = policy().evaluate(exception, 1, 3)
    return decision.action.value, decision.retry_delay


def run_failed(reason: str | None) -> errors.RunFailed:
    return errors.RunFailed("no luck", run_id="3456789", status="FAILED", reason=reason)


@newer
@pytest.mark.parametrize("reason", [*sorted(REASONS), "NEW_REASON", None])
def test_a_failed_run_is_judged_by_its_reason(reason: str | None) -> None:
    passing = {"INSTANCE_RESERVATION_FAILED", "SERVICE_ERROR"}
    hopeless = {name for name, known in REASONS.items() if not known.heals}
    expected: tuple[str, timedelta | None] = ("default", None)
    if reason in passing:
        expected = ("retry", timedelta(minutes=15))
    elif reason in hopeless:
        expected = ("fail", None)
    assert decided(run_failed(reason)) == expected


@newer
@pytest.mark.parametrize(
    ("error", "action", "minutes"),
    [
        (errors.Throttled("GetRun", "ThrottlingException", "slow down", 429), "retry", 1),
        (errors.OmicsServiceError("GetRun", "InternalServerException", "oops", 500), "retry", 1),
        (errors.OmicsServiceError("GetRun", "RequestTimeoutException", "late", 408), "retry", 1),
        (errors.NoAnswer("GetRun", "connection refused"), "retry", 1),
        (errors.OutcomeUnknown("StartRun", "token", "read timeout"), "retry", 1),
        (errors.QuotaExceeded("StartRun", "ServiceQuotaExceededException", "50 runs", 402), "retry", 30),
        (errors.ValidationFailed("StartRun", "ValidationException", "bad", 400), "fail", None),
        (errors.OmicsInputError("name", "too long"), "fail", None),
        (errors.AccessDenied("StartRun", "AccessDeniedException", "no", 403), "default", None),
        (errors.NotFound("StartRun", "ResourceNotFoundException", "gone", 404), "default", None),
        (errors.Conflict("StartRun", "ConflictException", "busy", 409), "default", None),
        (errors.OmicsServiceError("GetRun", "NotSupportedOperationException", "no", 405), "default", None),
        (ValueError("somebody else's"), "default", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_is_judged_by_its_kind(error: Exception, action: str, minutes: int | None) -> None:
    assert decided(error) == (action, timedelta(minutes=minutes) if minutes else None)


@newer
def test_it_is_a_policy_of_airflows_and_can_be_written_down() -> None:
    made = policy(passing=timedelta(seconds=5))
    assert isinstance(made, compat.ExceptionRetryPolicy)
    written = json.loads(json.dumps(made.serialize()))
    assert type(made).deserialize(written).serialize() == written
    assert (written["passing"], written["quota"]) == (5, 1800)


@pytest.fixture
def emulator() -> Iterator[Server]:
    """Start a HealthOmics where each workflow fails once, within a second."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(speed=10), neighbours=neighbours)
    for workflow_id, reason in RUNS.items():
        store.seed_workflow("123456789012", "us-east-1", workflow_id, name=reason)
        task = Task("only", seconds=1, fail_first=1, failure_reason=reason)
        store.plans.set(workflow_id, Plan((task,), pending=1, starting=1, stopping=1))
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket("amzn-s3-demo-bucket", "123456789012", "us-east-1")
        yield server
    neighbours.reset()


@newer
def test_airflow_obeys_it(emulator: Server, dag_runner: DagRunner) -> None:
    (dag_run,), log = dag_runner.run(emulator.url, TESTS / "dags" / "retry_policy.py")
    became = {task["task"]: (task["state"], task["tries"]) for task in dag_run["tasks"]}
    assert became == {
        "INSTANCE_RESERVATION_FAILED": ("success", 2),
        "INVALID_ECR_IMAGE_URI": ("failed", 1),
        "INPUT_URI_NOT_FOUND": ("success", 2),
    }, log
