#!/usr/bin/env bash
# Runs a command of `bloom` on the cluster, in the namespace $NAMESPACE (bloom): ./operate.sh events status
# It makes a Job of a CronJob of operator.yaml, waits for it and prints what it said.
set -euo pipefail
namespace="${NAMESPACE:-bloom}"
(($#)) || { echo "usage: $0 <command of bloom> […]" >&2; exit 64; }
template=operator
[[ $1 != account ]] || template=account
job="$template-$(date -u +%Y%m%d%H%M%S)"

kubectl -n "$namespace" create job "$job" --from="cronjob/$template" --dry-run=client -o json \
  | jq '.spec.template.spec.containers[0].args = $ARGS.positional' --args -- "$@" \
  | kubectl -n "$namespace" create -f - >&2
state() { kubectl -n "$namespace" get job "$job" -o jsonpath='{.status.succeeded}/{.status.failed}'; }
until [[ $(state) == *[1-9]* ]]; do sleep 1; done
kubectl -n "$namespace" logs "job/$job"
[[ $(state) == 1/* ]]
