"""Run an operator to its end, waiting in the worker or deferred."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from airflow_provider_omics.operators.waiting import OmicsWaitingOperator
from airflow_provider_omics.triggers.omics import OmicsTrigger
from airflow_provider_omics.triggers.pause import PauseTrigger

TRIGGERS: dict[str, Any] = {f"{kind.__module__}.{kind.__name__}": kind for kind in (OmicsTrigger, PauseTrigger)}

both_modes = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferred"])


def finish(operator: OmicsWaitingOperator, context: Any) -> dict[str, Any]:
    """Execute an operator, and do what Airflow does whenever it defers: a new process, the trigger, and the method."""
    going_on: Callable[[], dict[str, Any]] = partial(operator.execute, context)
    while True:
        try:
            return going_on()
        except BaseException as error:
            if type(error).__name__ != "TaskDeferred":
                raise
            deferred: Any = error
        path, kwargs = deferred.trigger.serialize()
        kind = TRIGGERS[path]
        event = json.loads(json.dumps(event_of(kind(**json.loads(json.dumps(kwargs))))))
        operator.__dict__.pop("hook", None)
        operator._awaited = operator._turn = operator._held = None
        method = getattr(operator, deferred.method_name)
        going_on = partial(method, context, event=event)


def event_of(trigger: OmicsTrigger | PauseTrigger) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        events = [event async for event in trigger.run()]
        assert len(events) == 1
        payload: dict[str, Any] = events[0].payload
        return payload

    return asyncio.run(first())
