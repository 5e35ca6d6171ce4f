#!/usr/bin/env bash
# Runs Clerk's own clients on the local Clerk: the official Go SDK, and @clerk/backend on Node.
# COMPAT_REQUIRED=1 makes a missing tool a failure instead of a skip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

echo '== official Go SDK'
go test -race -count=1 ./...

echo '== @clerk/backend'
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo 'compat: node or npm is not installed, so @clerk/backend was not run' >&2
  [ "${COMPAT_REQUIRED:-}" != 1 ] || exit 1
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd ../.. && go build -o "$work/clerkgate" ./cmd/clerkgate)
cd node
[ -d node_modules/@clerk/backend ] || npm ci --no-progress
CLERKGATE="$work/clerkgate" node --test --test-timeout=60000 *.test.mjs
