#!/usr/bin/env bats
# A stage that can't be started: status 2, the reason named, nothing read,
# nothing left behind.

load ../support/helpers
load ../support/streams

# few_threads K COMMAND...: the K-th thread can't be created.
few_threads() {
	local k=$1

	shift
	env FEW_THREADS="$k" LD_PRELOAD="$PWD/few_threads.so" timeout 10 "$@"
}

# Every thread of the command in turn can't be created, until there are no more;
# COUNT of them at least.
fails_to_start() {
	local count=$1 k

	shift
	for k in {1..20}; do
		status=0
		few_threads "$k" "$@" <in >out 2>err || status=$?
		[ "$status" -ne 0 ] || break
		echo "$*: thread $k: status $status"
		[ "$status" -eq 2 ]
		lines out 0
		lines err 1
		grep -qE 'cannot (create a thread|watch signals): Resource temporarily unavailable' err
	done
	echo "$*: $((k - 1)) threads"
	[ "$k" -gt "$count" ]
	lines out 100
}

@test "start: a thread that can't be created" {
	no_sanitizer
	"${CC:-gcc}" -D_GNU_SOURCE -shared -fPIC -o few_threads.so "$BATS_TEST_DIRNAME/../support/few_threads.c"
	ids 100 >in
	fails_to_start 5 pfanout -j2
	fails_to_start 6 pfanout -j2 -- cat
	fails_to_start 6 pfanout -j2 -k -- cat
	fails_to_start 6 pfanout -j2 -x -- cat
	fails_to_start 5 pfanout -j2 -F -- cat
	fails_to_start 4 pratelimit -r 1000000/s
	fails_to_start 4 pdeadletter -d dead
}
