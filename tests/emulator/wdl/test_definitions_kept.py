"""What all definitions together may take of the memory: an archive of some kilobytes may hold many megabytes."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from airflow_provider_omics.emulator import definition as definitions
from tests.archives import archive
from tests.emulator.test_workflow import create, version
from tests.emulator.wdl.lab import Lab, one
from tests.emulator.wired import ACCOUNT, REGION, Service, Wire

SIZE = 100_000
ROOM = 250_000
"""Room for two definitions of that size."""


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "MOST_KEPT", ROOM)


def deflated(size: int = SIZE, main: str = "workflow {}", name: str = "main.nf") -> bytes:
    """Return an archive that unpacks to many times its size."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, main)
        made.writestr("zeros", bytes(size))
    assert len(body.getvalue()) < size / 50
    return body.getvalue()


def refused(service: Service, **asked: Any) -> str:
    """Return what AWS's error says of a workflow that is one too many."""
    with pytest.raises(service.client.exceptions.ServiceQuotaExceededException) as error:
        create(service, **{"definitionZip": deflated(), **asked})
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    return str(error.value.response["Error"]["Message"])


def test_one_too_many_is_refused_until_another_is_deleted(service: Service) -> None:
    first, _ = create(service, definitionZip=deflated()), create(service, definitionZip=deflated())
    message = refused(service)
    assert f"the emulator keeps {ROOM} bytes in all: delete workflows" in message
    assert len(service.client.list_workflows()["items"]) == 3  # with the seeded one
    assert create(service)["status"] == "ACTIVE"  # a small one fits
    service.client.delete_workflow(id=first["id"])
    assert create(service, definitionZip=deflated())["status"] == "ACTIVE"


def test_those_that_are_creating_count(service: Service) -> None:
    for _ in range(2):
        service.client.create_workflow(name="x", definitionZip=deflated())
    with pytest.raises(service.client.exceptions.ServiceQuotaExceededException):
        service.client.create_workflow(name="x", definitionZip=deflated())


def test_versions_count(service: Service) -> None:
    service.needs("CreateWorkflowVersion")
    workflow = create(service, definitionZip=deflated())
    version(service, workflow["id"], "v1", definitionZip=deflated())
    with pytest.raises(service.client.exceptions.ServiceQuotaExceededException):
        version(service, workflow["id"], "v2", definitionZip=deflated())
    service.client.delete_workflow_version(workflowId=workflow["id"], versionName="v1")
    version(service, workflow["id"], "v2", definitionZip=deflated())


def test_definitions_in_s3_count(service: Service) -> None:
    service.memory.objects["s3://genomes/main.zip"] = deflated()
    for _ in range(2):
        create(service, definitionZip=None, definitionUri="s3://genomes/main.zip")
    refused(service, definitionZip=None, definitionUri="s3://genomes/main.zip")


def test_those_of_other_regions_count(service: Service, wire: Wire) -> None:
    for _ in range(2):
        create(service, definitionZip=deflated())
    elsewhere = wire.client(region="eu-west-1")
    with pytest.raises(elsewhere.exceptions.ServiceQuotaExceededException):
        elsewhere.create_workflow(name="x", definitionZip=deflated())


def test_many_small_files_count(service: Service) -> None:
    """A name and a record of each file take memory, though none of them holds anything."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as made:
        for number in range(2000):
            made.writestr(f"{number}.nf", "")
    refused(service, definitionZip=body.getvalue(), main="1.nf")


def test_a_failed_workflow_keeps_nothing(service: Service) -> None:
    for _ in range(4):
        assert create(service, definitionZip=deflated(), main="absent.nf")["status"] == "FAILED"


def test_a_reset_makes_room(service: Service) -> None:
    for _ in range(2):
        create(service, definitionZip=deflated())
    service.store.reset()
    assert create(service, definitionZip=deflated())["status"] == "ACTIVE"


def test_a_request_token_keeps_no_archive(service: Service) -> None:
    request = {"name": "x", "requestId": "once", "definitionZip": archive("workflow {}", name="main.nf")}
    made = service.client.create_workflow(**request)
    (token,) = service.store.region(ACCOUNT, REGION).tokens.values()
    assert not [value for value in token.parameters.values() if isinstance(value, bytes)]
    assert service.client.create_workflow(**request)["id"] == made["id"]
    with pytest.raises(service.client.exceptions.ValidationException, match="requestId 'once' was used"):
        service.client.create_workflow(**request | {"definitionZip": archive("workflow { }", name="main.nf")})


@pytest.mark.locked
def test_a_run_of_a_deleted_workflow_counts_until_it_has_begun(lab: Lab) -> None:
    source = one("echo > out.txt")
    asked = {"definitionZip": deflated(main=source, name="main.wdl"), "main": "main.wdl", "engine": "WDL"}
    first, _ = create(lab, **asked), create(lab, **asked)
    run_id = lab.start(workflowId=first["id"])["id"]
    lab.client.delete_workflow(id=first["id"])
    refused(lab, **asked)
    assert lab.ended(run_id)["status"] == "COMPLETED"
    assert create(lab, **asked)["status"] == "ACTIVE"
    refused(lab, **asked)


@pytest.mark.locked
def test_a_run_that_is_cancelled_in_the_queue_lets_go(lab: Lab) -> None:
    source = one("echo > out.txt")
    asked = {"definitionZip": deflated(main=source, name="main.wdl"), "main": "main.wdl", "engine": "WDL"}
    first, _ = create(lab, **asked), create(lab, **asked)
    run_id = lab.start(workflowId=first["id"])["id"]
    lab.client.delete_workflow(id=first["id"])
    lab.client.cancel_run(id=run_id)
    assert lab.ended(run_id)["status"] == "CANCELLED"
    assert create(lab, **asked)["status"] == "ACTIVE"
