#!/usr/bin/env bats
# A child that keeps its answers in a buffer is not flushed by EOF, and so keeps
# its state, while there is input for it.
# shellcheck disable=SC2086 # words

load ../support/helpers
load ../support/streams

CACHE=$BATS_TEST_DIRNAME/../support/stubs/cache-worker

# records N KEYS: {"k":1}, {"k":2}, ... {"k":KEYS}, {"k":1}, ...
records() {
	seq "$1" | awk -v keys="$2" '{ printf "{\"k\":%d}\n", ($1 - 1) % keys + 1 }'
}

# starts MOST: the cache workers were started that often at most.
starts() {
	local n

	n=$(wc -l <log)
	echo "# $n starts"
	[ "$n" -le "$1" ]
}

# cached MOST OPTION...: the cache worker answers all records.
cached() {
	local most=$1

	shift
	rm -f log
	go 0 pfanout "$@" -- "$CACHE" log 0.05 <in
	sed 's/"k"/"key"/' in | sort >want
	sort out | cmp - want
	starts "$most"
}

@test "flush: a worker with a cache is started once, with and without -k" {
	unset PYTHONUNBUFFERED
	records 2000 40 >in
	cached 2 -j 2
	cached 2 -j 2 -k
}

@test "flush: what a worker keeps in its buffer does not time out" {
	unset PYTHONUNBUFFERED
	records 1000 30 >in
	cached 1 -j 1 -t 1s
}
