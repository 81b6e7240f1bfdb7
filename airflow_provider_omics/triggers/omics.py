"""The one trigger: it waits for the end of any kind of resource, in the poll that all of them share."""

from __future__ import annotations

import asyncio
from asyncio import sleep
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async

from airflow_provider_omics.compat import TELLS_TRIGGERS_OF_KILLS, BaseTrigger, TriggerEvent
from airflow_provider_omics.exceptions import OmicsServiceError
from airflow_provider_omics.hooks import killing
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.resources import RESOURCES
from airflow_provider_omics.triggers.poller import poller_of

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

KILL_SECONDS = 25.0
"""How long a trigger that is cancelled stays to find out why and to cancel; Airflow's ``on_kill_timeout`` is 30 s."""

END_SECONDS = 180.0
"""How long a trigger goes on trying to cancel and to tag, while the triggerer lives."""

_under_way: set[asyncio.Future[Any]] = set()
"""What goes on when its trigger has gone: event loops do not keep tasks from being collected."""


class OmicsTrigger(BaseTrigger):
    """Look at a resource again and again until its status does not change any more.

    Its event carries ``resource``, ``identifiers``, ``arn``, ``uuid`` and ``try_number``, and either ``status`` and
    ``limit`` (the limit that the wait came to, or None), or the ``error`` of AWS. All arguments are plain JSON, so that
    any version of Airflow can store them.

    :param resource: the word of the record in :mod:`airflow_provider_omics.resources`, e.g. ``run``
    :param identifiers: which one, by the members of its describe operation
    :param waiter_delay: the longest time between two looks, in seconds
    :param try_number: the try of the task that waits: Airflow 3.0 hands the event to the next try too
    :param arn: its ARN, if it carries tags by which later tries recognise it
    :param uuid: its uuid, since AWS uses the ids of deleted resources again
    :param limits: when to give up, as :meth:`airflow_provider_omics.hooks.waiting.Limits.plain` gives it
    :param cancel_on_kill: cancel the resource when a user fails, succeeds or clears the task
    :param aws_conn_id: the Airflow connection
    :param region_name: the AWS Region, instead of the connection's
    :param verify: whether to verify TLS certificates, or the path of a bundle
    :param botocore_config: arguments of botocore's ``Config``
    """

    def __init__(
        self,
        *,
        resource: str,
        identifiers: dict[str, str],
        waiter_delay: float,
        try_number: int,
        arn: str | None = None,
        uuid: str | None = None,
        limits: dict[str, Any] | None = None,
        cancel_on_kill: bool = True,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.resource = RESOURCES[resource]
        self.identifiers = identifiers
        self.arn = arn
        self.uuid = uuid
        self.waiter_delay = waiter_delay
        self.limits = limits or {}
        self.cancel_on_kill = cancel_on_kill
        self.try_number = try_number
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to build this trigger again."""
        names = (
            "identifiers",
            "arn",
            "uuid",
            "waiter_delay",
            "limits",
            "cancel_on_kill",
            "try_number",
            "aws_conn_id",
            "region_name",
            "verify",
            "botocore_config",
        )
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"resource": self.resource.word} | {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        event: dict[str, Any] = {
            "resource": self.resource.word,
            "identifiers": self.identifiers,
            "arn": self.arn,
            "uuid": self.uuid,
            "try_number": self.try_number,
        }
        try:
            event |= await self._wait()
        except OmicsServiceError as error:
            event["error"] = {
                "operation": error.operation,
                "code": error.code,
                "message": error.aws_message,
                "status": error.status,
            }
        yield TriggerEvent(event)

    async def _wait(self) -> dict[str, Any]:
        async with poller_of(self.resource, self._connection) as poller:
            try:
                return await poller.wait(
                    self.identifiers, uuid=self.uuid, delay=self.waiter_delay, limits=Limits(**self.limits)
                )
            except asyncio.CancelledError:
                if not TELLS_TRIGGERS_OF_KILLS and poller.built is not None:
                    await to_the_end(self._killed(poller.built))
                raise

    @property
    def _connection(self) -> dict[str, Any]:
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "config": self.botocore_config,
        }

    async def _killed(self, hook: OmicsHook) -> None:
        """Find out why this trigger is cancelled, before Airflow 3.3: it does the same when triggerers restart."""
        ask = partial(killing.why_over, hook, self.task_instance, last_try=False)
        why = await sync_to_async(ask, thread_sensitive=False)()
        if why is not None:
            await self._end(hook, why)

    async def on_kill(self) -> None:
        """Cancel the resource: Airflow 3.3 and later call this when a user ends or clears the deferred task."""
        ended = await to_the_end(self._ended_by_user())
        if ended.done():
            ended.result()

    async def _ended_by_user(self) -> None:
        async with poller_of(self.resource, self._connection) as poller:
            await self._end(await poller.hook(), "ended or cleared by a user")

    async def _end(self, hook: OmicsHook, why: str) -> None:
        ending = killing.Ending(hook, self.resource, self.identifiers, self.arn, why, END_SECONDS)
        if self.cancel_on_kill and self.resource.cancel:
            await paced(ending.cancel())
        await paced(ending.tag())


async def paced(steps: Iterator[float]) -> None:
    """Take steps one by one in a thread, and pause in between without one: hundreds of triggers share a few."""
    step = sync_to_async(partial(next, steps, None), thread_sensitive=False)
    pause: float | None = 0.0
    while pause is not None:
        await sleep(pause)
        pause = await step()


async def to_the_end(work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
    """Run to its end what the cancellation of this coroutine asks for, though Airflow 3.0 cancels twice in 20 ms.

    :returns: the work; what takes longer than Airflow waits goes on as long as the triggerer lives
    """
    task = asyncio.ensure_future(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    deadline = monotonic() + KILL_SECONDS
    while not task.done() and monotonic() < deadline:
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=deadline - monotonic())
    return task
