"""The poll that all waits of a triggerer share: one client, one budget of requests, and as few calls as can be.

Everything that asks Airflow for something is built once, through ``sync_to_async``: on Airflow 3.0 and 3.2 a thread
that calls into Airflow on its own breaks the channel that all triggers share. From then on threads of our own poll,
and never call Airflow.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async

from airflow_provider_omics.exceptions import NotFound, OmicsError
from airflow_provider_omics.hooks.waiting import Limits, interval, own
from airflow_provider_omics.resources import Resource

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook
    from airflow_provider_omics.hooks.sweep import Sweep

THREADS = 4
"""How many calls of one poller are under way at a time."""

TOGETHER_SECONDS = 0.5
"""How long a wait that has just begun is kept for others: mapped tasks defer in bursts, and one list answers them
all."""

CALL_SECONDS = 2.0
"""How many seconds pass before the next sweep for each call of the last one, up to the delay: the early looks of a few
waits come after 3, 9 and 21 s, those of a thousand with everybody else's."""


@dataclass(eq=False, slots=True)
class Wait:
    """One wait for one resource.

    :param key: the values of its identifiers
    :param uuid: its uuid, since AWS uses ids again; None if it has none
    :param delay: the longest time between two looks, in seconds
    """

    key: tuple[str, ...]
    uuid: str | None
    delay: float
    limits: Limits
    due: float
    ended: asyncio.Future[dict[str, Any]]
    looks: int = 0
    status: str | None = None

    def looked(self, now: float, resource: Resource, description: Mapping[str, Any] | None, service_time: Any) -> None:
        """Take note of a look; an end, or a limit that is reached, ends the wait."""
        self.looks += 1
        if description is not None:
            identifiers = dict(zip(resource.identifiers, self.key, strict=True))
            try:
                description = own(resource, identifiers, description, self.uuid)
            except NotFound as gone:
                return self.fail(gone)
            self.status = resource.status_of(description)
        limit = None
        if self.status not in resource.ended:
            limit = self.limits.reached(resource, self.looks, description, service_time)
        if self.status in resource.ended or limit:
            self.end({"status": self.status, "limit": limit})
        self.due = self.limits.by(now + interval(self.looks, self.delay), now)

    def end(self, outcome: dict[str, Any]) -> None:
        """End it, unless it was cancelled."""
        if not self.ended.done():
            self.ended.set_result(outcome)

    def fail(self, error: BaseException) -> None:
        """End it with an error."""
        if not self.ended.done():
            self.ended.set_exception(error)


