"""A text that a hostile user could have AWS, S3 or a log say, and what must not be left of it in Airflow."""

from __future__ import annotations

import json
import traceback
from typing import Any

FORGED = "[2026-01-01T00:00:00] {taskinstance.py:1} ERROR - all is well"
"""What a line of Airflow's log looks like."""
CONTROL = "\x1b[2J\r\x9b31m\x00\u202e\u2028"
SECRETS = [f"5ec2e70{number}" for number in range(1, 7)]
HOSTILE = (
    (
        f"Oh{CONTROL}\n{FORGED}\n"
        " https://b/k?X-Amz-Signature={}&sig={} and %3FX-Amz-Security-Token%3D{} aws_secret_access_key={} "
        "https://jane:{}@b/k Authorization: Bearer {}\n"
    )
    .replace("{taskinstance", "{{taskinstance")
    .replace("1}", "1}}")
    .format(*SECRETS)
)


def check_shown(text: str) -> None:
    """Check what a person or a machine reads of a log or an error."""
    for secret in SECRETS:
        assert secret not in text
    for character in CONTROL.replace("[2J", "").replace("31m", ""):
        assert character not in text
    assert not [line for line in text.splitlines() if line.startswith(FORGED)]


def check_error(error: BaseException) -> None:
    """Check an error with all that its traceback shows, and its attributes."""
    check_shown(shown_of(error))
    for secret in SECRETS:
        assert secret not in repr(vars(error))


def shown_of(error: BaseException | None) -> str:
    """Return the messages of an error and of what led to it; not the lines of code, which are this file's."""
    lines = []
    while error is not None:
        lines += traceback.format_exception_only(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines)


def check_xcom(value: Any) -> None:
    """Check what Airflow keeps: data, in which a line break may stand."""
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        for secret in SECRETS:
            assert secret not in text
