# make start   install what serving needs into .venv and start the daemon (EP=cuda for an NVIDIA card)
# make test    install the rest and run every test
# make check   lint, formatting, types and import arrows
# make extension   check the browser extension and pack it into dist/
# make icons     draw the extension's icons anew from their SVG files
# make screens   take the pictures of the extension's pages in docs/screens
# make bench   measure the cost of a photo on this machine

PYTHON ?= python3
EP ?= cpu

VENV := .venv
BIN := $(VENV)/bin
SERVE := $(VENV)/.serve-$(EP)
LAB := $(VENV)/.lab-$(EP)
NODE_PACKAGES := tests/node_modules/.package-lock.json
# where browsers are required, npm is too: then its absence is an error and no reason to skip
NPM := $(or $(shell command -v npm),$(ERMASK_REQUIRE_BROWSERS))

PACKAGES := server/ermask training/ermask_training export/ermask_export
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile
OTHER := $(if $(filter cuda,$(EP)),onnxruntime,onnxruntime-gpu)

ifeq ($(filter $(EP),cpu cuda),)
$(error EP is "$(EP)"; it can be cpu or cuda)
endif

.PHONY: start install test test-extension check extension icons screens format bench clean

start: $(SERVE)
	$(BIN)/ermask-daemon start

install: $(SERVE)

# Python first; it checks the extension with one of Node's tools.
# The lab's tests are sums, the product's mostly wait: apart, neither makes the other slow.
test: $(LAB)
	@if [ -n "$(NPM)" ]; then $(MAKE) $(NODE_PACKAGES); \
	else echo "The extension will not be tested: that needs node and npm."; fi
	$(PYTEST) tests/training tests/export
	$(PYTEST) --ignore tests/training --ignore tests/export
	@if [ -n "$(NPM)" ]; then $(MAKE) test-extension; fi

# two files at a time: two browsers and two daemons, which mostly wait, are enough for a small machine
test-extension: $(LAB) $(NODE_PACKAGES)
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
		{ echo "The tests of the extension need Node 20 or newer."; exit 1; }
	node --test --test-concurrency=2 --test-reporter=spec tests/extension/*.test.js

check: $(LAB)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES) scripts tests
	$(BIN)/lint-imports

extension:
	$(PYTHON) scripts/pack_extension.py

icons: $(NODE_PACKAGES)
	node tests/extension/draw_icons.js

screens: $(SERVE) $(NODE_PACKAGES)
	node tests/extension/screens.js

format: $(LAB)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(LAB) $(NODE_PACKAGES)
	@set -e; for script in tests/bench/bench_*.py; do \
		if [ ! -f "$$script" ]; then echo "There is nothing to measure in tests/bench."; exit 1; fi; \
		echo "== $$script"; $(BIN)/python "$$script"; \
	done
	@echo "== tests/bench/bench_extension.mjs"; node tests/bench/bench_extension.mjs

clean:
	rm -rf $(VENV) dist tests/node_modules

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ermask needs Python 3.11 or newer; name one with PYTHON=/path/to/python3.x"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(NODE_PACKAGES): tests/package.json tests/package-lock.json
	npm ci --prefix tests
	@touch $@

# The two ONNX Runtimes overwrite each other's files: where the other one is, both have to go first.
$(SERVE): pyproject.toml | $(BIN)/python
	@if $(BIN)/python -m pip show -q $(OTHER) 2>/dev/null; then \
		$(BIN)/python -m pip uninstall -q -y onnxruntime onnxruntime-gpu; \
	fi
	@rm -f $(VENV)/.serve-* $(VENV)/.lab-*
	$(BIN)/python -m pip install -q -e ".[$(EP)]"
	@touch $@

$(LAB): pyproject.toml constraints.txt $(SERVE)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[$(EP),lab,lab-tensorboard,dev]"
	@touch $@
