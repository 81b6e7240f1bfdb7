"""A later try that cannot see yet what an earlier one has started: it looks again, and starts nothing unseen."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators import adoption
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits")

PASSING = ["ThrottlingException", "InternalServerException", "RequestTimeoutException"]


@pytest.fixture(autouse=True)
def _sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore not repeat on its own, with pauses of real time."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@both_modes
@pytest.mark.parametrize("code", PASSING)
@pytest.mark.parametrize("operation", ["ListRuns", "GetRun"])
def test_a_passing_error_does_not_fail_the_try(
    operation: str,
    code: str,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    omics_faults: Any,
    logged: Logged,
) -> None:
    left = first_try(at={"max_tries": 1})
    omics_faults.fail(operation, code, times=adoption.REPEATS)
    assert finish(start(deferrable=deferrable), context(try_number=2, max_tries=1))["id"] == left["id"]
    assert omics_faults.calls["StartRun"] == 1
    assert "What was started before is not known yet; it is looked for again in" in logged()


@pytest.mark.parametrize("operation", ["ListRuns", "GetRun"])
@pytest.mark.parametrize("code", PASSING)
def test_one_that_does_not_pass_starts_nothing(
    code: str, operation: str, first_try: Any, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    first_try(at={"max_tries": 1})
    omics_faults.fail(operation, code, times=adoption.REPEATS + 1)
    with pytest.raises(errors.OmicsServiceError, match=operation):
        start().execute(context(try_number=2, max_tries=1))
    assert omics_faults.calls["StartRun"] == 1


def test_a_look_that_met_an_error_is_none(start: Any, context: ContextMaker, omics_faults: Any) -> None:
    """A try whose predecessor left no trace starts after as many clean lists as ever."""
    omics_faults.fail("ListRuns", "ThrottlingException", times=3)
    start(wait_for_completion=False).execute(context(try_number=2, max_tries=1))
    assert omics_faults.calls["ListRuns"] == 3 + 1 + len(adoption.LOOKS)
    assert omics_faults.calls["StartRun"] == 1


def test_many_retries_at_once_that_aws_throttles_all_find_their_runs(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_faults: Any
) -> None:
    left = [first_try(at={"max_tries": 1, "map_index": index})["id"] for index in range(10)]
    omics_faults.limit("ListRuns", per_second=0.5)
    omics_faults.limit("GetRun", per_second=0.5)
    operators = [start(wait_for_completion=False) for _ in left]
    found = [
        operator.execute(context(try_number=2, max_tries=1, map_index=index))["id"]
        for index, operator in enumerate(operators)
    ]
    assert found == left
    assert omics_faults.calls["StartRun"] == len(left)


def test_runs_of_others_that_share_a_name_are_described_once(
    first_try: Any, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    """Where the try before left no trace it is looked for several times."""
    for index in range(8):
        first_try(name="cohort", at={"max_tries": 1, "map_index": index})
    omics_faults.calls.clear()
    start(name="cohort", wait_for_completion=False).execute(context(try_number=2, max_tries=1, map_index=8))
    assert omics_faults.calls["ListRuns"] == len(adoption.LOOKS) + 1
    assert omics_faults.calls["GetRun"] == 8 + 1  # and the look whether the answer is an old one


def test_a_run_of_ours_is_seen_anew_in_every_look(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs beside others of its name, and is listed only when it was looked for twice."""
    kwargs = {"name": "cohort", "wait_for_completion": False}
    first_try(name="cohort", at={"max_tries": 2, "map_index": 1})
    left: list[str] = []

    def meanwhile(seconds: float) -> None:
        omics_clock.advance(seconds)
        if not left:
            monkeypatch.setattr(adoption, "sleep", omics_clock.advance)
            left.append(start(**kwargs).execute(context(max_tries=2))["id"])

    monkeypatch.setattr(adoption, "sleep", meanwhile)
    assert start(**kwargs).execute(context(try_number=2, max_tries=2))["id"] == left[0]


def test_a_run_whose_tags_are_not_seen_yet_is_described_anew(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = first_try(name="cohort", at={"max_tries": 1})
    tags = omics.get_run(id=left["id"])["tags"]
    omics.untag_resource(resourceArn=left["arn"], tagKeys=list(tags))

    def meanwhile(seconds: float) -> None:
        omics_clock.advance(seconds)
        omics.tag_resource(resourceArn=left["arn"], tags=tags)

    monkeypatch.setattr(adoption, "sleep", meanwhile)
    assert start(name="cohort").execute(context(try_number=2, max_tries=1))["id"] == left["id"]


def test_calls_that_take_minutes_each_are_not_made_again_for_long(
    first_try: Any, start: Any, context: ContextMaker, omics_clock: Any, omics_faults: Any, monkeypatch: Any
) -> None:
    """As they do where an endpoint swallows packets."""
    first_try(at={"max_tries": 1})
    iterate = OmicsHook.iterate

    def slow(self: OmicsHook, *arguments: Any, **members: Any) -> Any:
        omics_clock.advance(adoption.PATIENCE_SECONDS / 2)
        return iterate(self, *arguments, **members)

    monkeypatch.setattr(OmicsHook, "iterate", slow)
    monkeypatch.setattr(adoption, "monotonic", lambda: omics_clock.now().timestamp())
    omics_faults.throttle("ListRuns", rate=1)
    with pytest.raises(errors.Throttled):
        start().execute(context(try_number=2, max_tries=1))
    assert omics_faults.calls["ListRuns"] == 2
