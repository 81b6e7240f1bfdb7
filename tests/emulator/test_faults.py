"""Faults on demand, idempotency and lagging lists."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from airflow_provider_omics.emulator import core
from airflow_provider_omics.emulator.errors import MODELLED
from airflow_provider_omics.emulator.faults import Faults
from tests.emulator.wired import ACCOUNT, REGION, Service
from tests.limit import LIMIT_SECONDS


def outcome(call: Any, **request: Any) -> str:
    """Return ``ok`` or the code of the error that a call ends with."""
    try:
        call(**request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except ConnectionClosedError:
        return "lost"
    return "ok"


def ids(service: Service) -> list[str]:
    return [item["id"] for item in service.client.list_run_caches()["items"]]


@pytest.mark.parametrize("code", sorted(MODELLED))
def test_the_nth_call_fails_with_any_error_of_the_model(service: Service, code: str) -> None:
    service.store.faults.fail("CreateRunCache", code, on_call=2, times=2, message="out of order")
    assert [outcome(service.cache) for _ in range(4)] == ["ok", code, code, "ok"]
    assert len(ids(service)) == 2


def test_a_failure_carries_its_message_and_the_status_of_the_model(service: Service) -> None:
    service.store.faults.fail("ListRunCaches", "InternalServerException", message="out of order")
    with pytest.raises(service.client.exceptions.InternalServerException, match="out of order") as caught:
        service.client.list_run_caches()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_a_fault_of_one_operation_leaves_the_others_alone(service: Service) -> None:
    service.store.faults.fail("StartRun", "InternalServerException", times=5)
    service.store.faults.deny("CreateWorkflow")
    assert outcome(service.cache) == "ok"
    service.store.faults.fail("*", "ConflictException")
    assert [outcome(service.cache), outcome(service.cache)] == ["ConflictException", "ok"]


def test_a_lost_answer_is_lost_after_the_work_was_done(service: Service) -> None:
    service.store.faults.lose_answer("CreateRunCache", on_call=2)
    assert [outcome(service.cache) for _ in range(3)] == ["ok", "lost", "ok"]
    assert len(ids(service)) == 3


def test_the_answer_to_a_failed_call_is_not_lost(service: Service) -> None:
    service.store.faults.lose_answer("CreateRunCache")
    service.store.faults.fail("CreateRunCache", "ThrottlingException")
    assert outcome(service.cache) == "ThrottlingException"


def test_throttling_hits_its_share_and_the_same_calls_every_time(service: Service) -> None:
    def throttled() -> list[bool]:
        service.store.faults.clear()
        service.store.faults.throttle("ListRunCaches", rate=0.3)
        return [service.store.faults.meet("ListRunCaches").error is not None for _ in range(1000)]

    first = throttled()
    assert 250 <= sum(first) <= 350
    assert throttled() == first


def test_throttling_goes_from_nothing_to_everything(service: Service) -> None:
    service.store.faults.throttle(rate=1)
    service.store.faults.throttle("CreateRunCache", rate=0)
    assert outcome(service.cache) == "ok"
    with pytest.raises(service.client.exceptions.ThrottlingException) as caught:
        service.client.list_run_caches()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_calls_above_a_rate_are_throttled_until_the_clock_moves_on(service: Service) -> None:
    service.store.faults.limit("CreateRunCache", per_second=0.1)
    assert [outcome(service.cache) for _ in range(3)] == ["ok", "ThrottlingException", "ThrottlingException"]
    service.clock.advance(9.9)
    assert outcome(service.cache) == "ThrottlingException"
    service.clock.advance(0.1)
    assert [outcome(service.cache), outcome(service.cache)] == ["ok", "ThrottlingException"]
    assert outcome(service.start) == "ok"
    assert len(ids(service)) == 2


def test_a_rate_holds_over_time_whatever_the_callers_do(service: Service) -> None:
    service.store.faults.limit("ListRunCaches", per_second=5, burst=10)
    through = 0
    for _ in range(1000):
        through += outcome(service.client.list_run_caches) == "ok"
        service.clock.advance(0.03)
    assert through == 10 + 5 * 1000 * 0.03 - 1  # the last token comes back after the last call


def test_a_pause_fills_the_bucket_and_no_more(service: Service) -> None:
    service.store.faults.limit("ListRunCaches", per_second=1, burst=3)
    for pause, expected in ((0, 3), (1, 1), (2, 2), (3600, 3)):
        service.clock.advance(pause)
        assert [outcome(service.client.list_run_caches) for _ in range(5)].count("ok") == expected


def test_operations_without_a_limit_of_their_own_share_that_of_all(service: Service) -> None:
    service.store.faults.limit("*", per_second=1)
    service.store.faults.limit("StartRun", per_second=1)
    assert [outcome(service.cache), outcome(service.start)] == ["ok", "ok"]
    assert [outcome(service.client.list_runs), outcome(service.start)] == ["ThrottlingException"] * 2
    service.store.faults.clear()
    assert [outcome(service.client.list_runs), outcome(service.start)] == ["ok", "ok"]


def test_denial_lasts_until_cleared(service: Service) -> None:
    service.store.faults.deny("UpdateRunCache")
    cache_id = service.cache()["id"]
    call = service.client.update_run_cache
    assert {outcome(call, id=cache_id, name="x") for _ in range(3)} == {"AccessDeniedException"}
    service.store.faults.clear()
    assert outcome(call, id=cache_id, name="x") == "ok"


def test_a_slow_answer_is_late_as_often_as_asked(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(core, "time", SimpleNamespace(sleep=naps.append))
    service.store.faults.slow("ListRunCaches", seconds=0.2, times=1)
    service.client.list_run_caches()
    assert naps == [0.2]
    service.client.list_run_caches()
    assert naps == [0.2]


def test_calls_are_counted_whatever_their_answer(service: Service) -> None:
    service.store.faults.fail("CreateRunCache", "ConflictException")
    outcome(service.cache)
    outcome(service.cache)
    assert service.store.faults.calls == {"CreateRunCache": 2}


def test_faults_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="NoSuchException"):
        Faults().fail("StartRun", "NoSuchException")
    with pytest.raises(ValueError, match="StartRuns"):
        Faults().deny("StartRuns")
    with pytest.raises(ValueError, match=r"1\.5"):
        Faults().throttle(rate=1.5)
    with pytest.raises(ValueError, match="per_second"):
        Faults().limit("StartRun", per_second=0)
    with pytest.raises(ValueError, match="burst"):
        Faults().limit("StartRun", per_second=1, burst=0)
    with pytest.raises(ValueError, match="on_call"):
        Faults().lose_answer("StartRun", on_call=0)


def test_the_same_request_again_is_answered_as_the_setting_says(service: Service) -> None:
    def again(mode: Any, **request: Any) -> str:
        service.store.faults.idempotency = mode
        return outcome(service.cache, requestId="token", **request)

    first = service.cache(requestId="token")["id"]
    assert service.cache(requestId="token")["id"] == first
    assert again("replay", name="another") == "ValidationException"
    assert again("validation") == "ValidationException"
    assert again("conflict") == "ConflictException"
    assert ids(service) == [first]
    assert again("off") == "ok"
    assert len(ids(service)) == 2


def test_a_replayed_run_is_the_same_run(service: Service) -> None:
    first, second = service.start(requestId="token"), service.start(requestId="token")
    assert (first["id"], first["uuid"]) == (second["id"], second["uuid"])
    assert len(service.client.list_runs()["items"]) == 1


def test_a_replay_tells_the_status_of_today(service: Service) -> None:
    cache_id = service.cache(requestId="token")["id"]
    service.store.set_run_cache_status(ACCOUNT, REGION, cache_id, "FAILED")
    assert service.cache(requestId="token")["status"] == "FAILED"
    service.client.delete_run_cache(id=cache_id)
    assert service.cache(requestId="token")["status"] == "DELETED"


def test_a_token_belongs_to_its_operation_and_a_failure_uses_none_up(service: Service) -> None:
    assert outcome(service.cache, cacheS3Location="s3://missing", requestId="token") == "ValidationException"
    assert outcome(service.cache, requestId="token") == "ok"
    assert outcome(service.start, requestId="token") == "ok"


def test_lists_lag_behind_creation_change_and_deletion(service: Service) -> None:
    service.store.faults.list_lag = 2
    cache_id = service.cache(name="first")["id"]

    def listed() -> list[str]:
        return [item["name"] for item in service.client.list_run_caches()["items"]]

    assert listed() == []
    service.clock.advance(2)
    assert listed() == ["first"]
    service.client.update_run_cache(id=cache_id, name="second")
    service.clock.advance(1.9)
    assert listed() == ["first"]
    assert service.client.get_run_cache(id=cache_id)["name"] == "second"
    service.clock.advance(0.1)
    assert listed() == ["second"]
    service.client.delete_run_cache(id=cache_id)
    assert listed() == ["second"]
    service.clock.advance(2)
    assert listed() == []


def test_a_lagging_list_of_runs_filters_by_what_it_shows(service: Service) -> None:
    service.store.faults.list_lag = 10
    run_id = service.start(name="cohort")["id"]
    service.clock.advance(10)
    assert service.client.get_run(id=run_id)["status"] == "RUNNING"
    (seen,) = service.client.list_runs(name="cohort")["items"]
    assert seen["status"] == "PENDING"
    assert [run["id"] for run in service.client.list_runs(status="PENDING")["items"]] == [run_id]


def test_creation_times_are_as_coarse_as_asked(service: Service) -> None:
    service.store.faults.time_resolution = 1.0
    service.clock.advance(0.75)
    cache = service.client.get_run_cache(id=service.cache()["id"])
    assert cache["creationTime"].microsecond == 0


def test_reset_waits_for_no_request(service: Service) -> None:
    service.cache()
    with ThreadPoolExecutor(1) as pool, service.store.lock:
        pool.submit(service.store.reset).result(timeout=LIMIT_SECONDS)
    assert ids(service) == []


def test_reset_forgets_resources_faults_and_plans(service: Service) -> None:
    service.cache()
    service.start()
    service.store.faults.throttle(rate=1)
    service.store.reset()
    assert ids(service) == []
    assert service.client.list_workflows()["items"] == []
    service.clock.advance(3600)
    assert service.client.list_runs()["items"] == []
