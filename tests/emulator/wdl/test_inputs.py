"""What a run and its tasks are given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.wdl.lab import TWO, Lab, one
from tests.emulator.wired import ACCOUNT, REGION, WORKFLOW

pytestmark = pytest.mark.locked


@pytest.mark.parametrize(
    ("parameters", "reason", "message"),
    [
        (
            {"files": ["s3://genomes/there", "s3://genomes/gone"]},
            "INPUT_URI_NOT_FOUND",
            "The input files[1] could not be imported: there is no object s3://genomes/gone.",
        ),
        ({"files": ["/etc/hostname"]}, "INVALID_URI_INPUT", "The input /etc/hostname is not an S3 URI"),
        ({"files": ["https://example.org/x"]}, "INVALID_URI_INPUT", "The input https://example.org/x is not an S3 URI"),
        ({"files": ["s3://genomes/a/.."]}, "INVALID_URI_INPUT", "The input s3://genomes/a/.. is no path of a file."),
        ({"files": 7}, "WORKFLOW_RUN_FAILED", "couldn't construct 'Array[File]' from 7 (in files)"),
        ({}, "WORKFLOW_RUN_FAILED", "missing required input"),
    ],
)
def test_a_run_with_wrong_inputs_fails_before_its_first_task(
    lab: Lab, parameters: dict[str, Any], reason: str, message: str
) -> None:
    lab.memory.objects |= {"s3://genomes/there": b"", "s3://genomes/a/..": b""}
    lab.workflow(one("cat ~{sep(' ', files)} > out.txt", inputs="Array[File] files"))
    run = lab.run(parameters=parameters)
    assert (run["status"], run["failureReason"]) == ("FAILED", reason)
    assert message in run["statusMessage"]
    assert not lab.tasks(run)


@pytest.mark.parametrize("uri", ["s3://genomes/empty", "s3://genomes/empty/"])
def test_a_folder_that_is_not_there_is_named(lab: Lab, uri: str) -> None:
    lab.workflow(one("ls ~{folder} > out.txt", inputs="Directory folder"))
    run = lab.run(parameters={"folder": uri})
    assert run["failureReason"] == "INPUT_URI_NOT_FOUND"
    assert run["statusMessage"].startswith(
        "The input folder could not be imported: there is no object s3://genomes/empty"
    )


def test_a_default_that_lies_in_s3_is_imported(lab: Lab) -> None:
    lab.memory.objects["s3://genomes/reference.fa"] = b">chr1\n"
    lab.workflow(one("cp ~{file} out.txt", inputs='File file = "s3://genomes/reference.fa"'))
    run = lab.run()
    assert lab.memory.objects[lab.outputs(run)["main.only.out"]] == b">chr1\n"
    assert list(run["resourceDigests"]) == ["s3://genomes/reference.fa"]


def test_a_task_cannot_change_what_others_read(lab: Lab) -> None:
    source = TWO.replace("cat ~{file}", "echo changed > ~{file}")
    lab.workflow(source.replace("output { String seen = read.seen }", "output { File file = write.file }"))
    run = lab.run()
    assert lab.memory.objects[lab.outputs(run)["two.file"]] == b"word\n"


def test_a_parameter_may_have_the_workflows_name_before_it(lab: Lab) -> None:
    lab.workflow(TWO)
    template = {name: {"optional": True} for name in ("word", "last", "image")}
    lab.store.region(ACCOUNT, REGION).workflows.change(WORKFLOW, parameterTemplate=template)
    assert lab.outputs(lab.run(parameters={"two.word": "qualified"})) == {"two.seen": "qualified"}


def test_a_task_sees_nothing_of_the_emulators_environment(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, folders: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("SOME_TOKEN", "secret")
    monkeypatch.setenv("MINIWDL__TASK_RUNTIME__COMMAND_PREAMBLE", "exit 1")
    lab.workflow(one("env > out.txt"))
    run = lab.run()
    lines = lab.memory.objects[lab.outputs(run)["main.only.out"]].decode().splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    assert set(seen) <= {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    assert seen["HOME"].startswith(str(folders))
    assert seen["TMPDIR"].startswith(str(folders))
    assert seen["PATH"].split(os.pathsep)[1:] == os.environ["PATH"].split(os.pathsep)
