# Every command of the project. The work is done by the scripts in ci/ and by the CLI in ci/stoa.
.DEFAULT_GOAL := help
.PHONY: help up down reset logs dev test check fmt sqlx openapi clusters clusters-down soak restore new-service bench footprint
.PHONY: deploy rollback history show diff status gc pipeline

# What is given on the command line reaches the scripts as environment: make up QUEUE=rabbitmq STOA_PORT=8090

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start everything, import the demo, print where to look (QUEUE=rabbitmq: the other queue; ENCODER=minilm: with a sentence encoder)
	@ci/platform/up

down: ## Stop everything, keep the data
	@ci/platform/down

reset: ## Stop everything and wipe its data and secrets
	@ci/platform/reset

logs: ## Follow the logs (S=worker for one service); with CLUSTER=staging the last lines of a service there
	@$(if $(CLUSTER),ci/stoa/cli logs --cluster "$(CLUSTER)",ci/platform/logs) $(S)

dev: ## Run the platform as plain processes without Docker, restarted on a change
	@ci/stoa/run dev

test: ## Run every test, in Docker Compose (DELIVERY=short or all: those on real clusters as well)
	@ci/test/run

check: ## Run every lint and staleness check, cheap ones first
	@ci/check/run

fmt: ## Format Rust and the console
	@cargo fmt --all
	@cd services/web && npm run --silent format

sqlx: ## Renew the query data in {services,shared}/*/.sqlx from migrated databases
	@ci/check/sqlx --write

openapi: ## Renew services/web/openapi.json and the console's client from the code
	@ci/toolbox --volume "$(CURDIR)/services/web:/web" -- ci/check/openapi /web/openapi.json
	@docker run --rm --volume "$(CURDIR)/services/web/openapi.json:/web/openapi.json:ro" \
	  --volume "$(CURDIR)/services/web/src:/web/src" stoa/web-tests npm run --silent generate

clusters: ## Two Swarm clusters on this machine, production and staging, and their registry
	@ci/clusters/up

clusters-down: ## Remove them and all that is in them
	@ci/clusters/down

soak: ## Deploy and roll back production under load, over and over (DEPLOYMENTS=2000 MINUTES=60); AREA=queue or gateway: break it
	@ci/soak $(AREA)

restore: ## Put the PostgreSQL of a cluster back to a moment (CLUSTER=staging TO='2026-11-24 10:15:00+00')
	@ci/restore "$(CLUSTER)" "$(TO)"

deploy: ## Deploy this commit, or VERSION, to CLUSTER (staging, production); VERSION=live: what runs there
	@ci/deploy "$(CLUSTER)" $(VERSION)

rollback: ## Make CLUSTER run its release TO again (TO=12)
	@ci/stoa/cli rollback --cluster "$(CLUSTER)" --to "$(TO)"

history: ## List what was deployed to CLUSTER
	@ci/stoa/cli history --cluster "$(CLUSTER)" $(if $(LIMIT),--limit "$(LIMIT)")

show: ## Print the release N of CLUSTER
	@ci/stoa/cli show --cluster "$(CLUSTER)" "$(N)"

diff: ## Print how the release N of CLUSTER differs from that before it, or from TO
	@ci/stoa/cli diff --cluster "$(CLUSTER)" "$(N)" $(TO)

status: ## Print what runs on CLUSTER, and who deploys
	@ci/stoa/cli status --cluster "$(CLUSTER)"

gc: ## Remove what no kept release of CLUSTER needs (DRY_RUN=1 only says what)
	@ci/stoa/cli gc --cluster "$(CLUSTER)" $(if $(DRY_RUN),--dry-run)

pipeline: ## Run the pipeline's deploy jobs here, on the local clusters
	@ci/pipeline/run-locally

new-service: ## Copy services/stub (NAME=billing)
	@ci/new-service "$(NAME)"

bench: ## Measure (AREA=platform, nlu, queue or gateway for one)
	@ci/bench/run $(AREA)

footprint: ## Print image sizes and resident memory of every service, beside their targets
	@ci/platform/footprint
