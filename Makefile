# Two commands are all a newcomer needs: `make run` and `make test`. The others are parts of them.

.PHONY: run test environment lint types javascript python tools bench
.DELETE_ON_ERROR:

NODE_TEST = node --import ./tests/js/debian_node.js --test
JS_TESTS = $$(find tests/js -name '*.test.js')

run: .venv/.run
	@.venv/bin/python manage.py demo

test: .venv/.test tools
	@$(MAKE) --no-print-directory lint types javascript python

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

# Some tests wait more than they compute (the conformance kit, browsers), so there is a worker more than cores.
python: .venv/.test
	@.venv/bin/python -m pytest --quiet --numprocesses=3 --dist=worksteal

tools:
	@.ci/tools

bench: .venv/.test tools
	@.venv/bin/python -m tests.bench

.venv/.run: requirements.txt .ci/environment
	@.ci/environment requirements.txt
	@touch $@

.venv/.test: requirements.txt requirements-dev.txt .ci/environment
	@.ci/environment requirements-dev.txt
	@touch .venv/.run $@
