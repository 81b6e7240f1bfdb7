"""Each check of what AWS documents finds a service that does otherwise."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_omics.emulator import Store

pytestmark = pytest.mark.slow

SABOTAGE: dict[str, tuple[str, dict[str, Any]]] = {
    "a new cache is active and has an id of digits": ("create_run_cache", {"arn": "arn:x:runCache/9"}),
    "the uri of a cache is its location a uuid and a slash": ("get_run_cache", {"cacheS3Uri": "s3://elsewhere"}),
    "an update changes what it names": ("get_run_cache", {"description": "lost"}),
    "a run group keeps its limits": ("get_run_group", {"maxRuns": 2}),
    "a run shows what it was started with": ("get_run", {"outputUri": "s3://elsewhere"}),
    "tags come and go": ("list_tags_for_resource", {"tags": {}}),
}
"""What to change in the answer of which handler, for a check to find it."""


@pytest.mark.parametrize("title", SABOTAGE)
def test_a_service_that_does_otherwise_is_found_out(
    title: str,
    verification: ModuleType,
    account: Any,
    omics_mock: Store,
    omics_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow_provider_omics.emulator.operations import HANDLERS

    handler, change = SABOTAGE[title]
    name = next(name for name, function in HANDLERS.items() if function.__name__ == handler)
    honest = HANDLERS[name]
    monkeypatch.setitem(HANDLERS, name, lambda call: {**honest(call), **change})
    outcome = verification.verify(account, asked=(), checked=[title])
    assert list(outcome.differs) == [title]
    assert not outcome.complete


@pytest.mark.parametrize("title", ["reserved tags are refused", "what breaks the model is refused"])
def test_a_service_that_accepts_too_much_is_found_out(
    title: str, verification: ModuleType, account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "answer", lambda operation, **request: {})
    assert list(verification.verify(account, asked=(), checked=[title]).differs) == [title]


def test_an_active_run_that_can_be_deleted_is_found_out(
    verification: ModuleType, account: Any, monkeypatch: pytest.MonkeyPatch, others: dict[str, Any]
) -> None:
    from airflow_provider_omics.emulator.operations import HANDLERS

    honest, calls = HANDLERS["DeleteRun"], itertools.count()
    monkeypatch.setitem(HANDLERS, "DeleteRun", lambda call: honest(call) if next(calls) else {})
    outcome = verification.verify(account, asked=(), checked=["an active run is not deleted"])
    assert list(outcome.differs) == ["an active run is not deleted"]
    assert outcome.left == []
