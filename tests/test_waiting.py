"""How often a wait looks, and what does not fail it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.hooks.omics import THROTTLED_REPEATS
from airflow_provider_omics.hooks.waiting import interval
from tests.conftest import ContextMaker

pytestmark = pytest.mark.matrix


def test_the_intervals_grow_to_the_delay() -> None:
    assert [interval(look, 30) for look in range(1, 7)] == [3, 6, 12, 24, 30, 30]
    assert interval(10**6, 30) == 30
    assert interval(1, 0.5) == 0.5


@pytest.fixture
def resumed(
    quick_waits: None,
    start: Any,
    begin: Callable[..., str],
    context: ContextMaker,
    omics_clock: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], dict[str, Any]]:
    """Return what resumes a task whose trigger has told of the end of its run."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    identifiers = {"id": begin()}
    omics_clock.advance(3600)
    event = {"resource": "run", "identifiers": identifiers, "arn": None, "try_number": 1}
    return lambda: dict(start().execute_complete(context(), event | {"status": "COMPLETED", "limit": None}))


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException"])
def test_a_deferred_wait_is_not_lost_when_its_result_is_fetched(
    code: str, resumed: Callable[[], dict[str, Any]], omics_faults: Any
) -> None:
    omics_faults.fail("GetRun", code, times=THROTTLED_REPEATS)
    assert resumed()["status"] == "COMPLETED"


def test_what_does_not_pass_fails_it_in_the_end(resumed: Callable[[], dict[str, Any]], omics_faults: Any) -> None:
    omics_faults.throttle("GetRun", rate=1)
    with pytest.raises(errors.Throttled):
        resumed()
