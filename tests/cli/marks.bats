#!/usr/bin/env bats
# Marks: how far the records of a source are; pchan-formats(5).

load ../support/helpers
load ../support/streams
load ../support/background
load ../support/marks

# listen: a source's socket; what it receives is in ./acks.
listen() {
	timeout 60 "$STUBS/ear" "$TO" acks 3>&- &
	ear=$!
	wait_until test -e acks
}

deafen() {
	kill "$ear"
	wait "$ear" 2>/dev/null || true
}

# acks N...: these have been acknowledged, in this order.
acks() {
	wait_until at_least acks $#
	[ "$(cut -d ' ' -f 2 acks | paste -sd ' ')" = "$*" ] || {
		cat acks
		return 1
	}
	! grep -qv ' 281474976710656$' acks
}

# keeps COMMAND...: what goes through it is as it was, marks and all.
keeps() {
	echo "$*"
	timeout 60 "$@" <in >got
	diff in got
}

@test "marks: they keep their place where the records do" {
	marked 2000 100 >in
	keeps bash -c 'pfanout -j 1 | cat'
	keeps bash -c 'pfanout -R -k -j 4 | cat'
	keeps bash -c 'pfanout -k -j 4 -- cat | cat'
	keeps bash -c 'pfanout -k -j 2 -x --batch 50 -- cat | cat'
	keeps bash -c 'pratelimit -r 1000000/s | cat'
	keeps bash -c 'pdeadletter 2>/dev/null | cat'
	keeps bash -c 'pmetrics | cat'
	keeps bash -c 'pfanin | cat'
	keeps bash -c 'pfanin --concat in | cat'
	keeps bash -c 'pfanin --round-robin in | cat'
	keeps bash -c 'pfanin --merge .id in | cat'
	keeps bash -c 'pfanout -j 1 -v 2>err | cat'
	has err 'received 2000, processed 2000, filtered 0, failed 0,'
	has err 'written 2000, marks 21 (21 passed),'
}

@test "marks: a member that jq has added does not matter, and their bytes are few" {
	mark 1 | jq -c '. + {x: "y"}' >in
	pfanout --max-record 60 <in | cat >out
	mark 1 | diff - out
}

@test "marks: a torn last line in the output file gets an end" {
	marked 20 10 >in
	ids 20 >want
	# shellcheck disable=SC2086 # words
	for tool in pfanout pdeadletter pfanin 'pratelimit -r 1000000/s'; do
		printf '{"id":' >got
		timeout 60 $tool <in >>got
		{ echo '{"id":' && cat want; } | diff - got
		# Now it ends with a newline.
		timeout 60 $tool <in >>got
		lines got 41
		printf '{"id":' >got
		timeout 60 $tool <in 1<>got
		diff want got
		# Without marks no record comes again: nothing is touched.
		printf '{"id":' >got
		timeout 60 $tool <want >>got
		lines got 20
	done
	# To a pipe, and where nobody can read it.
	printf x >got
	marked 20 10 | timeout 60 pfanout | cat >>got
	[ "$(head -c 2 got)" = 'x{' ]
}

@test "marks: with --no-bypass they are data, and so is what is no mark" {
	mark 1 >in
	echo '{"pchan":"mark/1","to":"abc","n":1,"w":1}' >>in
	pfanout --no-bypass -v <in 2>err | cat >out
	diff in out
	has err 'received 2,'
	tail -n 1 in | pfanout -v 2>err | cat >out
	tail -n 1 in | diff - out
	has err 'received 1,'
}

@test "marks: the first one leads, whichever worker has it" {
	local how

	{
		mark 1
		seq -f 'no json %g' 2000
	} >in
	for how in -q -F -x; do
		for _ in {1..10}; do
			pfanout -q -j 8 "$how" -- cat <in | cat >out
			[[ $(head -n 1 out) == *'"pchan":"mark/1"'* ]]
		done
	done
}

@test "marks: with several workers none goes before what came before it" {
	marked 20000 100 >in
	pfanout -j 4 <in | cat >out
	[ "$(sound in out)" = '201 marks' ]
	pfanout -j 4 --window 3 -- cat <in | cat >out
	[ "$(sound in out)" = '201 marks' ]
	ids 20000 | diff - <(grep -v pchan out | sort -t : -k 2n)
	marked 200 10 >in
	pfanout -j 4 -x -- sh -c 'sleep 0.0{}; cat' sh <in | cat >out
	[ "$(sound in out)" = '21 marks' ]
}

