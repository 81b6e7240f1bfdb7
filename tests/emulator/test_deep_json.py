"""JSON that is nested deeply, or is large in another way, wherever the emulator meets it."""

from __future__ import annotations

import math
import zipfile
from email.message import Message

import pytest

from airflow_provider_omics.emulator import archive as archives
from airflow_provider_omics.emulator import json_input, neighbour_permissions
from airflow_provider_omics.emulator.archive import files_of
from airflow_provider_omics.emulator.definition import DefinitionError
from airflow_provider_omics.emulator.wdl import engine
from tests.archives import zipped
from tests.emulator.wired import Service

DEEP = (b"[" * 100_000, b'{"a":' * 500 + b"1" + b"}" * 500)
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize("body", DEEP)
def test_what_json_input_refuses(body: bytes) -> None:
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        json_input.read(body)
    assert json_input.read("[NaN]", number=float) != json_input.read("[1]")


def test_what_the_process_of_a_run_tells() -> None:
    """A message that cannot be read fails the run, and does not end the thread that listens to it."""
    for value in DEEP:
        found = engine._message(b'{"kind": "done", "values": ' + value + b"}")
        assert (found["kind"], found["reason"]) == ("broken", "WORKFLOW_RUN_FAILED")
        assert "nested more than 100 deep" in found["message"]
    assert engine._message(b'{"kind": "log", "line": "x", "error": false}')["line"] == "x"
    assert math.isnan(engine._message(b'{"kind": "done", "values": NaN}')["values"])


@pytest.mark.parametrize("body", DEEP)
def test_a_request_of_logs(body: bytes) -> None:
    headers = Message()
    headers["Authorization"] = SIGNED.format("logs")
    headers["X-Amz-Target"] = "Logs_20140328.GetLogEvents"
    assert neighbour_permissions.needs("POST", "/", headers, body) == [
        ("logs:GetLogEvents", "arn:aws:logs:us-east-1:*:log-group:*:*")
    ]


def test_keys_that_are_to_be_deleted() -> None:
    headers = Message()
    headers["Authorization"] = SIGNED.format("s3")
    body = b"<Delete><Object><Key>a/1&amp;</Key></Object><Object><Key>b</Key></Object></Delete><Key>never closed"
    assert neighbour_permissions.needs("POST", "/genomes?delete", headers, body) == [
        ("s3:DeleteObject", "arn:aws:s3:::genomes/a/*"),
        ("s3:DeleteObject", "arn:aws:s3:::genomes/b"),
    ]


@pytest.mark.parametrize("body", DEEP)
def test_the_file_of_a_parameter_template(service: Service, body: bytes) -> None:
    service.needs("CreateWorkflow", "parameterTemplatePath")
    definition = zipped({"main.nf": "", "template.json": body})
    made = service.client.create_workflow(definitionZip=definition, parameterTemplatePath="template.json")
    service.clock.advance(60)
    workflow = service.client.get_workflow(id=made["id"])
    assert workflow["status"] == "FAILED"
    assert "no parameter template template.json that can be read: objects and arrays" in workflow["statusMessage"]


def test_an_archive_is_not_opened_to_count_its_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    body = zipped({f"{number}.wdl": "" for number in range(4)})
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(DefinitionError, match="4 entries; at most 3"):
        files_of(body)
