#!/usr/bin/env bats
# pfanout --to: which output has which records, readers that come late and
# leave early, and outputs that can't be written to.

load ../support/helpers
load ../support/streams
load ../support/counts
load ../support/background

POLICIES=(ready round-robin 'key --key .id' copy)

# readers FILE...: makes a FIFO of each name, whose reader writes FILE.got.
readers() {
	local file

	for file; do
		rm -f "$file" "$file.got"
		mkfifo "$file"
		cat "$file" >"$file.got" 3>&- &
	done
}

# Each of the ids 1 to N is in the files exactly once.
once() {
	sort -n <(jq -r .id "${@:2}") | cmp - <(seq "$1")
}

# unread NAME: how many records the reader of this output has left unread.
unread() {
	sed -nE "s/.*output $1: its reader has left; ([0-9]+) records? in the pipe.*/\1/p; s/.*output $1: its reader has left; it had read all.*/0/p" err
}

@test "to: each record has its output, whichever way they are spread" {
	ids 20000 >in
	for by in "${POLICIES[@]}"; do
		echo "# $by"
		readers a b c
		# shellcheck disable=SC2086 # words
		go 0 pfanout -v --to a --to b --to c --by $by <in
		wait
		[ ! -s out ]
		accounted
		if [ "$by" = copy ]; then
			for file in a b c; do cmp in "$file.got"; done
			[ "$(total written)" -eq 60000 ]
		else
			once 20000 a.got b.got c.got
			for file in a b c; do jq .id "$file.got" | sort -nc; done
			[ "$(total written)" -eq 20000 ]
		fi
	done
}

@test "to: round-robin is one after the other, and files are appended to" {
	ids 10 >in
	echo first >a
	go 0 pfanout --by round-robin --to a --to ./b --to - <in
	[ "$(xargs <a)" = 'first {id:1} {id:4} {id:7} {id:10}' ]
	[ "$(xargs <b)" = '{id:2} {id:5} {id:8}' ]
	[ "$(xargs <out)" = '{id:3} {id:6} {id:9}' ]
}

@test "to: the outputs of a key are those that pchan-formats(5) says" {
	# The example of the page: outputs of 3.
	printf '%s\n' 7 '"7"' 7.0 '"ann"' '"\u0061nn"' null | sed 's/.*/{"k":&}/' >in
	echo '{"x":1}' >>in
	go 1 pfanout --to o0 --to o1 --to o2 --key .k <in
	[ "$(xargs <o0)" = '{k:ann} {k:\u0061nn}' ]
	[ "$(xargs <o1)" = '{k:7} {k:7.0}' ]
	[ "$(xargs <o2)" = '{k:7} {k:null}' ]
	[ "$(reasons out)" = 'no_key 1' ]
	# With -R the path still looks into lines that are JSON.
	go 1 pfanout -R --to r0 --to r1 --to r2 --key .k < <(cat in - <<<plain)
	cat o0 o1 o2 | cmp - <(cat r0 r1 r2)
	[ "$(reasons out)" = 'no_key 2' ]
}

@test "to: standard output is an output, or has the dead letters" {
	{
		ids 3
		echo nonsense
		letters 1
		echo '{"pchan":"retry/1","id":"x","replays":1,"value":{"id":4}}'
	} >in
	go 1 pfanout --to a --to b --by copy <in
	[ "$(jq -c .id a | xargs)" = '1 2 3 4' ]
	cmp a b
	[ "$(reasons out)" = 'invalid 1, timeout 1' ]
	go 1 pfanout -d dead --to c --to - --by copy <in
	cmp a c
	grep -v pchan out | cmp - a
	grep pchan out | cmp - <(letters 1)
	[ "$(reasons dead)" = 'invalid 1' ]
}

@test "to: process substitution" {
	ids 1000 >in
	for by in ready round-robin; do
		# shellcheck disable=SC2016 # for the other shell
		go 0 bash -c 'pfanout --by $0 --to >(sort >x; echo >x.done) --to >(sort >y; echo >y.done) <in' "$by"
		wait_until test -e x.done -a -e y.done
		once 1000 x y
		rm x.done y.done
	done
}

