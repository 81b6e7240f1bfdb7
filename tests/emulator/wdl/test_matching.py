"""Which tasks a cache has, and why it lacks others."""

from __future__ import annotations

import json
from hashlib import md5
from typing import Any

import pytest

from tests.emulator.wdl.lab import IMAGE, TWO, Lab, one
from tests.emulator.wired import ACCOUNT

pytestmark = pytest.mark.locked

LATER = ("memory changed from 4 to 15", "gpus changed from 1 to 0")
OPTED_OUT = """
version 1.1
workflow main { call volatile  call bare  call silent }
task volatile {
    meta { volatile: true }
    command <<< date +%N >>>
    output { File out = stdout() }
    runtime { container: "tools" }
}
task bare {
    command <<< echo >>>
    output { File out = stdout() }
}
task silent {
    command <<< echo >>>
    runtime { container: "tools" }
}
"""
LIST = """
version development
workflow main {
    input { Int number = 1 }
    call make { input: number }
    call see { input: folder = make.folder }
    output { Array[String] seen = see.seen }
}
task make {
    input { Int number }
    command <<< mkdir -p folder/full folder/empty~{number}; echo > folder/full/file >>>
    output { Directory folder = "folder" }
    runtime { container: "tools" }
}
task see {
    input { Directory folder }
    command <<< ls ~{folder} >>>
    output { Array[String] seen = read_lines(stdout()) }
    runtime { container: "tools" }
}
"""
COPY = one("cp ~{file} out.txt", inputs="File file")


@pytest.fixture
def cache_id(lab: Lab) -> str:
    """Return a cache that every run writes to."""
    return str(lab.cache(cacheBehavior="CACHE_ALWAYS")["id"])


def test_two_workflows_share_a_cache(lab: Lab, cache_id: str) -> None:
    lab.workflow(TWO)
    lab.run(cacheId=cache_id)
    other = lab.workflow(TWO.replace("workflow two", "workflow other"), "2222222")
    assert lab.hits(lab.run(cacheId=cache_id, workflowId=other)) == {"write", "read"}


CHANGES: dict[str, tuple[str, str, set[str], dict[str, Any] | None]] = {
    "command": ("echo ~{word}", "echo -n ~{word}", {"write", "read"}, {"part": "definition", "name": None}),
    "last command": ("cat ~{file}", "cat < ~{file}", {"read"}, {"part": "definition", "name": None}),
    "input": ('= "word"', '= "another"', {"write", "read"}, {"part": "input", "name": "word", "now": "another"}),
    "image": ("tools:1.0", "tools:1.1", {"write", "read"}, {"part": "input", "name": "image"}),
    "comment": ("\n}\ntask read", "\n    # a comment\n}\ntask read", set(), None),
}


def test_what_is_computed_anew_and_why(lab: Lab, cache_id: str) -> None:
    lab.workflow(TWO)
    lab.run(cacheId=cache_id)
    for what, (old, new, computed, change) in CHANGES.items():
        lab.workflow(TWO.replace(old, new))
        run = lab.run(cacheId=cache_id)
        assert lab.computed(run) == computed, what
        if change:
            miss = lab.misses(run)[min(computed, key=["write", "read"].index)]
            assert miss["reason"] == change["part"]
            assert change.items() <= miss["changes"][0].items()


def test_other_resources_are_another_task(lab: Lab, cache_id: str) -> None:
    before = f'container: "{IMAGE}" cpu: 2 memory: "4 GiB" gpuCount: 1'
    changes = {"cpu: 2": "cpu: 4", '"4 GiB"': '"16 GB"', "gpuCount: 1": ""}
    lab.workflow(one("echo > out.txt", runtime=before))
    lab.run(cacheId=cache_id, cacheBehavior="CACHE_ALWAYS")
    for (old, new), line in zip(changes.items(), ("cpus changed from 2 to 4", *LATER), strict=True):
        lab.workflow(one("echo > out.txt", runtime=before.replace(old, new)))
        run = lab.run(cacheId=cache_id, cacheBehavior="CACHE_ON_FAILURE")
        assert [change["part"] for change in lab.misses(run)["only"]["changes"]] == ["resources"]
        assert lab.log(run, "only")[0].startswith(f"Computed: {line} (compared with s3://genomes/cache/")


