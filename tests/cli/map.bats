#!/usr/bin/env bats
# Map mode with workers that behave: one answer per record.
# shellcheck disable=SC2086,SC2034 # words; counts.bash uses $way and $options

load ../support/helpers
load ../support/streams
load ../support/counts

WORKER=$BATS_TEST_DIRNAME/../support/stubs/worker
LETTER='{"pchan":"dead-letter/1","id":"abc","stage":"before","reason":"rejected","attempts":1,"failed":"2026-01-02T03:04:05.000000Z","value":{"id":9}}'

# ordinary COMMAND...: gives back 10 and 3000 records (of the file "all"), with
# few workers and many, with and without -k.
ordinary() {
	local n jobs

	[ -f all ] || ids 3000 >all
	for n in 10 3000; do
		head -n "$n" all >in
		sort in >sorted
		for jobs in 1 3 16; do
			echo "# $n records, -j $jobs"
			go 0 pfanout -j "$jobs" -- "$@" <in
			sort out | cmp - sorted
			go 0 pfanout -k -j "$jobs" -- "$@" <in
			cmp out in
		done
	done
}

# converse COMMAND...: starts a stage whose stdin stays open.  Records go into
# descriptor 8, answers come out of descriptor 9.
converse() {
	mkfifo to from
	timeout 60 "$@" <to >from 2>err 3>&- &
	stage=$!
	exec 8>to 9<from
}

# hears LINE: the next answer must be this line, before any other record is
# given.
hears() {
	local line

	read -r -t 10 -u 9 line
	echo "heard: $line"
	[ "$line" = "$1" ]
}

hang_up() {
	exec 8>&-
	wait "$stage"
	exec 9<&-
}

@test "map: cat gives back every record, with any number of workers" {
	ordinary cat
}

@test "map: jq -c . gives back every record" {
	ordinary jq -c .
}

@test "map: sed gives back every record" {
	ordinary sed 's/x/y/'
}

@test "map: awk gives back every record" {
	ordinary awk '{ print $0 }'
}

@test "map: perl -pe gives back every record" {
	ordinary perl -pe 's/x/y/'
}

@test "map: a block-buffered python3 gives back every record" {
	ordinary "$STUBS/worker-python"
}

@test "map: mlr gives back every record" {
	needs mlr
	ids 3000 | sed 's/:/: /' >all
	ordinary mlr --json --ojsonl cat
}

@test "map: a shell's loop with a process for each record works" {
	ids 60 >in
	for jobs in 1 4; do
		go 0 pfanout -k -j "$jobs" -- sh -c 'while read -r line; do /bin/echo "$line"; done' <in
		cmp out in
	done
}

@test "map: an empty input gives an empty output" {
	go 0 pfanout -j 3 -- jq -c . </dev/null
	[ ! -s out ]
}

@test "map: one record is answered" {
	go 0 pfanout -j 8 -- jq -c . <<<'{"id":1}'
	lines out 1
}

@test "map: a line-buffered worker answers each record at once, even the last one typed" {
	converse pfanout -j 2 -- "$WORKER" -u
	for i in $(seq 20); do
		echo "{\"id\":$i}" >&8
		hears "{\"id\":$i}"
	done
	hang_up
}

@test "map: it does so with -k, and with several records at a time" {
	converse pfanout -k -j 4 -- sed -u 's/^/ /'
	for i in $(seq 1 3 60); do
		printf '{"id":%d}\n' "$i" $((i + 1)) $((i + 2)) >&8
		for j in 0 1 2; do
			hears "{\"id\":$((i + j))}"
		done
	done
	hang_up
}

@test "map: a line-buffered worker is kept while it waits" {
	converse pfanout -j 1 -- "$WORKER" -u pid all
	echo '{"id":1}' >&8
	read -r -t 10 -u 9 first
	for i in $(seq 2 20); do
		echo "{\"id\":$i}" >&8
		hears "{\"id\":$i,${first#*,}"
	done
	hang_up
}

