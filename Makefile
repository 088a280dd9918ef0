# Everything sets up what it needs: a virtual environment in .venv with the locked dependencies.
#   make run | demo [FILE=clip.mp4] | test | check | format | bench [NAME=…] | docs
#   make mutations [COUNT=n] [SEED=n] | audit | sbom
#   make faults [ROUNDS=n] [SEED=n] [FAULT="kill full-work"] [OUTAGE=seconds]
#               [STACK=embedded|redis-postgres|rabbitmq-postgres|rabbitmq-redis-postgres|redis-mariadb]
# PYTHON=/path/to/python3 chooses the interpreter (default: the first of at least 3.11).

SHELL := /bin/sh
BIN := .venv/bin
# By the environment a name with quotes and spaces reaches its recipe as it is.
export PYTHON FILE

.PHONY: help run demo test check format bench faults mutations docs setup setup-dev clean audit sbom
.DEFAULT_GOAL := help

help:
	@sed -n -e '/^$$/q' -e 's/^# \{0,1\}//p' Makefile

setup:
	@deploy/setup run

setup-dev:
	@deploy/setup dev

run: setup
	@exec $(BIN)/reelworks up

demo: setup
	@exec $(BIN)/reelworks demo $${FILE:+"$$FILE"}

# REELWORKS_BROKER, REELWORKS_RESULTS and REELWORKS_DATABASE make the same tests use those services.
test: setup-dev
	@$(BIN)/python -m pytest $(ARGS)

check: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup-dev
	@$(BIN)/python -m benchmarks $(NAME)

faults: setup-dev
	@$(BIN)/python -m tests.faults \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(if $(STACK),--stack $(STACK)) \
		$(if $(FAULT),--fault $(FAULT)) $(if $(OUTAGE),--outage $(OUTAGE))

# Into build/docs; a link that leads nowhere is an error.
docs: setup-dev
	@$(BIN)/mkdocs build --quiet
	@echo "The pages are in build/docs/index.html"

mutations: setup-dev
	@$(BIN)/python -m tests.hostile $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

# Known vulnerabilities of the locked dependencies, where the package index tells of them.
audit: setup-dev
	@$(BIN)/python .ci/audit.py

# The bill of materials of a release: every locked dependency with its hashes, as CycloneDX.
sbom: setup-dev
	@mkdir -p dist
	@$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
		--output-reproducible --of JSON -o dist/reelworks.cdx.json
	@echo dist/reelworks.cdx.json

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
