#!/usr/bin/env bats
# Standard error: nobody reads it, many write to it, or it is a terminal that a
# record must not control.

load ../support/helpers
load ../support/streams
load ../support/background

# A FIFO with a reader that does not read: ours, fd 6.
unread_fifo() {
	mkfifo q
	exec 6<>q
}

# The same, and it is full.
full_fifo() {
	unread_fifo
	! dd if=/dev/zero of=q bs=4096 count=1024 oflag=nonblock status=none 2>/dev/null
}

# What each of these workers writes to stderr is 200000 bytes for a record.
noise='yes 2>/dev/null | head -c 200000 >&2'

# start_unread COMMAND...: as start, with its stderr in q; it takes its signals.
start_unread() {
	# shellcheck disable=SC2016 # for that shell
	start bash -c 'exec "$@" 2>q 6>&-' bash "$@"
	wait_until is_ready "$pid"
}

# runs_unread COMMAND...: four records, with fd 6 unread.  All are answered, and
# the end waits for the reader of stderr, who learns how much is missing.
runs_unread() {
	rm -f q out
	unread_fifo
	seq 4 >in
	timeout 60 "$@" <in >out 2>q 6>&- 3>&- &
	pid=$!
	wait_until at_least out 4
	timeout 60 cat <q >err 6>&- 3>&- &
	exec 6>&-
	ends_with 0
	wait $!
	awk '/bytes of standard error were dropped, as nobody read it/ { dropped += $2; next }
		{ came += length($0) + 1 }
		END { print "came", came, "dropped", dropped; exit dropped == 0 || came + dropped != 800000 }' err
}

@test "log: nobody reads stderr: the work goes on, and what is dropped is counted" {
	runs_unread pfanout -j2 -- sh -c "while read -r x; do $noise; echo \$x; done"
	runs_unread pfanout -j2 -x -- sh -c "$noise; cat"
	runs_unread pfanout -j1 -F -- sh -c "while read -r x; do $noise; echo \$x; done"
}

@test "log: nobody reads stderr: -t ends a worker that writes for ever" {
	unread_fifo
	seq 2 >in
	for mode in -j2 -x; do
		: >out
		timeout 60 pfanout -q "$mode" -t 300ms -- sh -c 'read -r x; while :; do echo noise >&2; done' <in >out 2>q 6>&- 3>&- &
		pid=$!
		wait_until at_least out 2
		[ "$(reasons out)" = 'timeout 2' ]
		kill "$pid"
		ends_with 143
	done
}

# slow_reader: takes 4 KiB from q every 0.8 seconds; its pid is in $reader.
slow_reader() {
	perl -e 'alarm 60; while (sysread(STDIN, $_, 4096)) { select undef, undef, undef, 0.8 }' <q 6>&- 3>&- &
	reader=$!
}

@test "log: stderr is read slowly: neither -t nor a stop waits for it" {
	for mode in -j1 -x -F; do
		rm -f q out
		unread_fifo
		slow_reader
		limit=(-t 1s)
		[ "$mode" != -F ] || limit=()
		start_unread pfanout -q "$mode" --grace 30s "${limit[@]}" -- sh -c 'read -r x; yes noise >&2; :'
		exec 6>&-
		echo 1 >&8
		if [ "$mode" != -F ]; then
			# 1 second, and not 1 more for each piece.
			wait_until at_least out 1
			[ "$(reasons out)" = 'timeout 1' ]
			echo 2 >&8
		fi
		again "$pid" TERM
		again "$pid" TERM
		since=$SECONDS
		exec 8>&-
		ends_with 143
		[ $((SECONDS - since)) -le 8 ]
		kill "$reader"
	done
}

@test "log: nobody reads stderr: signals stop every tool within the grace, and a third one at once" {
	full_fifo
	for tool in 'pfanout' 'pfanout -j2 -- cat' 'pfanout -x -- cat' 'pfanout -F -- cat' 'pratelimit -r 1/d' 'pdeadletter -d dead'; do
		for signals in 'USR1 TERM TERM' 'USR1 TERM TERM TERM'; do
			echo "$tool: $signals"
			# shellcheck disable=SC2086 # words
			set -- $tool
			start_unread "$1" --grace 60s "${@:2}"
			ids 10 >&8
			wait_until test -s out || [ "$tool" != 'pdeadletter -d dead' ]
			for signal in $signals; do
				again "$pid" "$signal"
			done
			[ "$signals" = 'USR1 TERM TERM TERM' ] || exec 8>&-
			ends_with 143
			exec 8>&-
		done
	done
}

