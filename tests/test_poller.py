"""The poll that all waits share: what it costs, what disturbs it, and that no end is missed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.hooks.sweep import Sweep
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.resources import RUN, RUN_TASK
from airflow_provider_omics.triggers import poller as poller_module
from airflow_provider_omics.triggers.poller import poller_of

CONNECTION: dict[str, Any] = {"aws_conn_id": "aws_default", "region_name": None, "verify": None, "config": None}


pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]


@pytest.fixture
def run_ids(omics: Any, workflow_id: str, omics_bucket: str) -> Any:
    """Return a maker of runs."""

    def make(number: int, account: str | None = None) -> list[str]:
        return [
            omics.start_run(
                workflowId=workflow_id,
                roleArn="arn:aws:iam::123456789012:role/Omics",
                outputUri=f"s3://{omics_bucket}/runs",
                requestId=f"{account}-{n}",
                **({"runGroupId": account} if account else {}),
            )["id"]
            for n in range(number)
        ]

    return make


async def wait_for(run_id: str, *, uuid: str | None = None, delay: float = 30, **limits: Any) -> dict[str, Any]:
    async with poller_of(RUN, CONNECTION) as poller:
        return await poller.wait({"id": run_id}, uuid=uuid, delay=delay, limits=Limits(**limits))


def together(*waits: Coroutine[Any, Any, dict[str, Any]]) -> list[Any]:
    async def gather() -> list[Any]:
        return list(await asyncio.gather(*waits, return_exceptions=True))

    return asyncio.run(gather())


COMPLETED = {"status": "COMPLETED", "limit": None}


def test_one_wait_describes(run_ids: Any, omics_faults: Any) -> None:
    (run_id,) = run_ids(1)
    assert together(wait_for(run_id)) == [COMPLETED]
    assert set(omics_faults.calls) == {"StartRun", "GetRun"}


def test_many_waits_list_and_describe_only_what_has_left_the_lists(run_ids: Any, omics_faults: Any) -> None:
    made = run_ids(60)
    assert together(*(wait_for(run_id) for run_id in made)) == [COMPLETED] * 60
    assert omics_faults.calls["GetRun"] <= 60 + 10
    assert omics_faults.calls["ListRuns"] <= 40


def test_a_page_that_does_not_come_is_asked_for_again(run_ids: Any, omics_faults: Any) -> None:
    made = run_ids(60)
    omics_faults.fail("ListRuns", "InternalServerException", times=2)
    assert together(*(wait_for(run_id) for run_id in made)) == [COMPLETED] * 60
    assert omics_faults.calls["GetRun"] <= 60 + 10


def test_what_has_left_the_lists_is_described_before_it_is_due(run_ids: Any, omics: Any, omics_clock: Any) -> None:
    made = run_ids(20)
    omics.cancel_run(id=made[-1])
    omics_clock.advance(10)
    watched = [(run_id,) for run_id in made]

    async def course() -> dict[Any, Any]:
        with ThreadPoolExecutor(1) as executor:
            sweep = Sweep(OmicsHook(), RUN, executor)
            return {key: found async for key, found in sweep.look(watched[:10], watched)}

    found = asyncio.run(course())
    assert found.keys() == set(watched)
    assert found[watched[-1]]["status"] == "CANCELLED"


def test_a_failed_run_is_an_end_too(run_ids: Any, omics: Any) -> None:
    made = run_ids(10)
    omics.cancel_run(id=made[3])
    outcomes = together(*(wait_for(run_id) for run_id in made))
    assert [outcome["status"] for outcome in outcomes].count("CANCELLED") == 1
    assert outcomes[3]["status"] == "CANCELLED"


def test_an_id_that_aws_uses_again_is_not_mistaken(run_ids: Any) -> None:
    (run_id,) = run_ids(1)
    assert together(wait_for(run_id, uuid="another")) == [{"status": "DELETED", "limit": None}]


def test_lists_that_lag_end_nothing(run_ids: Any, omics_faults: Any) -> None:
    omics_faults.list_lag = 60
    assert together(*(wait_for(run_id) for run_id in run_ids(20))) == [COMPLETED] * 20


def test_where_lists_are_denied_it_describes(run_ids: Any, omics_faults: Any) -> None:
    omics_faults.deny("ListRuns")
    assert together(*(wait_for(run_id) for run_id in run_ids(20))) == [COMPLETED] * 20
    assert omics_faults.calls["ListRuns"] == 1


def test_where_others_fill_the_account_it_describes(run_ids: Any, omics: Any, omics_faults: Any) -> None:
    group = omics.create_run_group(maxRuns=1)["id"]
    run_ids(5000, group)
    omics_faults.calls.clear()
    made = run_ids(12)
    assert together(*(wait_for(run_id) for run_id in made)) == [COMPLETED] * 12
    assert omics_faults.calls["ListRuns"] <= 12


def test_throttling_and_server_errors_end_nothing(run_ids: Any, omics_faults: Any) -> None:
    omics_faults.throttle(rate=0.3)
    omics_faults.fail("GetRun", "InternalServerException", times=5)
    omics_faults.fail("ListRuns", "InternalServerException", times=2)
    assert together(*(wait_for(run_id) for run_id in run_ids(30))) == [COMPLETED] * 30


def test_a_bad_resource_does_not_disturb_the_others(run_ids: Any) -> None:
    good, bad = run_ids(1)[0], "999999999"
    outcomes = together(wait_for(bad), wait_for(good))
    assert isinstance(outcomes[0], errors.NotFound)
    assert outcomes[1] == COMPLETED


def test_a_denied_look_fails_its_waits_with_the_permission(run_ids: Any, omics_faults: Any) -> None:
    omics_faults.deny("GetRun")
    (outcome,) = together(wait_for(run_ids(1)[0]))
    assert isinstance(outcome, errors.AccessDenied)
    assert "allow omics:GetRun" in str(outcome)


def test_each_wait_keeps_its_own_limit(run_ids: Any) -> None:
    made = run_ids(3)
    outcomes = together(
        wait_for(made[0], waiter_max_attempts=1),
        wait_for(made[1], execution_timeout=datetime.now(UTC).timestamp() - 1),
        wait_for(made[2]),
    )
    assert [outcome["limit"] for outcome in outcomes] == ["waiter_max_attempts", "execution_timeout", None]


def test_two_waits_for_one_run_cost_one_look(run_ids: Any, omics_faults: Any) -> None:
    (run_id,) = run_ids(1)
    assert together(wait_for(run_id), wait_for(run_id)) == [COMPLETED] * 2
    alone = omics_faults.calls["GetRun"]
    omics_faults.calls.clear()
    together(wait_for(run_id))
    assert alone <= 12


def test_a_late_wait_joins_and_a_cancelled_one_leaves(run_ids: Any) -> None:
    made = run_ids(3)

    async def course() -> Any:
        first = asyncio.ensure_future(wait_for(made[0]))
        second = asyncio.ensure_future(wait_for(made[1]))
        poller = poller_of(RUN, CONNECTION)
        while sum(wait.looks > 0 for waits in poller.waits.values() for wait in waits) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
        second.cancel()
        late = asyncio.ensure_future(wait_for(made[2]))
        ends = await asyncio.gather(first, late)
        assert second.cancelled() or isinstance(second.exception(), asyncio.CancelledError)
        return ends

    assert asyncio.run(course()) == [COMPLETED] * 2


def test_the_last_wait_closes_everything(run_ids: Any) -> None:
    async def course() -> tuple[Any, int]:
        poller = poller_of(RUN, CONNECTION)
        await wait_for(run_ids(1)[0])
        await asyncio.sleep(0)
        return poller, len([task for task in asyncio.all_tasks() if task is not asyncio.current_task()])

    poller, tasks = asyncio.run(course())
    assert (tasks, poller.waits) == (0, {})
    assert poller._executor._shutdown


def test_the_poller_of_a_closed_loop_is_dropped() -> None:
    async def open_one() -> Any:
        return poller_of(RUN, CONNECTION)

    first, second = asyncio.run(open_one()), asyncio.run(open_one())
    assert first is not second
    assert first not in [each for pollers in poller_module._pollers.values() for each in pollers.values()]


def test_waits_of_another_kind_or_connection_have_a_poller_of_their_own() -> None:
    async def course() -> None:
        one = poller_of(RUN, CONNECTION)
        assert poller_of(RUN, dict(CONNECTION)) is one
        assert poller_of(RUN_TASK, CONNECTION) is not one
        assert poller_of(RUN, {**CONNECTION, "region_name": "us-west-2"}) is not one
        assert poller_of(RUN, {**CONNECTION, "config": {"read_timeout": 5}}) is not one

    asyncio.run(course())


def test_an_error_in_the_building_reaches_every_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws", "extra": {"region_name": "eu-north-1"}}')
    outcomes = together(wait_for("1"), wait_for("2"))
    assert all(isinstance(outcome, errors.OmicsConnectionError) for outcome in outcomes)


def test_after_an_error_in_the_building_a_later_wait_builds_again(
    run_ids: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = run_ids(1)

    async def course() -> Any:
        async with poller_of(RUN, CONNECTION):
            with monkeypatch.context() as broken:
                broken.setenv(
                    "AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws", "extra": {"region_name": "eu-north-1"}}'
                )
                with pytest.raises(errors.OmicsConnectionError):
                    await wait_for(run_id)
            return await wait_for(run_id)

    assert asyncio.run(course()) == COMPLETED
