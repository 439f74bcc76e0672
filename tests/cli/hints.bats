#!/usr/bin/env bats
# Common mistakes get one line that names what was seen, and the remedy.
# shellcheck disable=SC2154 # run sets $stderr

bats_require_minimum_version 1.5.0
load ../support/helpers

# says TEXT: standard error has this text, on one line of its own.
says() {
	if [ "$(grep -cF -- "$1" err)" -ne 1 ]; then
		echo "does not say once: $1"
		cat err
		return 1
	fi
}

# no_hint: standard error has only numbers and failures.
no_hint() {
	! grep -v -e 'records\? failed (' -e ': received ' err
}

# check COMMAND...: runs it with standard error in ./err, whatever its status.
check() {
	timeout 20 "$@" >out 2>err || true
}

@test "hints: pretty input, an array over several lines, and one on one line" {
	printf '{\n"id": 1\n}\n' | check pfanout
	says 'over several lines: jq -c . FILE | ...'
	printf '[\n{"id": 1},\n{"id": 2}\n]\n' | check pfanout cat
	says "over several lines: jq -c '.[]' FILE | ..."
	printf '[{"id":1},\r\n {"id":2}]\n' | check pfanout -x cat
	says "over several lines: jq -c '.[]' FILE | ..."
	printf '[{"id":1},{"id":2}]\n' >in
	check pfanout <in
	says "one record, a JSON array: jq -c '.[]' FILE | ..."
	check pfanout false <in
	says "one record, a JSON array: jq -c '.[]' FILE | ..."
	printf '[{"id":1},{"id":2}]\n' | check pfanout --max-record 10
	says "one record, a JSON array: jq -c '.[]' FILE | ..."
}

@test "hints: the remedies for such input make records of it" {
	printf '[\n{"id": 1},\n{"id": 2}\n]\n' >in
	jq -c '.[]' in | check pfanout -k
	[ "$(cat out)" = $'{"id":1}\n{"id":2}' ]
	printf '{\n"id": 1\n}\n{\n"id": 2\n}\n' >in
	jq -c . in | check pfanout -k
	[ "$(cat out)" = $'{"id":1}\n{"id":2}' ]
	printf '\036{"id":1}\n\036{"id":2}\n' | tr -d '\036' | check pfanout -k
	[ "$(cat out)" = $'{"id":1}\n{"id":2}' ]
	[ ! -s err ]
}

@test "hints: compressed input, UTF-16 and record separators" {
	ids 100 | gzip | check pfanout cat
	says 'gzip: zcat FILE | ...'
	printf '\050\265\057\375\004\n\377' | check pfanout
	says 'zstd: zstdcat FILE | ...'
	printf '\3757zXZ\0\n\377' | check pfanout
	says 'xz: xzcat FILE | ...'
	printf 'BZh91AY&SY\n\377' | check pfanout
	says 'bzip2: bzcat FILE | ...'
	ids 2 | iconv -f UTF-8 -t UTF-16 | check pfanout
	says 'UTF-16: iconv -f UTF-16 -t UTF-8 FILE | ...'
	printf '\036{"id":1}\n\036{"id":2}\n' | check pfanout
	says "record separator (0x1E) before each record: tr -d '\\036' < FILE | ..."
}

@test "hints: pratelimit --key tells the same of its input" {
	printf '{\n"id": 1\n}\n' | check pratelimit -r 1000/s --key .id
	says 'over several lines: jq -c . FILE | ...'
}

@test "hints: plain lines need -R, and with it nothing is said" {
	printf 'one\ntwo\n' | check pfanout
	says 'most of the input is not JSON: for plain lines use -R'
	printf '{\n"id": 1\n}\n' | check pfanout -R
	no_hint
	printf '[{"id":1},{"id":2}]\n' | check pfanout -R
	no_hint
}

@test "hints: records that are fine, or fail for another reason, give no hint" {
	printf '%s\n' '[{"id":1}]' '[{"id":2}]' | check pfanout
	no_hint
	echo '[{"id":1},{"id":2}]' | check bash -c 'pfanout cat | pfanout cat'
	no_hint
	echo '[1,2]' | check pfanout jq -c add
	no_hint
	printf '%s\n' '{"id":1' 1 2 3 | check pfanout
	no_hint
	printf '%s\n' '{"id":1}' '{' 3 4 | check pfanout
	no_hint
	printf '{\n' | check pfanout -q
	[ ! -s err ]
}

@test "hints: jq without -c: an answer is one line" {
	ids 5 | check pfanout -j 1 jq .
	says 'an answer is one line, and those of the worker are several: jq needs -c'
	ids 5 | check pfanout -q jq .
	[ ! -s err ]
	ids 5 | check pfanout -k jq -c .
	[ "$(cat out)" = "$(ids 5)" ]
	no_hint
}

# hopeless WORD COMMAND...: the run ends with status 2 after 100 bad answers,
# and the message has the first one, WORD.
hopeless() {
	local word=$1

	shift
	run -2 --separate-stderr timeout 60 "$@" <in
	printf '%s\n' "$stderr" >err
	grep -E 'worker [0-9]+ \(.*\): the last 100 answers were all bad; its first bad one: .*'"$word" err
	[ "$(grep -c '"reason":"bad_answer"' dead)" -ge 100 ]
	rm dead
}

