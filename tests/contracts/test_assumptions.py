"""What AWS leaves open: every question has a setting, and every setting its answers in the data file."""

from __future__ import annotations

import re
import typing
from typing import Any

import pytest

from airflow_provider_omics.emulator.assumptions import Assumptions, questions
from airflow_provider_omics.emulator.faults import Faults
from airflow_provider_omics.emulator.json_input import value_of

HINTS: dict[str, Any] = typing.get_type_hints(Assumptions)
BASIS = re.compile(r"assumed|seen on \d{4}-\d\d-\d\d in [a-z0-9-]+(, up to \d+ seconds)?")


def test_every_question_has_a_setting_and_the_other_way_round() -> None:
    assert list(questions()) == list(HINTS)


@pytest.mark.parametrize("name", HINTS)
def test_the_answers_are_those_of_the_setting(name: str) -> None:
    question = questions()[name]
    choices = typing.get_args(HINTS[name]) if typing.get_origin(HINTS[name]) is typing.Literal else ()
    assert set(question.answers) == set(choices)
    assert bool(question.answers) != bool(question.unit)
    assert value_of(HINTS[name], name, question.answer) == question.answer
    assert BASIS.fullmatch(question.basis)


def test_faults_start_and_clear_to_the_answers() -> None:
    faults = Faults()
    answers = {name: question.answer for name, question in questions().items()}
    assert {name: getattr(faults, name) for name in HINTS} == answers
    faults.idempotency, faults.list_lag = "conflict", 7
    faults.clear()
    assert {name: getattr(faults, name) for name in HINTS} == answers
