"""The example workflow, with real tools: what each change computes anew, and what it reuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.wdl.lab import GENOME, Lab

pytestmark = pytest.mark.locked

SOURCE = (GENOME / "genome.wdl").read_text()
CALL = "python3 - ~{min_depth}"
BROKEN = SOURCE.replace(CALL, f"exit 137\n        {CALL}")
EDITED = SOURCE.replace("VCFv4.3", "VCFv4.4")


@pytest.mark.parametrize(
    ("behavior", "hits"), [("CACHE_ALWAYS", [0, 4, 5, 5, 3, 4]), ("CACHE_ON_FAILURE", [0, 4, 4, 4, 3, 4])]
)
def test_a_cohort(lab: Lab, cohort: dict[str, Any], behavior: str, hits: list[int]) -> None:
    cache_id = lab.cache(cacheBehavior=behavior)["id"]

    def run(source: str = SOURCE) -> Any:
        lab.workflow(source)
        return lab.run(cacheId=cache_id, parameters=cohort)

    first = run(BROKEN)
    assert (first["status"], first["failureReason"]) == ("FAILED", "OUT_OF_MEMORY_ERROR")
    fixed, again = run(), run()
    uri, cohort["samples"][1] = cohort["samples"][1], "s3://genomes/uploaded_again.fastq"
    original = lab.memory.objects[cohort["samples"][1]] = lab.memory.objects[uri]
    uploaded = run()
    lines = original.splitlines(keepends=True)
    lab.memory.objects[cohort["samples"][1]] = b"".join(lines[: len(lines) // 2])
    changed = run()
    lab.memory.objects[cohort["samples"][1]] = original
    edited = run(EDITED)

    runs = [first, fixed, again, uploaded, changed, edited]
    assert [run["status"] for run in runs] == ["FAILED", *["COMPLETED"] * 5]
    assert [len(lab.hits(run)) for run in runs] == hits
    assert lab.computed(fixed) == lab.computed(edited) == {"joint_call"}
    assert lab.computed(changed) == {"align-1", "joint_call"}


def test_the_calls_are_those_that_the_data_was_made_with(lab: Lab, cohort: dict[str, Any]) -> None:
    lab.workflow(SOURCE)
    outputs = lab.outputs(lab.run(parameters=cohort))
    rows = [line.split("\t") for line in lab.memory.objects[outputs["genome.variants"]].decode().splitlines()]
    calls = [row for row in rows if row[0] == "chr1"]
    assert rows[1][-3:] == ["NA12878", "NA12891", "NA12892"]
    assert outputs["genome.sites"] == len(calls) >= 10
    bases = "".join((GENOME / "reference.fa").read_text().split("\n")[1:])
    assert all(bases[int(call[1]) - 1] == call[3] for call in calls)
    assert [call[-3:] for call in calls].count(["1", "1", "1"]) == 1


def test_the_data_is_what_its_script_makes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_data", GENOME / "make_data.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make(tmp_path)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {name: (GENOME / name).read_bytes() for name in made}
    assert len(made) == 4
