# Everything a newcomer or the CI does, by name. `make` alone lists the targets.

# The first interpreter that is new enough; override with `make PYTHON=/path/to/python venv`.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The live page's chart library is not kept here: npm fetches what metrics/page/package-lock.json names,
# and refuses it if its sha512 is another. Without npm the page shows tables.
VENDOR := metrics/page/vendor
CHARTS := $(if $(shell command -v npm),$(VENDOR)/.ready)

# What the benchmark's competitors need lives apart: nothing of it is a dependency of Vigie.
BENCH_VENV := build/bench-venv
BENCH_ARGS ?=

# Quick tests share the cores; the system tests own their servers and run one after another.
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
	--allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv page-assets demo test lint types imports unit servers test-system screenshots bench chaos lock clean distclean soak fuzz sbom

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) \
	| sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

venv: $(READY) $(CHARTS) ## build .venv with .venv/bin/vigie from the pinned, hashed requirements

$(READY): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Vigie needs Python 3.11 or newer: install it, or name one with make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	|| { echo "$(PYTHON): not a Python 3.11 or newer; name one with make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	|| { echo "$(PYTHON) has no venv module: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 2; }
	@echo "building $(VENV) with $(PYTHON): about two minutes, once"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --only-binary :all: --requirement requirements-dev.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@
	@command -v npm > /dev/null \
	|| echo "the live page's charts need npm once (Debian: apt-get install npm), then make page-assets; tables until then"

page-assets: $(VENDOR)/.ready ## fetch the live page's chart library with npm, by its sha512
	@test -e $(VENDOR)/.ready

$(VENDOR)/.ready: metrics/page/package.json metrics/page/package-lock.json
	@rm -rf build/page-assets && mkdir -p build/page-assets $(VENDOR) && cp $^ build/page-assets
	@if (cd build/page-assets && npm ci --ignore-scripts --no-audit --no-fund --loglevel error); then \
	  cd build/page-assets/node_modules/uplot \
	  && cp dist/uPlot.esm.js dist/uPlot.min.css LICENSE $(CURDIR)/$(VENDOR) && touch $(CURDIR)/$@; \
	else echo "npm could not fetch the live page's chart library: tables until make page-assets succeeds" >&2; fi

demo: venv ## run the main job on this machine: broker, simulated region, worker, live page
	@$(BIN)/vigie demo

test: lint types imports unit ## everything that needs no server: style, types, rooms, tests

lint: venv ## style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: venv ## mypy --strict
	$(BIN)/mypy

imports: venv ## which room may import which
	$(BIN)/lint-imports

unit: venv ## the tests, the embedded broker's included
	$(BIN)/pytest -m "not system" -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

servers: ## install what the system tests need (Java, Maven, Prometheus, Alertmanager, Chromium), and say what
	@.ci/install-servers

test-system: venv servers ## the tests against real Apache Kafka, Prometheus and Alertmanager
	$(BIN)/pytest -m system --durations 0 -rP $(PYTEST_ARGS)

screenshots: venv page-assets servers ## the pictures of the page in deploy/screenshots/, over weeks of the simulated region
	$(BIN)/python -m tests.support.screenshots

bench: venv servers $(BENCH_VENV)/.ready ## the worker against Faust, Quix Streams, a hand-written loop, Kafka Streams; ten minutes
	$(BIN)/python -m tests.benchmarks.stages
	$(BIN)/python -m tests.benchmarks.peers $(BENCH_ARGS)

$(BENCH_VENV)/.ready: requirements-bench.txt
	@$(PYTHON) -m venv --clear $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip --disable-pip-version-check --quiet install \
	  --require-hashes --only-binary :all: --requirement requirements-bench.txt
	@touch $@

chaos: venv servers ## 50 kills of workers and brokers and more under load, half an hour; exits 1 if anything was lost
	$(BIN)/python -m tests.proof.chaos --seed 1 --minutes 25 --rate 1100 --kills 50

soak: venv servers ## an hour at 2 000 events/s on a real Kafka: memory, latencies to metric and finding
	$(BIN)/python -m tests.proof.soak $(SOAK_ARGS)

FUZZ_ARGS ?= --records 1000000 --seed 1
fuzz: venv ## a million hostile records, and hostile files, schemas and requests: no crash, no growth, no lost neighbour
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

sbom: venv ## write deploy/sbom.cdx.json and deploy/LICENCES.md anew from the pinned requirements
	$(BIN)/python -m tests.support.sbom

dashboards: venv ## write the Grafana dashboards in deploy/grafana anew from their code
	$(BIN)/python -m metrics.dashboards deploy/grafana/dashboards

lock: venv ## write requirements.txt, -dev.txt and -bench.txt anew from what they are asked for
	$(COMPILE) --upgrade --output-file requirements.txt pyproject.toml
	$(COMPILE) --upgrade --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(COMPILE) --upgrade --output-file requirements-bench.txt tests/benchmarks/peers/requirements.in

clean: ## remove what the tests and tools wrote (the jars of the system tests stay in build/kafka)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build/logs dist
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## remove the environment, the jars and the chart library too
	rm -rf $(VENV) $(VENDOR) build