# The reader of a takes exactly 8000 bytes, and leaves in the middle of a line.
@test "to: a reader that leaves costs what is in its pipe, and that is told" {
	seq 20000 | sed 's/.*/{"id":&,"x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}/' >in
	for by in "${POLICIES[@]}"; do
		echo "# $by"
		rm -f a b
		mkfifo a b
		# Only b could have all of them before a has its reader.
		(head -c 8000 a >a.got && cat b >b.got) 3>&- &
		# shellcheck disable=SC2086 # words
		go 1 pfanout -v --to a --to b --by $by <in
		wait
		accounted
		[ "$(grep -c 'output a: its reader has left' err)" -eq 1 ]
		grep -v '^{"pchan' out >data || true
		[ ! -s data ]
		if [ "$by" = copy ]; then
			cmp in b.got
			continue
		fi
		jq -r .value.id out >dead.ids
		# shellcheck disable=SC2046 # a number
		[ $(($(wc -l <a.got) + $(unread a) + $(wc -l <b.got) + $(wc -l <dead.ids))) -eq 20000 ]
		jq -r .id b.got | sort -n - dead.ids | uniq -d | cmp - /dev/null
		if [ "$by" = 'key --key .id' ]; then
			[ "$(reasons out)" = "unroutable $(wc -l <dead.ids)" ]
			has out 'the output of its key, a, any more'
		else
			[ ! -s out ]
		fi
	done
}

@test "to: a reader that is killed after the last write: what it had not read is told" {
	no_sanitizer
	ids 10 >in
	mkfifo a
	# shellcheck disable=SC2217 # it has the FIFO open
	sleep 60 <a 3>&- &
	go 1 env KILL_READER=$! LD_PRELOAD="$SHIMS/kill_reader.so" pfanout --to a --to b --by copy <in
	has err 'output a: its reader has left; 10 records in the pipe'
	cmp in b
}

@test "to: a reader that is killed: the others have the rest" {
	ids 100000 >in
	for by in ready round-robin copy; do
		readers b
		rm -f a
		mkfifo a
		# shellcheck disable=SC2217 # it has the FIFO open
		sleep 60 <a 3>&- &
		reader=$!
		start pfanout -v --to a --to b --by "$by"
		cat in >&8 3>&- &
		sender=$!
		wait_until at_least b.got 100
		kill -KILL "$reader"
		wait_until has err 'output a: its reader has left'
		wait "$sender"
		exec 8>&-
		ends_with 1
		wait_until at_least b.got $((100000 - $(unread a)))
		accounted
		if [ "$by" = copy ]; then
			wait_until cmp -s in b.got
		else
			[ $(($(unread a) + $(wc -l <b.got))) -eq 100000 ]
		fi
	done
}

@test "to: a line that a reader has cut is written again, whole" {
	mkfifo a
	# Longer than a pipe.
	{
		head -c 300000 /dev/zero | tr '\0' x
		echo
	} >in
	head -c 10 a >a.got 3>&- &
	go 1 pfanout -R --to a --to b --by round-robin <in
	wait
	cmp in b
	has err 'output a: its reader has left; 0 records in the pipe'
}

@test "to: no output is left: status 2, and the rest is cancelled" {
	ids 50000 >in
	for by in "${POLICIES[@]}"; do
		echo "# $by"
		rm -f a b
		mkfifo a b
		head -c 100 a >a.got 3>&- &
		head -c 100 b >b.got 3>&- &
		# shellcheck disable=SC2086 # words
		go 2 pfanout -v --to a --to b --by $by <in
		wait
		accounted
		has err 'there is no output left'
		grep -q '"reason":"cancelled"' out
		[ "$(grep -c 'its reader has left' err)" -eq 2 ]
	done
}

@test "to: a reader that leaves is noticed before the next write" {
	mkfifo a
	cat a >a.got 3>&- &
	reader=$!
	start pfanout --to a --to b
	ids 1 >&8
	wait_until grep -qs 1 a.got b
	kill "$reader"
	wait_until has err 'output a: its reader has left; it had read all that was written'
	ids 10 >&8
	exec 8>&-
	ends_with 1
	[ "$(cat a.got b | wc -l)" -eq 11 ]
}

@test "to: a FIFO without a reader holds up nobody" {
	mkfifo a
	start pfanout --to a --to b
	ids 100 >&8
	wait_until at_least b 100
	exec 8>&-
	# The reader comes when all is done, and finds the end.
	timeout 20 cat a >a.got
	ends_with 0
	[ ! -s a.got ]
	lines b 100
}

