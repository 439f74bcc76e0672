#!/usr/bin/env bats
# Input of every kind: good, bad, long, blank and binary lines.

load ../support/helpers
load ../support/streams

SUITE=$PCHAN_SHARED/data/JSONTestSuite

# gives_back FILE: the records of ./out, taken out of their letters, are those
# of FILE, byte for byte and in order.
gives_back() {
	"$STUBS/letters-open" <out >opened
	cmp "$1" opened
}

# bad REASON [ARG...]: the line in ./bad, between two good ones, must become a
# dead letter with this reason, from which the line can be recovered.
bad() {
	{
		echo '{"id":1}'
		cat bad
		printf '\n{"id":3}\n'
	} >in
	go 1 pfanout -k "${@:2}" <in
	gives_back in
	[ "$(sed -n 1p out)" = '{"id":1}' ]
	[ "$(sed -n 3p out)" = '{"id":3}' ]
	[ "$(sed -n 2p out | jq -c '[.reason, .input]')" = "[\"$1\",{\"name\":\"-\",\"line\":2,\"offset\":9}]" ]
}

bad_in_both_modes() {
	bad "$@"
	bad "$@" -- cat
}

# The input passes byte for byte, in check mode and in map mode.
passes() {
	go 0 pfanout -k <in
	cmp in out
	go 0 pfanout -k -- cat <in
	cmp in out
}

# string_of N: a JSON string of N bytes.
string_of() {
	printf '"'
	head -c "$(($1 - 2))" /dev/zero | tr '\0' a
	printf '"'
}

nested() {
	head -c "$1" /dev/zero | tr '\0' '['
	head -c "$1" /dev/zero | tr '\0' ']'
}

@test "input: a line that is not JSON is a dead letter" {
	printf 'hello "world"' >bad
	bad_in_both_modes invalid
	sed -n 2p out | jq -e '.text == "hello \"world\""'
}

@test "input: truncated JSON is a dead letter" {
	printf '{"id":2,"name":"x' >bad
	bad_in_both_modes invalid
}

@test "input: two texts on a line are a dead letter" {
	printf '{"id":2}{"id":3}' >bad
	bad_in_both_modes invalid
}

@test "input: invalid UTF-8 is a dead letter" {
	printf '{"name":"\303\050 \377"}' >bad
	bad_in_both_modes invalid
	sed -n 2p out | jq -e '.base64'
}

@test "input: UTF-8 of surrogates and overlong forms is a dead letter" {
	for text in '\355\240\200' '\300\200' '\364\220\200\200'; do
		printf '"%b"' "$text" >bad
		bad invalid
	done
}

@test "input: a NUL inside a string or outside is a dead letter" {
	printf '{"name":"a\000b"}' >bad
	bad_in_both_modes invalid
	printf '{"id":2}\000' >bad
	bad_in_both_modes invalid
}

@test "input: a byte order mark is stripped at the start and nowhere else" {
	printf '\357\273\277{"id":1}\n{"id":2}\n' >in
	go 0 pfanout -k <in
	[ "$(cat out)" = "$(ids 2)" ]
	printf '\357\273\277{"id":2}' >bad
	bad invalid
}

