#!/usr/bin/env bash
# fuzz.sh [TIME] runs each fuzz target of the module for TIME (3s), one after the other, and stops at the first that
# fails. It finds the targets itself. What a target finds stays in testdata/fuzz of its package: keep it with the fix.
# FUZZ=REGEXP chooses targets by name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
time=${1:-3s}

# go test prints the names of a package's targets and, behind them, a line "ok", the package and a time.
targets=$(go test -list "${FUZZ:-^Fuzz}" ./... | awk '/^Fuzz/ { names[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, names[i] } !/^Fuzz/ { n = 0 }')
[ -n "$targets" ] || { echo "fuzz.sh: no targets found" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
built=
while read -r package name; do
  # The instrumented test is linked once for all targets of a package.
  if [ "$package" != "$built" ]; then
    go test -c -fuzz . -o "$work/fuzz.test" "$package"
    folder=$(go list -f '{{.Dir}}' "$package")
    built=$package
  fi
  echo "-- ${package#github.com/clerkgate/clerkgate/}: $name"
  (cd "$folder" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$time" \
    -test.fuzzcachedir "$work/$name") </dev/null >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done <<<"$targets"
echo "fuzz.sh: $(wc -l <<<"$targets") targets ran for $time each"
