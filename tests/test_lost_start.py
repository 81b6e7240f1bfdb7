"""A StartRun whose answer is lost, while the service forgets tokens: no second run, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from tests.conftest import ContextMaker, Logged

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]


@pytest.fixture(autouse=True)
def _lossy(omics_faults: Any) -> None:
    omics_faults.idempotency = "off"


def ids(omics: Any) -> list[str]:
    return [run["id"] for run in omics.list_runs()["items"]]


@pytest.mark.parametrize("name", [None, "the author's"])
@pytest.mark.parametrize("lag", [0, 5])
def test_the_run_is_found(
    name: str | None, lag: float, start: Any, context: ContextMaker, omics: Any, omics_faults: Any, logged: Logged
) -> None:
    omics_faults.list_lag = lag
    omics_faults.lose_answer("StartRun")
    result = start(name=name, parameters={"sample": "NA12878", "depth": 30}).execute(context())
    assert ids(omics) == [result["id"]]
    assert f"Run {result['id']} was started all the same" in logged()


def test_a_start_that_failed_is_sent_again(start: Any, context: ContextMaker, omics: Any, omics_faults: Any) -> None:
    omics_faults.fail("StartRun", "InternalServerException")
    result = start(wait_for_completion=False).execute(context())
    assert ids(omics) == [result["id"]]
    assert omics_faults.calls["StartRun"] == 2


def test_after_three_starts_without_an_answer_the_task_fails(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    omics_faults.fail("StartRun", "InternalServerException", times=3)
    with pytest.raises(errors.OutcomeUnknown):
        start().execute(context())
    assert ids(omics) == []


def test_a_run_of_the_same_name_is_not_taken_for_another(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any, omics_clock: Any
) -> None:
    """An author's name is shared: another sample's run, and an earlier one of the same sample."""
    arguments = {"name": "germline", "wait_for_completion": False}
    start(parameters={"sample": "one"}, **arguments).execute(context(run_id="earlier"))
    omics_clock.advance(30)
    start(parameters={"sample": "two"}, **arguments).execute(context(map_index=2))
    others = ids(omics)
    omics_faults.fail("StartRun", "InternalServerException")
    result = start(parameters={"sample": "one"}, **arguments).execute(context(map_index=1))
    assert result["id"] not in others


def test_a_run_that_has_ended_is_not_taken_for_the_new_one(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    ended = start(name="mine").execute(context())["id"]
    omics_faults.fail("StartRun", "InternalServerException")
    assert start(name="mine").execute(context(try_number=2, max_tries=1))["id"] != ended


def test_names_that_only_begin_alike_are_told_apart(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    omics_faults.run_name_match = "prefix"
    other = start(name="germline-2", wait_for_completion=False).execute(context())["id"]
    omics_faults.fail("StartRun", "InternalServerException")
    assert start(name="germline", wait_for_completion=False).execute(context())["id"] != other


def test_who_may_not_list_runs_does_not_send_again(
    start: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    omics_faults.deny("ListRuns")
    omics_faults.lose_answer("StartRun")
    with pytest.raises(errors.AccessDenied, match="allow omics:ListRuns"):
        start().execute(context())
    assert omics_faults.calls["StartRun"] == 1


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException"])
def test_looks_that_pass_nothing_on_are_made_again(
    code: str, start: Any, context: ContextMaker, omics: Any, omics_faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    omics_faults.lose_answer("StartRun")
    omics_faults.fail("ListRuns", code, times=2)
    omics_faults.fail("GetRun", code)
    result = start(wait_for_completion=False).execute(context())
    assert ids(omics) == [result["id"]]
    assert omics_faults.calls["StartRun"] == 1


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_look_that_is_throttled_is_not_taken_for_a_throttled_start(
    deferrable: bool,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_faults: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is started when its turn has come is not looked for: it would be a second run."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    omics_faults.lose_answer("StartRun")
    omics_faults.throttle("ListRuns", rate=1)
    with pytest.raises(errors.OutcomeUnknown):
        start(deferrable=deferrable).execute(context(max_tries=1))
    omics_faults.throttle("ListRuns", rate=0)
    (started,) = ids(omics)
    again = start(wait_for_completion=False).execute(context(try_number=2, max_tries=1))
    assert again["id"] == started
    assert omics_faults.calls["StartRun"] == 1
