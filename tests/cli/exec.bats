#!/usr/bin/env bats
# Exec mode: a process for each record.
# shellcheck disable=SC1083,SC2034 # pfanout's braces; $way is for counts.bash

load ../support/helpers
load ../support/streams
load ../support/counts

# one RECORD COMMAND...: runs the command for one record, which must succeed.
one() {
	go 0 pfanout -x -j 1 "${options[@]}" -- "${@:2}" <<<"$1"
}

# no_good REASON RECORD COMMAND...: of three records the one in the middle must
# fail for this reason, and the others must succeed.
no_good() {
	printf '%s\n' '{"id":1,"a":"x"}' "$2" '{"id":3,"a":"z"}' >in
	go 1 pfanout -x -k -v -j 2 "${options[@]}" -- "${@:3}" <in
	grep '^{"pchan"' out >letter
	[ "$(reasons letter)" = "$1 1" ]
	[ "$(total processed)" -eq 2 ]
	[ "$(total failed)" -eq 1 ]
}

# The letter ends with this payload, byte for byte.
carries() {
	printf '"value":%s}\n' "$1" >payload
	tail -c "$(wc -c <payload)" letter | cmp - payload
}

@test "exec: the record is on stdin, the output is the result" {
	ids 200 >in
	go 0 pfanout -x -v -j 4 -- cat <in
	settled 200 0
	balanced
}

@test "exec: {} is the record" {
	one '{"a": "b  c"}' printf '%s|' {}
	[ "$(cat out)" = '{"a": "b  c"}|' ]
	one '{"a":1}' printf '%s' 'x{}y{}z'
	[ "$(cat out)" = 'x{"a":1}y{"a":1}z' ]
}

@test "exec: {.path} is a value: a string without quotes, others as they are" {
	one '{"s":"a b","n":1.10,"o":{"k":[null, 2]},"t":[{"id":"deep"}],"odd name":true,"u":"\u00e9\n\"q\"","e":""}' \
		printf '<%s>' {.s} {.n} {.o} {.o.k} '{.t[0].id}' '{."odd name"}' {.u} {.e}
	printf '<%s>' 'a b' 1.10 '{"k":[null, 2]}' '[null, 2]' deep true $'é\n"q"' '' >want
	echo >>want
	cmp out want
}

@test "exec: an argument may have several placeholders and text between them" {
	one '{"a":"1","b":"2"}' printf '<%s>' '--x={.a}:{.b}{.a}' '{.a}' 'plain'
	[ "$(cat out)" = '<--x=1:21><1><plain>' ]
}

@test "exec: {.path} may name the command" {
	one '{"c":"echo","a":"hello"}' {.c} {.a}
	[ "$(cat out)" = hello ]
}