@test "map: a block-buffered worker answers with stdin open" {
	for worker in "jq -c ." "$STUBS/worker-python"; do
		converse pfanout -j 2 -- $worker
		for i in 1 2 3; do
			echo "{\"id\":$i}" >&8
			hears "{\"id\":$i}"
		done
		hang_up
		rm to from
	done
}

@test "map: a block-buffered worker answers a burst with stdin open" {
	for order in "" -k; do
		converse pfanout $order -j 2 -- jq -c .
		ids 500 >&8
		ids 500 >want
		timeout 20 head -n 500 <&9 | sort -t: -k2n >out
		cmp out want
		hang_up
		rm to from
	done
}

@test "map: !message rejects a record, an empty answer drops it" {
	ids 30 >in
	go 1 pfanout -v -k -j 3 -a 3 -- sed -e '/:7}/s/.*/!no seven, "please"/' -e '/:9}/s/.*//' <in
	way=(-k)
	settled 30 1 9
	balanced
	[ "$(total filtered)" -eq 1 ]
	[ "$(total retries)" -eq 0 ]
	[ "$(reasons out)" = "rejected 1" ]
	grep pchan out | jq -e '.message == "no seven, \"please\"" and .attempts == 1 and .value == {id: 7} and .stage == "sed"'
}

@test "map: with -R they are results, and lines need no JSON" {
	printf '%s\n' one '!two' '' '{three' >in
	go 0 pfanout -v -R -k -j 2 -- cat <in
	cmp out in
	balanced
}

@test "map: bytes are not touched: big numbers, 1.10, white space, escapes, CR" {
	printf '%s\n' '{"n":12345678901234567890123, "x":1.10}' ' { "a" : "\u0041\/" } ' '[1e400,-0.0]' '"é\ud83d\ude00"' null >in
	printf '{"id":1}\r\n' >>in
	go 0 pfanout -k -j 1 -- cat <in
	cmp out in
	go 0 pfanout -k -j 2 -- sed 's/x/x/' <in
	cmp out in
}

@test "map: a last line without LF gets one" {
	printf '{"id":1}\n{"id":2}' >in
	for command in cat "jq -c ." "$WORKER -u"; do
		go 0 pfanout -k -j 2 -- $command <in
		ids 2 | cmp - out
	done
}

@test "map: a worker's last answer without LF gets one" {
	ids 1 >in
	go 0 pfanout -j 1 -- sh -c 'read -r line; printf %s "$line"' <in
	cmp out in
}

@test "map: large records pass" {
	for size in 100000 1000000 3000000; do
		printf '{"id":%d,"text":"%s"}\n' 1 "$(head -c "$size" /dev/zero | tr '\0' x)" 2 y 3 "$(head -c 70000 /dev/zero | tr '\0' z)"
	done >in
	for jobs in 1 3; do
		go 0 pfanout -k -j "$jobs" -- cat <in
		cmp out in
		go 0 pfanout -k -j "$jobs" -- "$STUBS/worker-python" <in
		cmp out in
	done
}

@test "map: answers may be much larger than the records" {
	ids 40 >in
	go 0 pfanout -k -j 2 -- perl -pe 's/}/",\"x\":\"" . "y" x 200000 . "\"}"/e; s/",/,/' <in
	jq -c '.id' out | cmp - <(seq 40)
	[ "$(wc -c <out)" -gt 8000000 ]
}

@test "map: --match accepts the right answers" {
	printf '{"user":{"id":%d}}\n' 1 2 3 >in
	go 0 pfanout -k -j 2 --match .user.id -- "$WORKER" <in
	cmp out in
}

