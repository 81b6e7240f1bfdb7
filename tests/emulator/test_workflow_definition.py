"""What workflows are made of: where a definition comes from, and what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator.operations import definition as operation
from airflow_provider_omics.resources import RULES, Rule
from tests.archives import archive, zipped
from tests.emulator.test_workflow import create, version
from tests.emulator.wired import ACCOUNT, REGION, Service

COHORT = """version 1.0
import "tasks/align.wdl" as tasks
workflow cohort {
    input {
        File reads
        Int threads = 2
        String? label
    }
    parameter_meta {
        reads: { description: "Reads of\\none sample." }
        threads: "How many."
    }
    call tasks.align { input: reads = reads }
}
"""
ALIGN = """version 1.0
task align {
    input {
        File reads
        Int shards = 1
    }
    command <<< wc -l ~{reads} >>>
    output {
        Int lines = read_int(stdout())
    }
}
"""
FILES = {"main.wdl": COHORT, "tasks/align.wdl": ALIGN}
DERIVED = {
    "reads": {"description": "Reads of one sample.", "optional": False},
    "threads": {"description": "How many.", "optional": True},
    "label": {"optional": True},
}


def errors_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the linter found; the message is one line that any terminal shows."""
    assert workflow["status"] == "FAILED"
    assert workflow["statusMessage"].isprintable()
    found: list[dict[str, Any]] = json.loads(workflow["statusMessage"])["errors"]
    return found


def definition_of(service: Service, workflow: dict[str, Any]) -> Any:
    found = service.store.region(ACCOUNT, REGION).workflows.get(workflow["id"])
    assert found is not None
    return found.definition


def test_the_definition_is_kept_with_the_workflow(service: Service) -> None:
    files = {"main.nf": "workflow {}", "bin/count.sh": "wc -l"}
    workflow = create(service, definitionZip=zipped(files))
    kept = definition_of(service, workflow)
    assert (kept.main, {path: body.decode() for path, body in kept.files.items()}) == ("main.nf", files)
    assert (workflow["main"], workflow["engine"]) == ("main.nf", "NEXTFLOW")


def test_a_seeded_workflow_has_none(service: Service) -> None:
    assert definition_of(service, {"id": "1111111"}) is None


