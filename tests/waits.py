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
        event = resumed(operator, deferred)
        going_on = partial(getattr(operator, deferred.method_name), context, event=event)


def deferral_of(operator: OmicsWaitingOperator, context: Any) -> Any:
    """Execute an operator until it defers."""
    with pytest.raises(BaseException) as deferred:  # noqa: PT011 - TaskDeferred stands elsewhere in each Airflow
        operator.execute(context)
    assert type(deferred.value).__name__ == "TaskDeferred"
    return deferred.value


def resumed(operator: OmicsWaitingOperator, deferred: Any) -> dict[str, Any]:
    """Return the event of a deferral's trigger, for an operator that has no memory of a former process."""
    path, kwargs = deferred.trigger.serialize()
    event: dict[str, Any] = json.loads(json.dumps(event_of(TRIGGERS[path](**json.loads(json.dumps(kwargs))))))
    operator.__dict__.pop("hook", None)
    operator._awaited = operator._turn = operator._held = None
    return event


def event_of(trigger: OmicsTrigger | PauseTrigger) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        events = [event async for event in trigger.run()]
        assert len(events) == 1
        payload: dict[str, Any] = events[0].payload
        return payload

    return asyncio.run(first())
