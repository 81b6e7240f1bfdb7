"""capo-omics, which shares no code with botocore, calls every emulated operation and reads what boto3 reads."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.operations import HANDLERS
from airflow_provider_omics.emulator.server import Server
from tests.archives import archive
from tests.clients.program import Program
from tests.clients.samples import REGION

pytestmark = pytest.mark.slow

ZIP = base64.b64encode(archive("version 1.0\nworkflow cohort { input { String sample } }")).decode()
ROLE, OUTPUT = "arn:aws:iam::123456789012:role/omics", "s3://example-bucket/runs"
READING = ("get_", "list_")


class Capo:
    """The client ``OmicsClient`` of capo-omics: ``capo("get_run", id="1234567")``."""

    def __init__(self, program: Program, boto: Any) -> None:
        self._program, self._boto = program, boto
        self.succeeded: set[str] = set()

    def __call__(self, operation: str, **arguments: Any) -> Any:
        """Return the answer; one that changes nothing is to be what boto3 reads."""
        done = self._program.ask(operation=operation, arguments=arguments)
        assert "answer" in done, done
        self.succeeded.add(operation)
        if operation.startswith(READING):
            asked = {_camel(name): value for name, value in arguments.items()}
            read = getattr(self._boto, operation)(**asked)
            del read["ResponseMetadata"]
            assert done["answer"] == _in_snake_case(read)
        return done["answer"]

    def refused(self, operation: str, **arguments: Any) -> Any:
        """Return the error that the service answers with."""
        done = self._program.ask(operation=operation, arguments=arguments)
        assert done["error"] == done["code"], done
        return done["code"]


def _camel(name: str) -> str:
    first, *words = name.split("_")
    return first + "".join(map(str.capitalize, words))


def _in_snake_case(value: Any) -> Any:
    """Return an answer of boto3's with names and times as the other client has them."""
    if isinstance(value, dict):
        return {xform_name(name): _in_snake_case(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_snake_case(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.fixture
def capo(emulator: Server, tmp_path: Path) -> Iterator[Capo]:
    boto = boto3.client(
        "omics",
        region_name=REGION,
        endpoint_url=emulator.url,
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
        config=Config(inject_host_prefix=False),
    )
    with Program("capo-omics", emulator.url, tmp_path) as program:
        yield Capo(program, boto)
    boto.close()


def test_every_emulated_operation(capo: Capo, clock: Clock) -> None:
    workflow_id = make_workflow(capo, clock)
    cache = make_cache(capo)
    group_id = capo("create_run_group", request_id="group", name="a b+c&d é", max_runs=1)["id"]
    capo("update_run_group", id=group_id, max_cpus=2)
    assert capo("get_run_group", id=group_id)["max_cpus"] == 2
    (listed,) = capo("list_run_groups", name="a b+c&d é")["items"]
    assert listed["id"] == group_id
    start_runs(capo, clock, workflow_id, cache["id"], group_id)
    start_batches(capo, clock, workflow_id)
    capo("delete_run_cache", id=cache["id"])
    assert capo.refused("get_run_cache", id=cache["id"]) == "ResourceNotFoundException"
    capo("delete_run_group", id=group_id)
    capo("delete_workflow_version", workflow_id=workflow_id, version_name="v1")
    capo("delete_workflow", id=workflow_id)
    assert capo.succeeded >= {xform_name(name) for name in HANDLERS}


def make_workflow(capo: Capo, clock: Clock) -> str:
    workflow_id: str = capo("create_workflow", request_id="cohort", name="cohort", definition_zip=ZIP)["id"]
    clock.advance(5)
    which = {"workflow_id": workflow_id, "version_name": "v1"}
    capo("create_workflow_version", request_id="cohort", definition_zip=ZIP, storage_type="DYNAMIC", **which)
    clock.advance(5)
    capo("update_workflow", id=workflow_id, description="The first one, déjà vu")
    capo("update_workflow_version", description="The first one, déjà vu", **which)
    workflow, version = capo("get_workflow", id=workflow_id), capo("get_workflow_version", **which)
    assert workflow["parameter_template"] == version["parameter_template"]
    assert list(workflow["parameter_template"]) == ["sample"]
    assert workflow["description"] == version["description"] == "The first one, déjà vu"
    assert len(capo("list_workflows", type="PRIVATE", name="cohort")["items"]) == 1
    assert len(capo("list_workflow_versions", workflow_id=workflow_id)["items"]) == 1
    return workflow_id


def make_cache(capo: Capo) -> Any:
    request = {"cache_s3_location": "s3://example-bucket/cache", "request_id": "cache", "tags": {"team": "genomics"}}
    cache = capo("create_run_cache", **request)
    assert capo("create_run_cache", **request) == cache
    assert capo.refused("create_run_cache", **request | {"name": "other"}) == "ValidationException"
    capo("update_run_cache", id=cache["id"], name="cohort", cache_behavior="CACHE_ALWAYS")
    assert capo("get_run_cache", id=cache["id"])["cache_behavior"] == "CACHE_ALWAYS"
    assert len(capo("list_run_caches")["items"]) == 1
    capo("tag_resource", resource_arn=cache["arn"], tags={"cost": "a/b"})
    capo("untag_resource", resource_arn=cache["arn"], tag_keys=["team", "absent"])
    assert capo("list_tags_for_resource", resource_arn=cache["arn"]) == {"tags": {"cost": "a/b"}}
    return cache


def start_runs(capo: Capo, clock: Clock, workflow_id: str, cache_id: str, group_id: str) -> None:
    request = {"workflow_id": workflow_id, "role_arn": ROLE, "output_uri": OUTPUT, "parameters": {"sample": "é\n"}}
    first, second, third = (
        capo("start_run", request_id=name, name=name, cache_id=cache_id, run_group_id=group_id, **request)["id"]
        for name in ("first", "second", "third")
    )
    capo("cancel_run", id=third)
    clock.advance(7200)
    run = capo("get_run", id=first)
    assert (run["status"], run["parameters"]) == ("COMPLETED", request["parameters"])
    tasks = capo("list_run_tasks", id=second)["items"]
    assert {task["cache_hit"] for task in tasks} == {True}
    capo("get_run_task", id=second, task_id=tasks[0]["task_id"])
    capo("delete_run", id=third)
    page = capo("list_runs", status="COMPLETED", max_results=1)
    assert [run["id"] for run in page["items"]] == [first]
    paged = capo("iter_list_runs", status="COMPLETED", max_results=1)
    assert [run["id"] for run in paged] == [first, second]


def start_batches(capo: Capo, clock: Clock, workflow_id: str) -> None:
    shared = {"workflow_id": workflow_id, "role_arn": ROLE, "output_uri": OUTPUT}
    settings = [{"run_setting_id": name, "parameters": {"sample": name}} for name in ("a", "b")]
    request = {"default_run_setting": shared, "batch_run_settings": {"inlineSettings": settings}}
    cancelled, processed = (
        capo("start_run_batch", request_id=name, batch_name=name, **request)["id"] for name in ("fourth", "fifth")
    )
    clock.advance(5)
    capo("cancel_run_batch", batch_id=cancelled)
    clock.advance(7200)
    assert [item["status"] for item in capo("list_batch")["items"]] == ["CANCELLED", "PROCESSED"]
    assert len(capo("list_runs_in_batch", batch_id=processed)["runs"]) == 2
    assert capo("get_batch", batch_id=processed)["run_summary"]["completed_run_count"] == 2
    capo("delete_run_batch", batch_id=processed)
    clock.advance(60)
    capo("delete_batch", batch_id=processed)
