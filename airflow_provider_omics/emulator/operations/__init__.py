"""The emulated operations: each is a function of a module here, named after the operation in snake_case."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from botocore import xform_name

from airflow_provider_omics.emulator.model import operations
from airflow_provider_omics.emulator.operations import (
    run,
    run_batch,
    run_cache,
    run_group,
    run_start,
    tags,
    workflow,
    workflow_version,
)
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.records import Members

__all__ = ["HANDLERS", "Call"]

Handler = Callable[[Call], Members]


def _handlers() -> Mapping[str, Handler]:
    modules = (run, run_batch, run_cache, run_group, run_start, tags, workflow, workflow_version)
    return {
        name: vars(module)[xform_name(name)]
        for name in operations()
        for module in modules
        if xform_name(name) in vars(module)
    }


HANDLERS: Mapping[str, Handler] = _handlers()
"""The handler of each emulated operation that the installed botocore knows, by the operation's name."""
