"""Faults on demand: what a test, or a person, tells the emulated service to do wrong."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Literal, get_args

from airflow_provider_omics.emulator.assumptions import Assumptions
from airflow_provider_omics.emulator.clock import Clock, check_duration
from airflow_provider_omics.emulator.errors import (
    MODELLED,
    AccessDeniedException,
    ServiceError,
    ThrottlingException,
)
from airflow_provider_omics.emulator.model import operations
from airflow_provider_omics.emulator.token_bucket import TokenBucket

Submission = Literal["StartRun", "CancelRun", "DeleteRun"]
"""What HealthOmics itself submits for the runs of a batch."""


@dataclass
class _Window:
    """The calls of one operation that a fault hits: the ``first`` to the ``last``, counted from when it was set."""

    operation: str
    first: int
    last: float
    code: str | None = None
    message: str | None = None
    seconds: float = 0.0


class Faults(Assumptions):
    """The faults of one store; ``operation`` is a name of the API, e.g. ``StartRun``, or ``*`` for every one.

    What HealthOmics leaves undocumented is a setting here, so that a client can be tried against each possible answer;
    the settings are those of ``assumptions.json``.

    :param clock: by which request rates are measured; by default the real time.
    """

    calls: Counter[str]
    """How often each operation was called, whatever it was answered with."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Behave well again, and count from zero."""
        with self._lock:
            self.assume()
            self.calls = Counter()
            self._random = Random(0)  # noqa: S311  # a seeded share of failures keeps tests steady
            self._rates: dict[str, float] = {}
            self._buckets: dict[str, TokenBucket] = {}
            self._denied: set[str] = set()
            self._failures: list[_Window] = []
            self._submissions: dict[str, list[_Window]] = {}
            self._losses: list[_Window] = []
            self._delays: list[_Window] = []

    def throttle(self, operation: str = "*", *, rate: float) -> None:
        """Answer a share of the calls with ThrottlingException (429).

        :param rate: the share, from 0 (none) to 1 (all).
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"A rate of throttled calls lies between 0 and 1, not at {rate}.")
        _check_operation(operation)
        with self._lock:
            self._rates[operation] = rate

    def limit(self, operation: str, *, per_second: float, burst: int = 1) -> None:
        """Answer the calls above a rate with ThrottlingException (429), until cleared.

        AWS's pages have named 0.1, 1 and 5 calls a second for StartRun:
        https://docs.aws.amazon.com/omics/latest/dev/api-quotas.html.

        :param operation: ``*`` sets one limit, shared by all operations that have none of their own.
        :param per_second: how many tokens come back in a second of the store's clock.
        :param burst: how many calls in a row go through after a pause.
        """
        if per_second <= 0 or burst < 1:
            raise ValueError("A limit's per_second must be above 0, and its burst 1 or more.")
        _check_operation(operation)
        with self._lock:
            self._buckets[operation] = TokenBucket(timedelta(seconds=1 / per_second), burst, self._clock.now())

    def fail(self, operation: str, code: str, *, on_call: int = 1, times: int = 1, message: str | None = None) -> None:
        """Answer calls with an error, and do nothing.

        :param code: a code of the service's model, e.g. ``ConflictException``.
        :param on_call: the first call that fails, counted from now; 1 is the next one.
        :param times: how many calls in a row fail.
        """
        self._add(self._failures, _Window(operation, on_call, on_call + times - 1, code=code, message=message))

    def fail_submission(
        self,
        run_setting_id: str,
        code: str,
        *,
        operation: Submission = "StartRun",
        times: int = 1,
        message: str | None = None,
    ) -> None:
        """Let a run of a batch fail to be submitted, as ListRunsInBatch then says; the batch goes on.

        :param run_setting_id: the run's; ``*`` for every run.
        :param code: a code of the service's model, e.g. ``AccessDeniedException``.
        :param operation: ``StartRun``, or what CancelRunBatch and DeleteRunBatch submit.
        :param times: how many submissions fail, counted over the batches from now on.
        """
        if operation not in get_args(Submission):
            raise ValueError(f"HealthOmics submits {', '.join(get_args(Submission))} for a batch, not {operation!r}.")
        window = _Window(run_setting_id, 1, times, code=code, message=message)
        _check_window(window)
        with self._lock:
            self._submissions.setdefault(operation, []).append(window)

    def lose_answer(self, operation: str, *, on_call: int = 1, times: int = 1) -> None:
        """Do the work of calls, and drop the connection in place of an answer.

        :param on_call: the first call whose answer is lost, counted from now; 1 is the next one.
        :param times: how many answers in a row are lost.
        """
        self._add(self._losses, _Window(operation, on_call, on_call + times - 1))

    def slow(self, operation: str, *, seconds: float, times: int | None = None) -> None:
        """Do the work of calls at once, and answer late.

        :param seconds: the delay, in real seconds.
        :param times: how many calls, from the next one on; by default every one.
        """
        check_duration("seconds", seconds)
        self._add(self._delays, _Window(operation, 1, times or float("inf"), seconds=seconds))

    def deny(self, operation: str) -> None:
        """Answer calls with AccessDeniedException (403), until cleared."""
        _check_operation(operation)
        with self._lock:
            self._denied.add(operation)

    def meet(self, operation: str) -> Meeting:
        """Count a call of an operation and return what is to go wrong with it."""
        with self._lock:
            self.calls[operation] += 1
            failures = self._hits(self._failures, operation)
            lost = bool(self._hits(self._losses, operation))
            delay = sum(window.seconds for window in self._hits(self._delays, operation))
            return Meeting(self._error(operation, failures), lost, delay)

    def meet_submission(self, operation: Submission, run_setting_id: str) -> ServiceError | None:
        """Return what is to go wrong with a submission for a run of a batch."""
        with self._lock:
            for window in self._hits(self._submissions.get(operation, []), run_setting_id):
                return _told(window, operation)
        return None

    def _add(self, windows: list[_Window], window: _Window) -> None:
        _check_operation(window.operation)
        _check_window(window)
        with self._lock:
            windows.append(window)

    def _hits(self, windows: list[_Window], operation: str) -> list[_Window]:
        """Return the windows that this call lies in, and move all windows of its operation on by one call."""
        hits = []
        for window in [window for window in windows if window.operation in ("*", operation)]:
            if window.first <= 1:
                hits.append(window)
            window.first -= 1
            window.last -= 1
            if window.last < 1:
                windows.remove(window)
        return hits

    def _error(self, operation: str, failures: list[_Window]) -> ServiceError | None:
        if self._denied & {"*", operation}:
            return AccessDeniedException(
                f"The caller is not authorized to perform omics:{operation} (told so by a fault)."
            )
        for failure in failures:
            return _told(failure, operation)
        bucket = self._buckets.get(operation, self._buckets.get("*"))
        if bucket and not bucket.take(self._clock.now()):
            return ThrottlingException(f"Rate exceeded for {operation}.")
        rate = self._rates.get(operation, self._rates.get("*", 0.0))
        if rate and self._random.random() < rate:
            return ThrottlingException(f"Rate exceeded for {operation} (told so by a fault).")
        return None


def _check_operation(operation: str) -> None:
    if operation != "*" and operation not in operations():
        raise ValueError(f"HealthOmics has no operation {operation!r}, by the installed botocore; * is every one.")


def _check_window(window: _Window) -> None:
    if window.code is not None and window.code not in MODELLED:
        raise ValueError(f"HealthOmics has no error {window.code!r}; it has {', '.join(sorted(MODELLED))}.")
    if window.first < 1 or window.last < window.first:
        raise ValueError("A fault's on_call and times count from 1.")


def _told(window: _Window, operation: str) -> ServiceError:
    message = window.message or f"{operation} failed because a fault of the emulator told it to."
    return MODELLED[window.code or ""](message)


@dataclass(frozen=True)
class Meeting:
    """What goes wrong with one call."""

    error: ServiceError | None
    """The error that it is answered with, before any work is done."""
    lost: bool
    """Whether its answer is lost after the work is done."""
    delay: float
    """Real seconds by which its answer is late."""
