#!/usr/bin/env bats
# A file that is written must be no other file of the same tool.

load ../support/helpers
load ../support/streams

# clash TEXT COMMAND: the shell command is refused, by one line with this text,
# and says which file is meant.
clash() {
	local got=0

	timeout 20 bash -c "$2" 2>err || got=$?
	[ "$got" -eq 2 ] || {
		echo "status $got: $2"
		return 1
	}
	has err "$1"
	lines err 1
}

SAME='are the same file: choose another one'

@test "samefile: stdout is the input" {
	ids 3 >in
	cp in keep
	ln in hard
	for tool in pfanout 'pfanout -x cat' 'pfanout -F cat' 'pratelimit -r 1G/s' pdeadletter; do
		clash "standard output and standard input $SAME" "$tool <in >>in"
		clash "standard output and standard input $SAME" "$tool <in 1<>hard"
		clash "standard output and standard input $SAME" "exec 5<>in; $tool <&5 >&5"
	done
	cmp in keep
	clash "standard output and standard input $SAME" 'pfanout <in >in'
}

@test "samefile: stdout is the dead-letter file, one that was rotated, or its cursor" {
	ids 3 >in
	mkdir sub
	ln -s ../dead sub/link
	for tool in pfanout 'pratelimit -r 1G/s' pdeadletter; do
		for file in dead ./dead sub/link; do
			clash "standard output and dead-letter file $file $SAME" "$tool -d $file <in >dead"
		done
		for file in dead.1 dead.20261125 dead-20261125 dead.cursor; do
			clash "$file, which belongs to dead-letter file dead: choose another file" "$tool -d dead <in >$file"
		done
	done
	# These belong to nobody.
	for file in dead.ndjson dead-letters deader dead. dead.2026.txt; do
		go 0 bash -c "pfanout -d dead <in >$file"
		cmp in "$file"
	done
}

@test "samefile: pratelimit's --shared and --rate-file" {
	ids 3 >in
	echo 5/s >rate
	cp rate keep
	clash "standard output and --shared bucket $SAME" 'pratelimit -r 9/s --shared bucket <in >bucket'
	[ ! -s bucket ]
	clash "standard output and --rate-file rate $SAME" 'pratelimit --rate-file rate <in >>rate'
	clash "dead-letter file rate and --rate-file rate $SAME" 'pratelimit --rate-file rate -d rate <in'
	clash "--shared ./rate and --rate-file rate $SAME" 'pratelimit --rate-file rate --shared ./rate <in'
	clash "--shared in and standard input $SAME" 'pratelimit -r 9/s --shared in <in'
	# Neither exists yet.
	clash "dead-letter file new and --shared ./new $SAME" 'pratelimit -r 9/s --shared ./new -d new <in'
	[ ! -e new ]
	cmp rate keep
}

@test "samefile: the commands of pdeadletter" {
	letters 3 >dead
	letters 3 >dead.1
	cp dead keep
	for command in list stats show replay purge; do
		clash "standard output and dead-letter file dead $SAME" "pdeadletter $command dead >>dead"
		clash "dead.1, which belongs to dead-letter file dead: choose another file" "pdeadletter $command dead >>dead.1"
	done
	clash "dead.cursor, which belongs to dead-letter file dead: choose another file" 'pdeadletter replay dead >dead.cursor'
	clash "standard output and standard input $SAME" 'pdeadletter replay - <dead >>dead'
	cmp dead keep
}

@test "samefile: what is no regular file may be used twice" {
	ids 3 >in
	go 0 bash -c 'pfanout -d /dev/null <in >/dev/null'
	go 0 bash -c 'pfanout -d /dev/null </dev/null >/dev/null'
	mkfifo fifo
	exec 7<>fifo
	go 0 bash -c 'pfanout -d fifo <in >fifo'
	exec 7>&-
	# The same descriptor for results and messages is no second file.
	go 0 bash -c 'pfanout -v <in >all 2>&1'
	lines all 4
}
