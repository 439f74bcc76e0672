#!/usr/bin/env bats
# How a child ends: its status, the output that comes after its exit, and what
# it leaves behind.
# shellcheck disable=SC2086,SC2154,SC2046 # words; background.bash sets $pid

load ../support/helpers
load ../support/background
load ../support/streams
load ../support/counts

# A time for `sleep` that no other test uses.
own_time() {
	echo "9$BATS_TEST_NUMBER$$"
}

# As a parent that ignores SIGCHLD starts a tool.
unheeded() {
	go "$1" env --ignore-signal=CHLD "${@:2}"
}

@test "ends: with SIGCHLD ignored, a command that fails is a failure" {
	unheeded 1 pfanout -x -v -- false <<<1
	[ "$(total processed)" -eq 0 ]
	[ "$(jq -r '[.reason, .worker.exit] | join(" ")' out)" = "exit 1" ]
	unheeded 1 pfanout -x -- sh -c 'kill -9 $$' <<<1
	[ "$(jq -r .worker.signal out)" = SIGKILL ]
	unheeded 2 pfanout -F -j1 -- sh -c 'cat; kill -9 $$' <<<1
	has err SIGKILL
	# Half a line of a dead child is no answer.
	unheeded 1 pfanout -j1 -- sh -c 'read -r x; echo "$x"; read -r x; printf %s "$x"; kill -9 $$' <<<$'1\n2'
	jq -e 'select(.reason == "crash").value == 2' out
}

@test "ends: no tool ignores SIGCHLD" {
	for tool in "pfanout" "pfanout cat" "pratelimit -r 1000/s" "pdeadletter -d dead"; do
		start env --ignore-signal=CHLD $tool
		wait_until grep -qE '^SigIgn:.*[1-9a-f]' "/proc/$pid/status"
		wait_until eval '! grep -qE "^SigIgn:.*[13579bdf]....$" /proc/$pid/status'
		exec 8>&-
		ends_with 0
	done
}

@test "ends: a status that can't be had is a failure, in all modes" {
	no_sanitizer
	lost() { go "$1" env LD_PRELOAD="$SHIMS/fail_waitpid.so" "${@:2}"; }
	lost 1 pfanout -x -v -- true <<<1
	[ "$(total processed)" -eq 0 ]
	jq -e '.reason == "exit" and (.message | contains("unknown status")) and
		(.worker | has("exit") or has("signal") | not)' out
	lost 2 pfanout -F -j1 -- cat <<<1
	has err "unknown status"
	# The last line has no LF.
	lost 1 pfanout -j1 -- sh -c 'read -r x; echo "$x"; read -r x; printf %s "$x"' <<<$'1\n2'
	jq -e 'select(.reason == "crash") | .value == 2 and (.message | contains("unknown status"))' out
}

@test "ends: what comes after the exit counts, in all modes" {
	seq 20 >in
	for mode in -x -F ""; do
		echo "# ${mode:-map}"
		go 0 pfanout $mode -v -- "$STUBS/late" 0 0 <in
		sort -n out | cmp - in
		lacks err 'left a process behind'
	done
	go 0 pfanout -x -- setsid cat <in
	sort -n out | cmp - in
}

@test "ends: answers that come after the exit of a worker that recycles itself count" {
	seq 20 >in
	go 0 pfanout -v -k -j2 -- "$STUBS/late" 0 5 <in
	cmp out in
	[ "$(total retries)" -eq 0 ]
}

@test "ends: the stderr that comes after the exit is in the letter" {
	seq 10 >in
	go 1 pfanout -x -- "$STUBS/late" 1 0 $'bad\n' <in
	[ "$(jq -c .worker.stderr out | sort | uniq -c | xargs)" = '10 bad\n' ]
	[ "$(grep -c '^bad$' err)" -eq 10 ]
	# A worker that reads one record.
	go 1 pfanout -j1 --window 1 -- "$STUBS/late" 1 1 bad <<<1
	[ "$(jq -r .worker.stderr out)" = bad ]
}

@test "ends: what is left behind lives on, is waited for as long as it is not silent, and told once" {
	time=$(own_time)
	seq 4 >in
	for mode in -x -F ""; do
		echo "# ${mode:-map}"
		go 0 timeout 20 pfanout $mode -j2 -- sh -c "setsid -f sleep $time; exec cat" <in
		[ "$mode" != -x ] || wait_until sleepers "$time" 4
		pkill -fx "sleep $time"
		sort -n out | cmp - in
		[ "$(grep -c 'left a process behind that keeps its stdout and stderr open; what it prints later is lost' err)" -eq 1 ]
		lines err 1
	done
	go 0 timeout 20 pfanout -x -- sh -c "sleep $time >/dev/null & cat" <<<1
	pkill -fx "sleep $time"
	has err 'keeps its stderr open'
	go 0 timeout 20 pfanout -x -- sh -c "sleep $time 2>/dev/null & cat" <<<1
	pkill -fx "sleep $time"
	has err 'keeps its stdout open'
	# It has no pipe of ours.
	go 0 timeout 20 pfanout -x -- sh -c "sleep $time >/dev/null 2>&1 & cat" <<<1
	pkill -fx "sleep $time"
	[ ! -s err ]
}

# Its child exits, and leaves a process that prints for ever on fd $TO, and has
# begun.
ENDLESS='rm -f left; perl -le "\$| = 1; print 1; open(F, q(>left)); print F \$\$; close(F); print 1 while !select undef, undef, undef, .02" >&$TO &
until [ -s left ]; do sleep .01; done; echo "$$" >child; exec cat'

