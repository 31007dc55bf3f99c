# Watches while the leader is killed, stopped and handed over: they lose, repeat and reorder nothing, wherever they go on.
. ../tests/e2e/lib.sh
cluster=$SCRATCH/c
port=$(free_port 22400)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
command -v python3 >/dev/null || { skip "watches" "there is no python3"; summary; exit; }
python3 watches.py "$RECKON" "$cluster" "$port" >"$SCRATCH/lines" || not_ok "watches.py ended with an error" "$(tail -3 "$SCRATCH/lines")"
verdicts "$SCRATCH/lines"
summary
