# make course   install, export, execute the lessons, build the site
# make test     install and run every test
# make lab      open the lessons in JupyterLab
# make help     list every target
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9
READY := $(VENV)/.ready
NOTEBOOKS := $(wildcard nbs/*.ipynb nbs/helpers/*.ipynb nbs/checks/*.ipynb)
LESSONS := $(wildcard nbs/*.ipynb)

.DELETE_ON_ERROR:
.PHONY: help course test lab docs bench clean export lint outputs lock

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

# --- the environment ------------------------------------------------------------------

$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 10) else f"Python {v.major}.{v.minor} found, 3.10 or newer needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(READY): requirements-dev.txt settings.ini setup.py pyproject.toml | $(UV)
	$(UV) pip sync --quiet --python $(BIN)/python requirements-dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

lock: $(UV)  ## Renew requirements-dev.txt from settings.ini
	$(UV) pip compile --quiet --universal --python-version 3.10 --no-header --upgrade \
		--extra dev setup.py --output-file requirements-dev.txt

# A progress bar in a stored output would be a picture of one moment.
course outputs test: export TQDM_DISABLE := 1

# --- the package and the lessons --------------------------------------------------------

export: $(READY)  ## Write the package from the notebooks, and clean the notebooks
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean

course: export  ## Install, export, execute the lessons, build the site
	rm -rf _build/course && mkdir -p _build && cp -R nbs _build/course
	$(BIN)/jupyter execute --inplace $(LESSONS:nbs/%=_build/course/%)
	$(BIN)/sphinx-build -q -W -c docs _build/course _build/site
	@echo "The site is ready: open _build/site/index.html; make lab opens the lessons."

outputs: export  ## Execute the notebooks in place, to renew the outputs they store
	$(BIN)/jupyter execute --inplace $(NOTEBOOKS)
	$(BIN)/nbdev_clean

docs: $(READY)  ## Build the site from the outputs that the notebooks store
	$(BIN)/sphinx-build -q -W -c docs nbs _build/site

lab: $(READY)  ## Open the lessons in JupyterLab
	$(BIN)/jupyter lab --notebook-dir nbs

# --- checks -----------------------------------------------------------------------------

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Lessons run on the data that are there, and on the embedded data.
NBVAL := $(BIN)/pytest -q --nbval --nbval-current-env --nbval-cell-timeout=600 \
	--nbval-sanitize-with tests/nbval_sanitize.cfg -p no:cacheprovider

test: lint  ## Run every test
	$(BIN)/pytest -q
	NNLAB_DATA=$(CURDIR)/_build/no-data NNLAB_OFFLINE=1 $(NBVAL) nbs
ifneq ($(NNLAB_DATA),)
	$(NBVAL) $(LESSONS)
endif

bench: $(READY)  ## Measure training against the usual recipes; needs the real data, and half an hour
	$(BIN)/python benchmarks/run.py

clean:  ## Remove everything that make builds
	rm -rf $(VENV) _build build dist *.egg-info .pytest_cache .ruff_cache
