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
	answers 3 sh -c "sleep $(own_time) & exec awk '{ print }'"
	answers 3 sh -c "sleep $(own_time) & awk '{ print }'; :"
}

@test "hangs: a worker that buffers, with a thread that waits for the network, answers" {
	answers 2 env -u PYTHONUNBUFFERED python3 -c 'if True:
		import socket, sys, threading
		a, b = socket.socketpair()
		threading.Thread(target=lambda: a.recv(1), daemon=True).start()
		for line in sys.stdin:
			print(line, end="")'
}

# How often the threads of a process have gone to sleep.
sleeps() {
	cat "/proc/$1"/task/*/status | awk '/^voluntary/ { n += $2 } END { print n }'
}

sleepers() {
	[ "$(pgrep -fcx "sleep $1")" -eq "$2" ]
}

@test "hangs: a hundred workers that are silent cost next to nothing" {
	local time before after

	no_sanitizer
	time=$(own_time)
	seq 100 >in
	mkfifo to
	timeout 30 pfanout -q -j 100 -- sh -c "read -r x; sleep $time; :" <to >out 2>err 3>&- &
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
	kill "$pid" || true
	exec 8>&-
	wait $! || true
	echo "$((after - before)) times in a second"
	[ "$((after - before))" -lt 2000 ]
}
