"""JSON is redacted in keys and values at any depth, and characters that change what a reader sees are escaped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_omics.redaction import MASK, one_line, redacted, redacted_json, several_lines

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def test_json_is_redacted_in_keys_and_values() -> None:
    url = f"https://b/k?X-Amz-Expires=60&X-Amz-Signature={SECRET}"
    found = redacted_json(
        {
            "vcf": "s3://b/k",
            url: {"by": [url, 1, None, True, 0.5, {"n": url}]},
            "aws_secret_access_key": SECRET,
            "headers": {"Authorization": ["Bearer x"], "Host": "b"},
            "signature": "5ec2e7" * 12,
            "credentials": {"SessionToken": "", "SecretAccessKey": None, "AccessKeyId": 7},
        }
    )
    short = redacted(url)
    assert found == {
        "vcf": "s3://b/k",
        short: {"by": [short, 1, None, True, 0.5, {"n": short}]},
        "aws_secret_access_key": MASK,
        "headers": {"Authorization": MASK, "Host": "b"},
        "signature": MASK,
        "credentials": {"SessionToken": "", "SecretAccessKey": None, "AccessKeyId": 7},
    }
    assert list(found) == list(json.loads(json.dumps(found)))


def test_keys_that_become_the_same_text_are_both_kept() -> None:
    keys = [f"https://b/k?X-Amz-Signature={number}" for number in range(3)]
    found = redacted_json({key: number for number, key in enumerate(keys)})
    name = "https://b/k?X-Amz-Signature=[redacted]"
    assert found == {name: 0, f"{name} (2)": 1, f"{name} (3)": 2}


def test_json_may_be_deeper_than_pythons_stack() -> None:
    deep: Any = "https://b/k?X-Amz-Signature=5ec2e7"
    for number in range(50_000):
        deep = [deep] if number % 2 else {"next": deep}
    found = redacted_json(deep)
    depth = 0
    while not isinstance(found, str):
        found = found[0] if isinstance(found, list) else found["next"]
        depth += 1
    assert (depth, found) == (50_000, "https://b/k?X-Amz-Signature=[redacted]")


def test_what_is_given_is_not_changed() -> None:
    given = {"url": ["https://b/k?X-Amz-Signature=5ec2e7"]}
    redacted_json(given)
    assert given == {"url": ["https://b/k?X-Amz-Signature=5ec2e7"]}


# --- control characters


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\n", r"\n"),
        ("\r", r"\r"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x00", r"\x00"),
        ("\x07", r"\x07"),
        ("\x7f", r"\x7f"),
        ("\x85", r"\x85"),
        ("\x9b31m", r"\x9b31m"),
        ("\u2028", r"\u2028"),
        ("\u2029", r"\u2029"),
        ("\u202e", r"\u202e"),
        ("\u2066", r"\u2066"),
        ("\u200b", r"\u200b"),
        ("\ufeff", r"\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_characters_that_change_what_a_reader_sees_are_escaped(character: str, shown: str) -> None:
    assert one_line(f"a{character}b") == f"a{shown}b"
    assert several_lines(f"a{character}b\n") == (f"a{shown}b\n" if character != "\n" else "a\nb\n")


def test_what_is_no_text_is_written_as_text() -> None:
    assert one_line(None) == "None"
    assert one_line(ValueError("a\nb")) == r"a\nb"
