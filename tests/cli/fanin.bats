#!/usr/bin/env bats
# pfanin: many inputs, one stream.

# shellcheck disable=SC2030,SC2031 # each test starts its own $pid

load ../support/helpers
load ../support/streams
load ../support/counts
load ../support/background

# background COMMAND...: starts a command; its pid is in $pid.  FIFOs are opened
# for writing after this.
background() {
	"$@" >out 2>err 3>&- &
	pid=$!
	(
		"${LIMIT[@]}" tail -f --pid="$pid" /dev/null 2>/dev/null || kill -KILL "$pid"
	) 3>&- &
}

# numbered INPUT COUNT: records of an input, of different lengths.
numbered() {
	seq "$2" | awk -v input="$1" '{ printf "{\"in\":%d,\"n\":%d,\"x\":\"%0*d\"}\n", input, $1, 1 + $1 * input * 7 % 300, 0 }'
}

# own_order INPUTS COUNT: ./out has all lines of numbered(), whole, and those of
# each input in their order.
own_order() {
	awk -F '[:,]' -v inputs="$1" -v count="$2" '
		!/^{"in":[0-9]+,"n":[0-9]+,"x":"0*"}$/ { print "torn: " $0; bad = 1 }
		$4 != ++seen[$2] { print "not in order: " $0; bad = 1 }
		END {
			for (i = 1; i <= inputs; i++)
				if (seen[i] != count) { print "input " i ": " seen[i] + 0 " of " count; bad = 1 }
			exit bad
		}' out
}

# letters_of FILE: "reason value" of each dead letter.
letters_of() {
	jq -rc 'select(type == "object" and has("pchan")) | "\(.reason) \(.value // .text)"' "$1"
}

data_of() {
	grep -v '^{"pchan":"dead' "$1" || true
}

is_stopped() {
	[ "$(awk '{ print $3 }' "/proc/$1/stat")" = T ]
}

sleeps() {
	[ "$(awk '{ print $3 }' "/proc/$1/stat")" = S ]
}

