"""The benchmark of deferred waits measures waits that end, and fails for a poller that does not tell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks import deferred_waits
from tests.benchmarks.processes import Pair, compiled

pytestmark = pytest.mark.slow

WAITS, DELAY = 40, 1.0


@pytest.fixture
def folder() -> Iterator[Path]:
    with compiled(Path(sys.executable)) as made:
        yield made


def test_every_end_is_counted(folder: Path) -> None:
    with Pair("omics", Path(sys.executable), folder) as pair:
        measured = deferred_waits.Round(pair, WAITS, DELAY)
        measured.start()
        measured.end_half(0)
    assert measured.result.memory > 0
    assert measured.result.cpu > 0
    assert len(measured.result.delays) == deferred_waits.SINGLES
    assert measured.result.burst


def test_a_poller_that_never_tells_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poller = folder / "airflow_provider_omics/triggers/poller.py"
    ends = "self.ended.set_result(outcome)"
    assert ends in poller.read_text()
    poller.write_text(poller.read_text().replace(ends, "pass"))
    monkeypatch.setattr(deferred_waits, "PATIENCE", 5)
    with Pair("omics", Path(sys.executable), folder) as pair:
        measured = deferred_waits.Round(pair, WAITS, DELAY)
        measured.start()
        with pytest.raises(RuntimeError, match="until the ends of 6 runs were reported"):
            measured.end_half(0)
