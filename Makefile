# Thin wrappers: everything here also works without make, as `python -m kmslab <command>`.
# Further arguments go into ARGS:  make serve ARGS="--port 4599"

PYTHON ?= python3
ARGS ?=

.PHONY: lab test bench serve doctor

lab test bench serve doctor:
	@$(PYTHON) -m kmslab $@ $(ARGS)
