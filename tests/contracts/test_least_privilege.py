"""What each operator may do, by its page, is what it does: its calls are seen by the emulator, S3 and Logs included."""

from __future__ import annotations

import importlib
import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.operators import ensure, ensure_workflow_version
from tests.conftest import ContextMaker
from tests.ways import KNOWN, WAYS, World

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> Any:
    """Return a script of the documentation's policies."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


iam, iam_data = script("iam"), script("iam_data")
OPERATORS: dict[str, Any] = iam.operators()


@pytest.fixture
def world(
    quick_waits: None,
    workflow_id: str,
    omics: Any,
    omics_emulator: Any,
    omics_clock: Any,
    omics_faults: Any,
    omics_bucket: str,
    context: ContextMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """Return an account with one workflow and one bucket, in which time passes where anybody would sleep."""
    for module in (ensure, ensure_workflow_version):
        monkeypatch.setattr(module, "sleep", omics_clock.advance)
    return World(
        omics_emulator.store,
        omics,
        omics_clock,
        omics_faults,
        context,
        omics_bucket,
        tmp_path,
        OPERATORS,
        iam_data.ROLE,
    )


def listed(document: str, bucket: str) -> set[tuple[str, str]]:
    """Return the actions of a policy of the documentation, each with the resources that it is allowed on."""
    text = document.replace(iam_data.BUCKET, bucket)
    found: set[tuple[str, str]] = set()
    for statement in json.loads(text)["Statement"]:
        actions, resources = (
            [value] if isinstance(value, str) else value for value in (statement["Action"], statement["Resource"])
        )
        found |= {(action, resource) for action in actions for resource in resources}
    return found


def not_allowed(needed: set[tuple[str, str]], allowed: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return what was needed, but is not allowed."""
    return {
        (action, on)
        for action, on in needed
        if not any(action == each and fnmatchcase(on, pattern) for each, pattern in allowed)
    }


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_calls_what_its_page_lists_and_nothing_else(name: str, world: World) -> None:
    operator = OPERATORS[name]
    if getattr(operator, "operation", "GetWorkflow") not in KNOWN:
        pytest.skip(f"the installed botocore has no {operator.operation}")
    WAYS[name](world)
    needed = {(action, on.replace(":*:log-group:", f":{iam.ACCOUNT}:log-group:")) for action, on in world.needed}
    allowed = listed(iam.documents()[name], world.bucket)
    assert not_allowed(needed, allowed) == set()
    unknown = {f"omics:{operation}" for operation in operator.permissions if operation not in KNOWN}
    assert {action for action, _ in allowed} - {action for action, _ in needed} == unknown


def test_every_operator_is_executed() -> None:
    assert set(WAYS) == set(OPERATORS)
