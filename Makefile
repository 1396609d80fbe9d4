# make course   install, export, execute the lessons, build the site
# make test     install and run every test
# make lab      open the lessons in JupyterLab, as a student gets them
# make help     list every target
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9
READY := $(VENV)/.ready
NOTEBOOKS := $(wildcard nbs/*.ipynb nbs/*/*.ipynb)
LESSONS := $(wildcard nbs/*.ipynb)

# Containers set it, and every process that is started would compile the course anew.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help course test test-code test-notebooks quick test-engines test-browsers coverage lab \
	solutions worksheets docs docs-live bench clean export lint outputs lock slides vendor

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

# --- the environment ------------------------------------------------------------------

$(UV):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 10) else f"Python {v.major}.{v.minor} found, 3.10 or newer needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Where PyTorch's wheels without CUDA are, for Linux without a GPU; TORCH_INDEX= takes PyPI's.
export TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

$(READY): requirements-dev.txt settings.ini setup.py pyproject.toml | $(UV)
	$(BIN)/python scripts/install.py '$(TORCH_INDEX)'
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

lock: $(UV)  ## Renew the two locks from settings.ini and what make bench compares with
	$(UV) pip compile --quiet --universal --python-version 3.10 --no-header --upgrade \
		--extra dev setup.py --output-file requirements-dev.txt
	$(UV) pip compile --quiet --universal --python-version 3.10 --no-header --upgrade \
		setup.py benchmarks/requirements-frameworks.in \
		--output-file benchmarks/requirements-frameworks.txt

# SOLUTIONS=0 builds the site without any solution, in a folder of its own.
SOLUTIONS ?= 1
SITE := _build/site$(if $(filter 0,$(SOLUTIONS)),-without-solutions)
SPHINX := $(BIN)/sphinx-build -q -W --keep-going -c docs
course docs docs-live: export SOLUTIONS := $(SOLUTIONS)

# A progress bar in a stored output would be a picture of one moment.
course outputs test quick coverage: export TQDM_DISABLE := 1
# Nor is there anybody to move a slider.
course outputs test quick coverage: export NNLAB_STATIC := 1

# Pictures have twice the pixels, for sharp ones on the site.
SHARP := _build/ipython/profile_default/ipython_config.json
course outputs: export IPYTHONDIR := $(CURDIR)/_build/ipython
course outputs: $(SHARP)

$(SHARP):
	mkdir -p $(@D)
	echo '{"InlineBackend": {"figure_formats": ["retina"]}}' > $@

# --- the package and the lessons --------------------------------------------------------

export: $(READY)  ## Write the package from the notebooks, and clean the notebooks
	$(BIN)/python scripts/check_notebooks.py nbs
	$(BIN)/nbdev_export
	$(BIN)/nbdev_clean

course: export  ## Install, export, execute the lessons, build the site
	rm -rf _build/course && cp -R nbs _build/course
	$(BIN)/jupyter execute --inplace $(LESSONS:nbs/%=_build/course/%)
	$(SPHINX) _build/course $(SITE)
	@grep -ls built-without-data $(SITE)/*.html | sed 's/.*/WARNING: & was built without its data/' || true
	@echo "The site is ready: open $(SITE)/index.html; make lab opens the lessons."

outputs: export  ## Execute the notebooks in place, to renew the outputs they store; needs the real data
	@$(BIN)/python -c 'import sys; from nnlab_course.data import load; missing = [n for n in ("mnist", "cifar10") if load(n).name != n]; sys.exit(f"{missing} not found; name their folder in NNLAB_DATA" if missing else 0)'
	$(BIN)/jupyter execute --inplace $(NOTEBOOKS)
	$(BIN)/python scripts/small_pictures.py $(NOTEBOOKS)
	$(BIN)/nbdev_clean

docs: $(READY)  ## Build the site from the outputs that the notebooks store
	$(BIN)/python scripts/check_notebooks.py nbs
	$(SPHINX) nbs $(SITE)

docs-live: $(READY)  ## Rebuild and reload the site while you write
	$(BIN)/sphinx-autobuild -q -c docs nbs $(SITE) --open-browser --port 0 \
		--watch docs --watch nnlab_course --watch README.md --ignore "*/nbs/api/*"

# A student's work: not in _build, which make clean removes.
FOLDER ?= lessons

lab: $(READY)  ## Open the lessons in JupyterLab, as a student gets them: make lab FOLDER=mine
	rm -rf _build/lessons
	$(BIN)/python scripts/student_edition.py nbs _build/lessons
	$(BIN)/nnlab lab --lessons _build/lessons '$(FOLDER)'

solutions: $(READY)  ## Write the worked solutions, to publish: _build/solutions.json
	$(BIN)/python scripts/student_edition.py --solutions nbs _build/solutions.json

worksheets: $(READY)  ## Write a sheet of questions for each lesson, to print: _build/worksheets
	$(BIN)/python scripts/worksheet.py nbs _build/worksheets

slides: $(READY)  ## Lesson 1 as slides, for a browser with a network: _build/01_activations.slides.html
	$(BIN)/jupyter nbconvert --log-level WARN --to slides --output-dir _build \
		--SlidesExporter.reveal_scroll=True nbs/01_activations.ipynb

vendor:  ## Renew the work of others in docs/_static from docs/package.json; needs npm
	npm ci --prefix docs --ignore-scripts
	cd docs/node_modules/katex && cp dist/katex.min.js dist/katex.min.css LICENSE ../../_static/katex/
	cp docs/node_modules/katex/dist/fonts/*.woff2 docs/_static/katex/fonts/

# --- checks -----------------------------------------------------------------------------

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

# One thread for each of the workers; a group of tests shares what is dear (conftest.py).
WORKERS ?= 2
PYTEST := $(BIN)/pytest -q -rs --durations 10
SHARED := -n $(WORKERS) --dist loadscope --no-loadscope-reorder
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout 600 \
	--nbval-sanitize-with tests/nbval_sanitize.cfg -p no:cacheprovider
test quick test-engines test-browsers coverage: export OMP_NUM_THREADS := 1

test: lint  ## Run every test: with the real data, if NNLAB_DATA names them, and without
	@$(MAKE) --no-print-directory -j2 test-code test-notebooks

# The lessons that load data run twice: here with the real data, below with the embedded ones.
WITH_DATA = $(shell grep -l 'nnlab_course.data import' $(LESSONS))
REAL = $(if $(NNLAB_DATA),$(NBVAL) $(or $(WITH_DATA),$(error no lesson loads data)))
test-code:
	$(PYTEST) $(SHARED) $(REAL) tests

# Beside the rest, in one process.
NOTEBOOKS_LOG := _build/test-notebooks.log
test-notebooks:
	@mkdir -p _build
	@status=0; NNLAB_DATA='$(CURDIR)/_build/no-data' NNLAB_OFFLINE=1 \
	$(PYTEST) $(NBVAL) nbs > $(NOTEBOOKS_LOG) 2>&1 || status=$$?; \
	cat $(NOTEBOOKS_LOG); exit $$status  # together: not to be mixed with the others' output

quick: lint  ## Run in a minute what one runs while writing
	$(PYTEST) $(SHARED) -m "not slow" tests

test-engines: $(READY)  ## Mark on a real Slurm, hand out on a real JupyterHub: what is missing is told
	$(BIN)/pytest -v --durations 5 tests/engines

test-browsers: $(READY)  ## Try the site in Firefox and WebKit: what is missing is told
	$(BIN)/pytest -v tests/site/browsers

coverage: $(READY)  ## Measure which lines of the package the tests reach
	$(PYTEST) $(SHARED) --cov nnlab_course --cov-report term-missing:skip-covered tests

bench: $(READY)  ## Measure training, grading, explorers, accuracies; needs the real data: make bench PARTS=mnist
	$(BIN)/python benchmarks/run.py $(PARTS)

clean:  ## Remove everything that make builds
	rm -rf $(VENV) _build build dist *.egg-info .pytest_cache .ruff_cache .coverage
