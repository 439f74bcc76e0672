#!/usr/bin/env bats
# Filter mode in a stream with marks: the child is flushed at a mark.
# shellcheck disable=SC2154 # start sets pid

load ../support/helpers
load ../support/streams
load ../support/background
load ../support/marks

export BIN

# went N...: these marks have gone, in this order.
went() {
	[ "$(grep mark/1 out | jq .n | paste -sd ' ')" = "$*" ] || {
		echo "the marks that have gone are not $*:"
		grep mark/1 out
		return 1
	}
}

# has_gone N: the mark is in ./out.
has_gone() {
	grep -q "mark/1.*\"n\":$1," out
}

# job ARG... -- COMMAND...: pfanin --state s ARG... into a filter; its lines are
# added to ./got, and the two statuses are in ./status.  GRACE is short where
# something is killed, as nobody gives acknowledgements then.
job() {
	local source=()

	while [ "$1" != -- ]; do
		source+=("$1")
		shift
	done
	set +e
	sh -c 'echo $$ >p1; exec pfanin --state s --grace "${GRACE-20s}" "$@"' sh "${source[@]}" 2>>err |
		sh -c 'echo $$ >p2; exec pfanout -F "$@"' sh "${@:2}" >>got 2>>err
	echo "${PIPESTATUS[@]}" >status
	set -e
}

# begin ARG...: the same in the background, for a minute at most.
begin() {
	rm -f p1 p2
	: >>got
	job "$@" 3>&- &
	job=$!
	("${LIMIT[@]}" tail -f --pid="$job" /dev/null 2>/dev/null || kill -9 -- "-$job") 3>&- &
	wait_until test -s p1
	wait_until test -s p2
}

@test "markf: no mark goes before the lines of what came before it" {
	marked 2000 50 >in
	ids 2000 >want
	for jobs in 1 3; do
		for filter in 'grep id' 'jq -c select(.id)' sort tac 'awk {a[NR]=$0}END{for(i=1;i<=NR;i++)print(a[i])}'; do
			# shellcheck disable=SC2086 # words
			timeout 60 pfanout -F -j "$jobs" -- $filter <in 2>err | cat >out
			[ "$(sound in out)" = '41 marks' ]
			grep -v mark/1 out | sort -t : -k 2n | cmp - want
			[ ! -s err ]
		done
	done
}

@test "markf: what a filter drops is settled" {
	marked 500 10 >in
	for jobs in 1 3; do
		go 0 bash -c "set -o pipefail; pfanout -v -F -j $jobs -- grep 7 <in | cat"
		ids 500 | grep 7 | cmp - <(grep -v mark/1 out | sort -t : -k 2n)
		# shellcheck disable=SC2046 # words
		went $(seq 51)
		has err 'received 500, processed 500,'
		has err 'written 95, marks 51 (51 passed),'
	done
}

@test "markf: a filter sees what is between two marks" {
	start bash -c 'pfanout -F -j 1 -- awk "END { print NR }" | cat'
	mark 1 >&8
	ids 3 >&8
	mark 2 >&8
	wait_until has_gone 2
	ids 5 >&8
	mark 3 >&8
	wait_until has_gone 3
	mark 4 >&8
	wait_until has_gone 4
	ids 2 >&8
	exec 8>&-
	ends_with 0
	{ mark 1; echo 3; mark 2; echo 5; mark 3; mark 4; echo 2; } | cmp - out
}

@test "markf: marks without records start and flush no filter" {
	start bash -c 'pfanout -F -j 2 -- sh -c "echo >>starts; exec cat" | cat'
	wait_until at_least starts 2
	for n in 1 2 3 4; do
		mark $n >&8
	done
	wait_until has_gone 4
	lines starts 2
	echo 1 >&8
	mark 5 >&8
	wait_until has_gone 5
	mark 6 >&8
	wait_until has_gone 6
	lines starts 2
	# Both had records, so both were flushed.
	seq 2 2000 >&8
	mark 7 >&8
	wait_until has_gone 7
	exec 8>&-
	ends_with 0
	went 1 2 3 4 5 6 7
	grep -v mark out | sort -n | cmp - <(seq 2000)
}

