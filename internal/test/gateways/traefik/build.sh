#!/usr/bin/env bash
# build.sh FILE builds the program beside it into FILE.
#
# Traefik as a whole cannot be built as a module: it reaches modules that are not
# published. What its forwardAuth needs can. So the packages of the module are laid
# out once more, without the two middlewares for passwords, and with two files of
# ours (exchanged/) in place of those that know every provider and Kubernetes. No
# file that is kept is changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
version=v3.7.13
sum=h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw=

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cp -R main.go go.mod go.sum ext "$work"

mkdir "$work/download"
cd "$work/download"
go mod init download 2>/dev/null
go mod download -json "github.com/traefik/traefik/v3@$version" >answer.json
field() { sed -n "s/^\t\"$1\": \"\(.*\)\",\{0,1\}$/\1/p" answer.json; }
[ "$(field Sum)" = "$sum" ] || { echo "build.sh: Traefik $version is not what it was" >&2; exit 1; }
source=$(field Dir)
cd - >/dev/null

mkdir "$work/src"
cp -R "$source/pkg" "$source/go.mod" "$work/src"
chmod -R u+w "$work/src"
pkg=$work/src/pkg
rm "$pkg/middlewares/auth/basic_auth.go" "$pkg/middlewares/auth/digest_auth.go"
mv "$pkg/config/static/entrypoints.go" "$work"
rm -r "$pkg/config/static"
mkdir "$pkg/config/static"
mv "$work/entrypoints.go" "$pkg/config/static"
cp exchanged/static.go.txt "$pkg/config/static/static.go"
cp exchanged/k8sdetector.go.txt "$pkg/types/k8sdetector.go"
find "$work/src" -name '*_test.go' -delete

(cd "$work" && go build -trimpath -o traefik .)
mv "$work/traefik" "$1"
