# `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Also where the environment forbids it: the workers and each bot that they start read the bytecode.
export PYTHONDONTWRITEBYTECODE :=
# Six at a time, also on two cores: most tests wait for something.
PYTEST := $(BIN)/python -m pytest -n 6 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo screenshots run test test-redis lint format types check bench chaos lock clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Python's venv module does not work here. On Debian or Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

setup: $(STAMP) ## Make .venv with everything from requirements.lock

API ?= v3

demo: setup ## Local Slack, Devin and the bot; prints the page to open; API=v1
	$(BIN)/python -m sandbox demo --api $(API)

screenshots: setup ## The pictures of the page in docs/, from the demo; needs Chromium
	$(BIN)/python -m tests.support.screenshots

run: setup ## The bot, with the settings of .env
	$(BIN)/python -m bot run

test: setup ## Every test
	$(PYTEST)

# What a server may do its own way: scripts, keys and their TTLs, blocking reads, absence, and the bot
# as a whole. tests/away/test_cluster*.py start a Cluster by themselves, so that they belong to `test`.
REDIS_TESTS := tests/test_journey.py $(addprefix tests/,store schedule delivery catch_up)

test-redis: setup ## The tests that touch Redis, on Debian's redis-server and on a Cluster
	@if command -v redis-server; then redis-server --version; \
	  TEST_REDIS=debian $(PYTEST) -q $(REDIS_TESTS) tests/away/test_redis.py; \
	else echo "NOT TESTED on Debian's redis-server, which is not here: apt-get install redis-server" >&2; fi
	TEST_REDIS=cluster $(PYTEST) -q $(REDIS_TESTS)

lint: setup ## Ruff, rules and format, which room may import which, and luacheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	@if command -v luacheck; then scripts=$$(mktemp -d); trap 'rm -rf "$$scripts"' EXIT; \
	  $(BIN)/python -m tests.support.lua "$$scripts" && cd "$$scripts" && luacheck --config "$(CURDIR)/.luacheckrc" -q .; \
	else echo "NOT CHECKED: the Lua scripts, since luacheck is not here: apt-get install lua-check" >&2; fi

format: setup ## Let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## mypy --strict
	$(BIN)/mypy

check: lint types test-redis test ## Lint, types, the tests on other servers, and every test: the gate

bench: setup ## The relay beside a script and the floor; writes benchmarks/RESULTS.md; ROUNDS=3 QUICK=1 API=v1
	$(BIN)/python -m benchmarks --api $(API)

SEED ?= $(shell date +%s)
SECONDS ?= 240
KILLS ?= 50

chaos: setup ## Kills and outages under load in both modes, with a ledger; SEED=7 SECONDS=240 KILLS=50 API=v1
	$(BIN)/python -m chaos --api $(API) --seed $(SEED) --seconds $(SECONDS) --kills $(KILLS)

lock: setup ## Pin every dependency again, with hashes
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" --upgrade -o requirements.txt

clean: ## Remove what make made
	rm -rf $(VENV) .data .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
