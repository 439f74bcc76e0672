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

# talks RECORDS OPTION... -- COMMAND...: each record is given after the answer
# to the one before.
talks() {
	local n=$1

	shift
	mkfifo to
	timeout 60 pfanout "$@" <to >out 2>err 3>&- &
	stage=$!
	exec 8>to
	for ((i = 1; i <= n; i++)); do
		echo "{\"k\":$i}" >&8
		wait_until at_least out "$i"
	done
	exec 8>&-
	wait "$stage"
	rm to
}

# at_least FILE N: it has N lines or more.
at_least() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

@test "flush: --unbuffered asks Python and the stdio of C, in map mode and for a filter" {
	unset PYTHONUNBUFFERED
	needs stdbuf
	talks 3 -j 1 --unbuffered -- "$CACHE" log 0
	starts 1
	talks 3 -j 1 --unbuffered -- sh -c 'echo start >>log2; exec sed "s/k/K/"'
	[ "$(wc -l <log2)" -eq 1 ]
	[ ! -s err ]
	# A filter is never flushed: without that no line comes before EOF.
	talks 3 -F -j 1 --unbuffered -- sed "s/k/K/"
}

@test "flush: --unbuffered where stdbuf is missing is told, unless -q" {
	local pfanout

	pfanout=$(command -v pfanout)
	mkdir programs
	ln -s "$(command -v cat)" programs
	ids 3 >in
	PATH=$PWD/programs "$pfanout" -j 1 --unbuffered -- cat <in >out 2>err
	cmp in out
	grep -q '^pfanout: --unbuffered: stdbuf ' err
	PATH=$PWD/programs "$pfanout" -q -j 1 --unbuffered -- cat <in >out 2>err
	cmp in out
	[ ! -s err ]
}

@test "flush: a run that had to flush often says so, and names the remedy" {
	unset PYTHONUNBUFFERED
	records 3 1 >in
	go 0 pfanout -j 1 --window 1 -- "$CACHE" log 0 <in
	[ ! -s err ]
	records 5 1 >in
	go 0 pfanout -j 1 --window 1 -- "$CACHE" log 0 <in
	lines err 1
	has err '1 worker was started 5 times, because only the end of its input'
	has err 'print(..., flush=True)'
	go 0 pfanout -j 1 --window 1 -- jq -c . <in
	has err 'jq --unbuffered'
	go 0 pfanout -q -j 1 --window 1 -- "$CACHE" log 0 <in
	[ ! -s err ]
	# -v tells the starts in any case.
	go 0 pfanout -v -j 1 --window 1 -- jq --unbuffered -c . <in
	lines err 1
	grep -q ', starts 1$' err
}
