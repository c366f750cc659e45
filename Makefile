# Two commands for a new machine: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo check pretrained test bench audit clean

help:           ## this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

setup: $(READY) ## a virtual environment with everything, versions pinned by constraints.txt

$(READY): pyproject.toml constraints.txt scripts/system-packages
	scripts/system-packages
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[server,dev]'
	touch $@

demo: $(READY)  ## watch a live stream of photographs and answer about it
	$(BIN)/longwatch demo

check: $(READY) ## format, lint, types, layers, and the types of the page's JavaScript
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check-page

pretrained: $(READY) ## the text decoder that some tests and benchmarks read; downloads 93 MB, once
	$(BIN)/python -m benchmarks.pretrained_model

# Tests of the pretrained decoder are skipped without it, or fail where REQUIRE_SYSTEM_PACKAGES is set.
test: $(READY)  ## every test, in two processes, or as many as JOBS says
	@$(MAKE) --no-print-directory pretrained || { test -z "$$REQUIRE_SYSTEM_PACKAGES" \
	  && echo 'the tests of the pretrained decoder will be skipped' >&2; }
	$(BIN)/python -m pytest -m 'not alone' --numprocesses $(JOBS) --dist loadfile
	$(BIN)/python -m pytest -m alone

bench: $(READY) ## a quick run of every benchmark, results under benchmarks/results/quick/
	$(BIN)/python -m benchmarks --quick

audit: $(READY) ## look the pinned versions up in the public list of known holes (needs the network)
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet pip-audit
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

clean:          ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
