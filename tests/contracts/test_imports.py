"""What may import what, and what an operator must not load."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import airflow_provider_omics
from airflow_provider_omics.compat import ExceptionRetryPolicy
from tests.limit import LIMIT_SECONDS

pytestmark = pytest.mark.matrix

NAME = "airflow_provider_omics"
PACKAGE = Path(airflow_provider_omics.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

READING = {"limits", "json_text", "templates", "xcom"}
KNOWLEDGE = {"resources", "exceptions", "compat", "failures", "parameters", "redaction", *READING}
ALLOWED = {
    "__init__": set(),
    "provider_info": set(),
    "resources": set(),
    "failures": set(),
    "parameters": set(),
    "limits": {"resources"},
    "json_text": {"limits"},
    "templates": set(),
    "xcom": {"limits", "templates", "redaction"},
    "samplesheet": {"parameters", "redaction", *READING},
    "redaction": set(),
    "reports": {"resources", "failures", "redaction", "json_text"},
    "compat": set(),
    "exceptions": {"compat", "resources", "limits", "redaction"},
    "hooks": KNOWLEDGE,
    "triggers": KNOWLEDGE | {"hooks"},
    "links": KNOWLEDGE | {"hooks"},
    "operators": KNOWLEDGE | {"hooks", "triggers", "links", "reports", "samplesheet"},
    "sensors": KNOWLEDGE | {"hooks", "triggers", "links", "operators", "reports"},
    "retry_policy": KNOWLEDGE | {"hooks"},
    "emulator": {"resources"},
}
"""Each part of the package, and the parts that it may import besides itself and the version."""

HEAVY = ("boto3", "botocore", "aiobotocore", "moto", "airflow.providers.amazon.aws", "mypy_boto3_omics")
"""What a DAG file must not load: each costs it hundreds of milliseconds."""

LOADED = """
import importlib, json, sys
from tests.limit import LIMIT_SECONDS
try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:
    from airflow.models import DAG, BaseOperator
names, heavy = json.loads(sys.argv[1])
found = {}
for name in names:
    before = set(sys.modules)
    importlib.import_module(name)
    found[name] = [m for m in sorted(set(sys.modules) - before) if f"{m}.".startswith(tuple(f"{h}." for h in heavy))]
print(json.dumps(found))
"""


def part(path: Path) -> str:
    """Return the part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a file imports, wherever in the file."""
    package = ".".join([NAME, *path.relative_to(PACKAGE).parent.parts])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def mentions_airflow(node: ast.AST) -> bool:
    """Tell whether a statement imports something of Airflow or of its providers."""
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return any(name.partition(".")[0] == "airflow" for name in names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    assert part(path) in ALLOWED, f"say in ALLOWED, and in docs/architecture, what {part(path)} may import"
    parts = {name.split(".")[1] for name in imports(path) if name.startswith(f"{NAME}.")}
    assert parts - ALLOWED[part(path)] - {part(path), "__version__"} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_compat_knows_versions_of_airflow(path: Path) -> None:
    if part(path) == "compat":
        return
    tree = ast.parse(path.read_text())
    tried = [statement for node in ast.walk(tree) if isinstance(node, ast.Try) for statement in node.body]
    assert [ast.unparse(node) for node in tried if mentions_airflow(node)] == []
    asked = [ast.unparse(node) for node in ast.walk(tree) if asks_for_version(node)]
    assert asked == []


def asks_for_version(node: ast.AST) -> bool:
    """Tell whether an expression is Airflow's version, in one of its usual forms."""
    if isinstance(node, ast.Attribute):
        return ast.unparse(node) in {"airflow.__version__", "airflow.version.version"}
    if isinstance(node, ast.ImportFrom):
        return (node.module, node.names[0].name) in {("airflow", "__version__"), ("airflow.version", "version")}
    return isinstance(node, ast.Constant) and node.value in {"apache-airflow", "apache-airflow-core"}


def test_a_dag_file_loads_nothing_heavy() -> None:
    layers = [PACKAGE / layer for layer in ("operators", "sensors", "links", "triggers")]
    files = sorted(path for layer in layers for path in layer.glob("*.py"))
    files += [PACKAGE / "retry_policy.py"] if ExceptionRetryPolicy is not None else []
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files]
    command = [sys.executable, "-c", LOADED, json.dumps([names, HEAVY])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {name: [] for name in names}
