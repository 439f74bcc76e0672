#!/usr/bin/env bats
# pfanin --follow: files that grow, are rotated, come and go.

load ../support/helpers
load ../support/streams
load ../support/background

# follow ARG...: follows in the background, for a minute at most.
follow() {
	"${AS[@]}" "$BIN/pfanin" --follow "$@" >"${OUT:-out}" 2>err 3>&- 5>&- &
	pid=$!
	("${LIMIT[@]}" tail -f --pid="$pid" /dev/null 2>/dev/null || kill -KILL "$pid") 3>&- 5>&- &
}

stop() {
	kill "$pid"
	ends_with 143
}

# comes LINE...: these are the last lines that come out.
comes() {
	printf '%s\n' "$@" >want
	wait_until is_wanted
}

is_wanted() {
	tail -n "$(wc -l <want)" out | cmp -s - want
}

# all LINE...: these, in this order, are all that came out.
all() {
	printf '%s\n' "$@" | diff - out
}

@test "follow: lines that are appended come out, a half one with its LF" {
	printf 'one\ntwo\nhal' >log
	follow log
	comes one two
	printf 'f' >>log
	echo three >>other
	printf ' a line\nfour\n' >>log
	comes "half a line" four
	stop
	all one two "half a line" four
	[ ! -s err ]
}

@test "follow: a stop leaves half a line in the file" {
	printf 'one\nhalf' >log
	follow log
	comes one
	stop
	all one
	[ ! -s err ]
}

@test "follow: rename: the old file is read on while it is written to" {
	exec 5>>log
	echo old1 >&5
	follow log
	comes old1
	mv log log.1
	echo old2 >&5
	comes old2
	echo new1 >log
	comes new1
	echo old3 >&5
	comes old3
	printf 'old4' >&5
	exec 5>&-
	comes old4
	echo new2 >>log
	comes new2
	stop
	all old1 old2 new1 old3 old4 new2
}

@test "follow: rename: what is in the old file goes first" {
	seq 300000 >log
	follow log
	wait_until at_least out 1
	mv log log.1
	seq 300001 310000 >log
	comes 310000
	stop
	seq 310000 | cmp - out
}

@test "follow: copytruncate: the rest is read from the copy" {
	printf 'one\nhal' >log
	follow log
	comes one
	# While it sleeps it cannot see what happens between.
	kill -STOP "$pid"
	printf 'f\nthree\nend' >>log
	cp log log.1
	: >log
	echo "{\"now\":\"another text, longer than the old one\"}" >>log
	kill -CONT "$pid"
	comes half three end '{"now":"another text, longer than the old one"}'
	echo more >>log
	comes more
	stop
	all one half three end '{"now":"another text, longer than the old one"}' more
	[ ! -s err ]
}

@test "follow: a truncated file without a copy is read from its start" {
	printf 'one\nhalf' >log
	follow log
	comes one
	echo two >log
	comes half two
	: >log
	echo three >>log
	comes three
	stop
	all one half two three
}

@test "follow: removal and a new file" {
	echo one >log
	follow log
	comes one
	for i in 1 2 3; do
		rm log
		echo "new $i" >log
		comes "new $i"
	done
	stop
	all one "new 1" "new 2" "new 3"
	[ ! -s err ]
}

@test "follow: a file and its folders that come later, and go again" {
	follow a/b/c/log
	wait_until has err "a/b/c/log: there is no such file; it is waited for"
	mkdir -p a/b
	mkdir a/b/c
	echo one >a/b/c/log
	comes one
	mv a gone
	mkdir -p a/b/c
	echo two >a/b/c/log
	comes two
	rm -r a
	mkdir -p a/b/c
	echo three >a/b/c/log
	comes three
	stop
	all one two three
	lines err 1
}

@test "follow: the folder is a symbolic link that changes" {
	mkdir v1 v2
	echo one >v1/log
	echo two >v2/log
	ln -s v1 current
	follow current/log
	comes one
	ln -sfn v2 current
	comes two
	stop
}

@test "follow: the name is a symbolic link, and its target is rotated" {
	mkdir real
	echo one >real/0.log
	ln -s real/0.log log
	follow log
	comes one
	mv real/0.log real/1.log
	echo two >real/0.log
	comes two
	rm real/0.log
	echo three >real/0.log
	comes three
	stop
	all one two three
}

@test "follow: a pattern takes in what matches later, and nothing twice" {
	echo one >app.log
	echo hidden >.app.log
	echo other >app.txt
	follow '*.log' app.log ./app.log
	comes one
	mv app.log app.1.log
	echo two >app.log
	comes two
	echo three >>app.1.log
	comes three
	ln app.log again.log
	echo four >new.log
	comes four
	stop
	all one two three four
	[ ! -s err ]
}

