"""Make calls by capo-omics, each given as a line of JSON; needs nothing but that client's own environment."""

from __future__ import annotations

import base64
import importlib
import json
import os
import sys
from datetime import datetime
from typing import Any


def call(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of an operation, or its error."""
    if "definition_zip" in arguments:  # bytes, which JSON has not
        arguments["definition_zip"] = base64.b64decode(arguments["definition_zip"])
    try:
        answer = getattr(client, operation)(**arguments)
    except importlib.import_module("capo_omics.errors").ServiceError as error:
        return {"error": type(error).__name__, "code": error.code, "message": error.message}
    return {"answer": list(answer) if operation.startswith("iter_") else answer}


if __name__ == "__main__":
    omics = importlib.import_module("capo_omics").OmicsClient(
        region=os.environ["AWS_REGION"], endpoint=os.environ["AWS_ENDPOINT_URL"]
    )
    for line in sys.stdin:
        print(json.dumps(call(omics, **json.loads(line)), default=datetime.isoformat), flush=True)