def test_another_image_is_another_task(lab: Lab, cache_id: str) -> None:
    for tag in ("1", "2"):
        lab.workflow(one("echo > out.txt", runtime=f'container: "{IMAGE}-{tag}"'))
        run = lab.run(cacheId=cache_id)
    miss = lab.misses(run)["only"]
    assert miss["reason"] == "container"
    assert miss["changes"][0]["now"].startswith(f"{IMAGE}-2@sha256:")


def test_opting_out(lab: Lab, cache_id: str) -> None:
    lab.workflow(OPTED_OUT)
    runs = [lab.run(cacheId=cache_id) for _ in range(2)]
    for run in runs:
        assert (run["status"], lab.computed(run)) == ("COMPLETED", {"volatile", "bare", "silent"})
        assert lab.log(run, "volatile")[0] == "Computed: meta.volatile is true"
        assert lab.log(run, "bare")[0] == "Computed: the task names no container"
        assert lab.log(run, "silent")[0] == "Computed: the task has no outputs"
    assert not any(uri.startswith("s3://genomes/cache") for uri in lab.memory.objects)


def test_a_task_whose_resources_cannot_be_evaluated_is_told_so(lab: Lab, cache_id: str) -> None:
    lab.workflow(one("echo > out.txt", inputs="Int n = 0", runtime='container: "tools" cpu: 1 / n'))
    run = lab.run(cacheId=cache_id)
    assert run["failureReason"] == "RUN_TASK_FAILED"
    assert lab.log(run, "only")[0] == "Computed: its inputs or its runtime section could not be evaluated"


@pytest.mark.parametrize("etag", [None, "0123456789abcdef0123456789abcdef-2"], ids=["single part", "multipart"])
def test_an_input_counts_by_its_etag_wherever_it_lies(lab: Lab, cache_id: str, etag: str | None) -> None:
    lab.workflow(COPY)
    for name in ("a/reads.fq", "b/reads.fq"):
        put(lab, name, b"ACGT", etag)
    first, moved = (
        lab.run(cacheId=cache_id, parameters={"file": f"s3://genomes/{name}"}) for name in ("a/reads.fq", "b/reads.fq")
    )
    assert first["resourceDigests"] == {"s3://genomes/a/reads.fq": f"etag:{etag or md5(b'ACGT').hexdigest()}"}
    assert (lab.computed(first), lab.computed(moved)) == ({"only"}, set())
    put(lab, "b/reads.fq", b"ACGT", "fedcba9876543210fedcba9876543210-2")  # as if its parts had another size
    changed = lab.run(cacheId=cache_id, parameters={"file": "s3://genomes/b/reads.fq"})
    assert lab.misses(changed)["only"]["changes"][0]["name"] == "file"


def test_which_item_of_a_list_changed_is_told(lab: Lab, cache_id: str) -> None:
    lab.workflow(one("cat ~{sep(' ', files)} > out.txt", inputs="Array[File] files"))
    files = [f"s3://genomes/{number}" for number in range(3)]
    for uri in files:
        lab.memory.objects[uri] = uri.encode()
    lab.run(cacheId=cache_id, parameters={"files": files})
    lab.memory.objects[files[1]] = b"sequenced again"
    run = lab.run(cacheId=cache_id, parameters={"files": files})
    assert [change["name"] for change in lab.misses(run)["only"]["changes"]] == ["files[1]"]
    line = lab.log(run, "only")[0]
    assert line.startswith("Computed: input files[1] changed (compared with s3://genomes/cache/")