@test "follow: a pattern in the name of a folder" {
	mkdir -p web/logs
	echo one >web/logs/x.log
	follow '*/logs/*.log'
	comes one
	mkdir -p db/logs mail
	echo two >db/logs/y.log
	comes two
	mv web gone
	mkdir -p web/logs
	echo three >web/logs/x.log
	comes three
	stop
	[ "$(sort -u out | xargs)" = "one three two" ]
}

@test "follow: a pattern without a match is told, and a file of that very name is taken" {
	follow 'no*.log'
	wait_until has err "no*.log: no file matches; files that do are waited for"
	stop
	echo one >'a[1].log'
	echo two >a1.log
	follow 'a[1].log'
	comes one
	stop
	all one
	[ ! -s err ]
}

@test "follow: --from-end leaves out what is there, but not half a line" {
	printf 'old1\nold2\nha' >log
	follow --from-end log later
	wait_until has err "later: there is no such file"
	printf 'lf\nnew\n' >>log
	echo all >later
	wait_until lines out 3
	[ "$(sort out | xargs)" = "all half new" ]
	mv log log.1
	echo next >log
	comes next
	stop
}

@test "follow: --tag names the file by the name it had" {
	echo '{"n":1}' >a.log
	follow --tag file '*.log'
	comes '{"file":"a.log","n":1}'
	exec 5>>a.log
	mv a.log a.log.1
	echo '{"n":2}' >&5
	exec 5>&-
	comes '{"file":"a.log","n":2}'
	echo '{"n":3}' >b.log
	comes '{"file":"b.log","n":3}'
	stop
}

@test "follow: a compressed file is left out, and told once" {
	echo one | gzip >a.log
	follow '*.log'
	wait_until has err "a.log: it is compressed, and is left out"
	touch a.log
	echo two >b.log
	comes two
	cp a.log c.log
	wait_until has err "c.log: it is compressed, and is left out"
	stop
	all two
	lines err 2
}

@test "follow: a file that can't be read is told once, and read when it can be" {
	echo one >in
	nobody
	touch out err
	chmod 666 out err
	echo secret >log
	chmod 600 log
	AS=("${NOBODY[@]}")
	follow in log
	comes one
	wait_until has err "log: Permission denied; it is left out until that changes"
	echo more >>log
	chmod 644 log
	comes secret more
	stop
	lines err 1
}

@test "follow: our own output is left out" {
	echo one >a.log
	OUT=all.log
	follow '*.log'
	wait_until has err "all.log: it is the standard output, and is left out"
	wait_until has all.log one
	stop
	lines all.log 1
}

@test "follow: a FIFO among the operands is read as ever" {
	mkfifo fifo
	echo one >log
	follow log fifo
	comes one
	printf 'two\nthree' >fifo
	comes two three
	echo four >>log
	comes four
	stop
}

@test "follow: too many files for the limit of descriptors are told" {
	for i in $(seq 40); do echo "$i" >"$i.log"; done
	(
		ulimit -n 40
		go 2 "$BIN/pfanin" --follow '*.log'
		has err "too many files are open (ulimit -Hn)"
	)
}

@test "follow: what does not go together" {
	go 2 "$BIN/pfanin" --follow --concat log
	has err "--concat"
	go 2 "$BIN/pfanin" --follow --round-robin log
	has err "--round-robin"
	go 2 "$BIN/pfanin" --from-end log
	has err "--follow"
	go 2 "$BIN/pfanin" --follow
	go 2 "$BIN/pfanin" --follow .
	has err ".: it is a folder; follow the files in it: './*'"
	# Nothing could ever be followed: what there is has an end.
	mkfifo fifo
	go 2 "$BIN/pfanin" --follow - fifo </dev/null
	[ "$(cat err)" = "pfanin: --follow: none of the inputs is a file that can be followed" ]
	[ ! -s out ]
}

@test "follow: --merge of two logs, of which one is rotated" {
	echo '{"t":1}' >a.log
	echo '{"t":2}' >b.log
	follow --merge .t a.log b.log
	comes '{"t":1}'
	echo '{"t":3}' >>a.log
	comes '{"t":2}'
	mv a.log a.log.1
	echo '{"t":4}' >>b.log
	comes '{"t":3}'
	echo '{"t":5}' >a.log
	comes '{"t":4}'
	echo '{"t":6}' >c.log
	mv c.log b.log
	comes '{"t":5}'
	stop
	lacks out late
}

@test "follow: --merge goes on without a silent log after --idle-timeout" {
	echo '{"t":1}' >a.log
	follow --merge .t --idle-timeout 50ms a.log b.log
	comes '{"t":1}'
	echo '{"t":2}' >>a.log
	comes '{"t":2}'
	echo '{"t":3}' >b.log
	comes '{"t":3}'
	stop
}

