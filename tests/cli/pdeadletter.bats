#!/usr/bin/env bats
# pdeadletter: as a filter it passes good records and keeps dead letters in a
# file; its commands list, show, count, replay and purge them.

load ../support/helpers
load ../support/streams

# go STATUS COMMAND...: as in streams.bash, but with ./in on stdin.
go() {
	local status=0 want=$1

	shift
	timeout 60 "$@" <in >out 2>err || status=$?
	[ "$status" -eq "$want" ] || {
		echo "status $status instead of $want: $*"
		return 1
	}
}

# The letters of ./dead and of its rotated files, oldest first.
in_order() {
	find . -name 'dead.[0-9]*' | sort -t . -k 3 -rn | xargs -r cat
	cat dead
}

@test "pdeadletter: good lines pass byte for byte, letters go into the file" {
	{
		printf '{"id":1}\r\n\n \t\nno JSON\n[1,'
		printf '\n\0\377\n{"pchan":"retry/1","id":"x","value":1}\n'
		printf '{"pchan":"dead-letter/1","id":"not whole"}\n{"pchan":"dead-letter/2"}\nlast'
	} >good
	letters 3 >bad
	{
		head -n 4 good
		head -n 2 bad
		tail -n +5 good
		echo
		tail -n 1 bad
	} >in
	go 1 pdeadletter -d dead
	echo >>good
	cmp good out
	cmp bad dead
	[ "$(cat err)" = 'pdeadletter: 3 dead letters are in dead' ]
	go 1 pdeadletter -q -d dead
	[ ! -s err ]
	cat bad bad | cmp - dead
}

@test "pdeadletter: without letters the status is 0, and nothing is printed" {
	ids 1000 >in
	go 0 pdeadletter -d dead
	cmp in out
	[ ! -s dead ] && [ ! -s err ]
	: >in
	go 0 pdeadletter -d dead
	[ ! -s out ] && [ ! -s dead ] && [ ! -s err ]
}

@test "pdeadletter: without a file letters go to standard error, and nothing else does" {
	{
		ids 2
		letters 2
	} >in
	go 1 pdeadletter
	letters 2 | cmp - err
	ids 2 | cmp - out
}

@test "pdeadletter: one file has the failures of all stages of a pipeline" {
	ids 1000 >in
	go 1 sh -c 'pfanout -q -n one -j2 -- sed "s/.*[05]}/!no/" |
		pfanout -q -n two -x -- sh -c "grep -v 11" | pfanout -q -n three -F -- cat | pdeadletter -q -d dead'
	ids 1000 | grep -v '[05]}' | grep -v 11 >results
	sort out | cmp - <(sort results)
	[ "$(jq -r '.stage' dead | sort | uniq -c | tr -s ' ' | tr '\n' ',')" = ' 200 one, '"$(ids 1000 | grep -v '[05]}' | grep -c 11)"' two,' ]
	account 1000 out dead
}

@test "pdeadletter: 100 000 records in a stream keep their order" {
	{
		ids 100000 | sed -n 1~2p
		letters 50000
		ids 100000 | sed -n 2~2p
	} >in
	go 1 pdeadletter -q -d dead
	ids 100000 | sed -n '1~2p' >want
	ids 100000 | sed -n '2~2p' >>want
	cmp want out
	letters 50000 | cmp - dead
}

@test "pdeadletter: the file rotates, and --keep bounds the rotated files" {
	letters 50 >in
	size=$(letters 9 | wc -c)
	go 1 pdeadletter -q -d dead --max-size "$size"
	[ "$(stat -c %s dead.* dead | sort -n | tail -n 1)" -le "$size" ]
	in_order | cmp - in
	rm dead*
	go 1 pdeadletter -q -d dead --max-size "$size" --keep 2 --sync none
	in_order | cmp - <(tail -n "$(cat dead* | wc -l)" in)
	[ "$(echo dead*)" = 'dead dead.1 dead.2' ]
}

@test "pdeadletter: what --keep removes is counted, whoever had written it" {
	letters 400 >in
	go 1 pdeadletter -d dead --max-size 10K --keep 2
	left=$(cat dead* | wc -l)
	[ "$left" -lt 400 ]
	[ "$(cat err)" = "pdeadletter: 400 dead letters were put in dead; --keep has removed the oldest $((400 - left))" ]
	# What others have left there counts, too, but not what is no letter.
	rm dead*
	letters 30 >dead.1
	{
		echo foreign
		printf '\n{"pchan":"dead-letter/1","id":"to'
	} >>dead.1
	letters 1 | jq -cS . | head -c -1 >dead.2
	letters 20 >dead
	letters 1 >in
	export PCHAN_RUN_DIR=$PWD/run
	go 1 pdeadletter -v -d dead --max-size 100 --keep 1
	has err '1 dead letter was put in dead; --keep has removed the oldest 31'
	has err 'failed 0, discarded 31, bypassed 1,'
	[ "$(echo dead*)" = 'dead dead.1' ]
	timeout 20 pmetrics print >numbers
	has numbers 'pipeline_letters_discarded_total{stage="pdeadletter",tool="pdeadletter"} 31'
	go 1 pdeadletter -v -d dead --max-size 100
	lacks err discarded
}

