# The two commands of the README, and the checks behind them.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python

.PHONY: env quick test lint bench docs

env: $(VENV)/.installed

$(VENV)/.installed: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r constraints.txt
	touch $@

# The main job on data that needs no download: every method on a synthetic world whose truth is known.
quick: env
	$(RUN) -m benchmark run --suite quick --runs build/quick
	@cat build/quick/RESULTS.md

test: env
	$(RUN) -m pytest -n auto --dist loadfile

lint: env
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: env
	$(RUN) -m benchmark bench

# The documentation site in build/site; a warning is an error.
docs: env
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r constraints-docs.txt -c constraints.txt
	$(VENV)/bin/mkdocs build --strict --quiet
	@echo "the site's front page is build/site/index.html"