@test "map: --match does not mind how a string is escaped" {
	printf '{"id":"%s"}\n' 'a\u0026b' '\u00e9\ud83d\ude00' 'a\/b' plain >in
	go 0 pfanout -k -j 2 --match .id -- jq -c . <in
	jq -c . in | cmp - out
	# Other values are compared as they are written.
	echo '{"id":1.0}' >in
	go 1 pfanout -j 1 --match .id -- sed 's/1.0/1/' <in
	[ "$(jq -r .reason out)" = bad_answer ]
}

@test "map: --match rejects the wrong answers" {
	ids 300 >in
	each_way go_match_wrong
}

go_match_wrong() {
	go 1 pfanout -v "${way[@]}" --match .id -- "$WORKER" other 7,8,200 <in
	settled 300 3
	balanced
	[ "$(reasons out)" = "bad_answer 3" ]
	[ "$(dead)" = "7 8 200" ]
}

@test "map: --match finds a worker that skips, and blames no other record" {
	ids 300 >in
	go 1 pfanout -v -k -j 2 --match .id -- "$WORKER" -u fewer 20 <in || go 2 pfanout -v -k -j 2 --match .id -- "$WORKER" -u fewer 20 <in
	balanced
	# Every result is that of its record.
	grep -v pchan out | grep -vxF -f in && return 1
	[ "$(grep -v pchan out | sort | uniq -d | wc -l)" -eq 0 ]
}

@test "map: --match reports a value that is missing in the answer or in the record" {
	printf '{"id":1}\n{"no":2}\n{"id":3}\n' >in
	go 1 pfanout -k -j 1 --match .id -- sed 's/"id":3/"di":3/' <in
	lines out 3
	[ "$(sed -n 1p out)" = '{"id":1}' ]
	[ "$(sed 1d out | jq -r .reason | xargs)" = "no_key bad_answer" ]
}

@test "map: -a gives a failed record another attempt" {
	ids 40 >in
	for way in -j2 -k; do
		rm -rf seen && mkdir seen
		go 0 pfanout -v "$way" -j 4 -a 2 --backoff 1ms -- "$WORKER" -u garbage-once all seen <in
		settled 40 0
		balanced
		[ "$(total retries)" -eq 40 ]
	done
}

@test "map: -a gives the record of a dead worker another attempt" {
	ids 400 >in
	for way in -j2 -k; do
		rm -rf seen && mkdir seen
		go 0 pfanout -v "$way" -j 3 -a 2 --backoff 1ms -- "$WORKER" crash-once 50,100,101,333 seen <in
		settled 400 0
		balanced
	done
}

@test "map: the letter has the number of attempts" {
	ids 20 >in
	for attempts in 1 2 5; do
		go 1 pfanout -k -j 2 -a "$attempts" --backoff 1ms,2ms -- "$WORKER" -u garbage 7 <in
		settled 20 1
		grep pchan out | jq -e --argjson n "$attempts" '.attempts == $n and .value.id == 7 and .reason == "bad_answer" and .first_failed <= .failed'
	done
}

@test "map: --backoff makes a retry wait, but not the other records" {
	ids 100 >in
	go 1 pfanout -j 1 -a 3 --backoff 200ms -- "$WORKER" -u garbage 5 <in
	settled 100 1
	tail -n 1 out | jq -e '.pchan and .attempts == 3'
	tail -n 1 out | jq -e '(.failed | .[17:26] | tonumber) as $b | (.first_failed | .[17:26] | tonumber) as $a |
		($b - $a + 60) % 60 | . >= 0 and . < 20'
}

@test "map: -t ends an attempt" {
	ids 60 >in
	for way in -j2 -k; do
		go 1 pfanout -v "$way" -j 3 -t 1s -- "$WORKER" -u hang 7,31 <in
		settled 60 2
		balanced
		[ "$(reasons out)" = "timeout 2" ]
		[ "$(dead)" = "7 31" ]
		grep pchan out | jq -e '.message | contains("1s")'
	done
}

