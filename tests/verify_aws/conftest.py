"""The verification, and a part of an emulated account for it, beside what others made there."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_omics.emulator import Clock, Store
from tests.verify_aws.accounts import ACCOUNT, REGION, ROLE, SCRIPTS, client, everything


@pytest.fixture
def verification(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script's own module of that name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("verification.course")


@pytest.fixture
def clock(omics_clock: Clock) -> Clock:
    """Return the emulator's clock, at a time that is no whole number of milliseconds."""
    now = omics_clock.now()
    omics_clock.advance((1_123_456 - now.microsecond) / 1e6)
    return omics_clock


@pytest.fixture
def account(verification: ModuleType, omics_mock: Store, omics_bucket: str, clock: Clock) -> Any:
    """Return the part of an account that a verification makes for itself."""
    made = importlib.import_module("verification.account")
    return made.Account(
        client("omics"),
        client("s3"),
        omics_bucket,
        ROLE,
        sleep=clock.advance,
        monotonic=lambda: clock.now().timestamp(),
    )


@pytest.fixture
def others(omics_mock: Store, omics_bucket: str, clock: Clock) -> Iterator[dict[str, Any]]:
    """Fill the account with what others made, under names that are much like a verification's; all of it must stay."""
    omics, s3 = client("omics"), client("s3")
    name = "omics-verify-000000000000-twin"
    omics_mock.seed_workflow(ACCOUNT, REGION, "1234567", name=name)
    cache_id = omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache", name=name)["id"]
    omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache")
    omics.create_run_group(name="omics-verify-")
    place = f"s3://{omics_bucket}/out"
    omics.start_run(workflowId="1234567", roleArn=ROLE, outputUri=place, name=name, cacheId=cache_id)
    for key in ("omics-verify-", "omics-verify-000000000000/keep", "cohort.csv"):
        s3.put_object(Bucket=omics_bucket, Key=key, Body=b"x")
    clock.advance(3600)
    before = everything(omics_mock, omics_bucket)
    yield before
    assert everything(omics_mock, omics_bucket) == before
