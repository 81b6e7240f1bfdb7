"""A lab for each test, which must leave nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator import Clock, Store
from tests.emulator.wdl.lab import GENOME, Bucket, Lab
from tests.emulator.wired import Wire


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which runs have theirs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def lab(wire: Wire, wired_client: Any, folders: Path) -> Iterator[Lab]:
    """Return a service with buckets in memory whose runs are real, at noon of a frozen day."""
    import psutil  # type: ignore[import-untyped,unused-ignore]

    before = set(psutil.Process().children(recursive=True))
    memory, clock = Bucket(), Clock(frozen=True, start=datetime(2026, 1, 1, 12, tzinfo=UTC))
    wire.store = Store(clock=clock, neighbours=memory, engine="wdl")
    yield Lab(wired_client, wire.store, clock, memory)
    wire.store.close()
    wire.store = Store()
    assert not list(folders.iterdir())
    assert not set(psutil.Process().children(recursive=True)) - before


@pytest.fixture
def cohort(lab: Lab) -> dict[str, Any]:
    """Put the data of the genome workflow into S3, and return the run's parameters."""
    for file in [*GENOME.glob("*.fa"), *GENOME.glob("*.fastq")]:
        lab.memory.objects[f"s3://genomes/{file.name}"] = file.read_bytes()
    samples = [f"s3://genomes/{name}.fastq" for name in ("NA12878", "NA12891", "NA12892")]
    return {"reference": "s3://genomes/reference.fa", "samples": samples}