@test "ends: the time limit covers what is printed after the exit" {
	TO=1 go 1 timeout 20 pfanout -x -t 1s -- sh -c "$ENDLESS" <<<1
	[ "$(jq -r .reason out)" = timeout ]
	wait_until is_gone "$(cat left)"
}

@test "ends: a command that has exited in time has succeeded, whatever holds its pipes" {
	# On a busy machine the command itself may be late.
	for rest in 'setsid -f sleep 2;' '(sleep 2; : >survived) &'; do
		for _ in {1..5}; do
			timeout 20 pfanout -x -t 1s -- sh -c "sleep .85; $rest echo done" <<<1 >out 2>err || continue
			break
		done
		[ "$(cat out)" = "done" ]
	done
	wait_until test -e survived
}

@test "ends: a log that goes on for ever is waited for a second at most, in all modes" {
	for mode in -x -F ""; do
		TO=2 go 0 timeout 20 pfanout $mode -j1 -- sh -c "$ENDLESS" <<<1
		[ "$(cat out)" = 1 ]
		# It may have seen that nobody reads it any more.
		kill "$(cat left)" || true
	done
}

# has_exited PID: it is a zombie, or gone.
has_exited() {
	! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}

# Stops the stage when the child has exited, but not all that holds its pipes.
stop_after_exit() {
	wait_until test -s child
	wait_until has_exited "$(cat child)"
	send "$pid" TERM
	again "$pid" TERM
	exec 8>&-
	ends_with 143
}

@test "ends: a stop ends the reading after the exit, where output still comes" {
	for mode in -x -F; do
		rm -f child
		TO=1 start pfanout $mode -j1 --grace 60s -- sh -c "$ENDLESS"
		echo 1 >&8
		exec 8>&-
		stop_after_exit
		wait_until is_gone "$(cat left)"
	done
}

@test "ends: a stop does not undo a record that is done but for what holds its stderr" {
	start pfanout -v -x -j1 --grace 60s -- sh -c "(exec >&2; TO=2; ${ENDLESS/ exec cat/}) && exec cat"
	echo 1 >&8
	# The input is open: the stage waits for us, even if we are late.
	stop_after_exit
	[ "$(cat out)" = 1 ]
	has err 'processed 1,'
	kill "$(cat left)" || true
}

# It leaves its process group, and does not end by itself.
ELSEWHERE='$| = 1; setpgrp(0, getpgrp(getppid)); open(F, ">child"); print F $$; close(F); <STDIN>; sleep 99'

@test "ends: a child that has left its process group can be killed, in all modes" {
	for mode in -x ""; do
		go 1 timeout -s KILL 20 pfanout $mode -j1 -t 1s -- perl -e "$ELSEWHERE" <<<1
		[ "$(jq -r .reason out)" = timeout ]
		wait_until is_gone "$(cat child)"
	done
	rm child
	start timeout --foreground -s KILL 20 pfanout -F -j1 -- perl -e "$ELSEWHERE"
	wait_until test -s child
	stage=$(pgrep -P "$pid")
	send "$stage" TERM
	again "$stage" TERM
	exec 8>&-
	ends_with 143
	wait_until is_gone "$(cat child)"
}

@test "ends: after kill -9 no child stays, even if it ignores SIGTERM" {
	for mode in -x -F ""; do
		rm -f child
		start pfanout $mode -j1 -- sh -c 'trap "" TERM; echo "$$" >child; while :; do sleep 1; done'
		echo 1 >&8
		wait_until test -s child
		kill -KILL "$pid"
		ends_with 137
		wait_until is_gone "$(cat child)"
	done
}

@test "ends: random numbers are seeded before anything is read" {
	needs_strace
	for tool in "pfanout" "pfanout sed s/^/!/" "pratelimit -r 1000/s" "pdeadletter"; do
		timeout 20 strace -f -e trace=getrandom,read -o trace $tool <<<1 >/dev/null 2>&1 || true
		grep -nE 'getrandom\(.*, 40,|read\(0, ' trace | head -n 1 | grep getrandom
	done
}

# as_init COMMAND...: runs it as process 1 of a container.
as_init() {
	unshare --pid --fork --mount-proc true 2>/dev/null || skip "can't make a namespace of processes"
	go 0 timeout -s KILL 30 unshare --pid --fork --mount-proc --kill-child "$@"
}

# The number of zombies, printed once they are few or for 5 s have been many.
ZOMBIES='for try in $(seq 50); do n=$(ps -eo stat= | grep -c ^Z); [ "$n" -gt 5 ] || break; sleep .1; done; echo "$n"'

@test "ends: as process 1, orphans are reaped, and no child's status is lost" {
	seq 200 >in
	as_init pfanout -x -v -j4 -- sh -c '(sh -c : & sh -c : &); exit 0' <in
	as_init pfanout -x -j1 -- sh -c "(for i in \$(seq 20); do (sleep .01 &); done) >/dev/null 2>&1; $ZOMBIES" <<<1
	[ "$(cat out)" -le 5 ]
	# A child that goes on while its orphans end.
	as_init pfanout -j1 -- sh -c "while read -r x; do (for i in \$(seq 20); do (sleep .01 &); done) >/dev/null 2>&1; $ZOMBIES; done" <<<$'1\n2\n3'
	[ "$(sort -n out | tail -n 1)" -le 5 ]
}
