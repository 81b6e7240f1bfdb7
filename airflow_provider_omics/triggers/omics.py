"""The one trigger: it waits for the end of any kind of resource."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async

from airflow_provider_omics.compat import BaseTrigger, TriggerEvent
from airflow_provider_omics.exceptions import OmicsServiceError
from airflow_provider_omics.hooks.waiting import interval
from airflow_provider_omics.resources import RESOURCES

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook


class OmicsTrigger(BaseTrigger):
    """Look at a resource again and again until its status does not change any more.

    Its event carries ``resource``, ``identifiers`` and ``try_number``, and either ``status`` and ``attempts``, or the
    ``error`` of AWS. All arguments are plain JSON, so that any version of Airflow can store them.

    :param resource: the word of the record in :mod:`airflow_provider_omics.resources`, e.g. ``run``
    :param identifiers: which one, by the members of its describe operation
    :param waiter_delay: the longest time between two looks, in seconds
    :param try_number: the try of the task that waits: Airflow 3.0 hands the event to the next try too
    :param waiter_max_attempts: how many looks at most; None means no limit
    :param cancel_on_kill: cancel the resource when a user fails, succeeds or clears the task (Airflow 3.3 and later)
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
        waiter_max_attempts: int | None = None,
        cancel_on_kill: bool = True,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.resource = RESOURCES[resource]
        self.identifiers = identifiers
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
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
            "waiter_delay",
            "waiter_max_attempts",
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
        hook = await sync_to_async(self._hook, thread_sensitive=False)()
        look = sync_to_async(hook.look, thread_sensitive=False)
        status, attempts = None, 0
        while True:
            attempts += 1
            description = await look(self.resource, **self.identifiers)
            if description is not None:
                status = self.resource.status_of(description)
            if status in self.resource.ended or attempts == self.waiter_max_attempts:
                return {"status": status, "attempts": attempts}
            await sleep(interval(attempts, self.waiter_delay))

    def _hook(self) -> OmicsHook:
        """Build hook and client: everything that asks Airflow for something, once and off the event loop."""
        from airflow_provider_omics.hooks.omics import OmicsHook

        hook = OmicsHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            config=self.botocore_config,
        )
        assert hook.conn  # noqa: S101 - the client is built here
        return hook

    async def on_kill(self) -> None:
        """Cancel the resource: Airflow 3.3 and later call this when a user ends or clears the deferred task."""
        if self.cancel_on_kill and self.resource.cancel:
            hook = await sync_to_async(self._hook, thread_sensitive=False)()
            await sync_to_async(hook.call, thread_sensitive=False)(self.resource.cancel, **self.identifiers)
            self.log.warning("The task was ended by a user: %s %s is cancelled", self.resource.title, self.identifiers)
