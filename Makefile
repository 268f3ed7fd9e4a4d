# Every target is one readable command; the README gives those of daily use for people without make.
PYTHON  ?= python3
EDITION ?= reader
PORT    ?= 8000

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

SITE := _build/site$(if $(filter student,$(EDITION)),-student)
READY := .venv/.ready node_modules/.ready

# Quoted where a command gets it: a folder's name may hold blanks.
export COURSE ?= course

.PHONY: help book serve lab notebooks assignment grade report formgrader doctor images bench lock lint check test clean setup
.DEFAULT_GOAL := book

help:                     ## say what each command does
	@awk -F ' *##? ' '/^[a-z]+:.*## /{ sub(/:.*/, "", $$1); printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: $(READY)            ## build the site (EDITION=student: without answers)
	python -m sitebuild.build $(EDITION)

serve: book               ## build, then serve the site at http://localhost:8000 (PORT=…: elsewhere)
	python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

lab: .venv/.ready         ## open the notebooks in JupyterLab (EDITION=student: without answers)
	python -m sitebuild.lab $(EDITION)

notebooks: .venv/.ready   ## derive notebooks/ and student/ from book/
	python -m chapters.pairs

assignment: $(READY)      ## make the assignments and their zips from the chapters, in COURSE
	mibook-course assignment --course "$$COURSE"

grade: $(READY)           ## grade what lies in COURSE/submitted
	mibook-course grade --course "$$COURSE"

report: $(READY)          ## write what the class of COURSE misunderstood, a page an assignment
	mibook-course report --course "$$COURSE"

formgrader: $(READY)      ## autograde and mark what lies in COURSE, in the browser
	mibook-course formgrader --course "$$COURSE"

doctor: .venv/.ready      ## attack the sandbox on this machine and say what holds
	python -m grading.doctor

images: .venv/.ready      ## draw images/*.svg anew
	for script in images/*.py; do python $$script || exit 1; done

bench: $(READY)           ## run the long studies and store their results (more than an hour)
	for study in benchmarks/[a-z]*.py; do python -m benchmarks.$$(basename $$study .py) || exit 1; done

lint: $(READY)            ## check style, format and types, of Python and of the live figures' modules
	ruff check . && ruff format --check . && mypy && node_modules/.bin/eslint . && node_modules/.bin/tsc -p mibook/live/js

check: $(READY) lint      ## what to run between edits: lint and the tests without kernels, browsers and training
	python -m pytest -q -m "not costly"

test: $(READY) lint       ## all tests, the strict builds and the browser checks among them
	python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lock:                     ## resolve requirements.in into requirements.txt (needs uv)
	uv pip compile --universal --python-version 3.11 --no-annotate -q requirements.in -o requirements.txt

clean:                    ## remove what was built; the environment and the cached executions stay
	rm -rf _build runs .pytest_cache .ruff_cache

setup: $(READY)

.venv/.ready: requirements.txt pyproject.toml tools/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed: install it, or name it as in 'make book PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing: on Debian and Ubuntu, run 'apt-get install python3-venv'." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e tools
	@touch $@

# npm comes with the environment; --ignore-scripts because no package here needs to run anything.
node_modules/.ready: package-lock.json | .venv/.ready
	npm ci --ignore-scripts --silent
	@touch $@
