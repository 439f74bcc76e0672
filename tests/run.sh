#!/bin/sh
# Runs the tests: every tests/*.bats, or those named as arguments.  BIN and T say where the tools
# and the C tests are.  Ends with `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/.." || exit 2
unset PYTHONUNBUFFERED PCHAN_RUN_DIR
PATH=$BIN:$PATH
PCHAN_SHARED=${PCHAN_SHARED:-$(cd .. && pwd)/shared}
export PATH PCHAN_SHARED T
if [ "$SAN" = thread ]; then
	export TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}"
elif [ "$SAN" = address ]; then
	export ASAN_OPTIONS="detect_leaks=1 ${ASAN_OPTIONS:-}"
fi
[ $# -gt 0 ] || set -- tests/*.bats
out=$(mktemp) || exit 2
trap 'rm -f "$out"' EXIT
# Whoever runs us may ignore signals (`&` does): that would be inherited.
env --default-signal bats --tap "$@" >"$out" 2>&1
status=$?
cat "$out"
skipped=$(grep -c '^ok .* # skip' "$out")
passed=$(($(grep -c '^ok ' "$out") - skipped))
failed=$(grep -c '^not ok ' "$out")
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
