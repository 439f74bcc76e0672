#!/usr/bin/env bats
# Marks through pfanout --to: each output has its share of them.

# shellcheck disable=SC2086,SC2016,SC2154 # words; for the other shell; $pid

load ../support/helpers
load ../support/streams
load ../support/background

TO=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
WHOLE=281474976710656

export BIN

# mark N: a line.
mark() {
	echo '{"pchan":"mark/1","to":"'"$TO"'","n":'"$1"',"w":'"$WHOLE"'}'
}

# marked N EVERY: a mark, and N records with a mark after each EVERY.
marked() {
	mark 1
	ids "$1" | awk -v every="$2" -v mark="$(mark N)" '
		{ print }
		NR % every == 0 { line = mark; sub(/N/, ++n + 1, line); print line }'
}

# listen: a source's socket; what it receives is in ./acks.
listen() {
	: >acks
	timeout 60 "$STUBS/ear" "$TO" acks 3>&- &
	ear=$!
	wait_until grep -qs "pchan/$TO" /proc/net/unix
}

deafen() {
	kill "$ear"
	wait "$ear" 2>/dev/null || true
}

# shares FILE...: the weights that were acknowledged, and those of the marks in
# the files, by the number of the mark: "N WEIGHT".
shares() {
	{
		cut -d ' ' -f 2,3 acks
		cat -- "$@" </dev/null | jq -r 'select(.pchan == "mark/1") | "\(.n) \(.w)"'
	} | awk '{ sum[$1] += $2 } END { for (n in sum) printf "%d %.0f\n", n, sum[n] }' | sort -n
}

# whole N FILE...: the whole of each of the first N marks is there.
whole() {
	[ "$(shares "${@:2}")" = "$(seq "$1" | sed "s/$/ $WHOLE/")" ]
}

# readers FILE...: a stage that reads the FIFO writes FILE.got.
readers() {
	local file

	for file; do
		rm -f "$file" "$file.got"
		mkfifo "$file"
		timeout 60 pfanout <"$file" >"$file.got" 3>&- &
	done
}

# job STATUS SOURCE SPREAD: pfanin --state s SOURCE | pfanout SPREAD >out.
job() {
	local status=0

	timeout 60 bash -c '"$BIN/pfanin" --state s '"$2"' 2>err.in | "$BIN/pfanout" '"$3"' >out 2>err
		echo "${PIPESTATUS[@]}"' >statuses || status=$?
	[ "$status $(<statuses)" = "0 $1" ] || {
		echo "status $status, $(<statuses) instead of $1: $2 | $3"
		cat err.in
		return 1
	}
}

# is_saved LINE: all up to this line of the input is finished.
is_saved() {
	[ -s s ] && [ "$(jq '.inputs[0].line // 0' s)" -eq "$1" ]
}

# is_open LINE: not all of it is.
is_open() {
	[ ! -s s ] || [ "$(jq '.inputs[0].line // 0' s)" -lt "$1" ]
}

# there N FILE...: the ids 1 to N are in the files.
there() {
	jq -r '.id // .value.id' "${@:2}" | sort -nu | cmp - <(seq "$1")
}

@test "markto: all that is written is acknowledged, however it is spread" {
	ids 3000 >in
	for by in ready round-robin 'key --key .id' copy; do
		rm -f s f
		readers a b
		job '0 0' in "--to a --to b --to f --by $by"
		wait
		is_saved 3000
		lacks f pchan
		there 3000 a.got b.got f
		rm -f s f
		job '0 0' in "--to f --to - --by $by"
		is_saved 3000
		there 3000 f out
		lacks f pchan
		lacks out pchan
		[ ! -s err ]
	done
}

