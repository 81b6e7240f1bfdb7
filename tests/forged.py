"""Answers of AWS that somebody made to harm those who read them."""

from __future__ import annotations

import json
from typing import Any


def nest_parameters(operator: Any, run_id: str, depth: int) -> None:
    """Let GetRun describe a run to an operator with parameters that are nested so deeply."""

    def nest(response_dict: dict[str, Any], **_: Any) -> None:
        found = json.loads(response_dict["body"])
        if found.get("id") == run_id:
            text = json.dumps({**found, "parameters": {"sample": "@"}})
            response_dict["body"] = text.replace('"@"', f"{'[' * depth}1{']' * depth}").encode()

    operator.hook.conn.meta.events.register("before-parse.omics.GetRun", nest)
