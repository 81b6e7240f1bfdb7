"""Generated requests for every emulated operation: whatever comes, the answer is one that the service model knows."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("hypothesis", reason="hypothesis is in the locked environment only")

from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from hypothesis import HealthCheck, Phase, given, settings

from airflow_provider_omics.emulator import Clock, Response, Store, core, handle
from airflow_provider_omics.emulator.model import Operation, match, operations
from airflow_provider_omics.emulator.operations import HANDLERS
from airflow_provider_omics.emulator.validation import check
from tests.archives import archive
from tests.emulator.generated import KNOWN, Request, broken, hostile, request, valid
from tests.emulator.wired import ROLE, Memory

pytestmark = pytest.mark.locked

CASES = int(os.environ.get("OMICS_GENERATED_REQUESTS", "500"))
"""How many requests there are in all."""
generated = settings(
    max_examples=-(-CASES // (3 * len(HANDLERS))),
    derandomize=True,
    database=None,
    deadline=None,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
LISTS: Sequence[tuple[str, str, str, Sequence[tuple[str, str, str, str]]]] = (
    ("ListRunCaches", "GetRunCache", "id", ()),
    ("ListRunGroups", "GetRunGroup", "id", ()),
    ("ListRuns", "GetRun", "id", [("ListRunTasks", "id", "GetRunTask", "taskId")]),
    ("ListBatch", "GetBatch", "batchId", [("ListRunsInBatch", "batchId", "ListRunsInBatch", "runSettingId")]),
    (
        "ListWorkflows",
        "GetWorkflow",
        "id",
        [("ListWorkflowVersions", "workflowId", "GetWorkflowVersion", "versionName")],
    ),
)
"""What lists things, what describes one, by which member, and the same of what it has in it."""
_MODEL = ServiceModel(create_loader().load_service_model("omics", "service-2"))
ERRORS = {
    name: {error.name: error.metadata["error"]["httpStatusCode"] for error in _MODEL.operation_model(name).error_shapes}
    for name in HANDLERS
}
"""The errors of each operation, by their codes, with their statuses."""
every_operation = pytest.mark.parametrize("operation", [operations()[name] for name in HANDLERS], ids=lambda o: o.name)


@pytest.fixture(scope="module", autouse=True)
def _bugs_are_raised() -> Iterator[None]:
    """Raise what the core would log and answer with a 500, so that a failing case shows the traceback."""

    class Raised(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise AssertionError(record.getMessage()) from (record.exc_info[1] if record.exc_info else None)

    raised = Raised(logging.ERROR)
    core.log.addHandler(raised)
    yield
    core.log.removeHandler(raised)


class Service:
    """A fresh service that has something of each kind, under the ids of :data:`KNOWN`."""

    def __init__(self) -> None:
        memory = Memory()
        memory.put_object("genomes", "definition.zip", archive())
        memory.put_object("genomes", "settings.json", b'[{"runSettingId": "a"}, {"runSettingId": 1}]')
        self.store = Store(clock=Clock(frozen=True), neighbours=memory)
        tags = {"tags": {"team": "genomics"}, "requestId": "used"}
        definition = {"definitionZip": archive(), **tags}
        shared = {"workflowId": "1234567", "roleArn": ROLE, "outputUri": "s3://genomes/runs"}
        self.call("CreateWorkflow", name="cohort", **definition)
        self.store.clock.advance(5)
        self.call("CreateWorkflowVersion", workflowId="1234567", versionName="v1", **definition)
        self.call("CreateRunCache", cacheS3Location="s3://genomes/cache", name="cohort", **tags)
        self.call("CreateRunGroup", name="cohort", maxRuns=1, **tags)
        self.call("StartRun", **shared, name="cohort", cacheId="2345678", runGroupId="5678912", **tags)
        batch = {"defaultRunSetting": shared, "batchRunSettings": {"inlineSettings": [{"runSettingId": "a"}]}}
        self.call("StartRunBatch", batchName="cohort", **batch, **tags)
        self.store.clock.advance(3600)
        self.call("StartRun", **shared, requestId="another")
        self.call("StartRunBatch", **batch, requestId="another")
        self.call("CreateWorkflow", definitionZip=archive(), requestId="another")

    def call(self, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a request that is to succeed."""
        return self.ask(request(operations()[operation], parameters), succeeds=True)

    def ask(self, asked: Request, *, succeeds: bool = False) -> dict[str, Any]:
        """Hold the answer to a request against the model, and return it; nothing if it is an error."""
        response = handle(self.store, asked.method, asked.path, asked.query, asked.headers, asked.body)
        found = match(asked.method, asked.path)
        if found is None or found[0].name not in HANDLERS:
            assert response.status == (501 if found else 404)
            assert set(json.loads(response.body)) == {"message"}
            return {}
        if response.status == found[0].status:
            return answer(found[0], response)
        refused(found[0], response)
        assert not succeeds, response.body
        return {}

    def look_around(self, headers: Mapping[str, str]) -> None:
        """List and describe all there is, as it is now."""
        for listing, describing, key, below in LISTS:
            for item in self._items(headers, listing):
                described = self._look(headers, describing, **{key: item["id"]})
                self._look(headers, "ListTagsForResource", resourceArn=described["arn"])
                for name, owner, inner, id_of in below:
                    for each in self._items(headers, name, **{owner: item["id"]}):
                        self._look(headers, inner, **{owner: item["id"], id_of: each[id_of]})

    def _items(self, headers: Mapping[str, str], listing: str, **which: str) -> list[dict[str, Any]]:
        answered = self._look(headers, listing, **which)
        return list(answered.get("items") or answered.get("runs", ()))

    def _look(self, headers: Mapping[str, str], name: str, **which: str) -> dict[str, Any]:
        return self.ask(replace(request(operations()[name], which), headers=headers))


