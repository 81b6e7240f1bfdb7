"""Two hundred starts that AWS throttles, in ten worker slots, simulated: who gets a turn, and who a slot."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_omics.emulator.token_bucket import TokenBucket
from airflow_provider_omics.exceptions import StartTimeout, Throttled
from airflow_provider_omics.hooks import omics as hook_module
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators import run_start
from airflow_provider_omics.operators.adoption import Adoption
from airflow_provider_omics.operators.run_start import RunStarter
from airflow_provider_omics.resources import RUN
from tests.virtual_time import Slots, VirtualTime

STARTS = 200
WORKER_SLOTS = 10
MAX_ACTIVE_TASKS = 16
"""How many tasks of a DAG Airflow runs or queues at the same time, unless told otherwise."""
LOOK_SECONDS = 15.0
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class MeteredHook(OmicsHook):
    """A hook whose StartRun is answered by a bucket of tokens."""

    conn_once: Any = None

    def __init__(self, time: VirtualTime, per_second: float) -> None:
        super().__init__(aws_conn_id=None)
        self.time = time
        self.bucket = TokenBucket(timedelta(seconds=1 / per_second), 1, BEGAN)
        self.started: list[tuple[float, str]] = []

    def _send(self, client: Any, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        if not self.bucket.take(BEGAN + timedelta(seconds=self.time.now)):
            raise Throttled(operation, "ThrottlingException", "Rate exceeded.", 429)
        self.started.append((self.time.now, members["requestId"]))
        return {"id": members["requestId"]}


@dataclass
class Cohort:
    """Mapped starts of one DAG, deferred between their turns, and another DAG that looks for a slot now and then.

    :param hook: what they start with
    :param overhead: seconds that a worker takes for a task besides its calls
    :param timeout: the ``start_timeout``
    """

    hook: MeteredHook
    overhead: float = 2.0
    timeout: float | None = None
    waits: list[float] = field(default_factory=list)
    """How long each task of the other DAG waited for its slot."""
    held: float = 0.0
    """How long the starts held slots, in seconds, together."""
    timed_out: int = 0
    ended: int = 0

    def run(self) -> None:
        """Run everything to its end."""
        self.slots, self.active = Slots(self.hook.time, WORKER_SLOTS), Slots(self.hook.time, MAX_ACTIVE_TASKS)
        self.hook.time.run([*(self._start(f"start-{number}") for number in range(STARTS)), self._look])

    def _start(self, token: str) -> Callable[[], None]:
        def job() -> None:
            pause: float | None = 0.0
            pauses, began = 0, self.hook.time.now
            while pause is not None:
                self.hook.time.sleep(pause)
                with self.active.one(), self.slots.one():
                    pause, pauses = self._turn(token, began, pauses)
            self.ended += 1

        return job

    def _turn(self, token: str, began: float, pauses: int) -> tuple[float | None, int]:
        """Send once more, and return the pause before the next turn and how many there were; None at the end."""
        time = self.hook.time
        since = time.now
        time.sleep(self.overhead)
        adoption: Adoption = SimpleNamespace(resource=RUN)  # type: ignore[assignment]
        starter = RunStarter(self.hook, adoption, {"requestId": token}, False, self.timeout, began, BEGAN, pauses)
        pause = None
        try:
            starter.send()
        except Throttled as refused:
            try:
                pause = starter.pause(refused)
            except StartTimeout:
                self.timed_out += 1
        self.held += time.now - since
        return pause, starter.pauses

    def _look(self) -> None:
        while self.ended < STARTS:
            since = self.hook.time.now
            with self.slots.one():
                self.waits.append(self.hook.time.now - since)
            self.hook.time.sleep(LOOK_SECONDS)


@pytest.fixture(autouse=True)
def _seed() -> None:
    random.seed(20260101)


@pytest.fixture
def cohort(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cohort]:
    """Return a maker of cohorts that are at their end."""

    def make(per_second: float, **arguments: Any) -> Cohort:
        time = VirtualTime()
        monkeypatch.setattr(hook_module, "sleep", time.sleep)
        monkeypatch.setattr(run_start, "time", time.time)
        hook = MeteredHook(time, per_second)
        monkeypatch.setattr(hook.log, "info", lambda *_: None)  # which would be most of the work
        made = Cohort(hook, **arguments)
        made.run()
        return made

    return make


@pytest.mark.parametrize("overhead", [2.0, 5.0])
@pytest.mark.parametrize("per_second", [0.1, 1.0])
def test_all_start_once_and_the_rate_is_used(per_second: float, overhead: float, cohort: Callable[..., Cohort]) -> None:
    many = cohort(per_second, overhead=overhead)
    assert sorted(token for _, token in many.hook.started) == sorted(f"start-{number}" for number in range(STARTS))
    last = max(moment for moment, _ in many.hook.started)
    assert STARTS / per_second / last >= 0.7
    assert max(many.waits) <= 60


def test_hours_of_waiting_leave_slots_to_others(cohort: Callable[..., Cohort]) -> None:
    """By default AWS starts one run in ten seconds; who waits for a turn waits in the triggerer."""
    many = cohort(0.1)
    busy = many.held / max(moment for moment, _ in many.hook.started)
    assert busy < WORKER_SLOTS / 2


def test_a_start_gives_up_in_time(cohort: Callable[..., Cohort]) -> None:
    """What has no turn within ``start_timeout`` fails, and everything else starts."""
    many = cohort(0.1, timeout=900.0)
    assert len(many.hook.started) + many.timed_out == STARTS
    assert 0.9 * 90 <= len(many.hook.started) <= 100
    assert many.hook.time.now < 1000
