"""What AWS's documentation leaves open: the emulator's answer to each question, and what it rests on.

``assumptions.json`` is the one place of these answers. ``make verify-aws`` puts the questions to the real service and
writes what it finds there; until then the basis of an answer is ``assumed``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from airflow_provider_omics.emulator.errors import (
    AccessDeniedException,
    ConflictException,
    ResourceNotFoundException,
    ServiceError,
    ValidationException,
)

FILE = Path(__file__).with_suffix(".json")

REFUSALS: Mapping[str, type[ServiceError]] = {
    "access_denied": AccessDeniedException,
    "conflict": ConflictException,
    "not_found": ResourceNotFoundException,
    "validation": ValidationException,
}
"""The answers that are errors."""

Idempotency = Literal["replay", "validation", "conflict", "off"]
NameMatch = Literal["equal", "ignoring_case", "prefix", "contains"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing that the documentation leaves open."""

    question: str
    answers: Mapping[str, str] = field(default_factory=dict)
    """The possible answers, each with what it means; empty where the answer is a number."""
    unit: str | None = None
    """Of an answer that is a number."""
    answer: Any
    """What the emulator does unless it is told otherwise."""
    basis: str
    """``assumed``, or when and where the real service was seen to answer so, and up to which age where that is open."""


@cache
def questions() -> Mapping[str, Question]:
    """Return every question by the name of its setting."""
    return {name: Question(**fields) for name, fields in json.loads(FILE.read_text()).items()}


class Assumptions:
    """One setting for each question, so that a client can be tried against each possible answer."""

    idempotency: Idempotency
    run_idempotency: Literal["same", "replay", "validation", "conflict", "off"]
    token_mismatch: Idempotency
    token_after_delete: Literal["replay", "stale", "validation", "conflict", "not_found", "off"]
    token_seconds: float | None
    token_expired: Literal["off", "validation", "conflict"]
    replayed_status: Literal["today", "first"]
    duplicate_cache_name: Literal["accepted", "validation", "conflict"]
    missing_bucket: Literal["validation", "conflict", "not_found", "access_denied", "accepted"]
    cache_in_use: Literal["conflict", "validation", "accepted"]
    group_in_use: Literal["conflict", "validation"]
    behavior_without_cache: Literal["validation", "conflict", "accepted"]
    deleted_cache: Literal["gone", "described", "listed"]
    delete_again: Literal["not_found", "conflict", "validation", "accepted"]
    cancel_ended: Literal["conflict", "validation", "not_found", "accepted"]
    run_name_match: NameMatch
    group_name_match: NameMatch
    list_lag: float
    time_resolution: float

    def assume(self) -> None:
        """Set every answer to what is assumed, or known."""
        for name, question in questions().items():
            setattr(self, name, question.answer)


def refuse(answer: str, message: str) -> None:
    """Raise the error that an answer stands for, if it is one.

    :raises ServiceError: with that message.
    """
    if answer in REFUSALS:
        raise REFUSALS[answer](message)


def matches(name: str, asked: str, match: NameMatch) -> bool:
    """Return whether a list that is filtered by a name shows a resource.

    :param name: the resource's; an empty one never matches.
    :param asked: what the list is filtered by.
    """
    found = {
        "equal": name == asked,
        "ignoring_case": name.lower() == asked.lower(),
        "prefix": name.startswith(asked),
        "contains": asked in name,
    }
    return bool(name) and found[match]
