# Everything that an engineer does here, by name. Needs Python 3.11 or later, pip and make; each target makes the
# virtual environment that it needs (.venv, from requirements.lock) the first time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OPA = "$$($(BIN)/python scripts/parts.py --find opa)"
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help demo run test test-slow bench lint format types contracts rego parts lock clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## the whole story in about a minute: seven partners, their MOU, requests, the log
	@$(BIN)/accordant demo $(ARGS)

run: $(READY) ## serve a home in .home/ (made at the first run), until Ctrl-C
	@test -d .home || $(BIN)/accordant init .home
	@ACCORDANT_HOME=.home $(BIN)/accordant serve $(ARGS)

test: lint types contracts parts rego ## lint, types, import contracts, policies, and all tests but the slow ones
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow" --durations=15 --durations-min=2 $(ARGS)

test-slow: $(READY) parts ## the tests that take minutes
	$(PYTEST) -n $(WORKERS) --dist worksteal -m slow --timeout=3600 --durations=15 $(ARGS)

bench: $(READY) parts ## measure, and write docs/benchmarks.md
	$(BIN)/python -m scripts.bench $(ARGS)

lint: $(READY) ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) parts ## put Python and Rego into their one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(OPA) fmt --write policies

types: $(READY) ## mypy, strict, on the packages
	$(BIN)/mypy

contracts: $(READY) ## the layers of the design, by import-linter
	$(BIN)/lint-imports

rego: $(READY) parts ## opa check --strict, opa fmt --diff, opa test
	$(OPA) check --strict policies
	$(OPA) fmt --diff --fail policies
	$(OPA) test policies

parts: $(READY) ## find OPA, PostgreSQL and the stock log checkers, install them where that is possible
	@$(BIN)/python scripts/parts.py

lock: ## resolve pyproject.toml anew into requirements.lock (ARGS=--upgrade for newer versions)
	$(PYTHON) scripts/lock.py $(ARGS)

clean: ## remove the virtual environment and every cache in the checkout
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the parts of requirements.lock into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . \
		2>$(VENV)/editable.log || { cat $(VENV)/editable.log >&2; exit 1; }
	@touch $@
