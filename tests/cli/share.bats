#!/usr/bin/env bats
# --max-failed P%: which share of the last records may fail.

load ../support/helpers
load ../support/streams
load ../support/counts

# A worker that rejects the records with "bad".
PICKY='import sys
for line in sys.stdin:
    print("!no" if "bad" in line else line, end="\n" if "bad" in line else "", flush=True)'

# good N, bad N: so many records.
good() { yes '{"is":"good"}' | head -n "$1"; }
bad() { yes '{"is":"bad"}' | head -n "$1"; }

# broken N: so many lines that are no JSON.
broken() { yes '{bad' | head -n "$1"; }

# each_25th COMMAND: 4 % of 5000 records are the command's.
each_25th() { "$1" 5000 | awk -v q='{"is":"good"}' '{ print NR % 25 ? q : $0 }'; }

# stops MOST OPTIONS...: runs ./in until 5 % have failed, and no more than MOST.
stops() {
	go 2 timeout 60 pfanout "${@:2}" <in
	has err '% of the last records failed, over --max-failed 5%'
	[ "$(grep -Ec '"reason":"(rejected|invalid|exit)"' out)" -le "$1" ]
}

@test "share: 4 % that fail are within 5 %" {
	each_25th bad >in
	go 1 pfanout --max-failed 5% -v -j 1 -- python3 -c "$PICKY" <in
	[ "$(total failed)" -eq 200 ]
	go 1 pfanout --max-failed 10% -v -j 4 -k -- python3 -c "$PICKY" <in
	[ "$(total failed)" -eq 200 ]
}

# Records are checked far ahead of those that the workers have answered.
@test "share: records that fail the check do not count before the others" {
	each_25th broken >in
	go 1 pfanout --max-failed 5% -j 2 <in
	go 1 pfanout --max-failed 5% -j 1 -F -- cat <in
	go 1 pfanout --max-failed 5% -j 1 -- cat <in
	go 1 pfanout --max-failed 5% -j 2 --key .is -- cat <in
	go 1 pfanout --max-failed 5% --to one --to two <in
	each_25th broken | head -n 1000 >in
	go 1 pfanout --max-failed 5% -j 2 -x --batch 20 -- cat <in
}

@test "share: more is too much" {
	each_25th bad >in
	go 2 pfanout --max-failed 3.5% -j 1 -- python3 -c "$PICKY" <in
	has err 'stopped: 4.0% of the last records failed, over --max-failed 3.5%'
	each_25th broken >in
	for how in '-j 2' '-F -j 1 -- cat' '-j 1 -- cat' '--to one'; do
		# shellcheck disable=SC2086 # the options and the command
		go 2 pfanout --max-failed 3.5% $how <in
	done
}

@test "share: a burst after many good records stops the run soon" {
	{ good 10000; bad 10000; } >in
	stops 2000 --max-failed 5% -j 2 -k -- python3 -c "$PICKY"
	{ good 10000; broken 10000; } >in
	stops 300 --max-failed 5% -j 2
	stops 2000 --max-failed 5% --to one
}

@test "share: the first 99 records say nothing yet" {
	bad 99 >in
	go 1 pfanout --max-failed 5% -j 2 -- python3 -c "$PICKY" <in
	go 1 pfanout --max-failed 5% -j 2 -x -- false <in
	bad 100 >in
	stops 100 --max-failed 5% -j 2 -- python3 -c "$PICKY"
	has err 'stopped: 100.0% of the last records'
	stops 100 --max-failed 5% -j 2 -x -- false
	good 1 >>in
	stops 100 --max-failed 5% -j 1 -x --batch 10 -- false
}

@test "share: the last --max-failed counts" {
	bad 200 >in
	go 1 pfanout --max-failed 5% --max-failed 300 -j 1 -- python3 -c "$PICKY" <in
	go 2 pfanout --max-failed 300 --max-failed 5% -j 1 -- python3 -c "$PICKY" <in
}