@test "map: -t does not mind a long run of quick records" {
	ids 400 >in
	go 0 pfanout -k -j 1 -t 1s -- "$WORKER" -u pause all 0.005 <in
	cmp out in
}

@test "map: --window 1, 2 and 100 keep the order" {
	ids 3000 >in
	for window in 1 2 100; do
		go 0 pfanout -k -j 4 --window "$window" -- "$WORKER" -u <in
		cmp out in
	done
}

@test "map: --window 1 works with a block-buffered worker" {
	ids 10 >in
	go 0 pfanout -k -j 4 --window 1 -- jq -c . <in
	cmp out in
}

@test "map: -b 0, 1 and 3 lose nothing" {
	ids 3000 >in
	for buffer in 0 1 3; do
		go 0 pfanout -k -j 3 -b "$buffer" -- sed 's/x/y/' <in
		cmp out in
		go 0 pfanout -j 3 -b "$buffer" -- "$WORKER" -u <in
		settled 3000 0
	done
}

# slow_among_fast OPTION...: starts a stage whose record 50 keeps its worker
# busy until the file "go" is there.
slow_among_fast() {
	rm -f go
	timeout 60 pfanout "$@" -- "$WORKER" -u wait 50 go <in >out 2>err 3>&- &
	stage=$!
}

@test "map: a slow record delays few others" {
	ids 3000 >in
	slow_among_fast -j 4
	wait_until at_least out 2800
	[ "$(wc -l <out)" -lt 3000 ]
	touch go
	wait "$stage"
	settled 3000 0
}

@test "map: a slow record delays no other with --window 1" {
	ids 3000 >in
	slow_among_fast -j 4 --window 1
	wait_until at_least out 2999
	touch go
	wait "$stage"
	settled 3000 0
	[ "$(tail -n 1 out)" = '{"id":50}' ]
}

@test "map: with -k a slow record holds up those behind it, and only those" {
	ids 3000 >in
	slow_among_fast -j 4 -k
	wait_until at_least out 49
	[ "$(wc -l <out)" -eq 49 ]
	touch go
	wait "$stage"
	cmp out in
}

@test "map: 8 workers take 80 records of 100 ms in parallel" {
	ids 80 >in
	begun=$(date +%s%N)
	go 0 pfanout -j 8 -- "$WORKER" -u pause all 0.1 <in
	took=$((($(date +%s%N) - begun) / 1000000))
	settled 80 0
	echo "took $took ms"
	# One after the other they would take 8 seconds.
	[ "$took" -lt 7000 ]
	[ "$took" -ge 1000 ]
}

# The stage reads no further.
has_stalled() {
	local before

	before=$(grep pos: "/proc/$stage/fdinfo/0")
	sleep 0.3
	[ "$before" = "$(grep pos: "/proc/$stage/fdinfo/0")" ]
}

@test "map: -k with a slow head keeps memory bounded" {
	[ -z "$SAN" ] || skip "memory means nothing under a sanitizer"
	seq 300000 | sed 's/.*/{"id":&,"text":"'"$(printf %0200d 0)"'"}/' >in
	pfanout -k -j 2 -- "$WORKER" -u wait 1 go <in >out 2>err 3>&- &
	stage=$!
	wait_until has_stalled
	[ ! -s out ]
	peak=$(awk '/VmHWM/ { print $2 }' "/proc/$stage/status")
	read -r _ pos <"/proc/$stage/fdinfo/0"
	touch go
	echo "peak $peak KiB, read $pos bytes"
	wait "$stage"
	cmp out in
	[ "$pos" -lt 40000000 ]
	[ "$peak" -lt 32768 ]
}

@test "map: a million records pass in bounded memory" {
	[ -z "$SAN" ] || skip "too slow under a sanitizer"
	ids 1000000 >in
	go 0 "$STUBS/input-rss" rss pfanout -k -j 2 -- sed 's/x/y/' <in
	cmp out in
	echo "peak $(cat rss) KiB"
	[ "$(cat rss)" -lt 16384 ]
}

