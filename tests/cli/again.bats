#!/usr/bin/env bats
# Another try: what a worker asks for, and which failures are tried again.
# shellcheck disable=SC2030,SC2031 # each test has its own variables

load ../support/helpers
load ../support/streams
load ../support/counts

# asker N ANSWER...: makes ./worker, which answers ANSWER to the first N tries of
# each record, and then the record.  ./tries has a line "TIME RECORD" for each
# try, ./starts one for each start.
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
