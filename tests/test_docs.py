"""README and documentation say what the code says."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.matrix

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PAGES = {"ReadSamplesheetOperator": "guides/samplesheets"}
"""The operators whose page is a guide."""
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script that writes the IAM policies."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("iam")


@pytest.fixture
def operators(iam: ModuleType) -> dict[str, Any]:
    """Return the operator classes by their names."""
    found: dict[str, Any] = iam.operators()
    assert "StartRunOperator" in found
    return found


def dag_of(source: str) -> Any:
    """Run a DAG file's text, as Airflow does, and return its DAG."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            node.items[0].optional_vars = ast.Name("dag", ast.Store())
    names: dict[str, Any] = {"__name__": "dag_file"}
    exec(compile(ast.fix_missing_locations(tree), "dag_file", "exec"), names)
    return names["dag"]


@pytest.mark.parametrize("block", PYTHON, ids=range(len(PYTHON)))
def test_the_python_in_the_readme_parses_and_imports_what_exists(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "example_dags"))
    imports = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)]
    assert imports
    for node in imports:
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, name.name) for name in node.names)


def test_the_dag_of_the_readme_is_that_of_the_example() -> None:
    example = dag_of((ROOT / "example_dags" / "example_run_cache.py").read_text())
    short = dag_of(PYTHON[0])
    params = {name: example.params[name] for name in example.params}

    def rendered(task: Any, argument: str) -> str:
        text = str(getattr(task, argument)).replace(example.dag_id, short.dag_id)
        return re.sub(r"\{\{ params\.(\w+) \}\}", lambda found: params[found[1]], text)

    assert short.task_ids == example.task_ids
    for task in short.tasks:
        twin = example.get_task(task.task_id)
        given = [name for name in type(task).members if getattr(task, name) is not None]
        assert type(task) is type(twin)
        assert [rendered(twin, name) for name in given] == [str(getattr(task, name)) for name in given]
        assert (task.retries, getattr(task, "deferrable", None)) == (twin.retries, getattr(twin, "deferrable", None))
        assert task.upstream_task_ids == twin.upstream_task_ids


def test_the_commands_of_the_readme_exist() -> None:
    from airflow_provider_omics.emulator.__main__ import parser

    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE))
    assert targets >= {"demo", "test", "matrix", "docs"}
    assert all(f"\n{target}:" in makefile for target in targets)
    (command,) = re.findall(r"python -m airflow_provider_omics\.emulator (--.*)", README)
    params = parser().parse_args(command.split())
    assert (params.port, params.bucket, params.workflow) == (5000, ["amzn-s3-demo-bucket"], ["1234567"])


def links() -> Iterator[str]:
    for link in re.findall(r"\]\(([^)]+)\)", README):
        if "://" not in link:
            yield link


@pytest.mark.parametrize("link", sorted(set(links())))
def test_the_links_of_the_readme_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_versions_of_the_readme_are_those_of_the_matrix() -> None:
    (row,) = re.findall(r"^\| ([\d., ]+) \| yes: `make test-legs`", README, re.MULTILINE)
    matrix = (ROOT / "scripts" / "matrix.py").read_text()
    assert [version for version in row.split(", ") if f'"{version}"' not in matrix] == []


def test_the_iam_policies_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "iam.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_policy_that_is_out_of_date_is_noticed(
    iam: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "README.md"
    copy.write_text(README.replace('"omics:CreateRunCache"', '"omics:MakeRunCache"'))
    monkeypatch.setattr(iam, "README", copy)
    monkeypatch.setattr(sys, "argv", ["iam.py", "--check"])
    assert iam.main() == 1
    monkeypatch.setattr(sys, "argv", ["iam.py"])
    assert iam.main() == 0
    assert copy.read_text() == README


def test_every_permission_has_a_reason_and_a_resource(iam: ModuleType, operators: dict[str, Any]) -> None:
    assert {name: set(operator.permissions) for name, operator in operators.items()} == {
        name: set(reasons) for name, reasons in iam.NEEDED.items()
    }
    assert {name for name, operator in operators.items() if "TagResource" in operator.permissions} == set(iam.TAGGED)


def test_a_policy_allows_all_that_an_operator_calls_and_nothing_more(
    iam: ModuleType, operators: dict[str, Any]
) -> None:
    for name, operator in operators.items():
        statements = json.loads(iam.documents()[name])["Statement"]
        actions = [each["Action"] for each in statements]
        flat = [action for each in actions for action in ([each] if isinstance(each, str) else each)]
        assert sorted(action for action in flat if action.startswith("omics:")) == sorted(
            f"omics:{operation}" for operation in operator.permissions
        )
        assert not [action for action in flat if "*" in action]


