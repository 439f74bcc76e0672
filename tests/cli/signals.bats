#!/usr/bin/env bats
# Signals: a stage or a whole pipeline is stopped, and no record that was sent
# is lost.

# shellcheck disable=SC2030,SC2031 # each test starts its own $pid

load ../support/helpers
load ../support/streams
load ../support/background

# flood ARGS1 ARGS2 ARGS3: starts a pipeline of a head and three stages with
# these arguments, as a shell would for a person: in a process group of its own,
# $pgid.  Its output waits in out.fifo.
flood() {
	mkfifo out.fifo
	exec 9<>out.fifo
	# shellcheck disable=SC2086 # words
	{
		"$STUBS/signals-head" count flowing 3000 |
			{ trap : INT TERM; pfanout -n one $1 || echo "$?" >status.1; } |
			{ trap : INT TERM; pfanout -n two $2 || echo "$?" >status.2; } |
			{ trap : INT TERM; pfanout -n three $3 >out.fifo || echo "$?" >status.3; }
	} 2>err 9>&- 3>&- &
	pgid=$!
	wait_until test -f flowing
	wait_until are_ready 3
	stages=$(pgrep -x -g "$pgid" pfanout)
}

# are_ready N: N stages of the pipeline run and take their signals.  An earlier
# signal would just end them.
are_ready() {
	local stage n=0

	for stage in $(pgrep -x -g "$pgid" pfanout); do
		is_ready "$stage" && n=$((n + 1))
	done
	[ "$n" -eq "$1" ]
}

# send_all SIGNAL: every process in the group gets the signal, and every stage
# takes it.
send_all() {
	local stage

	kill "-$1" -- "-$pgid"
	for stage in $stages; do
		wait_until is_taken "$stage" "$1"
	done
}

# Reads what waits in out.fifo into ./out, to its end.
read_output() {
	exec 8<out.fifo 9>&-
	"${LIMIT[@]}" cat <&8 >out
	exec 8<&-
}

# drain STATUS: lets the pipeline run out, each stage with this status, and
# accounts for every record that the head wrote.
drain() {
	read_output
	wait_until test -s status.1 -a -s status.2 -a -s status.3 -a -s count
	[ "$(cat status.1 status.2 status.3 | tr '\n' ' ')" = "$1 $1 $1 " ]
	[ "$(cat count)" -ge 3000 ]
	"$STUBS/signals-account" "$(cat count)" out
}

# After a second signal the records that are held leave as dead letters.
interrupt_twice() {
	send_all INT
	sleep 0.12 # as in again()
	send_all INT
	drain 130
	[[ "$(reasons out)" = 'cancelled '* ]]
}

@test "signals: INT to a pipeline of three in a flood: every record sent is processed" {
	flood '-j2 --grace 60s -b 64' '-j2 --grace 60s -b 64 -- cat' '-k --grace 60s -b 64'
	send_all INT
	drain 130
	[ -z "$(reasons out)" ]
	[ ! -s err ]
}

@test "signals: TERM to a pipeline with -F in it: every record sent is processed" {
	flood '-j2 --grace 60s -b 64 -F -- cat' '-j2 --grace 60s -b 64' '-k --grace 60s -b 64 -- cat'
	send_all TERM
	drain 143
	[ -z "$(reasons out)" ]
}

@test "signals: INT twice to a pipeline of three in a flood: every record is in a result or dead letter" {
	flood '-j2 --grace 60s -b 64' '-j2 --grace 60s -b 64 -- cat' '-k --grace 60s -b 64'
	interrupt_twice
}

@test "signals: INT twice with -k, retries and -x: every record is in a result or dead letter" {
	flood '-k -j2 --grace 60s -b 64 -- cat' '-k -j2 -a 3 --grace 60s -b 64 -x -- cat' '-k -j2 --grace 60s -b 64 -- cat'
	interrupt_twice
}

@test "signals: INT to a pipeline whose reader dawdles: the grace stands still, every record is processed" {
	flood '-j2 --grace 2s -b 64' '-j2 --grace 2s -b 64 -- cat' '-k --grace 2s -b 64'
	send_all INT
	sleep 4.5 # longer than both graces: nobody reads meanwhile
	drain 130
	[ -z "$(reasons out)" ]
	[ ! -s err ]
}

@test "signals: a stop that arrives twice is one, also as another signal" {
	mkfifo go
	exec 6<>go
	start pfanout -v -j2 --window 1 --grace 60s -- "$STUBS/terminal-wait" go begun
	ids 20 >&8
	exec 8>&-
	wait_until test -s begun
	send_together "$pid" TERM INT
	wait_until is_taken "$pid" INT
	printf '\n\n' >&6
	ends_with 143 130
	exec 6>&-
	[ -z "$(reasons out)" ]
	has err 'processed 20,'
}

