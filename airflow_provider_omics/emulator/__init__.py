"""An embedded AWS HealthOmics: resources, statuses, run caches and faults on the user's own machine.

The names below are imported when they are first used: the pytest plugin lives in this package, and costs a session that
does not use it nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.clock import Clock
    from airflow_provider_omics.emulator.core import AnswerLost, Response, handle
    from airflow_provider_omics.emulator.faults import Faults
    from airflow_provider_omics.emulator.simulated import Plan, Plans, Task
    from airflow_provider_omics.emulator.store import Store

__all__ = ["AnswerLost", "Clock", "Faults", "Plan", "Plans", "Response", "Store", "Task", "handle"]

_HOMES = {
    "AnswerLost": "core",
    "Clock": "clock",
    "Faults": "faults",
    "Plan": "simulated",
    "Plans": "simulated",
    "Response": "core",
    "Store": "store",
    "Task": "simulated",
    "handle": "core",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
