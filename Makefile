# The commands of the project; everything is installed into the tree (.venv, .local).
# An ordinary user needs Python 3.11 or newer with venv, git and make.

PYTHON ?= python3
UV ?= .venv/bin/uv
# Further arguments for the command, e.g. « make test ARGS="-k transfer -x" ».
ARGS ?=
EXAMPLES ?= 2000
SEEDS ?= 20
SCALE ?= 0.01
REPLICAS ?=

ASSETS := services/gateway/assets
AXE := $(ASSETS)/node_modules/.package-lock.json
RUN := .venv/bin/python -m
PACKAGES := .venv/installed
BROKER := .local/rabbitmq/fetched
ifdef CPRO_AMQP_URL
BROKER :=
endif
COMPILE = $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup demo up down containers engine manifests test pages browser assets long properties \
	faults sabotage lint audit bench rehearsal lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(PACKAGES) $(BROKER) ## Install the Python packages and RabbitMQ into the tree

demo: setup ## Play the story of two schools on a system of its own, then stop
	@$(RUN) deploy.local demo $(ARGS)

up: setup ## Start the whole system and leave it running
	@$(RUN) deploy.local up $(ARGS)

containers: setup ## Build the images, play the story against the compose system, stop it
	@$(RUN) deploy.containers story $(ARGS)

engine: ## Install Docker's engine and start it where none answers (as root, on Debian)
	@docker version > /dev/null 2>&1 && exit 0; \
	test "$$(id -u)" = 0 && command -v apt-get > /dev/null || \
		{ echo "No Docker engine answers, and none can be installed here." >&2; exit 1; }; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends \
		docker.io docker-compose iptables > /dev/null || exit 1; \
	mkdir -p .local; setsid dockerd > .local/dockerd.log 2>&1 < /dev/null & \
	for second in $$(seq 30); do docker version > /dev/null 2>&1 && exit 0; sleep 1; done; \
	echo "The engine does not start: see .local/dockerd.log." >&2; exit 1

manifests: $(PACKAGES) ## Build and check the manifests for Kubernetes, and the alert rules
	$(RUN) pytest $(addprefix tests/deploy/test_,manifests.py policies.py network.py observability.py) $(ARGS)

down: $(PACKAGES) ## Stop what « make up » started; its data stay
	@$(RUN) deploy.local down $(ARGS)

test: setup browser ## Run the tests, without the long ones
	$(RUN) pytest -m "not long" $(ARGS)

pages: setup browser ## Run the tests of the pages in a browser, alone
	$(RUN) pytest tests/e2e $(ARGS)

browser: $(AXE) ## Install the browser of the tests: the distribution's Chromium
	@command -v chromium > /dev/null || if test "$$(id -u)" = 0; then \
		apt-get update -qq && apt-get install -y -qq chromium > /dev/null; else \
		echo "Chromium is not here: install it (as root: apt-get install chromium)." >&2; exit 1; fi

assets: $(AXE) ## Build styles and scripts into services/gateway/static
	@cd $(ASSETS) && node build.js

long: setup ## Run the long tests: many more orders of events, fuzzing
	$(RUN) pytest -m long $(ARGS)
	FUZZ_EXAMPLES=3000 $(RUN) pytest tests/unit/siecle_import/test_reading_fuzz.py $(ARGS)
	FUZZ_EXAMPLES=2000 $(RUN) pytest tests/unit/etablissement/test_images_fuzz.py $(ARGS)
	FUZZ_EXAMPLES=15 $(RUN) pytest tests/integration/test_any_input.py tests/integration/test_any_page.py $(ARGS)
	@$(MAKE) properties faults sabotage

properties: setup ## Play EXAMPLES sequences of events (2000) against the model
	EXAMPLES=$(EXAMPLES) $(RUN) pytest -s tests/properties $(ARGS)

faults: setup ## Break what can break in SEEDS stories (20), and look what still holds
	$(RUN) tests.faults --seeds $(SEEDS) $(ARGS)

sabotage: setup ## See that the fault runs notice builds that are broken on purpose
	$(RUN) tests.faults --sabotage $(ARGS)

lint: $(PACKAGES) ## Check format, style, types and the imports between packages
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports

audit: $(PACKAGES) ## Ask the published advisories about the locked packages (needs the network)
	.venv/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
		-r requirements.lock -r requirements-dev.lock $(ARGS)

bench: setup ## Measure each stage beside the naive way
	$(RUN) bench $(ARGS)

rehearsal: setup ## Rehearse the national September, a part of it (SCALE=0.01) or all (SCALE=1)
	SCALE=$(SCALE) REPLICAS="$(REPLICAS)" $(RUN) bench.rehearsal

lock: $(if $(wildcard $(UV)),,$(PACKAGES)) ## Renew the lock files (ARGS=--upgrade: newest versions)
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group tools -c requirements.lock -o requirements-tools.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock

clean: ## Remove what was installed, and the data of the local system
	@test ! -e $(PACKAGES) || $(RUN) deploy.local down
	rm -rf .venv .local

# Both are marks, written last: an interrupted set-up leaves none and starts again.
$(PACKAGES): requirements.lock requirements-dev.lock
	@command -v $(PYTHON) > /dev/null || \
		{ echo "$(PYTHON) is not here: install Python 3.11 or newer." >&2; exit 1; }
	@echo "Installing the Python packages into .venv ..."
	@$(PYTHON) deploy/local/install.py

$(AXE): $(ASSETS)/package-lock.json
	@command -v npm > /dev/null || \
		{ echo "npm is not here: install Node.js 20.11 or newer, with npm." >&2; exit 1; }
	@cd $(ASSETS) && npm ci --silent
	@touch $@

$(BROKER): | $(PACKAGES)
	@echo "Fetching RabbitMQ into .local ..."
	@$(RUN) deploy.local fetch
