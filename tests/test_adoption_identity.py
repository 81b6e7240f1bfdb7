"""Whose run is it? A later try goes on with what is its own and what is asked for, and with nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks import schema
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators import adoption, identity
from airflow_provider_omics.operators.adoption import Adoption
from tests.conftest import ContextMaker, Logged
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits")

named = pytest.mark.parametrize("name", [None, "the author's"], ids=["our-name", "author-s-name"])


def runs(omics: Any) -> dict[str, str]:
    return {run["id"]: run["status"] for run in omics.list_runs()["items"]}


# --- is it the same?


def test_retries_that_were_edited_do_not_matter(first_try: Any, start: Any, context: ContextMaker) -> None:
    left = first_try(retries=3, at={"max_tries": 3})
    assert start(retries=1).execute(context(try_number=2, max_tries=3))["id"] == left["id"]


@both_modes
@pytest.mark.parametrize(
    "arguments",
    [
        lambda workflow: {"workflow_id": int(workflow)},
        lambda _: {"extra_request": {"parameters": {"t": datetime(2026, 1, 1, tzinfo=UTC)}}},
        lambda _: {"extra_request": {"parameters": {1: ("a", "b")}}},
    ],
    ids=["numeric-id", "datetime", "key-and-tuple"],
)
def test_what_the_check_of_a_request_changes_makes_no_other_request(
    arguments: Any, deferrable: bool, first_try: Any, start: Any, context: ContextMaker, workflow_id: str, omics: Any
) -> None:
    given = arguments(workflow_id)
    left = first_try(at={"max_tries": 1}, **given)
    result = finish(start(deferrable=deferrable, **given), context(try_number=2, max_tries=1))
    assert runs(omics) == {left["id"]: "COMPLETED"}
    assert result["id"] == left["id"]


@both_modes
@named
@pytest.mark.parametrize("cancel_on_kill", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"sample": "NA12891"}},
        {"output_uri": "s3://omics-test-bucket/elsewhere"},
        {"role_arn": "arn:aws:iam::123456789012:role/Another"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_request_gets_a_run_of_its_own(
    change: dict[str, Any],
    cancel_on_kill: bool,
    name: str | None,
    deferrable: bool,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics: Any,
    logged: Logged,
) -> None:
    arguments = {"name": name, "parameters": {"sample": "NA12878"}}
    left = first_try(at={"max_tries": 1}, **arguments)
    operator = start(deferrable=deferrable, cancel_on_kill=cancel_on_kill, **(arguments | change))
    result = finish(operator, context(try_number=2, max_tries=1))
    assert result["id"] != left["id"]
    assert runs(omics)[left["id"]] == ("CANCELLED" if cancel_on_kill else "COMPLETED")
    assert f"Run {left['id']} of an earlier try is under way, but was started with another request" in logged()


@both_modes
@pytest.mark.parametrize("airflow_tags", [True, False])
def test_another_member_of_extra_request_that_counts_gets_a_run_of_its_own(
    airflow_tags: bool, deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    if "engineSettings" not in schema.members_of("StartRun"):
        pytest.skip("the installed botocore's StartRun has no engineSettings")
    first, second = ({"engineSettings": {"profile": name}} for name in ("test", "prod"))
    left = first_try(extra_request=first, airflow_tags=airflow_tags, at={"max_tries": 1})
    made = context(try_number=2, max_tries=1)
    again = finish(start(extra_request=first, airflow_tags=airflow_tags, deferrable=deferrable), made)
    assert again["id"] == left["id"]
    other = finish(start(extra_request=second, airflow_tags=airflow_tags, deferrable=deferrable), made)
    assert other["id"] != left["id"]


@both_modes
def test_members_that_change_nothing_that_is_computed_may_differ(
    deferrable: bool, first_try: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    left = first_try(priority=1, log_level="ALL", retention_mode="RETAIN", at={"max_tries": 1})
    operator = start(priority=2, log_level="OFF", storage_type="DYNAMIC", tags={"team": "a"}, deferrable=deferrable)
    assert finish(operator, context(try_number=2, max_tries=1))["id"] == left["id"]


def test_another_task_instance_s_run_of_the_same_name_is_nobody_s_business(
    first_try: Any, start: Any, context: ContextMaker, omics: Any
) -> None:
    other = first_try(name="cohort", at={"map_index": 1, "max_tries": 1})
    result = start(name="cohort").execute(context(map_index=2, try_number=2, max_tries=1))
    assert result["id"] != other["id"]
    assert set(runs(omics).values()) == {"COMPLETED"}


def test_another_deployment_s_run_is_nobody_s_business(
    first_try: Any, start: Any, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__OMICS__DEPLOYMENT", "production")
    other = first_try(at={"max_tries": 1})
    monkeypatch.setenv("AIRFLOW__OMICS__DEPLOYMENT", "staging")
    assert start().execute(context(try_number=2, max_tries=1))["id"] != other["id"]


def test_without_our_tags_our_own_name_is_enough(first_try: Any, start: Any, context: ContextMaker, omics: Any) -> None:
    left = first_try(airflow_tags=False, at={"max_tries": 1})
    assert omics.get_run(id=left["id"])["tags"] == {}
    made = context(try_number=2, max_tries=1)
    assert start(airflow_tags=False).execute(made)["id"] == left["id"]
    cleared = context(try_number=3, max_tries=3)
    assert start(airflow_tags=False).execute(cleared)["id"] != left["id"]


def test_without_our_tags_an_author_s_name_tells_nothing(first_try: Any, start: Any, context: ContextMaker) -> None:
    left = first_try(airflow_tags=False, name="mine", at={"max_tries": 1})
    again = start(airflow_tags=False, name="mine").execute(context(try_number=2, max_tries=1))
    assert again["id"] != left["id"]


def test_a_dag_run_id_that_is_used_again(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any
) -> None:
    """After a deletion the same tokens are sent, the same name is given, and the old run must not be taken."""
    old = first_try(at={"max_tries": 1})
    omics_clock.advance(3600)
    made = context(max_tries=1)
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    new = start(wait_for_completion=False).execute(made)
    assert new["id"] != old["id"]
    again = context(try_number=2, max_tries=1)
    again["dag_run"] = made["dag_run"]
    assert start().execute(again)["id"] == new["id"]
    omics.delete_run(id=new["id"])
    assert start().execute(again)["uuid"] not in (old["uuid"], new["uuid"])  # AWS uses ids again


def test_a_dag_run_that_was_cleared_knows_its_runs(
    first_try: Any, start: Any, context: ContextMaker, omics_clock: Any
) -> None:
    left = first_try(at={"max_tries": 1})
    omics_clock.advance(3600)
    made = context(try_number=2, max_tries=1)
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now() + timedelta(seconds=1), clear_number=1)
    assert start().execute(made)["id"] == left["id"]


# --- tokens and permissions


@pytest.mark.parametrize("errors_first", [0, 1], ids=["", "though-it-is-not-seen-at-once"])
def test_a_token_that_was_used_long_ago_is_replaced_once(
    errors_first: int,
    first_try: Any,
    start: Any,
    context: ContextMaker,
    omics_clock: Any,
    omics_faults: Any,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    old = first_try()
    omics_clock.advance(3600)
    made = context()
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    if errors_first:
        omics_faults.fail("GetRun", "InternalServerException", times=errors_first)
    assert start().execute(made)["id"] != old["id"]
    assert f"has been used before, for run {old['id']}; another one is sent" in logged()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException"])
@both_modes
def test_a_run_that_cannot_be_told_from_an_older_one_is_found_by_the_next_try(
    deferrable: bool,
    code: str,
    start: Any,
    context: ContextMaker,
    omics_faults: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    omics_faults.fail("GetRun", code, times=adoption.REPEATS + 1)
    with pytest.raises(errors.OmicsError, match=code):
        start(deferrable=deferrable, preflight=False).execute(context(max_tries=1))
    assert start().execute(context(try_number=2, max_tries=1))["status"] == "COMPLETED"
    assert omics_faults.calls["StartRun"] == 1


def test_an_author_s_token_is_respected(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, logged: Logged
) -> None:
    old = first_try(request_id="mine")
    omics_clock.advance(3600)
    made = context()
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    assert start(request_id="mine").execute(made)["id"] == old["id"]
    assert f"request_id mine has been used before, for run {old['id']}" in logged()


@pytest.mark.parametrize("denied", ["ListRuns", "GetRun"])
def test_who_may_not_look_does_not_start_again(
    denied: str, first_try: Any, start: Any, context: ContextMaker, omics_faults: Any
) -> None:
    first_try(at={"max_tries": 1})
    omics_faults.deny(denied)
    with pytest.raises(errors.AccessDenied, match=f"allow omics:{denied}"):
        start().execute(context(try_number=2, max_tries=1))
    assert omics_faults.calls["StartRun"] == 1


def test_a_run_that_is_deleted_while_it_is_looked_for(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_faults: Any, omics_clock: Any
) -> None:
    left = first_try(at={"max_tries": 1})
    omics_clock.advance(3600)
    omics_faults.list_lag = 7200
    omics.delete_run(id=left["id"])
    assert start().execute(context(try_number=2, max_tries=1))["status"] == "COMPLETED"
    assert omics_faults.calls["StartRun"] == 2


@both_modes
def test_what_a_first_try_costs(deferrable: bool, start: Any, context: ContextMaker, omics_faults: Any) -> None:
    finish(start(deferrable=deferrable, preflight=False), context())
    assert set(omics_faults.calls) == {"StartRun", "GetRun", "ListRunTasks"}
    assert (omics_faults.calls["StartRun"], omics_faults.calls["ListRunTasks"]) == (1, 1)


def test_a_clock_that_runs_fast_makes_no_replay_of_a_new_run(
    start: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an emulator's does: a minute may pass for the service while a call takes a tenth of a second."""
    original = OmicsHook.create

    def slow(self: OmicsHook, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, *args, **kwargs)
        omics_clock.advance(60)
        return answer

    monkeypatch.setattr(OmicsHook, "create", slow)
    for try_number in (1, 2):
        start(wait_for_completion=False).execute(context(try_number=try_number, max_tries=1))
    assert len(omics.list_runs()["items"]) == 1


def test_a_try_that_airflow_executes_twice_goes_on_with_its_own_run(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Airflow 2 does after a late report of a worker that it took for dead."""
    made = context(max_tries=1)
    made["dag_run"] = SimpleNamespace(start_date=omics_clock.now(), clear_number=0)
    left = start(wait_for_completion=False).execute(made)
    omics_clock.advance(300)
    monkeypatch.setattr(Adoption, "earliest", lambda _: omics_clock.now())
    assert start().execute(made)["id"] == left["id"]
    assert len(omics.list_runs()["items"]) == 1


def test_a_try_after_clearing_that_could_not_leave_word_starts_anew(
    first_try: Any, start: Any, context: ContextMaker, omics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Airflow 2, whose workers are told too late."""
    left = first_try(at={"max_tries": 1})
    monkeypatch.setattr(identity, "cleared_while_running", lambda _: True)
    result = start().execute(context(try_number=2, max_tries=1))
    assert runs(omics) == {left["id"]: "CANCELLED", result["id"]: "COMPLETED"}
