#!/bin/sh
# Puts a static `ork` into an OCI image layout, without a container engine: the same image as that of Dockerfile, and the same digest
# for the same program, authorities, version and revision.
#
#   deploy/image.sh --binary ork --output image [--ca FILE] [--arch amd64] [--version 0.1.0] [--revision COMMIT]
#
# `crane push image ghcr.io/orkestra-sh/ork:0.1.0` and `skopeo copy oci:image docker://…` publish it.
set -eu

fail() {
    echo "image.sh: $1" >&2
    exit 2
}

binary='' output='' ca=/etc/ssl/certs/ca-certificates.crt arch=amd64 version=0.1.0 revision=unknown
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value"
    case $1 in
    --binary) binary=$2 ;;
    --output) output=$2 ;;
    --ca) ca=$2 ;;
    --arch) arch=$2 ;;
    --version) version=$2 ;;
    --revision) revision=$2 ;;
    *) fail "no such option: $1" ;;
    esac
    shift 2
done
[ -f "$binary" ] || fail "--binary: there is no file \`$binary\`"
[ -f "$ca" ] || fail "--ca: there is no file \`$ca\`"
[ -n "$output" ] || fail "--output names a directory that is not there yet"
[ ! -e "$output" ] || fail "--output: \`$output\` is there already"
for word in "$arch" "$version" "$revision"; do
    # They are put between quotes of JSON.
    case $word in '' | *[!A-Za-z0-9._+-]*) fail "\`$word\` is not of letters, digits and ._+-" ;; esac
done
# A program with an interpreter needs files that are not in the image.
if LC_ALL=C grep -aq -e '/lib64/ld-linux' -e '/lib/ld-linux' -e '/lib/ld-musl' "$binary"; then
    fail "\`$binary\` is not static: build it for x86_64-unknown-linux-musl"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/files/etc/ssl/certs" "$work/image/blobs/sha256"
cp "$binary" "$work/files/ork"
cp "$ca" "$work/files/etc/ssl/certs/ca-certificates.crt"
chmod 0755 "$work/files/ork" "$work/files/etc" "$work/files/etc/ssl" "$work/files/etc/ssl/certs"
chmod 0644 "$work/files/etc/ssl/certs/ca-certificates.crt"
# Nothing of this machine gets in: no times, no names, no order of a directory.
(cd "$work/files" && LC_ALL=C tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    -cf ../layer.tar etc ork)
sum() { sha256sum "$1" | cut -d ' ' -f 1; }
size() { wc -c <"$1" | tr -d ' '; }
diff=$(sum "$work/layer.tar")
gzip -9 -n "$work/layer.tar"

# keep FILE: moves it to its place among the blobs; `digest` and `bytes` are then its own.
keep() {
    digest=$(sum "$1")
    bytes=$(size "$1")
    mv "$1" "$work/image/blobs/sha256/$digest"
}

keep "$work/layer.tar.gz"
layer="{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$digest\",\"size\":$bytes}"
title='"org.opencontainers.image.title":"ork"'
about='"org.opencontainers.image.description":"Many Kubernetes operator patterns in one process, each in its own sandbox."'
terms='"org.opencontainers.image.licenses":"Apache-2.0","org.opencontainers.image.vendor":"Orkestra"'
build="\"org.opencontainers.image.version\":\"$version\",\"org.opencontainers.image.revision\":\"$revision\""
labels="{$title,$about,$terms,$build}"
ports='{"8080/tcp":{},"8443/tcp":{}}'
run="{\"User\":\"65532:65532\",\"ExposedPorts\":$ports,\"Entrypoint\":[\"/ork\"],\"Labels\":$labels}"
printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$arch" "$run" "$diff" >"$work/config"
keep "$work/config"
config="{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$bytes}"
manifest_type=application/vnd.oci.image.manifest.v1+json
printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s],"annotations":%s}' \
    "$manifest_type" "$config" "$layer" "$labels" >"$work/manifest"
keep "$work/manifest"
platform="{\"architecture\":\"$arch\",\"os\":\"linux\"}"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%s,"platform":%s,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' \
    "$manifest_type" "$digest" "$bytes" "$platform" "$version" >"$work/image/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
mv "$work/image" "$output"
echo "sha256:$digest"
