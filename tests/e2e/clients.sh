# Debian's python3-kubernetes against reckon: every kind there and back.
. ./lib.sh
python_with "kubernetes, yaml" || { skip "client libraries" "python3-kubernetes is not here"; summary; exit; }
cluster=$SCRATCH/c
port=$(free_port 27000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 1 --nodes 0 --port "$port" --peer-port $((port + 100)) >/dev/null || exit 1
if ! TMPDIR=$SCRATCH "$python" clients.py "$cluster/admin.kubeconfig" kinds.yaml >"$SCRATCH/out" 2>"$SCRATCH/err"; then
	not_ok "clients.py came to its end" "$(tail -3 "$SCRATCH/err")"
fi
verdicts "$SCRATCH/out"
summary
