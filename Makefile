# `make help` says what there is. Every target sets up what it needs; a second call finds it done.
PYTHON ?= python3
LEGS ?=

# The one place for uv's version is the dev group of pyproject.toml.
UV_VERSION = $(shell sed -n 's/^ *"uv==\([0-9.]*\)".*/\1/p' pyproject.toml)
UV := .venv/bin/uv
READY := .venv/.ready
# Each client that others wrote has an environment of its own, as has what a benchmark compares with: some pin botocore.
CLIENTS := awscli capo-omics miniwdl-omics-run
AMAZON_PATTERN := .venvs/amazon-pattern

# Importing Airflow makes a folder at AIRFLOW_HOME: never in the home directory, never in the user's own Airflow.
export AIRFLOW_HOME := $(CURDIR)/build/airflow
# The interpreter is the caller's choice, the environments are this project's.
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV UV_PROJECT_ENVIRONMENT UV_PYTHON PYTHONPATH

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-quick test-processes check matrix test-all test-legs test-faults test-beside \
	test-starts test-many-runs test-scale test-clients test-browser test-generated test-checks test-verify-aws \
	test-readme services verify-aws docs bench clean

PYTEST := .venv/bin/pytest
FAULTS := tests/faults/test_started_once.py
# The faults that most changes can break; `make test-faults` tries all of them.
GATE := answer_lost killed_before_start killed_after_answer killed_while_waiting triggerer_killed running_task_cleared \
	marked_failed run_id_used_again

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

setup: $(READY)  ## make .venv from uv.lock

demo: $(READY)  ## run a WDL workflow five times on an embedded HealthOmics, and show what its run cache gave
	.venv/bin/python scripts/demo.py

test: check test-quick test-processes  ## run the checks, all quick tests, a deferred run and eight faults: 12 minutes at most

check: docs  ## run ruff, mypy and the docs build
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

matrix: $(READY)  ## run the tests that depend on Airflow's version on three releases, or on some: LEGS="3.0.6 newest-py3.13"
	.venv/bin/python scripts/matrix.py $(LEGS)

# --- what `make test` and `make test-all` consist of; docs/contributing.rst says how long each part takes

test-quick: $(READY)
	$(PYTEST) -m "not slow" -n 2 --dist loadfile

test-processes: $(READY)
	$(PYTEST) tests/e2e/test_airflow_processes.py $(GATE:%='$(FAULTS)::test_a_run_is_started_exactly_once[%]')

ALL := services test test-legs test-faults test-beside test-starts test-many-runs test-scale test-clients test-browser \
	test-generated test-checks test-verify-aws test-readme bench

test-all: $(ALL)  ## run everything there is, in some three hours

test-legs: $(READY)
	.venv/bin/python scripts/matrix.py --all $(LEGS)

test-faults: $(READY)
	.venv/bin/python scripts/fault_tables.py $(LEGS)

test-beside: $(READY)
	.venv/bin/python scripts/fault_tables.py --beside $(LEGS)

test-starts: $(READY)
	$(PYTEST) --durations=5 tests/faults/test_create_race.py tests/faults/test_many_starts.py

test-many-runs: .venvs/scale/.ready
	@.venv/bin/python -m tests.e2e.programs postgresql
	.venvs/scale/bin/pytest -s tests/e2e/test_many_runs.py

test-scale: .venvs/scale/.ready
	@.venv/bin/python -m tests.e2e.programs postgresql redis-server
	SCALE_REPORTS=docs/benchmarks .venvs/scale/bin/pytest -s tests/e2e/scale.py

test-clients: $(CLIENTS:%=.venvs/%/.ready)
	$(PYTEST) tests/clients

test-browser: $(READY)
	@.venv/bin/python -m tests.e2e.programs chromium
	$(PYTEST) tests/emulator/test_browser.py

test-generated: $(READY)
	OMICS_GENERATED_REQUESTS=10000 $(PYTEST) tests/emulator/test_generated_requests.py

test-checks: $(READY)
	$(PYTEST) -m slow tests/contracts/test_checks.py tests/test_packaging.py tests/test_limits.py

test-verify-aws: $(READY)
	$(PYTEST) tests/verify_aws

test-readme: $(READY)
	$(PYTEST) tests/test_readme.py

# PostgreSQL refuses to run as root: where root runs the tests, its cluster belongs to Debian's user postgres, or to
# nobody. It lies in a temporary folder, listens on the loopback, and ends with its test; so does Redis.
services: $(READY)  ## look for PostgreSQL, Redis and Chromium; as root, INSTALL=1 installs Debian's packages
	@.venv/bin/python -m tests.e2e.programs

verify-aws: $(READY)  ## compare the emulator with AWS: BUCKET=… ROLE=… says what it does and costs, YES=1 does it
	.venv/bin/python scripts/verify_aws.py $(if $(BUCKET),--bucket "$(BUCKET)") $(if $(ROLE),--role "$(ROLE)") \
		$(if $(YES),--yes) $(ARGS)

docs: $(READY)  ## build the documentation into docs/_build/html
	.venv/bin/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: $(READY) $(AMAZON_PATTERN)/.ready  ## measure imports, the emulator, API calls and deferred waits, for the docs: 40 minutes in all
	mkdir -p docs/benchmarks
	.venv/bin/python tests/benchmarks/import_cost.py | tee docs/benchmarks/import_cost.txt
	.venv/bin/python tests/benchmarks/emulator_start.py | tee docs/benchmarks/emulator_start.txt
	.venv/bin/python -m tests.benchmarks.emulator_speed | tee docs/benchmarks/emulator_speed.txt
	.venv/bin/python -m tests.benchmarks.api_calls | tee docs/benchmarks/api_calls.txt
	.venv/bin/python -m tests.benchmarks.deferred_waits | tee docs/benchmarks/deferred_waits.txt

clean:  ## remove everything that was built, the environments included
	rm -rf .venv .venvs build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v[:2] <= (3, 13) and \
	"Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is %d.%d. Name another one: make PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet uv==$(UV_VERSION)

# Bytecode is compiled here because under PYTHONDONTWRITEBYTECODE every process would compile Airflow again.
$(READY): uv.lock pyproject.toml | $(UV)
	@echo "Installing the packages of uv.lock into .venv and compiling them: half a minute, and longer the first time"
	@$(UV) sync --quiet --frozen --compile-bytecode
	@touch $@

# The environment of .venv, and PostgreSQL's and Celery's packages.
.venvs/scale/.ready: uv.lock pyproject.toml | $(READY)
	@echo "Installing the packages of uv.lock and those for PostgreSQL and Celery into .venvs/scale"
	@UV_PROJECT_ENVIRONMENT=.venvs/scale $(UV) sync --quiet --frozen --compile-bytecode --group scale
	@touch $@

.venvs/%/.ready: uv.lock pyproject.toml | $(READY)
	@echo "Installing $*, which has an environment of its own"
	@UV_PROJECT_ENVIRONMENT=.venvs/$* $(UV) sync --quiet --frozen --compile-bytecode --only-group $*
	@touch $@
