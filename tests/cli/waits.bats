#!/usr/bin/env bats
# What a stage says that it waits for: also while nothing moves.

# shellcheck disable=SC2030,SC2031 # each test starts its own $pid

load ../support/helpers
load ../support/streams
load ../support/background

# becomes STATE: SIGUSR1 tells this state, sooner or later.
becomes() {
	wait_until tells "$1" || {
		cat err
		return 1
	}
}

# Before the process has blocked the signal it would die of it.
listens() {
	awk '/^SigBlk:/ { exit index("2367abef", substr($2, length($2) - 2, 1)) == 0 }' "/proc/$1/status"
}

tells() {
	listens "$pid" && kill -USR1 "$pid" || return 1
	grep -qE ", [0-9]+ records/s, $1\$" err
}

# whole_run PATTERN: what -v says in the end.
whole_run() {
	tail -n 1 err | grep -qE "records/s, waited: $1(, starts [0-9]+)?\$"
}

# Records that are more than a pipe and a stage hold.
many() {
	yes '{"id":1,"pad":"0123456789012345678901234567890123456789"}' | head -n 300000
}

# hang COMMAND...: starts the command with out.fifo open, which nobody reads,
# and ./in on stdin.
hang() {
	mkfifo out.fifo
	exec 9<>out.fifo
	many >in
	"$@" <in >pipe.out 2>err 9>&- 3>&- &
	pid=$!
}

# Reads what was held up.
let_go() {
	exec 4<out.fifo
	cat <&4 >/dev/null 9>&- 3>&- &
	exec 9>&- 4<&-
	ends_with 0
}

@test "waits: a silent input, while nothing comes and in the end" {
	start pfanout -v
	becomes 'waits for input 100 %'
	ids 1 >&8
	wait_until at_least out 1
	becomes 'waits for input 100 %'
	exec 8>&-
	ends_with 0
	whole_run 'input [0-9]+ %, output [0-9]+ %, workers [0-9]+ %'
}

@test "waits: pfanin waits while none of its inputs has anything" {
	mkfifo a b c
	exec 4<>a 5<>b 6<>c
	pfanin -v a b c >out 2>err 3>&- 4>&- 5>&- 6>&- &
	pid=$!
	becomes 'waits for input 100 %'
	ids 1 >&5
	wait_until at_least out 1
	becomes 'waits for input 100 %'
	send "$pid" TERM
	exec 4>&- 5>&- 6>&-
	ends_with 143
}

@test "waits: pfanin --merge waits for the input it needs" {
	ids 1000 >a
	mkfifo b
	exec 4<>b
	pfanin --merge .id a b >out 2>err 3>&- 4>&- &
	pid=$!
	becomes 'waits for input 100 %'
	ids 1 >&4
	exec 4>&-
	ends_with 0
	lines out 1001
}

@test "waits: a reader of the output that hangs" {
	hang sh -c 'exec pfanout -v >out.fifo'
	becomes 'waits for output 100 %'
	let_go
	whole_run 'input [0-9]+ %, output [1-9][0-9]* %, workers [0-9]+ %'
}

@test "waits: the reader of an output of --to that hangs" {
	hang pfanout -v --to out.fifo
	becomes 'waits for output 100 %'
	let_go
	whole_run 'input [0-9]+ %, output [1-9][0-9]* %, workers [0-9]+ %'
}

@test "waits: with --by copy the slowest output counts" {
	hang pfanout -v --to file --to out.fifo --by copy
	becomes 'waits for output 100 %'
	let_go
	lines file 300000
}

@test "waits: pratelimit waits for its rate, not for the output" {
	start pratelimit -v -r 1/h -B 1
	ids 3 >&8
	wait_until at_least out 1
	becomes 'waits for rate 100 %'
	stop_now
	whole_run 'input [0-9]+ %, output [0-9]+ %, workers [0-9]+ %, rate [0-9]+ %'
}

@test "waits: pratelimit that is held up waits for the output" {
	hang sh -c 'exec pratelimit -v -r 1000k/s >out.fifo'
	becomes 'waits for output 100 %'
	let_go
}

@test "waits: a worker that has a record is busy, one that has answered is not" {
	mkfifo gate
	start pfanout -v -j1 -- sh -c 'head -n 1 gate >&2; exec cat'
	ids 1 >&8
	becomes 'workers busy 100 %'
	echo go >gate
	wait_until at_least out 1
	becomes 'waits for input 100 %'
	exec 8>&-
	ends_with 0
	whole_run 'input [0-9]+ %, output [0-9]+ %, workers [0-9]+ %; workers busy [0-9]+ %'
}

