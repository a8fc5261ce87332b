# make study   set up and run the main job: train, attack, judge, tables and figure in results/
# make test    set up and run the tests
# make lint    formatting, types, import rules
# make hooks   set up git's hooks (.pre-commit-config.yaml)
# make docs    build the site into site/
# make bench   set up and run the benchmarks (ten minutes): tables, and docs/performance.md
# make reproduction DATA=folder   the paper on FashionMNIST: see reproduction.mk
PYTHON ?= python3
# One thread for the small networks of `study`: as fast when the machine is quiet, and steady
# when it is busy, where threads that wait for each other spin.
BIN := .venv/bin
MODEL := results/bnn-digits.safetensors
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: study test lint hooks docs bench clean

study: .venv/installed
	mkdir -p results
	OMP_NUM_THREADS=1 $(BIN)/pyrosnn train bnn --output $(MODEL) --resume
	OMP_NUM_THREADS=1 $(BIN)/pyrosnn study sample-size --model $(MODEL) --output results/sample-size.nc --overwrite

test: .venv/installed-test
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: .venv/installed-lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

hooks: .venv/installed-lint
	$(BIN)/pre-commit install

docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

bench: export PYTHONPATH := tests
bench: .venv/installed-bench
	mkdir -p results
	$(BIN)/python -m pytest $(BENCHMARKS) $(BENCH) --benchmark-json=results/bench.json
	$(BIN)/python -m benchmarks.report results/bench.json docs/performance.md

BENCHMARKS := tests/benchmarks
BENCH := -o python_files='bench_*.py' -o python_functions='bench_*' -o filterwarnings=default \
  -o addopts=--import-mode=importlib --quiet --disable-warnings --benchmark-quiet

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade "pip>=25.1"

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

.venv/installed-%: .venv/installed
	$(PIP) install --constraint constraints.txt --group $*
	touch $@

include reproduction.mk

clean:
	rm -rf .venv site results
