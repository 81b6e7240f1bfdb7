"""What a run does, shows, prints and exports."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator import Store, handle
from airflow_provider_omics.emulator.neighbours import Neighbours, NoNeighbours
from tests.emulator.wdl.lab import IMAGE, TWO, Bucket, Lab, one
from tests.emulator.wired import ACCOUNT, REGION, ROLE, WORKFLOW

pytestmark = pytest.mark.locked


def test_a_run_passes_through_every_status(lab: Lab) -> None:
    lab.workflow(TWO)
    run_id = lab.start()["id"]
    seen: list[str] = []

    def ended() -> bool:
        status = lab.client.get_run(id=run_id)["status"]
        seen.extend([status] if status not in seen else [])
        return bool(status == "COMPLETED")

    lab.until(ended, step=0.1)
    assert seen == ["PENDING", "STARTING", "RUNNING", "STOPPING", "COMPLETED"]
    assert lab.memory.logs[f"run/{run_id}"] == [f"Run is {status}" for status in seen[1:]]


def test_what_is_exported_and_printed(lab: Lab) -> None:
    lab.workflow(one("echo text > out.txt; echo to stderr >&2; echo to stdout", output=OUTPUT))
    run = lab.run(name="sample")
    prefix = run["runOutputUri"]
    assert lab.outputs(run) == {"main.only.out": f"{prefix}/out/only.out/out.txt", "main.only.number": 7}
    assert lab.memory.objects[f"{prefix}/out/only.out/out.txt"] == b"text\n"
    task = lab.tasks(run)["only"]
    assert set(lab.memory.logs) == {
        f"run/{run['id']}",
        f"run/{run['id']}/engine",
        f"run/{run['id']}/task/{task['taskId']}",
        f"manifest/run/{run['id']}/{run['uuid']}",
    }
    assert sorted(lab.log(run, "only")) == ["Task only completed", "to stderr", "to stdout"]
    engine = "\n".join(lab.memory.logs[f"run/{run['id']}/engine"])
    assert " wdl.w:main.t:call-only NOTICE done\n" in engine
    assert " wdl.w:main.t:call-only NOTICE done\n" in lab.memory.objects[f"{prefix}/logs/engine.log"].decode()
    first, second = map(json.loads, lab.memory.logs[f"manifest/run/{run['id']}/{run['uuid']}"])
    assert (first["arn"], first["name"], first["status"]) == (run["arn"], "sample", "COMPLETED")
    assert (second["name"], second["run"], second["image"]) == ("only", run["arn"], IMAGE)
    assert second["metrics"]["runningSeconds"] >= 0


def test_nothing_is_logged_at_log_level_off(lab: Lab) -> None:
    lab.workflow(one("echo > out.txt"))
    assert lab.run(logLevel="OFF")["status"] == "COMPLETED"
    assert not lab.memory.logs


def test_what_a_task_shows(lab: Lab) -> None:
    lab.workflow(one("sleep 0.2; echo > out.txt", runtime=f'docker: "{IMAGE}" cpu: 48 memory: "96 GB" gpuCount: 2'))
    run = lab.run()
    task = lab.client.get_run_task(id=run["id"], taskId=lab.tasks(run)["only"]["taskId"])
    assert (task["cpus"], task["memory"], task["gpus"]) == (48, 90, 2)
    assert task["imageDetails"]["image"] == IMAGE
    assert task["creationTime"] <= task["startTime"] < task["stopTime"] <= run["stopTime"]
    assert "cacheHit" not in task


def test_a_task_may_ask_for_what_its_inputs_need(lab: Lab) -> None:
    lab.memory.objects["s3://genomes/reads.fq"] = b"ACGTACG"
    asked = 'container: "tools" cpu: ceil(size(file)) memory: "~{length(read_lines(file)) * 5} GiB"'
    lab.workflow(one("echo > out.txt", inputs="File file", runtime=asked))
    task = lab.tasks(lab.run(parameters={"file": "s3://genomes/reads.fq"}))["only"]
    assert (task["cpus"], task["memory"]) == (7, 5)


def test_a_task_that_asks_for_nothing_gets_the_least(lab: Lab) -> None:
    lab.workflow(one("echo > out.txt", runtime="cpu: 1"))
    task = lab.tasks(lab.run())["only"]
    assert (task["cpus"], task["memory"], task["gpus"]) == (1, 1, 0)


def test_subworkflows_imports_and_scatters(lab: Lab) -> None:
    main = """
