"""The poll's own threads never call Airflow: not to poll, and not to renew credentials."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from typing import Any

import pytest
from botocore.credentials import RefreshableCredentials

from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.resources import RUN
from airflow_provider_omics.triggers.poller import Poller, poller_of
from tests.conftest import ContextMaker

pytestmark = [pytest.mark.usefixtures("quick_waits"), pytest.mark.matrix]

CONNECTION: dict[str, Any] = {"aws_conn_id": "aws_default", "region_name": None, "verify": None, "config": None}
ROLE = "arn:aws:iam::123456789012:role/Airflow"


@pytest.fixture
def assumed_role(omics_connection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the connection assume a role, whose credentials last an hour."""
    variable = f"AIRFLOW_CONN_{omics_connection.upper()}"
    connection = json.loads(os.environ[variable])
    sts = {"sts": {"endpoint_url": connection["extra"]["endpoint_url"]}}
    connection["extra"] = {**connection["extra"], "role_arn": ROLE, "service_config": sts}
    monkeypatch.setenv(variable, json.dumps(connection))


@pytest.fixture
def begin_run(start: Any, context: ContextMaker) -> str:
    """Start a run, and return its id."""
    return str(start(wait_for_completion=False).execute(context())["id"])


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let everything that asks Airflow for something raise outside the one place that may; return what was asked."""
    import airflow.providers.amazon.aws.hooks.base_aws as module

    base_aws: Any = module
    building = threading.local()
    asked: list[str] = []
    build = Poller.__init__

    def init(self: Poller, resource: Any, make: Any, forget: Any) -> None:
        def make_here() -> OmicsHook:
            building.now = True
            try:
                hook: OmicsHook = make()
                return hook
            finally:
                building.now = False

        build(self, resource, make_here, forget)

    def guard(name: str, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            asked.append(name)
            if not getattr(building, "now", False):
                raise AssertionError(f"{name} was called outside the building of the client")
            return original(*args, **kwargs)

        return call

    monkeypatch.setattr(Poller, "__init__", init)
    get_connection = guard("get_connection", OmicsHook.get_connection)
    monkeypatch.setattr(OmicsHook, "get_connection", staticmethod(get_connection))
    monkeypatch.setattr(base_aws, "mask_secret", guard("mask_secret", base_aws.mask_secret))
    return asked


def test_polls_and_renewals_of_credentials_do_not_call_airflow(
    begin_run: Any, assumed_role: None, guarded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed_in: list[str] = []
    private: Any = RefreshableCredentials
    remaining, refresh = private._seconds_remaining, private._protected_refresh

    def noted(self: RefreshableCredentials, is_mandatory: bool) -> None:
        renewed_in.append(threading.current_thread().name)
        refresh(self, is_mandatory)

    # Of an hour: five minutes before their end botocore insists on new ones.
    monkeypatch.setattr(RefreshableCredentials, "_seconds_remaining", lambda self: remaining(self) - 55 * 60)
    monkeypatch.setattr(RefreshableCredentials, "_protected_refresh", noted)

    async def wait() -> dict[str, Any]:
        async with poller_of(RUN, CONNECTION) as poller:
            return await poller.wait({"id": begin_run}, uuid=None, delay=30, limits=Limits())

    assert asyncio.run(wait())["status"] == "COMPLETED"
    assert "get_connection" in guarded
    assert len(renewed_in) > 1
    assert all(thread.startswith("omics-run") for thread in renewed_in)


def test_the_guard_itself_notices(guarded: list[str], omics_connection: str) -> None:
    with pytest.raises(AssertionError, match="get_connection was called outside"):
        assert OmicsHook().conn
    assert guarded == ["get_connection"]
