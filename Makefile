# Every verb sets up what it needs in .venv, from the package index that pip is configured for. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= $(shell scripts/find-python)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := core $(addprefix providers/,sql postgres mysql aws gsheet slack http)
OLDEST := .venv-oldest
# One more than there are cores: tests wait for processes and servers a third of the time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)
MANIFESTS := pyproject.toml $(PACKAGES:%=%/pyproject.toml) scripts/setup

# Without byte code every process would compile tradewind anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-oldest check format lint types layers docs bench soak build clean

help: ## show the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(VENV)/.installed ## run the example pipeline for seven days of data
	@scripts/servers $(BIN)/python constraints.txt
	@$(BIN)/python examples/demo.py

test: $(VENV)/.developing ## run every test, on real servers
	@scripts/servers $(BIN)/python constraints.txt
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

test-oldest: $(OLDEST)/.developing ## test the packages with the oldest libraries that they allow
	@scripts/servers $(OLDEST)/bin/python constraints-oldest.txt
	@$(OLDEST)/bin/python -m pytest -q -n $(WORKERS) --dist worksteal tests/core providers $(ARGS)

check: $(VENV)/.developing ## format, lint, types, layers, documentation, packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

format: $(VENV)/.developing ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.developing ## lint only
	$(BIN)/ruff check .

types: $(VENV)/.developing ## check types only
	$(BIN)/mypy

layers: $(VENV)/.developing ## check that imports point down
	$(BIN)/lint-imports

docs: $(VENV)/.developing ## write the generated pages of the reference
	$(BIN)/python docs/generate.py

bench: $(VENV)/.developing ## measure speed and memory, as ratios within one run
	@$(BIN)/python -m tests.benchmarks $(ARGS)

soak: $(VENV)/.developing ## kill, pause and meddle with everything for a minute, and see whether all goes well
	@scripts/servers $(BIN)/python constraints.txt
	@$(BIN)/python -m tests.soak $(ARGS)

build: $(VENV)/.developing ## build every distribution, source and wheel, into dist/
	@for package in $(PACKAGES); do $(BIN)/python -m build --no-isolation --outdir dist $$package || exit 1; done

clean: ## remove what the other verbs made
	rm -rf $(VENV) $(OLDEST) .demo dist build .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.installed: $(MANIFESTS) constraints.txt
	@scripts/setup "$(PYTHON)" $(VENV) constraints.txt $(PACKAGES)
	@touch $@

$(VENV)/.developing: $(VENV)/.installed
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	@touch $@

$(OLDEST)/.developing: $(MANIFESTS) constraints-oldest.txt
	@scripts/setup "$(PYTHON)" $(OLDEST) constraints-oldest.txt $(PACKAGES)
	@$(OLDEST)/bin/python -m pip install --quiet --constraint constraints-oldest.txt --group test
	@touch $@