@test "log: nobody reads stderr: a signal ends a stage that only waits for the reader" {
	unread_fifo
	start_unread pfanout -j2 -- sh -c "while read -r x; do $noise; echo \$x; done"
	seq 4 >&8
	exec 8>&-
	wait_until at_least out 4
	kill "$pid"
	ends_with 143
}

@test "log: nobody reads stderr: a stage that has stopped reading takes no more lines" {
	full_fifo
	start_unread pdeadletter -d /dev/full
	letters 1 >&8
	# It waits for the reader, and has looked what its pipe still holds.
	wait_until test ! -e "/proc/$pid/fd/1"
	run -1 bash -c 'trap "" PIPE; echo late >&8'
	exec 8>&-
	cat <q >/dev/null 6>&- 3>&- &
	exec 6>&-
	ends_with 2
}

@test "log: a line of a worker is never within another one's" {
	seq 400 >in
	go 0 pfanout -j8 -- sh -c 'while read -r x; do printf "%s " aaaa >&2; printf "%s " bbbb >&2; echo cccc >&2; echo $x; done' <in
	[ "$(sort err | uniq -c | tr -s ' ')" = ' 400 aaaa bbbb cccc' ]
	go 0 pfanout -j8 -x -- sh -c 'printf "%s " aaaa >&2; echo bbbb >&2; printf cccc >&2; cat' <in
	[ "$(sort err | uniq -c | tr -s ' ')" = ' 400 aaaa bbbb
 400 cccc' ]
	go 0 pfanout -j8 -F -- sh -c 'while read -r x; do printf "%s " aaaa >&2; echo bbbb >&2; echo $x; done' <in
	[ "$(sort err | uniq -c | tr -s ' ')" = ' 400 aaaa bbbb' ]
}

@test "log: an unfinished line of the only worker comes at once, and gets its LF before a message" {
	start pfanout -v -j1 -- sh -c 'while read -r x; do printf "%s " "$x?" >&2; echo "$x"; done'
	echo 1 >&8
	wait_until has err '1? '
	echo 2 >&8
	wait_until has err '1? 2? '
	exec 8>&-
	ends_with 0
	[ "$(head -n 1 err)" = '1? 2? ' ]
	grep -q '^pfanout: received 2, ' err
}

@test "log: a letter has the last bytes of stderr, dropped or held back" {
	echo 1 >in
	go 1 pfanout -q -j2 -x -- sh -c 'printf "no LF" >&2; exit 3' <in
	[ "$(jq -r .worker.stderr out)" = 'no LF' ]
	[ "$(cat err)" = 'no LF' ]
}

# no_controls FILE: it has no control character but LF and tab, and is UTF-8.
no_controls() {
	jq -Rse 'explode | all(. == 9 or . == 10 or . >= 32 and (. < 127 or . > 159) and . != 65533 and
		(. < 8234 or . > 8238) and (. < 8294 or . > 8297))' "$1" >/dev/null
}

# ESC, CSI as a character and as a byte, DEL, a line feed, right-to-left.
evil=$'\033[2J\302\2332J\2332J\177\n\342\200\256evil'

@test "log: no message controls the terminal" {
	echo '{' >in
	go 1 pfanout -d "./$evil" <in
	no_controls err
	has err '?[2J??2J?2J??'
	lines err 2
	rm "./$evil"
	for command in "pfanout -n" "pfanout --grace" "pfanout -j1" "pfanout -x" "pratelimit -r" "pratelimit -r 1/s --shared /tmp/none/" "pratelimit --rate-file" \
		"pdeadletter --grace" "pdeadletter list" "pdeadletter show" "pdeadletter stats" "pdeadletter replay" "pdeadletter purge"; do
		echo "$command"
		# shellcheck disable=SC2086 # words
		timeout 20 $command "$evil" </dev/null >out 2>err || true
		no_controls err
		no_controls out
	done
	go 2 pdeadletter list "$evil"
	[ "$(cat err)" = 'pdeadletter: ?[2J??2J?2J?????evil: No such file or directory' ]
}

@test "log: no letter controls the terminal" {
	jq -cn '"\u001b[2J\u009b2J\u007f\u202eevil" as $evil |
		{pchan: "dead-letter/1", id: ("id" + $evil), stage: $evil, reason: $evil, message: $evil, input: {name: $evil}, worker: {stderr: $evil}, value: 1}' >dead
	for command in list show stats; do
		go 0 pdeadletter "$command" dead
		no_controls out
		has out '?[2J??2J????evil'
	done
}
