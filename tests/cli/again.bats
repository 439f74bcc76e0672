#!/usr/bin/env bats
# Another try: what a worker asks for, and which failures are tried again.
# shellcheck disable=SC2016 # programs for sh

load ../support/helpers
load ../support/streams
load ../support/counts

# asker N ANSWER...: makes ./worker, which answers ANSWER to the first N tries
# of each record, and then the record.  ./tries has a line "TIME RECORD" for
# each try, ./starts one for each start.
asker() {
	cat >worker <<-EOF
		#!/usr/bin/python3
		import sys, time
		open("starts", "a").write("start\n")
		seen = open("tries", "a+")
		for line in sys.stdin:
		    line = line.rstrip("\n")
		    seen.seek(0)
		    n = sum(s.rstrip("\n").split(" ", 1)[1] == line for s in seen)
		    seen.write(f"{time.monotonic()} {line}\n")
		    seen.flush()
		    print("${*:2}" if n < $1 else line, flush=True)
	EOF
	chmod +x worker
}

# waited RECORD: the milliseconds between its tries.
waited() {
	awk -v r="$1" '$2 == r { if (n++) print int(($1 - last) * 1000); last = $1 }' tries
}

@test "again: a worker that asks for another try gets it, and stays" {
	asker 2 '?busy'
	ids 50 >in
	go 0 pfanout -v -k -j 1 -a 3 --backoff 1ms ./worker <in
	cmp out in
	has err 'retries 100,'
	[ "$(wc -l <tries)" -eq 150 ]
	# The last record may be with the child when its input ends.
	[ "$(wc -l <starts)" -le 2 ]
}

@test "again: when the attempts are used up the reason is exhausted, with the message" {
	asker 2 '?the server is busy'
	ids 4 >in
	go 1 pfanout -v -j 2 -a 2 --backoff 1ms ./worker <in
	has err '4 of 4 records failed (4 exhausted)'
	has err 'retries 4,'
	[ "$(reasons out)" = 'exhausted 4' ]
	jq -e '.message == "the server is busy" and .attempts == 2 and .worker.slot >= 1 and .first_failed != null' out
	rm tries
	go 1 pfanout -q ./worker <<<1
	jq -e '.reason == "exhausted" and .attempts == 1' out
}

@test "again: the worker says how long to wait, and the longer wait counts" {
	asker 1 '?300ms slow down'
	go 0 pfanout -a 2 --backoff 1ms ./worker <<<1
	[ "$(waited 1)" -ge 300 ]
	rm tries
	asker 1 '?1ms slow down'
	go 0 pfanout -a 2 --backoff 400ms ./worker <<<1
	[ "$(waited 1)" -ge 200 ]
	rm tries
	asker 1 '?300ms'
	go 1 pfanout -q -a 1 ./worker <<<1
	jq -e '.reason == "exhausted" and .message == null' out
}

@test "again: other records in flight are not harmed, and nobody waits for the retry" {
	cat >worker <<-'EOF'
		#!/bin/sh
		while read -r l; do
			case $l in
			3) [ -e tried ] && echo '"late"' || echo '?1h not now'; : >tried ;;
			*) echo "$l" ;;
			esac
			echo "$l" >>tries
		done
	EOF
	chmod +x worker
	mkfifo to
	timeout 60 pfanout -j 1 -a 2 --grace 50ms -d dead ./worker <to >out 2>err &
	exec 8>to
	seq 5 >&8
	wait_until grep -qx 5 out
	[ "$(cat out)" = $'1\n2\n4\n5' ]
	# The stop cancels what waits, as it does for any other retry.
	kill "$!"
	exec 8>&-
	wait "$!" || true
	[ "$(reasons dead)" = 'cancelled 1' ]
	jq -e '.value == 3' dead
}

@test "again: with -R a line that begins with ? is a result" {
	asker 1 '?busy'
	go 0 pfanout -R -a 2 ./worker <<<x
	[ "$(cat out)" = '?busy' ]
}

