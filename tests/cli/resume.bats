#!/usr/bin/env bats
# pfanin --state: a job goes on where its records were finished.

# shellcheck disable=SC2086,SC2094 # words; a file that is replaced by its head

load ../support/helpers
load ../support/streams
load ../support/background

export ACK=$BATS_TEST_DIRNAME/../support/ack

export BIN

# job STATUS HOW ARG...: pfanin --state s ARG..., whose marks are acknowledged
# as HOW says (support/ack), ends with this status.
job() {
	local status=0

	# timeout(1) would keep the pipe open.
	timeout 60 bash -c '"$BIN/pfanin" --state "${STATE-s}" "${@:3}" 2>err | "$ACK" got $2
		exit "${PIPESTATUS[0]}"' bash "$@" || status=$?
	[[ " $1 " == *" $status "* ]] || {
		echo "status $status instead of $1: ${*:3}"
		return 1
	}
}

# watch_job: $job and its children live for a minute at most.
watch_job() {
	("${LIMIT[@]}" tail -f --pid="$job" /dev/null 2>/dev/null || kill -9 -- "-$job") 3>&- &
}

# begin HOW ARG...: the same in the background; $pid is that of pfanin.
begin() {
	rm -f pid ack.pid
	[ -e got ] || : >got
	{
		set +e
		sh -c 'echo $$ >pid; exec "$@"' sh "$BIN/pfanin" --state "${STATE-s}" "${@:2}" 2>err 3>&- |
			sh -c 'echo $$ >ack.pid; exec "$@"' sh "$ACK" got $1 3>&-
		echo "${PIPESTATUS[0]}" >status
	} &
	job=$!
	watch_job
	wait_until test -s pid
	wait_until test -s ack.pid
	pid=$(<pid)
}

# The value of a member of the only input, or of that named.
saved() {
	jq -r ".inputs[] | select(.path | endswith(\"/${2-}\") or \"${2-}\" == \"\") | .$1" s
}

is_saved() {
	[ "$(saved "$1" "${3-}")" = "$2" ]
}

@test "resume: what is finished does not come again" {
	ids 3000 >in
	job 0 all in
	cmp in got
	[ ! -s err ]
	is_saved offset "$(wc -c <in)"
	is_saved line 3000
	is_saved path "$PWD/in"
	job 0 all in
	cmp in got
	seq 5 >>in
	job 0 all in
	cmp in got
}

@test "resume: a mark comes first, and the last one is behind all records" {
	ids 10 >in
	pfanin --state s --grace 50ms in 2>err | cat >got
	[ "$(head -n 1 got | jq -c '[.pchan, .n, .w]')" = '["mark/1",1,281474976710656]' ]
	[ "$(tail -n 1 got | jq -c '[.pchan, .n, .w]')" = '["mark/1",3,281474976710656]' ]
	lines got 13
	# cat(1) is no stage: the message names what is missing.
	has err "10 records were not acknowledged"
	has err "nothing was acknowledged at all: a last stage that writes into a pipe needs --ack, and a program between the stages must not drop marks"
	lines err 1
}

@test "resume: kill -9 of either end: nothing is missing" {
	local n=0 who

	ids 60000 >in
	for who in pfanin ack pfanin ack; do
		n=$((n + 3000))
		begin all --window 500 --grace 300ms --follow in
		wait_until at_least got "$n"
		if [ "$who" = pfanin ]; then
			kill -9 "$pid"
		else
			kill -9 "$(<ack.pid)"
		fi
		wait "$job" || true
	done
	[ "$(<status)" -eq 2 ]
	# On a busy machine all may have been finished by then.
	has err "the reader of standard output has gone"
	job 0 all --window 500 in
	[ "$(sort -u got | wc -l)" -eq 60000 ]
}

