# Two commands are all a newcomer needs: `make run` and `make test`. The others are parts of them.

.PHONY: run test build budget environment lint types javascript python postgres faults-short faults faults-full tools bench bench-full
.DELETE_ON_ERROR:

NODE_TEST = node --import ./tests/js/debian_node.js --test
JS_TESTS = $$(find tests/js -name '*.test.js')

run: .venv/.run
	@.venv/bin/python manage.py demo

test: .venv/.test tools
	@$(MAKE) --no-print-directory lint types javascript python postgres faults-short

# What is served where DEBUG is off: bundled and minified. Without it, or after a change, the sources are served as they are.
build:
	@.ci/frontend
	@node build.js

# What opening the chat weighs and takes, in a browser, on that build; fails where it is too much.
budget: .venv/.test tools
	@.venv/bin/python -m tests.budget

environment: .venv/.run

lint: .venv/.test
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@echo "Lint: clean"

types: .venv/.test
	@.venv/bin/mypy --no-error-summary
	@[ ! -x node_modules/.bin/tsc ] || node_modules/.bin/tsc --project .
	@echo "Types: clean"

javascript:
	@! command -v node >/dev/null || $(NODE_TEST) --test-reporter=dot $(JS_TESTS) || { $(NODE_TEST) $(JS_TESTS); exit 1; }

# Many tests wait more than they compute (the conformance kit, browsers), so there are more workers than cores.
# Three minutes of them are Schemathesis's, where a plain pytest gives it some seconds.
python: .venv/.test
	@SCHEMATHESIS_S=$(or $(SCHEMATHESIS_S),180) .venv/bin/python -m pytest --quiet --numprocesses=4 --dist=worksteal -m "not faults"

# What the database decides, once more where several processes share one.
postgres: .venv/.test
	@.venv/bin/python -m tests.on_postgres

# Real processes, killed and cut off from each other: every row at a tenth of the real times. They mostly wait.
faults-short: .venv/.test
	@.venv/bin/python -m pytest --quiet --numprocesses=4 --dist=worksteal -m "faults and not full" tests/faults

# The random schedule alone; SEED replays one.
faults: .venv/.test
	@NEMESIS_SEED=$(SEED) NEMESIS_MINUTES=$(or $(MINUTES),5) \
		.venv/bin/python -m pytest --quiet --capture=no -m faults tests/faults/test_nemesis.py

# Real sizes and real times.
faults-full: .venv/.test tools
	@FAULTS=full .venv/bin/python -m pytest --quiet --numprocesses=3 --dist=worksteal -m faults tests/faults tests/models

tools:
	@.ci/tools

# What it costs and how fast it is, beside a peer in the same run (docs/benchmarks.md); for a machine that does nothing
# else. PARTS names some of them; -full has the real sizes.
bench: .venv/.test tools
	@.venv/bin/python -m tests.bench $(PARTS)

bench-full: .venv/.test tools
	@.venv/bin/python -m tests.bench $(PARTS) --size full

.venv/.run: requirements.txt .ci/environment
	@.ci/environment requirements.txt
	@touch $@

.venv/.test: requirements.txt requirements-dev.txt .ci/environment
	@.ci/environment requirements-dev.txt
	@touch .venv/.run $@
