#!/usr/bin/env bash
# The shipped patterns from YAML to ready custom resources, on a real API server. KEEP=1 leaves everything running.
set -euo pipefail
cd "$(dirname "$0")/../.."

postgres=patterns/postgres/v14
website=patterns/website/v1
target=${CARGO_TARGET_DIR:-target}
programs=${XDG_CACHE_HOME:-$HOME/.cache}/orkestra/control-plane
keep=${KEEP:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/orkestra-demo-XXXXXX")
export KUBECONFIG=$work/kubeconfig
export COSIGN_PASSWORD=demo
cluster= registry= runtime=

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }
# Shows a command and runs it.
run() {
    note "\$ $*"
    "$@"
}
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

finish() {
    local status=$?
    trap - EXIT INT TERM
    if [ "$status" != 0 ]; then
        say "The demo failed ($status)."
        for log in cluster registry ork; do
            [ ! -s "$work/$log.log" ] || { note "the end of $log.log:" && tail -n 25 "$work/$log.log"; }
        done
    fi
    # The runtime first: it has something to finish, the cluster has not.
    for pid in $runtime $registry $cluster; do kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Waits for a command to succeed. Arguments: seconds, what for, the command.
wait_for() {
    local end=$(($(date +%s) + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        for pid in $cluster $registry $runtime; do
            kill -0 "$pid" 2>/dev/null || { echo "process $pid ended while waiting for $what" >&2 && return 1; }
        done
        [ "$(date +%s)" -lt "$end" ] || { echo "waited in vain for $what" >&2 && return 1; }
        sleep 0.02
    done
}

say "1. Build ork"
[ -x "$target/debug/ork" ] || note "The first build takes about fifteen minutes on two cores."
# With a test beside them, Cargo builds their dependencies with the features that `make test` builds them with, once for both.
run cargo build --locked --workspace --bin ork --bin devcluster --test tidy
ork=$target/debug/ork

say "2. Start a Kubernetes control plane on loopback"
[ -d "$programs" ] || note "The first time its programs are built from source: ten minutes, 4 GB of Go's build cache."
run "$target/debug/devcluster" build
# In a session of its own, so that Ctrl-C ends this script first and the script ends the rest in order.
setsid "$target/debug/devcluster" up --kubeconfig "$KUBECONFIG" >"$work/cluster.log" 2>&1 &
cluster=$!
wait_for 180 "the control plane" grep -q "stops with Ctrl-C" "$work/cluster.log"
sed -n '/^Kubernetes/,/data and logs/p' "$work/cluster.log"
note "Pods are run by a simulated kubelet: they become ready, no container is started."
PATH=$("$target/debug/devcluster" build 2>&1 | sed -n 's/^ready: //p'):$PATH

say "3. Build the patterns: YAML in, WebAssembly components out"
run "$ork" check --strict "$postgres" "$website"
run "$ork" test "$postgres" "$website"
run "$ork" build "$postgres"
run "$ork" build "$website"
run "$ork" inspect "$website/pattern.wasm"

say "4. Share them: a registry on loopback, two OCI artifacts, a key that signs them"
[ -d "${programs%/*}/registries" ] || note "The first time the registry and its clients are built from source: eight minutes."
registries=$("$target/debug/devcluster" build-registries 2>&1 | tee /dev/stderr | sed -n 's/^ready: //p')
cat >"$work/registry.yml" <<END
version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: 127.0.0.1:0}
END
OTEL_TRACES_EXPORTER=none setsid "$registries/registry" serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry=$!
wait_for 30 "the registry" grep -q "listening on" "$work/registry.log"
host=$(sed -n 's/.*listening on \(127[0-9.:]*\).*/\1/p' "$work/registry.log" | head -n 1)
run "$ork" generate key --output "$work/demo"
for pattern in "$postgres" "$website"; do
    name=$(basename "$(dirname "$pattern")")
    run "$ork" push --float "$host/patterns/$name" "$pattern"
    run "$ork" sign "$host/patterns/$name:$(basename "$pattern")" --key "$work/demo.key"
done
run "$ork" inspect --tree "$host/patterns/website:v1" --key "$work/demo.pub"

say "5. Compose them, with a change of their settings, and lock what that means"
cat >"$work/komposer.yaml" <<END
apiVersion: orkestra.orkspace.io/v1
kind: Komposer
metadata: {name: demo}
imports:
  registry:
    - url: $host/patterns/postgres:v14
    - {url: $host/patterns/website, version: ^1}
  trust:
    - {pattern: $host/patterns/*, keys: [./demo.pub]}
spec:
  crds:
    postgres: {workers: 4, resync: 30s}
END
komposer=$work/komposer.yaml
run "$ork" lock -f "$komposer"
run "$ork" explain -f "$komposer" --only postgres.workers

say "6. Give rights: one account for the runtime and one for each pattern, as little as they can work with"
note "\$ ork generate rbac -f $komposer | kubectl apply -f -"
"$ork" generate rbac -f "$komposer" | kubectl apply -f - >"$work/rbac.log"
grep -E 'serviceaccount|role/' "$work/rbac.log"
note "The runtime logs in as its account, which may act as the patterns' accounts."
kubectl config set-credentials orkestra --token="$(kubectl create token orkestra --namespace orkestra-system)" >/dev/null
kubectl config set-context orkestra --cluster="$(kubectl config view -o 'jsonpath={.clusters[0].name}')" --user=orkestra >/dev/null

say "7. Run both in one process: exactly what is locked"
note "\$ ork run --locked -f $komposer --context orkestra &"
setsid "$ork" run --locked -f "$komposer" --context orkestra --listen 127.0.0.1:0 --log-format text >"$work/ork.log" 2>&1 &
runtime=$!
crds="crd/postgreses.postgres.orkestra.io crd/websites.web.orkestra.io"
# shellcheck disable=SC2086 # two words
wait_for 60 "the CRDs" kubectl get $crds
# shellcheck disable=SC2086
run kubectl wait --for=condition=Established $crds --timeout=30s

say "8. Ask for a database and a website"
begin=$(milliseconds)
run kubectl apply -f "$postgres/cr.yaml" -f "$website/cr.yaml"
run kubectl wait --for=condition=Ready postgres/shop website/hello --timeout=120s
note "Both ready $(($(milliseconds) - begin)) ms after kubectl apply was started."
run kubectl get postgreses,websites

say "9. What exists now"
kinds=configmap,secret,service,statefulset,deployment,ingress,poddisruptionbudget
run kubectl get "$kinds" -l app.kubernetes.io/managed-by=orkestra
note "And what Kubernetes made of it (simulated kubelet):"
run kubectl get pod,persistentvolumeclaim

say "10. Change the website's content: new pods replace the old ones"
pods() { kubectl get pod -l app.kubernetes.io/instance=hello -o name 2>/dev/null | sort; }
before=$(pods)
replaced() { local now && now=$(pods) && [ -n "$now" ] && [ -z "$(comm -12 <(echo "$before") <(echo "$now"))" ]; }
run kubectl patch website hello --type=merge --patch '{"spec": {"content": {"index.html": "<h1>Changed</h1>"}}}'
wait_for 60 "new pods" replaced
run kubectl wait --for=condition=Ready website/hello --timeout=60s
run kubectl get pod -l app.kubernetes.io/instance=hello

say "11. Delete a child and see it come back"
uid() { kubectl get service shop-svc -o 'jsonpath={.metadata.uid}' 2>/dev/null; }
old=$(uid)
came_back() { local new && new=$(uid) && [ -n "$new" ] && [ "$new" != "$old" ]; }
run kubectl delete service shop-svc --wait=false
begin=$(milliseconds)
wait_for 30 "the service" came_back
note "It was there again at the first look that found it, $(($(milliseconds) - begin)) ms after kubectl delete had returned."
run kubectl get service shop-svc
run kubectl wait --for=condition=Ready postgres/shop --timeout=30s

if [ -n "$keep" ]; then
    trap - EXIT INT TERM
    say "Everything is left running (KEEP)."
    echo "  export KUBECONFIG=$KUBECONFIG PATH=${PATH%%:*}:\$PATH"
    echo "  logs of the runtime: $work/ork.log"
    echo "  to stop it:          kill $runtime $registry $cluster; rm -r $work"
    exit 0
fi

say "12. Stop"
note "\$ kill -TERM $runtime   (ork run)"
kill -TERM "$runtime"
status=0 && wait "$runtime" || status=$?
note "ork run ended with status $status."
runtime=
[ "$status" = 0 ]
say "Done: built, pushed, signed, locked, run, Ready=True, rolled out, repaired, stopped. The control plane and its data are removed now."
