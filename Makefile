# Every command of the project. The work is done by the scripts in ci/ and by the CLI in ci/stoa.
.DEFAULT_GOAL := help
.PHONY: help up down reset logs dev test check fmt sqlx openapi clusters clusters-down restore new-service bench footprint

# Passed on to the scripts when given: make up QUEUE=rabbitmq
export QUEUE QUEUE_URL STOA_BIND STOA_PORT STOA_WEB_PORT

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start everything, import the demo, print where to look (QUEUE=rabbitmq for the other queue)
	@ci/platform/up

down: ## Stop everything, keep the data
	@docker compose --profile '*' down --remove-orphans

reset: ## Stop everything and wipe its data and secrets
	@ci/platform/reset

logs: ## Follow the logs (S=worker for one service)
	@docker compose logs --follow --tail 100 $(S)

dev: ## Run the platform as plain processes without Docker, restarted on a change
	@cargo run --quiet --package stoa -- dev

test: ## Run every test, in Docker Compose
	@ci/test/run

check: ## Run every lint and staleness check, cheap ones first
	@ci/check/run

fmt: ## Format Rust and the console
	@cargo fmt --all
	@cd services/web && npm run --silent format

sqlx: ## Renew the query data in services/*/.sqlx from migrated databases
	@ci/check/sqlx --write

openapi: ## Renew services/web/openapi.json and the console's client from the code
	@ci/toolbox --volume "$(CURDIR)/services/web:/web" -- ci/check/openapi /web/openapi.json
	@cd services/web && npm run --silent generate

clusters: ## Two Swarm clusters on this machine, production and staging, and their registry
	@ci/clusters/up

clusters-down: ## Remove them and all that is in them
	@ci/clusters/down

restore: ## Put the PostgreSQL of a cluster back to a moment (CLUSTER=staging TO='2026-11-24 10:15:00+00')
	@ci/restore "$(CLUSTER)" "$(TO)"

new-service: ## Copy services/stub (NAME=billing)
	@ci/new-service "$(NAME)"

bench: ## Measure (AREA=platform or nlu for one)
	@ci/bench/run $(AREA)

footprint: ## Print image sizes and resident memory of every service
	@cargo run --quiet --package stoa -- footprint
