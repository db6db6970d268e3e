# `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TOOLS  := $(VENV)/.installed-tools
# Also where the environment forbids it: the workers and each bot that they start read the bytecode.
export PYTHONDONTWRITEBYTECODE :=
# Twelve at a time, also on two cores: most tests wait for something.
PYTEST := $(BIN)/python -m pytest -n 12 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup tools demo screenshots run test test-sandbox test-redis lint format types check bench chaos weight mutants lock audit clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

define install
	@echo "Installing $< in $(VENV), which takes up to a minute"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "Python's venv module does not work here. On Debian or Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(1) --require-hashes -r $<
	@printf '#!%s\nimport sys\nsys.path.insert(0, "%s")\nfrom bot.__main__ import main\nsys.exit(main())\n' \
	  "$(CURDIR)/$(BIN)/python" "$(CURDIR)" > $(BIN)/devin-relay
	@chmod +x $(BIN)/devin-relay
endef

# Compiling all of it takes 6 of pip's 15 s of CPU time; the first start compiles what it uses.
$(STAMP): requirements.txt
	$(call install,--no-compile)
	@touch $@

# It holds all of requirements.txt, too.
$(TOOLS): requirements.lock
	$(call install,)
	@touch $(STAMP) $@

setup: $(STAMP) ## Install what the relay needs in .venv; adds .venv/bin/devin-relay

tools: $(TOOLS) ## Install the development tools, too; targets that need them do so

API ?= v3

demo: setup ## Try the relay with a local Slack and Devin; API=v1, ORG=1
	@$(BIN)/python -m sandbox demo --api $(API) $(if $(ORG),--org)

screenshots: tools ## Take the screenshots in docs/ from the demo; needs Chromium
	$(BIN)/python -m sandbox.tests.support.screenshots

run: setup ## Start the relay with the settings in .env
	@$(BIN)/devin-relay run

test: tools ## Test the relay
	$(PYTEST) -p no:schemathesis tests

test-sandbox: tools ## Test the local Slack and Devin, the demo's page, benchmarks and chaos
	$(PYTEST) $(addsuffix /tests,sandbox chaos benchmarks)

# What a server may do its own way: scripts, keys and their TTLs, blocking reads, absence, and the bot
# as a whole. tests/away/test_cluster*.py start a Cluster by themselves, so that they belong to `test`.
REDIS_TESTS := tests/test_journey.py $(addprefix tests/,store schedule delivery catch_up)

test-redis: tools ## Run the tests that touch Redis on Debian's redis-server and on a Cluster
	@if command -v redis-server; then redis-server --version; \
	  TEST_REDIS=debian $(PYTEST) -q $(REDIS_TESTS) tests/away/test_redis.py; \
	else echo "NOT TESTED on Debian's redis-server, which is not here: apt-get install redis-server" >&2; fi
	TEST_REDIS=cluster $(PYTEST) -q $(REDIS_TESTS)

lint: tools ## Check style, formatting, imports and Lua scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	@if command -v luacheck; then scripts=$$(mktemp -d); trap 'rm -rf "$$scripts"' EXIT; \
	  $(BIN)/python -m tests.support.lua "$$scripts" && cd "$$scripts" && luacheck --config "$(CURDIR)/.luacheckrc" -q .; \
	else echo "NOT CHECKED: the Lua scripts, since luacheck is not here: apt-get install lua-check" >&2; fi

format: tools ## Fix and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: tools ## Check types with mypy --strict
	$(BIN)/mypy

check: lint types test-redis test test-sandbox ## Run the whole gate: lint, types and all tests

# The contestants have what is deployed, and not the tools: with click and rich, httpx imports its command line.
bench: tools ## Measure speed and write benchmarks/RESULTS.md; ROUNDS=3 QUICK=1 API=v1
	@$(MAKE) --no-print-directory setup VENV=.venv/deployed
	CONTESTANT_PYTHON="$(CURDIR)/.venv/deployed/bin/python" $(BIN)/python -m benchmarks --api $(API)

SEED ?= $(shell date +%s)
SECONDS ?= 240
KILLS ?= 50

chaos: tools ## Kill processes and cut connections under load; SEED=7 SECONDS=240 KILLS=50 API=v1
	$(BIN)/python -m chaos --api $(API) --seed $(SEED) --seconds $(SECONDS) --kills $(KILLS)

weight: tools ## Count code, keys and scripts, and what runs for five flows; FILES=1 names it
	@$(BIN)/python -m tests.support.weight $(if $(FILES),--files)

COUNT ?= 200
SEED ?= 1

mutants: tools ## Change the code in COUNT=200 places, one at a time, and show where no test fails; SEED=1
	@$(BIN)/python -m tests.support.mutants --count $(COUNT) --seed $(SEED) tests

# Wheels only, which both locks tell pip, too: what it fetches to build a package has no hash.
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade \
  --only-binary :all: --emit-build-options --no-emit-index-url --no-emit-find-links --no-annotate \
  --custom-compile-command "make lock"

lock: tools ## Update requirements.txt and requirements.lock
	$(COMPILE) --group dev -o requirements.lock
	$(COMPILE) -c requirements.lock -o requirements.txt

# `uv audit` doesn't read requirements files, so this makes a project with the same pins. It knows
# packages of Python alone, so Valkey's server has a check of its own, and neither hides the other.
audit: tools ## Look for advisories about the locked packages and Valkey; needs api.osv.dev
	@$(BIN)/python -m tests.support.advisories; valkey=$$?; \
	  audit=$$(mktemp -d) && trap 'rm -rf "$$audit"' EXIT && cd "$$audit" && \
	  printf '[project]\nname = "audit"\nversion = "0"\nrequires-python = ">=3.11"\n' > pyproject.toml && \
	  "$(CURDIR)/$(BIN)/uv" add --quiet --no-sync -r "$(CURDIR)/requirements.lock" && \
	  "$(CURDIR)/$(BIN)/uv" audit --preview-features audit-command --locked && exit $$valkey

clean: ## Delete .venv, caches and demo data
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
