"""Create one run cache from many processes at the same time: ``python create_caches.py LOCATION DELAY...``.

Prints a JSON list with the result of each process; each has waited its delay, in seconds, from one common start.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from types import SimpleNamespace
from typing import Any

from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator

# Forked after the imports, which take Airflow seconds: eight processes then really start at once.
PROCESSES = multiprocessing.get_context("fork")


def create(location: str, delay: float, start: Any, results: Any) -> None:
    """Execute the operator as one of many workers."""
    ti = SimpleNamespace(dag_id="genomes", run_id="manual", task_id="cache", map_index=-1, try_number=1)
    context: Any = {"ti": ti}
    operator = CreateRunCacheOperator(task_id="cache", cache_s3_location=location, do_xcom_push=False)
    assert isinstance(operator.hook, OmicsHook)
    start.wait()
    time.sleep(delay)
    try:
        results.put(operator.execute(context))
    except Exception as error:
        results.put({"error": repr(error)})
        raise


def main(location: str, delays: list[float]) -> None:
    """Run one process for each delay."""
    start, results = PROCESSES.Barrier(len(delays)), PROCESSES.Queue()
    workers = [PROCESSES.Process(target=create, args=(location, delay, start, results)) for delay in delays]
    for worker in workers:
        worker.start()
    print(json.dumps([results.get() for _ in workers]))
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(sys.argv[1], [float(delay) for delay in sys.argv[2:]])
