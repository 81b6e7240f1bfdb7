"""Count the calls that a run costs, outcome by outcome: ``python -m tests.benchmarks.api_calls``.

Every outcome is played against the emulator three times: by ``StartRunOperator`` waiting in the worker, by the same
operator deferred, and by what a DAG's author would write in its place, a ``PythonOperator`` with boto3. Time is the
emulator's, and random pauses are seeded, so that the counts are the same every time.
"""

from __future__ import annotations

import io
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any
from unittest.mock import patch

import botocore.endpoint

from tests.benchmarks.outcomes import OUTCOMES, WAYS, Bench, Calls, Count, request
from tests.conftest import FakeTaskInstance, pytest_unconfigure

COLUMNS = ("StartRun", "GetRun", "ListRuns", "ListRunTasks")
WIDTH = 42
PREFLIGHTS = {"one task, or the first of mapped ones": 0, "each further one of mapped ones": 1}
"""The map indexes of task instances that look at different things."""


def count_preflight(bench: Bench, map_index: int, **arguments: Any) -> Calls:
    """Return the calls that a task instance makes before it starts its run, those to S3 and STS included."""
    from airflow_provider_omics.operators.run import StartRunOperator

    send = botocore.endpoint.Endpoint.make_request
    counts: dict[bool, Calls] = {True: Counter(), False: Counter()}
    for preflight, calls in counts.items():

        def counted(endpoint: Any, operation: Any, members: Any, calls: Calls = calls) -> Any:
            calls[operation.name] += 1
            return send(endpoint, operation, members)

        bench.clear()
        given = request("NA12878") | {"cache_id": bench.cache_id, "preflight": preflight} | arguments
        operator = StartRunOperator(task_id="run", wait_for_completion=False, **given)
        with patch.object(botocore.endpoint.Endpoint, "make_request", counted):
            context: Any = {"ti": FakeTaskInstance(map_index=map_index)}
            operator.execute(context)
    return counts[True] - counts[False]


def table(counts: dict[str, dict[str, Count]]) -> Iterator[str]:
    """Yield the lines of the table: for each outcome one line for each way."""
    head = [f"{'outcome':{WIDTH}} {'way':11}", *(f"{column:>12}" for column in COLUMNS), "others  runs  needed"]
    yield " ".join(head)
    for title, ways in counts.items():
        for way, made in ways.items():
            figures = " ".join(f"{made.calls[column]:12}" for column in COLUMNS)
            others = made.calls.total() - sum(made.calls[column] for column in COLUMNS)
            yield f"{title:{WIDTH}} {way:11} {figures} {others:6} {made.runs:5} {made.needed:7}"
            title = ""


def lines() -> Iterator[str]:
    """Play everything, and yield what is to be printed."""
    with Bench() as bench:
        yield from table(
            {title: {name: one.count(bench, way) for name, way in WAYS.items()} for title, one in OUTCOMES.items()}
        )
        yield ""
        yield "what preflight=True adds before the first StartRun"
        for title, map_index in PREFLIGHTS.items():
            calls = count_preflight(bench, map_index)
            yield f"{title:{WIDTH}} {', '.join(f'{name} {calls[name]}' for name in sorted(calls))}"


def main() -> int:
    """Print the tables, and nothing that Airflow logs."""
    logging.disable()
    try:
        with redirect_stdout(io.StringIO()):
            printed = list(lines())
    finally:
        pytest_unconfigure()
    print(*printed, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