@test "input: the offset counts the byte order mark" {
	printf '\357\273\277x\ny\n' >in
	go 1 pfanout -k <in
	[ "$(jq -c '[.text, .input.line, .input.offset]' out)" = '["x",1,3]
["y",2,5]' ]
}

@test "input: CR before LF passes, in good lines and in bad ones" {
	printf '{"id":1}\r\n[2]\r\n' >in
	passes
	printf '{"id":\r' >bad
	bad invalid
}

@test "input: 1024 nested arrays pass" {
	nested 1024 >in
	echo >>in
	passes
}

@test "input: 1025 nested arrays are a dead letter" {
	nested 1025 >bad
	bad_in_both_modes invalid
}

@test "input: 1024 nested arrays that a worker rejects come back whole" {
	nested 1024 >in
	echo >>in
	go 1 pfanout -- sed 's/.*/!no/' <in
	gives_back in
}

@test "input: numbers, escapes and white space pass byte for byte" {
	printf '%s\n' '{"n":12345678901234567890123, "x":1.10,"e":1E+2}' ' [ 1 ,  2 ]	' '"\u00e9\/é"' \
		'{"a":1,"a":2}' -0 null >in
	passes
}

@test "input: an empty input gives an empty output" {
	for mode in '' '-- cat' '-x -- cat' '-F -- cat'; do
		# shellcheck disable=SC2086 # words
		go 0 pfanout $mode </dev/null
		[ ! -s out ]
		[ ! -s err ]
	done
}

@test "input: blank lines are skipped and counted" {
	printf '\n  \n\t\r\n   ' >in
	go 0 pfanout -v <in
	[ ! -s out ]
	has err 'received 0,'
	has err 'blank 4,'
}

@test "input: the last line does not need an LF" {
	printf '{"id":1}\n{"id":2}' >in
	for mode in '' '-- cat' '-x -- cat' '-F -- cat'; do
		# shellcheck disable=SC2086 # words
		go 0 pfanout $mode <in
		[ "$(sort out)" = "$(ids 2)" ]
		lines out 2
	done
	printf '{"id":1}\n{"id"' >in
	go 1 pfanout -k <in
	echo >>in
	gives_back in
}

@test "input: a binary file comes back byte for byte" {
	{
		head -c 300000 "$(command -v pfanout)"
		echo
	} >in
	LC_ALL=C grep -av $'^[ \t\r]*$' in >expected
	go 1 pfanout -k <in
	gives_back expected
	go 1 pfanout -k -- cat <in
	gives_back expected
	[ "$(reasons out | tr -d '0-9')" = 'invalid ' ]
}

@test "input: lines may straddle reads" {
	ids 3000 >in
	printf 'nonsense\n' >>in
	go 1 bash -c 'dd if=in ibs=7 obs=7 status=none | pfanout -k -j2'
	gives_back in
	[ "$(tail -n 1 out | jq -c '[.input.line, .input.offset]')" = "[3001,$(ids 3000 | wc -c)]" ]
}

@test "input: a line of 16 MiB passes" {
	string_of $((16 << 20)) >in
	echo >>in
	go 0 pfanout <in
	cmp in out
	go 0 pfanout -j1 -- cat <in
	cmp in out
}

@test "input: a line of 16 MiB and one byte is too long" {
	string_of $(((16 << 20) + 1)) >long
	{
		echo '{"id":1}'
		cat long
		printf '\n{"id":3}\n'
	} >in
	for mode in '' '-- cat' -R; do
		# shellcheck disable=SC2086 # words
		go 1 pfanout -k $mode <in
		lines out 3
		[ "$(sed -n 2p out | jq -c '[.reason, .truncated, .input]')" = \
			'["too_long",true,{"name":"-","line":2,"offset":9,"length":16777217}]' ]
		sed -n 2p out | "$STUBS/letters-open" | head -c -1 | cmp - <(head -c 65536 long)
		[ "$(sed -n '1p;3p' out)" = '{"id":1}
{"id":3}' ]
	done
}

@test "input: --max-record sets the limit" {
	printf '"12345678"\n"123456789"\n[]\n' >in
	go 1 pfanout -k --max-record 10 <in
	[ "$(sed -n '1p;3p' out)" = '"12345678"
[]' ]
	# The record fits into the head that a letter keeps, so it is whole.
	[ "$(sed -n 2p out | jq -c '[.reason, .truncated, .input.offset]')" = '["too_long",null,11]' ]
	gives_back in
}

@test "input: a dead letter may be longer than --max-record, other lines not" {
	printf '{"id":"%s"}\n' "$(head -c 3000 /dev/zero | tr '\0' x)" >in
	timeout 60 pfanout -- sed 's/.*/!no/' <in >letter 2>/dev/null || true
	go 0 pfanout --max-record 4K <letter
	cmp letter out
	go 1 pfanout --max-record 2K <in
	[ "$(reasons out)" = 'too_long 1' ]
}

@test "input: a dead letter far over --max-record passes every tool, and can be replayed" {
	string_of 3000000 >in
	echo >>in
	timeout 60 pfanout -q -- sed 's/.*/!no/' <in >letter 2>/dev/null || true
	for tool in pfanout 'pfanout -x' 'pfanout -F' 'pratelimit -r 1G/s'; do
		command=
		case $tool in *-?) command='-- cat' ;; esac
		# shellcheck disable=SC2086 # words
		go 0 $tool --max-record 64K $command <letter
		cmp letter out
	done
	go 1 pdeadletter -q --max-record 64K -d dead <letter
	[ ! -s out ]
	go 0 pdeadletter replay dead
	cmp in out
	# In pieces, without an LF at the end, and among other lines.
	ids 2000 >others
	{ cat others letter letter && head -c -1 letter; } >mixed
	go 0 bash -c 'dd if=mixed obs=1000 status=none | pfanout -k --max-record 64K cat'
	echo >>mixed
	cmp mixed out
}

@test "input: what begins like a letter and is none has the limit of all lines" {
	printf '{"pchan":"dead-letter/1","id":"1","x":"%s"}
' "$(string_of 100000 | tr -d '"')" >in
	{ cat in && echo '{"id":2}'; } >two
	for tool in pfanout 'pratelimit -r 1G/s' pdeadletter; do
		# shellcheck disable=SC2086 # words
		go 1 $tool --max-record 4K -d dead <two
		[ "$(cat out)" = '{"id":2}' ]
		[ "$(tail -n 1 dead | jq -c '[.reason, .truncated, .input.length]')" = 			"[\"too_long\",true,$(($(wc -c <in) - 1))]" ]
		rm dead
	done
	# And with --no-bypass, everything has.
	letters 1 | sed "s/timeout/$(string_of 5000 | tr -d '"')/" >in
	go 1 pfanout --no-bypass --max-record 4K <in
	[ "$(jq -r .reason out)" = too_long ]
}

# big_letter BYTES: a dead letter with a record of so many bytes.
big_letter() {
	printf '{"pchan":"dead-letter/1","id":"1","stage":"s","reason":"exit","value":"'
	head -c "$1" /dev/zero | tr '\0' x
	printf '"}\n'
}

@test "input: what is or looks like a letter has a limit, too" {
	ids 1 >two
	for tool in pfanout 'pratelimit -r 1G/s' pdeadletter; do
		# shellcheck disable=SC2086 # words
		go 1 bash -c "{ cat; cat two; } | $tool -q --max-record 64K -d dead" < <(big_letter 300M)
		cmp two out
		[ "$(jq -c '[.reason, .truncated, .input.length > 300000000]' dead)" = '["too_long",true,true]' ]
		rm dead
	done
}

@test "input: a long record out of a retry envelope fails whole" {
	string_of 200000 >in
	echo >>in
	timeout 60 pfanout -q -d dead -- sed 's/.*/!no/' <in 2>/dev/null || true
	pdeadletter replay --wrap dead >wrapped
	go 0 pratelimit -r 1G/s --max-record 64K <wrapped
	cmp wrapped out
	for mode in '' '-- cat' '-x -- cat' '-F -- cat'; do
		# shellcheck disable=SC2086 # words
		go 1 pfanout --max-record 64K $mode <wrapped
		[ "$(jq -c '[.reason, .truncated, .replays]' out)" = '["too_long",null,1]' ]
		jq -c .value out | cmp - in
	done
}

@test "input: without memory for a letter a tool says so, status 2" {
	no_sanitizer
	ids 3 >first
	{
		cat first
		printf '{"pchan":"dead-letter/1","id":"1","stage":"s","reason":"exit","value":'
		string_of 200000000
		echo '}'
	} >in
	status=0
	(ulimit -v 250000 && timeout 60 pfanout -j1 -k <in >out 2>err) || status=$?
	[ "$status" -eq 2 ]
	has err 'standard input: Cannot allocate memory'
	head -n 3 out | cmp - first
}

@test "input: what a stage may write, the next one with the same options takes" {
	seq 3 >in
	# The limit is one of each line, not of all that an attempt prints.
	echo 1 >one
	for n in 4095 4096 4097; do
		{ string_of "$n" && echo; } >long
		status=0
		timeout 60 pfanout -x --max-record 4K -- cat long one <in >out 2>err || status=$?
		if [ "$n" -le 4096 ]; then
			[ "$status" -eq 0 ]
			lines out 6
			mv out printed
			go 0 pfanout --max-record 4K <printed
		else
			[ "$status" -eq 1 ]
			[ "$(jq -r .message out | sort -u)" = 'it printed a line of 4097 bytes, over --max-record 4096' ]
			[ "$(reasons out)" = 'bad_answer 3' ]
		fi
	done
	go 1 pfanout -x --max-record 4K -- sh -c 'yes | head -c 5000000' <in
	[ "$(jq -r .message out | sort -u)" = 'it printed more than 4198400 bytes, 4 MiB above --max-record' ]
}

@test "input: a line of 1 GiB is skipped in bounded memory" {
	mkfifo in.fifo
	for mode in '' '-- cat'; do
		size=$((1 << 30))
		[ -z "${SAN-}$mode" ] || size=$((64 << 20))
		{
			echo '{"id":1}'
			head -c "$size" /dev/zero | tr '\0' a
			printf '\n{"id":3}\n'
		} >in.fifo &
		# shellcheck disable=SC2086 # words
		go 1 "$STUBS/input-rss" rss pfanout -k -j2 $mode <in.fifo
		[ "$(sed -n 2p out | jq -c '[.reason, .truncated, .input.length, .input.offset, .input.line]')" = \
			"[\"too_long\",true,$size,9,2]" ]
		sed -n 2p out | "$STUBS/letters-open" | head -c -1 | cmp - <(head -c 65536 /dev/zero | tr '\0' a)
		[ "$(sed -n '1p;3p' out)" = '{"id":1}
{"id":3}' ]
		echo "max RSS $(cat rss) KiB"
		[ -n "${SAN-}" ] || [ "$(cat rss)" -lt 65536 ]
	done
}

@test "input: an endless line that ends without LF is a dead letter" {
	go 1 bash -c 'head -c 40M /dev/zero | pfanout'
	[ "$(jq -c '[.reason, .input.length, .input.line]' out)" = '["too_long",41943040,1]' ]
}

@test "input: the y_ texts of JSONTestSuite pass byte for byte" {
	[ -d "$SUITE" ] || skip "no JSONTestSuite in $PCHAN_SHARED/data"
	"$STUBS/input-suite" "$SUITE" y_ >in
	at_least in 80
	passes
}

@test "input: each n_ text of JSONTestSuite becomes one dead letter that gives it back" {
	[ -d "$SUITE" ] || skip "no JSONTestSuite in $PCHAN_SHARED/data"
	"$STUBS/input-suite" "$SUITE" n_ >in
	at_least in 150
	for mode in '' '-- cat'; do
		# shellcheck disable=SC2086 # words
		go 1 pfanout -k $mode <in
		[ "$(reasons out)" = "invalid $(wc -l <in)" ]
		gives_back in
	done
}

@test "input: the i_ texts of JSONTestSuite come back one way or the other" {
	[ -d "$SUITE" ] || skip "no JSONTestSuite in $PCHAN_SHARED/data"
	"$STUBS/input-suite" "$SUITE" i_ >in
	at_least in 20
	go 1 pfanout -k <in
	gives_back in
}

@test "input: with -R lines are opaque, even blank ones" {
	printf 'one\n\n  \n\000\377\n{"id":\n!no\nlast\r' >in
	printf '%s\n' "$(tr '\000' '@' <in)" | tr '@' '\000' >expected
	for mode in '' '-- cat'; do
		# shellcheck disable=SC2086 # words
		go 0 pfanout -R -k $mode <in
		cmp expected out
		[ ! -s err ]
	done
	go 0 pfanout -R -v <in
	has err 'received 7, processed 7,'
	has err 'blank 0,'
}

@test "input: when most of the input is not JSON, a hint names -R" {
	printf 'a\nb\n{"id":1}\n' >in
	go 1 pfanout <in
	[ "$(grep -c -e '-R' err)" -eq 1 ]
	printf 'a\n{"id":1}\n{"id":2}\n' >in
	go 1 pfanout <in
	[ "$(grep -c -e '-R' err)" -eq 0 ]
	printf 'a\nb\n' >in
	go 1 pfanout -q <in
	[ ! -s err ]
}
