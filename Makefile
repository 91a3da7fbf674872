VENV := .venv
PY := $(VENV)/bin/python

.PHONY: demo test check lint types format site bench campaign faults mutants docs resources formal

# Handwritten digits through the RTL, and the size of the accelerator.
demo: $(VENV)/installed
	$(PY) bench/demo.py

test: $(VENV)/tests-installed
	$(PY) -m pytest -q -n 2 --dist worksteal

# The loop of work, under two minutes: lint, types, and the tests of what changed since main.
check: lint types $(VENV)/tests-installed
	$(PY) tools/changed_tests.py

lint: $(VENV)/dev-installed
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

types: $(VENV)/dev-installed
	$(VENV)/bin/basedpyright

# Mends what ruff can mend by itself.
format: $(VENV)/dev-installed
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

# The documentation as HTML, into build/site; a warning is an error.
site: $(VENV)/dev-installed
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

# Networks through the RTL into docs/performance.md (half an hour); NETWORKS: names or .onnx files.
NETWORKS ?= alexnet vgg16 googlenet squeezenet1.1 resnet18 resnet50 resnext50 densenet121 mobilenet \
	mobilenetv2
bench: $(VENV)/installed
	$(PY) bench/networks.py $(NETWORKS)

# Random networks on random accelerators through every engine, into docs/reliability.md (an hour;
# goes on where it was stopped).
CAMPAIGN ?= --isa 5000 --ort 1000 --rtl 1000 --configs 200 --jobs 2 --record
campaign: $(VENV)/installed
	$(PY) bench/campaign.py $(CAMPAIGN)

# Errors of the bus, soft resets and dead buses in RTL, into docs/reliability.md.
faults: $(VENV)/installed
	$(PY) bench/faults.py --record

# Changes of the RTL, one at a time: tests must fail. Into docs/reliability.md (an hour or two; only
# what is not in build/mutants.jsonl).
mutants: $(VENV)/tests-installed
	$(PY) bench/mutants.py

# Proofs of the blocks, and mutants that they refute: docs/reliability.md, "Formal proofs" (about
# ten minutes on one core).
formal: $(VENV)/tests-installed
	$(PY) bench/formal.py

# The resource formulas, checked against synthesis, and place and route: docs/resources.md (an hour
# or two).
resources: $(VENV)/tests-installed
	$(VENV)/bin/pip install -q -e '.[bench]'
	$(PY) bench/resources.py fit
	$(PY) bench/resources.py check
	$(PY) bench/resources.py place

# docs/operators.md, from the importer's registry.
docs: $(VENV)/installed
	$(PY) bench/operators.py

$(VENV)/installed: pyproject.toml
	test -x $(PY) || python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q -e .
	touch $@

$(VENV)/tests-installed: $(VENV)/installed
	$(VENV)/bin/pip install -q -e '.[test,synth]'
	touch $@

$(VENV)/dev-installed: $(VENV)/tests-installed
	$(VENV)/bin/pip install -q -e '.[dev]'
	touch $@
