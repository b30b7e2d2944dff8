# make serve   a folder over FTP with TLS, ready to use        make test   every check and test
# make docs    the documentation, as HTML                      make fuzz   look for what breaks it
# make bench   its speed beside that of others (QUICK=1)       make curves its speed under load (QUICK=1)
# make clean   remove what was built
#
# Everything is installed into .venv, once: stamps named after pyproject.toml, this folder and
# the Python say that it is there, so that a second run needs no network.

PYTHON = python3
ROOT = ./public
PORT = 2121
IMPLICIT_PORT = 2990
STATE = .state
SCALE = 10
FUZZ = 20000
BENCH = build/bench
export PYTHON ROOT PORT IMPLICIT_PORT STATE
# Debian keeps servers where users' PATH does not lead.
export PATH := $(PATH):/usr/sbin
# The tests start some hundred processes: what is imported is compiled once.
unexport PYTHONDONTWRITEBYTECODE

run := .venv/bin/python
place := $(shell { pwd; "$(PYTHON)" -VV; } 2>&1 | sha256sum | cut -c 1-16)
key := $(shell { echo $(place); cat pyproject.toml; } | sha256sum | cut -c 1-16)
made := .venv/made-$(place)
installed := .venv/installed-$(key)
developed := .venv/developed-$(key)
pip := $(run) -m pip --disable-pip-version-check -qq install
# What a module or class of tests has started, such as a server, one process uses.
pytest := $(run) -m pytest -n auto --dist loadscope
sphinx := $(run) -m sphinx -q -W --keep-going -b html docs docs/_build/html
clients := curl fish lftp ncftp nodejs npm openssl rclone tnftp vsftpd zsh
modules := tests/interop/node_modules

.PHONY: environment serve test coverage test-long fuzz bench curves lint docs clean packages programs
.NOTPARALLEL:
.SILENT:

environment: $(installed)

serve: $(installed)
	exec $(run) -m ftptls serve --root "$$ROOT" --port "$$PORT" \
	    --implicit-port "$$IMPLICIT_PORT" --state "$$STATE"

test: lint
	$(sphinx)
	$(pytest)

coverage: packages $(developed)
	$(pytest) --cov

test-long: packages $(developed)
	FTPTLS_SCALE=$(SCALE) $(pytest)

fuzz: $(developed)
	$(run) -m tests.fuzz $(FUZZ)

bench: programs $(developed)
	$(run) -m tests.bench.field $(if $(QUICK),--quick) \
	    --json $(BENCH)/field.json --markdown $(BENCH)/field.md

curves: $(developed)
	$(run) -m tests.bench.curves $(if $(QUICK),--quick) --folder $(BENCH)/curves
	$(run) -m tests.bench.ftpbench $(if $(QUICK),--rounds 1) --folder $(BENCH)

lint: packages $(developed)
	$(run) -m ruff check .
	$(run) -m ruff format --check .
	$(run) -m mypy
	.venv/bin/lint-imports --no-logo

docs: $(developed)
	$(sphinx)
	echo "docs/_build/html/index.html"

clean:
	rm -rf .venv build dist docs/_build htmlcov _trial_temp .coverage .coverage.* \
	    .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(modules)
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -f twisted/plugins/dropin.cache

$(installed): | $(made)
	$(pip) --editable .
	rm -f .venv/installed-* .venv/developed-*
	touch $@

$(developed): | $(made)
	$(pip) --editable '.[dev]'
	rm -f .venv/installed-* .venv/developed-*
	touch $(installed) $@

$(made):
	command -v "$$PYTHON" >/dev/null || { \
	    echo "Python 3.11 or newer is needed: install the packages python3 and python3-venv." >&2; exit 1; }
	"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed, and $$PYTHON is older: name another one with PYTHON=..." >&2; exit 1; }
	"$$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "Python cannot make virtual environments here: install the package python3-venv." >&2; exit 1; }
	echo "Making the environment in .venv, once ..."
	"$$PYTHON" -m venv --clear .venv
	touch $@

# The real clients and shells, another server, and a database, of the tests.
packages: programs $(modules)/.fetched

# npm is asked once, for what the lock file names, and again when that file has changed.
$(modules)/.fetched: tests/interop/package-lock.json
	npm ci --prefix tests/interop --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	touch $@

# apt is asked only for what is missing. Debian would start what serves: that is masked first,
# for the tests start their own.
programs:
	missing=; for name in $(clients); do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	perl -MNet::FTP -MIO::Socket::SSL -e 1 2>/dev/null || missing="$$missing perl libio-socket-ssl-perl"; \
	set -- /usr/lib/postgresql/*/bin/initdb; test -x "$$1" || command -v initdb >/dev/null || \
	    missing="$$missing postgresql"; \
	"$$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	test -n "$$missing" || exit 0; \
	if ! command -v apt-get >/dev/null; then \
	    echo "The tests need these programs; install them first:$$missing" >&2; exit 1; fi; \
	if test "$$(id -u)" = 0; then sudo=; \
	elif command -v sudo >/dev/null; then sudo=sudo; else \
	    echo "The tests need these packages; install them as root first:$$missing" >&2; exit 1; fi; \
	echo "Installing$$missing ..."; \
	for name in vsftpd postgresql; do case "$$missing" in *$$name*) \
	    ! command -v systemctl >/dev/null || $$sudo systemctl --quiet mask $$name;; esac; done; \
	$$sudo apt-get update -qq && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null