@test "pdeadletter: a removed file that can't be read is told" {
	letters 30 >in
	nobody
	mkdir open
	chmod 777 open
	: >open/dead
	chown 65534 open/dead
	for n in 1 2; do
		letters 3 >open/dead.$n
		chmod 000 open/dead.$n
	done
	go 1 "${NOBODY[@]}" pdeadletter -d open/dead --max-size 2K --keep 1
	lines err 3
	for n in 2 1; do
		has err "open/dead.$n was removed, as --keep says, and its letters could not be counted: Permission denied"
	done
}

@test "pdeadletter: --sync says how often the disk is waited for" {
	needs_strace
	letters 20 >in
	for how in record:20 batch:1 none:0; do
		rm -f dead
		go 1 strace -f -o trace -e trace=fdatasync pdeadletter -q -d dead --sync "${how%:*}"
		[ "$(grep -c 'fdatasync(' trace)" -eq "${how#*:}" ]
		cmp in dead
	done
}

@test "pdeadletter: a line that is too long becomes a dead letter" {
	{
		ids 2
		head -c 100000 /dev/zero | tr '\0' x
		echo
		ids 1
	} >in
	go 1 pdeadletter -q -d dead --max-record 1K
	[ "$(jq -r '[.stage, .reason, .input.line, .input.length, .truncated] | join(" ")' dead)" = 'pdeadletter too_long 3 100000 true' ]
	[ "$(wc -l <out)" -eq 3 ]
}

@test "pdeadletter: letters that can't be kept are named, and the run goes on" {
	[ -c /dev/full ] || skip "no /dev/full"
	{
		ids 2
		letters 10
	} >in
	go 2 pdeadletter -d /dev/full
	cmp in out
	grep -q '/dev/full: No space left on device; 10 dead letters that it could not keep (id-1, id-2, .*id-8 and others)' err
}

@test "pdeadletter: with stderr closed, letters that should go there are in the output" {
	letters 10 >in
	status=0
	timeout 10 pdeadletter <in >out 2>&- || status=$?
	[ "$status" -eq 2 ]
	cmp in out
}

@test "pdeadletter: a file that can't be opened is reported before input is read" {
	letters 3 >in
	for file in . none/dead in/dead; do
		go_unread 2 pdeadletter -d $file
		has err "dead-letter file $file: "
	done
}

@test "pdeadletter: a torn tail is closed off and reported" {
	letters 1 >in
	for tail in '{"pchan":"dead-' 'x' '\0\0\0'; do
		{
			letters 2
			# shellcheck disable=SC2059 # it has escapes
			printf "$tail"
		} >dead
		{
			cat dead
			echo
			cat in
		} >want
		go 1 pdeadletter -d dead
		cmp want dead
		[ "$(grep -c 'last line is not whole' err)" -eq 1 ]
	done
}

@test "pdeadletter: eight of them append letters of 1 MB to one file that rotates" {
	big=$(head -c 1000000 /dev/zero | tr '\0' x)
	for i in 1 2 3 4 5 6 7 8; do
		for n in 1 2 3; do
			echo "{\"pchan\":\"dead-letter/1\",\"id\":\"$i-$n\",\"stage\":\"s\",\"reason\":\"crash\",\"text\":\"$big\"}"
		done >"in.$i"
	done
	for i in 1 2 3 4 5 6 7 8; do
		timeout 60 pdeadletter -q -d dead --max-size 5M --sync none <"in.$i" >"out.$i" 3>&- &
	done
	wait
	cat dead* | jq -r '"\(.id) \(.text | length)"' | sort >got
	for i in 1 2 3 4 5 6 7 8; do
		for n in 1 2 3; do
			echo "$i-$n 1000000"
		done
	done | cmp - got
	cat out.* | cmp - /dev/null
}

@test "pdeadletter: nothing is lost in a file that is renamed and removed again and again" {
	mkfifo fifo
	timeout 60 pdeadletter -q -d dead <fifo >out 2>err 3>&- &
	pid=$!
	exec 8>fifo
	for n in 1 2 3 4 5; do
		letters 5 | sed -n "${n}p" >&8
		wait_until test -s dead
		mv dead "old.$n"
	done
	exec 8>&-
	wait "$pid" || [ $? -eq 1 ]
	cat old.* | cmp - <(letters 5)
	[ ! -s err ]
}

