# Sourced by the end-to-end tests: counting, waiting, and a scratch cluster that is always taken down.
#   $RECKON     the program; $LOAD the loader beside it
#   $SCRATCH    a directory of this test's own
passed=0 failed=0 skipped=0
LOAD=$(dirname "$RECKON")/reckon-load

ok() { passed=$((passed + 1)); echo "ok      $1"; }
not_ok() {
	failed=$((failed + 1))
	echo "not ok  $1"
	shift
	[ $# = 0 ] || printf '        %s\n' "$@"
}
skip() { skipped=$((skipped + 1)); echo "SKIPPED $1: $2"; }

# check NAME COMMAND...: the command succeeds.
check() {
	name=$1
	shift
	if output=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$*" "$output"; fi
}
# same NAME WANT GOT
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted: $2" "got:    $3"; fi; }
# has NAME TEXT PART: TEXT contains PART.
has() { case "$2" in *"$3"*) ok "$1" ;; *) not_ok "$1" "wanted a text with: $3" "got: $2" ;; esac; }
# until_true SECONDS COMMAND...: tries until it succeeds.
until_true() {
	tries=$(($1 * 10))
	shift
	while [ "$tries" -gt 0 ]; do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.1
		tries=$((tries - 1))
	done
	return 1
}
# A port range that nobody listens on: the first of a hundred.
free_port() {
	port=$1
	while ss -ltnH 2>/dev/null | awk '{print $4}' | grep -qE ":($port|$((port + 1))|$((port + 2))|$((port + 100))|$((port + 101))|$((port + 102)))\$"; do
		port=$((port + 200))
	done
	echo "$port"
}
# python_with MODULES: the first python3 that has them, as $python.
python_with() {
	for python in python3 /usr/bin/python3; do
		! "$python" -c "import $1" 2>/dev/null || return 0
	done
	return 1
}
# verdicts FILE: its lines "ok NAME" and "not ok NAME: why" count here; others are shown.
verdicts() {
	while read -r line; do
		case $line in
		"ok "*) ok "${line#ok }" ;;
		"not ok "*) not_ok "${line#not ok }" ;;
		*) echo "        $line" ;;
		esac
	done <"$1"
}
summary() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}
