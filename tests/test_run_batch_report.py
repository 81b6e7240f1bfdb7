"""How StartRunBatchOperator judges a batch: what it looks up, what it does without, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks.killing import TRY_ENDED
from airflow_provider_omics.operators import run_batch_report
from airflow_provider_omics.operators.run_batch_report import RunBatchReport
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.samples import by_sample

pytestmark = [needs_batches, pytest.mark.usefixtures("quick_waits")]

WARNING = "This task has retries but no run cache"


# --- is it good?


Runs = dict[str, tuple[str | None, str | None]]


class Answers:
    """What AWS tells of the runs of batches, each by its sample: its status, None if it is not listed, and reason."""

    service_time = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(self, runs: dict[str, Runs]) -> None:
        self.runs = runs
        self.described: list[str] = []

    def iterate(self, operation: str, batchId: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - the API's own name
        for sample, (status, _) in self.runs[batchId].items():
            if operation == "ListRunsInBatch":
                yield {"runSettingId": sample, "runId": f"{batchId}-{sample}", "runInternalUuid": "u"}
            elif status is not None:
                yield {"id": f"{batchId}-{sample}", "status": status}

    def describe(self, _: Any, id: str) -> dict[str, Any]:
        self.described.append(id)
        batch, sample = id.split("-")
        status, reason = self.runs[batch][sample]
        return {"uuid": "u", "status": status or "COMPLETED", "failureReason": reason}

    def report(self, *batches: dict[str, Any]) -> RunBatchReport:
        hook: Any = self
        defaults = {"status": "PROCESSED", "tags": {TRY_ENDED: "timeout"}, "defaultRunSetting": {}}
        return RunBatchReport(hook, [defaults | batch for batch in batches], retry_cancelled=False)


@pytest.mark.parametrize(
    ("status", "by_us", "third", "good", "kind"),
    [
        ("PROCESSED", False, ("FAILED", "RUN_TASK_FAILED"), True, None),
        ("CANCELLED", True, ("FAILED", "RUN_TASK_FAILED"), False, errors.RunBatchCancelled),
        ("CANCELLED", True, ("FAILED", "INVALID_URI_INPUT"), True, None),
        ("CANCELLED", True, ("CANCELLED", None), False, errors.RunBatchCancelled),
        ("CANCELLED", True, ("COMPLETED", None), True, None),
        ("CANCELLED", False, ("COMPLETED", None), True, None),
        ("CANCELLED", False, ("CANCELLED", None), False, errors.RunBatchCancelledForGood),
        ("CANCELLED", False, ("FAILED", "INVALID_URI_INPUT"), False, errors.RunBatchCancelledForGood),
        ("RUNS_DELETED", False, ("DELETED", None), False, errors.RunBatchCancelledForGood),
    ],
)
def test_accepted_failures_count_only_where_nobody_cut_the_batch_off(
    status: str, by_us: bool, third: tuple[str, str | None], good: bool, kind: type[Exception] | None
) -> None:
    answers = Answers({"7": {"one": ("COMPLETED", None), "two": ("COMPLETED", None), "three": third}})
    tags = {TRY_ENDED: "timeout"} if by_us else {}
    report = answers.report({"id": "7", "status": status, "tags": tags, "totalRuns": 3})
    assert (report.is_good(1), report.is_good(0.4)) == (good, good)
    assert report.is_good(0) is (third[0] == "COMPLETED")
    if kind:
        assert type(report.error(retry_failed=True)) is kind


# --- what is looked up


FAILED = ("FAILED", "RUN_TASK_FAILED")


@pytest.mark.parametrize("most", [0, 100])
def test_what_was_left_out_of_a_whole_batch_had_been_judged_and_the_rest_is_looked_up_newest_first(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_batch_report, "DESCRIBED", most)
    broken = ("FAILED", "INVALID_URI_INPUT")
    runs: dict[str, Runs] = {
        "1": {"a": broken, "b": FAILED, "c": FAILED, "d": (None, None)},
        "2": {"b": FAILED},
        "3": {"c": FAILED},
    }
    answers = Answers(runs)
    report = answers.report(
        {"id": "1", "totalRuns": 4},
        {"id": "2", "totalRuns": 1},
        {"id": "3", "totalRuns": 2, "status": "CANCELLED"},  # b was never submitted again
    )
    assert answers.described == ["1-d", "3-c", "2-b", "1-a"][:most]
    assert {key: sample.heals for key, sample in report.samples.items() if key != "d"} == {
        "a": False,
        "b": True,
        "c": True,
    }
    assert report.samples["d"].completed is (most > 0)


def test_a_run_id_that_aws_gave_to_another_run_tells_nothing(
    start_batch: Any, context: ContextMaker, begin: Any, omics: Any, omics_clock: Any
) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    omics_clock.advance(3600)
    (run,) = omics.list_runs_in_batch(batchId=left["id"], runSettingId="sample_1")["runs"]
    omics.delete_run(id=run["runId"])
    while begin() != run["runId"]:
        omics_clock.advance(60)
    with pytest.raises(errors.RunBatchFailedForGood, match=r"DELETED: sample_1 \(run \d+\)") as caught:
        start_batch().execute(context(try_number=2, max_tries=1))
    assert "retentionMode REMOVE" in str(caught.value)
    assert caught.value.counts["completed"] == 2


@pytest.mark.parametrize("list_lag", [250, 900])
def test_runs_that_are_not_listed_are_waited_for_some_minutes(
    list_lag: float, start_batch: Any, context: ContextMaker, omics_faults: Any
) -> None:
    omics_faults.list_lag = list_lag
    if list_lag < run_batch_report.LAG.total_seconds():
        assert start_batch().execute(context())["counts"]["completed"] == 3
    else:
        with pytest.raises(errors.RunBatchFailed, match="3 not submitted"):
            start_batch().execute(context())


def test_only_so_many_failed_runs_are_looked_up(
    start_batch: Any, fail_in: Any, context: ContextMaker, omics_faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_batch_report, "DESCRIBED", 1)
    fail_in("sample_1", "sample_2", "sample_3")
    with pytest.raises(errors.RunBatchFailed) as caught:
        start_batch().execute(context())
    assert omics_faults.calls["GetRun"] == 1
    assert "FAILED, RUN_TASK_FAILED: sample_1 (run " in str(caught.value)
    assert "FAILED, not looked up why: sample_2 (run " in str(caught.value)
    assert str(caught.value).count("Most likely it is for") == 1


@pytest.mark.parametrize("operation", ["GetRun", "ListRunTasks"])
def test_what_may_not_be_looked_up_does_not_hide_the_failure(
    operation: str, start_batch: Any, fail_in: Any, context: ContextMaker, omics_faults: Any
) -> None:
    fail_in("sample_2")
    omics_faults.deny(operation)
    with pytest.raises(errors.RunBatchFailed, match=r"2 completed, 1 failed") as caught:
        start_batch().execute(context())
    (failed,) = caught.value.failed
    assert (failed["reason"] is None) is (operation == "GetRun")
    assert (failed["tasks_computed"] is None) is (operation == "ListRunTasks")


# --- what is told, and sent


@pytest.mark.parametrize("do_xcom_push", [True, False])
def test_what_a_failed_batch_pushes(do_xcom_push: bool, start_batch: Any, fail_in: Any, context: ContextMaker) -> None:
    fail_in("sample_2")
    made = context()
    with pytest.raises(errors.RunBatchFailed):
        start_batch(do_xcom_push=do_xcom_push).execute(made)
    assert ({"counts", "runs"} <= made["ti"].pushed.keys()) is do_xcom_push
    if do_xcom_push:
        assert by_sample(made["ti"].pushed, "status")["sample_2"] == "FAILED"
    else:
        assert made["ti"].pushed == {}


@pytest.mark.parametrize(("retries", "with_cache"), [(1, False), (1, True), (0, False)])
def test_retries_without_a_cache_are_warned_of(
    retries: int, with_cache: bool, start_batch: Any, context: ContextMaker, logged: Logged
) -> None:
    operator = start_batch(retries=retries, wait_for_completion=False)
    if not with_cache:
        del operator.default_run_setting["cacheId"]
    operator.execute(context())
    assert (WARNING in logged()) is (retries == 1 and not with_cache)


@pytest.mark.parametrize("request_id", [None, "mine"])
def test_the_authors_request_id_is_sent(request_id: str | None, start_batch: Any, context: ContextMaker) -> None:
    operator = start_batch(request_id=request_id, wait_for_completion=False)
    sent: list[str] = []
    operator.hook.conn_once.meta.events.register(
        "provide-client-params.omics.StartRunBatch", lambda params, **_: sent.append(params["requestId"])
    )
    operator.execute(context())
    assert [each == "mine" for each in sent] == [request_id == "mine"]


def test_the_event_of_another_try_is_not_gone_on_with(start_batch: Any, context: ContextMaker, omics: Any) -> None:
    left = start_batch(wait_for_completion=False).execute(context(max_tries=1))
    event = {"try_number": 1, "carried": {"batch_id": "9999999", "looks": 1}}
    result = start_batch().look_at_runs(context(try_number=2, max_tries=1), event)
    assert (result["id"], result["counts"]["completed"]) == (left["id"], 3)
