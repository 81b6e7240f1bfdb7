"""The wheel, and what Airflow shows of it."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import airflow
import jsonschema  # type: ignore[import-untyped]
import pytest

import airflow_provider_omics
from tests.limit import LIMIT_SECONDS

pytestmark = pytest.mark.matrix

DISTRIBUTION = "airflow-provider-omics"
PACKAGE = Path(airflow_provider_omics.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
LAYERS = {"operators": "Operator", "sensors": "Sensor", "hooks": "Hook", "triggers": "Trigger"}
"""Each layer that provider_info lists by module, and how the names of its classes end."""

IMPORT = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"


@pytest.fixture(scope="module")
def info() -> dict[str, Any]:
    """What Airflow reads: the answer of the entry point of the installed distribution."""
    entry_points = importlib.metadata.distribution(DISTRIBUTION).entry_points
    (entry,) = entry_points.select(group="apache_airflow_provider")
    provider_info: dict[str, Any] = entry.load()()
    return provider_info


def test_provider_info_obeys_the_schema_of_the_installed_airflow(info: dict[str, Any]) -> None:
    schema = Path(airflow.__file__).with_name("provider_info.schema.json")
    jsonschema.validate(info, json.loads(schema.read_text()))


def test_package_name_is_the_distribution(info: dict[str, Any]) -> None:
    assert info["package-name"] == DISTRIBUTION


def test_provider_info_imports_nothing() -> None:
    tree = ast.parse((PACKAGE / "provider_info.py").read_text())
    imports = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imports == ["from __future__ import annotations"]


@pytest.mark.parametrize("layer", LAYERS)
def test_provider_info_lists_every_module(info: dict[str, Any], layer: str) -> None:
    listed = [module for entry in info.get(layer, ()) for module in entry["python-modules"]]
    assert sorted(listed) == sorted({module for module, _ in leaves(layer, LAYERS[layer])})
    for module in listed:
        importlib.import_module(module)


def test_provider_info_lists_every_link(info: dict[str, Any]) -> None:
    assert sorted(info["extra-links"]) == sorted(f"{module}.{name}" for module, name in leaves("links", "Link"))
    for path in info["extra-links"]:
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name).name


def leaves(layer: str, suffix: str) -> list[tuple[str, str]]:
    """Return module and name of each class of a layer that users meet: public, and no other one's base."""
    classes = [
        (f"{PACKAGE.name}.{layer}.{path.stem}", node)
        for path in sorted((PACKAGE / layer).glob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    ]
    bases = {ast.unparse(base).partition("[")[0] for _, node in classes for base in node.bases}
    return [
        (module, node.name)
        for module, node in classes
        if node.name.endswith(suffix) and not node.name.startswith("_") and node.name not in bases
    ]


def test_airflow_shows_the_provider(info: dict[str, Any]) -> None:
    (listed,) = airflow_providers("list")
    assert listed["version"] == airflow_provider_omics.__version__
    (full,) = airflow_providers("get", DISTRIBUTION, "--full")
    # The command prints the description without its full stop, and older ones print lists as one string.
    assert info["description"].startswith(full["description"])
    for module in (module for entry in info["operators"] for module in entry["python-modules"]):
        assert module in str(full["operators"])
    links = airflow_providers("links")
    assert sorted(row["extra_link_class_name"] for row in links) == sorted(info["extra-links"])
    triggers = airflow_providers("triggers")
    assert sorted(row["class"] for row in triggers) == sorted(
        module for entry in info["triggers"] for module in entry["python-modules"]
    )


def airflow_providers(*arguments: str) -> list[dict[str, Any]]:
    """Return our rows of what ``airflow providers …`` prints."""
    command = [sys.executable, "-m", "airflow", "providers", *arguments, "--output", "json"]
    printed = run(*command, env=os.environ | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"})
    (rows,) = (json.loads(line) for line in printed.splitlines() if line.startswith("[{"))
    return [row for row in rows if str(next(iter(row.values()))).startswith((DISTRIBUTION, PACKAGE.name))]


@pytest.mark.locked
def test_the_wheel_is_built_by_the_locked_release_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = {each["name"]: each.get("version") for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    required = project["build-system"]["requires"]
    assert required == [f"hatchling=={locked['hatchling']}"]
    assert importlib.metadata.version("hatchling") == locked["hatchling"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the locked build backend."""
    folder = tmp_path_factory.mktemp("dist")
    run(uv(), "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        described = Parser().parsestr(archive.read(metadata).decode())
    ours = {f"{PACKAGE.name}/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*.py")}
    in_package = {name for name in names if ".dist-info/" not in name}
    assert in_package >= ours | {f"{PACKAGE.name}/py.typed"}
    assert {name.partition("/")[0] for name in in_package} == {PACKAGE.name}
    assert not [name for name in names if name.startswith("test") or "/test" in name or "/conftest" in name]
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    needed = [line for line in described.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert sorted(line.partition(">")[0] for line in needed) == [
        "apache-airflow",
        "apache-airflow-providers-amazon",
        "boto3",
    ]


@pytest.mark.slow
def test_wheel_alone_imports(wheel: Path, tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    options = ("--frozen", "--quiet", "--no-hashes", "--no-emit-project", "--only-group", "dev")
    pins.write_text(run(uv(), "export", *options, "--project", ROOT))
    environment = tmp_path / "env"
    python = environment / "bin" / "python"
    run(uv(), "venv", "--python", sys.executable, environment)
    install = (uv(), "pip", "install", "--python", python, "--constraint", pins)

    run(*install, wheel)
    run(uv(), "pip", "check", "--python", python)
    emulator = f"{PACKAGE.name}.emulator"
    run(python, "-c", IMPORT, *(name for name in modules() if not name.startswith(emulator)), cwd=tmp_path)

    # The extras are what their modules need; pytest is there wherever its plugin is loaded.
    run(*install, f"{DISTRIBUTION}[emulator] @ {wheel.as_uri()}", "pytest")
    run(python, "-c", IMPORT, *(name for name in modules() if not name.startswith(f"{emulator}.wdl")), cwd=tmp_path)
    run(*install, f"{DISTRIBUTION}[wdl] @ {wheel.as_uri()}")
    run(python, "-c", IMPORT, *modules(), cwd=tmp_path)


def modules() -> Iterator[str]:
    """Yield the dotted name of every module and package of the checkout below the root package."""
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name != PACKAGE.name and parts[-1] != "__main__":
            yield name


def uv() -> Path:
    """Return the uv of the locked environment."""
    return Path(sys.executable).with_name("uv")


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Return what a command prints; a failure shows what it said."""
    clean = {name: value for name, value in (env or os.environ).items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