@test "waits: a process of exec mode is busy" {
	mkfifo gate
	start pfanout -v -x -j1 -- sh -c 'head -n 1 gate >&2; exec cat'
	ids 1 >&8
	becomes 'workers busy 100 %'
	echo go >gate
	wait_until at_least out 1
	becomes 'waits for input 100 %'
	exec 8>&-
	ends_with 0
	whole_run 'input [0-9]+ %, output [0-9]+ %, workers [0-9]+ %; workers busy [0-9]+ %'
}

@test "waits: a worker that dies is not busy any more" {
	start pfanout -v -j1 -a 9 --backoff 1h -- sh -c 'read -r line; exit 3'
	ids 1 >&8
	becomes 'waits for input 100 %'
	stop_now
	whole_run 'input [0-9]+ %, output [0-9]+ %, workers [0-9]+ %; workers busy [0-9]+ %'
}

@test "waits: half of the workers busy is half" {
	mkfifo gate
	start pfanout -x -j2 -- sh -c 'head -n 1 gate >&2; exec cat'
	ids 1 >&8
	becomes 'waits for input 100 %'
	echo go >gate
	exec 8>&-
	ends_with 0
}

@test "waits: filters that do not read are waited for" {
	mkfifo gate
	many >in
	pfanout -F -j1 -- sh -c 'head -n 1 gate >&2; exec cat' <in >out 2>err 3>&- &
	pid=$!
	becomes 'waits for workers 100 %'
	echo go >gate
	ends_with 0
	lines out 300000
}

# stop_for_a_while: a Ctrl-Z, and fg.
stop_for_a_while() {
	kill -TSTP "$pid"
	wait_until is_stopped
	# What is measured is this time.
	sleep 1
	kill -CONT "$pid"
}

is_stopped() {
	grep -q '^State:.T' "/proc/$pid/status"
}

# is_not_counted METRIC: in the whole run, which has ended, no more of it than
# the time in which the stage was not stopped.
is_not_counted() {
	PCHAN_RUN_DIR=$PWD/run pmetrics print >families
	tail -n 1 err
	sed -nE 's/.*, ([0-9.]+) s, [0-9]+ records.*; stopped for ([0-9.]+) s$/\1 \2/p' err | tail -n 1 |
		awk -v metric="$1" '
		FNR == NR { most = $1 - $2 + 0.1; stopped = $2; next }
		index($1, metric) == 1 && index($1, "{") { sum += $2; found = 1 }
		END { print sum, most, stopped; exit !(found && stopped >= 1 && sum <= most) }' - families
}

@test "waits: a Ctrl-Z is no wait for the input" {
	export PCHAN_RUN_DIR=$PWD/run
	start pfanout -v
	becomes 'waits for input 100 %'
	stop_for_a_while
	exec 8>&-
	ends_with 0
	is_not_counted 'pipeline_blocked_seconds_total{stage="pfanout",tool="pfanout",on="input"'
}

@test "waits: a Ctrl-Z is no wait for the output" {
	export PCHAN_RUN_DIR=$PWD/run
	hang sh -c 'exec pfanout -v >out.fifo'
	becomes 'waits for output 100 %'
	stop_for_a_while
	let_go
	for on in output workers; do
		is_not_counted 'pipeline_blocked_seconds_total{stage="pfanout",tool="pfanout",on="'$on
	done
}

@test "waits: a Ctrl-Z is no wait for the rate" {
	export PCHAN_RUN_DIR=$PWD/run
	start pratelimit -v -r 1/h -B 1
	ids 3 >&8
	wait_until at_least out 1
	becomes 'waits for rate 100 %'
	stop_for_a_while
	stop_now
	is_not_counted 'pipeline_blocked_seconds_total{stage="pratelimit",tool="pratelimit",on="rate"'
}

@test "waits: in a Ctrl-Z no worker is busy" {
	export PCHAN_RUN_DIR=$PWD/run
	for mode in -j1 -xj1; do
		echo "# $mode"
		mkfifo gate
		rm -rf run err
		start pfanout -v "$mode" -- sh -c 'head -n 1 gate >&2; exec cat'
		ids 1 >&8
		becomes 'workers busy 100 %'
		stop_for_a_while
		echo go >gate
		exec 8>&-
		ends_with 0
		is_not_counted pipeline_busy_seconds_total
		is_not_counted pipeline_latency_seconds_sum
		rm gate
	done
}
