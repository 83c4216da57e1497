# The two commands of the README, and the checks behind them.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check
# The build of PyTorch: cpu or cuda. On Linux the plain wheel is the one for NVIDIA GPUs, which a machine without one
# downloads and keeps for nothing; elsewhere there is one build.
TORCH ?= $(shell [ "$$(uname -s)" != Linux ] || [ -e /proc/driver/nvidia/version ] && echo cuda || echo cpu)
TORCH_VERSION = $(shell sed -n 's/^torch==//p' constraints.txt)
ifeq ($(TORCH),cpu)
BEFOREHAND = "PyTorch for the CPU: some 1.5 GB and a few minutes in all (make env TORCH=cuda for an NVIDIA GPU)"
else
BEFOREHAND = "PyTorch's plain wheel: on Linux with CUDA, some 6 GB and a quarter of an hour (make env TORCH=cpu for the small one)"
endif

.PHONY: env quick test lint bench docs

env: $(VENV)/.installed

$(VENV)/.installed: constraints.txt
	@echo "installing into $(VENV):" $(BEFOREHAND)
	$(PYTHON) -m venv $(VENV)
ifeq ($(TORCH),cpu)
	$(PIP) --no-deps --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu "torch==$(TORCH_VERSION)+cpu" || \
		echo "no CPU wheel of PyTorch could be had: the plain one comes instead"
endif
	$(PIP) -r constraints.txt
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
	$(PIP) -r constraints-docs.txt -c constraints.txt
	$(VENV)/bin/mkdocs build --strict --quiet
	@echo "the site's front page is build/site/index.html"
