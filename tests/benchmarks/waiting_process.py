"""The process whose waits are measured: an event loop with triggers on it, as in a triggerer, and nothing else.

It is told what to do by lines of JSON on standard input, and tells each event, and what it is asked for, by such lines
on standard output. It needs nothing but one of the two kinds of trigger, so that it runs in either environment.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

BEAT_SECONDS = 0.01
NOTED_SECONDS = 0.005
"""From which on it is noted that the event loop was late."""

Make = Callable[[str, str, float], Any]


def omics() -> Make:
    """Return a maker of this provider's triggers."""
    from airflow_provider_omics.hooks import omics  # noqa: F401 - the other kind imports its hook at once, too
    from airflow_provider_omics.hooks.budget import Budget
    from airflow_provider_omics.hooks.waiting import Limits
    from airflow_provider_omics.triggers.omics import OmicsTrigger

    narrow = Budget.throttled

    def throttled(self: Budget) -> None:
        tell(throttled=monotonic())
        narrow(self)

    Budget.throttled = throttled  # type: ignore[method-assign]

    def make(run_id: str, uuid: str, delay: float) -> Any:
        return OmicsTrigger(
            resource="run",
            identifiers={"id": run_id},
            uuid=uuid,
            waiter_delay=delay,
            try_number=1,
            limits=Limits().plain(),
        )

    return make


def amazon() -> Make:
    """Return a maker of triggers of the amazon provider's pattern."""
    from tests.benchmarks.amazon_pattern import RunTrigger

    return lambda run_id, _, delay: RunTrigger(run_id=run_id, waiter_delay=int(delay))


KINDS: dict[str, Callable[[], Make]] = {"omics": omics, "amazon": amazon}

LIBRARIES = ("boto3.session", "botocore.client", "botocore.httpsession", "botocore.retries.standard", "botocore.waiter")
"""What both kinds load with their first client, and a triggerer with any trigger of the amazon provider."""


ANSWERS = os.dup(1)
"""Standard output as it was: what Airflow prints goes to standard error."""
os.dup2(2, 1)


def tell(**message: Any) -> None:
    """Write one line."""
    os.write(ANSWERS, f"{json.dumps(message)}\n".encode())


class Waits:
    """Triggers on the running event loop, and a heart that notes when it was late to beat."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._late: list[tuple[float, float]] = []
        self._rested = 0.0

    async def serve(self) -> None:
        """Do what the lines say, until there are no more."""
        lines = asyncio.StreamReader(limit=2**24)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        heart = asyncio.create_task(self._beat())
        self.rest()
        while line := await lines.readline():
            do = json.loads(line)
            getattr(self, do.pop("do"))(**do)
        heart.cancel()

    def start(self, runs: list[tuple[str, str]], delay: float) -> None:
        """Start to wait for runs, given by id and uuid."""
        starting = asyncio.create_task(self._start(runs, delay))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    async def _start(self, runs: list[tuple[str, str]], delay: float) -> None:
        for run_id, uuid in runs:
            for _ in range(2):  # as the triggerer does for each
                await asyncio.sleep(0)
            self._tasks[run_id] = asyncio.create_task(self._wait(run_id, self._make(run_id, uuid, delay)))

    def cancel(self, runs: list[str]) -> None:
        """Cancel the waits for runs."""
        for run_id in runs:
            self._tasks.pop(run_id).cancel()

    def rest(self) -> None:
        """Collect garbage, so that what memory is left is used, and say so."""
        gc.collect()
        self._rested = monotonic()
        tell(rested=len(self._tasks))

    def late(self) -> None:
        """Tell when the event loop was late since the last such line, and how late."""
        late, self._late = self._late, []
        tell(late=late)

    async def _wait(self, run_id: str, trigger: Any) -> None:
        try:
            async for event in trigger.run():
                tell(run=run_id, at=monotonic(), payload=event.payload)
        except Exception as error:
            tell(run=run_id, at=monotonic(), error=repr(error))
        self._tasks.pop(run_id, None)

    async def _beat(self) -> None:
        while True:
            began = monotonic()
            await asyncio.sleep(BEAT_SECONDS)
            late = monotonic() - max(began + BEAT_SECONDS, self._rested)
            if late > NOTED_SECONDS:
                self._late.append((began, late))


def main() -> None:
    """Wait with the kind of trigger that is named."""
    logging.disable()
    make = KINDS[sys.argv[1]]()
    for library in LIBRARIES:
        importlib.import_module(library)
    asyncio.run(Waits(make).serve())


if __name__ == "__main__":
    main()
