# Everything a person or CI runs. `make demo` and `make test` need only Python 3.11+ and make.
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test campaign campaign-kills campaign-postgres campaign-steps fuzz systemd-test bench bench-quick check format docs reference lock picture pictures clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

demo: $(VENV)/.ready ## the whole pipeline on sample files, against a local sandbox
	@$(BIN)/importer demo

test: $(VENV)/.ready ## the whole suite
	$(BIN)/pytest $(ARGS)

campaign: $(VENV)/.ready ## 10 000 schedules of faults and crashes on two cores
	$(BIN)/python -m tests.campaign --seeds 10000 --jobs 2 $(ARGS)

campaign-kills: $(VENV)/.ready ## a hundred kill -9 of the real service under a faulty sandbox
	$(BIN)/python -m tests.supervisor --kills 100 $(ARGS)

campaign-postgres: $(VENV)/.ready ## 300 schedules of two to four services over one PostgreSQL: killed, suspended, cut off (as root in network namespaces)
	$(BIN)/python -m tests.fleet --seeds 300 --jobs 4 $(ARGS)

campaign-steps: $(VENV)/.ready ## kill -9 of the real service at each of its durable steps (Linux, a C compiler)
	$(BIN)/python -m tests.faulty

fuzz: $(VENV)/.ready ## the inspection of documents under a coverage-guided fuzzer; ARGS=-max_total_time=600 goes on for ten minutes
	$(BIN)/python -m tests.fuzz.probe $(if $(ARGS),$(ARGS),-max_total_time=60)

bench: $(VENV)/.ready ## the figures of docs/performance.md, in a quarter of an hour (Linux, a C compiler, strace, curl)
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(VENV)/.ready ## the same in small sizes: whether it runs, not how fast
	$(BIN)/python -m benchmarks --quick $(ARGS)

systemd-test: $(VENV)/.ready ## the units at work under a real systemd, in a throw-away machine (Linux, root)
	$(BIN)/pytest -n0 tests/systemd/on_a_real_systemd.py $(ARGS)

check: $(VENV)/.ready docs ## format, lint, security, types, layers; the documentation builds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive importer
	$(BIN)/mypy
	$(BIN)/pytest -q -p no:cacheprovider tests/test_layers.py

format: $(VENV)/.ready ## rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.ready ## the documentation as a site, in build/docs; every warning is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --fresh-env -d build/doctrees docs build/docs

reference: $(VENV)/.ready ## write docs/states.md, docs/reference and what `importer --help` says anew from the code
	$(BIN)/python scripts/states
	$(BIN)/python scripts/reference
	$(BIN)/python scripts/help

pictures: $(VENV)/.ready ## photograph the operator's page anew, into docs/pictures (Chromium)
	$(BIN)/python scripts/photograph

picture: $(VENV)/.ready ## draw docs/demo.svg anew
	$(BIN)/python scripts/picture

lock: $(VENV)/.ready ## resolve requirements/*.txt anew from pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements/lock.txt
	scripts/lock

clean: ## remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml requirements/test.txt requirements/lint.txt requirements/docs.txt requirements/fuzz.txt requirements/server.txt scripts/setup
	scripts/setup $(VENV)