@test "to: the readers may come in any order" {
	ids 1000 >in
	for by in ready 'key --key .id'; do
		rm -f a b
		mkfifo a b
		timeout 20 cat b a >got 3>&- &
		# shellcheck disable=SC2086 # words
		go 0 pfanout --to a --to b --by $by <in
		wait
		once 1000 got
	done
	mkfifo c d
	start pfanout --by copy --to c --to d
	timeout 20 cat d >d.got 3>&- 8>&- &
	ids 50 >&8
	wait_until at_least d.got 50
	timeout 20 cat c >c.got 3>&- 8>&- &
	exec 8>&-
	ends_with 0
	wait
	cmp c.got d.got
}

@test "to: a wait for a reader ends with a signal" {
	mkfifo a b
	for by in "${POLICIES[@]}"; do
		echo "# $by"
		# shellcheck disable=SC2086 # words
		start pfanout -v --to a --to b --by $by
		{
			ids 100
			echo nonsense
		} >&8
		wait_until grep -q invalid out
		stop_now
		accounted
		[ "$(reasons out)" = 'cancelled 100, invalid 1' ]
	done
	# Nothing has come for anybody: the first one is enough.
	start pfanout --to a --to b
	echo nonsense >&8
	wait_until grep -q invalid out
	exec 8>&-
	# shellcheck disable=SC2154 # start sets it
	send "$pid" TERM
	ends_with 143
}

@test "to: two signals end what a reader that does not read holds up" {
	mkfifo a
	seq 3000 | sed 's/.*/{"id":&,"x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}/' >data
	for by in ready copy; do
		# shellcheck disable=SC2217
		sleep 50 <a 3>&- 8>&- &
		reader=$!
		start pfanout -v --to a --by "$by"
		cat data >&8
		exec 8>&-
		send "$pid" TERM
		again "$pid" TERM
		# What it is writing is written first.
		wait_until grep -q cancelled out
		kill "$reader"
		ends_with 143 1 2
		accounted
		[ "$(total received)" -eq 3000 ]
	done
}

@test "to: copy goes on at the pace of the slowest, and all have everything" {
	ids 5000 >in
	mkfifo a b
	cat b >b.got 3>&- &
	dd if=a of=a.got bs=700 iflag=fullblock status=none 3>&- &
	go 0 pfanout --by copy --to a --to b --to c <in
	wait
	cmp in a.got
	cmp in b.got
	cmp in c
}