@test "hints: a worker that answers only rubbish is stopped after 100 answers" {
	seq 3000 | jq -c '{id: ., name: "Ann\u001b[31m"}' >in
	hopeless ': {$' pfanout -j 2 -d dead jq .
	says 'an answer is one line, and those of the worker are several: jq needs -c'
	hopeless ': Ann.?\[31m$' pfanout -j 2 -d dead jq -r .name
	says 'an answer is one line of JSON, and nothing else goes to standard output (jq: without -r)'
	hopeless "another record's$" pfanout -j 1 -d dead --match .id sh -c 'while read -r l; do echo "{\"id\":0}"; done'
	lacks_hint
	# Nobody has to wait for the hundredth.
	head -n 3 in >few
	check pfanout -j 2 -d dead jq -r .name <few
	says 'an answer is one line of JSON, and nothing else goes to standard output (jq: without -r)'
	check pfanout -j 1 -d dead jq -r 'if .id == 1 then .id else .name end' <few
	no_hint
	rm dead
	# A good answer now and then, and the run goes on.
	seq 300 >in
	run -1 --separate-stderr timeout 60 pfanout -q -d dead -j 1 sh -c '
		while read -r n; do [ $((n % 90)) = 0 ] && echo "$n" || echo rubbish; done' <in
	[ "$(grep -c '"reason":"bad_answer"' dead)" -eq 297 ]
}

# lacks_hint: there are the error and the failures, and nothing else.
lacks_hint() {
	! grep -v -e 'records\? failed (' -e 'worker [0-9]' err
}

@test "hints: a line that nobody asked for is quoted, and an empty one is told as such" {
	ids 50 >in
	check pfanout -j 1 sh -c 'while read -r l; do printf "%s\nmore\n" "$l"; done' <in
	grep -E 'gave an answer when it owed none, "more": its answers since line [0-9]+ can.t be trusted; a command that adds lines needs -F' err
	check pfanout -j 1 sh -c 'while read -r l; do printf "%s\n\n" "$l"; done' <in
	grep -E "gave an empty line when it owed no answer: its answers since line [0-9]+ can.t be trusted; .* tr -d '.n' takes" err
	check pfanout -j 1 sh -c 'echo; cat' <in
	grep -E 'gave an (empty line|answer)' err
}

@test "hints: an error of jq: the remedy rejects the record" {
	printf '%s\n' '{"a":1}' '"x"' '{"a":2}' >in
	check pfanout -j 1 jq -c .a <in
	says "jq -r 'try (FILTER | tojson) catch \"!\\(.)\"'"
	check pfanout -k -d dead jq -r 'try (.a | tojson) catch "!\(.)"' <in
	[ "$(cat out)" = $'1\n2' ]
	[ "$(reasons dead)" = 'rejected 1' ]
	# jq exits with 5 if its last record fails.
	head -n 2 in | check pfanout -j 1 jq -c .a
	says "jq -r 'try (FILTER | tojson) catch \"!\\(.)\"'"
}

@test "hints: a file that the command reads by itself may be the input" {
	ids 2 >in.ndjson
	check pfanout jq -c . in.ndjson </dev/null
	says 'it reads the file in.ndjson; to make that the input, use < in.ndjson instead'
	check pfanout echo in.txt </dev/null
	says 'gave an answer before it was given a record, "in.txt": a command that adds lines needs -F'
}

@test "hints: a file that is named as the command is to be read, or run" {
	ids 2 >in.ndjson
	run -127 --separate-stderr pfanout in.ndjson </dev/null
	[ "$stderr" = 'pfanout: in.ndjson: is a file, not a command: to read it, use < in.ndjson' ]
	run -126 --separate-stderr pfanout -x ./in.ndjson </dev/null
	[ "$stderr" = 'pfanout: ./in.ndjson: is a file, not a command: to read it, use < ./in.ndjson' ]
	printf '#!/bin/sh\ncat\n' >work
	run -126 --separate-stderr pfanout ./work </dev/null
	[ "$stderr" = 'pfanout: ./work: is a script, but not executable: chmod +x ./work' ]
	chmod +x work
	run -127 --separate-stderr pfanout work </dev/null
	[ "$stderr" = 'pfanout: work: is not in PATH: to run the file here, use ./work' ]
	mkdir folder
	run -127 --separate-stderr pfanout folder </dev/null
	[ "$stderr" = 'pfanout: folder: No such file or directory' ]
	run -127 --separate-stderr pfanout 'jq .' </dev/null
	[ "$stderr" = 'pfanout: jq .: No such file or directory: the command and its arguments are words of their own: -- jq .' ]
	# Not known before a record has filled it in.
	ids 3 | check pfanout -x 'echo {}'
	says 'the command and its arguments are words of their own: pfanout -x -- echo {}'
	echo '"a b"' | check pfanout -q -x './{}'
	[ ! -s err ]
	echo '"a b"' | check pfanout -x './{}'
	no_hint
}