@test "exec: {#} is the record's number, {%} the worker's slot" {
	ids 20 >in
	go 0 pfanout -x -k -j 3 -- echo {#} <in
	cmp out <(seq 20)
	go 0 pfanout -x -j 3 -- echo 's{%}' <in
	grep -vxE 's[123]' out && return 1
	lines out 20
	go 0 pfanout -x -j 1 -- echo {%} <in
	[ "$(sort -u out)" = 1 ]
}

@test "exec: other braces are left alone" {
	one '{"a":1}' printf '<%s>' '{ }' '{x}' 'awk {print}' '}{' '{'
	[ "$(cat out)" = '<{ }><{x}><awk {print}><}{><{>' ]
}

@test "exec: data can't inject" {
	for text in '$(touch bad)' '`touch bad`' '; touch bad' '| touch bad' '-n' "' touch bad '" '* ~ $HOME' '{.id} {} {#}' '%s\\n' '&& touch bad' $'\t'; do
		jq -cn --arg a "$text" '{id: 7, a: $a}' >in
		go 0 pfanout -x -j 1 -- printf '%s' {.a} <in
		[ "$(cat out)" = "$text" ]
	done
	jq -cn --arg a $'x\ny; touch bad\n' '{id: 7, a: $a}' >in
	go 0 pfanout -x -j 1 -- sh -c 'printf "%s." "$1"' sh {.a} <in
	[ "$(cat out)" = $'x\ny; touch bad\n.' ]
	[ ! -e bad ]
}

@test "exec: a placeholder in a program text is told once, unless -q" {
	printf '%s\n' '{"f":"a"}' '{"f":"b"}' >in
	go 0 pfanout -x -- sh -c 'echo {.f}' <in
	lines err 1
	has err "sh -c: {.f} becomes code, so a record can run commands; give it as an argument: sh -c '... \"\$1\"' sh {.f}"
	go 0 pfanout -x -q -- sh -c 'echo {.f}' <in
	[ ! -s err ]
	go 0 pfanout -x -- env LC_ALL=C bash -ec 'echo {.f}; echo {}' <in
	lines err 1
	has err "bash -ec '... "
	go 0 pfanout -x -- perl -le 'print "{.f}"' <in
	has err "perl -le '... \$ARGV[0]' -- {.f}"
	go 0 pfanout -x -- python3 -c 'print({})' <in
	has err "python3 -c '... sys.argv[1]' {}"
	# What the message recommends: nothing to say, and nothing is run.
	printf '%s\n' '{"f":"$(touch bad)"}' '{"f":"-e"}' >in
	for command in "sh -c 'printf \"%s\\n\" \"\$1\"' sh" "perl -le 'print \$ARGV[0]' --" "python3 -c 'import sys; print(sys.argv[1])'"; do
		go 0 bash -c "pfanout -x -k -- $command {.f}" <in
		printf '%s\n' '$(touch bad)' -e | cmp - out
		[ ! -s err ]
	done
	[ ! -e bad ]
	# Numbers are no danger; but this is not what the shell has.
	go 0 pfanout -x -- sh -c 'echo {#} {%}' <in
	[ ! -s err ]
	go 0 pfanout -x -- sh -c 'echo ${#}' sh 1 2 3 <in
	lines err 1
	has err '${#}'
	has err '$#'
}

@test "exec: a value can be an option; -- and ./ prevent that" {
	echo '{"file":"--version"}' >in
	go 0 pfanout -x -- cat {.file} <in
	for command in 'cat -- {.file}' 'cat ./{.file}'; do
		read -ra words <<<"$command"
		go 1 pfanout -x -- "${words[@]}" <in
		[[ $(jq -r .worker.stderr out) = *--version*'No such file'* ]]
	done
}

@test "exec: {} of a line that ends in CR LF has no CR, but with -R" {
	printf '{"id":1}\r\n \t[2] \r\n' >in
	go 0 pfanout -x -k -- printf '<%s>\n' {} <in
	printf '<%s>\n' '{"id":1}' '[2]' | cmp - out
	go 0 pfanout -x -k -R -- printf '<%s>\n' {} <in
	printf '<%s\r>\n' '{"id":1}' $' \t[2] ' | cmp - out
	# On stdin the record is as it was.
	go 0 pfanout -x -k -- cat <in
	cmp in out
}

@test "exec: {} works with -R, and a path finds nothing in plain lines" {
	printf '%s\n' 'plain $(x) "line"' '' '{"a":"json"}' >in
	go 0 pfanout -x -R -k -j 2 -- printf '<%s>' {} <in
	printf '%s\n' '<plain $(x) "line">' '<>' '<{"a":"json"}>' | cmp - out
	go 1 pfanout -x -R -k -j 2 -- echo {.a} <in
	[ "$(grep -c '"reason":"no_key"' out)" -eq 2 ]
	grep -qx json out
}

@test "exec: a missing path is no_key" {
	no_good no_key '{"id":2}' echo {.a}
	carries '{"id":2}'
	jq -e '(has("worker") | not) and (.message | contains("{.a}"))' letter
	no_good no_key '{"id":2}' echo 'part-{.a}'
	no_good no_key '[1]' echo {.a}
	no_good no_key '"a"' echo {.a}
}

@test "exec: null is a value" {
	one '{"a":null}' echo {.a}
	[ "$(cat out)" = null ]
}

@test "exec: a NUL is bad_argument" {
	no_good bad_argument '{"id":2,"a":"x\u0000y"}' echo {.a}
	carries '{"id":2,"a":"x\u0000y"}'
	# The whole record has the NUL escaped.
	one '{"id":2,"a":"x\u0000y"}' printf %s {}
	[ "$(cat out)" = '{"id":2,"a":"x\u0000y"}' ]
}

@test "exec: an argument that is too long is bad_argument" {
	[ "${SAN:-}" != thread ] || skip "TSan makes a fork of vfork, so exec's error is not seen"
	long="{\"id\":2,\"a\":\"$(head -c 200000 /dev/zero | tr '\0' x)\"}"
	no_good bad_argument "$long" echo {}
	carries "$long"
	no_good bad_argument "$long" echo {.a}
	# On stdin there is no such limit.
	options=()
	one "$long" cat
	[ "$(cat out)" = "$long" ]
}

@test "exec: a bad path is a usage error" {
	for bad in '{.a[}' '{.a..b}' 'x{.a.}'; do
		go 2 pfanout -x -- echo "$bad" </dev/null
		has err "$bad"
		lines err 1
	done
}

@test "exec: the letter has the exit status and the stderr" {
	no_good exit '{"id":2}' sh -c 'read -r l; case $l in *:2*) echo half a result; echo why >&2; exit 42 ;; esac; echo "$l"'
	carries '{"id":2}'
	jq -e '.worker.exit == 42 and (.worker | has("signal") | not) and .worker.stderr == "why\n" and .attempts == 1 and
		.worker.pid > 1 and .stage == "sh" and (.message | contains("42")) and .worker.stdout == "half a result\n"' letter
	has err why
	grep -v dead-letter out >data
	lacks data 'half a result'
	lines out 3
}

@test "exec: --ok-status lists the exit statuses that are no failure" {
	printf '%s\n' '{"id":1}' '{"id":2}' >in
	go 0 pfanout -x -k -v --ok-status 1 -- grep 2 <in
	[ "$(cat out)" = '{"id":2}' ]
	[ "$(total processed)" -eq 2 ]
	go 0 pfanout -x --ok-status 7,8 -- sh -c 'printf 1; exit 8' <<<1
	[ "$(cat out)" = 1 ]
	go 1 pfanout -x --ok-status 7,8 -- sh -c 'exit 1' <<<1
	[ "$(reasons out)" = 'exit 1' ]
	go 1 pfanout -x --ok-status 9,137 -- sh -c 'kill -9 $$' <<<1
	[ "$(reasons out)" = 'signal 1' ]
}

@test "exec: the letter has the signal" {
	no_good signal '{"id":2}' sh -c 'read -r l; case $l in *:2*) echo half; kill -9 $$ ;; esac; echo "$l"'
	jq -e '.worker.signal == "SIGKILL" and (.worker | has("exit") | not)' letter
	grep -v dead-letter out >data
	lacks data half
}

@test "exec: the output of a failed attempt is never a result" {
	ids 60 >in
	mkdir seen
	go 0 pfanout -x -v -k -j 4 -a 2 --backoff 1ms -- sh -c 'echo "$1"; mkdir "seen/$2" 2>/dev/null && exit 1; exit 0' sh {} {.id} <in
	cmp out in
	[ "$(total retries)" -eq 60 ]
	balanced
}

@test "exec: -a allows more attempts, and the letter has the last failure" {
	options=(-a 3 --backoff 1ms)
	mkdir n
	no_good exit '{"id":2}' sh -c 'case $1 in 2) mkdir n/1 2>/dev/null && exit 11; mkdir n/2 2>/dev/null && exit 12; exit 13 ;; esac' sh {.id}
	jq -e '.attempts == 3 and .worker.exit == 13' letter
}

@test "exec: several lines are several results and stay together" {
	ids 50 >in
	go 0 pfanout -x -v -k -j 4 -- sh -c 'for i in a b c; do echo "$1$i"; done' sh {#} <in
	for i in $(seq 50); do
		printf '%s\n' "${i}a" "${i}b" "${i}c"
	done | cmp - out
	[ "$(total processed)" -eq 50 ]
	[ "$(total written)" -eq 150 ]
	go 0 pfanout -x -j 4 -- sh -c 'for i in a b c; do echo "$1$i"; done' sh {#} <in
	# The three lines of a record are together.
	sed 's/[abc]$//' out | uniq -c | awk '$1 % 3 != 0 { exit 1 }'
	lines out 150
}

@test "exec: a command may print nothing" {
	ids 50 >in
	go 0 pfanout -x -v -k -j 2 -- true <in
	[ ! -s out ]
	[ "$(total received)" -eq 50 ]
	[ "$(total failed)" -eq 0 ]
	[ $(($(total processed) + $(total filtered))) -eq 50 ]
}

@test "exec: a last line without LF gets one, blank lines and any bytes are results" {
	ids 3 >in
	go 0 pfanout -x -k -j 2 -- printf 'a\n\nno JSON \377 {#}' <in
	for i in 1 2 3; do
		printf 'a\n\nno JSON \377 %d\n' "$i"
	done | cmp - out
	go 0 pfanout -x -j 1 -- printf '\n' <in
	printf '\n\n\n' | cmp - out
}

@test "exec: the output may have NULs" {
	go 0 pfanout -x -j 1 -- printf 'a\000b\n' <<<1
	printf 'a\000b\n' | cmp - out
}

@test "exec: -k keeps the order" {
	ids 60 >in
	go 0 pfanout -x -k -j 6 -- sh -c 'sleep 0.0$(($1 % 7)); echo "$2"' sh {#} {} <in
	cmp out in
}

@test "exec: -k keeps a dead letter's place" {
	ids 60 >in
	go 1 pfanout -x -k -j 6 -- sh -c 'echo "$2"; [ $(($1 % 9)) -ne 0 ]' sh {.id} {} <in
	way=(-j 6 -k)
	settled 60 6
}

@test "exec: -t ends an attempt" {
	options=(-t 1s)
	no_good timeout '{"id":2}' sh -c 'echo "\"begun\""; case $1 in 2) sleep 1000 ;; esac' sh {.id}
	jq -e '.attempts == 1 and (.message | contains("1s"))' letter
	[ "$(grep -cx '"begun"' out)" -eq 2 ]
}

@test "exec: -t also kills what the command started" {
	time=9$BATS_TEST_NUMBER$$
	options=(-t 1s)
	no_good timeout '{"id":2}' sh -c "case \$1 in 2) trap '' TERM; sleep $time & wait; sleep $time ;; esac" sh {.id}
	wait_until sleepers "$time" 0
}

@test "exec: a background process that holds the output does not delay the result" {
	time=9$BATS_TEST_NUMBER$$
	ids 20 >in
	go 0 timeout 30 pfanout -x -k -j 4 -- sh -c "echo \"\$1\"; sleep $time &" sh {} <in
	wait_until sleepers "$time" 20
	pkill -fx "sleep $time"
	cmp out in
}

@test "exec: a command does not have to read stdin" {
	printf '{"id":%d,"text":"'"$(head -c 300000 /dev/zero | tr '\0' x)"'"}\n' 1 2 3 4 >in
	go 0 pfanout -x -k -j 2 -- echo {.id} <in
	cmp out <(seq 4)
	go 0 pfanout -x -k -j 2 -- sh -c 'exec <&-; echo "$1"' sh {.id} <in
	cmp out <(seq 4)
	# A command may read a part of its stdin.
	go 0 pfanout -x -k -j 2 -- head -c 7 <in
	printf '{"id":%d\n' 1 2 3 4 | cmp - out
}

@test "exec: a command may close its stdout" {
	go 0 pfanout -x -j 1 -- sh -c 'echo a; exec >&-; sleep 0.1' <<<1
	[ "$(cat out)" = a ]
}

@test "exec: large output passes" {
	ids 3 >in
	go 0 pfanout -x -k -j 2 -- sh -c 'yes "$1" | head -n 400000' sh 12345678 <in
	lines out 1200000
	[ "$(sort -u out)" = 12345678 ]
	go 0 pfanout -x -j 1 -- sh -c 'head -c 10000000 /dev/zero | tr "\0" y' <<<1
	[ "$(wc -c <out)" -eq 10000001 ]
}

@test "exec: endless output is a dead letter, in bounded memory" {
	ids 3 >in
	go 1 "$STUBS/input-rss" rss pfanout -x -k -v -j 1 --max-record 1M -- sh -c 'if [ "$1" = 2 ]; then exec yes; fi; echo "$1"' sh {.id} <in
	lines out 3
	[ "$(sed -n 2p out | jq -r .reason)" = bad_answer ]
	[ "$(total failed)" -eq 1 ]
	[ -n "$SAN" ] || [ "$(cat rss)" -lt 65536 ]
}

@test "exec: -d takes the letters out of the output" {
	ids 9 >in
	go 1 pfanout -x -k -j 2 -d dead -- sh -c 'echo "$2"; [ "$1" != 5 ]' sh {.id} {} <in
	grep -v ':5}' in | cmp - out
	jq -e '.value == {id: 5} and .reason == "exit"' dead
	has err dead
}

@test "exec: a script without #! runs" {
	printf 'echo "script $1"\n' >script
	chmod 755 script
	one '{"a":"b"}' ./script {.a}
	[ "$(cat out)" = 'script b' ]
}

@test "exec: a script is found in PATH, and an argument may look like an option" {
	mkdir bin
	printf '#!/bin/sh\necho "found $*"\n' >bin/a-script
	chmod 755 bin/a-script
	PATH=$PWD/bin:$PATH one '{"a":"b"}' a-script -j 9 -- {.a}
	[ "$(cat out)" = 'found -j 9 -- b' ]
}

@test "exec: many records pass" {
	ids 1000 >in
	go 0 pfanout -x -v -k -j 4 -- cat <in
	cmp out in
	balanced
}

@test "exec: invalid records don't start anything" {
	printf '%s\n' 1 'not json' 3 >in
	go 1 pfanout -x -k -j 1 -- sh -c 'echo x >>starts; echo ok' <in
	lines starts 2
	[ "$(sed -n 2p out | jq -r .reason)" = invalid ]
}

@test "exec: --max-failed ends the run" {
	ids 300 >in
	go 2 pfanout -x -v -j 2 --max-failed 5 -- false <in
	balanced
	[ "$(grep -c '"reason":"exit"' out)" -ge 5 ]
	[ "$(grep -c '"reason":"exit"' out)" -lt 100 ]
}
