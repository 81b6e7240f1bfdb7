"""Every operation of the service model: emulated and true to it, or refused by its name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.model import StructureShape

from airflow_provider_omics.emulator import Clock, Response, Store, handle
from airflow_provider_omics.emulator.errors import MODELLED
from airflow_provider_omics.emulator.model import Operation, operations
from airflow_provider_omics.emulator.operations import HANDLERS
from airflow_provider_omics.emulator.validation import check
from tests.archives import archive
from tests.emulator.shapes import Where, broken, replaced, valid
from tests.emulator.wired import ROLE, Service, Wire

pytestmark = pytest.mark.locked

EMULATED = [operation for name, operation in operations().items() if name in HANDLERS]
OTHERS = [operation for name, operation in operations().items() if name not in HANDLERS]


def send(operation: Operation, parameters: dict[str, Any]) -> Response:
    """Send a request, written down here without botocore's help, to an empty store."""
    members = operation.input.members if operation.input else {}
    path, query, body = operation.path, [], {}
    for name, value in parameters.items():
        location = members[name].serialization.get("location")
        key = members[name].serialization.get("name", name)
        if location == "uri":
            path = path.replace(f"{{{key}}}", quote(str(value), safe=""))
        elif location == "querystring":
            query += [(key, item) for item in (value if isinstance(value, list) else [value])]
        elif location is None:
            body[key] = "Y29udGVudA==" if isinstance(value, bytes) else value
    store = Store(clock=Clock(frozen=True))
    return handle(store, operation.method, path, urlencode(query), {}, json.dumps(body).encode())


def requests(operation: Operation, *, only_required: bool) -> Any:
    return valid(operation.input, only_required=only_required) if operation.input else {}


def breakages() -> Iterator[Any]:
    for operation in EMULATED:
        assert isinstance(operation.input, StructureShape)
        for where, constraint, value in broken(operation.input):
            in_path = operation.input.members[str(where[0])].serialization.get("location") == "uri"
            if not (in_path and value in (None, "")):  # such a path is that of another operation
                name = ".".join(map(str, where))
                yield pytest.param(operation, where, value, id=f"{operation.name}-{name}-{constraint}")


def test_the_model_has_107_operations() -> None:
    assert len(operations()) == 107


def test_every_handler_is_an_operation_of_the_model() -> None:
    assert len(HANDLERS) == 37
    assert set(HANDLERS) <= set(operations())


@pytest.mark.parametrize("operation", OTHERS, ids=lambda operation: operation.name)
def test_what_is_not_emulated_says_so(operation: Operation) -> None:
    response = send(operation, requests(operation, only_required=True))
    assert (response.status, response.headers["X-Amzn-Errortype"]) == (501, "NotImplementedException")
    assert json.loads(response.body)["message"].startswith(f"{operation.name} is not emulated.")


@pytest.mark.parametrize("only_required", [True, False], ids=["required", "all"])
@pytest.mark.parametrize("operation", EMULATED, ids=lambda operation: operation.name)
def test_a_valid_request_gets_an_answer_or_an_error_of_the_model(operation: Operation, only_required: bool) -> None:
    response = send(operation, requests(operation, only_required=only_required))
    if response.status == operation.status:
        if operation.output and response.body:
            members = json.loads(response.body)
            assert check(operation.output, members) == members
    else:
        error = MODELLED[response.headers["X-Amzn-Errortype"]]
        assert response.status == error.status != 500
        assert "validation error" not in json.loads(response.body)["message"]


@pytest.mark.parametrize(("operation", "where", "value"), list(breakages()))
def test_a_broken_member_is_refused_by_its_name(operation: Operation, where: Where, value: Any) -> None:
    response = send(operation, replaced(requests(operation, only_required=False), where, value))
    assert (response.status, response.headers["X-Amzn-Errortype"]) == (400, "ValidationException")
    assert f"at '{where[0]}" in json.loads(response.body)["message"]


def test_every_emulated_operation_succeeds(service: Service, wire: Wire) -> None:
    wire.succeeded = Counter()
    client = service.client
    workflow_id = client.create_workflow(name="cohort", definitionZip=archive())["id"]
    service.clock.advance(3)
    which = {"workflowId": workflow_id, "versionName": "v1"}
    client.create_workflow_version(**which, definitionZip=archive())
    service.clock.advance(3)
    cache = service.cache(name="cohort")
    group_id = client.create_run_group(name="cohort")["id"]
    client.update_run_group(id=group_id, name="renamed")
    client.get_run_group(id=group_id)
    runs = [client.start_run(workflowId=workflow_id, roleArn=ROLE, outputUri="s3://genomes", cacheId=cache["id"])]
    client.cancel_run(id=runs[0]["id"])
    runs.append(service.run(cacheId=cache["id"]))
    tasks = client.list_run_tasks(id=runs[1]["id"])["items"]
    client.get_run_task(id=runs[1]["id"], taskId=tasks[0]["taskId"])
    client.tag_resource(resourceArn=cache["arn"], tags={"a": "b"})
    client.list_tags_for_resource(resourceArn=cache["arn"])
    client.untag_resource(resourceArn=cache["arn"], tagKeys=["a"])
    client.update_run_cache(id=cache["id"], name="renamed")
    client.update_workflow(id=workflow_id, name="renamed")
    client.update_workflow_version(**which, description="renamed")
    client.get_run_cache(id=cache["id"])
    client.get_workflow(id=workflow_id)
    client.get_workflow_version(**which)
    for operation in ("list_runs", "list_run_caches", "list_run_groups", "list_workflows"):
        assert getattr(client, operation)()["items"]
    assert client.list_workflow_versions(workflowId=workflow_id)["items"]
    batches = [service.start_batch({"runSettingId": "a"})["id"] for _ in range(2)]
    service.clock.advance(5)
    client.cancel_run_batch(batchId=batches[0])
    service.clock.advance(3600)
    assert client.list_batch()["items"]
    assert client.list_runs_in_batch(batchId=batches[1])["runs"]
    client.delete_run_batch(batchId=batches[1])
    service.clock.advance(5)
    client.get_batch(batchId=batches[1])
    client.delete_batch(batchId=batches[1])
    client.delete_run(id=runs[0]["id"])
    client.delete_run_cache(id=cache["id"])
    client.delete_run_group(id=group_id)
    client.delete_workflow_version(**which)
    client.delete_workflow(id=workflow_id)
    assert set(wire.succeeded) == set(HANDLERS)