@test "resume: the place that is saved is exact, in all orders" {
	local order n

	for n in 1 2 3; do
		seq "$n" 3 3000 | sed 's/.*/{"id":&,"pad":"xxxxxxx"}/' >"in$n"
	done
	printf '\xef\xbb\xbf\n\r\n' | cat - in1 >with && mv with in1
	printf '{"id":0}\r\nnot json\n{"pchan":"dead-letter/1","id":"a","stage":"b","reason":"crash","value":1}\n\n' >>in2
	printf '{"id":-1}' >>in3
	for order in "" --concat --round-robin "--merge .id" "--tag t"; do
		rm -f s got*
		pfanin $order in1 in2 in3 | sort >want || true
		job 2 "upto 2" --grace 50ms $order in1 in2 in3
		[ -s got.done ]
		[ "$(wc -l <got.done)" -lt "$(wc -l <want)" ]
		mv got.done first
		job "0 1" all $order in1 in2 in3
		normal want >want.n
		cat first got.done | sort >both
		normal both >both.n
		diff want.n both.n >difference || {
			echo "$order" && head difference
			return 1
		}
	done
}

# Letters of one record differ by id and time.
normal() {
	sed -E 's/"id":"[0-9a-f-]*",.*"message"/"message"/; s/"(first_)?failed":"[^"]*"//g' "$1" | sort
}

@test "resume: a record that is too long, and one inside a line" {
	{ seq 1000 && head -c 300000 /dev/zero | tr '\0' x && echo && seq 1000; } >in
	job 1 all -R --max-record 100K in
	is_saved offset "$(wc -c <in)"
	is_saved line 2001
}

@test "resume: a last line without an LF comes again when it has grown" {
	printf '1\n2' >in
	job 0 all in
	job 0 all in
	printf '1\n2\n' | cmp - got
	echo >>in
	printf 3 >>in
	job 0 all in
	printf '1\n2\n3\n' | cmp - got
	printf '4\n' >>in
	job 0 all in
	printf '1\n2\n3\n34\n' | cmp - got
	is_saved line 3
}

@test "resume: another file under the name is read from its start, and told" {
	seq 10 >in
	job 0 all in
	seq 11 20 >new && mv new in
	job 0 all in
	has err "in: it is another file than it was; it is read from its start, and nothing of the former one after 21 bytes"
	seq 20 | cmp - got
	# The same file with another text, and with less of it.
	seq 21 40 >in
	job 0 all in
	has err "in: it has another text than it had; it is read from its start"
	seq 40 | cmp - got
	seq 21 22 >in
	job 0 all in
	has err "in: it has another text than it had"
	{ seq 40 && seq 21 22; } | cmp - got
	jq -c .inputs s
	[ "$(jq '.inputs | length' s)" -eq 1 ]
}

@test "resume: a file that was truncated within its text is read from its start" {
	seq 5000 >in
	job 0 all in
	head -c 8000 in >some && cat some >in
	job 0 all in
	has err "in: it is shorter than it was (truncated)"
	{ seq 5000 && cat some && echo; } | cmp - got
}

@test "resume: inputs have other names, and others are kept" {
	seq 10 >a
	seq 11 20 >b
	job 0 all a b
	mv a c
	echo 21 >>c
	job 0 all c
	[ ! -s err ]
	[ "$(tail -n 1 got)" = 21 ]
	is_saved offset "$(wc -c <b)" b
	job 0 all b
	lines got 21
}

@test "resume: standard input is a file" {
	seq 10 >in
	{
		read -r _
		job 0 all
	} <in
	seq 2 10 | cmp - got
	is_saved path -
	seq 11 12 >>in
	job 0 all - <in
	seq 2 12 | cmp - got
}

@test "resume: what is no file is refused before anything is read" {
	local input

	mkfifo fifo
	for input in "" - fifo /dev/null; do
		ids 3 | {
			go 2 pfanin --state s $input
			[ "$(wc -l)" -eq 3 ]
		}
		has err "is no regular file"
		lines err 1
	done
	seq 3 >in
	go 2 pfanin --state s in ./in
	has err "named once"
	go 2 pfanin --state in in
	has err same
	go 2 pfanin --window 3 in
	has err "--window needs --state"
	go 2 pfanin --state s --keep-open fifo
	has err "--keep-open"
	[ ! -s out ]
}