def test_the_run_s_role_writes_outputs_and_cached_results_only(iam: ModuleType) -> None:
    """Whoever writes definitions, settings of batches or other teams' caches decides what their runs do."""
    on: dict[str, list[str]] = {}
    for statement in json.loads(iam.documents()["The run's role"])["Statement"]:
        actions, places = (
            [value] if isinstance(value, str) else value for value in (statement["Action"], statement["Resource"])
        )
        for action in actions:
            on.setdefault(action, []).extend(places)
    bucket = "arn:aws:s3:::amzn-s3-demo-bucket"
    assert on["s3:PutObject"] == [f"{bucket}/runs/*", f"{bucket}/run-cache/*"]
    assert on["s3:GetObject"] == [f"{bucket}/inputs/*", f"{bucket}/batches/*", f"{bucket}/run-cache/*"]
    assert {action for action in on if action.startswith("s3:")} == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    for name in iam.BESIDES:
        for action, (_, rest) in iam.BESIDES[name].items():
            if action == "s3:GetObject" and name != "StartRunOperator":  # which reads the outputs of runs
                assert rest["Resource"] not in on["s3:PutObject"], name


def test_only_one_role_is_passed_and_only_healthomics_takes_it(iam: ModuleType) -> None:
    documents = {name: json.loads(text)["Statement"] for name, text in iam.documents().items()}
    passed = [each for statements in documents.values() for each in statements if "iam:PassRole" in each["Action"]]
    assert len(passed) == 2  # of a run, and of a batch
    for statement in passed:
        assert statement["Resource"].endswith(":role/OmicsRunRole")
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "omics.amazonaws.com"}}
    (trust,) = documents["Its trust policy"]
    assert trust["Principal"] == {"Service": "omics.amazonaws.com"}
    # Without these, HealthOmics could be made to use the role for somebody else's account (the confused deputy):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": iam.ACCOUNT}
    assert trust["Condition"]["ArnLike"]["aws:SourceArn"].startswith(f"arn:aws:omics:{iam.REGION}:{iam.ACCOUNT}:")


def test_every_operator_has_a_page_with_a_snippet(operators: dict[str, Any]) -> None:
    index = (DOCS / "index.rst").read_text()
    for name, operator in operators.items():
        word = "_".join(WORDS.split(name.removesuffix("Operator"))).lower()
        where = PAGES.get(name, "sensors" if name.endswith("Sensor") else f"operators/{word}")
        page = (DOCS / f"{where}.rst").read_text()
        path = f"{operator.__module__}.{name}"
        assert f"   {where}\n" in index
        assert f".. omics-operator:: {path}\n" in page
        assert f".. omics-arguments:: {path}\n" in page
        assert f".. omics-policy:: {name}\n" in page
        assert f"[START howto_{word}]" in page


def test_every_snippet_is_marked_in_an_example() -> None:
    for page in DOCS.rglob("*.rst"):
        for path, start in re.findall(
            r"literalinclude:: (\S+\.py)\n(?:   .*\n)*?   :start-after: (\[START \w+\])", page.read_text()
        ):
            assert start in (page.parent / path).resolve().read_text(), f"{page.name}: {start}"


def test_every_argument_is_described_where_it_is_defined(operators: dict[str, Any]) -> None:
    from airflow_provider_omics.operators.base import OmicsBaseOperator
    from airflow_provider_omics.operators.waiting import OmicsWaitingOperator

    for cls in (OmicsBaseOperator, OmicsWaitingOperator, *operators.values()):
        parameters = inspect.signature(cls.__dict__["__init__"]).parameters.values()
        arguments = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
        described = re.findall(r"^ *:param (\w+):", cls.__doc__ or "", re.MULTILINE)
        assert sorted(described) == sorted(arguments), cls.__name__
        marked = re.findall(
            r"^ *:param (\w+):(?:(?!:param).)*\(templated\)", cls.__doc__ or "", re.MULTILINE | re.DOTALL
        )
        fields = (
            operators["StartRunOperator"] if cls.__module__.endswith(("base", "waiting")) else cls
        ).template_fields
        assert sorted(marked) == sorted(name for name in arguments if name in fields), cls.__name__


@pytest.mark.locked
def test_the_tests_that_the_documentation_shows_pass(tmp_path: Path, airflow_db: None) -> None:
    shown = [*DOCS.glob("guides/test_*.py"), *DOCS.glob("guides/*.wdl")]
    for path in (*shown, ROOT / "example_dags" / "example_run_cache.py"):
        shutil.copy(path, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
