"""Run an operator to its end, waiting in the worker or deferred."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.triggers.omics import OmicsTrigger

both_modes = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferred"])


def finish(operator: StartRunOperator, context: Any) -> dict[str, Any]:
    """Execute an operator, and do for a deferred one what Airflow does: a new process, the trigger, and the method."""
    try:
        return operator.execute(context)
    except BaseException as deferred:
        if type(deferred).__name__ != "TaskDeferred":
            raise
        path, kwargs = deferred.trigger.serialize()  # type: ignore[attr-defined]
        assert path == "airflow_provider_omics.triggers.omics.OmicsTrigger"
        trigger = OmicsTrigger(**json.loads(json.dumps(kwargs)))
        operator.__dict__.pop("hook", None)
        return operator.execute_complete(context, json.loads(json.dumps(event_of(trigger))))


def event_of(trigger: OmicsTrigger) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        events = [event async for event in trigger.run()]
        assert len(events) == 1
        payload: dict[str, Any] = events[0].payload
        return payload

    return asyncio.run(first())
