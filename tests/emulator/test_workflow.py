"""Workflows and their versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.archives import archive
from tests.emulator.wired import ACCOUNT, REGION, WORKFLOW, Service


def create(service: Service, **request: Any) -> Any:
    """Make a workflow, by default from an archive, and wait until it is made."""
    asked = {"definitionZip": archive(), **request}
    answer = service.client.create_workflow(**{name: value for name, value in asked.items() if value is not None})
    service.clock.advance(3)
    return service.client.get_workflow(id=answer["id"])


def version(service: Service, workflow_id: str, name: str, **request: Any) -> Any:
    known = {"workflowId": workflow_id, "versionName": name, "definitionZip": archive()}
    answer = service.client.create_workflow_version(**{**known, **request})
    service.clock.advance(3)
    return answer


def test_a_workflow_is_creating_and_then_active(service: Service) -> None:
    answer = service.client.create_workflow(name="cohort", definitionZip=archive(), tags={"a": "b"})
    assert (answer["id"], answer["status"], answer["tags"]) == ("1234567", "CREATING", {"a": "b"})
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="CREATING"):
        service.start(workflowId=answer["id"])
    service.clock.advance(3)
    workflow = service.client.get_workflow(id=answer["id"])
    assert (workflow["status"], workflow["type"], workflow["engine"]) == ("ACTIVE", "PRIVATE", "WDL")
    assert service.run(workflowId=answer["id"])["status"] == "COMPLETED"


def test_a_workflow_shows_what_it_was_made_with(service: Service) -> None:
    template = {"reference": {"description": "A FASTA file.", "optional": False}, "samples": {"optional": True}}
    asked = {
        "name": "cohort",
        "description": "d",
        "main": "main.nf",
        "parameterTemplate": template,
        "storageCapacity": 1200,
    }
    workflow = create(service, definitionZip=archive("workflow {}", name="main.nf"), **asked)
    assert workflow["status"] == "ACTIVE"
    assert {name: workflow[name] for name in asked} == asked
    assert workflow["engine"] == "NEXTFLOW"


def test_the_digest_is_that_of_the_files_not_of_the_archive(service: Service) -> None:
    first = create(service)
    assert create(service, definitionZip=archive(year=2021))["digest"] == first["digest"]
    assert create(service, definitionZip=archive("version 1.1\nworkflow cohort {}"))["digest"] != first["digest"]


def test_a_definition_in_s3_is_known_by_its_content(service: Service) -> None:
    digests = []
    for name, year in (("a.nf", 2020), ("a.nf", 2021), ("b.nf", 2021)):
        service.memory.objects["s3://genomes/main.zip"] = archive(name=name, year=year)
        digests.append(create(service, definitionZip=None, definitionUri="s3://genomes/main.zip")["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_what_is_no_archive_fails(service: Service) -> None:
    workflow = create(service, definitionZip=b"workflow {}")
    assert workflow["status"] == "FAILED"
    assert "ZIP" in workflow["statusMessage"]
    service.client.delete_workflow(id=workflow["id"])


@pytest.mark.parametrize("sources", [{"definitionZip": None}, {"definitionUri": "s3://genomes/main.zip"}])
def test_a_definition_has_exactly_one_source(service: Service, sources: dict[str, Any]) -> None:
    with pytest.raises(service.client.exceptions.ValidationException, match="exactly one of"):
        create(service, **sources)


def test_a_repository_needs_what_the_model_requires(service: Service) -> None:
    service.needs("CreateWorkflow", "definitionRepository")
    repository = {
        "connectionArn": "arn:aws:codeconnections:us-east-1:123456789012:connection/x",
        "fullRepositoryId": "a/b",
    }
    workflow = create(service, definitionZip=None, definitionRepository=repository)
    assert workflow["definitionRepositoryDetails"] == repository


def test_workflows_are_listed_by_name_and_type(service: Service) -> None:
    made = create(service, name="other")
    service.store.seed_workflow(ACCOUNT, REGION, "3333333", "ready", type="READY2RUN")
    listed = service.client.list_workflows
    assert [w["id"] for w in listed()["items"]] == [WORKFLOW, made["id"], "3333333"]
    assert [w["id"] for w in listed(name="other")["items"]] == [made["id"]]
    assert [w["id"] for w in listed(type="READY2RUN")["items"]] == ["3333333"]


def test_a_ready2run_workflow_is_found_by_its_type_and_takes_no_cache(service: Service) -> None:
    service.store.seed_workflow(ACCOUNT, REGION, "3333333", "ready", type="READY2RUN")
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="of type PRIVATE"):
        service.start(workflowId="3333333")
    with pytest.raises(service.client.exceptions.ValidationException, match="Ready2Run"):
        service.start(workflowId="3333333", workflowType="READY2RUN", cacheId=service.cache()["id"])
    assert service.run(workflowId="3333333", workflowType="READY2RUN")["workflowType"] == "READY2RUN"


def test_a_seeded_workflow_replaces_one_of_its_id_and_blocks_no_new_one(service: Service) -> None:
    service.store.seed_workflow(ACCOUNT, REGION, "1234567", "first")
    service.store.seed_workflow(ACCOUNT, REGION, "1234567", "second")
    assert service.client.get_workflow(id="1234567")["name"] == "second"
    assert create(service)["id"] == "1234568"
    with pytest.raises(ValueError, match="wf-1"):
        service.store.seed_workflow(ACCOUNT, REGION, "wf-1", "no id")


def test_update_and_delete(service: Service) -> None:
    workflow = create(service, name="old")
    service.client.update_workflow(id=workflow["id"], name="new", description="d")
    assert service.client.get_workflow(id=workflow["id"])["name"] == "new"
    service.client.delete_workflow(id=workflow["id"])
    for call in (service.client.get_workflow, service.client.update_workflow, service.client.delete_workflow):
        with pytest.raises(service.client.exceptions.ResourceNotFoundException, match=workflow["id"]):
            call(id=workflow["id"])


def test_a_workflow_that_is_being_made_is_not_deleted(service: Service) -> None:
    workflow_id = service.client.create_workflow(definitionZip=archive())["id"]
    with pytest.raises(service.client.exceptions.ConflictException, match="CREATING"):
        service.client.delete_workflow(id=workflow_id)


def test_versions_are_unique_run_by_name_and_go_before_their_workflow(service: Service) -> None:
    service.needs("CreateWorkflowVersion")
    workflow = create(service, name="cohort")
    answer = version(service, workflow["id"], "v1", description="first", tags={"a": "b"})
    assert answer["arn"] == f"{workflow['arn']}/version/v1"
    with pytest.raises(service.client.exceptions.ConflictException, match="version v1 already"):
        version(service, workflow["id"], "v1", requestId="another")
    version(service, workflow["id"], "v2")
    run = service.run(workflowId=workflow["id"], workflowVersionName="v1")
    assert (run["status"], run["workflowVersionName"]) == ("COMPLETED", "v1")
    which = {"workflowId": workflow["id"], "versionName": "v1"}
    service.client.update_workflow_version(**which, description="changed")
    assert service.client.get_workflow_version(**which)["description"] == "changed"
    assert service.client.list_tags_for_resource(resourceArn=answer["arn"])["tags"] == {"a": "b"}
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="version v9"):
        service.start(workflowId=workflow["id"], workflowVersionName="v9")
    items = service.client.list_workflow_versions(workflowId=workflow["id"])["items"]
    assert [item["versionName"] for item in items] == ["v1", "v2"]
    with pytest.raises(service.client.exceptions.ConflictException, match="2 versions"):
        service.client.delete_workflow(id=workflow["id"])
    for name in ("v1", "v2"):
        service.client.delete_workflow_version(workflowId=workflow["id"], versionName=name)
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="version v1"):
        service.client.get_workflow_version(**which)
    service.client.delete_workflow(id=workflow["id"])
