# Targets are thin wrappers of cargo and scripts/. They always use `--workspace`: another selection enables other features and recompiles everything.
SHELL := /bin/bash
LOCAL := target/debug/local

.PHONY: run dev test test-web build migrate-up migrate-down seed admin swagger collection docs check-documents fuzz-api queries bench bench-peers bench-abuse instructions check-template web deploy package rehearse rehearse-network cost release check-dependencies check

run: build ## starts the backend on this machine; PORT=8081 make run
	@exec $(LOCAL) up

dev: build ## like run; rebuilds and replaces functions when their sources change, sockets stay open
	@exec $(LOCAL) up --watch

test: mariadb ## runs all tests with a real MariaDB and the real binaries, then those of the SDK and the web client
	cargo test --workspace --locked
	@scripts/test-web.sh || [ $$? = 3 ] # 3: a tool is missing and cannot be installed; the script has printed what it skipped

test-web: build ## runs only the tests of the SDK and the web client, in Node and Chromium
	scripts/test-web.sh

build: mariadb
	cargo build --workspace --bins --locked

migrate-up: build ## migrates the local database, or DATABASE_URL, to the newest version
	@$(LOCAL) migrate-up

migrate-down: build ## reverts the last migration
	@$(LOCAL) migrate-down

admin: build ## gives a user operator rights, in the local database or in DATABASE_URL: make admin user=ann
	@$(LOCAL) admin "$(user)"

seed: ## fills the running cloud with example data and prints its logins
	@$(LOCAL) seed

swagger: ## generates shared/openapi.json, shared/asyncapi.json and, with Node, the SDK's types
	cargo run --quiet --locked --example openapi
	@if command -v node >/dev/null; then node local/web/tests/wire.mjs; else echo "local/web/sdk/wire.d.ts is unchanged: Node is not installed"; fi

collection: swagger ## generates shared/collection.json for Postman and Bruno; `swagger` writes it too

docs: mariadb ## generates docs/erd.md from a migrated database, the counts of `make cost` and the tables of docs/configuration.md from template.yaml
	WRITE_DOCS=1 WRITE_COUNTS=1 cargo test --workspace --locked --test it -- erd attentive_rooms
	WRITE_DOCS=1 cargo test --workspace --locked --test deployment -- settings

check-documents: ## validates both API documents and their examples
	scripts/check-documents.sh

fuzz-api: build ## fuzzes a temporary cloud with requests generated from openapi.json in several roles; CASES=200 make fuzz-api
	scripts/fuzz-api.sh

queries: ## generates shared/.sqlx from the queries in the code; queries-check fails if it is stale
	scripts/queries.sh

queries-check:
	scripts/queries.sh --check

bench: mariadb ## time, memory and sizes on this machine, as docs/measured.md shows them, then a comparison with other servers; builds release binaries first
	cargo build --workspace --release --locked --bins --example hello --example relay
	cargo bench --workspace --locked --bench figures --bench history --bench pictures --bench search
	@scripts/bench/run.py

bench-peers: mariadb ## only the comparison with socket.io, ejabberd and a bare relay; ARGS=--help shows its options
	cargo build --workspace --release --locked --bins --example relay
	@scripts/bench/run.py $(ARGS)

instructions: build ## counts the instructions of a warm send, page and fanout under callgrind, against scripts/instructions.json; WRITE=1 records them
	@scripts/instructions.py || [ $$? = 3 ] # 3: valgrind is missing and cannot be installed; the script has printed so

PROFILE ?= release
bench-abuse: mariadb ## measures the effect of one account at all its limits on other users; with the binaries of `make build`: PROFILE=dev make bench-abuse
	cargo bench --workspace --locked --profile $(PROFILE) --bench abuse

check-template: ## validates template.yaml without an AWS account: sam validate, cfn-lint after the transform, checkov
	scripts/check-template.sh

web: ## builds the web client for hosting into .local/dist; scripts/web.py --help has the options
	python3 scripts/web.py .local/dist

deploy: ## builds and deploys the stack with its web client: make deploy STAGE=dev ARGS="--region eu-central-1 --parameter-overrides …"
	scripts/deploy.sh "$(STAGE)" $(ARGS)

package: ## builds all functions with `sam build`; ARCHITECTURE=arm64 selects another architecture
	scripts/package.sh

rehearse: ## deploys, updates, tests and deletes the stack on a local AWS emulator; PROFILE=dev uses the binaries of `make build`
	scripts/rehearse.sh

rehearse-network: ## runs the programs as in a VPC, against stand-ins under AWS's own host names; PROFILE=dev uses the binaries of `make build`
	scripts/rehearse-network.sh

check-dependencies: ## checks licences, sources and bans of deny.toml and finds unused dependencies; ADVISORIES=1 adds known vulnerabilities
	scripts/check-dependencies.sh

cost: ## prints billed frames by act, the cost of a million messages at list prices, and the quotas that people online need
	@cargo run --quiet --locked --example cost
	@cargo run --quiet --locked --example quotas

release: ## releases what is committed: version, changelog, upgrade fixture, commit and tag: make release VERSION=0.2.0
	scripts/release.sh "$(VERSION)"

check: ## runs the checks of CI
	.ci/run

.PHONY: mariadb queries-check
mariadb:
	@scripts/mariadb.sh
