# Only Python >= 3.11 and make are taken for granted.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# half as many again as cores: slow tests mostly wait for processes of their own
WORKERS = $(shell $(BIN)/python -c 'import os; n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1; print(n + (n + 1) // 2)')

.DEFAULT_GOAL := help
.PHONY: help setup sweep test golden lint format bench reproduce lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with exactly the locked versions

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"sweeplab needs Python >= 3.11, this is {v[0]}.{v[1]} (make PYTHON=python3.12 setup)")'
	$(PYTHON) -m venv $(VENV)
	@if $(BIN)/python -m pip install --quiet uv; then \
	  echo "installing with uv"; \
	  $(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock && \
	  $(BIN)/uv pip install --python $(BIN)/python --no-deps --editable .; \
	else \
	  echo "uv cannot be had: installing with pip (slower)"; \
	  $(BIN)/python -m pip install --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --no-deps --editable .; \
	fi
	@touch $@

sweep: setup  ## train the first grid: 3 optimizers x 2 learning rates on real digits
	$(BIN)/python -m sweeplab -m optimizer=adam,radam,sgdm lr=1e-3,1e-5

test: setup  ## every test (slow ones too; gpu ones where there is a GPU)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

golden: setup  ## renew the reports in tests/golden, which tests compare with; read the difference
	$(BIN)/python tests/report/golden.py

lint: setup  ## ruff (format, lint) and mypy (strict)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup  ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## measure against by-the-book Hydra + Lightning; writes benchmarks/results.md
	$(BIN)/python -m benchmarks

PUBLISHED := radam_cifar10 vgg16_cats_vs_dogs impact_of_optimizers adam_generalization

reproduce: setup  ## run the published experiments whose data are at hand (CIFAR-10, cats vs dogs; takes a GPU)
	@failed=; for name in $(PUBLISHED); do \
	  $(BIN)/python -m sweeplab -m experiment=$$name || failed="$$failed $$name"; \
	done; \
	if [ -n "$$failed" ]; then echo "not reproduced:$$failed"; exit 1; fi

lock: setup  ## renew requirements.lock
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --upgrade --output-file requirements.lock

clean:  ## remove the environment and caches, never results
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache dist build
