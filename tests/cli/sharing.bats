#!/usr/bin/env bats
# Several stages that write into one pipe or one file: no line is torn.

load ../support/helpers
load ../support/streams

# A slow reader that keeps the pipe full: each writer gets in as often as it
# can.
slowly() {
	perl -e 'while (sysread(STDIN, $_, 3000)) { syswrite(STDOUT, $_) }'
}

# Lines a1 ... and b1 ... of very different lengths, in ./a and ./b.
make_inputs() {
	local n=40

	for i in $(seq $n); do
		printf '"a%d%s"\n' "$i" "$(head -c 300000 /dev/zero | tr '\0' x)"
	done >a
	seq 20000 | sed 's/.*/"b&"/' >b
	cat a b >ab && sort -o ab ab
}

@test "sharing: lines of any length of two stages into one pipe are whole" {
	make_inputs
	for second in pfanout 'pratelimit -r 1G/s' pdeadletter 'pfanout -j 2 cat'; do
		# shellcheck disable=SC2086 # words
		{ timeout 60 pfanout -q <a & timeout 60 $second <b & wait; } 3>&- | slowly >out
		sort out | cmp - ab
	done
	# The same through a FIFO that each of them opens.
	mkfifo fifo
	slowly <fifo >out 3>&- &
	reader=$!
	exec 7>fifo
	timeout 60 pfanout -q <a >fifo 7>&- 3>&- &
	first=$!
	timeout 60 pfanout -q <b >fifo 7>&-
	wait "$first"
	exec 7>&-
	wait "$reader"
	sort out | cmp - ab
}

@test "sharing: lines of two stages appended to one file are whole" {
	make_inputs
	for how in '>>out' ''; do
		: >out
		# shellcheck disable=SC2016 # for the other shell
		timeout 60 bash -c "{ pfanout -q <a $how & pfanout -q <b $how & wait; } >>out" 3>&-
		sort out | cmp - ab
	done
}

@test "sharing: a stage that waits for its turn ends when the reader leaves" {
	make_inputs
	mkfifo fifo
	perl -e 'sleep 60' <fifo 3>&- &
	reader=$!
	exec 7>fifo
	for input in a b; do
		timeout 60 pfanout -q <"$input" >&7 7>&- 3>&- &
		pids+=($!)
	done
	exec 7>&-
	kill "$reader"
	for pid in "${pids[@]}"; do
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 141 ]
	done
}

# holds_lock PID: the process has the lock on ./fifo.
holds_lock() {
	awk -v pid="$1" -v inode=":$(stat -c %i fifo)" '$2 == "POSIX" && $5 == pid &&
		substr($6, length($6) - length(inode) + 1) == inode { found = 1 }
		END { exit !found }' /proc/locks
}

# has_read PID FILE: the process has read all of the file, its stdin.
has_read() {
	[ "$(awk '/^pos:/ { print $2 }' "/proc/$1/fdinfo/0")" -eq "$(stat -c %s "$2")" ]
}

@test "sharing: a stage that waits for a stopped one ends when the reader leaves" {
	make_inputs
	head -n 100 b >few # no part of the stage is full
	mkfifo fifo
	perl -e 'sleep 60' <fifo 3>&- &
	reader=$!
	exec 7>fifo
	timeout -s KILL 60 pfanout -q <a >&7 7>&- 3>&- &
	first=$!
	wait_until pgrep -P "$first" pfanout >stopped
	wait_until holds_lock "$(cat stopped)"
	kill -STOP "$(cat stopped)"
	timeout -s KILL 20 pfanout -q <few >&7 7>&- 3>&- &
	second=$!
	exec 7>&-
	wait_until pgrep -P "$second" pfanout >waiting
	wait_until has_read "$(cat waiting)" few
	kill "$reader"
	status=0
	wait "$second" || status=$?
	kill -CONT "$(cat stopped)"
	[ "$status" -eq 141 ]
	status=0
	wait "$first" || status=$?
	[ "$status" -eq 141 ]
}