@test "signals: a second stop that arrives twice is one: nothing that is held is lost" {
	start pfanout -j2 --window 1 --grace 60s -- "$STUBS/signals-hang" pids
	ids 50 >&8
	wait_until at_least pids 2
	send "$pid" TERM
	sleep 0.12 # as in again()
	send_together "$pid" TERM INT
	exec 8>&-
	ends_with 143
	[ "$(reasons out)" = 'cancelled 50' ]
	[ "$(grep -c 'stopped at once' err)" -eq 0 ]
}

@test "signals: TERM to one stage that reads a pipe: it goes on to the end" {
	start pfanout -j2 -v --grace 60s -- cat
	ids 100 >&8
	wait_until at_least out 100
	send "$pid" TERM
	ids 200 | sed 1,100d >&8
	wait_until at_least out 200
	exec 8>&-
	ends_with 143
	"$STUBS/signals-account" 200 out
	has err 'received 200, processed 200,'
}

@test "signals: INT to one stage that reads a file: it stops reading, and finishes what it has read" {
	ids 300000 >in
	mkfifo out.fifo
	exec 9<>out.fifo
	pfanout -v -k -b 64 -j2 -- cat <in >out.fifo 2>err 9>&- 3>&- &
	pid=$!
	# The stage is stopped when it is stuck, as nobody reads its output.
	wait_until sh -c "grep -q '^pos:.[1-9]' /proc/$pid/fdinfo/0"
	send "$pid" INT
	read_output
	ends_with 130
	n=$(wc -l <out)
	echo "$n records"
	[ "$n" -gt 0 ]
	[ "$n" -lt 300000 ]
	head -n "$n" in | cmp - out
	has err "received $n, processed $n,"
}

@test "signals: TERM twice to one stage: it stops the workers, and records held become dead letters" {
	start pfanout -j2 --window 1 -v --grace 60s -- "$STUBS/signals-hang" pids
	ids 50 >&8
	wait_until at_least pids 2
	stop_now
	[ "$(reasons out)" = 'cancelled 50' ]
	"$STUBS/signals-account" 50 out
	while read -r worker; do wait_until is_gone "$worker"; done <pids
}

@test "signals: after a second signal new records leave as cancelled, and dead letters pass" {
	start pfanout -j2 --grace 60s -- cat
	echo '{"id":1}' >&8
	wait_until at_least out 1
	send "$pid" INT
	again "$pid" INT
	echo '{"id":2}' >&8
	echo '{"pchan":"dead-letter/1","id":"x","stage":"s","reason":"exit","value":{"id":3}}' >&8
	wait_until at_least out 3
	exec 8>&-
	ends_with 130
	"$STUBS/signals-account" 3 out
	[ "$(reasons out)" = 'cancelled 1, exit 1' ]
}

@test "signals: at the end of --grace the workers are stopped" {
	# Each worker gets one record: a worker that reads on would be given all
	# of them.
	for mode in '--window 1' -x; do
		rm -f pids
		# shellcheck disable=SC2086 # one word or two
		start pfanout -j2 --grace 200ms $mode -- "$STUBS/signals-hang" pids
		ids 3 >&8
		wait_until at_least pids 2
		kill -TERM "$pid"
		exec 8>&-
		ends_with 143
		[ "$(reasons out)" = 'cancelled 3' ]
		"$STUBS/signals-account" 3 out
		while read -r worker; do wait_until is_gone "$worker"; done <pids
	done
}

@test "signals: a pipe that is never closed is given up after one more --grace" {
	start pfanout -j2 --grace 100ms -- cat
	echo '{"id":1}' >&8
	wait_until at_least out 1
	kill -TERM "$pid"
	ends_with 143
	[ "$(cat out)" = '{"id":1}' ]
	exec 8>&-
}

@test "signals: the part of an answer that a stopped worker leaves is none, whatever its exit status" {
	mkfifo never
	for how in 0 1; do
		rm -f ready
		start pfanout -j1 -- sh -c 'trap "printf 12; exit '$how'" TERM; read -r x; : >ready; while :; do read -r x <never; done'
		echo 1234 >&8
		wait_until test -e ready
		stop_now
		[ "$(reasons out)" = 'cancelled 1' ]
		lines out 1
	done
}

@test "signals: a filter that hangs is stopped after --grace, status of the signal or 2" {
	start pfanout -j1 --grace 200ms -F -- "$STUBS/signals-hang" pids
	ids 3 >&8
	wait_until at_least pids 1
	kill -TERM "$pid"
	exec 8>&-
	ends_with 143 2
	while read -r worker; do wait_until is_gone "$worker"; done <pids
}

@test "signals: the status is that of the signal, for each" {
	for sig in HUP INT TERM; do
		start pfanout
		echo '{"id":1}' >&8
		wait_until at_least out 1
		send "$pid" "$sig"
		exec 8>&-
		ends_with $((128 + $(kill -l "$sig")))
		[ "$(cat out)" = '{"id":1}' ]
		[ ! -s err ]
	done
}

