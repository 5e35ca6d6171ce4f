#!/usr/bin/env bash
# Runs each recipe of examples/forwardauth on the gateway it is for: nginx, Caddy and HAProxy as Debian has them, Traefik's
# own middleware as a Go module. As root it installs what is missing. GATEWAYS_REQUIRED=1 makes a missing gateway a failure
# in place of a skip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing=()
for gateway in nginx caddy haproxy; do
  command -v "$gateway" >/dev/null || [ -x "/usr/sbin/$gateway" ] || missing+=("$gateway")
done
if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  # The packages start servers on port 80 where there is an init system; only the programs are wanted.
  apt-get update -qq
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]/#nginx/nginx-light}"
fi

go vet ./...
go test -count=1 -timeout 15m "$@" ./...
