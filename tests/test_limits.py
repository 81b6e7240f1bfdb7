"""What a file or an object in S3 can do to a worker: nothing but waste its own bytes."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import airflow_provider_omics
from airflow_provider_omics import exceptions as errors
from airflow_provider_omics import json_text, limits
from airflow_provider_omics.hooks import definition, files, outputs, run_settings, s3
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.samplesheet import Layout, parse
from tests.conftest import Logged
from tests.limit import LIMIT_SECONDS

pytestmark = pytest.mark.matrix

PACKAGE = Path(airflow_provider_omics.__file__).parent
MEGABYTES = 512
"""What a process may take for a sheet of 16 MiB: a third of it is the sheet itself, in Python's own forms."""
PROCESSOR_SECONDS = 120
"""After which the system ends a process that reads a sheet: some 20 are needed."""

READ = f"""
import json, resource
resource.setrlimit(resource.RLIMIT_CPU, ({PROCESSOR_SECONDS}, {PROCESSOR_SECONDS}))
from airflow_provider_omics.samplesheet import Layout, parse
size = 16 * 1024**2
data, layout = SHEET
rows, problems = parse(data[:size], layout)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([len(rows), len(problems), (problems or [""])[-1][:200], memory]))
"""
SHEETS = {
    "problems in every line": ('b"k\\n" + b"a\\n" * size, Layout()', 1001, "same key as line 2"),
    "a row in every second byte": (
        'b"k\\n" + b"".join(b"%x\\n" % n for n in range(size // 7)), Layout()',
        1,
        "more than 100,000 rows",
    ),
    "many cells": (
        'b",".join(b"c%d" % n for n in range(2000)) + b"\\n"'
        ' + b"".join(b"%x" % n + b",a" * 1999 + b"\\n" for n in range(4500)), Layout()',
        1,
        "more than 2,000,000 parameters",
    ),
    "common parameters that make little much": (
        'b"k\\n" + b"".join(b"%x\\n" % n for n in range(size // 7)),'
        " Layout(common_parameters=dict.fromkeys(map(str, range(1000)), 0))",
        1,
        "more than 2,000,000 parameters",
    ),
    "one line": ('b"," * size, Layout()', 1, "the samplesheet is empty"),
    "many columns": ('b",".join(b"c%d" % n for n in range(size // 9)), Layout()', 1, "columns; at most 2,000 are read"),
    "columns that are nearly parameters": (
        'b",".join(b"ab" * 60 + b"%d" % n for n in range(2000)) + b"\\n1\\n",'
        ' Layout(template={"ba" * 60 + str(n): {} for n in range(2000)})',
        1001,
        "is no parameter of the workflow",
    ),
    "a line that is no header, but takes long to compare": (
        'b",".join(b"a" * 90 + b"b" * 90 + b"%d" % n for n in range(2000)) + b"\\n" + b"1\\n" * 1000,'
        ' Layout(template={"b" * 90 + "a" * 90 + str(n): {} for n in range(1000)})',
        1,
        "looks like no header: none of its 2000 cells",
    ),
    "long names of columns": (
        'b",".join([b"ab" * 60_000] * 100), Layout(template={"ba" * 60: {}})',
        100,
        "250 are read",
    ),
    "JSON of nothing": (
        'b"k,x\\n" + b"".join(b\'%x,"[\' % n + b"[]," * 40_000 + b\'[]]"\\n\' for n in range(130)),'
        ' Layout(types={"x": "json"})',
        0,
        "",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHEETS)
def test_the_memory_that_a_samplesheet_takes(name: str) -> None:
    sheet, problems, last = SHEETS[name]
    done = subprocess.run(
        [sys.executable, "-c", READ.replace("SHEET", sheet)],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    _, count, text, megabytes = json.loads(done.stdout)
    assert (count, last in text) == (problems, True), text
    assert megabytes < MEGABYTES


def test_a_sheet_is_read_no_further_than_its_limit() -> None:
    sheet = b"k\n1\n2\n3\n" + b'"'  # which is no CSV, but is not met
    assert parse(sheet, Layout(), most=2, too_many="too many") == ([], ["too many"])
    assert len(parse(sheet[:6], Layout(), most=2)[0]) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "nested more than 100 deep"),
        ("[" * 500 + "]" * 500, "nested more than 100 deep"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested more than 100 deep"),
        ('{"a":' * 3000 + "1" + "}" * 3000, "nested more than 100 deep"),
        ("[NaN]", "NaN is not JSON"),
        ("[1e999]", "has a number that is too large"),
        ('{"a": -1.5E+400}', "has a number that is too large"),
        (b'["\xff"]', "not text in UTF-8"),
        ("Jane Doe", "Expecting value"),
        ("1" * 5000, "integer string conversion"),
    ],
)
def test_what_is_no_json_for_people(text: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        json_text.read(text)
    assert "Jane" not in str(caught.value)


def test_json_may_be_as_deep_as_it_may_be() -> None:
    deepest: Any = json_text.read("[" * limits.JSON_DEPTH + "]" * limits.JSON_DEPTH)
    assert json.dumps(deepest).count("[") == limits.JSON_DEPTH
    assert json_text.read('[{"a": [1, 2.5, null, true]}]') == [{"a": [1, 2.5, None, True]}]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("[" * 2000 + "]" * 2000, 'must be JSON like ["a", "b"]'),
        (r'{"a": ["\u0000"]}', "holds NUL or half of a surrogate pair, which Airflow's database does not keep"),
        (r'{"\ud800": 1}', "holds NUL or half of a surrogate pair, which Airflow's database does not keep"),
        ("[18446744073709551616]", "holds a whole number of more than 64 bits, which Airflow cannot send"),
        ("-9223372036854775809", "holds a whole number of more than 64 bits, which Airflow cannot send"),
        ("1" * 5000, 'must be JSON like ["a", "b"]'),
    ],
)
def test_cells_that_airflow_could_not_keep(cell: str, problem: str) -> None:
    quoted = cell.replace('"', '""')
    _, found = parse(f'k,x\n1,"{quoted}"\n'.encode(), Layout(types={"x": "json"}))
    assert found == [f"line 2: column 'x' {problem}"]