@test "pdeadletter: a signal is the status; with a file HUP reopens it" {
	mkfifo fifo
	for sig in TERM INT HUP; do
		rm -f out err
		timeout -s KILL 60 env --default-signal pdeadletter <fifo >out 2>err 3>&- &
		exec 8>fifo
		letters 1 >&8
		wait_until test -s err
		pid=$(pgrep -P $! pdeadletter)
		kill -$sig "$pid"
		ids 2 >&8
		wait_until at_least out 2
		exec 8>&-
		status=0
		wait $! || status=$?
		[ "$status" -eq $((128 + $(kill -l $sig))) ]
	done
	# With a dead-letter file, HUP opens the file again.
	timeout -s KILL 60 pdeadletter -q -d dead <fifo >out 2>err 3>&- &
	exec 8>fifo
	letters 1 >&8
	wait_until test -s dead
	kill -HUP "$(pgrep -P $! pdeadletter)"
	letters 1 >&8
	wait_until at_least dead 2
	exec 8>&-
	status=0
	wait $! || status=$?
	[ "$status" -eq 1 ]
}

@test "pdeadletter: a reader that goes away ends it by SIGPIPE" {
	status=0
	timeout 30 bash -c 'yes "{\"id\":1}" | pdeadletter -d dead | head -n 1; echo "${PIPESTATUS[1]}"' >out 2>err
	[ "$(cat out)" = $'{"id":1}\n141' ]
	[ ! -s err ]
}

@test "pdeadletter: wrong options are reported in one line, and nothing is read" {
	letters 1 >in
	while read -r -a args; do
		go_unread 2 pdeadletter "${args[@]}"
		grep -q '^pdeadletter: ' err
	done <<-END
		--max-size 1M
		--keep 3
		-d dead --keep 3
		-d dead --keep 0 --max-size 1M
		-d dead --max-size 0
		-d dead --sync always
		--sync batch
		--no-bypass
		operand
		-d
		--nonsense
	END
	[ ! -e dead ]
}

@test "pdeadletter: all options work together" {
	{
		ids 10
		letters 10
	} >in
	go 1 pdeadletter -n last -b 0 -d dead -R --max-record 1M --grace 1s -P -v --max-size 1M --keep 3 --sync record
	ids 10 | cmp - out
	letters 10 | cmp - dead
	grep -q 'received 10, processed 10, filtered 0, failed 0, bypassed 10,' err
	timeout 20 pdeadletter --version | grep -q '^pdeadletter [0-9]'
}

# Three files of letters, the oldest in dead.2: ids 1 to 4, 5 to 9, 10.
make_series() {
	letters 4 >dead.2
	letters 9 | tail -n 5 >dead.1
	letters 10 | tail -n 1 >dead
}

# dated ID SECOND STAGE REASON: a letter that failed at this second.
dated() {
	printf '{"pchan":"dead-letter/1","id":"%s","stage":"%s","reason":"%s","message":"m","failed":"2026-11-23T15:04:%02d.5Z","value":{"id":%s}}\n' \
		"$1" "$3" "$4" "$2" "$1"
}

@test "pdeadletter: list reads a file and its rotated ones, oldest first" {
	make_series
	: >in
	go 0 pdeadletter list --json dead
	letters 10 | cmp - out
	# Each file is listed once, even if it is named as dead* names it.
	go 0 pdeadletter list --json dead.1 dead dead.2
	letters 10 | cmp - out
	go 0 pdeadletter list dead
	[ "$(wc -l <out)" -eq 11 ]
	[ "$(head -n 1 out | tr -s ' ')" = 'FAILED ID STAGE REASON TRIES REPLAYS MESSAGE' ]
	[ "$(sed 1d out | grep -o 'id-[0-9]*' | tr '\n' ' ')" = 'id-1 id-2 id-3 id-4 id-5 id-6 id-7 id-8 id-9 id-10 ' ]
	rm dead
	go 0 pdeadletter list --json dead
	letters 9 | cmp - out
	letters 5 >in
	go 0 pdeadletter list --json -
	cmp in out
	: >in
	go 0 pdeadletter list -
	[ ! -s out ]
}

@test "pdeadletter: several files are listed in the order of time" {
	for n in 1 4 5 9; do dated $n $n a exit; done >one
	for n in 2 3 6 10; do dated $n $n b exit; done >two
	for n in 7 8; do dated $n $n c exit; done >three
	: >in
	go 0 pdeadletter list --json three one two
	[ "$(jq -r .id out | tr '\n' ' ')" = '1 2 3 4 5 6 7 8 9 10 ' ]
}

