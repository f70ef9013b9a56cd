# `make demo` and `make test` set everything up by themselves; see README.md.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint slow docs recipes reproduce bench clean

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Layerwise needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -c 'import os, sys; sys.exit("MLflow cannot keep its store where its path has a % sign: rename the folder " + os.getcwd() if "%" in os.getcwd() else None)'
	$(PYTHON) -m venv .venv
	@echo "Installing the pinned requirements into .venv (a few minutes, once) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

demo: $(READY)
	$(BIN)/layerwise run digits

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/make_reference.py --check

slow: $(READY)
	$(BIN)/python -m pytest -m slow --timeout=1800

recipes: $(READY)
	$(BIN)/python -m benchmarks.recipes.datasets
	$(BIN)/python -m benchmarks.recipes.search

reproduce: $(READY)
	$(BIN)/python -m benchmarks.reproduce.ufldl
	$(BIN)/python -m benchmarks.reproduce.matlab
	$(BIN)/python -m benchmarks.reproduce.keras_blog

bench: $(READY)
	$(BIN)/python -m benchmarks.speed.kth_largest
	$(BIN)/python -m benchmarks.speed.training
	$(BIN)/python -m benchmarks.speed.stack
	$(BIN)/python -m benchmarks.speed.inference
	$(BIN)/python -m benchmarks.speed.scaling
	$(BIN)/python -m benchmarks.speed.seeds
	$(BIN)/python -m benchmarks.speed.startup
	$(BIN)/python -m benchmarks.speed.overhead
	$(BIN)/python -m benchmarks.cluster.scaling
	$(BIN)/python -m benchmarks.size.any_size
	$(BIN)/python -m benchmarks.goals

docs: $(READY)
	$(BIN)/python docs/make_reference.py

clean:
	rm -rf .venv build *.egg-info