# Nothing has moved any more while the numbers were printed twenty times.
has_settled() {
	kill -USR1 "$pid"
	[ "$(grep -c received err)" -ge 20 ] &&
		[ "$(grep received err | tail -n 20 | sed 's/, [0-9.]* s.*//' | sort -u | wc -l)" -eq 1 ]
}

@test "signals: a third signal ends it at once, and the message has the number of records held" {
	# The output blocks, so records are still held after the second signal.
	mkfifo out.fifo
	exec 9<>out.fifo
	mkfifo in.fifo
	exec 7<>in.fifo
	pfanout -j2 -b 64 --grace 60s <in.fifo >out.fifo 2>err 9>&- 7>&- 3>&- &
	pid=$!
	exec 8>in.fifo 7>&-
	(exec 9>&- && ids 300000 >&8) 2>/dev/null &
	wait_until sh -c "timeout 1 head -n 1 <out.fifo >first && test -s first"
	send "$pid" INT
	again "$pid" INT
	sleep 0.12 # as in again()
	wait_until has_settled
	kill -INT "$pid"
	exec 8>&-
	ends_with 130
	held=$(sed -n 's/.*stopped at once: \([1-9][0-9]*\) records.*/\1/p' err)
	grep received err | tail -n 1 >last
	[ "$held" -eq "$(sed 's/.*received \([0-9]*\), processed \([0-9]*\), filtered \([0-9]*\), failed \([0-9]*\).*/\1 - \2 - \3 - \4/' last | xargs expr)" ]
}

# tells NUMBERS: SIGUSR1 prints one line, which has them: what is in the output
# may be counted a moment later.
tells() {
	local before

	before=$(wc -l <err)
	kill -USR1 "$pid"
	wait_until at_least err $((before + 1))
	lines err $((before + 1))
	tail -n 1 err | grep -q "$1"
}

@test "signals: USR1 prints a line of statistics" {
	start pfanout -j2 -- cat
	ids 3 >&8
	wait_until at_least out 3
	wait_until tells 'received 3, processed 3,'
	ids 5 | sed 1,3d >&8
	wait_until at_least out 5
	wait_until tells 'received 5, processed 5,'
	exec 8>&-
	ends_with 0
	ids 5 | cmp - <(sort out)
}

@test "signals: HUP without -d is like TERM, with -d it is not" {
	start pfanout -j2 -d dead -- cat
	echo '{"id":1}' >&8
	wait_until at_least out 1
	send "$pid" HUP
	echo '{"id":2}' >&8
	wait_until at_least out 2
	exec 8>&-
	ends_with 0
	start pfanout -j2 -v -- cat
	wait_until is_ready "$pid"
	send "$pid" HUP
	exec 8>&-
	ends_with 129
}

@test "signals: signals that were ignored at the start stay ignored" {
	trap '' HUP INT TERM
	start pfanout -j2 -- cat
	trap - HUP INT TERM
	for sig in HUP INT TERM; do
		kill "-$sig" "$pid"
	done
	echo '{"id":1}' >&8
	wait_until at_least out 1
	exec 8>&-
	ends_with 0
	[ "$(cat out)" = '{"id":1}' ]
}

@test "signals: a worker has default dispositions and none blocked, whatever the parent ignored" {
	trap '' INT USR2 PIPE
	printf '{"id":1}\n' >in
	go 0 pfanout -x -- cat /proc/self/status <in
	trap - INT USR2 PIPE
	[ "$(awk '/^Sig(Blk|Ign|Cgt)/ { print $1, $2 + 0 }' out | tr '\n' ';')" = 'SigBlk: 0;SigIgn: 0;SigCgt: 0;' ]
	go 0 pfanout -j1 -- "$STUBS/signals-state" <in
	[ "$(cat out)" = '{"SigBlk":0,"SigIgn":0,"SigCgt":0}' ]
}

@test "signals: Ctrl-C does not reach the workers: they finish" {
	start pfanout -j1 --grace 60s -- cat
	echo '{"id":1}' >&8
	wait_until at_least out 1
	worker=$(pgrep -P "$pid")
	kill -INT -- "-$pid"
	wait_until is_taken "$pid" INT
	echo '{"id":2}' >&8
	wait_until at_least out 2
	[ "$(pgrep -P "$pid")" = "$worker" ]
	exec 8>&-
	ends_with 130
}

@test "signals: STOP and CONT harm nothing" {
	start pfanout -j2 -t 10s -- cat
	ids 100 >&8
	kill -STOP "$pid"
	ids 200 | sed 1,100d >&8
	kill -CONT "$pid"
	exec 8>&-
	ends_with 0
	"$STUBS/signals-account" 200 out
}

@test "signals: kill -9 leaves no worker behind" {
	start pfanout -j3 -- cat
	ids 3 >&8
	wait_until at_least out 3
	workers=$(pgrep -P "$pid")
	kill -KILL "$pid"
	ends_with 137
	exec 8>&-
	for worker in $workers; do
		wait_until is_gone "$worker"
	done
}