@test "pdeadletter: the conditions select letters" {
	{
		dated 1 10 a exit
		dated 2 20 b timeout
		dated 3 30 a timeout
		dated 4 40 c invalid
	} >dead
	: >in
	while read -r want args; do
		# shellcheck disable=SC2086 # words
		go 0 pdeadletter list --json dead $args
		[ "$(jq -r .id out | tr '\n' ,)" = "${want#none}" ] || {
			echo "$args: want $want"
			return 1
		}
	done <<-END
		1,2,3,4,
		1,3, --stage a
		1,3,4, --stage a --stage c
		3, --stage a --reason timeout
		2,3, --reason timeout
		2,3,4, --reason timeout --reason invalid
		4, --id 4
		2,3, --reason timeout --limit 2
		1, --limit 1
		3,4, --since 2026-11-23T15:04:30.5Z
		1,2, --until 2026-11-23T15:04:30.5Z
		2,3, --since 2026-11-23T16:04:15+01:00 --until 2026-11-23T15:04:35Z
		1,2,3,4, --since 2026-11-01
		none --until 2026-11-01
		none --since 1ms
	END
	go 1 pdeadletter show --id 5 dead
	grep -q 'no such letter' err
	for args in '--reason none' '--since never' '--limit 0' '--all' '--wrap' '--max-replays 3' '--force' '-d x'; do
		# shellcheck disable=SC2086 # words
		go 2 pdeadletter list dead $args
		[ "$(wc -l <err)" -eq 1 ] && [ ! -s out ]
	done
	go 2 pdeadletter replay --json dead
	go 2 pdeadletter list
}

@test "pdeadletter: stats count by stage and reason" {
	{
		dated 1 10 a exit
		dated 2 20 b timeout
		dated 3 30 a exit
		dated 4 40 a timeout
	} >dead
	: >in
	go 0 env TZ=UTC pdeadletter stats dead
	[ "$(sed -n 2p out | tr -s ' ')" = 'a exit 2 50.0% ########## 2026-11-23 15:04:10 2026-11-23 15:04:30' ]
	[ "$(sed -n 3,4p out | tr -s ' ' | cut -d ' ' -f 1-4 | tr '\n' ,)" = 'a timeout 1 25.0%,b timeout 1 25.0%,' ]
	[ "$(tail -n 1 out | tr -s ' ')" = 'all 4' ]
	go 0 pdeadletter stats --json dead
	[ "$(head -n 1 out)" = '{"stage":"a","reason":"exit","letters":2,"first":"2026-11-23T15:04:10.500000Z","last":"2026-11-23T15:04:30.500000Z"}' ]
}

@test "pdeadletter: show prints a letter, whatever its record is" {
	printf 'a\33[31m \303\251\n\377\0x\n{"big":12345678901234567890,"f":1.10}\n' >in
	go 1 pfanout -R -j1 -x -d dead -- sh -c 'echo first >&2; echo "second" >&2; exit 7'
	: >in
	[ "$(wc -l <dead)" -eq 3 ]
	for n in 1 2 3; do
		id=$(sed -n "${n}p" dead | jq -r .id)
		go 0 pdeadletter show "$id" dead
		sed '1,/^$/d' out >>payloads
		grep -q "^id  *$id\$" out
	done
	printf 'a\33[31m \303\251\n\377\0x\n{"big":12345678901234567890,"f":1.10}\n' | cmp - payloads
	grep -q '^exit  *7$' out
	grep -A1 '^stderr  *first$' out | grep -q '^  *second$'
	go 0 pdeadletter show --json --id "$id" dead
	tail -n 1 dead | cmp - out
}