@test "follow: a thousand files" {
	mkdir d
	for i in $(seq 1000); do echo "$i" >"d/$i.log"; done
	follow 'd/*.log'
	wait_until lines out 1000
	for i in $(seq 1000); do echo "new $i" >>"d/$i.log"; done
	wait_until lines out 2000
	stop
	[ "$(sort -u out | wc -l)" -eq 2000 ]
}

@test "follow: what is written between a read and the end of an old file is not lost" {
	no_sanitizer
	exec 5>>log
	echo one >&5
	AS=(env LD_PRELOAD="$SHIMS/hold_read.so")
	follow log
	comes one
	mv log log.1
	touch hold
	echo two >&5
	# It has seen the end of the file; now that is not the end any more.
	wait_until test -e held
	echo three >&5
	exec 5>&-
	wait_until test -e leased
	rm hold
	comes three
	stop
	all one two three
}

@test "follow: a file that gets its name back is not read again" {
	mkdir d
	echo one >d/log
	follow d/log
	comes one
	closed() { ! readlink "/proc/$pid"/fd/* | grep -qF "$PWD/$1"; }
	mv d/log d/away
	wait_until closed d/away
	echo two >>d/away
	mv d/away d/log
	comes two
	mv d away
	wait_until closed away/log
	mv away d
	echo three >>d/log
	comes three
	# Another file, even with the same number, is read from its start.
	rm d/log
	wait_until closed "d/log (deleted)"
	printf 'one\ntwo\nthree\nfour\n' >d/log
	comes one two three four
	stop
	all one two three one two three four
}

# rename_often N: renames something in the folder: 2 * N events.
rename_often() {
	python3 -c 'import os, sys
open("x", "w")
for i in range(int(sys.argv[1])):
    os.rename("x", "y") if i % 2 == 0 else os.rename("y", "x")' "$1"
}

@test "follow: more events than the queue of inotify holds" {
	echo one >a.log
	echo two >b.log
	echo three >c.log
	follow '*.log' later/d 'new*/e'
	wait_until lines out 3
	kill -STOP "$pid"
	rename_often "$(cat /proc/sys/fs/inotify/max_queued_events)"
	mv a.log a.1
	echo four >>a.1
	echo five >a.log
	echo six >>b.log
	rm c.log
	echo seven >c.log
	mkdir later new1
	echo eight >later/d
	echo nine >new1/e
	kill -CONT "$pid"
	wait_until lines out 9
	[ "$(sort out | xargs)" = "eight five four nine one seven six three two" ]
	echo ten >>a.log
	comes ten
	echo eleven >>later/d
	comes eleven
	echo twelve >new1/e.log
	mv new1 new2
	echo thirteen >new2/e2
	echo fourteen >>new2/e
	comes fourteen
	stop
	lines out 12
}

# The CPU time of pfanin, in 1/100 s.
cpu_time() {
	awk '{ print $14 + $15 }' "/proc/$pid/stat"
}

# write_each WORD SUFFIX: 5000 files, each with the word and its number.
write_each() {
	seq 5000 | awk -v word="$1" -v suffix="$2" '{ file = $1 "." suffix; print word, $1 >file; close(file) }'
}

@test "follow: many names in one folder, which are all rotated at once" {
	no_sanitizer
	(ulimit -Sn 6000) 2>/dev/null || skip "so many files can't be open here"
	write_each old log
	# shellcheck disable=SC2046 # words
	follow $(seq -f '%g.log' 5000)
	wait_until lines out 5000
	before=$(cpu_time)
	kill -STOP "$pid"
	write_each new new
	python3 -c 'import os
for i in range(1, 5001): os.rename(f"{i}.log", f"{i}.1"); os.rename(f"{i}.new", f"{i}.log")'
	kill -CONT "$pid"
	wait_until lines out 10000
	[ $(($(cpu_time) - before)) -lt 100 ]
	stop
	[ "$(sort -u out | wc -l)" -eq 10000 ]
}

@test "follow: twenty rotations of each kind while eight writers append" {
	for seed in 1 2 3; do
		TMPDIR=$PWD "$BATS_TEST_DIRNAME/../campaign/rotations" "$seed" 20
	done
}

# rotate OPTION...: rotates the log with logrotate, now.
rotate() {
	printf '%s/log {\n\trotate 9\n%s\n}\n' "$PWD" "$(printf '\t%s\n' "$@")" >conf
	chmod 600 conf
	chmod go-w .
	logrotate -f -s "$PWD/state" "$PWD/conf"
}

@test "follow: logrotate: create, nocreate, copytruncate, compress" {
	needs logrotate
	echo one >log
	follow log
	comes one
	rotate create
	echo two >>log
	comes two
	rotate nocreate
	echo three >>log
	comes three
	rotate copytruncate
	echo four >>log
	comes four
	rotate create compress
	echo five >>log
	comes five
	stop
	all one two three four five
	[ ! -s err ]
}
