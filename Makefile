# `make app` and `make test` need only Python >= 3.11 and a package index; everything else is set up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
PORT ?= 8501
SEED ?= 2026
# Modules are compiled when they are installed: where PYTHONDONTWRITEBYTECODE is set, every start would compile them anew.
export UV_COMPILE_BYTECODE := 1
export UV_COMPILE_BYTECODE_TIMEOUT := 600
COMPILE := $(BIN)/python -m compileall -q -j 0 icicore pages app.py

.PHONY: app demo results results-quick test test-shared test-slow bench bench-check lint types browser env env-dev lock clean

app: env demo  ## build the demonstration cases and open the app
	@$(BIN)/python -m icicore.cli demo --print-address --port $(PORT)
	$(BIN)/streamlit run app.py --server.port $(PORT)

demo: env
	$(BIN)/python -m icicore.cli demo

# The experiment from a seed: docs/results.md and docs/figures/. COHORTS: folder of cBioPortal studies; TILES: real tiles.
RESULTS := PYTHONPATH=benchmarks $(BIN)/python -m results --seed $(SEED) \
	$(if $(COHORTS),--cohorts $(COHORTS)) $(if $(TILES),--tiles $(TILES))

results: env  ## write docs/results.md; what is there already in build/results is not made again
	$(RESULTS)

results-quick: env  ## the same chain, small, in a temporary folder: shows that it runs
	$(RESULTS) --quick

# Two processes: a browser test mostly waits. A file stays in one of them; what measures time comes last, alone. The
# types are checked beside them.
WORKERS ?= 2

test: env-dev lint  ## lint, types, layers and all quick tests (browser tests where Chromium is found)
	$(MAKE) --no-print-directory -j2 types test-shared
	$(BIN)/python -m pytest -m "alone and not slow"

test-shared: env-dev
	$(BIN)/python -m pytest -m "not slow and not alone" -n $(WORKERS) --dist loadfile

test-slow: env-dev
	$(BIN)/python -m pytest -m slow

# Speed, side by side in one run; docs/performance.md says how to read it. Peers are given by hand, see the modules.
BENCH := PYTHONPATH=benchmarks $(BIN)/python -m

bench: env-dev  ## parts of embedding, display tiles, the app, growth of cost
	$(BENCH) speed.parts
	$(BENCH) speed.tiles
	$(BENCH) speed.app
	$(BENCH) speed.scale

bench-check: env-dev  ## fail where a ratio is more than 20 % below the stored one
	$(BENCH) speed.check

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports

types: env-dev
	$(BIN)/mypy

# One stamp per requirements file: set-up runs again only when the pins change. The files pin every package, so nothing
# is resolved again (--no-deps).
env: $(VENV)/.run-stamp
env-dev: $(VENV)/.dev-stamp

$(UV):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "icicore needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.run-stamp: requirements.txt | $(UV)
	test -e $(VENV)/.dev-stamp || $(UV) pip install --quiet --no-deps --python $(BIN)/python -r requirements.txt -e .
	$(COMPILE)
	touch $@

$(VENV)/.dev-stamp: requirements-dev.txt | $(UV)
	$(UV) pip install --quiet --no-deps --python $(BIN)/python -r requirements-dev.txt -e .
	$(COMPILE)
	touch $@ $(VENV)/.run-stamp

lock: $(UV)  ## compile the pinned requirements from pyproject.toml
	$(UV) pip compile -q pyproject.toml --no-emit-index-url --no-header -o requirements.txt
	$(UV) pip compile -q pyproject.toml --extra dev -c requirements.txt --no-emit-index-url --no-header -o requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
