#!/usr/bin/env bats
# Exec mode with --batch: a process for several records.
# shellcheck disable=SC1083,SC2034,SC2154 # pfanout's braces; $way, $pid

load ../support/helpers
load ../support/streams
load ../support/counts
load ../support/background

# A worker that fails with what follows if its batch has the record {"id":13},
# and else gives its records back.
UNLUCKY='b=$(cat); case $b in *:13}*) echo half; echo why >&2; %s ;; esac; echo "$b"'

# unlucky HOW OPTIONS...: runs that worker over ./in, and expects a letter.
unlucky() {
	# shellcheck disable=SC2059 # the worker is a format
	go 1 pfanout -x -v -d dead "${@:2}" -- sh -c "$(printf "$UNLUCKY" "$1")" <in
	lacks out half
}

# sizes: how many lines of ./out say that they come from a batch of so many
# records, as "SIZE TIMES, ...".
sizes() {
	sort -n out | uniq -c | awk '{ printf "%s%s %d", sep, $2, $1; sep = ", " } END { print "" }'
}

@test "batch: N records are on the stdin of one process, and its output is the result" {
	ids 1050 >in
	go 0 pfanout -x -v -j 4 --batch 100 -- sh -c 'echo x >>starts; cat' <in
	settled 1050 0
	balanced
	lines starts 11
	[ "$(total processed)" -eq 1050 ]
	[ "$(total retries)" -eq 0 ]
}

