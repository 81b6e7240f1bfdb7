"""What a workflow and a version of one have in common: a definition, from one of three sources."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import s3
from airflow_provider_omics.emulator.errors import ValidationException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.tagging import check_tags
from airflow_provider_omics.emulator.records import Members, Workflow
from airflow_provider_omics.emulator.tables import Table

CREATING = 3.0
"""Seconds of the clock until a new workflow is ACTIVE, or FAILED."""
_SOURCES = ("definitionZip", "definitionUri", "definitionRepository")
_ENGINES = {".nf": "NEXTFLOW", ".cwl": "CWL"}
"""Engines by the ending of the main file; AWS does not say how it tells them apart."""


def members_of(call: Call) -> Members:
    """Return what the request says of a workflow or a version.

    :raises ValidationException: unless it has exactly one source of the definition.
    """
    sources = [name for name in _SOURCES if name in call.parameters]
    if len(sources) != 1:
        raise ValidationException(
            f"{call.operation.name} needs exactly one of {', '.join(_SOURCES)}; it has {', '.join(sources) or 'none'}."
        )
    source = call.parameters[sources[0]]
    if sources[0] == "definitionUri" and source.startswith("s3://"):
        s3.check_bucket(call.store, "definitionUri", source, owner=call.parameters.get("workflowBucketOwnerId"))
    main = call.parameters.get("main", "")
    guess = next((engine for ending, engine in _ENGINES.items() if main.endswith(ending)), "WDL")
    return {
        **call.given(
            *("description", "main", "parameterTemplate", "storageCapacity", "accelerators", "storageType"),
            *("containerRegistryMap", "readmePath"),
        ),
        "uuid": str(uuid4()),
        "status": "CREATING",
        "type": "PRIVATE",
        "engine": call.parameters.get("engine", guess),
        "digest": _digest(call, source),
        "creationTime": call.store.creation_time(),
        "tags": check_tags(call.parameters.get("tags", {})),
        **({"definitionRepositoryDetails": source} if isinstance(source, dict) else {}),
    }


def create(call: Call, table: Table[Workflow], key: str, workflow: Workflow) -> Members:
    """Take in a new workflow or version, and return it; it is ACTIVE some seconds later, or FAILED."""
    table.add(key, workflow)
    call.region.tagged[workflow.members["arn"]] = (table, key)
    body = call.parameters.get("definitionZip")
    broken = body is not None and not zipfile.is_zipfile(io.BytesIO(body))

    def finish() -> None:
        if table.get(key) is not workflow:
            return
        if broken:
            table.change(key, status="FAILED", statusMessage="The definition is not a ZIP archive.")
        else:
            table.change(key, status="ACTIVE")

    call.store.later(CREATING, finish)
    return workflow.members


def _digest(call: Call, source: Any) -> str:
    """Return a digest of the definition: of its content where that is at hand, else of where it lies."""
    digest = hashlib.sha256()
    if not isinstance(source, bytes):
        digest.update((s3.etag(call.store, source) or json.dumps(source, sort_keys=True)).encode())
    elif zipfile.is_zipfile(io.BytesIO(source)):
        with zipfile.ZipFile(io.BytesIO(source)) as archive:
            for name in sorted(archive.namelist()):  # the same files zipped again are the same definition
                digest.update(json.dumps([name, hashlib.sha256(archive.read(name)).hexdigest()]).encode())
    else:
        digest.update(source)
    return digest.hexdigest()
