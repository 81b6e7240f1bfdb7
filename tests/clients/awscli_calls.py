"""Run command lines of the AWS CLI, each given as a line of JSON; needs nothing but the CLI's own environment."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from typing import Any


def run(arguments: list[str]) -> dict[str, Any]:
    """Return the exit status of a command, and what it printed."""
    driver = importlib.import_module("awscli.clidriver").create_clidriver()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = driver.main(arguments)
        except SystemExit as stopped:  # a command line that the CLI itself refuses
            status = stopped.code
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line)["arguments"])), flush=True)