@test "batch: -k keeps the order, with the output in the place of the first record" {
	ids 2000 >in
	go 0 pfanout -x -k -j 4 --batch 7 -- sh -c 'sleep 0.00$(($1 % 3)); cat' sh {#} <in
	cmp in out
	# Some lines, none, and another number of lines than records.
	go 0 pfanout -x -k -v -j 4 --batch 10 -- sh -c 'case $1 in 2) ;; *) wc -l; echo "batch $1" ;; esac' sh {#} <<<"$(seq 40)"
	printf '%s\n' 10 'batch 1' 10 'batch 3' 10 'batch 4' | cmp - out
	[ "$(total processed)" -eq 40 ]
	[ "$(total written)" -eq 6 ]
}

@test "batch: {#} is the batch's number, {n} its size, {%} the slot; without --batch {n} is text" {
	seq 25 >in
	go 0 pfanout -x -k -j 2 --batch 10 -- echo '{#}:{n}' <in
	printf '%s\n' 1:10 2:10 3:5 | cmp - out
	go 0 pfanout -x -j 2 --batch 10 -- echo 's{%}' <in
	grep -vxE 's[12]' out && return 1
	go 0 pfanout -x -- echo '{n}' <<<1
	[ "$(cat out)" = '{n}' ]
}

@test "batch: the numbers of batches of one record are in the order of the input, too" {
	seq 30 >in
	for run in {1..15}; do
		go 0 pfanout -x -j 8 --batch 1 -- sh -c 'read -r r; [ "$r" -eq "$1" ] || echo "$r is $1"' sh {#} <in
		lines out 0
	done
}

@test "batch: {} and {.path} are usage errors, and a batch's {n} in a shell's text is told" {
	seq 3 >in
	for word in {} {.a} x{.a.b}y; do
		go_unread 2 pfanout -x --batch 2 -- echo "$word"
		has err "argument $word: a batch has no record to put in; its records are on standard input"
	done
	go 0 pfanout -x --batch 2,0s -- sh -c 'n=1; echo ${n}' <in
	lines err 1
	has err 'sh -c: in ${n} the {n} is replaced by the size of the batch; the value of n is $n'
}

@test "batch: a full batch and the end of the input do not wait" {
	start pfanout -x -j 2 --batch 4,1h -- echo {n}
	seq 8 >&8
	wait_until at_least out 2
	seq 3 >&8
	exec 8>&-
	ends_with 0
	[ "$(sizes)" = '3 1, 4 2' ]
}

@test "batch: a slow input fills one batch, however many workers there are" {
	start pfanout -x -j 4 --batch 6,1h -- echo {n}
	for i in 1 2 3 4 5 6; do
		echo "$i" >&8
	done
	wait_until test -s out
	exec 8>&-
	ends_with 0
	[ "$(cat out)" = 6 ]
}

@test "batch: records wait no longer than D for more" {
	start pfanout -x -j 2 --batch 100,50ms -- cat
	ids 3 >&8
	wait_until at_least out 3
	ids 5 | tail -n 2 >&8
	wait_until at_least out 5
	exec 8>&-
	ends_with 0
	# 0: what is there.
	go 0 pfanout -x --batch 100,0s -- cat <<<"$(ids 5)"
	lines out 5
}

@test "batch: letters and records that are unfit neither join a batch nor wait for one" {
	start pfanout -x -v -j 2 --batch 3,1h -- echo {n}
	letters 1 >&8
	printf '%s\n' 1 'no JSON' '' 2 >&8
	wait_until at_least out 2
	[ "$(reasons out)" = 'invalid 1, timeout 1' ]
	echo 3 >&8
	wait_until at_least out 3
	[ "$(tail -n 1 out)" = 3 ]
	exec 8>&-
	ends_with 1
	has err 'received 4, processed 3, filtered 0, failed 1 (1 invalid), bypassed 1, retries 0, blank 1, written 3'
}

@test "batch: of 10000 records one is poison: one letter, and few starts more" {
	ids 10000 >in
	go 1 pfanout -x -k -v -j 2 --batch 100 -d dead -- sh -c \
		'echo x >>starts; cat >"b.$1"; ! grep -q ":4711}" "b.$1" || exit 3; cat "b.$1"' sh {#} <in
	grep -v ':4711}' in | cmp - out
	lines dead 1
	jq -e '.reason == "exit" and .value == {id: 4711} and .worker.exit == 3 and .message == "exit status 3"' dead
	# 2 + 2 log2 100
	[ "$(wc -l <starts)" -le 115 ]
	[ "$(total processed)" -eq 9999 ]
	[ "$(total failed)" -eq 1 ]
}

@test "batch: each of several bad records is found, wherever it is, and no other one" {
	ids 64 >in
	for bad in '1' '64' '1|64' '1|2|3' '31|32|33' '[0-9]*'; do
		go 1 pfanout -x -k -v -j 2 --batch 20 -d dead -- sh -c "b=\$(cat); ! echo \"\$b\" | grep -qE ':($bad)}' || exit 9; echo \"\$b\"" <in
		{ grep -vE ":($bad)}" in || true; } | cmp - out
		jq -c .value dead | sort -V | cmp - <(grep -E ":($bad)}" in)
		rm dead
	done
}

@test "batch: --no-bisect: all records of a batch that fails are dead, each with its letter" {
	ids 40 >in
	unlucky 'exit 4' -k -j 2 --batch 10 --no-bisect
	lines dead 10
	jq -es 'map(.value.id) | sort == [range(11; 21)]' dead
	jq -es 'all(.reason == "exit" and .worker.exit == 4 and .attempts == 1 and .worker.stderr == "why\n" and .worker.stderr_shared)' dead
	sed 11,20d in | cmp - out
	[ "$(total failed)" -eq 10 ]
	[ "$(total retries)" -eq 0 ]
}

@test "batch: the letter has the reason, status and stderr of the attempt alone" {
	ids 16 >in
	unlucky 'exit 42' -j 2 --batch 8
	lines dead 1
	jq -e '.value.id == 13 and .reason == "exit" and .worker.exit == 42 and .worker.stderr == "why\n" and
		(.worker | has("stderr_shared") | not) and .attempts == 4' dead
	rm dead
	unlucky 'kill -9 $$' -j 2 --batch 8
	jq -e '.value.id == 13 and .reason == "signal" and .worker.signal == "SIGKILL"' dead
	rm dead
	unlucky 'exec sleep 1000' -j 2 --batch 4 -t 1s
	jq -e '.value.id == 13 and .reason == "timeout" and (.message | contains("1s"))' dead
	rm dead
	unlucky 'exec head -c 9000000 /dev/zero' -j 2 --batch 4 --max-record 1K
	jq -e '.value.id == 13 and .reason == "bad_answer"' dead
	lines dead 1
	lines out 15
}

@test "batch: a child that dies before it has read its stdin is bisected, too" {
	printf '{"id":%d,"text":"'"$(head -c 90000 /dev/zero | tr '\0' x)"'"}\n' 1 2 3 4 5 6 7 8 >in
	go 1 pfanout -x -k -v --batch 4 -j 2 -d dead -- sh -c 'head -c 7 | grep -q :5 && exit 1; cat >/dev/null; echo {n}' <in
	lines dead 1
	jq -e '.value.id == 5' dead
	# One that succeeds need not read it.
	go 0 pfanout -x -v --batch 4 -- true <in
	[ "$(total processed)" -eq 8 ]
	go 0 pfanout -x -k --batch 4 -- head -c 7 <in
	[ "$(cat out)" = $'{"id":1\n{"id":5' ]
}

@test "batch: -a and --backoff are for the whole batch; then each half has one attempt, and a record alone -a" {
	ids 8 >in
	mkdir tries
	# The second batch fails twice.
	go 0 pfanout -x -k -v -j 2 -a 3 --backoff 1ms --batch 4 -- sh -c \
		'if [ "$1" = 2 ]; then mkdir tries/1 2>/dev/null && exit 1; mkdir tries/2 2>/dev/null && exit 1; fi; cat' sh {#} <in
	cmp in out
	[ "$(total retries)" -eq 8 ]
	ids 16 >in
	unlucky 'echo x >>starts; exit 1' -k -j 2 -a 3 --backoff 1ms --batch 8
	lines dead 1
	# Three times eight; then four and two; then three times one.
	jq -e '.attempts == 8 and .value.id == 13 and .first_failed < .failed' dead
	lines starts 8
	lines out 15
	rm dead
	unlucky 'exit 1' -k -j 2 -a 2 --backoff 1ms --batch 8 --no-bisect
	jq -es 'length == 8 and all(.attempts == 2)' dead
}

@test "batch: a batch that waits for its next attempt holds up no other, and is cancelled with the rest" {
	start pfanout -x -v -j 1 -a 2 --backoff 100s --grace 60s --batch 4,1h -- sh -c 'case $1 in 1) exit 1 ;; esac; cat' sh {#}
	ids 13 >&8
	wait_until at_least out 8
	[ -z "$(reasons out)" ]
	send "$pid" TERM
	# The records that are not yet a batch do not wait any more.
	wait_until at_least out 9
	again "$pid" TERM
	exec 8>&-
	ends_with 143
	[ "$(reasons out)" = 'cancelled 4' ]
	account 13 out
	accounted
}

@test "batch: the halves are worked on while the input is silent" {
	start pfanout -x -v -j 1 --batch 4,1h -- sh -c 'b=$(cat); case $b in *:3}*) exit 1 ;; esac; echo "$b"'
	ids 5 >&8
	wait_until at_least out 4
	[ "$(reasons out)" = 'exit 1' ]
	exec 8>&-
	ends_with 1
	account 5 out
}

@test "batch: SIGTERM: batches that are held do not wait for more; SIGTERM twice: all are cancelled" {
	start pfanout -x -v -j 2 --grace 60s --batch 100,1h -- cat
	wait_until is_ready "$pid"
	ids 3 >&8
	send "$pid" TERM
	wait_until at_least out 3
	exec 8>&-
	ends_with 143
	[ -z "$(reasons out)" ]
	start pfanout -x -v -j 2 --grace 60s --batch 10,1h -- "$STUBS/signals-hang" pids
	ids 25 >&8
	wait_until at_least pids 2
	stop_now
	[ "$(reasons out)" = 'cancelled 25' ]
	account 25 out
	accounted
}

@test "batch: the same signal ends a child: its records are cancelled" {
	start pfanout -x -v -j 2 --grace 60s --batch 3 -a 5 -- sh -c 'read -r _; echo $$ >>pids; exec sleep 1000'
	ids 6 >&8
	exec 8>&-
	wait_until at_least pids 2
	mapfile -t workers <pids
	kill -TERM "${workers[@]}" "$pid"
	ends_with 143
	[ "$(reasons out)" = 'cancelled 6' ]
	accounted
}

@test "batch: N may be more than -b and the budget hold" {
	seq 3000 >in
	for b in 0 1 7; do
		go 0 timeout 20 pfanout -x -k -v -j 2 -b "$b" --batch 1000,1h -- sh -c 'echo {n} >>sizes; cat' <in
		cmp in out
		[ "$(cat sizes)" = $'1000\n1000\n1000' ]
		rm sizes
	done
	go 0 timeout 20 pfanout -x -k -j 3 --batch 1000000,1h -- cat <in
	cmp in out
}

@test "batch: large records make smaller batches, and memory stays bounded" {
	awk 'BEGIN { for (s = "x"; length(s) < 300000; s = s s); for (i = 1; i <= 60; i++) print "{\"id\":" i ",\"s\":\"" substr(s, 1, 300000) "\"}" }' >in
	start "$STUBS/input-rss" rss pfanout -x -k -j 2 --batch 1000,1h -- sh -c 'wc -l'
	cat in >&8
	# The input is still open.
	wait_until at_least out 10
	exec 8>&-
	ends_with 0
	[ "$(awk '{ n += $1; if ($1 > 4) exit 1 } END { print n }' out)" -eq 60 ]
	[ -n "$SAN" ] || [ "$(cat rss)" -lt 32768 ]
}

@test "batch: when waiting batches use the budget up, a batch does not wait for records that can't come" {
	awk 'BEGIN { for (s = "x"; length(s) < 400000; s = s s); for (i = 1; i <= 12; i++) print "{\"id\":" i ",\"s\":\"" substr(s, 1, 400000) "\"}" }' >in
	start pfanout -x -v -j 1 -a 2 --backoff 100s --grace 60s --batch 100,1h -- sh -c 'b=$(head -c 9); cat >/dev/null; case $b in *:[1-9],*) exit 1 ;; esac; echo "$b"'
	cat in >&8 3>&- &
	# Three batches of three wait; with the next two the budget is used up.
	wait_until at_least out 1
	[ "$(cat out)" = '{"id":10,' ]
	stop_now
	accounted
}

@test "batch: -R, blank lines, CR and a last line without LF arrive as they are" {
	printf 'one\r\n\n{"a":1}\n\377\000x' >in
	go 0 pfanout -x -R -k --batch 3 -- cat <in
	{ cat in; echo; } | cmp - out
}

@test "batch: --ok-status, --max-failed and -d" {
	seq 30 >in
	go 0 pfanout -x -k -v --batch 10 --ok-status 1 -- grep 7 <in
	[ "$(cat out)" = $'7\n17\n27' ]
	[ "$(total processed)" -eq 30 ]
	ids 300 >in
	go 2 pfanout -x -v -j 2 --batch 10 --no-bisect --max-failed 15 -- false <in
	balanced
	[ "$(grep -c '"reason":"exit"' out)" -ge 15 ]
	[ "$(grep -c '"reason":"exit"' out)" -lt 100 ]
	go 2 pfanout -x -v -j 2 --batch 50 --max-failed 5 -- false <in
	balanced
}

@test "batch: a full disk: the results of a batch that are not in the output are unwritten, exactly" {
	seq 30000 >in
	for options in '-j 1' '-k -j 3'; do
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		go 2 bash -c 'ulimit -f 8; exec pfanout -v -x --batch 1000 "$@" -- cat <in' bash $options
		has err 'standard output: File too large'
		accounted
		n=$(total processed)
		[ "$n" -gt 0 ]
		[ $((n % 1000)) -eq 0 ]
		[ "$(wc -l <out)" -ge "$n" ]
		[ "$(wc -l <out)" -lt $((n + 1000)) ]
	done
}

@test "batch: every record is accounted for with failures, retries and all ways to run" {
	ids 400 >in
	mkdir once
	check() {
		rm -rf once && mkdir once
		go 1 pfanout -x -v --batch 9,1h -a 2 --backoff 1ms,3ms "${way[@]}" -- sh -c \
			'b=$(cat); mkdir "once/$1" 2>/dev/null && [ $(($1 % 5)) -eq 0 ] && exit 1; ! echo "$b" | grep -q "[37]7}" || exit 2; echo "$b"' sh {#} <in
		settled 400 "$(grep -c '[37]7}' in)"
		balanced
	}
	one_and_many check
}
