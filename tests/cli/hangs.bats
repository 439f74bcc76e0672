#!/usr/bin/env bats
# Map mode with workers that hang, linger, or sleep: none of them hangs the
# stage, and none costs more than its own record.

load ../support/helpers
load ../support/streams

# A time for `sleep` that no other test uses.
own_time() {
	echo "8$BATS_TEST_NUMBER$$"
}

# answers N COMMAND...: starts a stage with one worker and --window 1, which
# gets N records and no end of input; all the answers must come.
answers() {
	local n=$1

	shift
	mkfifo to
	timeout 30 pfanout -q -j 1 --window 1 -- "$@" <to >out 2>err 3>&- &
	exec 8>to
	seq "$n" >&8
	wait_until at_least out "$n"
	exec 8>&-
	wait $!
	seq "$n" | cmp - out
	rm to
}

@test "hangs: a worker that buffers, beside a process that sleeps, answers" {
	time=$(own_time)
	answers 3 sh -c "sleep $time & exec awk '{ print }'"
	answers 3 sh -c "sleep $time & awk '{ print }'; :"
	# They outlive a worker that exits by itself.
	pkill -fx "sleep $time"
}

@test "hangs: a worker that buffers, with a thread that waits for the network, answers" {
	answers 2 env -u PYTHONUNBUFFERED python3 -c 'if True:
		import socket, sys, threading
		a, b = socket.socketpair()
		threading.Thread(target=lambda: a.recv(1), daemon=True).start()
		for line in sys.stdin:
			print(line, end="")'
}

@test "hangs: a worker that waits for the network is not started again for each record" {
	program='if True:
		import socket, sys, threading, time
		a, b = socket.socketpair()
		def serve():
			while b.recv(1):
				time.sleep(0.3)
				b.send(b"x")
		threading.Thread(target=serve, daemon=True).start()
		for line in sys.stdin:
			a.send(b"x")
			a.recv(1)
			print(line, end="", flush=True)'
	answers 12 sh -c 'echo >>starts; cat | python3 -c "$0"' "$program"
	# Two or three times as a test.
	[ "$(wc -l <starts)" -le 6 ]
}

# How often the threads of a process have gone to sleep.
sleeps() {
	cat "/proc/$1"/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'
}

@test "hangs: a hundred workers that are silent cost next to nothing" {
	local time before after

	no_sanitizer
	time=$(own_time)
	seq 100 >in
	mkfifo to
	timeout 30 pfanout -q -j 100 --grace 0 -- sh -c "read -r x; sleep $time; :" <to >out 2>err 3>&- &
	exec 8>to
	cat in >&8
	wait_until sleepers "$time" 100
	pid=$(pgrep -P $! pfanout)
	# The longer a worker is silent, the rarer are the looks at it.
	sleep 1
	before=$(sleeps "$pid")
	sleep 1
	after=$(sleeps "$pid")
	kill "$pid"
	exec 8>&-
	wait $! || true
	echo "$((after - before)) times in a second"
	[ "$((after - before))" -lt 2000 ]
}

# charged LINE: ./out has a line for each line of ./in, and just the record of
# this line is in a dead letter.
charged() {
	lines out "$(wc -l <in)"
	[ "$(sed -n 's/.*"line":\([0-9]*\).*/\1/p' out | xargs)" = "$1" ]
}

@test "hangs: a record that hangs a worker that buffers costs no other record" {
	seq 100 >in
	go 1 pfanout -q -j 1 -t 1s --window 8 -- perl -ne 'sleep 99 if $_ == 60; print' <in
	charged 60
	seq 1000 >in
	go 1 pfanout -q -j 1 -t 1s -- perl -ne 'sleep 99 if $_ == 503; print' <in
	charged 503
}

@test "hangs: a search for the record that hangs tries the oldest one first" {
	seq 200 >in
	begun=$SECONDS
	go 1 pfanout -q -j 1 -t 2s --window 128 -- perl -ne '$| = 1; sleep 99 if $_ == 20; print' <in
	charged 20
	[ $((SECONDS - begun)) -lt 10 ]
}

@test "hangs: a worker that closes its stdout and lingers does not end the run" {
	seq 8 >in
	for poison in 5 1; do
		go 1 pfanout -q -j 1 --window 8 -- perl -MPOSIX -ne "if (\$_ == $poison) { POSIX::close(1); sleep 99 } print" <in
		charged $poison
	done
}

@test "hangs: the search for a record that kills its worker counts as one death" {
	seq 64 >in
	go 1 pfanout -q -j 1 --window 64 -- perl -ne 'kill 9, $$ if $_ == 1; print' <in
	charged 1
}

@test "hangs: a worker that was flushed, answered everything, and lingers has not died" {
	seq 120 >in
	# Most of them are killed one after the other, with no answer between.
	go 0 pfanout -q -j 120 --window 1 --grace 2s -- sh -c 'while read -r x; do echo "$x"; done; exec sleep 99' <in
	lines out 120
	[ ! -s err ]
}

