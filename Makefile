# make demo: hear it work.   make test: trust it.   make check: the longer proofs.   make bench: figures.
# make moves: servers killed and restarted under live calls.   make fuzz: what nobody honest sends.
# make deploy-check: the files of deploy/, by the programs they are for.
.PHONY: setup demo test check fuzz bench faults wavs soak renewals board moves deploy-tools deploy-check lock style

BIN := .venv/bin

setup:
	@sh deploy/setup.sh

demo: setup
	@$(BIN)/offhook demo

test: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

check: test deploy-tools
	@$(BIN)/pytest -m slow --timeout 900
	@HOSTILE=long $(BIN)/pytest tests/hostile --timeout 900

# Minutes of a fuzzer that sees branches; it is no part of the set-up, for it has wheels for few machines.
fuzz: setup
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .data/fuzz atheris==3.1.0
	@PYTHONPATH=.data/fuzz $(BIN)/python -m tests.hostile.fuzz -max_total_time=$(or $(SECONDS),120) -max_len=4096

bench: setup
	@$(BIN)/offhook bench

# What a caller hears of every fault at every stage (4 min), two calls as WAV files, and half an hour of calls at
# half the knee, which fails where the server grows.
faults: setup
	@$(BIN)/offhook bench faults --picture faults.png

wavs: setup
	@$(BIN)/offhook bench faults --wav .data/faults

soak: setup
	@$(BIN)/offhook bench soak --minutes 30

# A thousand renewals while things break, every frame of the callers' numbered (4 min).
renewals: setup
	@$(BIN)/pytest -q -m slow --show-capture=no tests/whole/test_renewals.py

# Every panel of the dashboard with the data of a load, by a real Prometheus (2 min).
board: setup
	@sh deploy/prometheus/fetch.sh
	@$(BIN)/python -m app.cli.bench_board

moves: setup
	@$(BIN)/python -m app.cli.bench_moves

# nginx, docker-compose, an emulated AWS and the schemas of Kubernetes; Terraform and kubectl must be there.
deploy-tools: setup
	@sh deploy/tools.sh

deploy-check: deploy-tools
	@$(BIN)/pytest tests/deploy tests/whole/test_balancers.py --timeout 900 -rP

style: setup
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

# Locks are universal, hashed, and name no address.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.13
lock: setup
	@echo uv | $(LOCK) - -o requirements-setup.lock
	@$(LOCK) pyproject.toml --extra dev -o requirements-dev.lock
	@$(LOCK) pyproject.toml -c requirements-dev.lock -o requirements-run.lock
