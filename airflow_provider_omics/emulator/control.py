"""The emulator's own address: look at its calls, set faults, plan runs, move the clock, over HTTP and JSON.

Everything here is one thin mapping onto :class:`~airflow_provider_omics.emulator.store.Store`, for whoever drives the
emulator from another process.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_provider_omics.emulator.assumptions import Assumptions
from airflow_provider_omics.emulator.faults import Faults
from airflow_provider_omics.emulator.http_handler import Answer
from airflow_provider_omics.emulator.json_input import BadInput, arguments, only, read, value_of
from airflow_provider_omics.emulator.model import operations
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Store

ROOT = "/_emulator"


def answer(store: Store, method: str, path: str, body: bytes) -> Answer:
    """Answer a request to the control address; whatever it does not understand is a 400 that says why."""
    name = path.removeprefix(ROOT).strip("/")
    known = {word: verb for verb, word in _ACTIONS}
    if name not in known:
        return _json(404, {"message": f"No {path} here.", "addresses": _addresses()})
    action = _ACTIONS.get((method, name))
    if action is None:
        return _json(405, {"message": f"{path} takes {known[name]}, not {method}."})
    try:
        return _json(200, action(store, _fields(body)))
    except BadInput as error:
        return _json(400, {"message": str(error)})


def _index(store: Store, fields: Mapping[str, Any]) -> object:
    """Say what there is."""
    return {
        "emulator": "AWS HealthOmics",
        "now": store.clock.now().isoformat(),
        "addresses": _addresses(),
        "faults": sorted([*_FAULTS, *_SETTINGS, "clear"]),
    }


def _calls(store: Store, fields: Mapping[str, Any]) -> object:
    """Count the calls of each operation since the faults were last cleared."""
    return {"calls": dict(sorted(store.faults.calls.items()))}


def _policy(store: Store, fields: Mapping[str, Any]) -> object:
    """Give the IAM policy that the calls so far would have needed in AWS."""
    return store.permissions.policy()


def _faults(store: Store, fields: Mapping[str, Any]) -> object:
    """Make calls go wrong: {"fail": {"operation": "StartRun", "code": "InternalServerException", "on_call": 1}}."""
    only(fields, [*_FAULTS, *_SETTINGS, "clear"], "a fault")
    settings = {name: value_of(hint, name, fields[name]) for name, hint in _SETTINGS.items() if name in fields}
    faults = [(name, _fault(name, each)) for name in _FAULTS if name in fields for each in _listed(fields[name])]
    if value_of(bool, "clear", fields.get("clear", False)):
        store.faults.clear()
    for name, value in settings.items():
        setattr(store.faults, name, value)
    for name, given in faults:
        with _explained(name):
            _FAULTS[name](store.faults, **given)
    return {"faults": sorted(fields)}


def _fault(name: str, fields: object) -> dict[str, Any]:
    given = arguments(_FAULTS[name], name, fields)
    if (operation := given.get("operation", "*")) not in ("*", *operations()):
        raise BadInput(f"{name}.operation: HealthOmics has no operation {operation!r}; give one, or *.")
    return given


def _plans(store: Store, fields: Mapping[str, Any]) -> object:
    """Say what later runs do: {"workflow_id": "*", "tasks": [{"name": "align", "seconds": 60, "fail_first": 1}]}."""
    workflow_id = value_of(str, "workflow_id", fields.get("workflow_id", "*"))
    tasks = fields.get("tasks")
    if not isinstance(tasks, list) or not tasks:
        raise BadInput('tasks: give a list of tasks, e.g. [{"name": "align", "seconds": 60}].')
    timing = {name: value for name, value in fields.items() if name not in ("workflow_id", "tasks")}
    with _explained("plan"):
        made = tuple(Task(**arguments(Task, f"tasks[{n}]", task)) for n, task in enumerate(tasks))
        plan = Plan(**{**arguments(Plan, "plan", {**timing, "tasks": []}), "tasks": made})
        store.plans.set(workflow_id, plan)
    return {"workflow_id": workflow_id, "tasks": [task.name for task in made]}


def _clock(store: Store, fields: Mapping[str, Any]) -> object:
    """Move time forward, in seconds: {"advance": 30}."""
    only(fields, ["advance"], "known here")
    seconds = value_of(float, "advance", fields.get("advance"))
    with _explained("advance"):
        store.clock.advance(seconds)
    return {"now": store.clock.now().isoformat()}


def _reset(store: Store, fields: Mapping[str, Any]) -> object:
    """Drop every resource, fault and plan of HealthOmics; with {"neighbours": true} empty S3 and the others, too."""
    only(fields, ["neighbours"], "known here")
    everything = value_of(bool, "neighbours", fields.get("neighbours", False))
    store.reset()
    if everything:
        store.neighbours.reset()
        return {"message": "HealthOmics, S3 and the other services are empty."}
    return {"message": 'HealthOmics is empty. S3 and the other services keep theirs: {"neighbours": true} empties all.'}


_ACTIONS: Mapping[tuple[str, str], Callable[[Store, Mapping[str, Any]], object]] = {
    ("GET", ""): _index,
    ("GET", "calls"): _calls,
    ("GET", "policy"): _policy,
    ("POST", "faults"): _faults,
    ("POST", "plans"): _plans,
    ("POST", "clock"): _clock,
    ("POST", "reset"): _reset,
}

_FAULTS: Mapping[str, Callable[..., object]] = {
    "throttle": Faults.throttle,
    "limit": Faults.limit,
    "fail": Faults.fail,
    "fail_submission": Faults.fail_submission,
    "lose_answer": Faults.lose_answer,
    "slow": Faults.slow,
    "deny": Faults.deny,
}

_SETTINGS: Mapping[str, Any] = typing.get_type_hints(Assumptions)


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn what the emulator itself refuses into an answer that says where it stood in the request."""
    try:
        yield
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from error


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _addresses() -> dict[str, str | None]:
    return {f"{verb} {ROOT}/{word}".rstrip("/"): action.__doc__ for (verb, word), action in _ACTIONS.items()}


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        fields = read(body or b"{}")
    except ValueError as error:
        raise BadInput(f"The body is not JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise BadInput('The body must be a JSON object, e.g. {"advance": 30}.')
    return fields


def _json(status: int, content: object) -> Answer:
    return status, [("Content-Type", "application/json")], json.dumps(content, indent=2).encode() + b"\n"
