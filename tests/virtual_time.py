"""Time that jumps to whatever comes next: hours of many threads pass in seconds, and the same way every time."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class VirtualTime:
    """Threads of which one runs at a time, until it sleeps or ends."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, threading.Event]] = []
        self._order = itertools.count()
        self._over = threading.Event()
        self._errors: list[BaseException] = []

    def run(self, jobs: list[Callable[[], None]]) -> None:
        """Run jobs side by side, and return when all of them have ended or wait for ever.

        :raises BaseException: what a job raised first
        """
        threads = [threading.Thread(target=self._job, args=(job, self._wake_at(self.now)), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        self._pass_on()
        self._over.wait()
        if self._errors:
            raise self._errors[0]

    def time(self) -> float:
        """Return the seconds since the beginning."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the others run until the time has come."""
        self.wait(self._wake_at(self.now + seconds))

    def wait(self, woken: threading.Event) -> None:
        """Let the others run until one of them has :meth:`wake` done."""
        self._pass_on()
        woken.wait()

    def wake(self, waiting: threading.Event) -> None:
        """Let a waiting thread go on when this one sleeps."""
        heapq.heappush(self._due, (self.now, next(self._order), waiting))

    def _wake_at(self, moment: float) -> threading.Event:
        event = threading.Event()
        heapq.heappush(self._due, (moment, next(self._order), event))
        return event

    def _pass_on(self) -> None:
        if self._errors or not self._due:
            self._over.set()
            return
        self.now, _, event = heapq.heappop(self._due)
        event.set()

    def _job(self, job: Callable[[], None], begin: threading.Event) -> None:
        begin.wait()
        try:
            job()
        except BaseException as error:  # raised again by run()
            self._errors.append(error)
        self._pass_on()


class Slots:
    """A number of worker slots; who comes first gets one first."""

    def __init__(self, time: VirtualTime, number: int) -> None:
        self._time, self._free = time, number
        self._queue: deque[threading.Event] = deque()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a slot, and hold it."""
        if self._free:
            self._free -= 1
        else:
            self._queue.append(threading.Event())
            self._time.wait(self._queue[-1])
        try:
            yield
        finally:
            if self._queue:
                self._time.wake(self._queue.popleft())
            else:
                self._free += 1