def answer(operation: Operation, response: Response) -> dict[str, Any]:
    """Assert that an answer is one by its shape, for botocore's parser as for us, and return it."""
    if operation.output is None or operation.status == 204:
        assert response.body == b""
        return {}
    members: dict[str, Any] = json.loads(response.body, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert check(operation.output, members) == members
    raw = {"status_code": response.status, "headers": dict(response.headers), "body": response.body}
    parsed = create_parser("rest-json").parse(raw, operation.output)
    assert set(parsed) - {"ResponseMetadata"} == set(members)
    return members


def refused(operation: Operation, response: Response) -> None:
    """Assert that an error is one that the model has for the operation."""
    code = response.headers["X-Amzn-Errortype"]
    assert ERRORS[operation.name].get(code) == response.status != 500, (code, response.body)
    members = json.loads(response.body)
    assert set(members) == {"message"}
    assert members["message"]
    assert "Traceback" not in members["message"]


def play(asked: Request) -> None:
    """Send a request twice, as a repeated attempt does, and look an hour later what it has left behind."""
    service = Service()
    service.ask(asked)
    service.ask(asked)
    service.store.clock.advance(3600)
    service.look_around(asked.headers)


def test_the_known_values_are_those_of_the_service() -> None:
    service = Service()
    assert service.call("ListRunTasks", id=KNOWN["runId"][0])["items"][0]["taskId"] in KNOWN["taskId"]
    for name, ids in (
        ("Runs", "runId"),
        ("RunCaches", "cacheId"),
        ("RunGroups", "runGroupId"),
        ("Workflows", "workflowId"),
    ):
        assert {each["id"] for each in service.call(f"List{name}")["items"]} >= set(KNOWN[ids])
    for arn in KNOWN["resourceArn"]:
        assert service.call("ListTagsForResource", resourceArn=arn)["tags"] == {"team": "genomics"}


@every_operation
def test_a_valid_request_is_not_called_invalid(operation: Operation) -> None:
    @generated
    @given(valid(operation))
    def play_it(parameters: dict[str, Any]) -> None:
        asked = request(operation, parameters)
        response = handle(Service().store, asked.method, asked.path, asked.query, asked.headers, asked.body)
        assert b"validation error" not in response.body
        play(asked)

    play_it()


@every_operation
def test_a_broken_request_gets_an_answer_of_the_model(operation: Operation) -> None:
    generated(given(broken(operation))(play))()


@every_operation
def test_a_hostile_request_gets_an_answer_of_the_model(operation: Operation) -> None:
    generated(given(hostile(operation))(play))()