@test "map: 200 workers work" {
	ids 3000 >in
	go 0 pfanout -k -j 200 -- cat <in
	cmp out in
	go 0 pfanout -j 200 -- "$WORKER" -u <in
	settled 3000 0
}

@test "map: dead letters pass by, byte for byte" {
	{
		ids 5
		echo "$LETTER"
		echo '{"id":6}'
	} >in
	for order in "" -k; do
		go 0 pfanout -v $order -j 2 -- sed 's/id/di/' <in
		grep -xF "$LETTER" out
		[ "$(grep -c '"di":' out)" -eq 6 ]
		[ "$(total bypassed)" -eq 1 ]
		[ "$(total received)" -eq 6 ]
	done
	[ "$(sed -n 6p out)" = "$LETTER" ]
}

@test "map: --no-bypass gives dead letters to the workers" {
	echo "$LETTER" >in
	go 0 pfanout -v --no-bypass -- sed 's/before/after/' <in
	grep -F '"stage":"after"' out
	[ "$(total bypassed)" -eq 0 ]
	[ "$(total received)" -eq 1 ]
}

@test "map: a record that only looks like a dead letter is data" {
	printf '%s\n' '{"pchan":"dead-letter/1"}' '{"pchan":"dead-letter/9","id":"a"}' '{"a":1,"pchan":"dead-letter/1"}' >in
	go 0 pfanout -v -k -j 2 -- sed 's/^/ /' <in
	sed 's/^/ /' in | cmp - out
	[ "$(total bypassed)" -eq 0 ]
}

RETRY='{"pchan":"retry/1","id":"abc","replays":2,"first_failed":"2026-01-02T03:04:05.123456Z","value":{ "id":7 }}'

@test "map: retry envelopes are unwrapped for the worker" {
	{
		ids 6
		echo "$RETRY"
		echo '{"pchan":"retry/1","id":"x","base64":"eyJpZCI6OH0="}'
	} >in
	go 0 pfanout -k -j 2 -- cat <in
	{
		ids 6
		echo '{ "id":7 }'
		echo '{"id":8}'
	} | cmp - out
}

@test "map: a retried record that fails again keeps its identity" {
	echo "$RETRY" >in
	go 1 pfanout -j 1 -- "$WORKER" reject 7 <in
	jq -e '.pchan == "dead-letter/1" and .id == "abc" and .first_failed == "2026-01-02T03:04:05.123456Z" and
		.replays == 3 and .failed > .first_failed and .attempts == 1' out
	grep -F '"value":{ "id":7 }}' out
}

@test "map: --raw-input: the records are plain lines, the answers follow the protocol" {
	cat >worker <<-'EOF'
		#!/usr/bin/python3
		import json, sys
		for line in sys.stdin:
		    line = line.rstrip("\n")
		    print({"drop": "", "no": "!not you", "busy": "?busy", "rubbish": "rubbish"}.get(line) or
		          (json.dumps(line) if line != "drop" else ""), flush=True)
	EOF
	chmod +x worker
	printf '%s\n' 'two words' drop '' no busy rubbish '{"id":' 7 >in
	go 1 pfanout -v -k --raw-input -d dead ./worker <in
	[ "$(cat out)" = $'"two words"\n""\n"{\\"id\\":"\n"7"' ]
	[ "$(reasons dead)" = 'bad_answer 1, exhausted 1, rejected 1' ]
	jq -se 'map(.text) == ["no", "busy", "rubbish"] or map(.value) == ["no", "busy", "rubbish"]' dead
	# A line that comes back is checked like any other answer.
	printf '%s\n' 1 word 2 >in
	go 1 pfanout -q -k --raw-input -d words cat <in
	[ "$(cat out)" = $'1\n2' ]
	[ "$(reasons words)" = 'bad_answer 1' ]
}
