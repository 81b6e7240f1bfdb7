"""CreateRunCacheOperator where lists lag: what one process sees of a race; tests/faults has eight of them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_omics.operators import ensure
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator
from tests.conftest import ContextMaker, Logged


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, omics_clock: Any, omics_connection: str) -> None:
    """Let the emulator's clock move where an operator would sleep."""
    monkeypatch.setattr(ensure, "sleep", omics_clock.advance)


def make(bucket: str) -> CreateRunCacheOperator:
    return CreateRunCacheOperator(task_id="cache", cache_s3_location=f"s3://{bucket}/cache")


@pytest.mark.parametrize("may_rename", [True, False])
def test_who_loses_the_race_steps_aside(
    may_rename: bool,
    context: ContextMaker,
    omics_bucket: str,
    omics: Any,
    omics_faults: Any,
    omics_clock: Any,
    logged: Logged,
) -> None:
    omics_faults.idempotency = "off"
    omics_faults.list_lag = 2
    if not may_rename:
        omics_faults.deny("UpdateRunCache")
    older = omics.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/cache", name="genomes.task")["id"]
    omics_clock.advance(1)  # so that it is older, and not listed yet
    result = make(omics_bucket).execute(context())
    assert (result["id"], result["created"]) == (older, False)
    omics_clock.advance(5)
    names = {cache["id"]: cache["name"] for cache in omics.list_run_caches()["items"]}
    assert names.pop(older) == "genomes.task"
    assert list(names.values()) == [f"genomes.task duplicate of {older}" if may_rename else "genomes.task"]
    assert "lost a race against" in logged()


def test_a_cache_of_ones_own_counts_before_it_is_listed(
    context: ContextMaker, omics_bucket: str, omics: Any, omics_faults: Any
) -> None:
    omics_faults.list_lag = 60
    assert make(omics_bucket).execute(context())["created"]
    assert omics.list_run_caches()["items"] == []
