# `make bench` and `make test` need Python 3.11 or newer and nothing else: they make what they use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs-ready

.PHONY: bench report test test-capabilities smoke lint docs prove prove-compare gpu-check clean

bench: $(READY)  ## the quick preset and its report
	$(BIN)/python -m zoobench run --preset quick
	$(BIN)/python -m zoobench report --figures

report: $(READY)  ## the report of the newest run
	$(BIN)/python -m zoobench report --figures

test: $(READY)  ## every test but the slow proofs and those for a GPU, on all processors
	$(BIN)/python -m pytest -m "not slow and not gpu" -n auto --dist worksteal

coverage: $(READY)  ## the same on one processor, with the share of lines and branches that they reach
	$(BIN)/coverage run -m pytest -m "not slow and not gpu"
	$(BIN)/coverage report --skip-covered --fail-under=90

# Kernels depend on the processor: what holds with AVX-512 is to hold with AVX2 alone, and below it. Torch and oneDNN are
# confined each by its own variable. OpenMP's threads do not spin while they wait: two test processes share processors.
# The rest of the tests of timing computes with series, not with kernels.
CAPABILITY_TESTS := tests/counting/memory tests/measure/capacity tests/measure/worker/test_capacity_trial.py \
	tests/measure/worker/test_prediction.py tests/measure/worker/probes/test_prediction.py \
	$(addprefix tests/measure/worker/timing/test_,kept_bytes.py layout.py loop.py rounds.py warm_up.py)
CONFINED_PYTEST := OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -m "not slow and not gpu" -n auto --dist worksteal \
	-p no:cacheprovider $(CAPABILITY_TESTS)

test-capabilities: $(READY)  ## the tests of predicted memory and of timing on kernels for AVX2, then on those below it
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(CONFINED_PYTEST)
	ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 $(CONFINED_PYTEST)

smoke: $(READY)  ## every suite runs, on two small models
	$(BIN)/python -m pytest suites --benchmark-disable --zoobench-models squeezenet1_1,mobilenet_v1_025 --zoobench-batch-sizes 1

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DOCS_READY)  ## the site of docs/, into site/
	$(BIN)/mkdocs build --strict

prove: $(READY)  ## what the README claims about speed; prints figures, takes minutes
	$(BIN)/python benchmarks/bench_report.py
	$(BIN)/python benchmarks/bench_page.py
	$(BIN)/python benchmarks/bench_start.py
	$(BIN)/python benchmarks/bench_count.py
	$(BIN)/python benchmarks/bench_memory.py
	$(BIN)/python benchmarks/bench_timing.py
	$(BIN)/python benchmarks/bench_decide.py
	$(BIN)/python -m pytest -m slow

prove-compare: $(READY)  ## false alarms and power of the gate, beside pytest-benchmark's; takes hours, and may be interrupted
	$(BIN)/python benchmarks/prove_compare.py

gpu-check: $(READY)  ## proves the CUDA side on a machine with a GPU; 8 minutes at most, and a report to attach
	$(BIN)/python tools/gpu_check.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(READY)

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $(DOCS_READY)

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
