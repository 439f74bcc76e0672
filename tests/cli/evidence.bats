#!/usr/bin/env bats
# What a dead letter has of the worker's output, and which records it is about.

load ../support/helpers
load ../support/streams

# letter FILTER: of the letters in the file dead.
letter() {
	jq -r "$1" dead
}

@test "evidence: with -x the letter has what the failed attempt printed" {
	ids 1 >in
	go 1 pfanout -x -j 1 -a 2 --backoff 1ms -d dead -- sh -c 'echo "{\"error\":\"quota\"}"; echo said >&2; exit 22' <in
	[ "$(letter '.worker | [.exit, .stdout, .stderr] | @json')" = '[22,"{\"error\":\"quota\"}\n","said\n"]' ]
	[ "$(letter '.worker | has("stdout_length") or has("shared")')" = false ]
	pdeadletter show dead >shown
	grep -qx 'stdout  *{"error":"quota"}' shown
	# The letter is no result.
	[ ! -s out ]
}

@test "evidence: of a long output the letter has both ends, and it stays small" {
	ids 1 >in
	go 1 pfanout -x -j 1 -d dead -- sh -c 'echo first; seq 300000; printf "last\377"; exit 1' <in
	[ "$(wc -c <dead)" -lt 8192 ]
	letter '.worker.stdout' >said
	head -n 1 said | grep -qx first
	[ "$(grep -c '^\[\.\.\. [0-9]* bytes \.\.\.]$' said)" -eq 1 ]
	tail -n 1 said | grep -qx $'last\xef\xbf\xbd'
	[ "$(letter .worker.stdout_length)" -eq "$( (echo first; seq 300000; printf 'last\377') | wc -c)" ]
}

@test "evidence: also of an attempt that timed out, and of one that printed too much" {
	ids 1 >in
	go 1 pfanout -x -j 1 -t 1s -d dead -- sh -c 'echo working; exec sleep 60' <in
	[ "$(letter '[.reason, .worker.stdout] | @json')" = '["timeout","working\n"]' ]
	rm dead
	go 1 pfanout -x -j 1 --max-record 1K -d dead -- sh -c 'echo first; exec yes' <in
	[ "$(letter .reason)" = bad_answer ]
	letter .worker.stdout | head -n 1 | grep -qx first
}

@test "evidence: a letter names the records that its output may be about" {
	ids 6 >in
	go 1 pfanout -x -j 1 --batch 3 --no-bisect -d dead -- sh -c 'grep -q 5 || exit 0; echo oops; exit 1' <in
	[ "$(letter '.worker | [.stdout, .stderr_shared, .shared] | @json' | sort -u)" = \
		'["oops\n",null,{"records":3,"first_line":4,"last_line":6}]' ]
	rm dead
	go 1 pfanout -j 1 --window 6 -d dead -- perl -ne 'print STDERR "about $_"; print /:2}/ ? "!no\n" : $_' <in
	[ "$(letter '.worker | [.stderr_shared, .shared] | @json')" = '[true,{"records":6,"first_line":1,"last_line":6}]' ]
	pdeadletter show dead >shown
	grep -qx 'about records *6' shown
	grep -qx 'to line  *6' shown
}
