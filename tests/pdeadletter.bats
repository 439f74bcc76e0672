#!/usr/bin/env bats
# pdeadletter as a filter: good records go on, dead letters into a file.

load helpers
load streams

# Prints n dead letters, of records {"id":N}.
letters() {
	seq "$1" | sed 's/.*/{"pchan":"dead-letter\/1","id":"id-&","stage":"test","reason":"timeout","value":{"id":&}}/'
}

# go STATUS COMMAND...: stdin from in, into out and err.
go() {
	local status=0 want=$1

	shift
	timeout 30 "$@" <in >out 2>err || status=$?
	[ "$status" -eq "$want" ] || {
		echo "status $status instead of $want: $*"
		return 1
	}
}

# The letters of dead and what it was rotated to, oldest first.
in_order() {
	printf '%s\n' dead.* | sort -t . -k 2 -rn | xargs cat
	cat dead
}

@test "pdeadletter: good lines byte for byte, letters into the file" {
	{
		printf '{"id":1}\r\n\n \t\nno JSON\n[1,'
		printf '\n\0\377\n{"pchan":"retry/1","id":"x","value":1}\n'
		printf '{"pchan":"dead-letter/1","id":"not whole"}\n{"pchan":"dead-letter/2"}\nlast'
	} >good
	letters 3 >bad
	{
		head -n 4 good
		head -n 2 bad
		tail -n +5 good
		echo
		tail -n 1 bad
	} >in
	go 1 pdeadletter -d dead
	echo >>good
	cmp good out
	cmp bad dead
	[ "$(cat err)" = 'pdeadletter: 3 dead letters are in dead' ]
	go 1 pdeadletter -q -d dead
	[ ! -s err ]
	cat bad bad | cmp - dead
}

@test "pdeadletter: none is status 0, and quiet" {
	ids 1000 >in
	go 0 pdeadletter -d dead
	cmp in out
	[ ! -s dead ] && [ ! -s err ]
	: >in
	go 0 pdeadletter -d dead
	[ ! -s out ] && [ ! -s dead ] && [ ! -s err ]
}

@test "pdeadletter: without a file they go to standard error, and nothing else does" {
	{
		ids 2
		letters 2
	} >in
	go 1 pdeadletter
	letters 2 | cmp - err
	ids 2 | cmp - out
}

@test "pdeadletter: the failures of all stages of a pipeline" {
	ids 3000 >in
	go 1 sh -c 'pfanout -q -n one -j2 -- sed "s/.*[05]}/!no/" |
		pfanout -q -n two -x -- sh -c "grep -v 11" | pfanout -q -n three -F -- cat | pdeadletter -q -d dead'
	ids 3000 | grep -v '[05]}' | grep -v 11 >results
	sort out | cmp - <(sort results)
	[ "$(jq -r '.stage' dead | sort | uniq -c | tr -s ' ' | tr '\n' ',')" = ' 600 one, '"$(ids 3000 | grep -v '[05]}' | grep -c 11)"' two,' ]
	account 3000 out dead
}

@test "pdeadletter: 100 000 records in a stream, in their order" {
	{
		ids 100000 | sed -n 1~2p
		letters 50000
		ids 100000 | sed -n 2~2p
	} >in
	go 1 pdeadletter -q -d dead
	ids 100000 | sed -n '1~2p' >want
	ids 100000 | sed -n '2~2p' >>want
	cmp want out
	letters 50000 | cmp - dead
}

@test "pdeadletter: rotates, and keeps what it is told to" {
	letters 50 >in
	size=$(letters 9 | wc -c)
	go 1 pdeadletter -q -d dead --max-size "$size"
	[ "$(stat -c %s dead.* dead | sort -n | tail -n 1)" -le "$size" ]
	in_order | cmp - in
	rm dead*
	go 1 pdeadletter -q -d dead --max-size "$size" --keep 2 --sync none
	in_order | cmp - <(tail -n "$(cat dead* | wc -l)" in)
	[ "$(echo dead*)" = 'dead dead.1 dead.2' ]
}

@test "pdeadletter: --sync says how often the disk is waited for" {
	command -v strace >/dev/null || skip "strace is not installed"
	no_sanitizer
	letters 20 >in
	for how in record:20 batch:1 none:0; do
		rm -f dead
		go 1 strace -f -o trace -e trace=fdatasync pdeadletter -q -d dead --sync "${how%:*}"
		[ "$(grep -c 'fdatasync(' trace)" -eq "${how#*:}" ]
		cmp in dead
	done
}

@test "pdeadletter: a line that is too long is a dead letter here" {
	{
		ids 2
		head -c 100000 /dev/zero | tr '\0' x
		echo
		ids 1
	} >in
	go 1 pdeadletter -q -d dead --max-record 1K
	[ "$(jq -r '[.stage, .reason, .input.line, .input.length, .truncated] | join(" ")' dead)" = 'pdeadletter too_long 3 100000 true' ]
	[ "$(wc -l <out)" -eq 3 ]
}

