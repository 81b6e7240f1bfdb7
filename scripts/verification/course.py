"""The course of a verification: the checks, the questions, the removal of what they made; and the file of answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from verification import checks, questions, runs
from verification.account import TROUBLE, Account
from verification.old_tokens import OldTokens, ages

CHECKS = (*checks.CHECKS, *runs.CHECKS)
"""The checks that can be made, in their order."""
QUESTIONS = (*questions.QUESTIONS, *runs.QUESTIONS, "token_seconds", "token_expired")
"""The settings whose questions can be put, in their order; the last ones take long."""


@dataclass
class Outcome:
    """What a verification has found."""

    answers: dict[str, Any] = field(default_factory=dict)
    """By the setting."""
    unanswered: dict[str, str] = field(default_factory=dict)
    """The settings whose questions found no answer, and why."""
    differs: dict[str, str] = field(default_factory=dict)
    """The checks that the service does not pass, and what it does."""
    left: list[str] = field(default_factory=list)
    """What could not be removed."""

    @property
    def complete(self) -> bool:
        """Whether every check held, every question was answered, and nothing is left."""
        return not (self.unanswered or self.differs or self.left)


def verify(
    account: Account,
    *,
    asked: Collection[str] = QUESTIONS,
    checked: Collection[str] = CHECKS,
    longest: float = 600,
    say: Callable[[str], object] = print,
    keep: Callable[[str, Any], object] = lambda name, answer: None,
) -> Outcome:
    """Put the questions to an account, and remove whatever that has made, also if it is interrupted.

    :param asked: the settings whose questions are put.
    :param checked: the checks that are made.
    :param longest: the greatest age in seconds at which a request token is tried.
    :param say: told what is found, as it is found.
    :param keep: given each setting and its answer, as it is found: an interruption must not cost the earlier ones.
    """
    outcome = Outcome()
    try:
        with_a_run = runs.Runs(account, outcome.answers) if account.role_arn else None
        for title, check in _checks(account, with_a_run):
            if title in checked:
                _check(title, check, outcome, say)
        for name, ask in _asks(account, with_a_run, outcome, longest):
            if name in asked:
                _ask(name, ask, outcome, say, keep)
    finally:
        say(f"removing what {account.name} has made")
        outcome.left = account.clean_up()
        for what in outcome.left:
            say(f"NOT REMOVED: {what}")
    return outcome


def _checks(account: Account, with_a_run: runs.Runs | None) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the checks in their order."""
    for title, check in checks.CHECKS.items():
        yield title, partial(check, account)
    if with_a_run:
        for title, of_run in runs.CHECKS.items():
            yield title, partial(of_run, with_a_run)


def _check(title: str, check: Callable[[], None], outcome: Outcome, say: Callable[[str], object]) -> None:
    try:
        check()
    except (checks.Differs, *TROUBLE) as error:
        outcome.differs[title] = str(error)
        say(f"DIFFERS: {title}: {error}")
    else:
        say(f"holds: {title}")


def _asks(
    account: Account, with_a_run: runs.Runs | None, outcome: Outcome, longest: float
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the questions in their order."""
    for name, question in questions.QUESTIONS.items():
        yield name, partial(question, account)
    if with_a_run:
        for name, of_run in runs.QUESTIONS.items():
            yield name, partial(of_run, with_a_run)
    if outcome.answers.get("idempotency") != "off":
        old = OldTokens(account, longest)
        yield "token_seconds", old.token_seconds
        for_ever = outcome.answers.get("token_seconds", 0) is None
        if not for_ever and "token_seconds" not in outcome.unanswered:
            yield "token_expired", old.token_expired


def _ask(
    name: str,
    ask: Callable[[], Any],
    outcome: Outcome,
    say: Callable[[str], object],
    keep: Callable[[str, Any], object],
) -> None:
    try:
        answer = ask()
    except TROUBLE as error:
        outcome.unanswered[name] = str(error)
        say(f"NOT ANSWERED: {name}: {error}")
    else:
        outcome.answers[name] = answer
        say(f"{name}: {json.dumps(answer)}")
        keep(name, answer)


def write(path: Path, answers: Mapping[str, Any], region: str, longest: float = 600) -> dict[str, tuple[Any, Any]]:
    """Write answers to the file of assumptions.

    :param longest: the greatest age in seconds at which a request token was tried, which "for ever" rests on.
    :return: the answers that are not what was assumed, each with what was; one that the file does not know is among
        them, and not written: the emulator has to learn it first.
    """
    entries: dict[str, dict[str, Any]] = json.loads(path.read_text())
    basis = f"seen on {datetime.now(UTC).date()} in {region}"
    changed = {name: (entries[name]["answer"], new) for name, new in answers.items() if new != entries[name]["answer"]}
    for name, answer in answers.items():
        entry = entries[name]
        if answer in entry.get("answers", [answer]):
            limit = f", up to {ages(longest)[-1]} seconds" if answer is None else ""
            entry |= {"answer": answer, "basis": basis + limit}
    written = path.with_name(f"{path.name}.new")
    written.write_text(json.dumps(entries, indent=2) + "\n")
    written.replace(path)  # so that no interruption leaves half a file
    return changed