def test_a_definition_in_s3_is_read(service: Service) -> None:
    service.memory.objects["s3://genomes/a b/main.zip"] = archive(name="main.cwl")
    workflow = create(service, definitionZip=None, definitionUri="s3://genomes/a b/main.zip")
    assert (workflow["status"], workflow["main"], workflow["engine"]) == ("ACTIVE", "main.cwl", "CWL")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no uri": ({"definitionUri": "https://example.com/main.zip"}, "not an S3 URI"),
    "no bucket": ({"definitionUri": "s3://nowhere/main.zip"}, "bucket nowhere of definitionUri .* does not exist"),
    "no object": ({"definitionUri": "s3://genomes/none.zip"}, "object s3://genomes/none.zip .* does not exist"),
    "no key": ({"definitionUri": "s3://genomes"}, "object s3://genomes .* does not exist"),
    "nothing": ({}, "exactly one of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_got_at_is_refused_at_once(service: Service, case: str) -> None:
    asked, message = REFUSED[case]
    with pytest.raises(service.client.exceptions.ValidationException, match=message):
        create(service, definitionZip=None, **asked)
    assert [workflow["name"] for workflow in service.client.list_workflows()["items"]] == ["cohort"]


def test_a_bucket_of_another_account_needs_its_owner(service: Service) -> None:
    service.needs("CreateWorkflow", "workflowBucketOwnerId")
    service.memory.objects["s3://theirs/main.zip"] = archive(name="main.nf")
    asked = {"definitionZip": None, "definitionUri": "s3://theirs/main.zip"}
    with pytest.raises(service.client.exceptions.AccessDeniedException, match="not owned by account"):
        create(service, **asked, workflowBucketOwnerId=ACCOUNT)
    assert create(service, **asked, workflowBucketOwnerId="999999999999")["status"] == "ACTIVE"


def test_the_limits_of_size(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (RULES["workflow_definitions.zip_bytes"].limit, RULES["workflow_definitions.s3_bytes"].limit) == (
        4_400_000,
        100_000_000,
    )
    body = archive(name="main.nf")
    small = {"workflow_definitions.zip_bytes": len(body) - 1, "workflow_definitions.s3_bytes": len(body)}
    monkeypatch.setattr(operation, "RULES", {name: Rule(limit, "") for name, limit in small.items()})
    with pytest.raises(service.client.exceptions.ValidationException, match=f"definitionZip has {len(body)} bytes"):
        create(service, definitionZip=body)
    service.memory.objects["s3://genomes/main.zip"] = body
    assert create(service, definitionZip=None, definitionUri="s3://genomes/main.zip")["status"] == "ACTIVE"
    service.memory.objects["s3://genomes/main.zip"] = archive("workflow { }" * 9, name="main.nf")
    with pytest.raises(service.client.exceptions.ValidationException, match=r"s3://genomes/main.zip has"):
        create(service, definitionZip=None, definitionUri="s3://genomes/main.zip")


@pytest.mark.parametrize("files", [{"a.wdl": "", "b.wdl": ""}, {"README.md": ""}, {"../main.wdl": ""}])
def test_an_archive_that_is_no_good_makes_the_workflow_failed(service: Service, files: dict[str, str]) -> None:
    workflow = create(service, definitionZip=zipped(files))
    assert (workflow["status"], definition_of(service, workflow)) == ("FAILED", None)
    assert workflow["statusMessage"]
    with pytest.raises(service.client.exceptions.ResourceNotFoundException, match="FAILED"):
        service.start(workflowId=workflow["id"])


def test_a_version_fails_like_a_workflow(service: Service) -> None:
    service.needs("CreateWorkflowVersion")
    workflow = create(service)
    version(service, workflow["id"], "v1", definitionZip=archive(name="main.txt"))
    found = service.client.get_workflow_version(workflowId=workflow["id"], versionName="v1")
    assert (found["status"], "no .cwl or .nf or .wdl file" in found["statusMessage"]) == ("FAILED", True)


def test_without_miniwdl_any_wdl_file_passes(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_omics.emulator.lint.available", lambda: False)
    workflow = create(service, definitionZip=archive("what is this?"))
    assert workflow["status"] == "ACTIVE"
    assert "parameterTemplate" not in workflow
    assert definition_of(service, workflow).main == "main.wdl"


def test_other_engines_are_not_looked_into(service: Service) -> None:
    for name in ("main.nf", "main.cwl"):
        assert create(service, definitionZip=archive("what is this?", name=name))["status"] == "ACTIVE"
    assert create(service, definitionZip=archive("what is this?"), engine="CWL", main="main.wdl")["engine"] == "CWL"


@pytest.mark.locked
def test_the_template_is_derived(service: Service) -> None:
    workflow = create(service, definitionZip=zipped(FILES))
    assert (workflow["status"], workflow["parameterTemplate"]) == ("ACTIVE", DERIVED)
    with pytest.raises(service.client.exceptions.ValidationException, match="has no raeds"):
        service.start(workflowId=workflow["id"], parameters={"raeds": "s3://genomes/1.fq"})
    assert "parameterTemplate" not in create(service)  # which has no inputs, where the model wants one or more


@pytest.mark.locked
def test_a_given_template_is_kept_if_it_fits(service: Service) -> None:
    given = {"reads": {"description": "FASTQ"}, "threads": {"optional": True}}
    assert create(service, definitionZip=zipped(FILES), parameterTemplate=given)["parameterTemplate"] == given
    unknown = create(service, definitionZip=zipped(FILES), parameterTemplate=given | {"refrence": {}})
    assert (unknown["status"], "names refrence, which" in unknown["statusMessage"]) == ("FAILED", True)
    missing = create(service, definitionZip=zipped(FILES), parameterTemplate={"threads": {}})
    assert (missing["status"], "lacks reads, which" in missing["statusMessage"]) == ("FAILED", True)


def test_a_template_in_the_archive(service: Service) -> None:
    service.needs("CreateWorkflow", "parameterTemplatePath")
    given = {"reads": {"description": "FASTQ", "optional": False}}
    files = {"main.nf": "", "conf/inputs.json": json.dumps(given)}
    asked = {"parameterTemplatePath": "conf/inputs.json"}
    assert create(service, definitionZip=zipped(files), **asked)["parameterTemplate"] == given
    for content in (None, "{", '{"reads": 1}', "{}"):
        broken = {"main.nf": ""} if content is None else files | {"conf/inputs.json": content}
        workflow = create(service, definitionZip=zipped(broken), **asked)
        assert (workflow["status"], "conf/inputs.json" in workflow["statusMessage"]) == ("FAILED", True)


LINT: dict[str, tuple[dict[str, str], tuple[str, int, int], str]] = {
    "syntax": ({"main.wdl": COHORT.replace("call tasks", "cull tasks")}, ("main.wdl", 13, 15), "Unexpected token"),
    "type": ({"main.wdl": COHORT.replace("= 2", "= [1]")}, ("main.wdl", 6, 23), "Expected Int instead of Array"),
    "unknown": ({"main.wdl": COHORT.replace("= reads", "= raeds")}, ("main.wdl", 13, 39), "Unknown identifier raeds"),
    "type in an import": ({"tasks/align.wdl": ALIGN.replace("= 1", "= x")}, ("tasks/align.wdl", 5, 22), "Unknown"),
    "syntax in an import": ({"tasks/align.wdl": "version 1.0\n}"}, ("tasks/align.wdl", 2, 1), "Unexpected token"),
    "no import": ({"main.wdl": COHORT.replace("/align", "/sort")}, ("main.wdl", 2, 1), "no file tasks/sort.wdl"),
    "import from outside": ({"main.wdl": COHORT.replace("tasks/", "/etc/")}, ("main.wdl", 2, 1), "no file /etc/align"),
    "import from above": ({"main.wdl": COHORT.replace("tasks/", "../")}, ("main.wdl", 2, 1), "no file ../align"),
    "import by http": ({"main.wdl": COHORT.replace("tasks/", "https://x/")}, ("main.wdl", 2, 1), "archive only"),
    "circular": ({"tasks/align.wdl": 'version 1.0\nimport "align.wdl"'}, ("tasks/align.wdl", 2, 1), "circular"),
    "no workflow": ({"main.wdl": ALIGN}, ("main.wdl", 1, 1), "has no workflow"),
    "no version": ({"main.wdl": "version 9.9\nworkflow w {}"}, ("main.wdl", 1, 1), "unknown WDL version 9.9"),
}


@pytest.mark.locked
@pytest.mark.parametrize("case", LINT)
def test_an_error_is_told_with_its_position(service: Service, case: str) -> None:
    files, where, message = LINT[case]
    (found,) = errors_of(create(service, definitionZip=zipped(FILES | files), main="main.wdl"))
    assert (found["file"], found["line"], found["column"]) == where
    assert message in found["message"]


@pytest.mark.locked
def test_all_errors_are_told_and_never_too_many(service: Service) -> None:
    lines = "\n".join(f"Int x{number} = y" for number in range(60))
    found = errors_of(create(service, definitionZip=archive(f"version 1.0\nworkflow w {{\n{lines}\n}}")))
    assert [each["line"] for each in found] == list(range(3, 53))


@pytest.mark.locked
@pytest.mark.parametrize("text", [b"\xff\xfe", "version 1.0\nworkflow w { Int x = " + "!" * 100_000 + "}"])
def test_what_miniwdl_itself_cannot_bear_is_an_error_too(service: Service, text: str | bytes) -> None:
    (found,) = errors_of(create(service, definitionZip=zipped({"main.wdl": text})))
    assert found["file"] == "main.wdl"


@pytest.mark.locked
def test_the_lenient_engine_is_lenient(service: Service) -> None:
    service.needs("CreateWorkflow", "definitionRepository")  # which came with the engine
    text = "version 1.0\nworkflow w {\ninput { Int? x }\nInt y = x + 1\n}"
    assert create(service, definitionZip=archive(text))["status"] == "FAILED"
    assert create(service, definitionZip=archive(text), engine="WDL_LENIENT")["status"] == "ACTIVE"


@pytest.mark.locked
def test_nothing_is_read_from_or_written_to_disk(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "align.wdl").write_text(ALIGN)
    monkeypatch.chdir(tmp_path)
    for where in ("align.wdl", "./align.wdl", f"{tmp_path}/align.wdl", f"file://{tmp_path}/align.wdl"):
        (found,) = errors_of(create(service, definitionZip=archive(COHORT.replace("tasks/align.wdl", where))))
        assert found["message"].startswith(f"Failed to import {where}: ")
    assert create(service, definitionZip=zipped(FILES))["status"] == "ACTIVE"
    assert [path.name for path in tmp_path.iterdir()] == ["align.wdl"]
