# make study   set up and run the main job: train, attack, judge, tables and figure in results/
#              (TORCH_INDEX=https://download.pytorch.org/whl/cpu: without CUDA, 1.4 GB)
# make check   while you work: formatting, types, import rules, and the fast tests (a minute or so)
# make test    set up and run all tests; arguments' types are checked in these calls, too
# make trends  hold what docs/defences.md says of digits in 20 trainings each (a quarter of an hour)
# make readers read results without torch, on every Python from 3.11 on that is here
# make lint    formatting, types, import rules
# make hooks   set up git's hooks (.pre-commit-config.yaml)
# make docs    build the site into site/
# make gallery   draw the figures of docs/gallery.md again
# make bench   set up and run the benchmarks (ten minutes): tables, and docs/performance.md
# make reproduction DATA=folder   the paper on FashionMNIST (reproduction-cifar: CIFAR-10;
#              reproduction-defences: the defences of the literature)
PYTHON ?= python3
# One thread for the small networks of `study`: as fast when the machine is quiet, and steady
# when it is busy, where threads that wait for each other spin.
BIN := .venv/bin
MODEL := results/bnn-digits.safetensors
LOUD_PIP := $(BIN)/python -m pip --disable-pip-version-check
PIP := $(LOUD_PIP) --quiet

.PHONY: study check fast-tests test trends readers lint hooks docs gallery bench reproduction \
	reproduction-cifar reproduction-defences clean

study: .venv/installed
	mkdir -p results
	OMP_NUM_THREADS=1 $(BIN)/pyrosnn train bnn --output $(MODEL) --resume
	OMP_NUM_THREADS=1 $(BIN)/pyrosnn study sample-size --model $(MODEL) --output results/sample-size.nc --overwrite

# Compiled tests are kept, whatever the environment says: they take a third of the collection.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

# side by side: mypy takes one core, and waits for no test
check: .venv/installed-test .venv/installed-lint
	$(MAKE) --jobs=2 --output-sync=target lint fast-tests

fast-tests: .venv/installed-test
	$(PYTEST) --quiet -m "not slow and not processes and not statistical" --jaxtyping-packages=

test: .venv/installed-test
	$(PYTEST)

trends: .venv/installed-test
	$(PYTEST) -m trend --trend-seeds 20

readers:
	.ci/readers

lint: .venv/installed-lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

hooks: .venv/installed-lint
	$(BIN)/pre-commit install

docs: .venv/installed-docs
	rm -rf site
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env -d .cache/docs docs site

gallery: .venv/installed
	$(BIN)/python docs/gallery.py

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

# not quiet: it downloads some gigabytes, and takes minutes
.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing pyrosnn into .venv: 5.9 GB with CUDA, 1.4 GB with torch's CPU build (README.md)"
	$(if $(TORCH_INDEX),$(LOUD_PIP) install --constraint constraints.txt --index-url $(TORCH_INDEX) torch torchvision)
	$(LOUD_PIP) install --constraint constraints.txt --editable .
	touch $@

.venv/installed-%: .venv/installed
	$(PIP) install --constraint constraints.txt --group $*
	touch $@

.venv/installed-lint: .venv/installed-test # one after the other, also with --jobs

# The paper on FashionMNIST, and small ResNets on CIFAR-10: what is whole is kept.
RUN := OMP_NUM_THREADS=1 $(BIN)/pyrosnn study run --resume --overwrite $(if $(DATA),--data-root $(DATA))

reproduction: .venv/installed
	$(RUN) reproduction/fashion-mnist.toml
	$(RUN) reproduction/trainings.toml
	$(BIN)/python -m reproduction docs/reproduction

reproduction-cifar: .venv/installed
	$(RUN) reproduction/cifar10.toml
	$(BIN)/python -m reproduction docs/reproduction/cifar

reproduction-defences: .venv/installed
	$(RUN) reproduction/defences.toml
	$(RUN) reproduction/defences-cifar10.toml
	$(BIN)/python -m reproduction.slim docs/defences
	$(BIN)/python -m reproduction docs/defences

clean:
	rm -rf .venv site results