@test "resume: one run at a time has the file" {
	seq 10 >in
	begin all --follow in
	wait_until at_least got 10
	go 2 pfanin --state s in
	has err "--state s: another pfanin is using it"
	lines err 1
	kill "$pid"
	wait "$job"
	[ "$(<status)" -eq 143 ]
	job 0 all in
	lines got 10
}

@test "resume: a file that is damaged is not taken for an empty one" {
	local text

	seq 10 >in
	for text in x '{}' '{"pchan":"state/1","inputs":[{}]}' '{"pchan":"state/2","inputs":[]}' \
		'{"pchan":"state/1","inputs":[{"path":"/a","device":1,"inode":1,"head":1,"hash":"0","offset":1,"line":1}]}'; do
		echo "$text" >s
		go 2 pfanin --state s in
		has err "--state s: it cannot be used ("
		has err "; put a copy back, or remove it to read all inputs from their start"
		lines err 1
		[ "$(cat s)" = "$text" ]
	done
	: >s
	job 0 all in
	cmp in got
	mkdir folder
	go 2 pfanin --state folder in
	go 2 pfanin --state folder/none/s in
}

@test "resume: a name that is no UTF-8" {
	seq 3 >$'in\xff"'
	job 0 all $'in\xff"'
	job 0 all $'in\xff"'
	lines got 3
	[ "$(jq -r '.inputs[0].path_hex' s)" = "$(printf '%s' "$PWD/"$'in\xff"' | xxd -p | tr -d '\n')" ]
}

@test "resume: a disk that is full is told, and the old state stays" {
	small_disk 16
	seq 10 >in
	STATE=disk/s job 0 all in
	cp disk/s before
	dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null || true
	go 2 pfanin --state disk/s in
	has err "--state disk/s: No space left on device"
	cmp disk/s before
}

# is_filled: 12 of the 16 KiB of ./disk are other data.
is_filled() {
	dd if=/dev/zero bs=1k oflag=append conv=notrunc 2>/dev/null >>disk/fill || true
	[ "$(stat -c %s disk/fill)" -eq 12288 ]
}

@test "resume: a disk that fills up stops the run" {
	small_disk 16
	seq 10 >in
	export STATE=disk/s
	begin all --follow in
	wait_until at_least got 10
	wait_until grep -q '"offset":21' disk/s
	# A file that was just replaced has room for a moment yet.
	wait_until is_filled
	seq 11 20 >>in
	wait "$job"
	[ "$(<status)" -eq 2 ]
	has err "--state disk/s: No space left on device; the next run goes on from what was saved before"
	lines err 1
	grep -q '"offset":21' disk/s
	rm disk/fill
	job 0 all in
	seq 20 | cmp - <(sort -nu got)
}

@test "resume: 500 inputs, with few open at a time" {
	mkdir in
	seq 500 | awk '{ file = "in/" $1; print >file; close(file) }'
	(
		ulimit -n 60
		job 0 all in/*
	)
	sort -n got | cmp - <(seq 500)
	seq 5 5 500 | awk '{ file = "in/" $1; print "-" $1 >>file; close(file) }'
	job 0 all in/*
	lines got 600
	tail -n 100 got | sort -rn | cmp - <(seq -f '-%g' 5 5 500)
}

@test "resume: no more than the window is on its way" {
	local n

	seq 1000 >in
	begin none --window 100 in
	# A batch of 25 may have no room at the end.
	wait_until at_least got 76
	sleep 0.3
	n=$(wc -l <got)
	[ "$n" -le 100 ]
	kill "$pid"
	wait "$job"
	[ "$(<status)" -eq 143 ]
	has err "$n records were not acknowledged, and will come again in the next run"
	job 0 all --window 1 in
	tail -n 1000 got | cmp - in
}

@test "resume: what comes back in parts is added up, and too much is an error" {
	local status=0

	seq 5000 >in
	job 0 halves in
	cmp in got
	rm s
	job 2 twice in
	has err "copied by something between the stages, such as tee: use \`pfanout --to --by copy\`"
	seq 100000 >in
	rm s
	timeout 60 bash -c '"$BIN/pfanin" --window 1000 --state s in 2>err | tee >("$ACK" other) | "$ACK" got
		exit "${PIPESTATUS[0]}"' || status=$?
	[ "$status" -eq 2 ]
	has err "such as tee"
}

# Marks are where there is room for them, whichever thread has them.
@test "resume: two threads do not take the last place for a mark" {
	local i

	no_sanitizer
	: >in
	: >got
	{
		set +e
		HASTY_CLOCK=1 LD_PRELOAD="$SHIMS/hold_trylock.so $SHIMS/hasty_clock.so" sh -c \
			'echo $$ >pid; exec "$@"' sh "$BIN/pfanin" --state s --grace 1h --follow in 2>err 3>&- |
			"$ACK" got late 0 3>&-
		echo "${PIPESTATUS[0]}" >status
	} &
	job=$!
	watch_job
	wait_until test -s pid
	pid=$(<pid)
	echo 0 >>in
	wait_until at_least got 1
	# One of them has seen that there is room, and the other one takes it.
	touch hold
	wait_until test -e held
	for i in {1..300}; do
		echo "$i" >>in
		wait_until at_least got $((i + 1))
	done
	rm held
	echo 301 >>in
	wait_until at_least got 302
	kill -TERM "$pid"
	wait "$job"
	[ "$(<status)" -eq 143 ]
	is_saved line 302
}

@test "resume: an idle source sends marks, and sees that its reader has died" {
	seq 10 >in
	begin none --follow in
	wait_until at_least got 10
	kill -9 "$(<ack.pid)"
	wait "$job"
	[ "$(<status)" -eq 2 ]
	has err "10 records were not acknowledged"

	{
		"$BIN/pfanin" --state s --follow in 2>err | (
			grep -m 12 --line-buffered . >got
			exec grep -m 1 mark >/dev/null
		)
	} 3>&- &
	job=$!
	watch_job
	# Behind it the reader leaves when it gets a third mark.
	wait_until at_least got 12
	wait "$job"
	has err "10 records were not acknowledged"
}

@test "resume: a source that was idle from the start sends marks, too" {
	: >in
	timeout 30 "$BIN/pfanin" --state s --follow --grace 100ms in 2>err 3>&- | head -n 3 >out
	lines out 3
	[ "$(<err)" = "pfanin: the reader of standard output has gone before the end" ]
}

@test "resume: the reader is gone: no wait without acknowledgements" {
	local start

	seq 10 >in
	begin "upto 1" --grace 1s --follow in
	wait_until at_least got 10
	start=$SECONDS
	kill -9 "$(<ack.pid)"
	wait "$job"
	((SECONDS - start < 10))
	[ "$(<status)" -eq 2 ]
	has err "the reader of standard output has gone: 10 records were not acknowledged"
	# The same at the end of the input.
	start=$SECONDS
	job 2 "upto 1" --grace 1s in
	((SECONDS - start < 10))
	has err "10 records were not acknowledged"
	[[ $(<err) != *--ack* ]]
	lines err 1
}

@test "resume: the reader is gone: what is acknowledged behind it is finished" {
	ids 40 >in
	{
		set +e
		"$BIN/pfanin" --state s --window 40 --grace 3s --follow in 2>err 3>&- |
			sh -c 'echo $$ >cat.pid; exec cat' 3>&- | "$ACK" got late 3>&-
		echo "${PIPESTATUS[0]}" >status
	} &
	job=$!
	watch_job
	wait_until test -s got.done
	wait_until at_least got.done 40
	# Five marks, four of which come back in 3.2 s.
	kill -9 "$(<cat.pid)"
	wait "$job"
	[ "$(<status)" -eq 2 ]
	has err "the reader of standard output has gone"
	is_saved line 40
}

@test "resume: a slow stage behind a reader that has done its work is waited for" {
	ids 40 >in
	# The last mark comes back after twice the grace; support/ack lives.
	go 0 bash -o pipefail -c 'pfanin --state s --grace 2s in | cat | "$ACK" got late 4'
	[ ! -s err ]
	is_saved line 40
	# Its death ends the wait, whoever else has the pipe.
	rm s
	go 2 bash -c 'pfanin --state s --grace 2s in | cat | "$ACK" got upto 1
		exit "${PIPESTATUS[0]}"'
	has err "40 records were not acknowledged"
}

@test "resume: SIGTERM: what was read is finished, and nothing comes twice" {
	ids 200000 >in
	begin "pause 1000" in
	wait_until at_least got 1000
	send "$pid" TERM
	touch go
	wait "$job"
	[ "$(<status)" -eq 143 ]
	# What a full window held back was read, but not sent.
	! grep -vx 'pfanin: not finished, and come again: [0-9]* records' err || return 1
	[ "$(wc -l <got)" -lt 200000 ]
	job 0 all in
	cmp in got
}

has_finished() {
	[ "$(saved line)" -ge "$1" ]
}

@test "resume: killed after a hundred slow records: most of them are finished" {
	ids 3000 >in
	begin "pause 100" in
	wait_until test -s s
	wait_until has_finished 50
	kill -9 "$pid"
	wait "$job" || true
	job 0 all in
	[ "$(sort -u got | wc -l)" -eq 3000 ]
	[ "$(wc -l <got)" -le 3050 ]
}

# With another record, so that there is something to save.
has_one_input() {
	echo "$((++last))" >>log
	[ "$(jq '.inputs | length' s)" -eq 1 ]
}

@test "resume: follow: rotations while it was down" {
	seq 10 >log
	begin all --follow log
	wait_until at_least got 10
	kill "$pid" && wait "$job"
	seq 11 20 >>log && mv log log.1 && seq 21 30 >log
	begin all --follow log
	wait_until at_least got 30
	kill "$pid" && wait "$job"
	seq 31 40 >>log && cp log log.2 && seq 41 50 >log
	begin all --follow log
	wait_until at_least got 50
	kill "$pid" && wait "$job"
	seq 51 60 >>log && rm log.2 && mv log log.2 && rm log.2
	begin all --follow log
	wait_until has err "log: the file that it was is not in its folder any more: what that had after 30 bytes"
	seq 61 70 >log
	wait_until at_least got 60
	# A file that was found again is forgotten with the save after its end.
	last=70
	wait_until has_one_input
	wait_until at_least got $((last - 10))
	kill "$pid" && wait "$job"
	{ seq 50 && seq 61 "$last"; } | cmp - got
}

@test "resume: follow: a log that is renamed before anything of it is finished" {
	: >log
	begin all --follow log
	wait_until is_saved offset 0
	kill "$pid" && wait "$job"
	# It was empty when it was seen last.
	seq 10 >>log && mv log log.1 && : >log
	begin late --grace 30s --follow log
	wait_until at_least got 10
	seq 11 20 >>log
	wait_until at_least got 20
	# What has been read is finished when the name is another one.
	mv log log.2 && seq 31 40 >log
	kill "$pid" && wait "$job"
	seq 21 30 >>log.2
	begin all --follow log
	wait_until at_least got 40
	kill "$pid" && wait "$job"
	[ ! -s err ]
	sort -n got | cmp - <(seq 40)
}

@test "resume: follow: a file that is gone is not taken for one with the same text" {
	seq 10 >log
	begin all --follow log
	wait_until at_least got 10
	kill "$pid" && wait "$job"
	# The results begin as the log did.
	seq 11 20 >new && mv new log
	begin all --follow log
	wait_until has err "log: the file that it was is not in its folder any more"
	wait_until at_least got 20
	seq 21 30 >>log
	wait_until at_least got 30
	kill "$pid" && wait "$job"
	seq 30 | cmp - got
}

@test "resume: follow: a rotation while it runs" {
	seq 10 >log
	begin all --follow 'log*'
	wait_until at_least got 10
	mv log log.1
	seq 11 20 >log
	wait_until at_least got 20
	seq 21 30 >>log.1
	wait_until at_least got 30
	kill -9 "$pid"
	wait "$job"
	seq 31 40 >>log.1
	seq 41 50 >>log
	begin all --follow 'log*'
	wait_until at_least got 50
	kill "$pid" && wait "$job"
	sort -n got | uniq | cmp - <(seq 50)
}

# is_closed FILE: pfanin does not have it open.
is_closed() {
	! readlink "/proc/$pid/fd"/* | grep -qF "/$1"
}

@test "resume: follow: a file that ends and comes back with another text" {
	: >log
	begin none --follow log
	seq 10 >>log
	wait_until at_least got 10
	mv log away
	wait_until is_closed away
	seq 101 150 >away
	mv away log
	wait_until at_least got 60
	kill -9 "$pid"
	wait "$job" || true
	sort -nu got | cmp - <(seq 10; seq 101 150)
}

@test "resume: follow: truncated, and longer again than what was finished" {
	seq 10 >log
	begin all --follow log
	wait_until at_least got 10
	wait_until is_saved line 10
	seq 101 150 >new && cat new >log
	wait_until at_least got 60
	kill "$pid" && wait "$job"
	seq 151 160 >>log
	begin all --follow log
	wait_until at_least got 70
	kill "$pid" && wait "$job"
	[ ! -s err ]
	{ seq 10 && seq 101 160; } | cmp - got
}

# second_is_finished: of three texts, two; or the mark of the third counts.
second_is_finished() {
	jq -e '.inputs | length == 1 and (.[0] | .offset == 50 or .offset == 0 and .head == 150)' \
		s >/dev/null
}

@test "resume: follow: what is finished of a text says nothing of the next one" {
	seq 1001 1020 >log
	begin 'first 30' --grace 30s --follow log
	wait_until at_least got.done 20
	seq 2001 2010 >new && cat new >log
	wait_until at_least got.done 30
	seq 3001 3030 >new && cat new >log
	wait_until at_least got.done 60
	kill "$pid"
	wait_until second_is_finished
	kill -9 "$pid"
	wait "$job" || true
	: >got
	begin all --follow log
	wait_until at_least got 30
	kill "$pid" && wait "$job"
	cmp got new
}

# pipeline ARG...: pfanin ARG... and three stages, into
# ./done.  Their pids are in p1 to p4.
pipeline() {
	set +e
	sh -c 'echo $$ >p1; exec pfanin --state s --window 500 --grace 300ms "$@"' sh "$@" 2>>err |
		sh -c 'echo $$ >p2; exec pfanout -q -j2 -- ./worker' 2>>err |
		sh -c 'echo $$ >p3; exec pratelimit -r 20000/s' 2>>err |
		sh -c 'echo $$ >p4; exec pdeadletter -q -d dead' >>results 2>>err
	echo "${PIPESTATUS[0]}" >status
}

@test "resume: the stages of a pipeline are killed in turn: nothing is missing" {
	local who n=0

	ids 8000 >in
	printf '#!/bin/sh\nexec sed -u "s/.*00}/!no/"\n' >worker
	chmod +x worker
	: >results
	for who in p1 p2 p3 p4; do
		n=$((n + 1000))
		rm -f p?
		pipeline --follow in 3>&- &
		job=$!
		watch_job
		wait_until test -s "$who"
		wait_until at_least results "$n"
		kill -9 "$(<$who)"
		wait "$job"
	done
	pipeline in
	[ "$(<status)" -eq 0 ]
	jq .id results >ids
	jq .value.id dead >letters
	[ "$(sort -u letters | wc -l)" -eq 80 ]
	sort -nu ids letters | cmp - <(seq 8000)
	is_saved line 8000
}
