# make nightly   one night of the example shop, from raw logs to published tables (PROFILE=fast: in a minute)
# make test      the test suite, in two processes (WORKERS=1: in one; one test: .venv/bin/python -m pytest FILE::TEST)
# make docs      the site in site/
# make sbom      dist/sbom.cdx.json, what it is made of
# They install what they need into .venv first, with the command .venv/bin/nightjar; a second call starts at once.

PYTHON   ?= python3
RUN_DATE ?= 2011-10-02
NIGHTJAR_HOME ?= $(CURDIR)/.nightjar
NIGHTJAR_CONFIG ?= $(CURDIR)/examples/online_retail/pipeline.toml

BIN := .venv/bin
export NIGHTJAR_HOME NIGHTJAR_CONFIG
export NIGHTJAR_PROFILE := $(PROFILE)
export PYTHONPATH := $(CURDIR)
export AIRFLOW_HOME := $(NIGHTJAR_HOME)/airflow
export AIRFLOW__CORE__DAGS_FOLDER := $(CURDIR)/dags
export AIRFLOW__CORE__PLUGINS_FOLDER := $(CURDIR)/dags/plugins
export AIRFLOW__CORE__LOAD_EXAMPLES := False
# Where an image sets it, every one of the many processes compiles all of Airflow and torch that it imports: half its start.
unexport PYTHONDONTWRITEBYTECODE
# Each worker runs whole files, so what a file's tests share is made once; conftest.py orders them, the longest first.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
PIP := $(BIN)/pip install --quiet --quiet --no-compile --disable-pip-version-check

# The pipeline's own lines, and of Airflow's only its warnings; make QUIET= nightly for everything Airflow says.
QUIET := NIGHTJAR_PROGRESS=1 AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING PYTHONWARNINGS="ignore:Could not import graphviz"

# Airflow's database and the history are made side by side.
MAKEFLAGS += --jobs=2

.PHONY: nightly history test test-slow test-all check docs wheel sbom airflow clean

nightly: .venv/runtime $(AIRFLOW_HOME)/airflow.db history
	@$(QUIET) $(BIN)/airflow dags test nightly_recommendations $(RUN_DATE)
	@$(BIN)/python -m pipeline timings --run-date $(RUN_DATE)
	@$(BIN)/python -m pipeline status

history: .venv/runtime
	@$(BIN)/python -m pipeline --quiet load-history --before $(RUN_DATE)

test: .venv/development
	$(PYTEST)

test-slow: .venv/cluster
	$(PYTEST) -m slow

test-all: .venv/cluster
	$(PYTEST) -m "slow or not slow"

check: .venv/development
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/ruff check --preview --select AIR dags
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: .venv/runtime
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

# The pages of docs/ and those made from the code; a warning (a link that leads nowhere) is an error.
docs: .venv/development
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# What an environment is made of, with versions and licences, as CycloneDX: make sbom ENVIRONMENT=/path/to/bin/python
ENVIRONMENT ?= $(BIN)/python
sbom: .venv/bom
	@mkdir -p dist
	.venv/bom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file dist/sbom.cdx.json $(ENVIRONMENT)

# A scheduler and the web page on http://localhost:8080, for looking around; deploy with docker/.
airflow: .venv/runtime $(AIRFLOW_HOME)/airflow.db
	@$(BIN)/airflow pools set gpu 1 "one task at a time on the GPU" > /dev/null  # fine_tune waits for it for ever
	PATH="$(CURDIR)/$(BIN):$$PATH" AIRFLOW__API__HOST=127.0.0.1 $(BIN)/airflow standalone

.venv/runtime: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nightjar needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "Installing into .venv (about a minute, once) ..."
	@$(PYTHON) -m venv .venv
	@$(PIP) -r requirements.txt -c constraints.txt
	@$(PIP) --no-deps --editable .
	@touch $@

.venv/development: .venv/runtime
	@$(PIP) --editable '.[dev,docs]' -c constraints.txt
	@touch $@

# PySpark, half a gigabyte that only the slow tests and engine = "spark" need; Java is the system's.
.venv/cluster: .venv/development
	@$(PIP) --editable '.[spark]' -c constraints.txt
	@touch $@

# The tool has an environment of its own, so that it is no part of what it describes.
.venv/bom: .venv/runtime
	@$(PYTHON) -m venv $@
	@$@/bin/pip install --quiet --no-compile --disable-pip-version-check cyclonedx-bom==7.5.0

# Flower and what a branch reads its night with; its pins of protobuf, typer and packaging are not those of Airflow.
.venv/federated: .venv/runtime
	@$(PYTHON) -m venv $@
	@$@/bin/pip install --quiet --no-compile --disable-pip-version-check flwr==1.42.0 \
		$$(grep -E '^(duckdb|implicit|numpy|pyarrow|scipy|threadpoolctl|tqdm)==' constraints.txt)
	@$@/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --editable .

$(AIRFLOW_HOME)/airflow.db: .venv/runtime
	@mkdir -p $(AIRFLOW_HOME)
	@$(BIN)/airflow db migrate > $(AIRFLOW_HOME)/migrate.log 2>&1 || { cat $(AIRFLOW_HOME)/migrate.log; exit 1; }
	@touch $@

clean:
	rm -rf .nightjar dist .pytest_cache .mypy_cache .ruff_cache site
