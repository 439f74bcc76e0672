#!/usr/bin/env bats
# Filter mode: a stream filter per worker.
# shellcheck disable=SC2086,SC2034 # words; counts.bash uses $way and $options

load ../support/helpers
load ../support/streams
load ../support/counts
load ../support/background

# same COMMAND...: with any number of workers the output has the lines that one
# filter would print, in some order.
same() {
	"$@" <in | LC_ALL=C sort >want
	for jobs in 1 2 7; do
		go 0 pfanout -F -v -j "$jobs" -- "$@" <in
		LC_ALL=C sort out | cmp - want
		[ "$(total received)" -eq "$(wc -l <in)" ]
		[ "$(total processed)" -eq "$(total received)" ]
		[ "$(total written)" -eq "$(wc -l <out)" ]
	done
}

# gives_up WORD COMMAND...: the status is 2, and the message names the reason
# and the number of records that the filter had been given.
gives_up() {
	for jobs in 1 3; do
		go 2 pfanout -F -j "$jobs" "${@:2}" <in
		has err "$1"
		grep -E 'worker [0-9]+ \(.*\).* ([0-9]+ record|no records)' err
	done
}

@test "filter: grep over several workers passes the lines that one grep would" {
	ids 3000 >in
	same grep 7
	same grep -v 7
}

@test "filter: jq select passes the same lines as one would" {
	ids 3000 >in
	same jq -c 'select(.id % 3 == 0)'
}

@test "filter: a filter may add lines" {
	ids 3000 >in
	same sed p
}

@test "filter: sed passes the same lines as one would" {
	ids 3000 >in
	same sed -n 's/1/one/p'
}

@test "filter: one worker keeps the order" {
	ids 3000 >in
	go 0 pfanout -F -j 1 -- cat <in
	cmp out in
}

@test "filter: sort holds all lines" {
	seq 3000 -1 1 | sed 's/.*/{"id":&}/' >in
	go 0 pfanout -F -j 1 -- sort <in
	sort in | cmp - out
	go 0 pfanout -F -j 3 -- sort <in
	sort out >sorted
	sort in | cmp - sorted
}

@test "filter: wc -l counts all records" {
	ids 3000 >in
	go 0 pfanout -F -j 1 -- wc -l <in
	[ "$(xargs <out)" = 3000 ]
	go 0 pfanout -F -v -j 4 -- wc -l <in
	lines out 4
	[ "$(awk '{ n += $1 } END { print n }' out)" -eq 3000 ]
}

@test "filter: mlr passes the same lines as one would" {
	needs mlr
	ids 3000 >in
	same mlr --ijsonl --ojsonl filter '$id % 2 == 0'
}

@test "filter: answers come before the end of the input" {
	mkfifo to from
	timeout 60 pfanout -F -j 2 -- grep --line-buffered 1 <to >from 2>err 3>&- &
	exec 8>to 9<from
	for i in 1 21 100; do
		echo "{\"id\":$i}" >&8
		read -r -t 10 -u 9 line
		[ "$line" = "{\"id\":$i}" ]
	done
	exec 8>&-
	wait $!
}

@test "filter: an empty input starts and ends the filters" {
	go 0 pfanout -F -j 3 -- wc -l </dev/null
	[ "$(sort -u out | xargs)" = 0 ]
}

@test "filter: any lines may come out, as they are" {
	ids 2 >in
	go 0 pfanout -F -j 1 -- sh -c 'cat >/dev/null; printf "no JSON\n\n!x\n\377\000\n{\"pchan\":1}\nend"' <in
	printf 'no JSON\n\n!x\n\377\000\n{"pchan":1}\nend\n' | cmp - out
}

@test "filter: records are checked before the filter, with -R they are not" {
	printf '%s\n' '{"id":1}' 'no JSON' '{"id":3}' >in
	go 1 pfanout -F -j 1 -v -- cat <in
	lines out 3
	[ "$(grep '^{"pchan"' out | jq -r '.reason + .text')" = "invalidno JSON" ]
	balanced
	go 0 pfanout -F -R -j 1 -- cat <in
	cmp out in
}

