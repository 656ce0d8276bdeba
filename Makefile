# Every command a person types. It asks for Python 3.11 or newer and nothing else; `make` alone lists the commands.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARCH ?= $(shell uname -m | sed 's/aarch64/arm64/')
NATIVE := build/native/$(ARCH)
# Where training data lies; see ratecard_workbench/training/catalogue.toml for how to get each set.
export RATECARD_DATA_DIR ?= $(wildcard ../shared/data)
PIP := -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup up test prove check format native train bench generate lock sam-setup sam-build deploy sam clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

# The stamps hold what an environment was made from, so that a second `make` does nothing.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml
	@echo "setting up $(VENV) (once)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) install --require-hashes -r requirements/run.txt
	@$(BIN)/python $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "adding the tools for tests and training (once)" >&2
	@$(BIN)/python $(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(NATIVE)/lib/versions.json: layers/native/build.py layers/native/elf.py layers/native/requirements.txt | $(VENV)/run.stamp
	@$(BIN)/python layers/native/build.py --arch $(ARCH) --target $(NATIVE)
	@touch $@

native: $(NATIVE)/lib/versions.json ## build the engines' shared libraries for this machine

setup: $(VENV)/dev.stamp native ## prepare everything for development

up: $(VENV)/run.stamp native ## set up and run the platform on this machine
	@$(BIN)/ratecard up $(UP)

test: setup ## prove it: unit, functional, contract, infra and end-to-end tests
	@$(BIN)/python -m pytest $(TESTS)

check: setup ## format, lint, types, import contracts, generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@for training in functions/models/*/training; do \
		MYPYPATH=layers/ratecard/src:workbench/src:$$training:$$(dirname $$training)/src $(BIN)/mypy $$training || exit 1; done
	@$(BIN)/lint-imports
	@$(BIN)/ratecard generate --check
	@$(BIN)/ratecard events --check

format: setup ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

train: setup ## train every model again from its data
	@for recipe in functions/models/*/training/recipe.py; do $(BIN)/python $$recipe || exit 1; done
	@$(BIN)/ratecard generate
	@$(BIN)/ratecard events

generate: setup ## write the files that are derived from contracts and prices
	@$(BIN)/ratecard generate

bench: setup sam-setup ## measure every claim of speed, with peers in the same run
	@$(BIN)/python benchmarks/run.py all

sam-setup: .venv-sam/stamp .venv-checkov/stamp ## install SAM CLI and checkov, each in an environment of its own

.venv-%/stamp: requirements/%.txt
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python $(PIP) install --no-deps --require-hashes -r $<
	@touch $@

prove: setup sam-setup ## the slower proofs: load, kill -9, hostile input, sam build and sam local (Docker)
	@$(BIN)/python -m pytest -m "slow or sam" -n 3 --durations=15 $(TESTS)

sam-build: setup sam-setup ## build the SAM application for ARCH, checked and with digests
	@RATECARD_ARCH=$(ARCH) PYTHON=$(abspath $(BIN)/python) SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build --parameter-overrides Architecture=$(ARCH)
	@$(BIN)/ratecard seal --arch $(ARCH)

deploy: sam-build ## deploy to AWS: make deploy ENV=dev (or preview, prod) ARCH=x86_64 (or arm64)
	@SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam deploy --config-env $(ENV)
ENV ?= dev

sam: setup sam-setup ## validate, lint, build and run the SAM application (Docker)
	@$(BIN)/python -m pytest -m sam -n 0 $(TESTS)

lock: ## pin every dependency with its hashes (needs uv)
	@uv pip compile --quiet $(LOCK) pyproject.toml --group build -o requirements/run.txt
	@uv pip compile --quiet $(LOCK) pyproject.toml --group build --group train --group test -o requirements/dev.txt
	@uv pip compile --quiet $(LOCK) --group sam -o requirements/sam.txt
	@uv pip compile --quiet $(LOCK) --group checkov -o requirements/checkov.txt
	@for peer in flask fastapi litserve bentoml mlserver lambda runtime; do \
		uv pip compile --quiet $(LOCK) --group bench-$$peer -o requirements/bench-$$peer.txt || exit 1; done
LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url

clean: ## remove what was built; .ratecard, where the platform keeps its state, stays
	@rm -rf build .aws-sam .venv .venv-sam .venv-checkov