@test "markf: a mark waits for the slowest filter, and other workers go on" {
	start bash -c 'pfanout -F -j 2 -- sh -c "
		while read -r r; do
			echo \$r
			[ \$r != 1 ] || slow=1
			: >saw\$r
		done
		: >end
		while [ \$slow ] && [ ! -e go ]; do sleep 0.01; done" | cat'
	mark 1 >&8
	echo 1 >&8
	wait_until test -e saw1
	mark 2 >&8
	wait_until test -e end
	echo 2 >&8
	wait_until test -e saw2
	mark 3 >&8
	echo 3 >&8
	wait_until grep -qx 3 out
	went 1
	: >go
	wait_until has_gone 3
	exec 8>&-
	ends_with 0
	went 1 2 3
}

@test "markf: a filter that fails at its end acknowledges nothing of its interval" {
	cat >filter <<-'END'
		import sys
		records = sys.stdin.read().split()
		print("\n".join(records), flush=True)
		assert "15" not in records
	END
	start bash -c 'set -o pipefail; pfanout -F -j 1 -- python3 filter | cat'
	mark 1 >&8
	seq 10 >&8
	mark 2 >&8
	wait_until has_gone 2
	seq 11 20 >&8
	mark 3 >&8
	wait_until has err 'worker 1 (python3) ended with exit status 1 (if that is no failure: --ok-status 1): the 10 records it had been given come again'
	exec 8>&-
	ends_with 2
	went 1 2
	has err 'pfanout: not finished, and come again: 10 records'
	has err AssertionError
}

@test "markf: after a failure all comes again, and --ok-status says what is none" {
	seq 50 >in
	GRACE=300ms job in -- -j 2 -- sh -c 'cat; exit 1'
	[ "$(cat status)" = '2 2' ]
	rm got
	job in -- -j 2 --ok-status 1 -- sh -c 'cat; exit 1'
	[ "$(cat status)" = '0 0' ]
	sort -n got | cmp - <(seq 50)
	job in -- -j 2 -- false
	lines got 50
}

@test "markf: a filter that leaves before the end of its input is a failure" {
	marked 20000 5000 >in
	for filter in 'head -n 1' 'sh -c read\ x' 'sed 3q' 'dd bs=1 count=30 status=none' true; do
		{ eval "pfanout -F -j 1 -- $filter" <in 2>err && echo 0 >status || echo $? >status; } | cat >out
		[ "$(cat status)" = 2 ]
		grep -E 'left before the end of its input.*(again|no records)' err
		[ "$(grep -c mark/1 out)" -le 1 ]
	done
	# It has read all, and does not wait for the end of its input.
	{ mark 1; ids 3; } >some
	start bash -c 'set -o pipefail; pfanout -F -j 1 -- sh -c "read a; read b; read c; echo \$c" | cat'
	cat some >&8
	wait_until has err 'worker 1 (sh) left before the end of its input: the 3 records it had been given come again'
	exec 8>&-
	ends_with 2
	[ "$(grep -c mark/1 out)" -le 1 ]
}

@test "markf: kill -9 of a filter or of pfanout: nothing is missing" {
	local n

	seq 8000 >in
	# It kills itself, once each, amidst its records and at its end.
	cat >filter <<-'END'
		sub strike { open my $f, ">", "struck$_[0]"; kill "KILL", $$ }
		while (<STDIN>) {
			print;
			strike(1) if $_ == 2000 && !-e "struck1";
			$last = $_ > 2500;
		}
		strike(2) if $last && !-e "struck2";
	END
	for n in 1 2; do
		GRACE=300ms job --window 500 in -- -j 2 -- perl filter
		[ "$(cat status)" = '2 2' ]
		[ -e "struck$n" ]
	done
	for n in 4000 6000; do
		GRACE=300ms begin --window 500 --follow in -- -j 2 -- perl filter
		wait_until at_least got "$n"
		kill -9 "$(<p2)"
		wait "$job"
	done
	job --window 500 in -- -j 2 -- perl filter
	[ "$(cat status)" = '0 0' ]
	sort -nu got | cmp - <(seq 8000)
	grep -E 'worker [12] \(perl\) died of SIGKILL: the [0-9]+ records? it had been given comes? again' err
}

