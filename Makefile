# make demo    the demo on gunicorn + gevent with four workers; only Python is needed. PORT=8000, HTAG=1|2
# make test    linters, JavaScript tests, the whole suite with htag 1 and with htag 2, those in the browser sealed, too
# make lint    linters alone          make bench    the benchmarks          make clean    back to a fresh checkout
# make mutants  small mistakes in the code that guards a site: how many do the tests find? (some 10 minutes)
#
# MISSING=skip make test   skips what needs Chromium, Redis, Node, nginx or Apache where they are not installed (else:
#                          a failure).
# PYTEST_ARGS="-k name"    is handed to pytest.

PYTHON ?= python3
PORT ?= 8000
HTAG ?= 2
MISSING ?= fail
PYTEST_ARGS ?=

HTAG_1 := htag==1.0.0
HTAG_2 := htag>=2,<3
# Libraries of widgets, whose pages the tests use. There are none for htag 2.
WIDGETS_1 := htbulma==1.0.0 htagui==1.0.0
REQUIREMENTS := pyproject.toml requirements-dev.txt scripts/venv.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench mutants clean system

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: .venv/.htag$(HTAG)
	@.venv/bin/python scripts/demo.py --port $(PORT)

# The stamp carries the generation: HTAG=1 after HTAG=2 installs anew, a second run installs nothing.
.venv/.htag%: pyproject.toml scripts/venv.py
	@$(PYTHON) scripts/venv.py .venv --stamp $(@F) "$(HTAG_$*)" -e ".[gevent,parano]"

.venv-htag%/.ready: $(REQUIREMENTS)
	@$(PYTHON) scripts/venv.py .venv-htag$* --stamp $(@F) "$(HTAG_$*)" $(WIDGETS_$*) -r requirements-dev.txt

system:
	@MISSING=$(MISSING) sh scripts/system.sh

test: system .venv-htag1/.ready .venv-htag2/.ready
	@MISSING=$(MISSING) .venv-htag2/bin/python scripts/check.py lint js htag1 htag2 sealed1 sealed2 -- $(PYTEST_ARGS)

lint: .venv-htag2/.ready
	@.venv-htag2/bin/python scripts/check.py lint

bench: .venv-htag$(HTAG)/.ready
	@.venv-htag$(HTAG)/bin/python benchmarks/run.py

mutants: .venv-htag1/.ready
	@.venv-htag1/bin/python -m pip install -qq --disable-pip-version-check "mutmut>=3.8"
	@.venv-htag1/bin/python scripts/mutants.py

clean:
	rm -rf .venv .venv-htag1 .venv-htag2 mutants build dist test-results .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
