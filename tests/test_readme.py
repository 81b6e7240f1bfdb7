"""The README's own commands, as a newcomer runs them: in an environment that has nothing of this project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.limit import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [
    re.sub(r"^ +", "", block, flags=re.MULTILINE) for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
]
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.slow


def block(word: str) -> str:
    """Return the one block of commands that has a word."""
    (found,) = [commands for commands in COMMANDS if word in commands]
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty environment and an Airflow home of its own."""
    folder = tmp_path_factory.mktemp("newcomer")
    export = (
        "export",
        "--frozen",
        "--quiet",
        "--no-hashes",
        "--no-emit-project",
        "--no-annotate",
        "--only-group",
        "dev",
    )
    (folder / "pins.txt").write_text(subprocess.check_output([UV, *export, "--project", ROOT], text=True))
    subprocess.run([UV, "venv", "--quiet", "--seed", "--python", sys.executable, folder / "env"], check=True)
    return folder


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    """Return the environment of a shell in which that environment is active."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_", "PYTHONPATH"))}
    return kept | {
        "VIRTUAL_ENV": str(home / "env"),
        "PATH": os.pathsep.join([str(home / "env" / "bin"), os.environ["PATH"]]),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "UV_CONSTRAINT": str(home / "pins.txt"),  # the newest versions of all packages are a matter of their own
        "UV_COMPILE_BYTECODE": "1",
    }


def shell(commands: str, environment: dict[str, str], cwd: Path = ROOT) -> str:
    """Run commands in bash, with uv as a quicker pip, and return what they print."""
    script = f"set -euo pipefail; pip() {{ '{UV}' pip \"$@\"; }}\n{commands}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@contextmanager
def emulator(environment: dict[str, str]) -> Iterator[str]:
    """Start the emulator by the README's command, on a free port, and yield the lines for the other shell."""
    command = block("airflow_provider_omics.emulator").replace("--port 5000", "--port 0")
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        assert process.stdout is not None
        lines: list[str] = []
        while not any("AIRFLOW_CONN_AWS_DEFAULT" in line for line in lines):
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        yield "".join(line for line in lines if line.startswith("export AIRFLOW_CONN_AWS_DEFAULT="))
        process.terminate()
        process.communicate()


def test_the_example_runs_in_one_s_own_airflow(home: Path, environment: dict[str, str]) -> None:
    shell(block("pip install '.[emulator]'"), environment)
    shell("airflow db migrate", environment)
    with emulator(environment) as exports:
        said = shell(exports + block("airflow dags test"), environment)
    assert (home / "airflow" / "dags" / "example_run_cache.py").exists()
    assert re.search(r"DagRun Finished.*dag_id=example_run_cache.*state=success", said), said


def test_the_archive_for_amazon_mwaa_holds_the_wheel(home: Path, environment: dict[str, str]) -> None:
    checkout = home / "checkout"
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    for name in filter(None, tracked):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    shell(block("python -m build"), environment, checkout)
    (wheel,) = re.findall(r"^/usr/local/airflow/plugins/(\S+\.whl)$", README, re.MULTILINE)
    with zipfile.ZipFile(checkout / "plugins.zip") as archive:
        assert archive.namelist() == [wheel]
