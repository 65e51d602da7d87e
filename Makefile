# Every target is one thin line over cargo and scripts/. Always `--workspace`: another selection has other features, and compiles everything again.
SHELL := /bin/bash
LOCAL := target/debug/local

.PHONY: run dev test build migrate-up migrate-down swagger queries bench check

run: build ## the whole backend on this machine; PORT=8081 make run
	@exec $(LOCAL) up

dev: build ## the same; functions whose sources change are built again and serve, and sockets stay open
	@exec $(LOCAL) up --watch

test: mariadb ## every test, on a real MariaDB and the real binaries
	cargo test --workspace --locked

build: mariadb
	cargo build --workspace --bins --locked

migrate-up: build ## the schema of the local database, or of DATABASE_URL, to its newest version
	@$(LOCAL) migrate-up

migrate-down: build ## and back
	@$(LOCAL) migrate-down

swagger: ## shared/openapi.json from the routers
	cargo run --quiet --locked --example openapi

queries: ## .sqlx from the queries in the code; queries-check fails when it is stale
	scripts/queries.sh

queries-check:
	scripts/queries.sh --check

bench: mariadb ## time, memory and sizes on this machine, as the README shows them; builds release binaries first
	cargo build --workspace --release --locked --example hello
	cargo bench --workspace --locked --bench figures --bench history

check: ## what CI runs
	.ci/run

.PHONY: mariadb queries-check
mariadb:
	@scripts/mariadb.sh
