"""A StartRun whose answer was lost: was the run started?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.resources import RUN

if TYPE_CHECKING:
    from airflow_provider_omics.hooks.omics import OmicsHook

LOOKS = (1.0, 2.0, 4.0)
"""Seconds before each look: lists may lag."""

MARGIN = timedelta(seconds=10)
"""How much older than the call a run may seem: HTTP dates are whole seconds, and calls take their time."""

COMPARED = ("workflowId", "workflowVersionName", "roleArn", "outputUri", "parameters", "cacheId")
"""What a run must have in common with the request to be the one."""


def find(hook: OmicsHook, request: Mapping[str, Any], sent: float, *, own_name: bool) -> dict[str, Any] | None:
    """Look several times for an active run that the request may have started.

    :param request: the members that were sent
    :param sent: the reading of ``time.monotonic()`` just before
    :param own_name: whether the name belongs to this task instance alone; otherwise only a run that is not older than
        the call counts, because other task instances may use the name
    :returns: the description of GetRun, or None
    :raises AccessDenied: if runs may not be listed: then nobody can tell, and to send again could pay twice
    """
    # A run that repeats another one takes over what the request leaves out.
    compared = [member for member in COMPARED if member in request or "runId" not in request]
    for seconds in LOOKS:
        sleep(seconds)
        for item in _active(hook, request["name"]):
            earliest = hook.service_time - timedelta(seconds=monotonic() - sent) - MARGIN
            if not own_name and item["creationTime"] < earliest:
                continue
            run = hook.describe(RUN, id=item["id"])
            if all(run.get(member) == request.get(member) for member in compared):
                return run
    return None


def _active(hook: OmicsHook, name: str) -> Iterator[dict[str, Any]]:
    """Yield the active runs of a name, the newest first; how AWS's filter matches is not documented, so it is
    checked."""
    active = RUN.progress | RUN.stopping
    named = [run for run in hook.iterate(RUN.list, name=name) if run.get("name") == name and run["status"] in active]
    yield from sorted(named, key=lambda run: (run["creationTime"], run["id"]), reverse=True)
