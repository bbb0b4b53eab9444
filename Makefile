# Everything works in .venv inside the checkout, made on first use. `make clean` undoes it.
PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/ready

.PHONY: demo test check bench faults fuzz lock format clean

demo: $(READY)          ## a practice goes back, end to end, on this machine
	$(BIN)/bitewing-demo

test: $(READY)          ## every test except long fuzzing and benchmarks; says what it installs of Debian's
	@$(BIN)/python -m tests.simulators.debian
	$(BIN)/python -m pytest -m "not benchmark" --numprocesses auto --dist loadfile

check: $(READY)         ## style, types on both platforms, import contracts, docs in step with code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/docs

bench: $(READY)         ## speed and memory, each beside its floor; BENCH=--long takes an hour or two
	$(BIN)/python -m tests.benchmarks.run $(BENCH)

faults: $(READY)        ## the crash matrix: every fault at every durable step; writes docs/crash-matrix.md
	$(BIN)/python -m tests.faults.run

fuzz: $(READY)          ## random and mutated input, the long form
	$(BIN)/python -m pytest -m fuzz --hypothesis-profile=long

lock: $(READY)          ## renew requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade --quiet --output-file requirements.lock

format: $(READY)        ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): requirements.lock pyproject.toml
	@echo "Setting up .venv from requirements.lock (about a minute, once)."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $(READY)

clean:                  ## remove what the commands above made
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