@test "filter: dead letters bypass the filter" {
	letter='{"pchan":"dead-letter/1","id":"abc","stage":"before","reason":"exit","value":7}'
	{
		ids 100
		echo "$letter"
		ids 100
	} >in
	go 0 pfanout -F -v -j 2 -- grep nothing <in
	[ "$(cat out)" = "$letter" ]
	[ "$(total bypassed)" -eq 1 ]
	[ "$(total received)" -eq 200 ]
	go 0 pfanout -F -v --no-bypass -j 2 -- grep before <in
	[ "$(cat out)" = "$letter" ]
	[ "$(total bypassed)" -eq 0 ]
}

@test "filter: a grep that matches nothing is no failure" {
	ids 3000 >in
	for jobs in 1 4; do
		go 0 pfanout -F -j "$jobs" -- grep nothing <in
		[ ! -s out ]
		[ ! -s err ]
	done
	ln -s "$(command -v sh)" zgrep
	go 0 pfanout -F -j 1 -- ./zgrep -c 'cat >/dev/null; exit 1' <in
}

@test "filter: exit status 1 is a failure, unless it is a grep's that says nothing else" {
	ids 500 >in
	gives_up 'status 1' sh -c 'cat >/dev/null; exit 1'
	gives_up 'status 1' sh -c 'grep nothing'
	gives_up 'status 1' perl -e '@a = <STDIN>; warn "boom\n"; exit 1'
	has err boom
	gives_up 'status 1' python3 -c 'import sys; sys.stdin.read(); raise ValueError'
	go 2 pfanout -F -j 1 -- sh -c 'cat >/dev/null; exit 1' <in
	has err ' 500 records'
	has err '--ok-status 1'
	ln -s "$(command -v sh)" zgrep
	gives_up 'status 1' ./zgrep -c 'cat >/dev/null; echo "no memory" >&2; exit 1'
}

@test "filter: --ok-status lists the exit statuses that are no failure" {
	ids 30 >in
	go 0 pfanout -F -j 1 --ok-status 1 -- sh -c 'cat; echo a word >&2; exit 1' <in
	cmp out in
	[ "$(cat err)" = 'a word' ]
	for status in 0 3 4; do
		go 0 pfanout -F -j 2 --ok-status 3,4 -- sh -c "cat >/dev/null; exit $status" <in
	done
	gives_up 'status 5' --ok-status 3,4 sh -c 'cat >/dev/null; exit 5'
	gives_up 'status 3' --ok-status 3 --ok-status 4 sh -c 'cat >/dev/null; exit 3'
	gives_up 'SIGKILL' --ok-status 9,137 sh -c 'cat >/dev/null; kill -9 $$'
	gives_up 'has not read 29' --ok-status 1 sh -c 'read -r x; exit 1'
}

@test "filter: exit status 2 after the end is a failure" {
	ids 30 >in
	gives_up 'status 2' sh -c 'cat >/dev/null; exit 2'
	go 2 pfanout -F -j 1 -- sh -c 'cat >/dev/null; exit 2' <in
	grep -E ' 30 records' err
	gives_up 'status 2' grep '\('
}

@test "filter: one that fails without having been given anything has lost nothing" {
	go 2 pfanout -F -j 1 -- sh -c 'exit 3' </dev/null
	has err "worker 1 (sh) ended with exit status 3 (if that is no failure: --ok-status 3); it had been given no records"
	echo 1 >in
	go 2 pfanout -F -j 1 -- sh -c 'cat >/dev/null; exit 3' <in
	has err 'what became of the 1 record it had been given'
}

@test "filter: a death by a signal is a failure" {
	ids 30 >in
	gives_up SIGKILL sh -c 'cat >/dev/null; kill -9 $$'
	gives_up SIGTERM sh -c 'cat; kill $$'
}

@test "filter: a filter that leaves before the end of the input is a failure" {
	ids 100000 >in
	gives_up 'head' head -n 1
	gives_up 'true' true
	gives_up 'sed' sed 100q
}

