# Each habit is one command; each sets up .venv by itself. Needs only Python 3.11 or newer with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
# Locks pin versions and hashes for every platform and Python; they record no download address.
COMPILE := --quiet --universal --generate-hashes --upgrade --no-header --no-annotate --no-emit-index-url --python-version 3.11
# The Lambda runtime brings boto3 with these; in the layer they would be 25 MB of the same again.
RUNTIME_BRINGS := $(addprefix --no-emit-package=,boto3 botocore jmespath python-dateutil s3transfer six urllib3)
export UV_NO_CONFIG := 1
export UV_LINK_MODE := copy

.DEFAULT_GOAL := help
.PHONY: help setup up test check diff bench openapi pictures format locks clean

help: ## Show this list.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: .venv/.current ## Make .venv from the locks, or do nothing where it is current.

.venv/.current: pyproject.toml Makefile locks/installer.txt locks/service.txt locks/dev.txt locks/emulator.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Plinth needs Python 3.11 or newer as $(PYTHON): try make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) lacks venv: install it (on Debian: apt-get install python3-venv)" >&2; exit 2; }
	@echo "Setting up .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/installer.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes locks/installer.txt locks/service.txt locks/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@test -x .venv/emulator/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv/emulator
	@$(BIN)/uv pip sync --quiet --python .venv/emulator/bin/python --require-hashes locks/emulator.txt
	@touch $@

up: setup ## Bring the dev stack up on this machine.
	@$(BIN)/plinth up dev

test: setup ## Run the whole test suite.
	@$(BIN)/python -m pytest

check: setup ## Lint, format check, types, import rules.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

diff: setup ## Show what the working tree changes in the infrastructure, beside origin/main.
	@$(BIN)/plinth diff

bench: setup ## Measure what the service costs beside what it is made of.
	@$(BIN)/python -m benchmarks

openapi: setup ## Write docs/openapi.json anew.
	@$(BIN)/python -m service openapi > docs/.openapi.json && mv docs/.openapi.json docs/openapi.json

pictures: setup ## Take the pictures of docs/pictures again. Needs a Chromium on the PATH.
	@$(BIN)/python -m workbench.pictures

format: setup ## Format the code and mend what the linter can.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

locks: setup ## Resolve the newest versions that pyproject.toml allows and pin them with their hashes.
	@$(BIN)/uv pip compile $(COMPILE) $(RUNTIME_BRINGS) pyproject.toml --output-file locks/service.txt
	@$(BIN)/uv pip compile $(COMPILE) --group dev --constraints locks/service.txt --output-file locks/dev.txt
	@$(BIN)/uv pip compile $(COMPILE) --group container --constraints locks/service.txt --constraints locks/dev.txt \
		--output-file locks/container.txt
	@$(BIN)/uv pip compile $(COMPILE) --group emulator --output-file locks/emulator.txt
	@$(BIN)/uv pip compile $(COMPILE) --group installer --output-file locks/installer.txt
	@$(BIN)/uv pip compile $(COMPILE) --group sandbox --output-file locks/sandbox.txt

clean: ## Remove .venv and everything built. Stops nothing: run plinth down first.
	@rm -rf .venv .plinth
