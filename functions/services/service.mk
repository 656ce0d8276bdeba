# How `sam build` packs a service. Each functions/services/<name>/src/Makefile includes this file; SAM runs it in a copy of
# that src folder, and the original Makefile's place says where the project is.
PROJECT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../..)
PYTHON ?= python3

# Unzipped; services bring no data of their own.
BUDGET_MB := 1

build-%:
	$(PYTHON) $(PROJECT)/layers/ratecard/pack.py --source . --target "$(ARTIFACTS_DIR)" --installed-at /var/task --budget-mb $(BUDGET_MB)
