"""pytest fixtures for the tests of one's own DAGs, and for moto's ``mock_aws`` with HealthOmics in it.

pytest loads this module in every session (entry point ``pytest11``), so it imports nothing that such a session does not
have already, and changes nothing before a test asks for one of its fixtures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.clock import Clock
    from airflow_provider_omics.emulator.faults import Faults
    from airflow_provider_omics.emulator.server import Server
    from airflow_provider_omics.emulator.store import Store

REGION = "us-east-1"
BUCKET = "omics-test-bucket"
SPEED = 600.0
"""How many seconds of the emulator pass in one real second: a run of three minutes is over in a third of one."""


@pytest.fixture
def omics_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return the inside of an empty HealthOmics: its plans, faults and clock, and what no request leads to.

    From then on ``mock_aws`` answers for HealthOmics, and in this test from it. Time passes 600 times as fast as
    outside, unless the test asks for :func:`omics_clock`, or for :func:`omics_wdl`, whose tasks are real.
    """
    from airflow_provider_omics.emulator import backend
    from airflow_provider_omics.emulator.backend.models import OmicsBackend
    from airflow_provider_omics.emulator.clock import Clock
    from airflow_provider_omics.emulator.neighbours import MotoNeighbours
    from airflow_provider_omics.emulator.store import Store

    backend.register()
    wdl = "omics_wdl" in request.fixturenames
    clock = Clock(frozen=True) if "omics_clock" in request.fixturenames else Clock(speed=1 if wdl else SPEED)
    neighbours = MotoNeighbours()
    store = Store(clock=clock, neighbours=neighbours, engine="wdl" if wdl else "simulated")
    monkeypatch.setattr(OmicsBackend, "store", store)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):  # botocore refuses to work where it does not find the profile
        monkeypatch.delenv(name, raising=False)
    yield store
    store.close()
    neighbours.reset()


@pytest.fixture
def omics_services() -> Sequence[str]:
    """Return the services that :func:`omics_emulator` serves besides its own: none, until a test suite overrides this.

    They go by the names of their packages in moto, e.g. ``["dynamodb"]``.
    """
    return ()


@pytest.fixture
def omics_emulator(
    omics_store: Store, omics_services: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """Let HealthOmics, with S3, STS and Logs beside it, answer on a free port of this machine.

    ``omics_emulator.url`` is its address and ``omics_emulator.store`` its inside. No HTTP proxy comes between.
    """
    from airflow_provider_omics.emulator.connection import no_proxy
    from airflow_provider_omics.emulator.server import Server

    for name, value in no_proxy().items():
        monkeypatch.setenv(name, value)
    with Server(omics_store, services=omics_services) as server:
        server.wait()
        yield server


@pytest.fixture
def omics_mock(omics_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Let HealthOmics, with S3, STS and Logs beside it, answer inside the test's own process, by moto's ``mock_aws``.

    No port and no other process: for what boto3 calls from this process, which leaves out aiobotocore.
    """
    from moto import mock_aws

    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")  # mock_aws answers at AWS's own addresses only
    mock = mock_aws()
    mock.start(reset=False)  # a bucket of the test may be there already
    yield omics_store
    mock.stop()


@pytest.fixture
def omics_connection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point the Airflow connection ``aws_default`` at the emulator, and return its id.

    That is the one of :func:`omics_mock` where the test asks for it, else that of :func:`omics_emulator`.
    """
    from airflow_provider_omics.emulator.connection import CONNECTION, connection_json

    mocked = "omics_mock" in request.fixturenames
    url = None if mocked else request.getfixturevalue("omics_emulator").url
    monkeypatch.setenv(CONNECTION, connection_json(url, REGION))
    return "aws_default"


@pytest.fixture
def omics_bucket(omics_store: Store) -> str:
    """Make a bucket in the emulated S3, for caches and outputs, and return its name."""
    from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT
    from airflow_provider_omics.emulator.neighbours import MotoNeighbours

    MotoNeighbours().create_bucket(BUCKET, os.environ.get("MOTO_ACCOUNT_ID", DEFAULT_ACCOUNT), REGION)
    return BUCKET


@pytest.fixture
def omics_clock(omics_store: Store) -> Clock:
    """Freeze the emulator's time; ``omics_clock.advance(seconds)`` moves it."""
    return omics_store.clock


@pytest.fixture
def omics_faults(omics_store: Store) -> Faults:
    """Return the emulator's faults, e.g. ``omics_faults.fail("StartRun", "InternalServerException")``."""
    return omics_store.faults


@pytest.fixture
def omics_wdl(omics_store: Store) -> Callable[[str | os.PathLike[str]], str]:
    """Let runs execute their WDL workflow; return what registers one: ``omics_wdl("cohort.wdl")`` returns its id.

    A task is a process of this machine, with your rights. It needs ``pip install 'airflow-provider-omics[wdl]'``.
    """
    from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT
    from airflow_provider_omics.emulator.seeding import seed_wdl

    account = os.environ.get("MOTO_ACCOUNT_ID", DEFAULT_ACCOUNT)
    return lambda path: seed_wdl(omics_store, account, REGION, Path(path))