# The input is small and has ended: nothing but what is left in the pipe shows
# that records were not read.
@test "filter: records that a filter leaves unread are counted" {
	ids 5 >in
	for run in 1 2 3 4 5 6 7 8 9 10; do
		go 2 pfanout -F -j 1 -q -- true <in
		has err 'worker 1 (true) left before the end of its input'
	done
	go 2 pfanout -F -j 1 -- sh -c 'read -r x; echo "$x"' <in
	[ "$(cat out)" = '{"id":1}' ]
	has err 'of the 5 records it had been given it has not read 4'
	# The fourth is read, but not to its end.
	go 2 pfanout -F -j 1 -- dd bs=1 count=30 status=none <in
	has err 'it has not read 2'
	# It closes its stdin, and goes on.
	go 2 pfanout -F -j 1 -- sh -c 'read -r x; exec <&-; echo 1' <in
	[ "$(cat out)" = 1 ]
	has err 'it has not read 4'
}

@test "filter: records that a filter leaves unread before its input has ended are counted" {
	mkfifo to
	timeout 60 pfanout -F -j 1 -- sh -c 'read -r x; read -r y; echo "$y"; read -r go <go' <to >out 2>err 3>&- &
	mkfifo go
	exec 8>to
	ids 5 >&8
	wait_until at_least out 1
	echo >go
	status=0
	wait $! || status=$?
	exec 8>&-
	[ "$status" -eq 2 ]
	[ "$(cat out)" = '{"id":2}' ]
	has err 'it has not read 3'
}

@test "filter: a filter that leaves while the input is open is a failure" {
	mkfifo to
	timeout 60 pfanout -F -j 1 -- head -n 1 <to >out 2>err 3>&- &
	exec 8>to
	echo '{"id":1}' >&8
	wait_until at_least out 1
	status=0
	(trap '' PIPE && echo '{"id":2}' >&8) 2>/dev/null || true
	exec 8>&-
	wait $! || status=$?
	[ "$status" -eq 2 ]
	grep -E ' [12] records' err
	[ "$(grep -v pchan out)" = '{"id":1}' ]
}

@test "filter: the part of a line that a failing filter leaves is not in the output" {
	printf '1\n2\n' >in
	for end in 'kill -9 $$' 'kill $$' 'exit 3' 'exit 1'; do
		go 2 pfanout -F -j 1 -- sh -c 'cat >/dev/null; printf "{\"whole\":1}\n{\"to"; '"$end" <in
		[ "$(cat out)" = '{"whole":1}' ]
		has err 'its last line, 4 bytes without LF, is not in the output'
	done
	# It closes its stdout first.
	go 2 pfanout -F -j 1 -- sh -c 'printf "12"; exec >&-; cat >/dev/null; exit 3' <in
	[ ! -s out ]
	has err '2 bytes without LF'
}

@test "filter: the last line of a filter that ends well need not end in LF" {
	printf '1\n2\n' >in
	go 0 pfanout -F -j 1 -- sh -c 'cat; printf 3' <in
	seq 3 | cmp - out
	go 0 pfanout -F -j 1 -- sh -c 'cat; printf 3; exec >&-; exit 0' <in
	seq 3 | cmp - out
	go 0 pfanout -F -j 1 --ok-status 7 -- sh -c 'cat; printf 3; exit 7' <in
	seq 3 | cmp - out
}

@test "filter: the part of a line that a killed filter leaves is not in the output" {
	start pfanout -F -j 1 -- sh -c 'read -r x; echo "{\"whole\":1}"; printf "{\"to"; : >printed; cat >/dev/null'
	ids 1 >&8
	wait_until test -e printed
	wait_until at_least out 1
	stop_now
	[ "$(cat out)" = '{"whole":1}' ]
	has err 'was killed, and its last line, 4 bytes without LF, is not in the output'
	has err 'what became of the 1 record it'
}

@test "filter: after a second signal the pipe is read on, and all leaves as cancelled" {
	start pfanout -F -j 2 -v -- sh -c 'echo $$ >>pids; while read -r x; do :; done; exec tail -f /dev/null'
	ids 10 >&8
	wait_until at_least pids 2
	# shellcheck disable=SC2154 # start sets it
	send "$pid" TERM
	again "$pid" TERM
	while read -r child; do
		wait_until is_gone "$child"
	done <pids
	seq 11 3000 | sed 's/.*/{"id":&}/' >&8
	exec 8>&-
	ends_with 143
	has err 'received 3000,'
	lacks err 'that were in the pipe'
	[ "$(jq -r 'select(.reason == "cancelled") | .value.id' out | awk '$1 > 10' | wc -l)" -eq 2990 ]
}

