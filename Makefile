# Targets for people; `make` explains them. The work is in the commands below them.
.DEFAULT_GOAL := help
.PHONY: help check test lint fuzz bench demo build ci

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-7s %s\n' "$$name" "$$text"; done

check: ## what to run before a commit: format, vet, lint, and the tests that are quick (under a minute, caches warm)
	@test -z "$$(gofmt -s -l .)" || { echo "run gofmt -s -w on:"; gofmt -s -l .; exit 1; }
	go vet ./...
	"$$(.ci/tool golangci-lint)" run ./...
	go test -short ./...

test: ## every test, under the race detector
	go test -race ./...

lint: ## golangci-lint and staticcheck, in the versions of .ci/tool
	"$$(.ci/tool golangci-lint)" run ./...
	"$$(.ci/tool staticcheck)" ./...

fuzz: ## each fuzz target for TIME (3s); FUZZ=regexp chooses targets
	bash internal/test/fuzz.sh $(or $(TIME),3s)

bench: ## the sidecar beside a bare reverse proxy and HAProxy (internal/test/bench/README.md)
	go run ./internal/test/bench

demo: ## a local Clerk, an application, and clerkgate in front of it, on http://localhost:8080
	go run ./cmd/clerkgate demo

build: ## the binary, as ./clerkgate
	CGO_ENABLED=0 go build -trimpath -o clerkgate ./cmd/clerkgate

ci: ## everything that a change must pass, as the CI does (half an hour)
	.ci/run
