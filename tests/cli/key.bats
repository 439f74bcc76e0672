#!/usr/bin/env bats
# pfanout --key: records with one key go to one worker, and keep their order.

load ../support/helpers
load ../support/streams
load ../support/background

WORKER=$STUBS/key-worker

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	ulimit -c 0
	mkdir seen
}

# keyed N KEYS [WHAT...]: N records, half of them of the key "hot"; one of seven
# does one of these at its first attempt.
keyed() {
	jq -nc --argjson n "$1" --argjson keys "$2" '
		range(1; $n + 1) as $i | $ARGS.positional as $what
		| {id: $i, k: (if $i % 2 == 0 then "hot" else "k\($i * 7 % $keys)" end)}
		+ (if $i % 7 == 3 and ($what | length) > 0 then {do: $what[($i / 7 | floor) % ($what | length)]} else {} end)
		' --args "${@:3}"
}

# in_order FILE: the records of each key, dead ones too, have rising ids.
in_order() {
	[ "$(jq -r 'if has("pchan") then .value else . end | "\(.k) \(.id)"' "$1" |
		awk '($1 in last) && $2 + 0 <= last[$1] { bad++ } { last[$1] = $2 } END { print bad + 0 }')" = 0 ]
}

# Each record was worked on when the one before it in its key was over.
worked_in_order() {
	[ "$(awk '$2 + 0 < last[$1] { bad++ } { last[$1] = $2 } END { print bad + 0 }' seen/log)" = 0 ]
}

@test "key: all records of a key go to the worker that pchan-formats(5) says" {
	# The example of that page: outputs of 3.
	printf '%s\n' 7 '"7"' 7.0 '"ann"' '"\u0061nn"' null 7 null | sed 's/.*/{"k":&}/' >in
	go 0 pfanout -x -k -j 3 --key .k -- echo '{%}' <in
	[ "$(xargs <out)" = "$(
		pfanout --to o0 --to o1 --to o2 --key .k <in
		for i in 0 1 2; do jq -c --arg slot $((i + 1)) '[$slot, .k]' o$i; done |
			jq -sr --slurpfile in in 'INDEX(.[]; .[1] | tojson) as $of | $in[] | $of[.k | tojson][0]' | xargs
	)" ]
}

@test "key: results keep the order of their key, with and without -k, -a and -x" {
	keyed 2000 30 >in
	for options in '' '-a 3' '-a 3 -b 0' '-a 3 --window 1' '-a 3 -j 1'; do
		# shellcheck disable=SC2086
		go 0 pfanout -j 4 --key .k $options -- cat <in
		[ "$(account 2000 out)" = 'results 2000 dead 0 missing 0 twice 0' ]
		in_order out
		# shellcheck disable=SC2086
		go 0 pfanout -j 4 -k --key .k $options -- cat <in
		cmp in out
	done
	head -n 200 in >few
	go 0 pfanout -x -j 4 -a 3 --key .k -- cat <few
	[ "$(account 200 out)" = 'results 200 dead 0 missing 0 twice 0' ]
	in_order out
}

