# On a bare machine with Python 3.11 each target does all its set-up first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
WORKERS ?= 2
# threads that wait by spinning slow each other down where processes share the cores
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: run test test-slow faults distributed lint docs perf perf-peers clean

run: $(VENV)/.core
	$(BIN)/graphlab-bench run $(ARGS)

# by file: what a file's tests share, such as a suite that was run once, is made by one worker
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow and not network" \
		--ignore=tests/faults --ignore=tests/distributed --ignore=tests/docs $(ARGS)

# tests that start processes, kill them, fill disks
faults: $(VENV)/.dev
	$(BIN)/python -m pytest tests/faults -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		-m "not slow and not network" $(ARGS)

distributed: $(VENV)/.dev
	$(BIN)/python -m pytest tests/distributed -m "not slow and not network" $(ARGS)

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m "slow" $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	$(BIN)/python -m pytest tests/docs -q -n $(WORKERS)

perf: $(VENV)/.dev
	$(BIN)/python -m pytest benchmarks/perf -s -p no:randomly --benchmark-disable-gc $(ARGS)

# what make perf compares graphlab with, each in an environment of its own (gradco needs numpy < 2)
PEERS := build/peers
perf-peers: $(PEERS)/counters/.made $(PEERS)/gradco/.made

$(PEERS)/counters/.made: WANTED = orbit-count==0.1.0 pyfglt==0.3.0
$(PEERS)/gradco/.made: WANTED = gradco==0.1.8 "numpy<2" networkx scipy
$(PEERS)/%/.made:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(WANTED)
	touch $@

# torch comes first and alone: the pinned release is the CPU build where one is at hand, and the
# packages that depend on torch must not pull another
$(VENV)/.core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) hatchling editables
	$(PIP) torch
	$(PIP) --no-build-isolation -e .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --no-build-isolation -e ".[dev]"
	touch $@

clean:
	rm -rf build dist docs/_build .pytest_cache .mypy_cache .ruff_cache
