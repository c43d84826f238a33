# SPDX-License-Identifier: GPL-3.0-or-later
# What developers and CI run. `make help` lists it; tests/env.sh holds the settings that all of it shares.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
IN := . tests/env.sh &&
VENV := .venv/.installed-$(shell cksum < requirements.txt | cut -d' ' -f1)
HOSTS := tests/hosts/hosts
SCENARIO ?= $(notdir $(patsubst %/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))
PLUGINS := ansible_collections.livepeer.fleet.plugins
export LIVEPEER_ARCHIVE

STEPS := lint unit browser programs standin sanity build integration samples molecule

.PHONY: help test demo demo-down venv engine shell archive clean specs docs changelog $(STEPS)

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

test: venv ## everything that CI runs: lint to molecule, in this order
	@for step in $(STEPS); do \
	  printf '\n===== make %s =====\n' "$$step"; before=$$SECONDS; \
	  $(MAKE) --no-print-directory "$$step"; printf '===== %s: %d s =====\n' "$$step" $$((SECONDS - before)); \
	done

demo: venv engine archive ## four hosts over SSH: plan, site, verify, site again, video segments (LIVEPEER_ARCHIVE=… for a real node)
	@$(IN) python demo/demo.py

demo-down: ## leave nothing of the demo behind
	@$(HOSTS) down --name demo
	@rm -rf .cache/demo
	@$(HOSTS) engine down

lint: venv ## ruff, mypy, yamllint, ansible-lint, specs, changelog
	@$(IN) ruff check .
	@$(IN) ruff format --check .
	@$(IN) MYPYPATH=$$ANSIBLE_COLLECTIONS_PATH mypy -p $(PLUGINS)
	@$(IN) MYPYPATH=tests/hosts mypy tests/hosts tests/chain/chainlib demo molecule/*/tests/*.py
	@$(IN) MYPYPATH=tests/hosts:$$ANSIBLE_COLLECTIONS_PATH mypy --follow-imports=silent --untyped-calls-exclude=selenium tests/browser
	@$(IN) MYPYPATH=tests/hosts:tests/programs:$$ANSIBLE_COLLECTIONS_PATH mypy --follow-imports=silent tests/programs
	@$(IN) MYPYPATH=tests/standin mypy tests/standin/node
	@$(IN) MYPYPATH=tests/hosts:tests/standin:tests/chain:tests/samples mypy --follow-imports=silent tests/samples
	@$(IN) MYPYPATH=tests/tools:$$ANSIBLE_COLLECTIONS_PATH mypy tests/tools tests/benchmarks
	@$(IN) yamllint --strict .
	@$(IN) ansible-lint --offline --strict
	@$(IN) python tests/tools/specs.py --check
	@$(IN) antsibull-changelog lint

unit: venv ## model, prices, rules, render: milliseconds each, with property tests and coverage
	@$(IN) pytest tests/unit -n auto --dist=worksteal --cov --cov-report=term:skip-covered

browser: venv ## the page of a plan in a headless Chromium, which is installed where it is missing
	@$(IN) pytest tests/browser

programs: venv ## what is written for promtool and nft, judged by these, which are installed where they are missing
	@$(IN) pytest tests/programs

standin: venv ## the stand-in node held against recordings of the real one, the stand-in chain, and how it ends
	@$(IN) pytest -n auto --dist=loadfile tests/standin tests/hosts

sanity: venv ## ansible-test sanity
	@$(IN) tests/sanity/run

build: venv ## the collection's archive, and a look at what is in it
	@$(IN) tests/build/run

integration: venv engine archive ## filters, action and modules on real systemd hosts
	@$(IN) pytest -n 2 --dist=loadfile tests/integration

samples: venv engine archive ## each sample inventory on hosts of its own, and jobs through its gateways
	@$(IN) pytest tests/samples

molecule: venv engine archive ## whole stories on real hosts; one of them with SCENARIO=…
	@for scenario in $(SCENARIO); do printf '\n----- molecule %s -----\n' "$$scenario"; $(IN) molecule test -s "$$scenario"; done

specs: venv ## write the roles' argument specs and the docs' tables from the one definition of the variables
	@$(IN) python tests/tools/specs.py

docs: venv specs ## show that every plugin's and role's documentation can be read
	@$(IN) ansible-doc --metadata-dump --no-fail-on-errors livepeer.fleet > .cache/docs.json && echo "documentation: .cache/docs.json"

changelog: venv ## write CHANGELOG.md from the fragments (a release does)
	@$(IN) antsibull-changelog release --update-existing --reload-plugins

venv: $(VENV) ## the controller's environment in .venv
$(VENV):
	@PYTHON=$(PYTHON) tests/tools/venv .venv requirements.txt $@

engine: venv ## a Docker engine and the image of the test hosts
	@$(HOSTS) image > /dev/null

archive: venv ## the archive to deploy: LIVEPEER_ARCHIVE=…, or the stand-in packed like an official one
	@$(IN) tests/standin/pack --output .cache/standin > /dev/null
	@$(IN) test -f "$$LIVEPEER_ARCHIVE" || { echo "there is no archive $$LIVEPEER_ARCHIVE" >&2; exit 1; }

shell: venv ## a shell in which ansible-playbook, pytest and molecule work as here
	@$(IN) exec bash

clean: ## remove everything that was made here: hosts, engine, image, environments, caches
	@$(HOSTS) down --all
	@if docker info > /dev/null 2>&1; then $(HOSTS) image remove; fi
	@$(HOSTS) engine down
	@rm -rf .venv .cache dist .ansible .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
