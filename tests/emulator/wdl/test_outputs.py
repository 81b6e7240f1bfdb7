"""Outputs of every kind: what is exported, what survives a hit, and what no output can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.wdl.lab import Lab, one

pytestmark = pytest.mark.locked

FOLDERS = """
version development
workflow main {
    input { Int number = 1 }
    call make
    call see { input: folder = make.folder, script = make.script, number }
    output { Directory folder = make.folder  Array[String] seen = see.seen }
}
task make {
    command <<<
        mkdir -p folder/empty folder/full; echo > folder/full/file; ln -s full folder/link
        mkdir nothing; printf '#!/bin/sh\\necho ran\\n' > script; chmod +x script
    >>>
    output { Directory folder = "folder"  Directory nothing = "nothing"  File script = "script" }
    runtime { container: "tools" }
}
task see {
    input { Directory folder  File script  Int number }
    command <<< (cd ~{folder} && find . -type d | sort) && ~{script} >>>
    output { Array[String] seen = read_lines(stdout()) }
    runtime { container: "tools" }
}
"""
MAPPED = """
version development
workflow main {
    call make
    output { Map[File, Int] numbers = make.numbers  String text = make.text }
}
task make {
    command <<< echo > a.txt >>>
    output { Map[File, Int] numbers = {"a.txt": 1}  String text = "file://a.txt" }
    runtime { container: "tools" }
}
"""


def test_folders_that_are_empty_and_modes_survive_a_hit(lab: Lab) -> None:
    cache_id = lab.cache(cacheBehavior="CACHE_ALWAYS")["id"]
    lab.workflow(FOLDERS)
    for number, hits in ((1, set()), (2, {"make"})):
        run = lab.run(cacheId=cache_id, parameters={"number": number})
        assert run["status"] == "COMPLETED", run["statusMessage"]
        assert lab.hits(run) == hits
        assert lab.outputs(run)["main.seen"] == [".", "./empty", "./full", "./link", "ran"]
        prefix = f"{run['runOutputUri']}/out/folder/folder"
        found = [uri.removeprefix(prefix) for uri in lab.memory.objects if uri.startswith(prefix)]
        assert sorted(found) == ["/full/file", "/link/file"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("mkdir d; mkfifo d/pipe", "/d/pipe is a pipe, a socket or a device; only files and folders can be exported."),
        (
            "mkdir d; cd d; python -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")'",
            "/d/socket is a pipe, a socket or a device",
        ),
        ("mkdir d; echo > $'d/bad\\xff.txt'", "/d/bad\\udcff.txt is not UTF-8, as the key of an S3 object must be."),
        ("mkdir -p $'d/bad\\xff'", "/d/bad\\udcff is not UTF-8"),
        ("mkdir -p d/a other; ln -s ../../other d/a/out", "The output 'd/a/out' links out of its own folder."),
    ],
)
def test_a_task_fails_that_makes_what_no_output_can_be(lab: Lab, command: str, message: str) -> None:
    lab.workflow(one(command, output='Directory d = "d"'))
    run = lab.run(cacheId=lab.cache(cacheBehavior="CACHE_ALWAYS")["id"])
    assert (run["status"], run["failureReason"]) == ("FAILED", "RUN_TASK_FAILED")
    assert message in run["statusMessage"]
    assert lab.tasks(run)["only"]["status"] == "FAILED"


@pytest.mark.parametrize(
    "output",
    [
        'File out = "/etc/passwd"',
        'File out = "../command"',
        'File out = "../../../source/main.wdl"',
        'File out = "link"',
        'Array[File] out = ["file", "/etc/passwd"]',
        'Array[File] out = glob("/etc/pass*")',
        'Directory out = "/etc"',
        'Directory out = ".."',
        'Directory out = "folder"',
    ],
)
def test_a_task_cannot_export_what_lies_outside_its_folder(lab: Lab, output: str) -> None:
    lab.workflow(one("echo > file; ln -s /etc/passwd link; ln -s /etc folder", output=output))
    run = lab.run(cacheId=lab.cache(cacheBehavior="CACHE_ALWAYS")["id"])
    assert (run["status"], run["failureReason"]) == ("FAILED", "RUN_TASK_FAILED")
    assert list(lab.memory.objects) == [f"{run['runOutputUri']}/logs/engine.log"]
    assert b"root:" not in lab.memory.objects[f"{run['runOutputUri']}/logs/engine.log"]


def test_nobody_else_can_read_the_folder_of_a_run(lab: Lab, folders: Path) -> None:
    lab.workflow(one(f"stat -c %a {folders}/omics-wdl-* > out.txt"))
    assert lab.memory.objects[lab.outputs(lab.run())["main.only.out"]] == b"700\n"


def test_links_that_lead_in_a_circle_are_left_out(lab: Lab) -> None:
    links = {"d/a/x": "../b", "d/b/y": "../a", "d/me": "."}
    linked = "; ".join(f"ln -s {target} {name}" for name, target in links.items())
    command = f"mkdir -p d/a d/b; echo > d/file; {linked}"
    lab.workflow(one(command, output='Directory d = "d"'))
    run = lab.run()
    assert run["status"] == "COMPLETED", run["statusMessage"]
    assert [uri for uri in lab.memory.objects if "/only.d/" in uri] == [f"{run['runOutputUri']}/out/only.d/d/file"]


def test_files_that_are_keys_of_a_map(lab: Lab) -> None:
    cache_id = lab.cache(cacheBehavior="CACHE_ALWAYS")["id"]
    lab.workflow(MAPPED)
    for hits in (set(), {"make"}):
        run = lab.run(cacheId=cache_id)
        assert lab.hits(run) == hits
        outputs = lab.outputs(run)
        ((uri, number),) = outputs.pop("main.numbers").items()
        assert (lab.memory.objects[uri], number) == (b"\n", 1)
        assert uri.startswith(run["runOutputUri"])
        assert outputs == {"main.text": "file://a.txt"}


def test_numbers_that_json_has_not_become_null(lab: Lab) -> None:
    lab.workflow(
        one("echo nan; echo inf >&2", output="Float n = read_float(stdout()) Array[Float] i = [read_float(stderr())]")
    )
    run = lab.run(cacheId=lab.cache(cacheBehavior="CACHE_ALWAYS")["id"])
    assert lab.outputs(run) == {"main.only.n": None, "main.only.i": [None]}
    assert (
        "outputs.json has null for NaN and infinity, which JSON has not" in lab.memory.logs[f"run/{run['id']}/engine"]
    )
    (manifest,) = [body for uri, body in lab.memory.objects.items() if "/cache/" in uri and uri.endswith(".json")]
    assert json.loads(manifest, parse_constant=pytest.fail)["otherOutputs"] == {"n": None, "i": [None]}


@pytest.mark.parametrize(
    ("broken", "status", "reason"), [("/engine.log", "FAILED", "SERVICE_ERROR"), ("/cache/", "COMPLETED", None)]
)
def test_a_run_ends_even_if_the_emulator_fails_at_its_end(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, broken: str, status: str, reason: str | None
) -> None:
    put = lab.memory.put_object

    def fail(bucket: str, key: str, body: bytes) -> Any:
        if broken in f"/{key}":
            raise RuntimeError("no reason")
        return put(bucket, key, body)

    monkeypatch.setattr(lab.memory, "put_object", fail)
    lab.workflow(one("echo > out.txt"))
    run = lab.run(cacheId=lab.cache(cacheBehavior="CACHE_ALWAYS")["id"])
    assert (run["status"], run.get("failureReason")) == (status, reason)
