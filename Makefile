# `make` lists the targets. Everything runs inside .venv, which `make env` fills from the lock.

# One thread per process: parallel work is Snakemake's business (2 threads on 2 busy cores made a
# training epoch 16 times slower).
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export RAYON_NUM_THREADS := 1
export PYTHONHASHSEED := 0

VENV := .venv
PYTHON_ENV := $(VENV)/bin/python
STAMP := $(VENV)/.umklapp-$(shell cksum < envs/requirements.lock | cut -d ' ' -f 1)
# Jobs find the environment's programs first; `make env` itself must see the caller's PATH.
IN_ENV := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

# nproc would answer OMP_NUM_THREADS; DEMO_CORES is the most the demo may take.
DEMO_CORES ?= 4
CORES = $(shell n=$$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc); \
	[ "$$n" -lt $(DEMO_CORES) ] && echo "$$n" || echo $(DEMO_CORES))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help env demo test slurm-lab lint test-physics test-mutants audit-deps test-chaos test-full-disk test-prototypes fuzz docs docs-env srme-env so3krates-env mace-env foundation-env bench-nacl bench-gpu test-gpu clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(STAMP) $(VENV)/bin/umklapp ## make .venv (PYTHON=, CXX=, TMPDIR= are heeded); again when the lock changed
	@echo "Environment: $(VENV), as in envs/requirements.lock"

$(STAMP):
	@sh envs/install.sh $(VENV)
	@touch $@

# An environment made before there was the command gets it.
$(VENV)/bin/umklapp: | $(STAMP)
	@$(PYTHON_ENV) -m pip install --no-deps --no-build-isolation --editable . -qq

demo: env ## the whole workflow on a small case, with real DFT (DEMO_CORES=4)
	@$(IN_ENV) sh profiles/campaign.sh config/demo.yaml results/demo $(CORES)

# A file's tests share what its fixtures have trained, so a file stays with one process; the order is
# that of `testpaths`, the longest first. Three processes keep two cores busy: the tests on Slurm wait
# for a queue half of their time.
TEST_PROCESSES ?= 3
PARALLEL := -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

test: env lint slurm-lab ## style, types and all tests but the long physics ones (TEST_PROCESSES=3)
	@$(IN_ENV) python -m pytest $(PARALLEL)

slurm-lab: ## install Slurm for the tests where that can be done (root, apt-get); else they are skipped
	@bash tests/slurm/lab.sh install >/dev/null 2>&1 || echo "Slurm cannot be installed here: its tests are skipped"

lint: env ## ruff, snakefmt, mypy, snakemake --lint, lock against pyproject.toml
	@$(IN_ENV) ruff check .
	@$(IN_ENV) ruff format --check .
	@$(IN_ENV) snakefmt --check Snakefile rules
	@$(IN_ENV) mypy
	@$(IN_ENV) snakemake --lint --configfile config/demo.yaml
	@$(PYTHON_ENV) envs/update_lock.py --check

test-physics: env ## the long tests against known physics (opt-in)
	@$(IN_ENV) python -m pytest -m physics --timeout 7200

test-chaos: env ## kill a campaign of instant jobs at random instants (opt-in; CHAOS_KILLS=50)
	@$(IN_ENV) python -m pytest -m physics tests/chaos/test_chaos.py -s --timeout 7200

test-full-disk: env ## every job of a tiny campaign on a disk without space (opt-in; FULL_DISK_SECONDS, FULL_DISK_CAMPAIGN)
	@$(IN_ENV) python -m pytest -m physics tests/chaos/test_full_disk.py -s --timeout 7200

FUZZ_SECONDS ?= 300
FUZZ_SEED ?= 1
fuzz: env ## damaged files for every reader (opt-in; FUZZ_SECONDS=300 FUZZ_SEED=1; files of failures: build/fuzz)
	@$(IN_ENV) python tests/fuzz/fuzz.py --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)

test-mutants: env ## change one operator at a time in the formula modules: which changes do tests see? (hours)
	@$(IN_ENV) mutmut run
	@$(IN_ENV) mutmut results

audit-deps: ## known vulnerabilities of the locked packages (asks the advisory data base of PyPI)
	@python3 -m venv build/pip-audit && build/pip-audit/bin/pip install --quiet pip-audit
	@sed -e '/^ *--hash/d' -e 's/ *\\$$//' envs/requirements.lock > build/pip-audit/lock.txt
	@build/pip-audit/bin/pip-audit --disable-pip --no-deps -r build/pip-audit/lock.txt

docs: env docs-env ## regenerate the generated pages and build the manual, build/manual (warnings are errors)
	@$(IN_ENV) python -m umklapp config
	@$(IN_ENV) python -m umklapp catalogue
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet
	@echo "The manual: build/manual/index.html"

DOCS_STAMP := .venv-docs/.umklapp-$(shell cksum < envs/docs/requirements.txt | cut -d ' ' -f 1)
docs-env: $(DOCS_STAMP) ## .venv-docs with the generator of the manual

$(DOCS_STAMP):
	@$${PYTHON:-python3} -m venv --clear .venv-docs
	@.venv-docs/bin/python -m pip install -q --disable-pip-version-check -r envs/docs/requirements.txt
	@touch $@

srme-env: ## .venv-srme with phono3py 3.30.0, for the published kappa_SRME
	@sh envs/srme/install.sh

so3krates-env: ## .venv-so3krates, for potential.backend: so3krates
	@sh envs/backend.sh so3krates

mace-env: ## .venv-mace, for potential.backend: mace
	@sh envs/backend.sh mace

foundation-env: ## .venv-foundation, for foundation models (nequix, on the processor)
	@sh envs/backend.sh foundation

# The weights are those that nequix keeps in ~/.cache/nequix/models (docs/foundation.md).
test-prototypes: env foundation-env ## one crystal of every prototype of the table to κ, with a foundation model (hours)
	@$(IN_ENV) snakemake --cores $(CORES) --keep-going --configfile config/prototypes.yaml
	@$(IN_ENV) python -m umklapp summary config/prototypes.yaml

bench-nacl: env ## benchmark: conductivity of NaCl from few reference frames
	@$(IN_ENV) python benchmarks/nacl.py

bench-gpu: env ## benchmark: the compiled graph against NequIP, on a GPU if there is one (fifteen minutes)
	@$(IN_ENV) python benchmarks/gpu.py
	@$(IN_ENV) python benchmarks/gpu_dynamics.py

test-gpu: env ## the tests of networks on the GPU of this machine
	@$(IN_ENV) python -c 'import torch; assert torch.cuda.is_available(), "torch sees no GPU"'
	@UMKLAPP_DEVICE=cuda $(IN_ENV) python -m pytest tests/unit/potentials tests/unit/learning/sampling/test_torchsim.py

clean: ## remove caches and the demo's results; keeps .venv and all other results
	rm -rf results/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis build umklapp.egg-info
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
