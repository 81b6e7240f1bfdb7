"""The parts of ``make demo``; what it tells is tested with its example DAG."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from airflow_provider_omics.emulator.server import Server

pytestmark = pytest.mark.locked


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "scripts"))
    return importlib.import_module("demo")


def test_nothing_of_the_environment_leads_elsewhere(demo: Any, omics_emulator: Server, tmp_path: Path) -> None:
    """Neither the demo's own client nor what it starts goes by a proxy, a profile or another Airflow's settings."""
    elsewhere = {"http_proxy": "http://127.0.0.1:9", "AWS_PROFILE": "gone", "AIRFLOW__CORE__PARALLELISM": "0"}
    with patch.dict(os.environ, {**elsewhere, "NO_PROXY": ".example.org", "no_proxy": ""}):
        demo.settle(str(tmp_path))
        assert demo.runs_of(demo.client(omics_emulator.url)) == []
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == ".example.org,127.0.0.1"
        assert os.environ["AIRFLOW_HOME"] == str(tmp_path)
        assert not {"AWS_PROFILE", "AIRFLOW__CORE__PARALLELISM"} & set(os.environ)


@pytest.mark.parametrize("columns", [40, 80])
def test_the_progress_is_one_row_of_a_terminal(
    columns: int, demo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    demo.Progress()("HealthOmics run 3456789 is RUNNING" * 5)
    shown = capsys.readouterr().out.removeprefix("\r\033[K")
    assert len(shown) == columns - 1
    assert shown.startswith("[  0 s] HealthOmics run")


def test_the_progress_is_whole_in_a_log(demo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    demo.Progress()("x" * 200)
    assert capsys.readouterr().out == f"[  0 s] {'x' * 200}\n"
