"""Every test belongs to a target of the Makefile.

``make test`` runs the quick tests, and ``make matrix`` those of them that can depend on the version of Airflow and
bear the mark ``matrix``. What bears ``slow`` has a target that names its file or its folder.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import airflow_provider_omics

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
OUR_PACKAGES = {"tests": ROOT, "airflow_provider_omics": Path(airflow_provider_omics.__file__).parents[1]}
"""Our packages, and the folder that each lies in."""
CONFTEST = TESTS / "conftest.py"


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node below another one, except what only type checkers read."""
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from nodes(child)


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the dotted names that a file imports, inside functions too."""
    found: set[str] = set()
    for node in nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def files(name: str) -> Iterator[Path]:
    """Yield our own files that importing a dotted name loads: the modules and packages on its way."""
    parts = name.split(".")
    if parts[0] in OUR_PACKAGES:
        for depth in range(1, len(parts) + 1):
            path = OUR_PACKAGES[parts[0]].joinpath(*parts[:depth])
            yield from (each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file())


def arguments_of(path: Path) -> dict[str, set[str]]:
    """Return the tests and fixtures of a file by their names, each with its arguments."""
    return {
        node.name: {argument.arg for argument in node.args.args}
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
        and (node.name.startswith("test_") or "pytest.fixture" in map(ast.unparse, decorators(node)))
    }


def decorators(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield the decorators of a function, without their arguments."""
    return (node.func if isinstance(node, ast.Call) else node for node in function.decorator_list)


def conftest_of(path: Path) -> list[Path]:
    """Return tests/conftest.py if a test or a fixture of a test file takes a fixture of it."""
    nearer = {path, *(folder / "conftest.py" for folder in path.parents if folder.is_relative_to(TESTS))} - {CONFTEST}
    hidden = {name for each in nearer if each.exists() for name in arguments_of(each)}
    taken = set().union(*arguments_of(path).values())
    return [CONFTEST] if taken & (arguments_of(CONFTEST).keys() - hidden) else []


def reaches_airflow(path: Path) -> bool:
    """Tell whether a test file imports Airflow or the amazon provider, itself or through our own modules."""
    seen: set[Path] = set()
    waiting = [path, *conftest_of(path)]
    while waiting:
        if (here := waiting.pop()) in seen:
            continue
        seen.add(here)
        for name in imports(here):
            if name.partition(".")[0] == "airflow":
                return True
            waiting.extend(files(name))
    return False


def marks(path: Path) -> set[str]:
    """Return the marks that a test file gives to all its tests, e.g. ``matrix``."""
    given = [node.value for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)]
    attributes = [node for value in given for node in ast.walk(value) if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if ast.unparse(node.value) == "pytest.mark"}


QUICK_FILES = [path for path in sorted(TESTS.rglob("test_*.py")) if not marks(path) & {"slow", "locked"}]
"""The test files of which the quick tests and ``make matrix`` are chosen."""


SAME_EVERYWHERE = frozenset(
    {
        "contracts/test_least_privilege.py",
        "test_adoption_identity.py",
        "test_adoption_patience.py",
        "test_api_calls.py",
        "test_bucket_owners.py",
        "test_comparison.py",
        "test_definition.py",
        "test_forged_batches.py",
        "test_forged_runs.py",
        "test_forged_versions.py",
        "test_hostile_answers.py",
        "test_hostile_files.py",
        "test_many_starts.py",
        "test_preflight_unreachable.py",
        "test_qualified_names.py",
        "test_realistic_failures.py",
        "test_run_batch_earlier.py",
        "test_run_batch_end.py",
        "test_run_batch_lists.py",
        "test_run_batch_once.py",
        "test_run_batch_report.py",
        "test_run_batch_request.py",
        "test_run_cache_race.py",
        "test_run_failure.py",
        "test_run_logs.py",
        "test_run_outputs.py",
        "test_samplesheet_secrets.py",
        "test_workflow_race.py",
    }
)
"""The test files that import Airflow, but test what no release of it changes; ``make test-legs`` runs them on all."""


@pytest.mark.parametrize("path", QUICK_FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_the_mark_matrix_stands_on_files_that_import_airflow(path: Path) -> None:
    listed = path.relative_to(TESTS).as_posix() in SAME_EVERYWHERE
    assert ("matrix" in marks(path)) is (reaches_airflow(path) and not listed)


def test_the_files_that_no_release_changes_exist() -> None:
    assert {path.relative_to(TESTS).as_posix() for path in QUICK_FILES if reaches_airflow(path)} >= SAME_EVERYWHERE


SLOW = [
    path
    for path in sorted(TESTS.rglob("test_*.py"))
    if "pytest.mark.slow" in path.read_text() and path != Path(__file__)
]
MAKEFILE = (ROOT / "Makefile").read_text().replace("\\\n", " ")
PARTS = dict(re.findall(r"^([a-z-]+):(?!=).*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE))
"""The targets with their commands."""
ALL = [*re.findall(r"^ALL := (.*)$", MAKEFILE, re.MULTILINE)[0].split(), "test-quick", "test-processes"]
"""The parts of ``make test-all`` and of ``make test``."""


@pytest.mark.parametrize("path", SLOW, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_part_of_test_all_names_every_file_of_slow_tests(path: Path) -> None:
    scripts = (ROOT / "scripts" / "fault_tables.py").read_text()
    commands = "".join(PARTS[name] for name in ALL).replace("$(FAULTS)", "tests/faults/test_started_once.py")
    words = set(re.split(r"[\s\"'=]+", commands + scripts))
    assert words & {path.relative_to(ROOT).as_posix(), path.parent.relative_to(ROOT).as_posix()}


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("test-")])
def test_the_page_on_contributing_describes_every_part(name: str) -> None:
    assert f"   * - ``make {name}``\n" in (ROOT / "docs" / "contributing.rst").read_text()
