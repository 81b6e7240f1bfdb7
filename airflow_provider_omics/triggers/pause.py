"""A pause without a worker slot."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator
from time import time
from typing import Any

from airflow_provider_omics.compat import BaseTrigger, TriggerEvent


class PauseTrigger(BaseTrigger):
    """Wait until a moment; Airflow's own trigger for that stands in another package on each major version.

    :param until: the Unix time
    :param try_number: the try of the task that waits; the event carries it
    :param carried: what the event carries besides, as plain JSON: ``dag.test()`` of Airflow 3 loses the arguments of
        ``defer()``
    """

    def __init__(self, *, until: float, try_number: int, carried: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until
        self.try_number = try_number
        self.carried = carried

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to build this trigger again."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"until": self.until, "try_number": self.try_number, "carried": self.carried}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        await sleep(max(self.until - time(), 0.0))
        yield TriggerEvent({"try_number": self.try_number, "carried": self.carried})