@pytest.mark.parametrize("kind", ["int", "float"])
def test_a_long_number_is_none(kind: str) -> None:
    for cell in ("1" * 100_000, "1" * 100_000 + "x", "0" * 100_000 + ".5"):
        (found,) = parse(f"k,x\n1,{cell}\n".encode(), Layout(types={"x": kind}))[1]
        assert found.startswith("line 2: column 'x' must be a ")
    assert parse(b"k,x\n1,18446744073709551616\n", Layout(types={"x": "int"}))[1]


def test_a_pair_of_surrogates_is_a_character() -> None:
    ((row,), found) = parse(rb"k,x" + b'\n1,"""\\ud83d\\ude00"""\n', Layout(types={"x": "json"}))
    assert (row["parameters"]["x"], found) == ("😀", [])


# --- S3


@pytest.fixture
def put(omics_connection: str, omics_bucket: str) -> Any:
    """Return a way to put an object, which returns its URI."""
    client = s3.client(OmicsHook())

    def put_object(key: str, body: bytes) -> str:
        client.put_object(Bucket=omics_bucket, Key=key, Body=body)
        return f"s3://{omics_bucket}/{key}"

    return put_object


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[" * 100_000, "nested more than 100 deep"),
        (b'[{"runSettingId": NaN}]', "NaN is not JSON"),
        (b'[{"runSettingId": "\xff"}]', "not text in UTF-8"),
        (b'[{"runSettingId": ["1"]}]', "no JSON list of objects with a runSettingId each"),
        (b'{"runSettingId": "1"}', "no JSON list of objects with a runSettingId each"),
        (b"[" + b'{"runSettingId": "1"},' * 20 + b"{}]", "it is larger than 100 bytes"),
    ],
)
def test_settings_of_a_batch(body: bytes, problem: str, put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if "larger" in problem:
        monkeypatch.setattr(run_settings, "RUN_SETTINGS_BYTES", 100)
    uri = put("settings.json", body)
    with pytest.raises(errors.RunSettingsUnreadable, match=problem):
        run_settings.read(OmicsHook(), uri, {})


def test_outputs_that_are_nested_deeply_are_unknown(put: Any, logged: Logged) -> None:
    for body in (b"[" * 60_000, b'{"a":' * 500 + b"1" + b"}" * 500):
        uri = put("runs/1/uuid/logs/outputs.json", body)
        assert outputs.of_run(OmicsHook(), uri.removesuffix("/logs/outputs.json")) is None
    assert logged().count("cannot be read: its objects and arrays are nested more than 100 deep") >= 2


def test_the_search_for_outputs_has_an_end(put: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "OUTPUTS_LISTED", 3)
    for number in range(4):
        uri = put(f"runs/1/uuid/logs/{number}", b"x")
    assert outputs.of_run(OmicsHook(), uri.removesuffix("/logs/3")) is None
    assert "too many for XCom" in logged()


# --- files


def test_a_file_is_read_no_further_than_its_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123")
    assert files.read(tmp_path / "file", 3) == b"123"
    with pytest.raises(limits.TooLarge, match="larger than 2 bytes"):
        files.read(tmp_path / "file", 2)


def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="It is not a file"):
            files.read(path, 10)
        with pytest.raises(errors.DefinitionUnreadable, match="It is not a file"):
            definition.source_of(str(path))
    with pytest.raises(OSError, match="directory"):
        files.read(tmp_path, 10)


def test_a_definition_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.wdl").touch()
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    definition.source_of(str(folder))
    monkeypatch.setattr(definition, "DEFINITION_FILES", 3)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # its entries are counted before it is opened
    for path in (folder, tmp_path / "archive.zip"):
        with pytest.raises(errors.OmicsInputError, match="holds more than 3 files"):
            definition.source_of(str(path))


# --- the whole package

READERS = {
    "hooks/s3.py": {"get_object", "read"},
    "hooks/files.py": {"open", "read"},
    "hooks/definition.py": {"read"},  # a file of a ZIP archive whose sizes it has checked
    "json_text.py": {"loads"},
    "emulator/json_input.py": {"loads"},
    "emulator/assumptions.py": {"loads"},  # a file of its own
}
"""The modules that may read, and how. Of the emulator, only how it reads JSON is held against them."""
READING = {
    "get_object",
    "read",
    "read_bytes",
    "read_text",
    "open",
    "load",
    "loads",
    "download_fileobj",
    "download_file",
}


def test_everything_is_read_where_the_limits_are() -> None:
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            owner = ast.unparse(called.value) if isinstance(called, ast.Attribute) else ""
            ours = owner in ("s3", "files", "json_text", "run_settings", "samplesheet", "hooks.samplesheet")
            if word in READING and not ours and (not name.startswith("emulator/") or owner == "json"):
                found.setdefault(name, set()).add(word)
    assert found == READERS


def test_every_limit_has_its_reason() -> None:
    body = ast.parse((PACKAGE / "limits.py").read_text()).body
    names = [number for number, node in enumerate(body) if isinstance(node, ast.Assign)]
    assert len(names) > 10
    for number in names:
        following = body[number + 1]
        assert isinstance(following, ast.Expr), ast.unparse(body[number])
        assert isinstance(following.value, ast.Constant)