@test "filter: of a line longer than --max-record nothing is in the output" {
	ids 2 >in
	for size in 70000 200000; do
		for end in '"\n", "whole\n"' '"\n"' '""'; do
			go 2 pfanout -F -j 1 --max-record 66000 -- perl -e '@a = <STDIN>; print "first\n", 1 x '$size", $end" <in
			[ "$(grep -vx -e first -e whole out)" = "" ]
			grep -qx first out
			has err 'longer than --max-record 66000'
			has err ' 2 records'
		done
	done
	# One that never ends is noticed.
	go 2 pfanout -F -j 1 --max-record 64K -- perl -e '@a = <STDIN>; $| = 1; print 1 x 100000 while 1' <in
	[ ! -s out ]
	has err 'longer than --max-record 65536'
}

@test "filter: a filter that closes its stdin is a failure" {
	ids 100000 >in
	gives_up stdin sh -c 'read -r x; exec <&-; exec sleep 1000'
}

@test "filter: records that no filter can be given any more leave as dead letters" {
	ids 100000 >in
	go 2 pfanout -F -v -j 2 -- head -n 1 <in
	# Nothing accounts for the lines of the filters.
	accounted
	[ "$(total failed)" -eq 0 ] || [ "$(reasons out)" = "cancelled $(total failed)" ]
}

@test "filter: a background process that holds the output does not delay the end" {
	time=9$BATS_TEST_NUMBER$$
	ids 100 >in
	go 0 timeout 30 pfanout -F -j 2 -- sh -c "sleep $time & exec cat" <in
	wait_until sleepers "$time" 2
	pkill -fx "sleep $time"
	sort out >sorted
	sort in | cmp - sorted
}

@test "filter: long lines are never torn" {
	perl -e 'for (1 .. 200) { $c = chr(97 + $_ % 26); print "\"", $_, ($c) x (90000 + 100 * $_), "\"\n" }' | sed 's/^"\([0-9]*\)/"\1/' >in
	sort in >sorted
	for command in cat "sed s/x/x/" "grep ."; do
		go 0 pfanout -F -j 4 -- $command <in
		sort out | cmp - sorted
	done
}

@test "filter: lines written in pieces are never torn" {
	ids 40 >in
	go 0 pfanout -F -j 4 -- perl -ne '$| = 1; chomp; print substr($_, 0, 3); select undef, undef, undef, 0.001; print substr($_, 3), "\n"' <in
	settled 40 0
}

@test "filter: -b 0 works" {
	ids 3000 >in
	go 0 pfanout -F -b 0 -j 3 -- cat <in
	settled 3000 0
}

@test "filter: stderr passes through" {
	ids 10 >in
	go 0 pfanout -F -j 1 -- sh -c 'echo a word >&2; exec cat' <in
	has err 'a word'
	cmp out in
}

@test "filter: a million records pass in bounded memory" {
	[ -z "$SAN" ] || skip "too slow under a sanitizer"
	ids 1000000 >in
	go 0 "$STUBS/input-rss" rss pfanout -F -v -j 2 -- cat <in
	lines out 1000000
	[ "$(total processed)" -eq 1000000 ]
	[ "$(cat rss)" -lt 16384 ]
}

@test "filter: -k, -t, -a, -x and the like don't go with -F" {
	for options in -k "-t 1s" "-a 2" "--backoff 1s" -x "--match .id" "--window 2"; do
		go 2 pfanout $options -F -- cat </dev/null
		lines err 1
		has err "${options%% *}"
		has err "-F"
	done
	go 2 pfanout -F </dev/null
	lines err 1
	has err "-F"
}

@test "filter: records that come after its pipe was full reach the filter" {
	mkfifo open
	{
		printf '"%0200000d"\n' 0
		: >open
		wait_until test -e drained
		echo '"last"'
	} | timeout 20 pfanout -F -j 1 sh -c '
		: <open
		read -r long
		touch drained
		exec cat' >out
	[ "$(cat out)" = '"last"' ]
}