@test "markf: SIGTERM to all: nothing is missing, and nothing comes twice" {
	seq 30000 >in
	begin --follow in -- -j 3 -- sort
	wait_until at_least got 2000
	kill "$(<p1)" "$(<p2)"
	wait "$job"
	[ "$(cat status)" = '143 143' ]
	job in -- -j 3 -- sort
	[ "$(cat status)" = '0 0' ]
	sort -n got | cmp - <(seq 30000)
}

@test "markf: what is cancelled comes again: no mark behind it goes, and no letter" {
	start pfanout -v -d dead -F -j 1 --ack -- sh -c 'cat; : >all; exec tail -f /dev/null'
	mark 1 >&8
	seq 5 >&8
	mark 2 >&8
	wait_until test -e all
	send "$pid" TERM
	again "$pid" TERM
	seq 6 9 >&8
	mark 3 >&8
	exec 8>&-
	ends_with 143
	seq 5 | cmp - out
	[ ! -s dead ]
	has err 'not finished, and come again: 9 records'
	has err 'received 9, processed 0, filtered 0, failed 0, unwritten 9,'
	has err 'marks 3 (1 passed)'
	lacks err 'was killed'
}

@test "markf: the rest of a writer that was killed is left out" {
	for rest in '{"id":3' '{"id":3}' "$(mark 2)"; do
		{ mark 1; echo '{"id":1}'; printf '%s' "$rest"; } >in
		pfanout -F -R -j 1 -v -- cat <in 2>err | cat >out
		head -n 2 in | cmp - out
		has err 'torn lines 1,'
	done
}

@test "markf: letters and invalid records are settled beside the filters" {
	{ mark 1; letters 2; echo x; ids 3; mark 2; echo y; mark 3; letters 1; } >in
	for jobs in 1 3; do
		rm -f dead
		timeout 60 pfanout -q -F -d dead -j "$jobs" -- grep nothing <in | cat >out
		went 1 2 3
		[ "$(reasons dead)" = 'invalid 2' ]
		[ "$(grep -c timeout out)" -eq 3 ]
	done
}

@test "markf: records before the first mark are flushed as well" {
	{ ids 600; marked 100 10; } >in
	for jobs in 1 3; do
		timeout 60 pfanout -v -F -j "$jobs" -- sort <in 2>err | cat >out
		# shellcheck disable=SC2046 # words
		went $(seq 11)
		[ "$(grep -n mark/1 out | head -n 1 | cut -d : -f 1)" -gt 600 ]
		has err 'received 700, processed 700,'
	done
}

@test "markf: more records between two marks than the stage may hold" {
	{ mark 1; ids 5000; mark 2; } >in
	for jobs in 1 3; do
		timeout 60 pfanout -F -b 1 -j "$jobs" -- sort <in | cat >out
		went 1 2
		lines out 5002
		[ "$(tail -n 1 out)" = "$(mark 2)" ]
	done
}

@test "markf: a filter that can't be started again stops the run" {
	[ "${SAN-}" != thread ] || skip "TSan makes a fork of vfork, so exec's error is not seen"
	printf '#!/bin/sh\nexec cat\n' >filter
	chmod +x filter
	start bash -c 'set -o pipefail; pfanout -F -j 1 -- ./filter | cat'
	mark 1 >&8
	echo 1 >&8
	mark 2 >&8
	wait_until has_gone 2
	rm filter
	# In one write, as it ends then.
	printf '%s\n' 2 "$(mark 3)" >&8
	wait_until has err 'worker 1: cannot start ./filter: No such file or directory'
	exec 8>&-
	ends_with 2
	went 1 2
	has err 'not finished, and come again: 1 record'
}

@test "markf: a last line without LF is one line, in each interval" {
	start bash -c 'pfanout -F -j 1 -- sh -c "printf %s \$(cat)" | cat'
	mark 1 >&8
	for n in 2 3 4; do
		echo "$n" >&8
		mark "$n" >&8
		wait_until has_gone "$n"
	done
	exec 8>&-
	ends_with 0
	{ mark 1; for n in 2 3 4; do echo "$n"; mark "$n"; done; } | cmp - out
}
