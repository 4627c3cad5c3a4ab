# Each target says after "##" what it does; `make help` prints that.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
BIN := .venv/bin
# Named after the lock's checksum: a changed lock installs again, a mere new date on the file does not.
INSTALLED := .venv/.installed-$(shell cksum < requirements-dev.lock | cut -d' ' -f1)
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11

.PHONY: help setup lock
help:  ## explain each target
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1#\2/p' Makefile | column -t -s '#'

setup: $(INSTALLED)  ## install everything that is locked, and this project, into .venv

$(INSTALLED): requirements-dev.lock
	@command -v $(PYTHON) > /dev/null || { echo "Python 3.11 is needed: install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "set-up 1/4: virtual environment .venv"
	@$(PYTHON) -m venv .venv
	@echo "set-up 2/4: build tool"
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements-dev.lock > .venv/setuptools.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/setuptools.lock
	@echo "set-up 3/4: $$(grep -c '^[a-z].*==' requirements-dev.lock) locked packages (one or two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes -r requirements-dev.lock
	@echo "set-up 4/4: tariffbook itself"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f .venv/.installed-*
	@touch $@

lock: setup  ## resolve the dependencies of pyproject.toml again, to the newest versions
	$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(COMPILE) --upgrade --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
