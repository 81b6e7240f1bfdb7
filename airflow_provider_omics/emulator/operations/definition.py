"""What a workflow and a version of one have in common: a definition, from one of three sources.

https://docs.aws.amazon.com/omics/latest/dev/workflow-defn-packaging.html. Which errors are told at once and which make
the workflow FAILED is an assumption: what can be seen without opening the archive is refused, the rest makes it FAILED.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from airflow_provider_omics.emulator import json_input, lint, s3
from airflow_provider_omics.emulator.archive import files_of
from airflow_provider_omics.emulator.definition import Definition, DefinitionError, engine_of, main_of
from airflow_provider_omics.emulator.errors import ValidationException
from airflow_provider_omics.emulator.operations.call import Call
from airflow_provider_omics.emulator.operations.tagging import check_tags
from airflow_provider_omics.emulator.records import Members, Workflow
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.emulator.validation import check
from airflow_provider_omics.resources import RULES

CREATING = 3.0
"""Seconds of the clock until a new workflow is ACTIVE, or FAILED."""
_SOURCES = ("definitionZip", "definitionUri", "definitionRepository")


@dataclass(frozen=True)
class Reading:
    """What is known of a new workflow when its definition has been read."""

    members: Members
    """What the API shows of it at first."""
    ending: Members
    """What changes when it has been made: its status, and what the definition says or what is wrong with it."""
    definition: Definition | None = None
    """None where it cannot be read, or lies out of reach: in a repository, or in an S3 that is not emulated."""


def read(call: Call) -> Reading:
    """Return what the request says of a workflow or a version, and what its definition does.

    :raises ValidationException: unless it has exactly one source of the definition, which can be got at.
    :raises ServiceQuotaExceededException: if it is too large beside those of the other workflows.
    """
    sources = [name for name in _SOURCES if name in call.parameters]
    if len(sources) != 1:
        raise ValidationException(
            f"{call.operation.name} needs exactly one of {', '.join(_SOURCES)}; it has {', '.join(sources) or 'none'}."
        )
    source = call.parameters[sources[0]]
    body = _body(call, sources[0])
    main, engine = call.parameters.get("main"), call.parameters.get("engine")
    files: Mapping[str, bytes] = {}
    definition: Definition | None = None
    ending: Members = {"status": "ACTIVE"}
    try:
        if body is not None:
            files = files_of(body)
            main = main_of(files, main, engine)
            definition = Definition(files, main)
            call.store.definitions.add(definition)
            ending["parameterTemplate"] = _template(call, definition, engine or engine_of(main))
    except DefinitionError as error:
        definition, ending = None, {"status": "FAILED", "statusMessage": str(error)}
    members = {
        **call.given("description", "parameterTemplate", "storageCapacity", "accelerators", "storageType"),
        **call.given("containerRegistryMap", "readmePath"),
        **({"main": main} if main else {}),
        "uuid": str(uuid4()),
        "status": "CREATING",
        "type": "PRIVATE",
        "engine": engine or engine_of(main or ""),
        "digest": _digest(files, body, source),
        "creationTime": call.store.creation_time(),
        "tags": check_tags(call.parameters.get("tags", {})),
        **({"definitionRepositoryDetails": source} if isinstance(source, dict) else {}),
    }
    return Reading(members, ending, definition)


def create(call: Call, table: Table[Workflow], key: str, workflow: Workflow, reading: Reading) -> Members:
    """Take in a new workflow or version, and return it; it is ACTIVE some seconds later, or FAILED."""
    table.add(key, workflow)
    call.region.tagged[workflow.members["arn"]] = (table, key)

    def finish() -> None:
        if table.get(key) is workflow:
            workflow.definition = reading.definition
            table.change(key, **reading.ending)

    call.store.later(CREATING, finish)
    return workflow.members


def delete(call: Call, table: Table[Workflow], key: str, workflow: Workflow) -> None:
    """Delete a workflow or version, and let go of its definition: the request's token still refers to the record."""
    table.remove(key)
    del call.region.tagged[workflow.members["arn"]]
    workflow.definition = None


def _body(call: Call, member: str) -> bytes | None:
    """Return the archive, or None where it lies out of reach.

    :raises ValidationException: if it is too large, or S3 has no such object.
    """
    source = call.parameters[member]
    if member == "definitionZip":
        _check_size("definitionZip", source, "workflow_definitions.zip_bytes")
        return bytes(source)
    if member != "definitionUri":
        return None
    if not source.startswith("s3://"):
        raise ValidationException(f"The definitionUri {source} is not an S3 URI (s3://bucket/key).")
    s3.check_bucket(call.store, member, source, owner=call.parameters.get("workflowBucketOwnerId"))
    if not call.store.neighbours.knows_buckets:
        return None
    body = call.store.neighbours.get_object(*s3.split(source))
    if body is None:
        raise ValidationException(f"The object {source} of definitionUri does not exist.")
    _check_size(source, body, "workflow_definitions.s3_bytes")
    return body


def _template(call: Call, definition: Definition, engine: str) -> lint.Template | None:
    """Return the parameter template, given or derived, of a definition that is without errors.

    :raises DefinitionError: if the definition has errors, or the template does not fit it.
    """
    given: lint.Template | None = call.parameters.get("parameterTemplate")
    if path := call.parameters.get("parameterTemplatePath"):
        given = _template_file(call, definition, path)
    if not engine.startswith("WDL") or not lint.available():
        return given
    derived = lint.template_of(definition, lenient=engine == "WDL_LENIENT")
    if given is None:
        return derived or None
    lint.check_template(given, derived)
    return given


def _template_file(call: Call, definition: Definition, path: str) -> lint.Template:
    assert call.operation.input is not None  # noqa: S101 - which has the member that names the path
    shape = call.operation.input.members["parameterTemplate"]
    try:
        found: lint.Template = check(shape, json_input.read(definition.files[path]))
    except (KeyError, ValueError, ValidationException) as error:
        raise DefinitionError(f"The archive has no parameter template {path} that can be read: {error}.") from None
    return found


def _check_size(which: str, body: bytes, rule: str) -> None:
    limit = int(RULES[rule].limit)
    if len(body) > limit:
        raise ValidationException(f"The definition {which} has {len(body)} bytes; at most {limit} are allowed.")


def _digest(files: Mapping[str, bytes], body: bytes | None, source: Any) -> str:
    """Return a digest of the definition: of its files, of what is no archive, or else of where it lies."""
    digest = hashlib.sha256()
    for path in sorted(files):  # the same files zipped again are the same definition
        digest.update(json.dumps([path, hashlib.sha256(files[path]).hexdigest()]).encode())
    if not files:
        digest.update(json.dumps(source, sort_keys=True).encode() if body is None else body)
    return digest.hexdigest()
