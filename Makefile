# What stands after "##" is what `make help` prints.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
HOST ?= 127.0.0.1
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --system-certs --no-build-isolation
# Named after the lock's checksum: a changed lock installs again, a mere new date on the file does not.
INSTALLED := .venv/.installed-$(shell cksum < requirements-dev.lock | cut -d' ' -f1)
# Neither address nor host of a registry goes into the lock.
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11

.PHONY: help setup run test check format formatted lint types contracts bench lock

help:  ## explain each target
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED)  ## install what is locked, and this project, into .venv

run: setup  ## play the sample jurisdiction into var/ (once), print a key for each role, serve on HOST:PORT
	@$(BIN)/tariffbook demo --url http://$(HOST):$(PORT)
	@exec $(BIN)/tariffbook serve --host $(HOST) --port $(PORT)

test: setup  ## run all tests, on SQLite and on a PostgreSQL that they start themselves
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: formatted lint types contracts test  ## judge everything: format, lint, types, imports, tests

format: setup  ## write every file in the house's format
	@$(BIN)/ruff check --select I --fix --quiet .
	@$(BIN)/ruff format .

formatted: setup  ## judge the format, change nothing
	@$(BIN)/ruff format --check .

lint: setup  ## judge the style
	@$(BIN)/ruff check .

types: setup  ## judge the types
	@$(BIN)/mypy

contracts: setup  ## judge the directions of imports
	@$(BIN)/lint-imports --no-logo

bench: setup  ## measure against a raw baseline of the same run
	@$(BIN)/python -m benchmarks

lock: setup  ## resolve the dependencies of pyproject.toml again, to the newest versions
	@$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	@$(COMPILE) --upgrade --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

$(INSTALLED):
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo 'Python 3.11 is needed: install it, or name it: make setup PYTHON=/path/to/python3.11'; exit 1; }
	@echo 'set-up 1/4: virtual environment in .venv'
	@"$(PYTHON)" -m venv .venv
	@echo 'set-up 2/4: installer and build tool'
	@sed -n '/^\(setuptools\|uv\)==/,/[^\\]$$/p' requirements-dev.lock > .venv/tools.lock
	@$(PIP) install --no-compile --require-hashes --requirement .venv/tools.lock
	@echo "set-up 3/4: $$(grep -c '^[a-z].*==' requirements-dev.lock) locked packages, in a minute or less"
	@$(UV) --require-hashes --requirement requirements-dev.lock \
	  || { echo 'uv could not (it reads no settings of pip): pip does it, in one or two minutes'; \
	       $(PIP) install --no-compile --require-hashes --no-build-isolation --requirement requirements-dev.lock; }
	@echo 'set-up 4/4: tariffbook itself'
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f .venv/.installed-*
	@touch $@
