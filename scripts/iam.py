"""The IAM policies of the README: ``python scripts/iam.py`` writes them, ``--check`` fails if they are out of date.

The actions come from each operator's ``permissions``; what an action can be restricted to, and what it is needed for,
stands in ``iam_data.py``. The documentation shows the same policies.
"""

from __future__ import annotations

import argparse
import atexit
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iam_data import ACCOUNT, ALSO, BESIDES, NEEDED, REGION, RESOURCES, RUN_ROLE, TAGGED, TRUST

if "AIRFLOW_HOME" not in os.environ:  # importing Airflow makes a folder there
    home = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="omics-iam-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- iam: start, written by scripts/iam.py -->", "<!-- iam: end -->"


def operators() -> dict[str, Any]:
    """Return the classes of operators and sensors by their names, in the order in which they are documented."""
    from airflow_provider_omics.provider_info import get_provider_info

    info: Any = get_provider_info()
    names = [name for layer in ("operators", "sensors") for entry in info[layer] for name in entry["python-modules"]]
    found = [
        item
        for module in map(importlib.import_module, names)
        for item in vars(module).values()
        if isinstance(item, type) and hasattr(item, "permissions") and item.__module__ == module.__name__
    ]
    return {operator.__name__: operator for operator in found}


def statements(name: str, permissions: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the policy statements of an operator: one for each set of resources, and those of other services."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for operation in permissions:
        kinds = TAGGED[name] if operation == "TagResource" else kinds_of(operation, permissions)
        resources = tuple(f"arn:aws:omics:{REGION}:{ACCOUNT}:{kind}/*" for kind in kinds)
        grouped.setdefault(resources, []).append(f"omics:{operation}")
    own = [
        {"Effect": "Allow", "Action": actions, "Resource": list(resources) or "*"}
        for resources, actions in grouped.items()
    ]
    besides = BESIDES.get(name, {}).items()
    return [*own, *({"Effect": "Allow", "Action": action, **rest} for action, (_, rest) in besides)]


def kinds_of(operation: str, permissions: Sequence[str]) -> tuple[str, ...]:
    """Return the types of resources that an operation is allowed on, and on which AWS makes it for another one."""
    also = (kinds for other, (action, kinds) in ALSO.items() if action == operation and other in permissions)
    return tuple(dict.fromkeys([*RESOURCES[operation], *(kind for kinds in also for kind in kinds)]))


def needs(name: str) -> list[tuple[str, str]]:
    """Return every action of an operator, and what it is needed for."""
    own = [(f"omics:{operation}", why) for operation, why in NEEDED[name].items()]
    return own + [(action, why) for action, (why, _) in BESIDES.get(name, {}).items()]


def policy(parts: Sequence[Mapping[str, Any]]) -> str:
    """Return a policy document; a list of one string is written as the string, and a short one on one line."""

    def short(value: Any) -> Any:
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    shortened = [{key: short(value) for key, value in part.items()} for part in parts]
    text = json.dumps({"Version": "2012-10-17", "Statement": shortened}, indent=2)
    lists = re.compile(r"\[\s+([^\[\]{}]{1,99})\s+\]")
    return lists.sub(lambda found: f"[{' '.join(found[1].split())}]", text)


def documents() -> dict[str, str]:
    """Return every policy document by its title."""
    made = {name: policy(statements(name, operator.permissions)) for name, operator in operators().items()}
    return {**made, "The run's role": policy(RUN_ROLE), "Its trust policy": policy(TRUST)}


def readme_part() -> str:
    """Return what stands between the markers of the README."""
    lines = ["| operator | action | needed |", "|---|---|---|"]
    for name in NEEDED:
        lines += [f"| `{name}` | `{action}` | {why} |" for action, why in needs(name)]
    for title, document in documents().items():
        shown = f"<code>{title}</code>" if title in NEEDED else title
        lines += ["", f"<details><summary>{shown}</summary>", "", "```json", document, "```", "", "</details>"]
    return "\n".join([START, "", *lines, "", END])


def main() -> int:
    """Write the README's part, or check it; the exit status is 1 if it was out of date."""
    parser = argparse.ArgumentParser(description="Write the IAM policies of the README.")
    parser.add_argument("--check", action="store_true", help="change nothing, and fail if they are out of date")
    check = parser.parse_args().check
    text = README.read_text()
    current = re.sub(f"{re.escape(START)}.*{re.escape(END)}", lambda _: readme_part(), text, flags=re.DOTALL)
    if current == text:
        return 0
    if check:
        print("The IAM policies of README.md are out of date: run python scripts/iam.py", file=sys.stderr)
        return 1
    README.write_text(current)
    return 0


if __name__ == "__main__":
    sys.exit(main())
