# `make help` says what there is. Every target sets up what it needs; a second call finds it done.
PYTHON ?= python3
LEGS ?=

# The one place for uv's version is the dev group of pyproject.toml.
UV_VERSION = $(shell sed -n 's/^ *"uv==\([0-9.]*\)".*/\1/p' pyproject.toml)
UV := .venv/bin/uv
READY := .venv/.ready
# Clients that others wrote, each in an environment of its own, as is what a benchmark compares with.
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
.PHONY: help setup demo test test-faults test-scale services verify-aws check matrix docs bench clean

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

setup: $(READY)  ## make .venv from uv.lock

demo: $(READY)  ## run a WDL workflow five times on an embedded HealthOmics, and show what its run cache gave
	.venv/bin/python scripts/demo.py

# What starts no processes runs on two cores side by side; what does needs them both.
test: check services $(CLIENTS:%=.venvs/%/.ready)  ## run the checks and the whole test suite
	.venv/bin/pytest -m "not slow" -n 2 --dist loadfile
	.venv/bin/pytest -m slow --durations=10

check: docs  ## run ruff, mypy and the docs build
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

matrix: $(READY)  ## run the quick tests on every supported Airflow, or some: LEGS="3.0.6 newest-py3.13"
	.venv/bin/python scripts/matrix.py $(LEGS)

test-faults: $(READY)  ## kill, cut off and clear real Airflow tasks on three releases, or some: LEGS="3.0.6"
	.venv/bin/python scripts/fault_tables.py $(LEGS)

test-scale: $(READY) services  ## map 500 runs on PostgreSQL with the LocalExecutor, and with the CeleryExecutor, 45 minutes in all
	SCALE_REPORTS=docs/benchmarks .venv/bin/pytest -s tests/e2e/scale.py

# PostgreSQL refuses to run as root: where root runs the tests, its cluster belongs to Debian's user postgres, or to
# nobody. It lies in a temporary folder, listens on the loopback, and ends with its test; so does Redis.
services: $(READY)  ## find PostgreSQL and Redis, or install Debian's packages as root
	@.venv/bin/python -m tests.e2e.programs

verify-aws: $(READY)  ## hold the emulator against AWS: BUCKET=… ROLE=… says what it does and costs, YES=1 does it
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

.venvs/%/.ready: uv.lock pyproject.toml | $(READY)
	@echo "Installing $*, which has an environment of its own"
	@UV_PROJECT_ENVIRONMENT=.venvs/$* $(UV) sync --quiet --frozen --compile-bytecode --only-group $*
	@touch $@