@test "again: -x: status 75 asks for another try, and its last line may say when" {
	cat >call <<-'EOF'
		#!/bin/sh
		date +%s%3N >>tries
		[ "$(wc -l <tries)" -gt "$1" ] && echo done && exit
		echo "half a result"
		printf '%b' "$2"
		exit "${3:-75}"
	EOF
	chmod +x call
	go 0 pfanout -v -x -a 3 --backoff 1ms ./call 2 '' <<<1
	[ "$(cat out)" = "done" ]
	has err 'retries 2,'
	rm tries
	go 0 pfanout -x -a 2 --backoff 1ms ./call 1 '?300ms slow down\n' <<<1
	[ $(($(tail -n 1 tries) - $(head -n 1 tries))) -ge 300 ]
	rm tries
	go 1 pfanout -q -x -a 2 --backoff 1ms ./call 9 '?0s slow down' <<<1
	jq -e '.reason == "exhausted" and .message == "slow down" and .worker.exit == 75 and .attempts == 2' out
	rm tries
	go 1 pfanout -q -x ./call 9 '!not a request\n' <<<1
	jq -e '.reason == "exhausted" and .message == "exit status 75" and .attempts == 1' out
	rm tries
	go 1 pfanout -q -x -a 2 --backoff 1ms --retry-status 1,2 ./call 9 '?why' 2 <<<1
	jq -e '.reason == "exhausted" and .message == "why" and .attempts == 2' out
	rm tries
	# Other failures are tried again, too, and keep their reason.
	go 1 pfanout -q -x -a 2 --backoff 1ms --retry-status none ./call 9 '?1h why' <<<1
	jq -e '.reason == "exit" and .message == "exit status 75" and .attempts == 2' out
}

@test "again: -x: status 65 rejects" {
	go 1 pfanout -q -x -a 3 sh -c 'echo try >>tries; exit 65' <<<1
	jq -e '.reason == "rejected" and .message == "exit status 65" and .worker.exit == 65 and .attempts == 1' out
	lines tries 1
	go 1 pfanout -q -x -a 3 --reject-status 2 sh -c 'echo "!no such user"; exit 2' <<<1
	jq -e '.reason == "rejected" and .message == "no such user" and .attempts == 1' out
	go 0 pfanout -x --ok-status 65 sh -c 'echo fine; exit 65' <<<1
	[ "$(cat out)" = fine ]
}

@test "again: -x --batch: a batch that is rejected is halved at once, others when -a is used up" {
	cat >load <<-'EOF'
		#!/bin/sh
		cat >rows.$$
		wc -l <rows.$$ >>sizes
		grep -qx 3 rows.$$ && exit "$1"
		cat rows.$$
	EOF
	chmod +x load
	seq 4 >in
	go 1 pfanout -q -x -k -j 1 --batch 4 -a 3 --backoff 1ms -d dead ./load 65 <in
	[ "$(reasons dead)" = 'rejected 1' ]
	[ "$(xargs <sizes)" = '4 2 2 1 1' ]
	[ "$(xargs <out)" = '1 2 4' ]
	rm dead sizes
	go 1 pfanout -q -x -k -j 1 --batch 4 -a 2 --backoff 1ms -d dead ./load 75 <in
	[ "$(reasons dead)" = 'exhausted 1' ]
	[ "$(xargs <sizes)" = '4 4 2 2 1 1 1' ]
}

@test "again: -x: what waits for another try when the stage is stopped is cancelled" {
	mkfifo to
	timeout 60 pfanout -x -a 2 --backoff 1h --grace 50ms -d dead sh -c 'echo >>tries; exit 75' <to >out 2>err &
	exec 8>to
	echo 1 >&8
	wait_until at_least tries 1
	kill "$!"
	exec 8>&-
	wait "$!" || true
	[ "$(reasons dead)" = 'cancelled 1' ]
}

# outage COMMAND...: the worker's service is away from the 20th record on, until
# its workers have died 150 times.  All 300 records must get through.
outage() {
	rm -f down deaths
	ids 300 >in
	mkfifo to
	timeout 60 pfanout -k -v -j 32 -a 1000 --backoff 1ms,20ms -- "$@" <to >out 2>err &
	exec 8>to
	head -n 20 in >&8
	wait_until at_least out 20
	touch down deaths
	tail -n 280 in >&8
	exec 8>&-
	wait_until at_least deaths 150
	rm down to
	wait "$!"
	cmp out in
	has err 'failed 0,'
}

@test "again: an outage is ridden out, though workers die of each record" {
	outage sh -c 'while read -r l; do [ -e down ] && echo >>deaths && exit 1; echo "$l"; done'
}

@test "again: an outage is ridden out, though workers do not even start" {
	outage sh -c '[ -e down ] && echo >>deaths && exit 1
		while read -r l; do [ -e down ] && exit 1; echo "$l"; done'
}

@test "again: a command that does not work at all ends the run soon, with attempts left, too" {
	ids 300 >in
	for attempts in 1 3; do
		go 2 pfanout -q -j 2 -a $attempts --backoff 1ms false <in
		grep -E '[5-9] workers died, and not one answer came \(exit status 1\)' err
		lines out 300
		go 2 pfanout -q -j 2 -a $attempts --backoff 1ms sh -c 'read -r l; exit 3' <in
		grep -E '[5-9] workers died, and not one answer came \(exit status 3\)' err
		lines out 300
	done
}