# fills FD: the pipe has half of what it can have, at least.
fills() {
	python3 -c 'import fcntl, struct, sys, termios
unread = struct.unpack("i", fcntl.ioctl(int(sys.argv[1]), termios.FIONREAD, b"\0" * 4))[0]
sys.exit(unread < fcntl.fcntl(int(sys.argv[1]), fcntl.F_GETPIPE_SZ) // 2)' "$1"
}

@test "fanin: as they arrive, each line is whole and each input keeps its order" {
	for i in 1 2 3 4 5 6 7 8; do
		mkfifo "f$i"
		numbered "$i" 2000 >"f$i" &
	done
	go 0 pfanin -v f1 f2 f3 f4 f5 f6 f7 f8
	own_order 8 2000
	has err 'received 16000, processed 16000, filtered 0, failed 0,'
	# With the smallest buffers, and from files.
	for i in 1 2 3; do
		numbered "$i" 500 >"file$i"
	done
	for args in '-b 0' '-b 1' '--tag src -b 0' '-R -b 1'; do
		# shellcheck disable=SC2086 # words
		go 0 pfanin $args file1 file2 file3
		sed -i 's/"src":"[^"]*",//' out
		own_order 3 500
	done
}

@test "fanin: no input is standard input; -, fd:N, /dev/fd/N and <( ) are descriptors" {
	seq 3 >in
	go 0 pfanin <in
	cmp in out
	go 0 pfanin - <in
	cmp in out
	go 0 pfanin /dev/stdin <in
	cmp in out
	go 0 pfanin --concat fd:5 - /dev/fd/6 5< <(echo 1) 6< <(echo 3) < <(echo 2)
	cmp in out
	go 0 pfanin --merge . <(seq 1 2 9) <(seq 2 2 8) fd:9 9< <(echo 10)
	seq 10 | cmp - out
	# A file may be read twice at the same time.
	cp in same
	go 0 pfanin --round-robin same ./same - <in
	printf '%s\n' 1 1 1 2 2 2 3 3 3 | cmp - out
	: >empty
	go 0 pfanin empty /dev/null empty
	[ ! -s out ]
}

@test "fanin: what can't be read is told before anything is written" {
	seq 3 >in
	mkfifo fifo
	mkdir dir
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
	gzip -k in
	for case in 'none|none: No such file or directory' \
		'no*ne|no*ne: No such file or directory; patterns need --follow' \
		'dir|dir: Is a directory' \
		'socket|socket: No such device or address' \
		'fd:99|fd:99: Bad file descriptor' \
		'/dev/fd/99|/dev/fd/99: Bad file descriptor' \
		'fd:1|fd:1: Bad file descriptor' \
		'fd:3|fd:3: Bad file descriptor' \
		'fifo fifo|fifo: it is named twice' \
		'fifo ./fifo|./fifo: it is named twice' \
		'- -|standard input: it is named twice' \
		'- /dev/stdin|/dev/stdin: it is named twice' \
		'in.gz|in.gz: the input is compressed with gzip'; do
		# shellcheck disable=SC2086 # words
		go_unread 2 pfanin in ${case%|*} 3>&-
		has err "pfanin: ${case#*|}"
	done
	go 2 pfanin in - </
	has err 'pfanin: standard input: Is a directory'
	[ ! -s out ]
}

@test "fanin: a file without the right to read it is told" {
	seq 3 >in
	nobody
	echo 4 >secret
	chmod 600 secret
	go_unread 2 "${NOBODY[@]}" "$(command -v pfanin)" in secret
	has err 'secret: Permission denied'
}

@test "fanin: an output that is an input is an error" {
	seq 3 >in
	mkfifo fifo
	exec 8<>fifo
	for args in 'in' '--concat in' 'fd:9'; do
		# shellcheck disable=SC2086,SC2094 # words; it has to be refused
		timeout 10 pfanin $args 9<in >>in 2>err </dev/null && return 1
		[ $? -eq 2 ]
		has err ' and '
		has err 'same'
		seq 3 | cmp - in
	done
	timeout 10 pfanin fifo >&8 2>err </dev/null && return 1
	has err 'input fifo and standard output are the same'
	go 2 pfanin -d in in </dev/null
	has err 'are the same file'
	exec 8>&-
}

@test "fanin: options that exclude each other, or lack something" {
	for args in '--concat --merge .a' '--round-robin --merge .a' '--round-robin --concat' '--idle-timeout 1s' \
		'--keep-open' '--keep-open --concat x' '--merge a' '--merge .a --idle-timeout 0' '--tag' '--merge'; do
		# shellcheck disable=SC2086 # words
		go 2 pfanin $args </dev/null
		lines err 1
		[ ! -s out ]
	done
	seq 3 >in
	go 2 pfanin --keep-open in
	has err 'none of the inputs is a FIFO'
	go 2 pfanin --tag $'a\xff' in
}

@test "fanin: no input holds up another one" {
	mkfifo never silent early
	background pfanin never silent early
	exec 7>silent 8>early
	echo 1 >&8
	wait_until at_least out 1
	printf '2' >&7
	echo 3 >&8
	wait_until at_least out 2
	exec 8>&-
	echo 2 >&7
	wait_until at_least out 3
	exec 7>&-
	: >never
	ends_with 0
	[ "$(xargs <out)" = '1 3 22' ]
}

@test "fanin: a fast endless input does not starve a slow one" {
	mkfifo slow
	for args in '' '--tag src'; do
		{ echo '{"slow":1}' && echo '{"slow":2}' && yes '{"slow":3}'; } >slow 2>/dev/null &
		# shellcheck disable=SC2086 # words
		timeout 20 pfanin $args <(yes '{"fast":1}' 2>/dev/null) <(yes '{"fast":2}' 2>/dev/null) slow /dev/null |
			grep -m 100 slow >seen
		[ "$(wc -l <seen)" -eq 100 ]
	done
	# One line at a time, while others are endless.
	background bash -c 'timeout 30 pfanin "$@" slow | grep --line-buffered -m 3 slow' - <(yes '{"fast":1}' 2>/dev/null) <(yes '{"fast":2}' 2>/dev/null)
	exec 8>slow
	for i in 1 2 3; do
		echo "{\"slow\":$i}" >&8
		wait_until at_least out "$i"
	done
	ends_with 0
	exec 8>&-
}

@test "fanin: --round-robin takes one record of each in turn, and waits for it" {
	seq 1 3 7 >a
	printf '2\n5' >b
	printf '3\n\n6\n8\n9\n' >c
	go 0 pfanin --round-robin a b c
	printf '%s\n' 1 2 3 4 5 '' 7 6 8 9 >want
	cmp want out
	# Blank lines are none with --tag; letters don't take a turn.
	{ letters 2 && cat b; } >d
	go 0 pfanin --round-robin --tag x a d c
	{
		printf '1\n'
		letters 2
		printf '%s\n' 2 3 4 5 6 7 8 9
	} | cmp - out
	mkfifo f g
	background pfanin --round-robin f g
	exec 7>f 8>g
	printf '1\n3\n5\n' >&7
	wait_until at_least out 1
	printf '2\n' >&8
	wait_until at_least out 3
	exec 8>&-
	wait_until at_least out 4
	exec 7>&-
	ends_with 0
	[ "$(xargs <out)" = '1 2 3 5' ]
}

@test "fanin: --concat is cat, and does not glue lines" {
	numbered 1 500 >a
	printf '{"last":1}' >b
	printf '\xef\xbb\xbf{"bom":1}\r\n' >c
	mkfifo f
	numbered 2 500 >f &
	go 0 pfanin --concat a b f c
	{
		cat a b
		echo
		numbered 2 500
		printf '{"bom":1}\r\n'
	} | cmp - out
}

@test "fanin: each input has its BOM, its CRLF and its last line without LF" {
	printf '\xef\xbb\xbf1\r\n2' >a
	printf '\xef\xbb\xbf3\r\n\xef\xbb\xbf4' >b
	printf '\xef\xbb\xbf' >c
	go 0 pfanin a b c
	[ "$(sort out | od -An -c | tr -s ' ')" = "$(printf '1\r\n2\n3\r\n\xef\xbb\xbf4\n' | sort | od -An -c | tr -s ' ')" ]
}

@test "fanin: an input that fails in the middle is told, and the others go on" {
	no_sanitizer
	numbered 1 4000 >a
	numbered 2 2000 >b
	size=$(head -c 65535 a | head -n -1 | wc -l)
	for args in '' '--concat' '--round-robin' '--merge .n'; do
		echo "# $args"
		# shellcheck disable=SC2086 # words
		go 2 env FAIL_READ="$PWD/a" LD_PRELOAD="$SHIMS/fail_read.so" pfanin -v $args a b
		has err 'pfanin: a: Input/output error'
		[ "$(grep -c '^{"in":2' out)" -eq 2000 ]
		# Half a line is no record.
		[ "$(grep -c '^{"in":1' out)" -ge $((size - 1)) ]
		[ "$(grep -vcE '^{"in":[12],"n":[0-9]+,"x":"0*"}$' out)" -eq 0 ]
		accounted || [ "$(total failed)" -eq 0 ]
	done
	# Of a pipe, the half line leaves as a letter.
	mkfifo f
	head -c 200000 a >f &
	go 2 env FAIL_READ="$PWD/f" LD_PRELOAD="$SHIMS/fail_read.so" pfanin -v f b
	has err 'pfanin: f: Input/output error'
	[ "$(grep -vcE '^{"in":[12],"n":[0-9]+,"x":"0*"}$' out)" -le 1 ]
	[ "$(total received)" -eq $(($(total processed) + $(total failed))) ]
}

@test "fanin: --merge compares numbers exactly, and strings by their bytes" {
	cat >want <<-'END'
		{"k":-1e400}
		{"k":-12345678901234567891}
		{"k":-12345678901234567890}
		{"k":-0.5}
		{"k":0}
		{"k":0.1}
		{"k":0.10000000000000000001}
		{"k":9}
		{"k":10}
		{"k":9007199254740992}
		{"k":9007199254740993}
		{"k":12345678901234567890123}
		{"k":12345678901234567890124}
		{"k":1e400}
		{"k":""}
		{"k":"10"}
		{"k":"9"}
		{"k":"Z"}
		{"k":"a"}
		{"k":"a\u0062"}
		{"k":"é"}
		{"k":"€"}
	END
	for n in 1 2 3 7; do
		rm -f part.*
		awk -v n="$n" '{ print > ("part." NR % n) }' want
		go 0 pfanin --merge .k part.*
		cmp want out
	done
}

@test "fanin: --merge keeps the order of the inputs for equal keys" {
	printf '{"k":1,"i":1}\n{"k":1.0,"i":1}\n{"k":2,"i":1}\n' >a
	printf '{"k":1e0,"i":2}\n{"k":2,"i":2}\n' >b
	printf '{"k":10e-1,"i":3}\n{"k":2.00,"i":3}\n' >c
	go 0 pfanin --merge .k a b c
	[ "$(jq -c .i out | xargs)" = '1 1 2 3 1 2 3' ]
	go 0 pfanin --merge .k c b a
	[ "$(jq -c .i out | xargs)" = '3 2 1 1 3 2 1' ]
}

@test "fanin: --merge: late, no_key, invalid and too_long records are dead, the rest goes on" {
	{
		printf '%s\n' '{"k":1}' '{"k":5}' '{"k":3}' '{"k":null}' '{}' '{"k":[1]}' 'x' '"k"' '{"k":true}'
		printf '{"k":6,"x":"%0200d"}\n' 0
		printf '%s\n' '{"k":7}'
	} >a
	printf '{"k":2}\n{"k":6}' >b
	go 1 pfanin -v --merge .k --max-record 100 a b
	[ "$(data_of out | jq -c .k | xargs)" = '1 2 5 6 7' ]
	[ "$(reasons out)" = 'invalid 1, late 1, no_key 5, too_long 1' ]
	letters_of out | grep -Fx 'late {"k":3}'
	accounted
	# Elsewhere with -d.
	go 1 pfanin --merge .k --max-record 100 -d dead a b
	[ "$(jq -c .k out | xargs)" = '1 2 5 6 7' ]
	lines dead 8
	# Plain lines are looked into, too.
	go 1 pfanin -R --merge .k --max-record 100 a b
	[ "$(data_of out | jq -c .k | xargs)" = '1 2 5 6 7' ]
	[ "$(reasons out)" = 'late 1, no_key 6, too_long 1' ]
}

@test "fanin: --merge lets letters pass, and looks into retry envelopes" {
	retry() {
		printf '{"pchan":"retry/1","id":"r%s","replays":1,"value":{"k":%s}}\n' "$1" "$1"
	}
	{
		letters 2
		retry 1
		retry 5
		letters 1
	} >a
	{
		echo '{"k":2}'
		printf '{"pchan":"retry/1","id":"b","replays":1,"base64":"%s"}\n' "$(printf '{"k":3}' | base64)"
		echo '{"k":6}'
	} >b
	go 0 pfanin -v --merge .k a b
	has err 'received 5, processed 5, filtered 0, failed 0, bypassed 3'
	[ "$(grep -v dead-letter out | jq -c '.value.k // .k // .id' | xargs)" = '1 2 b 5 6' ]
	[ "$(grep -c dead-letter out)" -eq 3 ]
	retry 1 | cmp - <(grep '"r1"' out)
	# As data they have no key of their own.
	go 1 pfanin --no-bypass --merge .k a b
	[ "$(reasons out)" = 'no_key 6' ]
}

@test "fanin: --merge waits for a silent input, or leaves it out after --idle-timeout" {
	mkfifo a b
	background pfanin --merge . a b
	exec 7>a 8>b
	seq 1 2 3 >&7
	echo 2 >&8
	wait_until at_least out 2
	lines out 2
	echo 3 >&8
	wait_until at_least out 3
	lines out 3
	exec 7>&- 8>&-
	ends_with 0
	[ "$(xargs <out)" = '1 2 3 3' ]
	# The one that comes back late.
	background pfanin --merge . --idle-timeout 200ms a b
	exec 7>a 8>b
	seq 1 3 >&7
	wait_until at_least out 3
	printf '2\n4\n' >&8
	wait_until at_least out 4
	exec 7>&-
	wait_until at_least out 5
	exec 8>&-
	ends_with 1
	[ "$(data_of out | xargs)" = '1 2 3 4' ]
	[ "$(letters_of out)" = 'late 2' ]
}

@test "fanin: --idle-timeout does not run before a record is held up, nor while pfanin is stopped" {
	mkfifo a b
	background pfanin --merge . --idle-timeout 2s a b
	exec 7>a 8>b
	wait_until sleeps "$pid"
	# Both have been silent for longer than that.
	sleep 2.1
	echo 2 >&7
	echo 1 >&8
	wait_until at_least out 1
	[ "$(cat out)" = 1 ]
	# What was there in time, and was not read, is not late.
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	echo 2 >&8
	sleep 2.1
	kill -CONT "$pid"
	exec 7>&- 8>&-
	ends_with 0
	[ "$(xargs <out)" = '1 2 2' ]
}

@test "fanin: --idle-timeout does not run while our reader blocks" {
	mkfifo a b stdout
	seq 20000 >want
	"${LIMIT[@]}" pfanin --merge . --idle-timeout 2s a b >stdout 2>err 3>&- &
	pid=$!
	exec 9<stdout 7>a 8>b
	# Nobody reads: the output gets full, and then a record waits for b.
	seq 1 2 20000 >&7 8>&- 9<&- &
	seq 2 2 12000 >&8
	wait_until fills 9
	sleep 2.1
	seq 12002 2 20000 >&8 7>&- 9<&- &
	exec 7>&- 8>&-
	cat <&9 >out &
	cat=$!
	exec 9<&-
	ends_with 0
	wait "$cat"
	cmp want out
}

@test "fanin: --tag adds the input's name to objects, and touches nothing else" {
	printf '%s\n' '{"a":  1.10,"b":12345678901234567890}' '{}' ' { } ' '[{"a":1}]' '"{}"' '1e2' 'null' >'a "q"'
	printf '{"z":1}' >"caf"$'\xc3\xa9'
	printf '{"z":2}\n' >$'bad\xff'
	letters 1 >dead
	printf '{"pchan":"retry/1","id":"r","replays":1,"value":{"a":1}}\n' >retry
	go 0 pfanin --concat --tag src 'a "q"' "caf"$'\xc3\xa9' $'bad\xff' dead retry
	cat >want <<-'END'
		{"src":"a \"q\"","a":  1.10,"b":12345678901234567890}
		{"src":"a \"q\""}
		 {"src":"a \"q\"" } 
		[{"a":1}]
		"{}"
		1e2
		null
		{"src":"café","z":1}
		{"src":"bad�","z":2}
	END
	cat dead >>want
	head -n 10 out | cmp - want
	[ "$(tail -n 1 out | jq -c '[.pchan, .id, .replays, .value]')" = '["retry/1","r",1,{"src":"retry","a":1}]' ]
	# Names of descriptors are those that were given.
	go 0 pfanin --concat --tag 'a"b' - fd:7 7< <(echo '{}') < <(echo '{}')
	printf '{"a\\"b":"-"}\n{"a\\"b":"fd:7"}\n' | cmp - out
	# What is not JSON is dead; with -R it passes.
	printf '{"a":1}\n{broken\n\n' >c
	go 1 pfanin --tag s c
	[ "$(head -n 1 out)" = '{"s":"c","a":1}' ]
	[ "$(letters_of out)" = 'invalid {broken' ]
	go 0 pfanin -R --tag s c
	printf '{"s":"c","a":1}\n{broken\n\n' | cmp - out
}

@test "fanin: --tag with lines of all lengths" {
	for n in 0 1 100 4000 20000 65000 70000 300000; do
		printf '{"n":%d,"x":"%0*d"}\n' "$n" "$n" 0
	done >a
	go 0 pfanin --tag s a
	sed 's/^{/{"s":"a",/' a | cmp - out
	go 0 pfanin -b 0 --merge .n --tag s a
	sed 's/^{/{"s":"a",/' a | cmp - out
}

@test "fanin: --keep-open reads on when the writers have left, until SIGTERM" {
	mkfifo f
	background pfanin --keep-open f
	for i in 1 2 3; do
		echo "$i" >f
		wait_until at_least out "$i"
	done
	# Half a line of a writer that has left is not glued to the next one.
	printf 4 >f
	wait_until at_least out 4
	echo 5 >f
	wait_until at_least out 5
	# A writer that is there is read to its end after the signal.
	exec 8>f
	send "$pid" TERM
	echo 6 >&8
	wait_until at_least out 6
	exec 8>&-
	ends_with 143
	seq 6 | cmp - out
	# With no writer, it ends at once.
	background pfanin --keep-open --grace 50s f
	echo 1 >f
	wait_until at_least out 1
	kill -TERM "$pid"
	ends_with 143
}

@test "fanin: --keep-open and a FIFO that is replaced" {
	mkfifo f
	background pfanin --keep-open f
	exec 8>f
	rm f
	mkfifo f
	echo 1 >&8
	wait_until at_least out 1
	exec 8>&-
	# The new one is read from then on.
	echo 2 >f
	wait_until at_least out 2
	exec 8>f
	rm f
	seq 3 >f
	printf 3 >&8
	exec 8>&-
	ends_with 2
	has err 'pfanin: f: Stale file handle'
	seq 3 | cmp - out
}

@test "fanin: one byte, then the rest of the line" {
	mkfifo f g
	background pfanin f g
	exec 7>f 8>g
	printf 1 >&7
	printf 2 >&8
	wait_until sleeps "$pid"
	echo 0 >&7
	echo 0 >&8
	wait_until at_least out 2
	exec 7>&- 8>&-
	ends_with 0
	[ "$(sort out | xargs)" = '10 20' ]
}

@test "fanin: lines that are too long in several inputs at the same time" {
	for i in 1 2 3; do
		mkfifo "f$i"
		{ printf '{"id":%d}\n' "$i" && head -c 300000 /dev/zero | tr '\0' "$i" && printf '\n{"id":%d}\n' $((i + 3)); } >"f$i" &
	done
	go 1 pfanin -v --max-record 100000 f1 f2 f3
	[ "$(data_of out | jq .id | sort | xargs)" = '1 2 3 4 5 6' ]
	[ "$(reasons out)" = 'too_long 3' ]
	[ "$(jq -r 'select(.pchan) | "\(.input.name) \(.input.length)"' out | sort | xargs)" = 'f1 300000 f2 300000 f3 300000' ]
	accounted
}

@test "fanin: letters pass, -d takes our own, --no-bypass treats them as data" {
	letters 3 >a
	printf '{"k":1}\n{"no":1}\n' >b
	go 1 pfanin -v -d dead --merge .k a b
	has err 'received 2, processed 1, filtered 0, failed 1 (1 no_key), bypassed 3,'
	lines out 4
	[ "$(letters_of dead)" = 'no_key {"no":1}' ]
	go 0 pfanin -v --no-bypass a
	has err 'received 3, processed 3, filtered 0, failed 0, bypassed 0,'
	cmp a out
}

@test "fanin: gzip in a pipe is told" {
	seq 100 | gzip >in.gz
	go 0 pfanin <(cat in.gz) /dev/null
	has err 'compressed with gzip'
	go 0 pfanin -R in.gz
	cmp -n "$(stat -c %s in.gz)" in.gz out
}

@test "fanin: 3000 inputs" {
	mkdir d
	seq 3000 | awk '{ f = sprintf("d/%04d", $1); printf "{\"k\":%d}\n", $1 >f; close(f) }'
	go 0 pfanin -v d/*
	[ "$(sort -t: -k2n out | sed -n '$p')" = '{"k":3000}' ]
	lines out 3000
	go 0 pfanin --merge .k d/*
	seq 3000 | sed 's/.*/{"k":&}/' | cmp - out
	# More than can be open: files in turn, and a merge is refused.
	(
		ulimit -Sn 256
		go 0 pfanin d/*
		go 0 pfanin --merge .k d/*
	)
	seq 3000 | sed 's/.*/{"k":&}/' | cmp - out
	(
		ulimit -n 256
		go 0 pfanin d/*
		lines out 3000
		go 0 pfanin --concat d/*
	)
	seq 3000 | sed 's/.*/{"k":&}/' | cmp - out
	(
		ulimit -Sn 100
		ulimit -Hn 256
		go 0 pfanin --concat d/*
		go 2 pfanin --merge .k d/*
	)
	has err '3000 inputs: too many for the limit of open files'
}

@test "fanin: more FIFOs than can be open are refused" {
	: >in
	for i in {1..60}; do
		mkfifo "f$i"
	done
	(
		ulimit -n 64
		go 2 pfanin f*
	)
	lines err 1
	has err 'too many FIFOs for the limit of open files: at most 32 here (ulimit -Hn)'
}

@test "fanin: memory is bounded, whatever the number and the length of the lines" {
	no_sanitizer
	line=$(head -c 60000 /dev/zero | tr '\0' x)
	for args in '' '--tag s --round-robin' '--merge .k'; do
		for i in 1 2 3 4 5 6 7 8; do
			rm -f "f$i"
			mkfifo "f$i"
			{ yes "{\"k\":1,\"x\":\"$line\"}" | head -n 100; } >"f$i" 2>/dev/null &
		done
		# shellcheck disable=SC2086 # words
		timeout 60 "$STUBS/input-rss" rss pfanin $args f1 f2 f3 f4 f5 f6 f7 f8 | tail -c 1000 | wc -l >n
		echo "pfanin $args: $(cat rss) KiB"
		[ "$(cat rss)" -lt $((16 * 1024)) ]
	done
}

@test "fanin: lines without an end in many inputs: memory is bounded in total" {
	no_sanitizer
	for i in 1 2 3 4 5 6 7 8; do
		mkfifo "f$i"
		{ echo "{\"id\":$i}" && head -c 10000000 /dev/zero | tr '\0' x && echo; } >"f$i" &
	done
	timeout 60 "$STUBS/input-rss" rss pfanin f1 f2 f3 f4 f5 f6 f7 f8 /dev/null >out
	echo "$(cat rss) KiB"
	lines out 16
	[ "$(cat rss)" -lt $((100 * 1024)) ]
	# One that has no end at all.
	background "$STUBS/input-rss" rss pfanin --max-record 1M /dev/zero f1
	exec 8>f1
	for i in 1 2 3; do
		echo "$i" >&8
		wait_until at_least out "$i"
	done
	exec 8>&-
	wait_until pgrep -P "$pid"
	kill -TERM "$(pgrep -P "$pid")"
	wait "$pid" || true
	[ "$(cat rss)" -lt $((16 * 1024)) ]
	seq 3 | cmp - out
}

@test "fanin: the first signal stops files, and pipes go on to their end" {
	yes '{"id":0}' | head -n 1000000 >file
	mkfifo f g stdout
	# shellcheck disable=SC2016 # for the other shell
	background bash -c 'exec pfanin --max-record 1M file f fd:5 /dev/zero 5<g >stdout'
	exec 7>g 9<stdout 8>f
	echo '{"fifo":1}' >&8
	wait_until fills 9
	send "$pid" TERM
	cat <&9 >all 7>&- 8>&- 9<&- &
	cat=$!
	exec 9<&-
	wait_until grep -q '"fifo":1' all
	echo '{"fifo":2}' >&8
	echo '{"pipe":1}' >&7
	wait_until grep -q pipe all
	wait_until grep -q '"fifo":2' all
	exec 7>&- 8>&-
	ends_with 143
	wait "$cat"
	[ "$(sort -u all | xargs)" = '{fifo:1} {fifo:2} {id:0} {pipe:1}' ]
	[ "$(wc -l <all)" -lt 1000000 ]
}

@test "fanin: an input that nobody opened does not hold up the end" {
	mkfifo a b c d
	for args in '' '--concat' '--round-robin' '--merge .'; do
		# shellcheck disable=SC2086 # words
		background pfanin --grace 50s $args a b c d
		exec 8>a
		echo 1 >&8
		[[ "$args" == --merge* ]] || wait_until at_least out 1
		send "$pid" TERM
		exec 8>&-
		ends_with 143
		seq 1 | cmp - out
	done
}

@test "fanin: a second signal: what waits in a merge leaves as cancelled, and nothing is lost" {
	mkfifo a b c
	background pfanin --merge .id --grace 50s a b c
	exec 7>a 8>b 9>c
	seq 1 2 99 | sed 's/.*/{"id":&}/' >&7
	seq 2 2 100 | sed 's/.*/{"id":&}/' >&8
	wait_until sleeps "$pid"
	send "$pid" TERM
	again "$pid" TERM
	wait_until at_least out 1
	exec 7>&- 8>&-
	# What comes now is cancelled as well, as long as it lasts.
	echo '{"id":101}' >&9
	exec 9>&-
	ends_with 143
	account 101 out
	[ "$(reasons out)" = 'cancelled 101' ]
}

@test "fanin: the end of the grace ends a pipe that goes on, and half a line is a letter" {
	mkfifo a b
	background pfanin -v --grace 200ms a b
	exec 7>a 8>b
	printf '1\n{"half' >&7
	wait_until at_least out 1
	send "$pid" TERM
	ends_with 143
	[ "$(head -n 1 out)" = 1 ]
	[ "$(letters_of out)" = 'cancelled {"half' ]
	accounted
	exec 7>&- 8>&-
}

@test "fanin: a third signal ends at once and says what was held" {
	mkfifo a b
	background pfanin --merge . --grace 50s a b
	exec 7>a 8>b
	echo 1 >&7
	wait_until sleeps "$pid"
	send "$pid" TERM
	again "$pid" TERM
	wait_until at_least out 1
	again "$pid" TERM
	ends_with 143
	exec 7>&- 8>&-
}

@test "fanin: a reader that leaves ends it, with endless inputs" {
	for args in '' '--merge . --tag s'; do
		# shellcheck disable=SC2086 # words
		{ timeout 20 pfanin $args <(yes 1 2>/dev/null) <(yes 2 2>/dev/null) <(yes 3 2>/dev/null) <(yes 4 2>/dev/null) \
			<(yes 5 2>/dev/null) <(yes 6 2>/dev/null) <(yes 7 2>/dev/null) <(yes 8 2>/dev/null) 2>err && echo 0 >status || echo $? >status; } | head -n 1 >out
		[ "$(cat status)" -eq 141 ]
		[ ! -s err ]
		lines out 1
	done
}

@test "fanin: a full disk: what was read and is not in the output is told, exactly" {
	numbered 1 3000 >a
	numbered 2 3000 >b
	for args in '' '--round-robin' '--concat' '--merge .n' '--tag s'; do
		echo "# $args"
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		go 2 bash -c 'ulimit -f 40; exec pfanin -v "$@" a b' bash $args
		has err 'standard output: File too large'
		[ "$(total received)" -eq $(($(total processed) + $(total unwritten))) ]
		lines out "$(total processed)"
		[ "$(tail -c 1 out)" = "" ]
	done
	[ -c /dev/full ] || skip "no /dev/full"
	mkfifo f g
	seq 1000 >f &
	seq 1000 >g &
	status=0
	timeout 20 pfanin -v f g >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	[ "$(total received)" -eq "$(total unwritten)" ]
}

@test "fanin: a writer that is killed, or stopped, is its own affair" {
	mkfifo a b c
	background pfanin a b c
	sh -c 'exec >a; printf "1\n{\"half\":"; exec tail -f /dev/null' 3>&- &
	killed=$!
	sh -c 'exec >b; echo 2; exec tail -f /dev/null' 3>&- &
	stopped=$!
	exec 8>c
	wait_until at_least out 2
	kill -STOP "$stopped"
	kill -KILL "$killed"
	wait "$killed" || true
	wait_until at_least out 3
	echo 3 >&8
	wait_until at_least out 4
	kill -KILL "$stopped"
	wait "$stopped" || true
	exec 8>&-
	ends_with 0
	[ "$(sort out | xargs -d '\n')" = '1 2 3 {"half":' ]
}

@test "fanin: a standard input with O_NONBLOCK, shared with others, stays as it is" {
	mkfifo f
	python3 - <<-'END'
		import fcntl, os, subprocess, threading
		r, w = os.pipe()
		fcntl.fcntl(r, fcntl.F_SETFL, os.O_NONBLOCK)
		out = open("out", "wb")
		p = subprocess.Popen(["pfanin", "-", "f"], stdin=r, stdout=out)
		other = os.open("f", os.O_WRONLY)
		for i in range(200):
		    os.write(w, b"%d\n" % i)
		    # Another process takes some of it.
		    try:
		        os.read(r, 100)
		    except BlockingIOError:
		        pass
		os.write(other, b"other\n")
		os.close(other)
		os.close(w)
		assert p.wait(20) == 0
		assert fcntl.fcntl(r, fcntl.F_GETFL) & os.O_NONBLOCK
	END
	grep -qx other out
}

# A FIFO whose writers are killed in between: each one writes lines that begin
# with its number, and is killed at a random time.
killed_writers() {
	python3 - <<-'END'
		import os, random, signal, subprocess, sys, threading
		random.seed(7)
		fifos = ["f%d" % i for i in range(8)]
		for f in fifos:
		    os.mkfifo(f)
		out = open("out", "wb")
		p = subprocess.Popen(["pfanin", "-v", "--keep-open"] + fifos, stdout=out, stderr=open("err", "wb"))
		sent = {}

		def feed(f, index):
		    for w in range(4):
		        me = index * 100 + w
		        code = "import os,sys\nfd=os.open(%r,os.O_WRONLY)\nfor n in range(3000):\n os.write(fd,b'{\"w\":%d,\"n\":%%d}\\n'%%n)\n" % (f, me)
		        q = subprocess.Popen([sys.executable, "-S", "-c", code])
		        if w % 2:
		            try:
		                q.wait(random.uniform(0.02, 0.06))
		            except subprocess.TimeoutExpired:
		                pass
		            q.kill()
		        sent[me] = q.wait() == 0

		threads = [threading.Thread(target=feed, args=(f, i)) for i, f in enumerate(fifos)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		p.send_signal(signal.SIGTERM)
		assert p.wait(30) == -signal.SIGTERM, p.returncode
		import json
		seen = {}
		for line in open("out", "rb"):
		    r = json.loads(line)
		    assert r["n"] == seen.get(r["w"], -1) + 1, (line, seen.get(r["w"]))
		    seen[r["w"]] = r["n"]
		for me, whole in sent.items():
		    assert not whole or seen[me] == 2999, (me, seen.get(me))
		print(len(seen), "writers", sum(seen.values()), "lines")
	END
}

@test "fanin: ids through 8 FIFOs whose writers are killed at random" {
	killed_writers
	has err 'failed 0'
}
