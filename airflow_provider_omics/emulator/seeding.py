"""Workflows that are there from the start, made of files on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_omics.emulator import lint
from airflow_provider_omics.emulator.definition import Definition
from airflow_provider_omics.emulator.operations import workflow
from airflow_provider_omics.resources import WORKFLOW

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.store import Store


def seed_wdl(store: Store, account: str, region: str, path: Path) -> str:
    """Make a workflow of a WDL file that is ACTIVE at once, and return its id.

    :param path: the main file; it may import every WDL file beside and below it. The workflow is called by its name.
    :raises OSError: if the file cannot be read.
    :raises DefinitionError: if the file has errors, with their positions.
    """
    beside = (each for each in path.parent.rglob("*.wdl") if each.is_file())
    files = {each.relative_to(path.parent).as_posix(): each.read_bytes() for each in beside}
    definition = Definition({**files, path.name: path.read_bytes()}, path.name)
    template = lint.template_of(definition)
    members = {"name": path.stem, "main": path.name, **({"parameterTemplate": template} if template else {})}
    with store.lock:
        store.settle()
        place = store.region(account, region)
        workflow_id = place.new_id(WORKFLOW)
        workflow.seed(place, workflow_id, members)
        made = place.workflows.get(workflow_id)
        assert made is not None  # noqa: S101 - it was made just now
        made.definition = definition
    return workflow_id
