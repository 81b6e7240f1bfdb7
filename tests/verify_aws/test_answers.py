"""Each question, against an emulator that gives each possible answer: it finds that one, and leaves nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_omics.emulator import Store
from airflow_provider_omics.emulator.assumptions import FILE, questions

NUMBERS: dict[str, list[float | None]] = {
    "token_seconds": [None, 60, 300],
    "list_lag": [0, 2.5, 30],
    "time_resolution": [0.001, 1],
}
CASES = [(name, answer) for name, question in questions().items() for answer in question.answers or NUMBERS[name]]


@pytest.mark.parametrize(("name", "answer"), CASES, ids=[f"{name}-{answer}" for name, answer in CASES])
def test_each_answer_is_found(
    name: str, answer: Any, verification: ModuleType, account: Any, omics_mock: Store, others: dict[str, Any]
) -> None:
    if name == "run_idempotency":  # "same" is told apart from a word only where the two differ
        omics_mock.faults.idempotency = "conflict" if answer in ("same", "off", "replay", "validation") else "off"
    setattr(omics_mock.faults, name, answer)
    asked = {name, "idempotency"} if name == "run_idempotency" else {name}
    outcome = verification.verify(account, asked=asked, checked=(), say=lambda line: None)
    assert outcome.answers.get(name, "none") == answer, outcome
    assert outcome.complete, outcome


def test_every_question_can_be_put(verification: ModuleType) -> None:
    assert set(verification.QUESTIONS) == set(questions())


def test_the_emulator_passes_every_check_and_every_question(
    verification: ModuleType, account: Any, others: dict[str, Any]
) -> None:
    said: list[str] = []
    outcome = verification.verify(account, say=said.append)
    assert outcome.complete, said
    assert outcome.answers == {name: question.answer for name, question in questions().items()}


def test_answers_are_written_with_their_day_and_region(verification: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "assumptions.json"
    shutil.copy(FILE, path)
    assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=2, ensure_ascii=False) + "\n"
    answers = {"cache_in_use": "validation", "list_lag": 1.5, "deleted_cache": "gone", "delete_again": "access_denied"}
    changed = verification.write(path, answers, "eu-west-1")
    assert changed == {
        "cache_in_use": ("conflict", "validation"),
        "list_lag": (0, 1.5),
        "delete_again": ("not_found", "access_denied"),
    }
    entries = json.loads(path.read_text())
    assert {name: entries[name]["answer"] for name in answers} == answers | {"delete_again": "not_found"}
    seen = {name for name, entry in entries.items() if entry["basis"] != "assumed"}
    assert seen == {"cache_in_use", "list_lag", "deleted_cache"}
    assert entries["list_lag"]["basis"].endswith(" in eu-west-1")