@test "key: a record that fails is tried again before the next one of its key" {
	keyed 400 10 again crash again bad again reject >in
	for options in '' -k '--window 5'; do
		rm -f seen/*
		# shellcheck disable=SC2086
		go 1 pfanout -j 3 -a 3 --backoff 1ms --key .k $options -- "$WORKER" seen <in
		[ "$(reasons out)" = 'rejected 9' ]
		account 400 out
		in_order out
		worked_in_order
	done
}

@test "key: without -a the letters stand in the order of their key" {
	keyed 300 10 again crash bad reject >in
	go 1 pfanout -j 3 --key .k -- "$WORKER" seen <in
	account 300 out
	in_order out
}

@test "key: an attempt that times out holds up its key, and nobody is lost" {
	keyed 60 5 >in
	echo '{"id":61,"k":"hot","do":"hang"}' >>in
	keyed 80 5 | tail -n +62 >>in
	go 0 pfanout -j 2 -a 2 -t 2s --backoff 1ms --key .k -- "$WORKER" seen <in
	account 80 out
	in_order out
	worked_in_order
}

@test "key: with -x a process that fails is tried again before the next one" {
	keyed 60 5 >in
	go 0 pfanout -x -j 3 -a 3 --backoff 1ms --key .k -- sh -c '
		echo "$2 $1" >>seen/log
		[ $(($1 % 5)) -ne 0 ] || [ -e "seen/$1" ] || { >"seen/$1"; exit 1; }
		cat' sh '{.id}' '{.k}' <in
	account 60 out
	in_order out
	worked_in_order
}

@test "key: with -x a run that is given up ends, and none of a key's records is lost" {
	for options in '' '-k' '-a 3' '-k -a 3'; do
		keyed 60 5 >in
		# shellcheck disable=SC2086
		go 2 timeout -s KILL 20 pfanout -v -x -j 3 $options --max-failed 1 --key .k -- sh -c '[ "$1" -ne 4 ] && cat || exit 65' sh '{.id}' <in
		account 60 out
		in_order out
		[[ $(reasons out) = *'rejected 1'* ]]
	done
}

# Records with just these ids are out, in whatever order.
has_out() {
	[ "$(jq -r '.id' out | sort -n | xargs)" = "$*" ]
}

@test "key: a record that waits for its attempt holds up its own key only" {
	start pfanout -v -j 1 -a 9 --backoff 1h --key .k -- "$WORKER" seen
	echo '{"id":1,"k":"a","do":"never"}' >&8
	printf '{"id":%d,"k":"%s"}\n' 2 a 3 b 4 a 5 b 6 c >&8
	wait_until has_out 3 5 6
	stop_now
	[ "$(account 6 out)" = 'results 3 dead 3 missing 0 twice 0' ]
	[ "$(reasons out)" = 'cancelled 3' ]
	in_order out
	has err 'received 6, processed 3, filtered 0, failed 3 (3 cancelled)'
}

@test "key: with -x all of a key is cancelled, whatever waits behind what" {
	start pfanout -v -x -j 2 -a 9 --backoff 1h --key .k -- sh -c 'cat; exit "$1"' sh '{.do}'
	echo '{"id":1,"k":"a","do":75}' >&8
	printf '{"id":%d,"k":"%s","do":%d}\n' 2 a 0 3 a 0 4 a 0 5 a 0 6 b 0 >&8
	wait_until has_out 6
	stop_now
	[ "$(account 6 out)" = 'results 1 dead 5 missing 0 twice 0' ]
	[ "$(reasons out)" = 'cancelled 5' ]
	in_order out
}

@test "key: what a stop cancels keeps the order, whatever the worker is at" {
	# The child has some when the worker takes others: nobody reads what it
	# sends, and meanwhile the stop comes.
	cat >swallow <<-'EOF'
		#!/usr/bin/python3
		import sys
		lines = [sys.stdin.readline() for i in range(6)]
		sys.stdout.write("".join(lines[:3]))
		sys.stdout.flush()
		open("answered", "w").close()
		sys.stdin.read()
	EOF
	chmod +x swallow
	jq -nc 'range(1; 31) | {id: ., k: "a", pad: (if . == 1 then "y" * 100000 else "" end)}' >in
	mkfifo unread
	exec 7<>unread
	exec 6<unread
	pfanout -v -b 1 -j 1 --window 6 --key .k -- ./swallow <in >unread 2>err 7<&- 6<&- 3>&- &
	pid=$!
	exec 7<&-
	wait_until test -e answered
	send "$pid" TERM
	again "$pid" TERM
	cat <&6 >out
	exec 6<&-
	ends_with 143
	[ "$(account 30 out)" = 'results 3 dead 27 missing 0 twice 0' ]
	in_order out
}

# Of the records, those that the worker of "hot" does not get are answered.
others_are_out() {
	[ "$(jq -r '.id' out | sort)" = "$others" ]
}

@test "key: a hot key does not hold up other workers" {
	for options in '' '-a 3'; do
		rm -f seen/*
		{
			echo '{"id":0,"k":"hot","do":"wait"}'
			keyed 300 30
		} >in
		rm -f o0 o1
		pfanout --to o0 --to o1 --key .k <in
		others=$(grep -L '"hot"' o0 o1 | xargs jq -r .id | sort)
		[ -n "$others" ]
		# shellcheck disable=SC2086
		start pfanout -j 2 --key .k $options -- "$WORKER" seen
		cat in >&8
		wait_until others_are_out
		touch seen/go
		exec 8>&-
		ends_with 0
		[ "$(wc -l <out)" -eq 301 ]
		in_order out
	done
}

# The last line is sorted when all others are.
all_are_sorted() {
	grep -q '"reason":"invalid"' out
}

@test "key: the keys of a worker take turns" {
	start pfanout -j 1 --window 1 --key .k -- "$WORKER" seen
	echo '{"id":1,"k":"hot","do":"wait"}' >&8
	seq 2 40 | sed 's/.*/{"id":&,"k":"hot"}/' >&8
	printf '%s\n' '{"id":41,"k":"b"}' '{"id":42,"k":"b"}' nope >&8
	wait_until all_are_sorted
	touch seen/go
	exec 8>&-
	ends_with 1
	[ "$(grep -v pchan out | jq .id | head -n 5 | sort -n | xargs)" = '1 2 3 41 42' ]
}

@test "key: the letters of records that no worker gets go by" {
	letters 1 >in
	printf '%s\n' '{"id":2,"k":1}' nope '{"x":1}' '{"id":3,"k":1}' >>in
	go 1 pfanout -v -d dead --key .k -- cat <in
	[ "$(grep -v pchan out | xargs)" = '{id:2,k:1} {id:3,k:1}' ]
	[ "$(reasons out)" = 'timeout 1' ]
	[ "$(reasons dead)" = 'invalid 1, no_key 1' ]
	has err 'received 4, processed 2, filtered 0, failed 2 (1 invalid, 1 no_key), bypassed 1'
	# With -R the path looks into lines that are JSON.
	go 1 pfanout -R -d raw --key .k -- cat <in
	[ "$(reasons raw)" = 'no_key 2' ]
}