class Poller:
    """Poll for all waits of one event loop that share connection, Region and kind of resource.

    :param resource: the record
    :param build: makes the hook with its clients; the only place that asks Airflow for something
    :param forget: called when the last wait has left
    """

    def __init__(self, resource: Resource, build: Callable[[], OmicsHook], forget: Callable[[], None]) -> None:
        self.resource = resource
        self.waits: dict[tuple[str, ...], list[Wait]] = {}
        self._build, self._forget = build, forget
        self._users = 0
        self._now = monotonic()
        self._earliest = 0.0
        self._until = float("inf")
        self._woken = asyncio.Event()
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix=f"omics-{resource.word}")
        self._ready: asyncio.Future[OmicsHook] | None = None
        self._task: asyncio.Task[None] | None = None
        self._sweep: Sweep | None = None

    async def __aenter__(self) -> Poller:
        self._users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            self._forget()
            if self._task is not None:
                self._task.cancel()
            self._executor.shutdown(wait=False, cancel_futures=True)
            if self._sweep is not None:
                self._sweep.close()

    @property
    def built(self) -> OmicsHook | None:
        """The hook, if it is built."""
        return self._sweep.hook if self._sweep else None

    async def hook(self) -> OmicsHook:
        """Return the hook; it is built once."""
        if self._ready is None:
            self._ready = asyncio.ensure_future(sync_to_async(self._build, thread_sensitive=False)())
        return await asyncio.shield(self._ready)

    async def wait(
        self, identifiers: Mapping[str, str], *, uuid: str | None, delay: float, limits: Limits
    ) -> dict[str, Any]:
        """Wait for the end of one resource, or for a limit.

        :returns: its last ``status``, and the ``limit`` that was reached, or None
        :raises OmicsServiceError: an error that a later look would meet again
        """
        ended: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        key = tuple(identifiers[name] for name in self.resource.identifiers)
        wait = Wait(key, uuid, delay, limits, self._clock() + TOGETHER_SECONDS, ended)
        self.waits.setdefault(key, []).append(wait)
        if self._task is None:
            self._task = asyncio.ensure_future(self._poll())
        elif wait.due < self._until:
            self._woken.set()
        try:
            return await ended
        finally:
            self._leave(wait)

    def _leave(self, wait: Wait) -> None:
        waits = self.waits[wait.key]
        waits.remove(wait)
        if not waits:
            del self.waits[wait.key]

    def _clock(self) -> float:
        """Return the time, which may run ahead of the machine's where tests do."""
        self._now = max(self._now, monotonic())
        return self._now

    def _all(self) -> Iterable[Wait]:
        return [wait for waits in self.waits.values() for wait in waits]

    async def _poll(self) -> None:
        try:
            sweep = await self._made()
            while True:
                self._until = max(min((wait.due for wait in self._all()), default=float("inf")), self._earliest)
                self._woken.clear()
                if (seconds := self._until - self._clock()) > 0:
                    await pause(self._woken, seconds)
                    if self._woken.is_set():
                        continue
                    self._now = max(self._until, self._clock())
                await self._tick(sweep)
        except Exception as error:  # a poller that is broken must not leave its waits waiting
            self._task = self._ready = None  # and who comes later tries again
            for wait in self._all():
                wait.fail(error)

    async def _made(self) -> Sweep:
        hook = await self.hook()
        if self._sweep is None:
            from airflow_provider_omics.hooks.sweep import Sweep

            self._sweep = Sweep(hook, self.resource, self._executor)
        return self._sweep

    async def _tick(self, sweep: Sweep) -> None:
        now = self._clock()
        due = {key for key, waits in self.waits.items() if any(wait.due <= now for wait in waits)}
        longest = max((wait.delay for key in due for wait in self.waits[key]), default=0.0)
        async for key, found in sweep.look(due, self.waits.keys()):
            for wait in list(self.waits.get(key, ())):
                if isinstance(found, OmicsError):
                    wait.fail(found)
                else:
                    wait.looked(now, self.resource, found, sweep.hook.service_time)
        self._earliest = now + min(longest, sweep.calls * CALL_SECONDS)


async def pause(woken: asyncio.Event, seconds: float) -> None:
    """Sleep, unless a wait joins."""
    try:
        await asyncio.wait_for(woken.wait(), None if seconds == float("inf") else seconds)
    except TimeoutError:
        return


_pollers: dict[asyncio.AbstractEventLoop, dict[str, Poller]] = {}


def poller_of(resource: Resource, connection: Mapping[str, Any]) -> Poller:
    """Return the poller of the running event loop for a kind of resource and a connection.

    :param connection: the arguments of :class:`~airflow_provider_omics.hooks.omics.OmicsHook`, as plain JSON
    """
    for closed in [loop for loop in _pollers if loop.is_closed()]:
        del _pollers[closed]
    pollers = _pollers.setdefault(asyncio.get_running_loop(), {})
    key = json.dumps([resource.word, connection], sort_keys=True, default=str)
    if key not in pollers:

        def build() -> OmicsHook:
            from airflow_provider_omics.hooks.omics import OmicsHook

            hook = OmicsHook(**connection)
            assert hook.conn_once  # noqa: S101 - the client is built here
            return hook

        def forget() -> None:
            pollers.pop(key, None)

        pollers[key] = Poller(resource, build, forget)
    return pollers[key]