def test_a_folder_counts_by_all_that_is_in_it(lab: Lab, cache_id: str) -> None:
    lab.workflow(one("cat ~{folder}/* > out.txt", inputs="Directory folder"))
    for name in ("a", "b"):
        put(lab, f"folder/{name}", name.encode())
    parameters = {"folder": "s3://genomes/folder/"}
    runs = [lab.run(cacheId=cache_id, parameters=parameters) for _ in range(2)]
    assert [lab.computed(run) for run in runs] == [{"only"}, set()]
    put(lab, "folder/b", b"c")
    assert lab.computed(lab.run(cacheId=cache_id, parameters=parameters)) == {"only"}


def test_a_deleted_object_is_a_miss_and_no_failure(lab: Lab, cache_id: str) -> None:
    lab.workflow(TWO)
    lab.run(cacheId=cache_id)
    (uri,) = (uri for uri in lab.memory.objects if uri.startswith("s3://genomes/cache") and uri.endswith("file.txt"))
    del lab.memory.objects[uri]
    run = lab.run(cacheId=cache_id)
    assert (run["status"], lab.computed(run)) == ("COMPLETED", {"write"})
    assert lab.misses(run)["write"] == {"reason": "object_gone", "changes": [], "nearest": uri}
    assert lab.hits(lab.run(cacheId=cache_id)) == {"write", "read"}


def test_a_task_never_seen_is_told_so(lab: Lab, cache_id: str) -> None:
    lab.workflow(TWO)
    assert lab.misses(lab.run(cacheId=cache_id))["write"]["reason"] == "never_seen"


def test_an_entry_looks_as_documented(lab: Lab, cache_id: str) -> None:
    lab.workflow(one("mkdir d; echo 1 > d/a; echo 2 > b; echo 3 > c", output=OUTPUT, runtime=f'container: "{IMAGE}"'))
    first, second = (lab.run(cacheId=cache_id) for _ in range(2))
    cache, task = lab.client.get_run_cache(id=cache_id), lab.tasks(first)["only"]
    hit = lab.tasks(second)["only"]
    uuid = hit["cacheS3Uri"].rpartition("/")[2]
    assert hit["cacheS3Uri"] == f"{cache['cacheS3Uri']}{first['id']}/{task['taskId']}/{uuid}"
    manifest = json.loads(lab.memory.objects[f"{hit['cacheS3Uri']}/{uuid}.json"])
    assert (manifest["version"], manifest["s3uri"]) == (2, hit["cacheS3Uri"])
    assert manifest["arn"] == f"{cache['arn']}/cacheEntry/{uuid}"
    assert manifest["taskArn"] == f"arn:aws:omics:us-east-1:{ACCOUNT}:task/{task['taskId']}"
    assert manifest["otherOutputs"] == {"number": 7, "none": None}
    assert {file["path"]: file["name"] for file in manifest["files"]} == {
        "out/folder/d/a": "folder",
        "out/files/0/b": "files",
        "out/files/1/c": "files",
    }
    computed, reused = (
        {name: lab.memory.objects[f"{run['runOutputUri']}/out/{name}"] for name in EXPORTED} for run in (first, second)
    )
    assert computed == reused
    assert set(lab.outputs(first)) == set(lab.outputs(second))
    for file in manifest["files"]:
        body = lab.memory.objects[f"{hit['cacheS3Uri']}/{file['path']}"]
        assert file["etag"] == md5(body).hexdigest()


EXPORTED = ("only.folder/d/a", "only.files/0/b", "only.files/1/c")
OUTPUT = 'Directory folder = "d" Array[File] files = ["b", "c"] Int number = 7 File? none = "none"'


def put(lab: Lab, key: str, body: bytes, etag: str | None = None) -> None:
    """Put an object into S3."""
    lab.memory.objects[f"s3://genomes/{key}"] = body
    if etag:
        lab.memory.etags[f"s3://genomes/{key}"] = etag


def test_folders_that_are_empty_count(lab: Lab, cache_id: str) -> None:
    lab.workflow(LIST)
    for number, hits in ((1, set()), (2, set()), (2, {"make", "see"})):
        run = lab.run(cacheId=cache_id, parameters={"number": number})
        assert lab.hits(run) == hits
        assert lab.outputs(run)["main.seen"] == [f"empty{number}", "full"]
