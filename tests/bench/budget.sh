#!/bin/bash
# Counts the instructions that a record costs, and holds them against a budget.
#
#	budget.sh [NAME ...]
#
# Callgrind counts what the tool itself executes on RECORDS records (100 000),
# less what it executes on one: times depend on the machine and its load, and
# this figure hardly does: a worker's answers come in larger or smaller pieces,
# so a figure over its budget is counted up to three times.  NAMES are those of
# the table below (default: all).  BIN and T say where the tools and the helpers
# are.
#
# A figure over its budget fails; one far below asks for a lower budget.  The
# last line is `N passed, N failed`.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
unset PCHAN_METRICS PYTHONUNBUFFERED "${!OTEL_@}"
BIN=${BIN:-$PWD/bin}
T=${T:-$PWD/build/tests}
RECORDS=${RECORDS:-100000}
ROOM=$(mktemp -d) || exit 2
trap 'rm -rf "$ROOM"' EXIT
mkdir -m 700 "$ROOM/run"
export PCHAN_RUN_DIR=$ROOM/run
export OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.01 # with --trace

# Name, instructions per record, bytes per record, command.  A limiter that
# callgrind and a busy machine hold up has a burst, so that runs go on as such.
table() {
	cat <<-'END'
		check          385  20  pfanout -j2
		check-194     1115 194  pfanout -j2
		raw             86  20  pfanout -R -j2
		filter         430  20  pfanout -F -j2 -- cat
		map           1120  20  pfanout -j2 -- cat
		map-k         1120  20  pfanout -k -j2 -- cat
		split           86  20  pdeadletter -d DEAD
		pass            86  20  pratelimit -r 1G/s --burst 1000000
		fan-in         108  20  pfanin -
		trace         1195 194  pfanout --trace -j2
	END
}

# make_lines BYTES: the records, each of so many bytes.
make_lines() {
	awk -v n="$RECORDS" -v bytes="$1" 'BEGIN {
		text = "{\"level\":\"info\",\"user\":\"u04943\",\"path\":\"/api/v1/orders\",\"status\":200,\"latency_ms\":12.5,\"msg\":\""
		for (i = 1; i <= n; i++)
			if (bytes <= 20)
				printf "{\"id\":1%011d}\n", i
			else
				printf "{\"id\":1%011d,%s%s\"}\n", i, substr(text, 2), substr(sprintf("%200s", ""), 1, bytes - length(text) - 21)
	}'
}

# instructions FILE COMMAND...: prints how many the tool executes with FILE.
instructions() {
	local file=$1 tool=$2

	shift 2
	LD_PRELOAD=$T/support/shims/pidfd_open.so valgrind --tool=callgrind --callgrind-out-file="$ROOM/profile" "$BIN/$tool" "$@" \
		<"$file" 2>"$ROOM/errors" >/dev/null || {
		cat "$ROOM/errors" >&2
		echo "budget.sh: $tool $* did not run" >&2
		exit 2
	}
	awk '/^(summary|totals):/ { print $2; exit }' "$ROOM/profile"
}

command -v valgrind >/dev/null || {
	echo "budget.sh: valgrind is not installed (make dev-deps)" >&2
	exit 2
}
passed=0 failed=0
while read -r name budget bytes words; do
	[ $# -eq 0 ] || [[ " $* " = *" $name "* ]] || continue
	lines=$ROOM/lines-$bytes
	[ -e "$lines" ] || make_lines "$bytes" >"$lines"
	head -n 1 "$lines" >"$ROOM/one"
	read -ra command <<<"${words/DEAD/$ROOM/dead}"
	one=$(instructions "$ROOM/one" "${command[@]}") || exit 2
	for ((i = 0; i < 3; i++)); do
		all=$(instructions "$lines" "${command[@]}") || exit 2
		each=$(((all - one) / (RECORDS - 1)))
		((each > budget)) || break
	done
	what="$name: $each instructions per record, of $budget ($words)"
	if ((each > budget)); then
		echo "not ok $what: too many"
		failed=$((failed + 1))
		continue
	fi
	echo "ok $what"
	passed=$((passed + 1))
	((each * 8 >= budget * 7)) || echo "# lower the budget of $name"
done < <(table)
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