@test "pdeadletter: a torn line of a power cut is passed over, a line that is no letter is not" {
	: >in
	letters 3 >whole
	one=$(head -n 1 whole)
	for cut in $(seq $((${#one} - 1))); do
		{
			cat whole
			head -c "$cut" whole
		} >dead
		go 0 pdeadletter list --json dead
		cmp whole out
		grep -q '^pdeadletter: 1 incomplete line skipped$' err
	done
	# A torn line is known whatever its white space, as it is not JSON.
	sed 's/[:,]/& /g' whole >spelled
	for cut in 2 8 10 12 20 40; do
		{
			cat spelled
			head -c "$cut" spelled
			echo
			cat whole
		} >dead
		go 0 pdeadletter list --json dead
		cat spelled whole | cmp - out
		grep -q '1 incomplete line' err
	done
	go 0 pdeadletter replay --wrap --all whole
	mv out dead
	go 2 pdeadletter list dead
	grep -q 'line 1 is not a dead letter' err
	{
		cat whole
		printf '\0\0\0\0\n'
		cat whole
		printf '\0\0'
	} >dead
	go 0 pdeadletter list --json dead
	cat whole whole | cmp - out
	grep -q '2 incomplete lines' err
	{
		cat whole
		echo '{"id":1}'
	} >dead
	for command in list stats replay 'show id-2'; do
		# shellcheck disable=SC2086 # words
		go 2 pdeadletter $command dead
		[ "$(cat err)" = 'pdeadletter: dead: line 4 is not a dead letter: is this a dead-letter file? (--skip-foreign goes on)' ]
	done
	go 2 pdeadletter list .
	go 2 pdeadletter list none
	[ "$(cat err)" = 'pdeadletter: none: No such file or directory' ]
}

@test "pdeadletter: replay gives back the bytes, once" {
	printf '{"a" : 1.10}\r\nno JSON\n\377\0\n "x" \n' >records
	cp records in
	go 1 pfanout -q -d dead -- sed 's/.*/!no/'
	: >in
	go 0 pdeadletter replay dead
	sort out | cmp - <(sort records)
	go 0 pdeadletter replay dead
	[ ! -s out ]
	go 0 pdeadletter replay --all dead
	sort out | cmp - <(sort records)
	letters 2 >>dead
	go 0 pdeadletter replay dead
	ids 2 | cmp - out
}

@test "pdeadletter: only a replay that has printed everything is remembered" {
	make_series
	: >in
	go 2 sh -c 'exec pdeadletter replay dead >/dev/full'
	letters 100000 | sed 's/id-/more-/' >>dead
	timeout 30 pdeadletter replay dead | head -n 1 >out
	[ "$(cat out)" = '{"id":1}' ]
	[ ! -s dead.cursor ]
	# A replay that is killed in the middle does not move the cursor.
	mkfifo fifo
	pdeadletter replay dead >fifo 3>&- &
	pid=$!
	exec 8<fifo
	read -r line <&8
	[ "$line" = '{"id":1}' ]
	kill -KILL "$pid"
	wait "$pid" || true
	exec 8<&-
	[ ! -s dead.cursor ]
	go 0 pdeadletter replay dead
	{
		ids 10
		ids 100000
	} | cmp - out
	[ -s dead.cursor ]
	# The cursor stays valid when its file is rotated.
	mv dead dead.3
	mv dead.2 dead.4
	mv dead.1 dead.5
	mv dead.4 x
	mv dead.5 dead.4
	mv x dead.5
	letters 3 >dead
	go 0 pdeadletter replay dead
	ids 3 | cmp - out
}

@test "pdeadletter: a last letter that only lacks its LF is a letter" {
	: >in
	letters 3 | head -c -1 >dead
	go 0 pdeadletter replay dead
	ids 3 | cmp - out
	go 0 pdeadletter replay dead
	[ ! -s out ] && [ ! -s err ]
	cp dead copy
	letters 4 | tail -n 1 >in
	go 1 pdeadletter -q -d dead
	: >in
	go 0 pdeadletter replay dead
	[ "$(cat out)" = '{"id":4}' ]
	cp copy dead
	go 0 pdeadletter replay dead
	go 0 pdeadletter purge dead
	[ "$(cat err)" = 'pdeadletter: dead: 3 of 3 letters removed' ]
	[ ! -s dead ]
}

@test "pdeadletter: a letter that nobody has read from the pipe was not replayed" {
	letters 10 >dead
	: >in
	for reader in 'head -n 1' true ./none; do
		go 0 bash -c "pdeadletter replay dead | $reader 2>/dev/null; echo \${PIPESTATUS[0]} >status"
		[ "$(cat status)" -eq 141 ]
		[ ! -s dead.cursor ]
	done
	[ "$(cat err)" = '' ]
	# With SIGPIPE ignored, a reader that goes away is an error.
	go 0 bash -c "trap '' PIPE; pdeadletter replay dead | head -n 1; echo \${PIPESTATUS[0]} >status"
	[ "$(cat status)" -eq 2 ]
	grep -q 'standard output: Broken pipe' err
	go 0 bash -c 'pdeadletter replay dead | cat'
	ids 10 | cmp - out
	[ -s dead.cursor ]
	# With standard output closed, no other file takes its place.
	letters 11 | tail -n 1 >>dead
	cp dead.cursor before
	go 2 bash -c 'pdeadletter replay dead >&-'
	[ "$(cat err)" = 'pdeadletter: standard output is closed' ]
	cmp before dead.cursor
}

@test "pdeadletter: a record that fails again is another letter in the same place" {
	echo '{"id":1}' >in
	go 1 pfanout -q -d dead -- sed 's/.*/!no/'
	for n in 1 2 3 4 5; do
		go 0 pdeadletter replay --wrap dead
		[ -s out ]
		mv out in
		: >dead
		go 1 pfanout -q -d dead -- sed 's/.*/!no/'
	done
	go 0 pdeadletter purge dead
	[ "$(grep -c 0 err)" -eq 1 ] && grep -q '0 of 1 letters removed' err
	lines dead 1
	# The message that the old letter is gone comes once.
	: >dead
	go 0 pdeadletter replay dead
	grep -q 'is gone' err
	go 0 pdeadletter replay dead
	[ ! -s err ]
}

@test "pdeadletter: FILE* and files that are named twice are read once" {
	make_series
	: >in
	ln -s dead link
	mkdir sub
	for files in 'dead dead' 'dead ./dead' 'dead dead.1' 'dead.1 dead' 'dead*' 'link dead' 'sub/../dead link'; do
		# shellcheck disable=SC2086 # words, and a pattern
		go 0 pdeadletter list --json $files
		[ "$(wc -l <out)" -eq 10 ]
	done
	# shellcheck disable=SC2086 # a pattern
	go 0 pdeadletter replay dead*
	ids 10 | cmp - out
	touch dead.new
	go 0 pdeadletter replay dead*
	[ ! -s out ]
	[ "$(echo dead*)" = 'dead dead.1 dead.2 dead.cursor dead.new' ]
	go 0 pdeadletter purge dead*
	grep -q '10 of 10 letters removed' err
}

@test "pdeadletter: a link to a file stands for that file" {
	mkdir big
	ln -s big/dead link
	: >big/dead
	letters 12 >in
	go 1 pdeadletter -q -d link --max-size 400
	[ -L link ] && [ -e big/dead.1 ] && [ ! -e link.1 ]
	: >in
	go 0 pdeadletter replay link
	ids 12 | cmp - out
	[ -e big/dead.cursor ]
	go 0 pdeadletter purge link
	[ -L link ] && [ ! -s big/dead ] && [ ! -e big/dead.1 ]
}

@test "pdeadletter: a file is not its own input" {
	letters 3 >dead
	cp dead in
	ln dead hard
	for tool in pdeadletter pfanout 'pratelimit -r 1G/s'; do
		for file in dead ./hard; do
			status=0
			# shellcheck disable=SC2086 # words
			timeout 10 $tool -d $file <dead >out 2>err || status=$?
			[ "$status" -eq 2 ]
			has err "dead-letter file $file and standard input are the same file"
		done
	done
	cmp in dead
}

@test "pdeadletter: --keep counts files, and several processes may rotate at a time" {
	letters 1 >dead
	for n in 7 8 20240101; do
		letters 1 >dead.$n
	done
	letters 3 >in
	go 1 pdeadletter -q -d dead --max-size 100 --keep 5
	[ "$(echo dead.*)" = 'dead.1 dead.2 dead.20240101 dead.3 dead.7 dead.8' ]
	rm dead*
	for w in 1 2 3 4 5 6 7 8; do
		{
			status=0
			letters 100 | timeout 30 pdeadletter -q -d dead --max-size 300 --keep 2 --sync none >"out.$w" 2>&1 || status=$?
			echo $status >"status.$w"
		} 3>&- &
	done
	wait
	[ "$(sort -u status.*)" = 1 ]
	cat out.* >out
	[ ! -s out ]
	[ "$(echo dead*)" = 'dead dead.1 dead.2' ]
}

@test "pdeadletter: a series may have more files than may be open" {
	: >in
	for n in $(seq 300); do
		letters 1 >"dead.$n"
	done
	letters 1 >dead
	go 0 prlimit --nofile=256:4096 pdeadletter list --json dead
	lines out 301
}

@test "pdeadletter: list, show and stats report that their output is not whole" {
	needs_strace
	letters 5000 >dead
	: >in
	for command in list 'list --json' show 'show --json'; do
		# shellcheck disable=SC2086 # words
		go 2 strace -qq -o trace -e trace=write -e inject=write:error=ENOSPC:when=3 pdeadletter $command dead
		has err 'standard output: No space left on device'
	done
}

@test "pdeadletter: --limit is enough, even for an input that does not end" {
	letters 3 >few
	: >in
	go 0 bash -c 'yes "$(head -n 1 few)" | pdeadletter list --json --limit 2 -'
	lines out 2
	go 0 bash -c 'yes "$(head -n 1 few)" | pdeadletter replay --limit 2 -'
	lines out 2
	# A letter without a time meets no condition of time.
	cp few dead
	go 0 pdeadletter purge --force --until 2000-01-01 dead
	cmp few dead
	go 2 pdeadletter list --since 26-11-23 dead
	grep -q 'expected a time such as' err
}

@test "pdeadletter: two replays of a file don't run at once" {
	letters 100000 >dead
	mkfifo fifo
	timeout 60 pdeadletter replay dead >fifo 3>&- &
	exec 8<fifo
	read -r line <&8
	: >in
	go 2 pdeadletter replay dead
	[ "$(cat err)" = 'pdeadletter: dead: another replay or purge of this file is running' ]
	go 2 pdeadletter replay --limit 1 dead
	cat <&8 >/dev/null
	exec 8<&-
	wait
	go 0 pdeadletter replay dead
	[ ! -s out ]
}

@test "pdeadletter: a cursor that can't be understood counts for nothing, and is reported" {
	letters 3 >dead
	: >in
	go 0 pdeadletter replay dead
	for text in 'nonsense' '{}' '{"pchan":"cursor/1","id":"id-3","inode":1,"start":0,"end":10}'; do
		echo "$text" >dead.cursor
		go 0 pdeadletter replay dead
		ids 3 | cmp - out
		grep -q 'counts as replayed' err
		go 0 pdeadletter replay dead
		[ ! -s out ] && [ ! -s err ]
	done
}

@test "pdeadletter: replay --wrap: a record that fails again keeps its id and counts" {
	letters 3 >dead
	: >in
	for n in 1 2 3; do
		go 1 sh -c 'pdeadletter replay --wrap dead | pfanout -q -- sed "s/.*/!no/" | pdeadletter -q -d dead'
		[ "$(tail -n 3 dead | jq -r '"\(.id) \(.replays)"' | sort | tr '\n' ,)" = "id-1 $n,id-2 $n,id-3 $n," ]
	done
	go 0 pdeadletter replay --wrap --max-replays 3 dead
	[ ! -s out ]
	grep -q 'left out 3 letters that came back too often' err
	go 0 pdeadletter replay --all --max-replays 2 dead
	[ "$(wc -l <out)" -eq 6 ]
}

@test "pdeadletter: replay leaves out a letter that has only the head, and reports it" {
	head -c 100000 /dev/zero | tr '\0' x >in
	go 1 pfanout -q -d dead --max-record 1K
	letters 1 >>dead
	: >in
	go 1 pdeadletter replay dead
	[ "$(cat out)" = '{"id":1}' ]
	grep -q 'left out 1 letter that holds only the head' err
}

@test "pdeadletter: the whole cycle works with 100 000 records, 1 % failing in each of three stages" {
	ids 100000 >in
	go 1 sh -c 'pfanout -q -n one -- sed "s/.*00}/!no/" | pfanout -q -n two -- sed "s/.*50}/!no/" |
		pfanout -q -n three -- sed "s/.*25}/!no/" | pdeadletter -q -d dead --max-size 300K'
	mv out results
	[ "$(cat dead* | wc -l)" -eq 3000 ] && [ -e dead.1 ]
	: >in
	go 0 pdeadletter list dead
	[ "$(wc -l <out)" -eq 3001 ]
	go 0 pdeadletter stats --json dead
	[ "$(jq -r '"\(.stage) \(.letters)"' out | tr '\n' ,)" = 'one 1000,three 1000,two 1000,' ]
	go 0 sh -c 'pdeadletter replay --wrap dead | pfanout -q -- cat'
	cat out results | jq -r .id | sort -n | cmp - <(seq 100000)
	go 0 pdeadletter purge dead
	[ "$(head -n 1 err)" = 'pdeadletter: dead: 3000 of 3000 letters removed' ]
	[ "$(echo dead*)" = 'dead dead.cursor' ] && [ ! -s dead ]
}

@test "pdeadletter: purge removes what was replayed, and nothing else" {
	make_series
	: >in
	go 0 pdeadletter purge dead
	[ "$(cat err)" = 'pdeadletter: dead: 0 of 10 letters removed; kept: 10 not replayed' ]
	in_order | cmp - <(letters 10)
	go 0 pdeadletter replay dead
	letters 12 | tail -n 2 >>dead
	go 0 pdeadletter purge --id id-2 --id id-11 dead
	[ "$(cat err)" = 'pdeadletter: dead: 1 of 12 letters removed; kept: 2 not replayed, 9 not selected' ]
	in_order | cmp - <(letters 12 | sed 2d)
	go 0 pdeadletter purge --limit 4 dead
	[ ! -e dead.2 ]
	in_order | cmp - <(letters 12 | sed 1,5d)
	go 0 pdeadletter purge dead
	[ ! -e dead.1 ]
	letters 12 | tail -n 2 | cmp - dead
	go 0 pdeadletter replay dead
	ids 12 | tail -n 2 | cmp - out
	chmod 600 dead
	go 0 pdeadletter purge dead
	[ ! -s dead ] && [ "$(stat -c %a dead)" = 600 ]
	go 0 pdeadletter replay dead
	[ ! -s out ]
	[ "$(echo dead*)" = 'dead dead.cursor' ]
}

@test "pdeadletter: purge works where only rotated files are left" {
	make_series
	: >in
	mv dead moved
	chmod 640 dead.1
	left=$(cat dead.* | wc -l)
	go 0 pdeadletter replay dead
	go 0 pdeadletter purge dead
	[ "$(cat err)" = "pdeadletter: dead: $left of $left letters removed" ]
	# The next appender finds a file with the same rights.
	[ "$(echo dead*)" = 'dead dead.cursor' ]
	[ ! -s dead ] && [ "$(stat -c %a dead)" = 640 ]
}

@test "pdeadletter: purge keeps what replay left out; --force does not" {
	head -c 100000 /dev/zero | tr '\0' x >in
	go 1 pfanout -q -d dead --max-record 1K
	{
		letters 2 | sed 's/"value"/"replays":5,"value"/'
		letters 4 | tail -n 2
		printf '{"pchan":"dead-let\n'
	} >>dead
	cp dead before
	: >in
	go 1 pdeadletter replay --max-replays 5 dead
	ids 4 | tail -n 2 | cmp - out
	go 0 pdeadletter purge dead
	has err '2 of 5 letters removed; kept: 2 not replayed, 1 not whole, and left out by replay'
	sed '4,5d' before | cmp - dead
	# What only came back too often is there for another replay.
	go 0 pdeadletter replay dead
	ids 2 | cmp - out
	go 0 pdeadletter replay dead
	[ ! -s out ]
	go 0 pdeadletter purge --force --reason too_long dead
	sed '1d;4,5d' before | cmp - dead
	go 0 pdeadletter purge --force dead
	sed '1,5d' before | cmp - dead
	go 2 pdeadletter purge -
	go 2 pdeadletter purge none
	[ "$(echo none*)" = 'none*' ]
}

@test "pdeadletter: purge killed at any call, or on a full disk, loses nothing" {
	needs_strace
	: >in
	for n in 1 2 3 4 5 6 7 8 9 10 12 14 16; do
		rm -f dead*
		make_series
		go 0 pdeadletter replay --limit 1 dead
		pdeadletter replay dead >out
		letters 13 | tail -n 3 >>dead
		timeout 20 strace -f -o trace -e "trace=fsync,fdatasync,rename,renameat,renameat2,unlink,fchmod,ftruncate,pwrite64" \
			-e "inject=fsync,fdatasync,rename,renameat,renameat2,unlink,fchmod,ftruncate,pwrite64:signal=KILL:when=$n" \
			pdeadletter purge dead 2>/dev/null || true
		go 0 pdeadletter replay dead
		for id in 11 12 13; do
			grep -qx "{\"id\":$id}" out
		done
		go 0 pdeadletter list --json dead
		[ -z "$(sort out | uniq -d)" ]
	done
	rm -f dead*
	letters 1000 >dead
	go 0 sh -c 'pdeadletter replay dead >/dev/null'
	letters 1500 | tail -n 500 >>dead
	cp dead before
	go 2 prlimit --fsize=10000:10000 env --ignore-signal=XFSZ pdeadletter purge dead
	grep -q 'dead is unchanged' err
	cmp before dead
	[ ! -e dead.new ]
	go 0 pdeadletter purge dead
	letters 1500 | tail -n 500 | cmp - dead
}

@test "pdeadletter: purge and replay beside appenders that rotate give each letter once" {
	for w in 1 2 3 4; do
		(
			for n in $(seq 25); do
				letters 4 | sed "s/id-/$w-$n-/; s/\"id\":\([0-9]*\)}/\"id\":\"$w-$n-\1\"}/" |
					timeout 20 pdeadletter -q -d dead --max-size 2K --sync none || true
			done
		) 3>&- &
		pids="$pids $!"
	done
	wait_until test -s dead
	for n in $(seq 20); do
		timeout 20 pdeadletter replay dead >>out
		timeout 20 pdeadletter purge dead 2>>err
	done
	# shellcheck disable=SC2086 # numbers
	wait $pids
	timeout 20 pdeadletter replay dead >>out
	timeout 20 pdeadletter purge dead
	[ ! -s dead ]
	for w in 1 2 3 4; do
		for n in $(seq 25); do
			printf '{"id":"%s"}\n' "$w-$n-"{1..4}
		done
	done | sort | cmp - <(sort out)
}