@test "markto: the shares of a mark are its whole weight" {
	marked 300 10 >in
	for by in ready round-robin 'key --key .id' copy; do
		listen
		for file in a b; do
			rm -f "$file"
			mkfifo "$file"
			cat "$file" >"$file.got" 3>&- &
		done
		go 0 pfanout --to a --to b --to f --by $by <in
		wait_until whole 31 a.got b.got
		[ "$(grep -c pchan a.got)" -eq 31 ]
		jq .n a.got | grep -v null | sort -nc
		# Standard output is one of them, or beside them.
		[ "$(grep -c pchan out)" -eq 0 ]
		: >acks
		pfanout --to - --to f --by $by <in | cat >piped
		wait_until whole 31 piped
		: >acks
		pfanout --to f --by $by <in | cat >piped
		wait_until whole 31 piped
		lines piped 31
		deafen
	done
}

@test "markto: the first mark leads in each output" {
	local how file

	marked 2000 500 >in
	mkfifo a b
	for how in '' '--by copy' '--key .id' '--by round-robin'; do
		for _ in {1..10}; do
			for file in a b; do
				timeout 60 cat "$file" >"$file.got" 3>&- &
			done
			pfanout --to a --to b $how <in >out
			wait
			for file in a.got b.got; do
				[ ! -s "$file" ] || [[ $(head -n 1 "$file") == *'"pchan":"mark/1"'* ]]
			done
		done
	done
}

@test "markto: the first mark leaves while the router waits for room behind it" {
	local to=()

	marked 31 40 >in
	mkfifo {a..h}
	for file in {a..h}; do
		to+=(--to "$file")
	done
	timeout 60 cat a >a.got 3>&- &
	start pfanout -q "${to[@]}"
	cat in >&8
	wait_until at_least a.got 32
	[[ $(head -n 1 a.got) == *'"pchan":"mark/1"'* ]]
	send "$pid" TERM
	ends_with 143
}

@test "markto: a mark comes behind what was written before it" {
	marked 20000 100 >in
	for by in ready round-robin copy; do
		for file in a b; do
			rm -f "$file"
			mkfifo "$file"
			cat "$file" >"$file.got" 3>&- &
		done
		pfanout --to a --to b --by $by <in >/dev/null
		wait %?cat 2>/dev/null || true
		wait_until at_least b.got 201
		# What is not in a was in b before.
		for got in a.got b.got; do
			[ "$by" = copy ] || got="$got $([ "$got" = a.got ] && echo b.got || echo a.got)"
			set -- $got
			[ "$("$STUBS/sound" in "$1" <(grep -v pchan "${2-/dev/null}"))" = '201 marks' ]
		done
	done
}

