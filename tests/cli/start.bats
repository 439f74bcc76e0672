#!/usr/bin/env bats
# A stage that can't be started: status 2, the reason named, nothing read,
# nothing left behind.

load ../support/helpers
load ../support/streams

# few_threads K COMMAND...: the K-th thread can't be created.
few_threads() {
	local k=$1

	shift
	env FEW_THREADS="$k" LD_PRELOAD="$SHIMS/few_threads.so" timeout 10 "$@"
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
		grep -qE 'cannot (create a thread|watch signals): Resource temporarily unavailable: .*ulimit -u' err
	done
	echo "$*: $((k - 1)) threads"
	[ "$k" -gt "$count" ]
	lines out 100
}

@test "start: a thread that can't be created" {
	no_sanitizer
	ids 100 >in
	fails_to_start 6 pfanout -j2
	fails_to_start 7 pfanout -j2 -- cat
	fails_to_start 7 pfanout -j2 -k -- cat
	fails_to_start 7 pfanout -j2 -x -- cat
	fails_to_start 6 pfanout -j2 -F -- cat
	fails_to_start 5 pratelimit -r 1000000/s
	fails_to_start 5 pdeadletter -d dead
}

# With each limit of processes from 2 on the command fails, until it runs; it
# never hangs.  Where its threads could be started, a worker may lack its child.
starts_or_fails() {
	local limit uid=$((100000 + BASHPID % 50000))

	for limit in {2..20}; do
		status=0
		timeout -s KILL 20 setpriv --reuid "$uid" --regid "$uid" --clear-groups \
			prlimit --nproc="$limit" "./$1" "${@:2}" <in >out 2>err || status=$?
		[ "$status" -ne 0 ] || break
		echo "$*: $limit processes: status $status"
		[ "$status" -eq 2 ]
		has err 'ulimit -u'
	done
	lines out 100
}

@test "start: at a limit of processes it fails, and does not hang" {
	no_sanitizer
	ids 100 >in
	nobody
	cp "$(command -v pfanout)" "$(command -v pratelimit)" "$(command -v pdeadletter)" .
	for how in 'pfanout -j 2' 'pfanout -j 2 cat' 'pfanout -j 2 -x cat' 'pfanout -j 2 -F cat' 'pfanout -j 1 -k -a 2 cat' \
		'pratelimit -r 1000000/s' pdeadletter; do
		# shellcheck disable=SC2046,SC2086 # words
		starts_or_fails ${how%% *} $(echo "$how " | cut -d ' ' -f 2-)
	done
}

@test "start: -d with a FIFO that nobody reads is an error, and one that is read is not" {
	mkfifo q
	printf 'no\n' >in
	for tool in pfanout 'pratelimit -r 9/s' pdeadletter; do
		# shellcheck disable=SC2086 # words
		go_unread 2 timeout -s KILL 10 $tool -d q
		has err 'dead-letter file q: nobody reads this FIFO; start its reader first'
	done
	exec 6<>q
	go 1 pfanout -q -d q <in
	read -r -t 10 letter <&6
	exec 6<&-
	[ "$(jq -r .text <<<"$letter")" = no ]
}
