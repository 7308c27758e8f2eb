# Two commands for a newcomer: `make demo` and `make test`. Everything they need is set up in .venv/ by themselves.

PYTHON ?= python3
ARGS ?=
TOOLS := .tools
VENV := .venv
RUN := $(VENV)/bin/python
# The interpreter that is there is the one that is used; nothing is downloaded in its place.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)

.PHONY: demo test check unit bench format clean setup
.DEFAULT_GOAL := setup

setup: $(VENV)/.ready

$(TOOLS)/bin/uv:
	@echo "Setting up (once) ..." >&2
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check "uv==0.13.*"

$(VENV)/.ready: pyproject.toml uv.lock | $(TOOLS)/bin/uv
	@$(TOOLS)/bin/uv sync --quiet --frozen --all-extras --python "$(PYTHON)"
	@touch $@

# The whole story, played against a real server with real phones. `make demo ARGS=--json` for programs.
demo: $(VENV)/.ready
	@$(VENV)/bin/pteri demo $(ARGS)

test: check unit

check: $(VENV)/.ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# Two workers for two cores. The parts that decide are covered whole by tests of their own; to count lines in the others
# as well would nearly double their time, and say nothing more about these.
DECIDING := tests/unit tests/vectors tests/contract/test_secp256k1_backends.py
unit: $(VENV)/.ready
	$(RUN) -m pytest -n 2 --cov=pteri.core --cov=pteri.domain --cov-branch --cov-report= $(ARGS) $(DECIDING)
	$(RUN) -m coverage report --include='src/pteri/core/*,src/pteri/domain/*' --skip-covered --fail-under=100
	$(RUN) -m pytest -n 2 $(ARGS) tests $(addprefix --ignore=,$(DECIDING))

bench: $(VENV)/.ready
	@$(RUN) -m bench $(ARGS)

format: $(VENV)/.ready
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

clean:
	rm -rf $(VENV) $(TOOLS) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