version 1.1
import "lib/sub.wdl" as lib
workflow main {
    scatter (number in range(2)) { call lib.sub { input: number } }
    output { Array[Int] squares = sub.square }
}
"""
    sub = """
version 1.1
workflow sub { input { Int number }  call power { input: number }  output { Int square = power.square } }
task power {
    input { Int number }
    command <<< echo $(( ~{number} * ~{number} )) >>>
    output { Int square = read_int(stdout()) }
    runtime { container: "tools" }
}
"""
    lab.workflow({"main.wdl": main, "lib/sub.wdl": sub})
    run = lab.run()
    assert lab.outputs(run) == {"main.squares": [0, 1]}
    assert set(lab.tasks(run)) == {"sub-0.power", "sub-1.power"}


@pytest.mark.parametrize(
    ("command", "reason", "message"),
    [
        ("exit 3", "RUN_TASK_FAILED", "The task's command ended with exit code 3."),
        ("kill -9 $$", "OUT_OF_MEMORY_ERROR", "ended with exit code 137. That means that it ran out of memory."),
        ("true", "RUN_TASK_FAILED", "File/Directory path not found in task output out: out.txt"),
    ],
)
def test_a_failed_task(lab: Lab, command: str, reason: str, message: str) -> None:
    lab.workflow(one(command))
    run = lab.run()
    assert (run["status"], run["failureReason"]) == ("FAILED", reason)
    assert run["statusMessage"].startswith("Task only failed. ")
    task = lab.client.get_run_task(id=run["id"], taskId=lab.tasks(run)["only"]["taskId"])
    assert (task["status"], task["failureReason"]) == ("FAILED", reason)
    assert message in task["statusMessage"]
    assert run["statusMessage"].endswith(task["statusMessage"])
    assert set(exported(lab, run)) == {"/logs/engine.log"}


def test_one_failed_task_ends_those_that_run_and_those_that_wait(lab: Lab, folders: Path) -> None:
    lab.workflow(SCATTER.replace("GATE", str(folders / "gate")))
    assert lab.store.wdl
    lab.store.wdl.cores = 3
    run = lab.run()
    assert (run["status"], run["failureReason"]) == ("FAILED", "RUN_TASK_FAILED")
    assert Counter(task["status"] for task in lab.tasks(run).values())["FAILED"] == 1
    assert {task["status"] for task in lab.tasks(run).values()} == {"FAILED", "CANCELLED"}
    (folders / "gate").rmdir()


def test_a_task_that_takes_longer_than_its_limit(lab: Lab) -> None:
    lab.workflow(one("sleep 60", runtime=f'container: "{IMAGE}" omicsTimeout: "1h2m"'))
    run_id = lab.start()["id"]
    lab.running(run_id, "only")
    lab.clock.advance(3710)
    assert lab.tasks({"id": run_id})["only"]["status"] == "RUNNING"
    lab.clock.advance(10)
    run = lab.ended(run_id)
    assert (run["status"], run["failureReason"]) == ("FAILED", "TASK_TIMED_OUT")
    assert run["statusMessage"].endswith("The task took longer than 3720 seconds, its omicsTimeout.")
    assert lab.tasks(run)["only"]["status"] == "FAILED"


@pytest.mark.parametrize(
    ("text", "seconds"), [("1", 60), ("90", 60), ("120", 120), ("40m", 2400), ("1m3s", 60), ("1d2h3m", 93780)]
)
def test_a_limit_is_whole_minutes_at_least_one(text: str, seconds: int) -> None:
    from airflow_provider_omics.emulator.wdl.container import time_limit

    assert time_limit(text) == seconds


def test_a_wrong_limit_fails_the_task_with_a_message(lab: Lab) -> None:
    lab.workflow(one("echo > out.txt", runtime='container: "x" omicsTimeout: "soon"'))
    assert "omicsTimeout, soon: give seconds" in lab.run()["statusMessage"]


@pytest.mark.parametrize(("code", "statuses"), [(137, ["FAILED", "FAILED", "COMPLETED"]), (1, ["FAILED"])])
def test_a_task_without_enough_memory_is_repeated_with_more(
    lab: Lab, folders: Path, code: int, statuses: list[str]
) -> None:
    count = folders / "count"
    command = f"echo >> {count}; test $(wc -l < {count}) = 3 || exit {code}; echo > out.txt"
    lab.workflow(one(command, runtime='container: "x" memory: "4 GiB" maxRetries: 3'))
    cache_id = lab.cache(cacheBehavior="CACHE_ALWAYS")["id"]
    run = lab.run(cacheId=cache_id)
    tasks = lab.client.list_run_tasks(id=run["id"])["items"]
    assert {task["name"] for task in tasks} == {"only"}
    assert [task["status"] for task in tasks] == statuses
    assert [task["memory"] for task in tasks] == [4, 8, 16][: len(tasks)]
    assert run["status"] == statuses[-1]
    assert len([uri for uri in lab.memory.objects if uri.endswith("out/out/out.txt")]) == (code == 137)
    count.unlink()


def test_exit_codes_that_mean_success(lab: Lab) -> None:
    codes = {"a": "returnCodes: [0, 3]", "b": "continueOnReturnCode: 3", "c": "continueOnReturnCode: true"}
    tasks = [
        f'task {name} {{ command <<< exit 3 >>> runtime {{ container: "x" {code} }} }}' for name, code in codes.items()
    ]
    lab.workflow("\n".join(["version 1.1", "workflow main { call a  call b  call c }", *tasks]))
    assert lab.run()["status"] == "COMPLETED"


@pytest.mark.parametrize(("neighbours", "message"), [(NoNeighbours(), "needs S3"), (Bucket(), "needs miniwdl")])
def test_an_engine_that_lacks_what_it_needs_says_so(
    neighbours: Neighbours, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(neighbours, Bucket):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=message):
        Store(neighbours=neighbours, engine="wdl")


def test_a_web_page_cannot_start_a_run(lab: Lab) -> None:
    """Any page may send a request to the loopback address, and browsers say so by this header."""
    lab.workflow(one("echo > out.txt"))
    order = {"workflowId": WORKFLOW, "roleArn": ROLE, "outputUri": "s3://genomes/out", "requestId": "1"}
    body = json.dumps(order).encode()
    for headers, status in (({"origin": "https://example.org"}, 403), ({}, 201)):
        assert handle(lab.store, "POST", "/run", "", headers, body).status == status
    (run,) = lab.client.list_runs()["items"]
    assert lab.ended(run["id"])["status"] == "COMPLETED"


def test_a_workflow_without_a_definition_is_simulated(lab: Lab) -> None:
    lab.store.seed_workflow(ACCOUNT, REGION, WORKFLOW, "seeded")
    run_id = lab.start()["id"]
    lab.clock.advance(3600)
    run = lab.ended(run_id)
    assert (run["status"], len(lab.tasks(run))) == ("COMPLETED", 5)


SCATTER = """
version 1.1
workflow main {
    scatter (number in range(70)) { call only }
}
task only {
    command <<< if mkdir GATE; then sleep 0.2; exit 1; fi; sleep 60 >>>
    runtime { container: "tools" }
}
"""
"""More tasks than threads, of which the one that comes first fails."""
OUTPUT = 'File out = "out.txt" Int number = 7'


def exported(lab: Lab, run: Any) -> list[str]:
    """Return where below its output location a run has written what."""
    prefix = run["runOutputUri"]
    return [uri.removeprefix(prefix) for uri in lab.memory.objects if uri.startswith(prefix)]
