#!/usr/bin/env bats
# pfanout --rate: each attempt takes a token.

# shellcheck disable=SC2086,SC2154 # words; background.bash sets $pid
load ../support/helpers
load ../support/streams
load ../support/background

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir seen
	# Notes when each attempt begins.  It fails twice with a record of which
	# the number ends in 0.
	cat >note <<-'END'
		#!/bin/bash
		# shellcheck disable=SC2317
		attempt() {
			echo "${EPOCHREALTIME/[.,]/}" >>times
			[[ $1 == *0} && $(echo >>"seen/$1"; wc -l <"seen/$1") -le 2 ]]
		}
		if [ "${1-}" = map ]; then
			while read -r line; do
				if attempt "$line"; then echo nope; else echo "$line"; fi
			done
		else
			read -r line
			if attempt "$line"; then exit 1; fi
			echo "$line"
		fi
	END
	chmod +x note
}

# within RATE BURST N SINCE: N attempts began, and at any time no more than the
# rate and the burst allow; SINCE is when the first one may have begun.
within() {
	lines times "$3"
	sort -n times | awk -v rate="$1" -v burst="$2" -v since="$4" '
		(more = NR - burst - rate * ($1 - since) / 1e6) > worst { worst = more }
		END { print "attempts beyond the rate: " worst + 0; exit worst > 0 }'
}

now() {
	echo "${EPOCHREALTIME/[.,]/}"
}

@test "rate: the attempts of all workers are within it, retries included" {
	ids 100 >in
	since=$(now)
	go 0 pfanout -j 4 -a 3 --backoff 1ms --rate 100/s,5 -- ./note map <in
	account 100 out
	within 100 5 120 "$since"
	rm -r times seen/*
	since=$(now)
	go 0 pfanout -x -j 4 -a 3 --backoff 1ms --rate 100/s,5 -- ./note <in
	account 100 out
	within 100 5 120 "$since"
}

@test "rate: a batch takes one token, and so does each half of it" {
	ids 40 >in
	since=$(now)
	go 0 pfanout -x --batch 10 -j 4 --rate 20/s -- sh -c 'date +%s%6N >>times; cat' <in
	account 40 out
	within 20 1 4 "$since"
	rm times
	since=$(now)
	ids 4 >in
	go 1 pfanout -q -x --batch 4 -j 4 --rate 20/s -- sh -c 'date +%s%6N >>times; awk "/:1}/ { exit 1 } 1"' <in
	account 4 out
	within 20 1 5 "$since"
}

@test "rate: a worker that waits for credit takes the answers of its child" {
	mkfifo go
	start pfanout -q -j 1 --window 4 --rate 1/d -- sh -c 'read -r line; read -r _ <go; echo "$line"; exec cat'
	ids 3 >&8
	exec 9<>go
	echo >&9
	wait_until at_least out 1
	[ "$(cat out)" = '{"id":1}' ]
	stop_now
	account 3 out
	[ "$(reasons out)" = 'cancelled 2' ]
}

@test "rate: dead letters that were taken do not wait for credit" {
	start pfanout -q -x -j 1 --rate 1/d -- cat
	{ ids 1; letters 2; ids 1; } >&8
	wait_until at_least out 3
	stop_now
	[ "$(grep -c '"stage":"test"' out)" -eq 2 ]
	[ "$(reasons out)" = 'cancelled 1, timeout 2' ]
}

@test "rate: the end of work does not wait for credit" {
	for mode in '' -x '-x --batch 2'; do
		start pfanout -q -j 3 $mode --rate 1/d -- cat
		ids 20 >&8
		wait_until at_least out 1
		stop_now
		account 20 out
	done
}

@test "rate: a worker that keeps its answers is flushed while there is no credit" {
	start pfanout -q -j 1 --window 4 --rate 1/d,2 -- awk '{ print }'
	ids 3 >&8
	wait_until at_least out 2
	stop_now
	account 3 out
}

@test "rate: pratelimit and pfanout share a bucket" {
	ids 100 >in
	ids 20 >few
	go 0 pratelimit -r 1/d -B 50 --shared bucket --over drop <few
	lines out 20
	for mode in '' -x; do
		start pfanout -q -j 4 $mode --rate 1/d,50 --shared bucket -- cat
		cat in >&8
		wait_until is_ready "$pid"
		[ -n "$mode" ] || wait_until at_least out 30
		stop_now
		account 100 out
		[ "$(reasons out)" = "cancelled $((${mode:+30} + 70))" ]
	done
	go 0 pratelimit -r 1/d -B 50 --shared bucket --over drop <in
	[ ! -s out ]
	# It is checked in the same way.
	go 2 pfanout --rate 2/d,50 --shared bucket -- cat <in
	[ "$(cat err)" = 'pfanout: bucket: its bucket is for 1/d and a burst of 50: use these, or remove it' ]
	go 2 pfanout --rate 2/d --shared in -- cat </dev/null
	has err 'in: is not a shared bucket of this version'
}

@test "rate: another rate of the shared bucket holds at once" {
	change_everywhere bucket
}

@test "rate: a shared file that is cut off ends the run, and loses nothing" {
	for mode in '' -x; do
		start pfanout -q -j 3 $mode --rate 1/d --shared bucket -- cat
		ids 50 >&8
		wait_until at_least out 1
		: >bucket
		exec 8>&-
		ends_with 2
		[ "$(cat err)" = 'pfanout: bucket was truncated: the rate it held is lost' ]
		account 50 out
		[ "$(reasons out)" = 'cancelled 49' ]
		rm bucket
	done
}

@test "rate: -v, -P and the metrics name it" {
	start pfanout -v -n call -j 2 --rate 1/d,3 -- cat
	ids 10 >&8
	wait_until at_least out 3
	pmetrics print --format prometheus >metrics
	grep -q '^pipeline_rate_limit_per_second{.*unit="records".*} 1.15' metrics
	stop_now
	grep -qE 'waited: input [0-9]+ %, output [0-9]+ %, workers [0-9]+ %, rate [1-9][0-9]* %; workers busy' err
}