@test "marks: a record that is tried again holds the mark behind it, and not its fellows" {
	marked 20 5 >in
	# It is slower than all others: these must not wait for it.
	cat >worker <<-'END'
		read -r record
		case $record in *:7})
			[ -e tried ] || { : >tried; exit 1; }
			until [ "$(grep -c id out)" -eq 19 ]; do sleep 0.01; done
			;;
		esac
		echo "$record"
	END
	pfanout -j 2 -a 2 --backoff 1ms -x -- sh worker <in 2>err | cat >out
	[ "$(sound in out)" = '5 marks' ]
	[ "$(grep -v pchan out | tail -n 1)" = '{"id":7}' ]
	[ "$(grep -n '"n":3,' out | cut -d : -f 1)" -gt 20 ]
}

@test "marks: what fails is settled once its letter is written" {
	marked 300 10 >in
	pfanout -j 3 -k --window 1 -- jq -r --unbuffered 'if .id % 3 == 0 then "!no" else tojson end' <in | cat >out
	[ "$(sound in out)" = '31 marks' ]
	pfanout -j 3 -d dead -x -- sh -c 'read -r r; case $r in *3}) exit 1 ;; esac; echo "$r"' <in | cat >out
	[ "$(sound in out dead)" = '31 marks' ]
	[ "$(wc -l <dead)" -eq 30 ]
}

@test "marks: a batch waits for records, and not for marks" {
	marked 100 10 >in
	pfanout -v -x --batch 50,60s -- cat <in 2>err | cat >out
	[ "$(sound in out)" = '11 marks' ]
	pfanout -v -x --batch 50,60s -- sh -c 'echo {n}' <in 2>err | grep -v pchan >sizes || true
	[ "$(sort -u sizes)" = 50 ]
}

@test "marks: of several sources all pass" {
	other=ffffffffffffffffffffffffffffffff
	marked 3000 100 >a
	marked 3000 70 | sed "s/$TO/$other/; s/id/key/" >b
	cat b >b2
	for how in --round-robin --concat ''; do
		# shellcheck disable=SC2086 # words
		pfanin $how a b | pfanout -j 3 | cat >out
		[ "$(sound a <(grep -v -e $other -e key out))" = '31 marks' ]
		grep -e $other -e key out | sed "s/$other/$TO/; s/key/id/" >mine
		[ "$(sound <(sed "s/$other/$TO/; s/key/id/" b) mine)" = '43 marks' ]
	done
}

@test "marks: a merge does not let them wait for a key" {
	{ mark 1; echo '{"t":1}'; mark 2; echo '{"t":9}'; mark 3; } >a
	{ echo '{"t":2}'; echo '{"t":10}'; } >b
	pfanin --merge .t a b | jq -c '.n // .t' >out
	diff - out <<-END
		1
		1
		2
		2
		9
		3
		10
	END
	pfanin --merge .t --tag from a b | grep -c from >out
	[ "$(cat out)" = 4 ]
}

@test "marks: the end of the pipeline acknowledges them, and writes none" {
	listen
	marked 20 10 >in
	for tool in pfanout 'pratelimit -r 100000/s' pdeadletter pmetrics pfanin 'pfanout -j 3 -- cat' 'pfanout -x -- cat'; do
		: >acks
		# shellcheck disable=SC2086 # words
		$tool <in >out 2>err
		acks 1 2 3
		ids 20 | diff - <(sort -t : -k 2n out)
	done
	: >acks
	pfanout <in | pfanout -j 2 >/dev/null
	acks 1 2 3
	deafen
	# Nobody listens: that is the source's affair.
	pfanout <in >out
	lines out 20
}

