#!/usr/bin/env bash
# Runs Clerk's own clients on the local Clerk: the official Go SDK, @clerk/backend on Node, and @clerk/clerk-js in
# Chromium, through clerkgate; and the other way round, clerkapi on the npm package emulate. COMPAT_REQUIRED=1 makes a missing tool a failure instead of a skip. SCREENSHOTS names a
# folder for pictures of the browser.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

skip() {
  echo "compat: $*" >&2
  [ "${COMPAT_REQUIRED:-}" != 1 ] || exit 1
  exit 0
}

echo '== official Go SDK, and clerkapi on an emulator that is not ours'
if command -v npm >/dev/null; then
  (cd emulate && { [ -d node_modules/emulate ] || npm ci --no-progress; })
fi
go test -race -count=1 ./...
(cd ../../../clerksdk && go vet ./... && go test -race -count=1 ./...)

echo '== @clerk/backend, and the official MCP client'
command -v node >/dev/null && command -v npm >/dev/null || skip 'node or npm is not installed, so no JavaScript was run'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd ../../.. && go build -o "$work/" ./cmd/clerkgate ./examples/nethttp)
export CLERKGATE="$work/clerkgate" NETHTTP="$work/nethttp"
(
  cd node
  [ -d node_modules/@modelcontextprotocol/sdk ] || npm ci --no-progress
  node --test --test-timeout=60000 *.test.mjs
)

echo '== @clerk/clerk-js in Chromium'
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || skip 'Chromium is not installed, so @clerk/clerk-js was not run'
export CHROMIUM
(
  cd browser
  [ -d node_modules/@clerk/clerk-js ] || npm ci --no-progress
  node --test --test-timeout=300000 *.test.mjs
)
