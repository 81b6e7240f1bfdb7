"""Measure what importing an operator adds to a DAG file, beside an operator of the amazon provider.

Every figure comes from fresh processes that have imported Airflow's own ``DAG`` and ``BaseOperator`` before the clock
starts. The modules take turns, so that a drift of the machine meets all of them alike. Our package is measured as
installed: a copy with compiled bytecode.
"""

from __future__ import annotations

import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "airflow_provider_omics"
PEER = "airflow.providers.amazon.aws.operators.batch"
TARGET = 30.0
"""Milliseconds that importing one of our operator modules may add at most."""
ROUNDS = 9

PROBE = """
import importlib, json, sys, time
try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow.models import DAG, BaseOperator
start = time.perf_counter()
module = importlib.import_module(sys.argv[1])
print(json.dumps([(time.perf_counter() - start) * 1000, module.__file__]))
"""


def measure(module: str, folder: Path) -> float:
    """Return the milliseconds that importing a module adds, in a fresh process that finds our package in a folder."""
    environment = os.environ | {"PYTHONPATH": str(folder), "AIRFLOW_HOME": str(folder / "airflow")}
    command = [sys.executable, "-c", PROBE, module]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    milliseconds, where = json.loads(done.stdout.splitlines()[-1])
    if module != PEER and not Path(where).is_relative_to(folder):
        raise RuntimeError(f"{module} was imported from {where} and not from the compiled copy in {folder}")
    return float(milliseconds)


def operators() -> list[str]:
    """Return our operator modules."""
    return sorted(f"{PACKAGE.name}.operators.{path.stem}" for path in (PACKAGE / "operators").glob("[!_]*.py"))


def table(medians: Mapping[str, float]) -> str:
    """Return the medians and their ratio to the amazon provider's as a table."""
    head = f"{'module':<{max(map(len, medians))}}  {'added, ms':>9}  {'of batch':>8}"
    rows = [f"{name:<{max(map(len, medians))}}  {ms:9.1f}  {ms / medians[PEER]:8.0%}" for name, ms in medians.items()]
    return "\n".join([head, *rows])


def main() -> int:
    """Print the table and return the exit status: 1 if one of our modules is over the target."""
    ours = operators()
    with tempfile.TemporaryDirectory(prefix="omics-import-cost-") as name:
        folder = Path(name).resolve()
        shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(folder / PACKAGE.name, quiet=2)
        stack = f"Airflow {version('apache-airflow')}, amazon provider {version('apache-airflow-providers-amazon')}"
        print(
            f"{stack}, Python {sys.version.split()[0]}, median of {ROUNDS} fresh processes for each module", flush=True
        )
        measure(PEER, folder)  # the first process of all meets cold disk caches
        rounds = [{module: measure(module, folder) for module in [*ours, PEER]} for _ in range(ROUNDS)]
    medians = {module: statistics.median(each[module] for each in rounds) for module in [*ours, PEER]}
    print(table(medians))
    slow = [module for module in ours if medians[module] > TARGET]
    print(f"target: {TARGET:.0f} ms; " + (f"MISSED by {', '.join(slow)}" if slow else "held by every module of ours"))
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
