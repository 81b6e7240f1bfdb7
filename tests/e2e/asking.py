"""A trigger that has nothing to do with HealthOmics; a triggerer imports it by its name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async

from airflow_provider_omics.compat import BaseTrigger, TriggerEvent

ASKS = "beside_asks"
ENOUGH = "enough"
ANSWERS = "BESIDE_ANSWERS"
"""The environment variable that names the file to which each answer adds a byte."""


class AskingTrigger(BaseTrigger):
    """Ask Airflow for a connection again and again, as the triggers of other providers do, until its host changes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return where it stands."""
        return f"{__name__}.AskingTrigger", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield how many times it was answered, or the first answer that was another one's."""
        answers = 0
        while True:
            connection = await sync_to_async(ask)()
            if connection.conn_id != ASKS or connection.host == ENOUGH:
                yield TriggerEvent({"answers": answers, "last": [connection.conn_id, connection.host]})
                return
            answers += 1
            await asyncio.sleep(0.1)


def ask() -> Any:
    """Ask for the connection."""
    try:
        from airflow.sdk import BaseHook
    except ImportError:  # before 3.1
        from airflow.hooks.base import BaseHook  # type: ignore[no-redef,attr-defined,unused-ignore]
    connection = BaseHook.get_connection(ASKS)
    with open(os.environ[ANSWERS], "ab") as answers:
        answers.write(b".")
    return connection
