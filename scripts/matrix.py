"""Run the tests that depend on the version of Airflow on several releases, or all quick tests on every release.

Each leg is an environment of its own under ``.venvs/``, installed the way Amazon MWAA installs: Airflow, the
amazon provider, boto3 and our wheel without extras, under the constraints published for that release. The
test tools follow in a second step that leaves every version of the first in place. The tests then run in a
copy of the checkout that lacks the package, so that child processes too import the installed wheel.

``OMICS_CONSTRAINTS`` names a folder with local copies of the constraints, ``airflow-VERSION.txt``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from stacks import BUILD, ROOT, Leg, LegFailed, build_wheel, install, locked_version, output

MWAA = ("2.11.0", "2.11.2", "3.0.6", "3.2.1", "3.3.1")
"""The Airflow releases of Amazon MWAA, all on Python 3.12: https://github.com/aws/amazon-mwaa-docker-images."""
DEFAULT = (MWAA[0], "3.0.6", MWAA[-1])
"""The legs of ``make matrix``: the oldest supported release of Airflow 2 and of Airflow 3, and Amazon MWAA's newest."""
TESTED_ALREADY = f"newest-py{sys.version_info[0]}.{sys.version_info[1]}"
"""The leg that runs only by name: ``make test`` runs the same tests on the same versions."""
PACKAGE = "airflow_provider_omics"
NEEDED_BY_TESTS = (
    "Makefile",
    "LICENSE",
    "SECURITY.md",
    "tests",
    "example_dags",
    "scripts",
    "docs",
    "pyproject.toml",
    "README.md",
    "uv.lock",
)
QUICK = "not slow and not locked"
DEPENDENT = f"matrix and {QUICK}"
WARNINGS = f"default\nerror:::{PACKAGE}"
"""What an old release warns of by itself is not ours to mend; what our modules cause is always an error."""
PROBE = f"""
import importlib.metadata, json, {PACKAGE}
versions = {{name: importlib.metadata.version(name) for name in ("apache-airflow-providers-amazon", "boto3")}}
print(json.dumps([{PACKAGE}.__file__, versions]))
"""


def all_legs() -> dict[str, Leg]:
    """Return every leg by its name."""
    newest = locked_version("apache-airflow")
    legs = [Leg(version, version, "3.12") for version in MWAA]
    legs += [Leg(f"newest-py{python}", newest, python, published=False) for python in ("3.11", "3.13")]
    return {leg.name: leg for leg in legs}


def run_tests(leg: Leg, *options: str, extra: Mapping[str, str] | None = None) -> None:
    """Run tests of the checkout against the installed wheel.

    :param options: pytest's, beside those that every leg needs
    :param extra: what is added to the environment
    """
    scripts = leg.environment / "bin"
    with tempfile.TemporaryDirectory(prefix="omics-matrix-") as folder:
        tree = Path(folder) / "checkout"
        copy_checkout(tree)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
            "AIRFLOW_HOME": str(Path(folder) / "airflow"),
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(leg.environment),
            **(extra or {}),
        }
        where, leg.versions = json.loads(output(scripts / "python", "-c", PROBE, cwd=tree, env=environment))
        if not Path(where).is_relative_to(leg.environment):
            raise LegFailed(f"the tests would import {where} and not the installed wheel")
        common = ("-q", "--durations=5", "-p", "no:cacheprovider", "-o", f"filterwarnings={WARNINGS}")
        leg.run(scripts / "pytest", *common, *options, cwd=tree, env=environment)


def copy_checkout(tree: Path) -> None:
    """Copy what the tests read, which is not the package."""
    tree.mkdir()
    for source in (ROOT / name for name in NEEDED_BY_TESTS):
        if source.is_dir():
            shutil.copytree(source, tree / source.name, ignore=shutil.ignore_patterns("__pycache__", "_build"))
        else:
            shutil.copy(source, tree)


def drive(leg: Leg, wheel: Path, marks: str) -> None:
    """Install one leg, run its tests that have these marks, and note what became of it."""
    start = time.monotonic()
    leg.log.write_text("")
    try:
        install(leg, wheel)
        run_tests(leg, "-m", marks)
    except (LegFailed, OSError) as error:
        leg.failure = str(error)
    leg.seconds = time.monotonic() - start
    print(f"  {leg.name} {'failed' if leg.failure else 'passed'} after {leg.seconds:.0f} s", flush=True)


def summary(leg: Leg) -> str:
    """Return the leg in one line."""
    amazon, boto3 = leg.versions.values() if leg.versions else ("?", "?")
    outcome = f"FAILED: {leg.failure}" if leg.failure else f"passed: {tail(leg, 1)[0].strip('= ')}"
    stack = f"Airflow {leg.airflow:<7} Python {leg.python:<5} amazon {amazon:<7} boto3 {boto3:<8}"
    return f"{stack} {leg.seconds:4.0f} s  {outcome}"


def tail(leg: Leg, lines: int) -> list[str]:
    """Return the last lines of the leg's log."""
    return leg.log.read_text().splitlines()[-lines:]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen legs and return the exit status."""
    known = all_legs()
    parser = argparse.ArgumentParser(description="Run tests on several releases of Airflow.")
    parser.add_argument("legs", nargs="*", metavar="LEG", help=f"default: {' '.join(DEFAULT)}, or with --all every leg")
    parser.add_argument("--all", action="store_true", help="run all quick tests, also those that import no Airflow")
    parser.add_argument("--jobs", type=int, default=3, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.legs) - set(known)):
        parser.error(f"no leg is called {', '.join(unknown)}; there are {', '.join(known)}")
    every = [name for name in known if name != TESTED_ALREADY]
    legs = [known[name] for name in options.legs or (every if options.all else DEFAULT)]
    BUILD.mkdir(parents=True, exist_ok=True)
    print(f"{len(legs)} legs, {options.jobs} side by side, logs in {BUILD.relative_to(ROOT)}", flush=True)
    wheel = build_wheel()
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(partial(drive, wheel=wheel, marks=QUICK if options.all else DEPENDENT), legs))
    failed = [leg for leg in legs if leg.failure]
    for leg in failed:
        print(f"\n-- {leg.name}: the end of {leg.log.relative_to(ROOT)}", *tail(leg, 40), sep="\n")
    print("", *map(summary, legs), sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