@test "pdeadletter: what can't be kept is named, and goes on" {
	[ -c /dev/full ] || skip "no /dev/full"
	{
		ids 2
		letters 10
	} >in
	go 2 pdeadletter -d /dev/full
	cmp in out
	grep -q '/dev/full: No space left on device; 10 dead letters that it could not keep (id-1, id-2, .*id-8 and others)' err
}

@test "pdeadletter: a file that can't be is told before input is read" {
	letters 3 >in
	for file in . none/dead in/dead; do
		{
			status=0
			timeout 5 pdeadletter -d $file >out 2>err || status=$?
			read -r line
		} <in
		[ "$status" -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -s out ]
		grep -q "dead-letter file $file: " err
		[ "$line" = "$(head -n 1 in)" ]
	done
}

@test "pdeadletter: a torn tail is closed off, and told" {
	letters 1 >in
	for tail in '{"pchan":"dead-' 'x' '\0\0\0'; do
		{
			letters 2
			# shellcheck disable=SC2059 # it has escapes
			printf "$tail"
		} >dead
		{
			cat dead
			echo
			cat in
		} >want
		go 1 pdeadletter -d dead
		cmp want dead
		[ "$(grep -c 'last line is not whole' err)" -eq 1 ]
	done
}

@test "pdeadletter: eight of them, with letters of 1 MB, into one file that rotates" {
	big=$(head -c 1000000 /dev/zero | tr '\0' x)
	for i in 1 2 3 4 5 6 7 8; do
		for n in 1 2 3; do
			echo "{\"pchan\":\"dead-letter/1\",\"id\":\"$i-$n\",\"stage\":\"s\",\"reason\":\"crash\",\"text\":\"$big\"}"
		done >"in.$i"
	done
	for i in 1 2 3 4 5 6 7 8; do
		timeout 60 pdeadletter -q -d dead --max-size 5M --sync none <"in.$i" >"out.$i" 3>&- &
	done
	wait
	cat dead* | jq -r '"\(.id) \(.text | length)"' | sort >got
	for i in 1 2 3 4 5 6 7 8; do
		for n in 1 2 3; do
			echo "$i-$n 1000000"
		done
	done | cmp - got
	cat out.* | cmp - /dev/null
}

@test "pdeadletter: under a file that is renamed and removed again and again, nothing is lost" {
	mkfifo fifo
	timeout 60 pdeadletter -q -d dead <fifo >out 2>err 3>&- &
	pid=$!
	exec 8>fifo
	for n in 1 2 3 4 5; do
		letters 5 | sed -n "${n}p" >&8
		wait_until test -s dead
		mv dead "old.$n"
	done
	exec 8>&-
	wait "$pid" || [ $? -eq 1 ]
	cat old.* | cmp - <(letters 5)
	[ ! -s err ]
}

@test "pdeadletter: signals" {
	mkfifo fifo
	for sig in TERM INT HUP; do
		timeout -s KILL 60 env --default-signal pdeadletter <fifo >out 2>err 3>&- &
		exec 8>fifo
		letters 1 >&8
		wait_until test -s err
		pid=$(pgrep -P $! pdeadletter)
		kill -$sig "$pid"
		ids 2 >&8
		wait_until at_least out 2
		exec 8>&-
		status=0
		wait $! || status=$?
		[ "$status" -eq $((128 + $(kill -l $sig))) ]
	done
	# With a file HUP opens it anew.
	timeout -s KILL 60 pdeadletter -q -d dead <fifo >out 2>err 3>&- &
	exec 8>fifo
	letters 1 >&8
	wait_until test -s dead
	kill -HUP "$(pgrep -P $! pdeadletter)"
	letters 1 >&8
	wait_until at_least dead 2
	exec 8>&-
	status=0
	wait $! || status=$?
	[ "$status" -eq 1 ]
}

@test "pdeadletter: a reader that goes away" {
	status=0
	timeout 30 bash -c 'yes "{\"id\":1}" | pdeadletter -d dead | head -n 1; echo "${PIPESTATUS[1]}"' >out 2>err
	[ "$(cat out)" = $'{"id":1}\n141' ]
	[ ! -s err ]
}

@test "pdeadletter: wrong options are one line, and nothing is read" {
	letters 1 >in
	while read -r -a args; do
		{
			status=0
			timeout 5 pdeadletter "${args[@]}" >out 2>err || status=$?
			read -r line
		} <in
		[ "$status" -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -s out ]
		grep -q '^pdeadletter: ' err
		[ -n "$line" ]
	done <<-END
		--max-size 1M
		--keep 3
		-d dead --keep 3
		-d dead --keep 0 --max-size 1M
		-d dead --max-size 0
		-d dead --sync always
		--sync batch
		--no-bypass
		operand
		-d
		--nonsense
	END
	[ ! -e dead ]
}

@test "pdeadletter: all options at once" {
	{
		ids 10
		letters 10
	} >in
	go 1 pdeadletter -n last -b 0 -d dead -R --max-record 1M --grace 1s -P -v --max-size 1M --keep 3 --sync record
	ids 10 | cmp - out
	letters 10 | cmp - dead
	grep -q 'received 10, processed 10, filtered 0, failed 0, bypassed 10,' err
	timeout 5 pdeadletter --version | grep -q '^pdeadletter [0-9]'
}
