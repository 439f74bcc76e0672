#!/bin/sh
# Runs the tests, shows how far they are, and ends with the names of those that
# failed and `N passed, N failed, N skipped`.
#
#	run.sh [test ...]	tests: a name of tests/cli (map), one of
#				tests/unit (t_chan), or a .bats file
#				(default: all)
#
# BIN and T say where the tools and the compiled tests are, SAN says which
# sanitizer they have.
set -u
cd "$(dirname "$0")/.." || exit 2
unset PYTHONUNBUFFERED PCHAN_PIPELINE PCHAN_METRICS TRACEPARENT TRACESTATE OTEL_TRACES_EXPORTER
# The programs of `make deps` come first: a wrapper that chooses a version of
# python3 takes ten times as long to start.
PATH=$BIN:/usr/bin:/bin:$PATH
PCHAN_SHARED=${PCHAN_SHARED:-$(cd .. && pwd)/shared}
export PATH PCHAN_SHARED T
if [ "$SAN" = thread ]; then
	export TSAN_OPTIONS="halt_on_error=1 suppressions='$PWD/tests/tsan.supp' ${TSAN_OPTIONS:-}"
elif [ "$SAN" = address ]; then
	export ASAN_OPTIONS="detect_leaks=1 ${ASAN_OPTIONS:-}"
fi

# Prints a bats file with a test for each program named, so that there is no
# list that may lack one.
unit_bats() {
	printf '#!/usr/bin/env bats\n'
	for program; do
		printf '\n@test "unit: %s" {\n\trun timeout 120 "$T/unit/%s"\n\techo "status $status: $output"\n\t[ "$status" -eq 0 ]\n}\n' \
			"${program#t_}" "$program"
	done
}

PATIENCE=20m
[ -z "$SAN" ] || PATIENCE=30m

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
# The stat files of tests stay out of the machine's run directories.
mkdir -m 700 "$dir/stat"
export PCHAN_RUN_DIR="$dir/stat"
# Most tests wait most of the time, so that all together run in several lanes.
lanes=1
if [ $# -eq 0 ]; then
	# The largest file comes first: at the end no lane has a long one alone.
	# shellcheck disable=SC2046 # names without blanks
	set -- tests/unit/t_*.c $(ls -S tests/cli/*.bats)
	lanes=4
fi
units=
for name; do
	shift
	name=${name%.c}
	case $name in
	t_* | */t_*) units="$units ${name##*/}" ;;
	*.bats) set -- "$@" "$name" ;;
	*) set -- "$@" "tests/cli/$name.bats" ;;
	esac
done
if [ -n "$units" ]; then
	# shellcheck disable=SC2086 # names without blanks
	unit_bats $units >"$dir/unit.bats"
	set -- "$dir/unit.bats" "$@"
fi

# Each lane takes the next file when it has done one.  The tests would inherit
# signals that our caller ignores, as `&` does.
lane=0
while [ "$lane" -lt "$lanes" ]; do
	: >"$dir/out.$lane" # tail(1) below may come first
	lane=$((lane + 1))
done
printf '%s\0' "$@" >"$dir/files"
# shellcheck disable=SC2016 # for that shell
env --default-signal xargs -0 -n 1 -P "$lanes" --process-slot-var=LANE \
	sh -c 'exec bats --tap "$2" >>"$1.$LANE" 2>&1' sh "$dir/out" <"$dir/files" &
runner=$!

# Counts the results of all lanes: "ok [12/890] name".  At a terminal those that
# are good share a line.
show() {
	n=0 total=$(cat "$@" 2>/dev/null | grep -c "^@test ")
	while IFS= read -r line; do
		case $line in
		1..*) continue ;;
		'ok '* | 'not ok '*)
			n=$((n + 1))
			verdict=${line%%ok *}ok
			line=${line#"$verdict" }
			line="$verdict [$n/$total] ${line#* }"
			;;
		esac
		if [ ! -t 1 ]; then
			printf '%s\n' "$line"
		elif [ "${line#ok }" != "$line" ]; then
			printf '\r\033[K%.79s' "$line"
		else
			printf '\r\033[K%s\n' "$line"
		fi
	done
	[ ! -t 1 ] || printf '\r\033[K'
}

# Results appear as they come.  A run that hangs says where, and ends: whoever
# waits for it would otherwise learn nothing.
{
	timeout --foreground "$PATIENCE" tail -q -n +1 -f --pid="$runner" "$dir"/out.*
	echo $? >"$dir/tail"
} | show "$@"
if [ "$(cat "$dir/tail")" -eq 124 ]; then
	echo "# the run took over $PATIENCE; these processes are left:"
	ps -N --ppid 2 -o pid,ppid,pgid,stat,etimes,wchan:20,args --forest | cut -c 1-160
	echo "not ok - the run took over $PATIENCE" | tee -a "$dir/out.0"
	# shellcheck disable=SC2046 # numbers
	kill -KILL "$runner" $(pgrep -P "$runner")
fi
status=0
wait "$runner" || status=$?
cat "$dir"/out.* >"$dir/out"
skipped=$(grep -c '^ok .* # skip' "$dir/out")
passed=$(($(grep -c '^ok ' "$dir/out") - skipped))
failed=$(grep -c '^not ok ' "$dir/out")
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
	failed=1
	echo "failed: bats, as xargs has status $status"
fi
# Once more, as the log may be cut in the middle.
sed -n 's/^not ok [0-9]* */failed: /p' "$dir/out"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
