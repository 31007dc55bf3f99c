# Every kubectl sub-command against what docs/kubectl.md says of it; `explain --recursive` of every kind.
# The oldest and the newest client and 1.27 do all of it, the others what depends on how they speak; all do all with KUBECTL_ALL=1.
. ./lib.sh
python_with "yaml" || { skip "kubectl" "python3-yaml is not here"; summary; exit; }
versions=
for kubectl in ${KUBECTL_120:-} $(ls "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.2[7-9] "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.3[0-3] 2>/dev/null); do
	if "$kubectl" version --client >/dev/null 2>&1; then versions="$versions $kubectl"; fi
done
[ -n "$versions" ] || { skip "kubectl" "no kubectl of 1.20 to 1.33 is here (set KUBECTL_DIR)"; summary; exit; }
port=$(free_port 28000)
trap 'for c in "$SCRATCH"/*/cluster; do "$RECKON" cluster down --dir "$c" >/dev/null 2>&1; done' EXIT
PYTHONDONTWRITEBYTECODE=1 $python kubectl.py "$RECKON" "$SCRATCH" "$port" $versions >"$SCRATCH/out" 2>"$SCRATCH/err" ||
	not_ok "kubectl.py came to its end" "$(tail -5 "$SCRATCH/err")"
while read -r line; do
	case $line in
	"ok "*) ok "${line#ok }" ;;
	"not ok "*) not_ok "$(printf %s "${line#not ok }" | tr '\a' '\n')" ;;
	"SKIPPED "*) skip "$(printf %s "${line#SKIPPED }" | cut -d"$(printf '\a')" -f1)" "${line##*$(printf '\a')}" ;;
	esac
done <"$SCRATCH/out"
summary