@test "markto: each file of a folder is synced, also one that was closed" {
	seq 2000 | awk '{ print "{\"id\":" $1 ",\"k\":" $1 % 300 "}" }' >in
	mkdir d
	job '0 0' in '--to d/{.k}'
	is_saved 2000
	cat d/* >all
	there 2000 all
	needs_strace
	listen
	{
		mark 1
		cat in
		mark 2
	} >marked
	for how in '' with-few; do
		rm -f d/*
		[ -z "$how" ] || { mark 1 && head -n 9 in && mark 2; } >marked
		strace -f -o trace -e trace=fdatasync,syncfs,sendto,writev pfanout --to 'd/{.k}' <marked
		wait_until whole 2
		# After the last write, and before the last acknowledgement.
		grep -o -e '\(fdatasync\|syncfs\|sendto\|writev\)(' trace | tac | awk '!/sendto/ { print; exit }' >last
		if [ -n "$how" ]; then
			[ "$(grep -c 'fdatasync(' trace)" -eq 9 ]
			[ "$(<last)" = 'fdatasync(' ]
		else
			[ "$(<last)" = 'syncfs(' ]
		fi
		: >acks
	done
	deafen
}

@test "markto: a file is synced before its share is acknowledged" {
	needs_strace
	listen
	marked 20 10 >in
	strace -f -o trace -e trace=fdatasync,sendto,writev pfanout --to f <in >/dev/null
	grep -o -e '\(fdatasync\|writev\)(' trace | uniq | paste -sd ' ' >calls
	[ "$(<calls)" = 'writev( fdatasync(' ]
	wait_until whole 3
	deafen
}

@test "markto: after a rotation what was in the old file counts" {
	listen
	start pfanout --to f
	mark 1 >&8
	ids 3 >&8
	mark 2 >&8
	wait_until whole 2
	echo '{"id":4}' >&8
	wait_until at_least f 4
	mv f old
	send "$pid" HUP
	echo '{"id":5}' >&8
	mark 3 >&8
	wait_until whole 3
	exec 8>&-
	ends_with 0
	lines old 4
	lines f 1
	# The same in a folder.
	mkdir d
	: >acks
	start pfanout --to 'd/{.id}'
	mark 1 >&8
	echo '{"id":1}' >&8
	wait_until at_least d/1 1
	mv d/1 old
	send "$pid" HUP
	{
		echo '{"id":1}'
		mark 2
	} >&8
	wait_until whole 2
	exec 8>&-
	ends_with 0
	lines d/1 1
	deafen
}

@test "markto: a reader that is slow holds the state back" {
	mkfifo a
	exec 9<>a
	ids 100 >in
	job '0 0' in '--to a --to f --by copy' &
	wait_until at_least f 100
	wait_until test -s s
	is_open 100
	timeout 60 pfanout <a >a.got 9>&- 3>&- &
	exec 9>&-
	wait %1
	is_saved 100
	cmp a.got f
}

@test "markto: kill -9 behind an output: nothing is missing after the next run" {
	ids 20000 >in
	for by in ready 'key --key .id' copy; do
		rm -f s a b f
		touch all
		mkfifo a b
: >a.got
		# Slowly, so that it has many, and is killed before the end.
		pratelimit -r 2000/s <a >a.got 2>/dev/null 3>&- &
		victim=$!
		timeout 60 pratelimit -r 2000/s <b >b.got 3>&- &
		job '2 2' "--window 2000 --grace 200ms in" "--to a --to b --by $by" &
		pipeline=$!
		wait_until at_least a.got 1500
		kill -9 "$victim"
		wait "$pipeline"
		has err 'output a: its reader has left; what is not finished comes again'
		is_open 20000
		wait
		# A torn line is the last one.
		sed -i '$ { /}$/ !d }' a.got
		cat a.got b.got >all
		cp a.got a.all
		readers a b
		job '0 0' in "--to a --to b --by $by"
		wait
		is_saved 20000
		cat a.got b.got >>all
		there 20000 all
		[ "$by" != copy ] || {
			cat a.got >>a.all
			there 20000 a.all
		}
	done
}

@test "markto: an output that dies ends the run, whichever way they are spread" {
	ids 20000 >in
	for by in ready round-robin 'key --key .id' copy; do
		rm -f s f
		job '2 2' '--grace 100ms in' "--to >(head -n 1 >/dev/null) --to f --by $by"
		has err 'its reader has left; what is not finished comes again'
		is_open 20000
		lacks f pchan
	done
	# Before the first mark has come.
	rm -f s
	start pfanout --to >(:) --to f
	wait_until grep -q 'has left' err
	mark 1 >&8
	ends_with 2
	has err 'which no output may miss'
}

@test "markto: a full disk: status 2, and nothing is acknowledged" {
	ids 500 >in
	job '2 2' '--grace 100ms in' '--to /dev/full --to f --by round-robin'
	has err 'output /dev/full: No space left on device; what is not finished comes again'
	is_open 500
	small_disk 8
	mkdir -p disk/d
	rm -f s
	job '2 2' '--grace 100ms in' '--to disk/d/{.id}'
	has err 'No space left on device; what is not finished comes again'
	is_open 500
	rm -f s disk/d/*
	head -c 20000 /dev/zero | tr '\0' x | sed 's/.*/{"id":"&"}/' >>in
	job '2 2' '--grace 100ms in' '--to disk/d/f'
	has err 'output disk/d/f: No space left on device'
	is_open 501
}

