# Lists and watches in every form, on each member.
. ./lib.sh
command -v python3 >/dev/null || { skip "lists and watches" "python3 is not here"; summary; exit; }
cluster=$SCRATCH/c
port=$(free_port 24000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
if ! python3 lists.py "$cluster/pki" "$port" $((port + 1)) $((port + 2)) >"$SCRATCH/out" 2>"$SCRATCH/err"; then
	not_ok "lists.py came to its end" "$(tail -3 "$SCRATCH/err")"
fi
verdicts "$SCRATCH/out"
summary
