VENV := .venv
PY := $(VENV)/bin/python

$(VENV)/done: pyproject.toml
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install -q -e '.[test,synth]'
	touch $@

.PHONY: test
test: $(VENV)/done
	$(PY) -m pytest -q -n 2

