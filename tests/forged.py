"""Answers of AWS that others wrote, or AWS itself in another form."""

from __future__ import annotations

import json
from typing import Any


def change_answer(operator: Any, run_id: str, **members: Any) -> None:
    """Let GetRun describe a run to an operator with other members."""

    def change(response_dict: dict[str, Any], **_: Any) -> None:
        found = json.loads(response_dict["body"])
        if found.get("id") == run_id:
            response_dict["body"] = json.dumps({**found, **members}).encode()

    operator.hook.conn.meta.events.register("before-parse.omics.GetRun", change)


def nest_parameters(operator: Any, run_id: str, depth: int) -> None:
    """Let GetRun describe a run to an operator with parameters that are nested so deeply."""

    def nest(response_dict: dict[str, Any], **_: Any) -> None:
        response_dict["body"] = response_dict["body"].replace(b'"@"', f"{'[' * depth}1{']' * depth}".encode())

    change_answer(operator, run_id, parameters={"sample": "@"})
    operator.hook.conn.meta.events.register_last("before-parse.omics.GetRun", nest)
