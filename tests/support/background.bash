# For tests of a stage that runs in the background and gets signals.

# With job control a background process does not ignore SIGINT.
set -m

LIMIT=(timeout --foreground -s KILL 60)

# start COMMAND [ARG...]: starts a command that reads in.fifo, into which we
# write through fd 8.  Its pid is in $pid.
start() {
	# The output of an earlier stage would look like that of this one.
	rm -f in.fifo out err
	mkfifo in.fifo
	exec 7<>in.fifo
	"$@" <in.fifo >out 2>err 7>&- 3>&- &
	pid=$!
	exec 8>in.fifo 7>&-
	# Whatever happens, the command runs for a minute at most.
	(
		exec 8>&-
		"${LIMIT[@]}" tail -f --pid="$pid" /dev/null 2>/dev/null || kill -KILL "$pid"
	) 3>&- &
}

# ends_with STATUS...: the process must end with one of these.
ends_with() {
	local status tries=0

	# A job that has stopped (147 to 150) has not ended.  `wait -f` is
	# for that, but bash 5.2 now and then loops in it for ever, as it has no
	# record of the process: then the next wait has its status.
	until
		status=0
		wait "$pid" || status=$?
		((status != 127 || ++tries > 3)) && ((status < 147 || status > 150))
	do
		continue
	done
	[[ " $* " == *" $status "* ]] || {
		echo "status $status instead of $*"
		return 1
	}
}

# is_ready PID: the process has started its threads, and so takes its signals.
# (A thread of a sanitizer does not tell, nor does what bash blocks before it
# runs the command, but that is not SIGUSR1.)
is_ready() {
	local tasks=("/proc/$1/task/"*)

	[ "${#tasks[@]}" -gt 1 ] && grep -q '^SigBlk:.*[2367abef]..$' "/proc/$1/status"
}

send() {
	kill "-$2" "$1"
	wait_until is_taken "$1" "$2"
}

# send_together PID SIGNAL...: all of them are there when it looks.
send_together() {
	local signal

	kill -STOP "$1"
	for signal in "${@:2}"; do
		kill "-$signal" "$1"
	done
	kill -CONT "$1"
}

# again PID SIGNAL: the next signal.  What comes within 100 ms of the last one
# would count as the same stop.
again() {
	sleep 0.12
	send "$1" "$2"
}

# A second signal turns everything that waits into dead letters.
stop_now() {
	send "$pid" TERM
	again "$pid" TERM
	exec 8>&-
	ends_with 143
}

# change_everywhere BUCKET: pfanout and pratelimit have the rate 1/d together;
# then SIGHUP tells pratelimit of another one, and both go on with that.
change_everywhere() {
	local other

	echo 1/d >rate
	start pfanout -q -j 2 --rate 1/d --shared "$1" -- cat
	ids 100 >&8
	wait_until at_least out 1
	mkfifo other.fifo
	pratelimit --rate-file rate --shared "$1" <other.fifo >other 2>other.err 3>&- 8>&- &
	other=$!
	exec 7>other.fifo
	ids 10 >&7
	wait_until is_ready "$other"
	echo 1000/s >rate
	kill -HUP "$other"
	exec 7>&- 8>&-
	ends_with 0
	wait "$other"
	account 100 out
	ids 10 | cmp - other
}
