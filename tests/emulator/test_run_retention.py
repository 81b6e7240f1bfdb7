"""How many runs an account can have, and which of them make room for new ones."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics.emulator import Store
from tests.emulator.wired import Service

LIMIT = 3


@pytest.fixture(autouse=True)
def _few_runs(service: Service) -> None:
    service.store.max_runs = LIMIT


def listed(service: Service) -> list[str]:
    return [run["name"] for run in service.client.list_runs()["items"]]


def run(service: Service, name: str, mode: str | None = None) -> Any:
    """Start a run and let it end."""
    return service.run(name=name, **({"retentionMode": mode} if mode else {}))


def test_the_limit_is_that_of_aws_unless_a_store_has_its_own() -> None:
    assert Store().max_runs == 100_000
    assert Store(max_runs=5).max_runs == 5


def test_runs_are_retained_by_default_and_then_no_more_can_be_started(service: Service) -> None:
    runs = [run(service, name) for name in "abc"]
    assert {run["retentionMode"] for run in runs} == {"RETAIN"}
    for mode in ("RETAIN", "REMOVE"):
        with pytest.raises(service.client.exceptions.ServiceQuotaExceededException, match="3 runs") as caught:
            service.start(retentionMode=mode)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert listed(service) == ["a", "b", "c"]
    service.client.delete_run(id=runs[1]["id"])
    service.start(name="d")
    assert listed(service) == ["a", "c", "d"]


def test_the_oldest_run_that_may_be_removed_makes_room(service: Service) -> None:
    run(service, "kept")
    run(service, "first", "REMOVE")
    run(service, "second", "REMOVE")
    service.start(name="new", retentionMode="REMOVE")
    assert listed(service) == ["kept", "second", "new"]
    service.start(name="newer")
    assert listed(service) == ["kept", "new", "newer"]


def test_a_removed_run_is_gone(service: Service) -> None:
    removed = run(service, "a", "REMOVE")
    for name in "bc":
        run(service, name)
    again = service.start(name="d")
    found = service.client.get_run(id=removed["id"])
    assert (found["uuid"], found["name"]) == (again["uuid"], "d")
    assert found["uuid"] != removed["uuid"]


def test_an_active_run_is_never_removed(service: Service) -> None:
    active = [service.start(name=name, retentionMode="REMOVE") for name in "abc"]
    with pytest.raises(service.client.exceptions.ServiceQuotaExceededException):
        service.start(retentionMode="REMOVE")
    service.client.cancel_run(id=active[1]["id"])
    service.clock.advance(3)
    service.start(name="d")
    assert listed(service) == ["a", "c", "d"]


def test_a_refused_request_removes_nothing(service: Service) -> None:
    for name in "abc":
        run(service, name, "REMOVE")
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        service.start(cacheId="7777777")
    assert listed(service) == ["a", "b", "c"]


def test_the_same_request_again_removes_no_second_run(service: Service) -> None:
    for name in "abc":
        run(service, name, "REMOVE")
    for _ in range(2):
        service.start(name="d", requestId="token")
    assert listed(service) == ["b", "c", "d"]
