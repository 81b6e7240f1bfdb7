"""The checks are awake: what is broken makes them fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limit import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow  # the checks are those of the locked environment, not of every Airflow

GOOD = '"""A module without fault."""\n\nANSWER: int = 42\n'
BROKEN = {
    "unused import (ruff)": ("airflow_provider_omics/good.py", '"""A module."""\n\nimport os\n', "unused-import"),
    "retired Airflow name (ruff)": (
        "example_dags/good.py",
        '"""A DAG."""\n\nfrom airflow import DAG\n\ndag = DAG("a", schedule_interval="@daily")\n',
        "airflow3-removal",
    ),
    "costly import (ruff)": (
        "airflow_provider_omics/good.py",
        '"""A module."""\n\nimport boto3\n\nboto3.client\n',
        "banned-module-level-imports",
    ),
    "layout (ruff format)": ("scripts/good.py", '"""A script."""\n\nANSWER = [ 42 ]\n', "would be reformatted"),
    "type (mypy)": ("airflow_provider_omics/good.py", GOOD.replace("42", '"42"'), "[assignment]"),
    "untyped definition (mypy strict)": (
        "tests/good.py",
        '"""A test."""\n\n\ndef answer(a):\n    return a\n',
        "[no-untyped-def]",
    ),
    "dangling reference (docs)": ("docs/index.rst", "Title\n=====\n\n:doc:`nowhere`\n", "nowhere"),
}
"""What is broken: the file, its text, and what the check that must notice says."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without fault under the real configuration, the real Makefile and the real environment."""
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("airflow_provider_omics", "example_dags", "scripts", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("")
        (tmp_path / folder / "good.py").write_text(GOOD)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "conf.py").write_text('"""The documentation\'s configuration."""\n')
    (tmp_path / "docs" / "index.rst").write_text("Title\n=====\n")
    (tmp_path / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    return tmp_path


def check(project: Path) -> subprocess.CompletedProcess[str]:
    """Run ``make check``, taking the environment as made."""
    command = ["make", "--assume-old", ".venv/.ready", "--assume-old", ".venv/bin/uv", "check"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=LIMIT_SECONDS)


def test_check_accepts_what_is_right(project: Path) -> None:
    done = check(project)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", BROKEN)
def test_check_refuses_what_is_broken(project: Path, what: str) -> None:
    path, text, noticed = BROKEN[what]
    (project / path).write_text(text)
    done = check(project)
    assert done.returncode != 0
    assert noticed in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import warnings\n\n\ndef test_it():\n    warnings.warn('careful')\n", "UserWarning: careful"),
        ("import pytest\n\n\n@pytest.mark.slwo\ndef test_it():\n    pass\n", "'slwo' not found"),
        ("import pytest\n\n\n@pytest.mark.xfail\ndef test_it():\n    pass\n", "[XPASS(strict)]"),
    ],
    ids=["a warning", "a misspelt mark", "an expected failure that passes"],
)
def test_pytest_refuses(tmp_path: Path, body: str, said: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "test_it.py").write_text(body)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