@test "hangs: -t does not count the time that a worker takes to start" {
	for n in 5 1; do
		seq "$n" >in
		go 0 pfanout -q -j 1 -t 500ms -- sh -c 'sleep 1; cat' <in
		sort -n out | cmp - in
	done
}

@test "hangs: a worker that starts slowly and buffers is not flushed for that" {
	seq 50 >in
	go 0 pfanout -q -j 1 -t 500ms -- sh -c 'echo >>starts; sleep 1; exec awk "{ print }"' <in
	sort -n out | cmp - in
	[ "$(wc -l <starts)" -le 10 ]
}

@test "hangs: a worker that closes its stdout has a second to exit, whatever -t says" {
	seq 5 >in
	go 0 pfanout -q -j 1 -t 500ms -- perl -ne '$| = 1; print; if ($_ == 3) { close STDOUT; sleep 4 }' <in
	sort -n out | cmp - in
}

@test "hangs: a command that ends like one that a signal stops costs no wait each time" {
	seq 200 >in
	begun=$SECONDS
	go 1 pfanout -q -x -j 1 -- sh -c 'exit 143' <in
	# Of 100 ms each.
	[ $((SECONDS - begun)) -lt 20 ]
}

@test "hangs: -t counts from when the worker reads, even if its input is at its end" {
	seq 1 >in
	begun=$SECONDS
	go 1 pfanout -q -j 1 -t 500ms -- sh -c 'sleep 1; read -r x; sleep 99' <in
	[ "$(jq -r .message out)" = "no answer in 500ms" ]
	[ $((SECONDS - begun)) -lt 15 ]
}

@test "hangs: --start-timeout ends a worker that never reads its input" {
	seq 3 >in
	go 1 pfanout -q -j 1 -t 200ms --start-timeout 400ms -- sleep 99 <in
	[ "$(jq -r '[.reason, .message] | join(": ")' out | uniq -c | xargs)" = \
		"3 timeout: the worker did not begin to read its input in 400ms (--start-timeout)" ]
	seq 9 >in
	go 2 pfanout -q -j 1 -t 200ms --start-timeout 200ms -- sleep 99 <in
	has err "5 workers died, and not one answer came"
}

@test "hangs: -t counts for a worker that has closed its stdin" {
	# It dies of the second record, and when each is tried alone, with EOF
	# behind it, goes on without an fd 0.
	cat >worker <<-'END'
		#!/bin/sh
		if mkdir once 2>/dev/null; then
			read -r x
			read -r x
			kill -9 $$
		fi
		exec 3<&0 <&-
		read -r x <&3
		exec sleep 99
	END
	chmod +x worker
	go 1 timeout 20 pfanout -q -j 1 --window 2 -t 300ms -- ./worker <<<$'1\n2'
	[ "$(jq -r .message out | uniq -c | xargs)" = "2 no answer in 300ms" ]
}

@test "hangs: a worker that is restarted after a pause is restarted, however late it is" {
	no_sanitizer
	seq 60 >in
	for seed in $(seq 10); do
		go 1 env LD_PRELOAD="$SHIMS/hasty_clock.so" HASTY_CLOCK="$seed" timeout 20 pfanout -q -j 1 --window 1 -- \
			sh -c 'while read -r x; do [ $((x % 8)) -lt 3 ] || kill -9 $$; echo "$x"; done' <in
		lines out 60
	done
}

@test "hangs: a worker that has become another user can't be killed, and that is told" {
	needs setpriv
	no_sanitizer
	echo 1 >in
	nobody
	cp "$(command -v pfanout)" .
	cp "$(command -v setpriv)" become
	chmod 4755 become
	mkfifo -m 666 end
	for mode in '-t 100ms' '-x -t 100ms'; do
		: >err
		# shellcheck disable=SC2086 # words
		timeout 30 "${NOBODY[@]}" ./pfanout -q -j 1 $mode -- \
			./become --reuid 65533 --clear-groups sh -c 'read -r line; read -r line <end' <in >out 2>err 3>&- &
		wait_until has err "(./become) can't be killed, as it has become another user; it is waited for"
		echo >end
		status=0
		wait $! || status=$?
		[ "$status" -eq 1 ]
		[ "$(jq -r .reason out)" = timeout ]
	done
}

@test "hangs: -t ends a worker while another stage has the lock on our output" {
	mkfifo in out hold
	exec 7<>out
	python3 -c 'import fcntl, sys
file = open("out", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
open("locked", "w")
sys.stdin.read()' <hold 3>&- 7>&- &
	exec 9>hold
	wait_until [ -e locked ]
	timeout 30 pfanout -q -j 1 --window 1 -t 500ms -- sh -c 'read -r first; echo "$first"; read -r second; echo >given; exec sleep 60' \
		<in >out 2>err 3>&- 7>&- 9>&- &
	exec 8>in
	echo 1 >&8
	echo 2 >&8
	wait_until [ -e given ]
	# The record fails, and a fresh child starts for the next one.
	rm given
	printf '%s\n' 3 4 >&8
	wait_until [ -e given ]
	exec 8>&- 9>&-
	wait
	[ "$(timeout 20 head -n 2 <&7 | jq -c '.reason? // .')" = "$(printf '1\n"timeout"')" ]
}