@test "markto: what a stop cancels comes again, also where a copy has been written" {
	marked 20000 100 >in
	listen
	mkfifo a
	exec 9<>a
	start pfanout --by copy --to a --to f
	cat in >&8 &
	# The pipe is full.
	wait_until at_least f 4000
	send "$pid" TERM
	again "$pid" TERM
	exec 8>&-
	timeout 60 cat a >a.got 9>&- 3>&- &
	reader=$!
	exec 9>&-
	ends_with 143
	wait "$reader"
	"$STUBS/sound" in a.got
	has err 'not finished, and come again'
	deafen
}

@test "markto: --ack: the reader of a FIFO has read it" {
	listen
	mkfifo a
	exec 9<>a
	marked 20 10 >in
	start pfanout --ack --to a
	head -n 1 in >&8
	wait_until whole 1
	tail -n +2 in >&8
	read -r line <&9
	[ "$line" = '{"id":1}' ]
	head -n 19 <&9 >some
	lacks some pchan
	wait_until whole 3
	exec 9<&- 8>&-
	ends_with 0
	deafen
}

@test "markto: letters go their way, and are waited for" {
	{
		ids 5
		echo nonsense
		letters 1
	} >in
	job '0 1' in '--to f'
	is_saved 7
	[ "$(reasons out)" = 'invalid 1, timeout 1' ]
	rm -f s f
	job '0 1' in '-d dead --to f'
	is_saved 7
	[ "$(reasons dead out)" = 'invalid 1, timeout 1' ]
	# A folder has names that no file can have.
	echo '{"id":"a/b"}' >>in
	rm -f s
	mkdir d
	job '0 1' in '--to d/{.id}'
	is_saved 8
	has out unroutable
}

@test "markto: fan-in of the outputs: the shares of a mark come together" {
	ids 5000 >in
	for how in '' --round-robin '--merge .id'; do
		rm -f s a b got
		mkfifo a b
		timeout 60 pfanin $how a b >got 3>&- &
		job '0 0' in '--to a --to b --by round-robin'
		wait
		is_saved 5000
		there 5000 got
		lacks got pchan
	done
}

@test "markto: a split behind a split" {
	ids 2000 >in
	job '0 0' in '--by key --key .id --to >(exec "$BIN/pfanout" --to x --to y >/dev/null) --to z'
	is_saved 2000
	there 2000 x y z
	# 2^48 is divided often enough, but not for ever.
	{ mark 1 | sed 's/"w":[0-9]*/"w":2/' && ids 1; } >few
	go 2 pfanout --to x --to y <few
	has err 'too small to be divided'
}

@test "markto: what tee copies is told" {
	ids 2000 >in
	job '2 0' '--grace 1s --follow in' '--to >(tee >(exec "$BIN/pfanout" >x) | exec "$BIN/pfanout" >y) --to z'
	has err.in 'finished twice: the stream is copied'
}

@test "markto: the source waits for its slowest end, when others have ended" {
	ids 4 >in
	mkfifo a pipe
	cat >work <<-'END'
		read -r record
		case $record in *:4}) : >begun; until [ -e go ]; do sleep 0.01; done ;; esac
		echo "$record"
	END
	timeout 60 pfanout -x -- sh work <a >slow 3>&- &
	timeout 60 pfanout --by round-robin --to f --to a <pipe >out 3>&- &
	spread=$!
	# The last two come when both have acknowledged what was before.
	# (timeout(1) would keep the pipe open.)
	pfanin --state s --window 2 --grace 100ms in >pipe 2>err 3>&- &
	source=$!
	wait_until test -e begun
	wait "$spread"
	# Longer than the grace.
	read -rt 0.5 _ <>pipe || true
	: >go
	wait "$source"
	[ ! -s err ]
	is_saved 4
	there 4 f slow
}
