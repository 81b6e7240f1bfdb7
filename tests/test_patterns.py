"""No regular expression takes more than proportional time, whatever a file, a request or AWS's answer holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import patterns
from tests.limit import LIMIT_SECONDS


@pytest.fixture(scope="module")
def swept() -> list[dict[str, Any]]:
    """Return what the sweep says of each pattern."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.patterns"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"')]
    assert done.returncode == 0, f"ended at {lines[-1:]}\n{done.stderr}"
    return [json.loads(line) for line in lines]


@pytest.mark.locked
def test_no_pattern_takes_longer_than_its_input_is_long(swept: list[dict[str, Any]]) -> None:
    assert [each for each in swept if "growth" in each] == []


@pytest.mark.locked
def test_the_sweep_sees_patterns_of_every_kind(swept: list[dict[str, Any]]) -> None:
    places = {each["where"].partition(":")[0] for each in swept}
    package = "airflow_provider_omics"
    assert places >= {
        f"{package}.redaction",  # compiled
        f"{package}.emulator.request_body",  # in a table
        *(f"{package}.redaction.{name}()" for name in ("redacted", "one_line", "redacted_json")),
        f"{package}.samplesheet.cells",  # inline, and by a name
        "botocore, in the emulator",
        "botocore, in the provider",
        "the address of StartRun",
    }
    assert len(swept) > 100


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"[0-9]+\.?[0-9]*", "fullmatch"),
        (r"<Key>(.*?)</Key>", "findall"),
        (r"Credential=([^/\s,]+)/\d{8}/", "search"),
        (r".+/.+", "fullmatch"),
        (r"\s*[,;]", "search"),
        (r"(?P<name>[a-z]*)[a-f]*:", "match"),
        (r"(a+)+b", "match"),
    ],
)
def test_a_pattern_that_backtracks_is_found(pattern: str, method: str) -> None:
    found = patterns.growth(patterns.Use("here", pattern, 0, (method,)))
    assert found is not None
    assert found["ratio"] > patterns.GENEROUS


def test_a_function_that_looks_on_from_each_place_is_found() -> None:
    digest = re.compile("[a-z%/]{20,}=")

    def redact(text: str) -> list[Any]:
        return [digest.match(text, found.end()) for found in re.finditer("sig%", text)]

    found = patterns.Whole("redact", redact, ("host", "/sig%")).growth()
    assert found is not None
    assert found["input"] == "/sig%"


def test_a_pattern_that_cannot_be_told_fails_the_sweep() -> None:
    source = "import re\ndef check(made: str, text: str) -> None:\n    re.match(made, text)\n"
    with pytest.raises(AssertionError, match=r"cannot tell the pattern of re\.match"):
        list(patterns.inline(patterns, source))