@test "marks: a regular file is synced before they are acknowledged" {
	needs_strace
	listen
	# The first mark, which comes before all records, need not wait.
	marked 20 10 | tail -n +2 >in
	strace -f -o trace -e trace=fdatasync,sendto,write,writev pfanout <in >out
	grep -o -e '\(fdatasync\|sendto\|writev\)(' trace | uniq >calls
	diff - calls <<-END
		writev(
		fdatasync(
		sendto(
	END
	# So is a dead-letter file that is else never synced.
	{ mark 1; letters 3; mark 2; } >in
	strace -f -o trace -e trace=fdatasync,sendto pdeadletter --sync none -d dead <in >/dev/null || true
	[ "$(grep -c 'fdatasync(' trace)" -eq 1 ]
	grep -o -e 'fdatasync(' -e 'sendto(' trace | paste -sd ' ' >calls
	grep -qxF -e 'sendto( fdatasync( sendto(' -e 'fdatasync( sendto( sendto(' calls
	deafen
}

@test "marks: one failed sync is enough to acknowledge nothing more" {
	no_sanitizer
	ids 20 >in
	for last in pfanout 'pfanout --to to'; do
		status=0
		# The source waits for its window: this is not the last sync.
		# shellcheck disable=SC2086 # words
		pfanin -q --window 5 --state state in 2>/dev/null |
			FAIL_FDATASYNC=1 LD_PRELOAD="$SHIMS/fail_fdatasync.so" timeout 20 $last >some 2>err || status=$?
		[ "$status" -eq 2 ]
		[ "$(grep -c 'Input/output error' err)" -eq 1 ]
		# All of them come again.
		go 0 pfanin --state state in
		diff in out
		rm state
	done
}

@test "marks: --ack waits until the reader of the pipe has read" {
	listen
	marked 20 10 >in
	mkfifo pipe
	exec 9<>pipe
	pfanout --ack <in >pipe 2>err 9>&- 3>&- &
	pid=$!
	# The first one has nothing before it.
	acks 1
	read -r line <&9
	[ "$line" = '{"id":1}' ]
	acks 1
	head -n 19 <&9 >some
	lacks some pchan
	wait_until at_least acks 3
	acks 1 2 3
	exec 9<&-
	wait "$pid"
	deafen
}

@test "marks: the queue of a source that stands still is waited for" {
	no_sanitizer
	listen
	most=$(cat /proc/sys/net/unix/max_dgram_qlen)
	marked $((most + 50)) 1 >in
	kill -STOP -- "-$ear"
	pfanout <in >out 3>&- &
	pid=$!
	wait_until at_least out $((most + 50))
	kill -CONT -- "-$ear"
	wait "$pid"
	wait_until at_least acks $((most + 51))
	cut -d ' ' -f 2 acks | diff - <(seq $((most + 51)))
	deafen
}

@test "marks: a stage that has failed passes none" {
	marked 1000 10 | sed 's/.*:.*5}/x/' >in
	small_disk 4
	{ pfanout -d disk/dead <in 2>err || true; } | cat >out
	has err 'No space left'
	# Most letters are in the output, behind the last mark.
	grep -n dead-letter out | cut -d : -f 1 >letters
	[ "$(wc -l <letters)" -gt 10 ]
	# Another worker's letters may come before the first mark.
	last=$(grep -n mark/1 out | tail -n 1 | cut -d : -f 1)
	[ "${last:-0}" -lt "$(head -n 1 letters)" ]
}

@test "marks: what is cancelled comes again: it leaves no letter" {
	start pfanout -v -d dead -j 2 -x -- sh -c 'read -r r; case $r in *7}) sleep 60 ;; esac; echo "$r"'
	mark 1 >&8
	echo '{"id":1}' >&8
	mark 2 >&8
	echo '{"id":7}' >&8
	echo '{"id":3}' >&8
	mark 3 >&8
	wait_until at_least out 2
	stop_now
	[ ! -s dead ]
	ids 3 | grep -v 2 | diff - <(grep -v pchan out)
	[ "$(grep -c . out)" -eq 2 ]
	has err 'not finished, and come again: 1 record'
	has err 'received 3, processed 2, filtered 0, failed 0, unwritten 1,'
}

@test "marks: without one, what is cancelled leaves a letter as ever" {
	start pfanout -d dead -j 1 -x -- sh -c 'read -r r; sleep 60'
	echo '{"id":1}' >&8
	echo '{"id":2}' >&8
	wait_until pgrep -P "$pid"
	mark 1 >&8
	echo '{"id":3}' >&8
	stop_now
	[ "$(reasons dead)" = 'cancelled 2' ]
}

@test "marks: the rest of a writer that was killed is left out" {
	for rest in '{"id":3' '{"id":3}' "$(mark 2)" "$(mark 2 | head -c 20)" "$(letters 1)" "$(letters 1 | head -c 40)"; do
		{ mark 1; echo '{"id":1}'; printf '%s' "$rest"; } >in
		for tool in 'pfanout -R -v' 'pfanout -v' 'pfanin -v' 'pdeadletter -v' 'pfanout -v -- cat'; do
			# shellcheck disable=SC2086 # words
			$tool <in 2>err | cat >out
			head -n 2 in | diff - out
			has err 'torn lines 1,'
			has err 'received 1, processed 1,'
		done
	done
	# Without marks it is a line like any other; but half a mark is none.
	printf '{"id":3}' >in
	pfanout <in >out
	[ "$(cat out)" = '{"id":3}' ]
	mark 1 | tr -d '\n' | pfanout -v 2>err >out
	[ ! -s out ]
	has err 'torn lines 1,'
}

@test "marks: with --no-bypass they are data for --to and -F, too" {
	{ ids 5; mark 1; ids 5; } >in
	go 0 pfanout --no-bypass -F -- cat <in
	lines out 11
	go 0 pfanout --no-bypass --to to2 <in
	lines to2 11
}

@test "marks: in a file of dead letters they mean nothing" {
	{ mark 1; letters 3; mark 2; } >dead
	go 0 pdeadletter replay dead
	ids 3 | diff - out
	[ ! -s err ]
	go 0 pdeadletter list dead
	[ ! -s err ]
}
