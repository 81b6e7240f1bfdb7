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

pytestmark = pytest.mark.slow

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
    if name == "token_expired":
        omics_mock.faults.token_seconds = 300
    setattr(omics_mock.faults, name, answer)
    asked = {name, "idempotency"} if name == "run_idempotency" else {name}
    outcome = verification.verify(account, asked=asked, checked=(), say=lambda line: None)
    assert outcome.answers.get(name, "none") == answer, outcome
    assert outcome.complete, outcome


def test_every_question_can_be_put(verification: ModuleType) -> None:
    assert set(verification.QUESTIONS) == set(questions())


@pytest.mark.parametrize("seconds", [None, 300])
def test_the_emulator_passes_every_check_and_every_question(
    seconds: float | None, verification: ModuleType, account: Any, omics_mock: Store, others: dict[str, Any]
) -> None:
    omics_mock.faults.token_seconds = seconds
    said: list[str] = []
    outcome = verification.verify(account, say=said.append)
    assert outcome.complete, said
    expected = {name: question.answer for name, question in questions().items()} | {"token_seconds": seconds}
    if seconds is None:  # then nobody knows how an expired token is answered
        del expected["token_expired"]
    assert outcome.answers == expected


@pytest.mark.parametrize("word", ["validation", "conflict"])
def test_an_expired_token_is_told_from_one_that_is_always_refused(
    word: Any, verification: ModuleType, account: Any, omics_mock: Store
) -> None:
    omics_mock.faults.idempotency = "conflict"
    omics_mock.faults.token_seconds, omics_mock.faults.token_expired = 60, word
    outcome = verification.verify(account, asked=["token_seconds", "token_expired"], checked=())
    known = {"token_seconds": 60, "token_expired": "validation"}
    assert outcome.answers == (known if word == "validation" else {"token_seconds": None})


@pytest.mark.parametrize("asked", [["token_seconds", "token_expired"], ["token_seconds"], ["token_expired"]])
def test_no_age_is_no_answer(asked: list[str], verification: ModuleType, account: Any) -> None:
    outcome = verification.verify(account, asked=asked, checked=(), longest=59)
    assert outcome.answers == {}
    assert outcome.unanswered == {asked[0]: "no age is tried; the least is 60 seconds"}


def test_what_has_not_expired_is_not_known(verification: ModuleType, account: Any) -> None:
    outcome = verification.verify(account, asked=["token_expired"], checked=(), longest=300)
    assert outcome.unanswered == {"token_expired": "no token expired within 300 seconds"}


def test_tokens_that_mean_nothing_have_no_age(verification: ModuleType, account: Any, omics_mock: Store) -> None:
    omics_mock.faults.idempotency = "off"
    outcome = verification.verify(account, asked=["token_seconds"], checked=())
    assert "makes a new resource at once" in outcome.unanswered["token_seconds"]


def test_an_error_that_is_no_expiry_stays_open(verification: ModuleType, account: Any, omics_mock: Store) -> None:
    sent = 1 + 1 + 2  # the fresh request, its repetition, and those of two ages
    omics_mock.faults.fail("CreateRunCache", "AccessDeniedException", on_call=sent + 1)
    outcome = verification.verify(account, asked=["token_seconds"], checked=(), longest=300)
    assert outcome.unanswered == {"token_seconds": "after 60 seconds the same request was answered: access_denied"}


def test_answers_are_written_with_their_day_and_region(verification: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "assumptions.json"
    shutil.copy(FILE, path)
    assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=2, ensure_ascii=False) + "\n"
    answers = {
        "token_seconds": None,
        "cache_in_use": "validation",
        "list_lag": 1.5,
        "deleted_cache": "gone",
        "delete_again": "access_denied",
    }
    changed = verification.write(path, answers, "eu-west-1", longest=899)
    assert changed == {
        "cache_in_use": ("conflict", "validation"),
        "list_lag": (0, 1.5),
        "delete_again": ("not_found", "access_denied"),
    }
    entries = json.loads(path.read_text())
    assert {name: entries[name]["answer"] for name in answers} == answers | {"delete_again": "not_found"}
    seen = {name for name, entry in entries.items() if entry["basis"] != "assumed"}
    assert seen == {"token_seconds", "cache_in_use", "list_lag", "deleted_cache"}
    assert entries["list_lag"]["basis"].endswith(" in eu-west-1")
    assert entries["token_seconds"]["basis"].endswith(" in eu-west-1, up to 600 seconds")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
