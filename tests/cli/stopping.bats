#!/usr/bin/env bats
# What a stop means for the record that is being read, the pipe that is left,
# the workers and the limits.

# shellcheck disable=SC2030,SC2031 # each test starts its own $pid

load ../support/helpers
load ../support/streams
load ../support/background

# stop_in_a_line TOOL...: the stage is stopped while its writer pauses inside
# the second line.
stop_in_a_line() {
	echo "# $*"
	rm -f dead
	start "$@"
	printf '{"id":1}\n{"id":2,"half' >&8
	wait_until at_least out 1
	kill -TERM "$pid"
	ends_with 143
	exec 8>&-
	[ "$(cat out)" = '{"id":1}' ]
	[ "$(jq -c '[.reason, .truncated, .text, .input.line, .input.length]' dead)" = \
		'["cancelled",true,"{\"id\":2,\"half",2,null]' ]
	has err 'received 2, processed 1, filtered 0, failed 1 (1 cancelled)'
}

@test "stopping: half a line at a stop is a truncated letter, never a record, in all tools and modes" {
	for how in pfanout 'pfanout -R' 'pfanout -R cat' 'pfanout -k cat' 'pfanout -x cat' \
		'pfanout -R -x cat' 'pratelimit -R -r 1000/s' pdeadletter; do
		# shellcheck disable=SC2046,SC2086 # words
		stop_in_a_line ${how%% *} -v -d dead --grace 50ms $(echo "$how " | cut -d ' ' -f 2-)
	done
	# A filter keeps its line until its input ends.
	stop_in_a_line pfanout -v -d dead --grace 50ms -F sed -u ''
}

@test "stopping: half a line at a stop is left out by replay, which says so" {
	stop_in_a_line pfanout -v -d dead --grace 50ms
	go 1 pdeadletter replay dead
	lines out 0
	has err 'holds only the head of its record'
}

@test "stopping: half a line when the run is aborted reaches no worker" {
	for how in '-x' ''; do
		rm -f seen
		# shellcheck disable=SC2086 # a word or none
		start pfanout -R -j2 -v --max-failed 1 $how sh -c 'read -r x; echo "$x" >>seen; exit 1'
		printf 'whole\nhalf' >&8
		ends_with 2
		exec 8>&-
		[ "$(uniq seen)" = whole ]
		[ "$(jq -r 'select(.truncated) | [.reason, .text] | join(" ")' out)" = 'cancelled half' ]
	done
}

@test "stopping: a whole letter that only lacks its LF at a stop passes" {
	start pfanout -v --grace 50ms
	letters 2 | head -c -1 >&8
	wait_until at_least out 1
	kill -TERM "$pid"
	ends_with 143
	exec 8>&-
	letters 2 | cmp - out
	has err 'bypassed 2'
}

@test "stopping: what is left in the pipe is told, with status 2" {
	yes '{"id":1}' | pfanout --grace 50ms >out 2>err 3>&- &
	pid=$!
	wait_until test -s out
	kill -TERM "$pid"
	ends_with 2
	grep -qE '^pfanout: stopped reading before the end of the input: [1-9][0-9]* bytes' err
}

@test "stopping: the record of a worker that the same signal ends is cancelled, not a crash" {
	for mode in '--window 1' '--window 1 -a 5' -x '-x -a 5'; do
		for sig in TERM INT HUP; do
			echo "# $mode $sig"
			rm -f pids
			# shellcheck disable=SC2086 # words
			start pfanout -j2 -v --grace 60s $mode -- sh -c 'read -r _; echo $$ >>pids; exec sleep 1000'
			ids 2 >&8
			exec 8>&-
			wait_until at_least pids 2
			# As systemd does; the workers come first here.  The
			# stage waits 100 ms for its own signal.
			mapfile -t workers <pids
			kill -"$sig" "${workers[@]}" "$pid"
			ends_with $((128 + $(kill -l "$sig")))
			[ "$(reasons out)" = 'cancelled 2' ]
			"$STUBS/signals-account" 2 out
		done
	done
}

@test "stopping: a filter that the same signal ends is named, and the stage ends by the signal" {
	start pfanout -F -j1 --grace 60s -- sh -c 'read -r _; echo $$ >>pids; exec sleep 1000'
	ids 2 >&8
	wait_until at_least pids 1
	kill -TERM "$(<pids)" "$pid"
	exec 8>&-
	ends_with 143
	has err '(sh) was stopped by the same signal: what became of the'
}

# all_are STATES PID...: all these processes are in one of these states.
all_are() {
	local states=$1

	shift
	for p; do
		[[ "$(sed 's/.*) //' "/proc/$p/stat")" == [$states]* ]] || return 1
	done
}

