# How `sam build` packs a model. Each functions/models/<name>/src/Makefile includes this file; SAM runs it in a copy of
# that src folder, and the original Makefile's place says where the project is.
PROJECT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../..)
PYTHON ?= python3

# A model is weighed zipped. Source: DESIGN.md section 3. Unzipped it has what its layers leave of Lambda's limit. The same
# figures as in ratecard_workbench.publish.seal, so that what `ratecard new` writes is built.
ZIP_BUDGET_MB := 5
BUDGET_MB := 90

build-%:
	$(PYTHON) $(PROJECT)/layers/ratecard/pack.py --source . --target "$(ARTIFACTS_DIR)" --installed-at /var/task --budget-mb $(BUDGET_MB) --zip-budget-mb $(ZIP_BUDGET_MB)
