# Every target is one thin line over cargo and scripts/. Always `--workspace`: another selection has other features, and compiles everything again.
SHELL := /bin/bash
LOCAL := target/debug/local

.PHONY: run dev test test-web build migrate-up migrate-down seed admin swagger collection docs check-documents fuzz-api queries bench bench-abuse check-template package rehearse cost release check-dependencies check

run: build ## the whole backend on this machine; PORT=8081 make run
	@exec $(LOCAL) up

dev: build ## the same; functions whose sources change are built again and serve, and sockets stay open
	@exec $(LOCAL) up --watch

test: mariadb ## every test, on a real MariaDB and the real binaries; then the SDK and the web client
	cargo test --workspace --locked
	@scripts/test-web.sh || [ $$? = 3 ] # 3: a tool is missing which cannot be installed here; what that left out was told

test-web: build ## only the SDK and the web client, in Node and in Chromium
	scripts/test-web.sh

build: mariadb
	cargo build --workspace --bins --locked

migrate-up: build ## the schema of the local database, or of DATABASE_URL, to its newest version
	@$(LOCAL) migrate-up

migrate-down: build ## and back
	@$(LOCAL) migrate-down

admin: build ## makes a person an operator, in the local database or in DATABASE_URL: make admin user=ann
	@$(LOCAL) admin "$(user)"

seed: ## people, rooms and messages for the cloud that `make run` has up; prints who can log in
	@$(LOCAL) seed

swagger: ## shared/openapi.json from the routers, shared/asyncapi.json from the protocol, and the SDK's types from both where there is Node
	cargo run --quiet --locked --example openapi
	@if command -v node >/dev/null; then node local/web/tests/wire.mjs; else echo "local/web/sdk/wire.d.ts is as it was: no Node here"; fi

collection: swagger ## shared/collection.json, every request for Postman and Bruno; the same run writes it

docs: mariadb ## docs/erd.md from a migrated database
	WRITE_DOCS=1 cargo test --workspace --locked --test it -- erd

check-documents: ## both documents against the schemas of their standards, examples against their shapes
	scripts/check-documents.sh

fuzz-api: build ## requests made up from openapi.json, as three roles, at a cloud of their own; CASES=200 make fuzz-api
	scripts/fuzz-api.sh

queries: ## shared/.sqlx from the queries in the code; queries-check fails when it is stale
	scripts/queries.sh

queries-check:
	scripts/queries.sh --check

bench: mariadb ## time, memory and sizes on this machine, as the README shows them; builds release binaries first
	cargo build --workspace --release --locked --example hello
	cargo bench --workspace --locked --bench figures --bench history --bench pictures --bench search

PROFILE ?= release
bench-abuse: mariadb ## what one account at all its limits does to everybody else; with the binaries of `make build`: PROFILE=dev make bench-abuse
	cargo bench --workspace --locked --profile $(PROFILE) --bench abuse

check-template: ## all that can be known of template.yaml without an account: validation, lint after the transform, checkov
	scripts/check-template.sh

package: ## `sam build` of all functions, with the tools that it needs; ARCHITECTURE=arm64 for another one than this machine's
	scripts/package.sh

rehearse: ## deploys, updates, tests and deletes the stack on an AWS of this machine; PROFILE=dev with the binaries of `make build`
	scripts/rehearse.sh

check-dependencies: ## licences, sources and bans of deny.toml, and that every dependency is used; ADVISORIES=1 asks for known vulnerabilities, too
	scripts/check-dependencies.sh

cost: ## what a million messages cost, from list prices
	@cargo run --quiet --locked --example cost

release: ## a release of what is committed: version, changelog, fixture of upgrades, commit and tag: make release VERSION=0.2.0
	scripts/release.sh "$(VERSION)"

check: ## what CI runs
	.ci/run

.PHONY: mariadb queries-check
mariadb:
	@scripts/mariadb.sh
