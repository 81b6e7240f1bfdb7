"""Install one Airflow with the provider's wheel, the way Amazon MWAA does, and the test tools on top."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "matrix"
UV = ROOT / ".venv" / "bin" / "uv"
DISTRIBUTION = "airflow-provider-omics"

PUBLISHED = (
    "https://raw.githubusercontent.com/aws/amazon-mwaa-docker-images/main/images/airflow/{}/etc/airflow_constraints.txt"
)
TEST_TOOLS = ("pytest", "pytest-asyncio", "jsonschema", "moto>=5.2", "flask", "flask-cors", "regex")
HANGS_AFTER = 1800
"""Seconds after which a command is given up: a leg takes six minutes on a quiet machine, three side by side."""


class LegFailed(Exception):
    """A leg cannot be installed, or its tests fail; the message is for the summary."""


@dataclass
class Leg:
    """One combination of Airflow and Python, and what became of it."""

    name: str
    airflow: str
    python: str
    published: bool = True
    """Whether constraints are published for this release; otherwise the versions of uv.lock hold."""
    versions: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    seconds: float = 0.0

    @property
    def environment(self) -> Path:
        """Where it is installed."""
        return ROOT / ".venvs" / f"airflow-{self.airflow}-py{self.python}"

    @property
    def log(self) -> Path:
        """Where every command and its output are written."""
        return BUILD / f"{self.name}.log"

    def run(self, *command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
        """Run a command and append it and its output to the log; raise LegFailed if it does not succeed."""
        called = " ".join([Path(command[0]).name, *(str(word) for word in command[1:3])])
        with self.log.open("a") as log:
            print("$", *command, file=log, flush=True)
            try:
                code = subprocess.run(
                    command,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=HANGS_AFTER,
                ).returncode
            except subprocess.TimeoutExpired:
                raise LegFailed(f"{called} … hung for {HANGS_AFTER} s") from None
        if code:
            raise LegFailed(f"{called} … exited with {code}")


def output(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Return what a command prints; raise LegFailed with what it says if it does not succeed."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=HANGS_AFTER)
    if done.returncode:
        raise LegFailed(f"{' '.join(map(str, command))} exited with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def install(leg: Leg, wheel: Path) -> None:
    """Make the leg's environment, or only put the wheel into the one that stands there unchanged."""
    python = interpreter(leg.python)
    pins = BUILD / f"{leg.name}-constraints.txt"
    pins.write_text(constraints(leg))
    pip = ("pip", "install", "--quiet", "--compile-bytecode", "--python", leg.environment)
    digest = hashlib.sha256(
        "\n".join(
            [
                pins.read_text(),
                locked_versions(),
                project_dependencies(),
                str(python),
                Path(__file__).read_text(),
            ]
        ).encode()
    ).hexdigest()
    stamp = leg.environment / "matrix.digest"
    if stamp.exists() and stamp.read_text() == digest:
        leg.run(UV, *pip, "--no-deps", "--reinstall-package", DISTRIBUTION, wheel)
        return
    leg.run(UV, "venv", "--quiet", "--clear", "--python", python, leg.environment)
    stack = (f"apache-airflow=={leg.airflow}", "apache-airflow-providers-amazon", "boto3", wheel)
    leg.run(UV, *pip, *stack, "--constraint", pins)
    tools = BUILD / f"{leg.name}-tools.txt"
    tools.write_text(tool_constraints(leg))
    leg.run(UV, *pip, *TEST_TOOLS, "--constraint", tools)
    leg.run(UV, "pip", "check", "--python", leg.environment)
    stamp.write_text(digest)


def interpreter(python: str) -> Path:
    """Return an interpreter of this version, e.g. ``3.12``; never download one."""
    probe = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    for candidate in candidates(python):
        answer = subprocess.run([candidate, "-c", probe], capture_output=True, text=True)
        # A shim of pyenv is on PATH for versions too that are not switched on, and fails when it is called.
        if answer.returncode == 0 and answer.stdout.split()[0] == python:
            return Path(answer.stdout.split(maxsplit=1)[1].strip())
    raise LegFailed(
        f"Python {python} was not found on PATH, among pyenv's versions, or by uv: install it "
        f"(`pyenv install {python}`, `uv python install {python}` or as a system package), or name other LEGS"
    )


def candidates(python: str) -> Iterator[str]:
    """Yield what may be an interpreter of this version, the nearest first."""
    if on_path := shutil.which(f"python{python}"):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [str(path) for path in pyenv.glob(f"{python}.*/bin/python{python}")]
    yield from sorted(found, key=lambda path: [int(n) for n in re.findall(r"\d+", path)], reverse=True)
    managed = subprocess.run(
        [UV, "python", "find", "--managed-python", "--no-python-downloads", python],
        capture_output=True,
        text=True,
    )
    if managed.returncode == 0:
        yield managed.stdout.strip()


def constraints(leg: Leg) -> str:
    """Return the text of the constraints that a leg's installation obeys."""
    if not leg.published:
        return locked_versions()
    name = f"airflow-{leg.airflow}.txt"
    folder = os.environ.get("OMICS_CONSTRAINTS")
    try:
        if folder:
            return (Path(folder).expanduser() / name).read_text()
        with urllib.request.urlopen(PUBLISHED.format(leg.airflow), timeout=30) as answer:
            text: str = answer.read().decode()
            return text
    except OSError as error:
        where = f"OMICS_CONSTRAINTS={folder}" if folder else PUBLISHED.format(leg.airflow)
        raise LegFailed(
            f"no constraints of Airflow {leg.airflow} from {where}: {error}. "
            f"Set OMICS_CONSTRAINTS to a folder that holds {name}"
        ) from None


def locked_versions() -> str:
    """Return the versions of uv.lock as constraints."""
    options = (
        "--quiet",
        "--frozen",
        "--only-group",
        "test",
        "--no-emit-project",
        "--no-hashes",
        "--no-annotate",
    )
    return output(UV, "export", *options)


def locked_version(package: str) -> str:
    """Return the version of one package in uv.lock."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return next(str(entry["version"]) for entry in packages if entry["name"] == package)


def project_dependencies() -> str:
    """Return what our wheel asks for."""
    return "\n".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])


def tool_constraints(leg: Leg) -> str:
    """Return every version of the first step, and uv.lock's for what that step did not install."""
    frozen = output(UV, "pip", "freeze", "--exclude", DISTRIBUTION, "--python", leg.environment).splitlines()
    present = {line.partition("==")[0] for line in frozen}
    locked = [line for line in locked_versions().splitlines() if re.split(r"[=\[]", line)[0] not in present]
    return "\n".join([*frozen, *locked, ""])


def build_wheel() -> Path:
    """Build our wheel with the locked build backend and return its path."""
    folder = BUILD / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    python = ROOT / ".venv" / "bin" / "python"
    output(UV, "build", "--wheel", "--no-build-isolation", "--python", python, "--out-dir", folder)
    return next(folder.glob("*.whl"))