# start_held MODE: starts a stage of one worker that waits for a line from go.
# The stage has a process group of its own, without the shell's job control:
# that leaves its loops when a job stops.
start_held() {
	needs perl
	set +m
	rm -f go begun
	mkfifo go
	# shellcheck disable=SC2086 # a word or two
	start perl -e 'setpgrp(0, 0); exec { $ARGV[0] } @ARGV' pfanout -j1 -v -t 2s $1 -- "$STUBS/terminal-wait" go begun
	ids 1 >&8
	wait_until test -s begun
	exec 8>&-
	worker=$(pgrep -P "$pid")
}

@test "stopping: Ctrl-Z stops the workers too, and -t does not run until CONT" {
	for mode in '--window 1' -x; do
		echo "# $mode"
		start_held "$mode"
		kill -TSTP "$pid"
		# shellcheck disable=SC2086 # a number each
		wait_until all_are T "$pid" $worker
		sleep 2.2 # longer than -t
		kill -CONT "$pid"
		# shellcheck disable=SC2086 # a number each
		wait_until all_are SR "$pid" $worker
		echo >go
		ends_with 0
		[ "$(cat out)" = '{"id":1}' ]
	done
}

@test "stopping: after Ctrl-Z and CONT -t still has what was left of it" {
	start_held '--window 1'
	kill -TSTP "$pid"
	wait_until all_are T "$pid"
	kill -CONT "$pid"
	ends_with 1
	[ "$(reasons out)" = 'timeout 1' ]
}

@test "stopping: after Ctrl-Z and CONT a worker that polls and buffers is flushed" {
	needs perl
	set +m
	rm -f has-read
	start perl -e 'setpgrp(0, 0); exec { $ARGV[0] } @ARGV' pfanout -j1 --window 1 -- python3 -c 'if True:
		import os, select
		p = select.poll()
		p.register(0, select.POLLIN)
		kept = b""
		while p.poll():
			line = os.read(0, 99)
			if not line:
				break
			kept += line
			open("has-read", "w").close()
		os.write(1, kept)'
	ids 1 >&8
	wait_until test -e has-read
	kill -TSTP "$pid"
	wait_until all_are T "$pid"
	kill -CONT "$pid"
	wait_until at_least out 1
	[ "$(cat out)" = '{"id":1}' ]
	exec 8>&-
	ends_with 0
}

@test "stopping: TSTP that is ignored, or that nobody could follow with CONT, stops nothing" {
	for how in 'env --ignore-signal=TSTP' 'setsid -w'; do
		# shellcheck disable=SC2086 # words
		start $how pfanout -j1 -- cat
		echo '{"id":1}' >&8
		wait_until at_least out 1
		for p in "$pid" $(pgrep -P "$pid" -x pfanout); do
			[ "$(cat "/proc/$p/comm")" != pfanout ] || kill -TSTP "$p"
		done
		echo '{"id":2}' >&8
		wait_until at_least out 2
		exec 8>&-
		ends_with 0
	done
}

# has_threads N: the stage has at most so many.
has_threads() {
	[ "$(find "/proc/$(cat pid)/task" -mindepth 1 -maxdepth 1 | wc -l)" -le "$1" ]
}

@test "stopping: what comes after the stage has stopped reading is told, too" {
	no_sanitizer # which has a thread of its own
	{
		printf '"%0200000d"\n' 0
		echo '{bad'
		# Its output blocks, so the monitor, the log, the sink and main
		# stay.
		wait_until has_threads 4 || true
		echo 2
		: >go
	} 3>&- | timeout 20 sh -c 'echo $$ >pid; exec "$@"' sh \
		pfanout -v -j 1 --max-failed 1 2>err 3>&- | {
		wait_until test -e go
		cat >out
	}
	lines out 2
	has err 'stopped reading before the end of the input: 2 bytes'
}

@test "stopping: it says up to which line a file was read" {
	seq 1000000 >in
	pfanout -R -j1 --grace 10ms -- sh -c 'read -r x; echo "$x"; exec sleep 60' <in >out 2>err &
	pid=$!
	wait_until test -s out
	kill "$pid"
	ends_with 143
	grep -qE '^pfanout: stopped by SIGTERM: standard input was read up to line [1-9][0-9]*$' err
	n=$(grep -o 'line [0-9]*$' err | cut -d' ' -f2)
	[ "$(($(grep -c cancelled out) + $(grep -c '^[0-9]' out)))" -eq "$n" ]

	rm out err
	pfanout -q -R -j1 --grace 10ms -- sh -c 'read -r x; echo "$x"; exec sleep 60' <in >out 2>err &
	pid=$!
	wait_until test -s out
	kill "$pid"
	ends_with 143
	lacks err "stopped by"
}
