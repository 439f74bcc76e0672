#!/usr/bin/env bats
# Runs: records that nobody looks at one by one go on together, and what happens
# to one of them happens to it alone.

load ../support/helpers
load ../support/streams

# mixed SEED: ./in, of all kinds of lines.
mixed() {
	"$STUBS/../mixture" make "$1" 20000 >in
}

# becomes TOOL COMMAND [ARG...]: what the command makes of ./in, read from the
# file and through a pipe in pieces of an odd size.  The status is 1, as some
# records are dead.
becomes() {
	local tool=$1

	shift
	echo "# $*"
	go 1 "$@" --max-record 300 <in
	"$STUBS/../mixture" check "$tool" out
	cp err err.file
	dd if=in bs=7777 status=none | go 1 "$@" --max-record 300
	"$STUBS/../mixture" check "$tool" out
	# The numbers are the same, however it is read.
	diff <(grep -o 'received.*written [0-9]*' err.file) <(grep -o 'received.*written [0-9]*' err)
}

@test "runs: check mode takes what is no plain record out of a run, in order and counted" {
	for seed in 1 2 3; do
		mixed "$seed"
		becomes check pfanout -v -k -j 3
		becomes check pfanout -v -k -j 3 -b 1
		becomes check-any pfanout -v -j 3
	done
}

@test "runs: map and filter mode take records out of runs as they have room" {
	mixed 4
	for window in '' '--window 1' '--window 37'; do
		# shellcheck disable=SC2086 # nothing or two words
		becomes_with "$window" check pfanout -v -k -j 3
	done
	mixed 5
	becomes_with '' check-any pfanout -v -j 3
	becomes_with '-F' check-any pfanout -v -j 3
}

# becomes_with OPTIONS TOOL COMMAND [ARG...]: with these options, and cat.
becomes_with() {
	local options=$1 tool=$2

	shift 2
	cat >run <<-END
		#!/bin/sh
		exec $* $options "\$@" -- cat
	END
	chmod +x run
	becomes "$tool" ./run
}

@test "runs: pratelimit and pdeadletter pass runs on" {
	mixed 6
	# Where none waits, so that no letter goes by.
	becomes pass pratelimit -v -r 1G/s --burst 1000000
	# A letter goes by records that wait.
	becomes pass-any pratelimit -v -r 200k/s --burst 1000
	becomes pass-any pratelimit -v -r 100M/s --bytes
	becomes split pdeadletter -v -d dead
	# Twice: from the file, and through the pipe.
	lines dead "$((2 * $(jq '[.[] | select(.kind == "letter" or .kind == "long")] | length' mixture.json)))"
}

@test "runs: a rate lets no more records of a run go than there is credit for" {
	ids 3000 >in
	go 0 pratelimit -v -r 1000/s --burst 500 <in
	cmp in out
	# 500 at once, and 2500 at 1000/s.
	awk -F 'written 3000, ' 'NF > 1 { late = $2 + 0 >= 2.49 } END { exit !late }' err
}

@test "runs: a record is not held until there are more" {
	mkfifo to from
	for command in 'pfanout -q' 'pdeadletter -q -d dead' 'pratelimit -q -r 1G/s' \
		'pfanout -q -j2 -- sed -u s/x/x/'; do
		# shellcheck disable=SC2086 # words
		timeout 60 $command <to >from 3>&- &
		exec 7>to 8<from
		for i in 1 2 3; do
			echo "{\"id\":$i}" >&7
			IFS= read -r -t 20 line <&8
			[ "$line" = "{\"id\":$i}" ]
			printf '{"id":%d}\n{"id":%d}\n{"id":' "$i" "$i" >&7
			IFS= read -r -t 20 line <&8
			IFS= read -r -t 20 line <&8
			printf '7}\n' >&7
			IFS= read -r -t 20 line <&8
			[ "$line" = '{"id":7}' ]
		done
		exec 7>&-
		wait $!
		exec 8<&-
	done
}