# The reader of b begins when the disk is full: with --by ready the disk would
# not fill if b were fast enough to have nearly all.
@test "to: a disk that fills up: the others go on, status 2" {
	small_disk 32
	seq 2000 | sed "s/.*/{\"id\":&,\"x\":\"$(head -c 300 /dev/zero | tr '\0' x)\"}/" >in
	mkfifo b
	for by in "${POLICIES[@]}"; do
		echo "# $by"
		rm -f disk/* err
		{ wait_until grep -qs 'No space left' err && cat; } <b >b.got 3>&- &
		# shellcheck disable=SC2086 # words
		go 2 pfanout -v --to disk/a --to b --by $by <in
		wait
		accounted
		has err 'output disk/a: No space left on device'
		[ "$(wc -l <disk/a)" -gt 10 ]
		jq . disk/a >whole
		case $by in
		copy) cmp in b.got ;;
		key*) once 2000 disk/a b.got <(jq -c .value out) && [ "$(reasons out | cut -d ' ' -f 1)" = unroutable ] ;;
		*) once 2000 disk/a b.got ;;
		esac
	done
	rm -f disk/*
	go 2 pfanout -v --to disk/a <in
	accounted
	has err 'there is no output left'
}

@test "to: a file that grows too large, and /dev/full" {
	ids 5000 >in
	readers f
	go 2 bash -c 'ulimit -f 4; exec pfanout --to a --to f <in'
	has err 'output a: File too large'
	wait
	once 5000 a f.got
	[ -c /dev/full ] || skip "no /dev/full"
	go 2 pfanout --by copy --to /dev/full --to b <in
	has err 'output /dev/full: No space'
	cmp in b
}

@test "to: a terminal that is closed is told before the next record" {
	needs python3
	go 2 python3 -c 'if True:
		import os, subprocess
		ours, its = os.openpty()
		r, w = os.pipe()
		pfanout = subprocess.Popen(["pfanout", "--to", os.ttyname(its)],
		    stdin=r, stderr=subprocess.PIPE)
		os.write(w, b"1\n")
		os.read(ours, 100)
		os.close(its)
		os.close(ours)
		print(pfanout.stderr.readline(), flush=True)
		os.close(w)
		os._exit(pfanout.wait())'
	grep -qE 'output /dev/pts/[0-9]+: Input/output error' out
}

@test "to: a file for each value" {
	mkdir dir
	cat >in <<-'END'
		{"user":"ann","n":1}
		{"user":"bob","n":2}
		{"user":"ann","n":3}
		{"user":"../x","n":4}
		{"user":"..","n":5}
		{"user":"a\u0000b","n":6}
		{"user":"","n":7}
		{"user":"a\u001b[2J","n":8}
		{"n":9}
		{"user":"ln","n":10}
	END
	echo "{\"user\":\"$(head -c 300 /dev/zero | tr '\0' x)\",\"n\":11}" >>in
	ln -s ../outside dir/ln.ndjson
	go 1 pfanout -v --to 'dir/{.user}.ndjson' <in
	accounted
	[ "$(jq -c .n dir/ann.ndjson | xargs)" = '1 3' ]
	[ "$(jq -c .n dir/bob.ndjson | xargs)" = 2 ]
	[ "$(find . -type f -newer in -name '*ndjson' | wc -l)" -eq 2 ]
	[ ! -e outside ]
	[ "$(reasons out)" = 'no_key 1, unroutable 7' ]
	mkfifo dir/fifo.ndjson
	echo '{"user":"fifo"}' >fifo
	go 1 pfanout --to 'dir/{.user}.ndjson' <fifo
	has out 'fifo.ndjson: it is no regular file'
	go 0 pfanout --to 'dir/{.user}.ndjson' < <(head -n 1 in)
	[ "$(jq -c .n dir/ann.ndjson | xargs)" = '1 3 1' ]
}

@test "to: after SIGHUP files are opened again" {
	mkdir dir
	for to in a 'dir/{.u}'; do
		start pfanout --to "$to"
		echo '{"u":"a","n":1}' >&8
		wait_until grep -qs 1 a dir/a
		mv "${to/\{.u\}/a}" rotated
		send "$pid" HUP
		echo '{"u":"a","n":2}' >&8
		wait_until grep -qs 2 "${to/\{.u\}/a}"
		exec 8>&-
		ends_with 0
		[ "$(cat rotated "${to/\{.u\}/a}" | jq .n | xargs)" = '1 2' ]
		rm -f a
	done
}

@test "to: after SIGHUP a FIFO that nobody reads is no file" {
	start pfanout --to a --to b --by copy
	ids 1 >&8
	wait_until at_least a 1
	rm a
	mkfifo a
	# shellcheck disable=SC2154 # start sets it
	send "$pid" HUP
	ids 1 >&8
	wait_until has err 'output a: nobody reads this FIFO'
	exec 8>&-
	ends_with 2
	lines b 2
}

@test "to: a last line without LF is closed before the first record" {
	mkdir dir
	printf '{"u":"f"}\n{"u":"f"}\n' >in
	printf '{"half' | tee f dir/f >whole
	sed '1s/^/\n/' in >>whole
	for to in f 'dir/{.u}'; do
		go 0 pfanout --to "$to" <in
		cmp "${to/\{.u\}/f}" whole
		go 0 pfanout --to "$to" <in
		cat whole in | cmp "${to/\{.u\}/f}" -
	done
	# Nothing comes: nothing is written.
	printf x >g
	go 0 pfanout --to g </dev/null
	[ "$(wc -c <g)" -eq 1 ]
}

@test "to: the dead-letter file and those beside it are no file of a value" {
	mkdir dir
	printf '{"u":"%s"}\n' ok dead dead.1 dead.cursor hard deadly >in
	touch dir/dead
	ln dir/dead dir/hard
	ln -s dir other
	go 1 pfanout -d dir/dead --to 'other/{.u}' <in
	[ "$(cd dir && echo *)" = 'dead deadly hard ok' ]
	[ "$(reasons dir/dead)" = 'unroutable 4' ]
	lines dir/dead 4
	has dir/dead '"message":"dead.1: it is standard input, standard output, a dead-letter file or the span file"'
}

@test "to: thousands of files within the limit of open files" {
	mkdir dir
	for n in 1 2 3; do
		seq 3000 | shuf --random-source=<(yes "$n") | sed "s/.*/{\"u\":&,\"n\":$n}/"
	done >in
	# shellcheck disable=SC2016 # for the other shell
	go 0 bash -c 'ulimit -n 64; exec pfanout -v --to "dir/{.u}" <in'
	[ "$(find dir -type f | wc -l)" -eq 3000 ]
	accounted
	cat dir/* | sort | cmp - <(sort in)
	[ "$(xargs <dir/77)" = '{u:77,n:1} {u:77,n:2} {u:77,n:3}' ]
}

@test "to: a file of a folder that is full: its records are dead, status 2" {
	small_disk 64
	seq 2000 | sed "s/.*/{\"id\":&,\"u\":\"x\",\"x\":\"$(head -c 300 /dev/zero | tr '\0' x)\"}/" >in
	go 2 pfanout -v --to 'disk/{.u}' <in
	accounted
	once 2000 disk/x <(jq -c .value out)
	[ "$(grep -c 'No space left' err)" -eq 1 ]
	has out '"message":"x: No space left on device"'
}

@test "to: a folder that can have no more files: status 2" {
	small_disk 64 2
	printf '{"u":"%s"}\n' a b c ../d >in
	go 2 pfanout -v --to 'disk/{.u}' <in
	accounted
	lines disk/a 1
	[ "$(reasons out)" = 'unroutable 2' ]
	[ "$(grep -c 'No space left on device; such records leave as dead letters' err)" -eq 1 ]
}

# bad TEXT ARG...: a usage error, and nothing is created.
bad() {
	go_unread 2 pfanout "${@:2}"
	has err "$1"
	[ ! -e new ]
}

@test "to: what can't be an output is told before anything is created" {
	ids 3 >in
	mkdir dir
	mkfifo fifo
	touch file
	ln file hard
	bad 'outputs file and hard are the same file' --to new --to file --to hard
	bad 'outputs fifo and ./fifo are the same file' --to new --to fifo --to ./fifo
	bad 'outputs - and - are the same file' --to new --to - --to -
	bad 'output new and output ./new are the same file' --to new --to ./new
	bad 'output in and standard input are the same file' --to new --to in
	bad 'output dir: Is a directory' --to new --to dir
	bad 'output dir/: Is a directory' --to new --to dir/
	bad 'output none/x: No such file or directory' --to new --to none/x
	bad 'output file/x: Not a directory' --to new --to file/x
	bad 'none: No such file or directory' --to 'none/{.x}'
	bad 'goes alone' --to new --to 'dir/{.x}'
	bad 'goes alone' --to 'dir/{.x}' --by copy
	bad 'goes alone' --to 'dir/{.x}' --key .x
	bad 'a {.path}' --to 'dir/{x'
	bad 'the name of the file' --to '{.x}/y'
	bad '--by key needs --key' --to new --by key
	bad '--key needs --by key' --to new --by ready --key .x
	bad 'dead-letter file new and output new are the same file' --to new -d new
	bad 'dead-letter file ./fifo and output fifo are the same file' --to new --to fifo -d ./fifo
	bad 'ready' --to new --by nonsense
	bad --to --to ''
}

@test "to: a link to a file that does not exist yet is the same file" {
	ids 3 >in
	ln -s new link
	go_unread 2 pfanout --to link --to new
	has err 'outputs link and new are the same file'
	rm new
	go_unread 2 pfanout --to link -d new
	has err 'dead-letter file new and output link are the same file'
}

@test "to: a FIFO that is standard input or output is told" {
	mkfifo f g
	exec 5<>f
	# shellcheck disable=SC2094
	go 2 pfanout --to f <f
	has err 'output f is standard input'
	exec 5<>g
	# shellcheck disable=SC2094
	timeout 20 pfanout --to g </dev/null >g 2>err || true
	has err 'output g is standard output: that is --to -'
	exec 5>&-
}

@test "to: what may not be written is told before anything is created" {
	ids 3 >in
	nobody
	chmod 777 .
	mkdir dir
	mkfifo fifo
	touch file
	chmod 444 fifo file
	for path in fifo file dir/x; do
		go_unread 2 "${NOBODY[@]}" "$(command -v pfanout)" --to new --to "$path"
		has err "output $path: Permission denied"
		[ ! -e new ]
	done
}

@test "to: a FIFO that we may not read is waited for, too" {
	ids 3 >in
	nobody
	mkfifo f
	chmod 222 f
	start "${NOBODY[@]}" "$(command -v pfanout)" -v --to f
	cat in >&8
	exec 8>&-
	# What is read is in the pipe or waits for the reader.
	timeout 20 cat f >got
	ends_with 0
	cmp in got
}
