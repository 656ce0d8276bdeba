# How `sam build` packs a model. Each functions/models/<name>/src/Makefile includes this file; SAM runs it in a copy of
# that src folder, and the original Makefile's place says where the project is.
PROJECT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../..)
PYTHON ?= python3

# Unzipped, which is stricter than the zip's own limit. Source: DESIGN.md section 3.
BUDGET_MB := 5

build-%:
	$(PYTHON) $(PROJECT)/layers/ratecard/pack.py --source . --target "$(ARTIFACTS_DIR)" --installed-at /var/task --budget-mb $(BUDGET_MB)
