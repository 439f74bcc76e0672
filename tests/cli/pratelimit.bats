#!/usr/bin/env bats
# pratelimit: what passes, what waits, and what becomes of the rest.  `make
# bench` measures how exact its timing is.

# shellcheck disable=SC2030,SC2031 # each test starts its own $pid

load ../support/helpers
load ../support/streams
load ../support/background

# keyed COUNT KEYS: records {"id":N,"key":"k<N mod KEYS>"} for N from 1 to
# COUNT.
keyed() {
	seq "$1" | awk -v keys="$2" '{ printf "{\"id\":%d,\"key\":\"k%d\"}\n", $1, $1 % keys }'
}

# Monotonic time in milliseconds.
now() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

@test "pratelimit: lines go through byte for byte, in order" {
	{
		ids 50000
		printf 'no JSON\n\n \xff\0x\r\n{"a":  1.10}'
	} >in
	for args in '-r 1G/s' '-r 1G/s -b 0' '-r 1G/s -b 1' '--bytes -r 10G/s' '-r 100M/s -B 1000' '-r 500k/s --over wait'; do
		# shellcheck disable=SC2086 # words
		go 0 pratelimit -v $args <in
		{
			cat in
			echo
		} | cmp - out
		has err 'received 50004, processed 50004, filtered 0, failed 0, bypassed 0, retries 0, blank 0, written 50004,'
	done
}

@test "pratelimit: it is never faster than its rate" {
	ids 40 >in
	for args in '-r 100/s' '-r 6000/m -B 1' '-r 0.1k/s' '--bytes -r 1000/s' '-r 100/s --key .none -R --over dead-letter'; do
		begun=$(now)
		# shellcheck disable=SC2086 # words
		timeout 20 pratelimit -q $args <in >out || [ $? -eq 1 ]
		took=$(($(now) - begun))
		echo "$args: $took ms"
		case $args in
		*none*) [ "$(reasons out)" = 'no_key 40' ] ;;
		*) cmp in out && [ "$took" -ge 380 ] ;;
		esac
	done
}

@test "pratelimit: idle credit is a burst, not a record more" {
	for burst in 1 5 100; do
		start pratelimit -r 1/d -B $burst
		ids 300 >&8
		wait_until at_least out $burst
		stop_now
		[ "$(head -n $burst out)" = "$(ids $burst)" ]
		[ "$(reasons out)" = "cancelled $((300 - burst))" ]
		"$STUBS/signals-account" 300 out
	done
}

@test "pratelimit: bytes count, with the LF; a record beyond the burst passes, and the next one waits for it" {
	for args in '-B 32' '-B 40' ''; do
		# shellcheck disable=SC2086 # words
		start pratelimit --bytes -r 1/d $args
		printf '%s\n' '{"id":1,"x":"0123"}' '{"id":2,"x":1}' '{"id":3}' >&8 # 20, 15, 9
		wait_until at_least out 1
		stop_now
		"$STUBS/signals-account" 3 out
		[ "$(reasons out)" = "cancelled $([ "$args" = '-B 40' ] && echo 1 || echo 2)" ]
	done
}

@test "pratelimit: Ctrl-C while 1000 records wait cancels all of them" {
	start pratelimit -r 1/h -v --grace 300ms
	ids 1000 >&8
	wait_until at_least out 1
	send "$pid" INT
	exec 8>&-
	ends_with 130
	[ "$(head -n 1 out)" = '{"id":1}' ]
	[ "$(reasons out)" = 'cancelled 999' ]
	"$STUBS/signals-account" 1000 out
	has err 'received 1000, processed 1, filtered 0, failed 999 (999 cancelled)'
	# Records of a file that were not read stay in the file; the others
	# leave.
	ids 200000 >in
	"${LIMIT[@]}" pratelimit -q -r 1/h --grace 100ms <in >out 2>err 3>&- &
	pid=$!
	wait_until at_least out 1
	send "$pid" INT
	ends_with 130
	"$STUBS/signals-account" "$(wc -l <out)" out
}

@test "pratelimit: after a signal, waiting records go on at the rate until the end of the grace" {
	start pratelimit -r 100/s --grace 60s
	ids 30 >&8
	wait_until at_least out 1
	send "$pid" TERM
	exec 8>&-
	ends_with 143
	ids 30 | cmp - out
}

@test "pratelimit: dead letters pass by" {
	start pratelimit -r 1/h
	{
		ids 3
		letters 3
	} >&8
	wait_until at_least out 4
	[ "$(grep -vc pchan out)" -eq 1 ]
	stop_now
	# As data they wait for the rate.
	start pratelimit -r 1/h --no-bypass
	letters 3 >&8
	wait_until at_least out 1
	stop_now
	[ "$(reasons out)" = 'cancelled 2, timeout 1' ]
}

@test "pratelimit: --over decides about a record without credit" {
	ids 100 >in
	go 0 pratelimit -v -r 1/h --over drop -B 7 <in
	ids 7 | cmp - out
	has err 'received 100, processed 7, filtered 93, failed 0,'
	go 1 pratelimit -r 1/h --over dead-letter -B 7 -n api <in
	[ "$(reasons out)" = 'over_rate 93' ]
	"$STUBS/signals-account" 100 out
	[ "$(jq -r 'select(.pchan) | "\(.stage): \(.message)"' out | sort -u)" = 'api: over the rate of 1/h' ]
	has err 'pratelimit: 93 of 100 records failed (93 over_rate); their dead letters are in the output'
	go 1 pratelimit -q -r 1/h --over dead-letter -d dead <in
	[ "$(cat out)" = '{"id":1}' ]
	[ "$(reasons dead)" = 'over_rate 99' ]
	go 0 pratelimit --bytes -r 1K/h --over drop -B 20 <in
	ids 2 | cmp - out
}

@test "pratelimit: --key gives each key its own rate" {
	keyed 300 100 >in
	go 0 pratelimit -r 1/d --key .key --over drop <in
	head -n 100 in | cmp - out
	go 0 pratelimit -r 1/d -B 2 --key .key --over drop <in
	head -n 200 in | cmp - out
	go 0 pratelimit -r 2000/s --key .key <in
	sort out | cmp - <(sort in)
	# With --bytes the first record of each key passes, the second has no
	# credit.
	go 0 pratelimit --bytes -r 1/h -B 30 --key .key --over drop <in
	head -n 100 in | cmp - out
}

@test "pratelimit: --key keeps each key's own order, and loses nothing" {
	keyed 10000 197 >in
	for args in '' '-b 10' '-b 0' '--max-keys 100' '--queue 3' '--queue 3 --max-keys 50 -b 20'; do
		# shellcheck disable=SC2086 # words
		go 0 pratelimit -r 20k/s --key .key $args <in
		sort out | cmp - <(sort in)
		jq -r '[.key, .id] | @tsv' out | awk '$2 + 0 <= last[$1] { print "order of " $1; exit 1 } { last[$1] = $2 + 0 }'
	done
}

@test "pratelimit: --key lets a hot key hold up only itself" {
	start pratelimit -r 1/h --key .key -b 2000
	{
		seq 1000 | sed 's/.*/{"id":&,"key":"hot"}/'
		seq 1001 11000 | sed 's/.*/{"id":&,"key":&}/'
	} >&8
	wait_until at_least out 10001
	[ "$(head -n 1 out)" = '{"id":1,"key":"hot"}' ]
	stop_now
	[ "$(reasons out)" = 'cancelled 999' ]
	"$STUBS/signals-account" 11000 out
	# --queue keeps a key that stays hot from filling the buffer.
	for over in drop dead-letter; do
		start pratelimit -q -r 1/h --key .key -b 100 --queue 10 --over $over
		{
			seq 1000 | sed 's/.*/{"id":&,"key":"hot"}/'
			seq 1001 3000 | sed 's/.*/{"id":&,"key":&}/'
		} >&8
		wait_until at_least out "$([ $over = drop ] && echo 2001 || echo 2990)"
		stop_now
		case $over in
		drop) [ "$(reasons out)" = 'cancelled 10' ] ;;
		*) [ "$(reasons out)" = 'cancelled 10, over_rate 989' ] ;;
		esac
	done
}

@test "pratelimit: --max-keys bounds memory, and records of other keys wait" {
	no_sanitizer
	keyed 200000 100000 >in
	go 0 "$STUBS/input-rss" rss pratelimit -r 1G/s --key .key --max-keys 100 <in
	sort out | cmp - <(sort in)
	echo "$(cat rss) KiB"
	[ "$(cat rss)" -lt 20000 ]
	# With --over, even drop, records of other keys leave as dead letters.
	keyed 300 300 >in
	for over in drop dead-letter; do
		go 1 pratelimit -q -r 1/d --key .key --max-keys 100 --over $over <in
		head -n 100 out | cmp - <(head -n 100 in)
		[ "$(reasons out)" = 'over_rate 200' ]
		[ "$(jq -r 'select(.pchan).message' out | uniq)" = '100 other keys are known: no more are allowed' ]
	done
	start pratelimit -r 1/d --key .key --max-keys 100
	cat in >&8
	wait_until at_least out 100
	stop_now
	[ "$(reasons out)" = 'cancelled 200' ]
}

@test "pratelimit: --key finds a value, whatever it is" {
	cat >in <<-'END'
		{"k":"a"}
		{"k":"a"}
		{"k":1}
		{"k": 1 }
		{"k":null}
		{"k":{"x":[]}}
		{"other":1}
		not JSON

		{"pchan":"retry/1","id":"r","replays":2,"value":{"k":"a"}}
		{"pchan":"retry/1","id":"s","replays":2,"value":{"k":"new"}}
		{"pchan":"retry/1","id":"t","replays":2,"text":"not JSON"}
	END
	long=$(head -c 1100 /dev/zero | tr '\0' x)
	echo "{\"k\":\"$long\"}" >>in
	go 1 pratelimit -v -r 1/d --key .k --over dead-letter <in
	[ "$(reasons <(grep -v '^{"pchan":"retry' out))" = 'invalid 1, no_key 3, over_rate 3' ]
	# A retry envelope goes on as it is; if it fails here, the letter has
	# its record.
	grep -qx '{"pchan":"retry/1","id":"s","replays":2,"value":{"k":"new"}}' out
	[ "$(jq -c 'select(.id? == "r") | [.reason, .replays, .value]' out)" = '["over_rate",3,{"k":"a"}]' ]
	[ "$(jq -c 'select(.id? == "t") | [.reason, .text]' out)" = '["no_key","not JSON"]' ]
	has err 'blank 1,'
	# With -R records are not checked, but the key is still looked up.
	printf '%s\n' '{"k":1} and more' '{"k":1}' 'none' >in
	go 1 pratelimit -q -R -r 1/d --key .k --over dead-letter <in
	[ "$(head -n 1 out)" = '{"k":1} and more' ]
	[ "$(reasons <(tail -n 2 out))" = 'no_key 1, over_rate 1' ]
}

@test "pratelimit: SIGHUP brings another rate of --rate-file, up and down, at once" {
	for key in '' '--key .id'; do
		echo ' 1/d ' >rate
		# shellcheck disable=SC2086 # words
		start pratelimit --rate-file rate $key
		yes '{"id":1}' | head -n 100 >&8
		wait_until at_least out 1
		echo 100/s >rate
		kill -HUP "$pid"
		wait_until at_least out 100
		has err 'the rate is 100/s now'
		echo 1/d >rate
		kill -HUP "$pid"
		wait_until grep -q 'the rate is 1/d now' err
		yes '{"id":1}' | head -n 50 >&8
		# A file that can't be understood changes nothing.
		echo 7 >rate
		kill -HUP "$pid"
		wait_until grep -q 'rate file rate: "7": expected a rate above 0 .*; the rate is still 1/d' err
		rm rate
		kill -HUP "$pid"
		wait_until grep -q 'rate file rate: No such file or directory; the rate is still 1/d' err
		stop_now
		lines out 150
		[ "$(grep -c cancelled out)" -ge 49 ]
	done
}

@test "pratelimit: SIGHUP also reopens the dead-letter file; with neither file it ends the run" {
	echo 1/d >rate
	start pratelimit -q --rate-file rate -d dead --over dead-letter
	ids 2 >&8
	wait_until test -s dead
	mv dead old
	send "$pid" HUP
	ids 3 | tail -n 1 >&8
	wait_until test -s dead
	exec 8>&-
	ends_with 1
	[ "$(cat old dead | jq .value.id | tr '\n' ' ')" = '2 3 ' ]
	start pratelimit -q -r 1G/s
	ids 1 >&8
	wait_until at_least out 1
	send "$pid" HUP
	exec 8>&-
	ends_with 129
}

@test "pratelimit: a stopped process continues with a burst, not with all that was due" {
	start pratelimit -q -r 50/s
	begun=$(now)
	ids 1000 >&8
	wait_until at_least out 5
	kill -STOP "$pid"
	stopped=$(now)
	wait_until eval '[ $(($(now) - stopped)) -ge 2000 ]'
	ran=$((stopped - begun))
	continued=$(now)
	before=$(wc -l <out)
	kill -CONT "$pid"
	wait_until at_least out $((before + 5))
	stop_now
	got=$(grep -vc pchan out)
	ran=$((ran + $(now) - continued))
	echo "$got in $ran ms"
	# Allowed are the rate, the burst, one record that was due when it was
	# stopped, and a clock of 10 ms.
	[ "$got" -le $((ran / 20 + 4)) ]
	"$STUBS/signals-account" 1000 out
}

@test "pratelimit: a calendar that jumps changes nothing" {
	needs faketime
	no_sanitizer
	FAKETIME_DONT_FAKE_MONOTONIC=1 start faketime -f '+0d x100000' pratelimit -q -r 1/h
	ids 3 >&8
	wait_until at_least out 1
	exec 8>&-
	begun=$(now)
	wait_until eval '[ $(($(now) - begun)) -ge 300 ]'
	lines out 1
	kill -KILL "$(pgrep -P "$pid" || echo "$pid")"
	wait "$pid" || true
}

@test "pratelimit: a reader that goes away and a full disk end it" {
	ids 10000 >in
	status=0
	timeout 20 pratelimit -r 1k/s <in 2>err 3>&- | head -n 3 >out || status=${PIPESTATUS[0]}
	ids 3 | cmp - out
	[ ! -s err ]
	if [ -c /dev/full ]; then
		status=0
		timeout 20 pratelimit -r 1k/s <in >/dev/full 2>err || status=$?
		[ "$status" -eq 2 ]
		has err 'standard output: No space left on device'
	fi
}

@test "pratelimit: wrong options are reported in one line, and nothing is read" {
	ids 3 >in
	printf 'no rate\n\033[1m' >text
	seq 100 >long
	while IFS='|' read -r args message; do
		# shellcheck disable=SC2086 # words
		go_unread 2 pratelimit $args
		has err "pratelimit: $message"
	done <<-'END'
		|no rate: give one with -r
		-r 1|-r 1: expected a rate above 0 such as 100/s
		-r 0/s|-r 0/s: expected
		-r 10K/s|-r 10K/s: expected
		--bytes -r 10k/s|-r 10k/s: expected a rate above 0 such as 512K/s
		-r 1/s --rate-file rate|-r does not go with --rate-file
		--rate-file none|rate file none: No such file or directory
		--rate-file text|rate file text: "no rate??[1m": expected a rate above 0 such as 100/s
		--rate-file .|rate file .: Is a directory
		--rate-file /dev/zero|rate file /dev/zero: is not a regular file
		--rate-file long|rate file long: is too long for a rate
		-r 0.0019/s|-r 0.0019/s: expected a rate above 0 such as 100/s
		-r 1/s -B 0|-B 0: expected
		-r 1/s -B 1K|-B 1K: expected a whole number
		--bytes -r 1/s -B x|-B x: expected a size
		-r 1/d -B 999999999999|-r 1/d: the burst would take longer than a lifetime to earn
		-r 1/s --queue 3|--queue needs --key
		-r 1/s --max-keys 3|--max-keys needs --key
		-r 1/s --key id|--key id: expected a path such as .user.id
		-r 1/s --key .id --queue 0|--queue 0: expected
		-r 1/s --over lose|--over lose: expected wait, dead-letter or drop
		-r 1/s --shared|--shared: the value is missing
		-r 1/s --key .id --shared f|--shared does not go with --key
		-r 1/s in|unexpected operand in
		-r 1/s --frobnicate|
	END
	[ "$(echo ./*)" = './err ./in ./long ./out ./text' ]
}

@test "pratelimit: --shared gives processes one burst together" {
	ids 100 >in
	for n in 1 2 3 4 5 6 7 8; do
		timeout 20 pratelimit -r 1/d -B 50 --shared bucket --over drop <in >"out.$n" 3>&- &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086 # numbers
	wait $pids
	[ "$(cat out.* | wc -l)" -eq 50 ]
	# A later process finds the bucket empty.
	go 0 pratelimit -r 1/d -B 50 --shared bucket --over drop <in
	[ ! -s out ]
	# The same holds with --bytes.
	go 0 pratelimit --bytes -r 1K/d -B 40 --shared bytes --over drop <in
	lines out 4
	go 0 pratelimit --bytes -r 1K/d -B 40 --shared bytes --over drop <in
	[ ! -s out ]
}

@test "pratelimit: --shared: a killed process harms nobody" {
	start pratelimit -q -r 200/s --shared bucket
	ids 10000 >&8
	wait_until at_least out 2
	ids 50 | timeout 20 pratelimit -r 200/s --shared bucket >other 3>&- 8>&- &
	kill -KILL "$pid"
	wait "$pid" || true
	wait $!
	ids 50 | cmp - other
	ids 50 >in
	go 0 pratelimit -r 200/s --shared bucket <in
}

@test "pratelimit: --shared: nobody starves" {
	for n in 1 2 3 4; do
		yes '{"id":1}' | pratelimit -q -r 400/s --shared bucket >"out.$n" 2>/dev/null 3>&- &
		pids="$pids $!"
	done
	# From when all are there.
	for n in 1 2 3 4; do
		wait_until at_least "out.$n" 1 || starved=$n
	done
	wc -l out.? >before
	while read -r had name; do
		[ "$name" = total ] || wait_until at_least "$name" $((had + 30)) || starved=$name
	done <before
	wc -l out.? >after
	# shellcheck disable=SC2086 # numbers
	kill -KILL $pids
	wait
	[ -z "${starved-}" ]
	# The fastest process has not had much more than the slowest one.
	paste before after | awk '$2 != "total" { n = $3 - $1; if (!least || n < least) least = n; if (n > most) most = n }
		END { print "from", least, "to", most; exit most >= 10 * least }'
}

@test "pratelimit: --shared refuses another rate, and a file that is no bucket" {
	ids 3 >in
	go 0 pratelimit -r 100/s -B 3 --shared bucket <in
	cp bucket copy
	for args in '-r 99/s -B 3' '-r 100/s' '--bytes -r 100/s -B 3'; do
		# shellcheck disable=SC2086 # words
		go 2 pratelimit $args --shared bucket <in
		[ "$(cat err)" = 'pratelimit: bucket: its bucket is for 100/s and a burst of 3: use these, or remove it' ]
		[ ! -s out ]
	done
	# The same rate in other words is accepted.
	go 0 pratelimit -r 6000/m -B 3 --shared bucket --over drop <in
	go 0 pratelimit --bytes -r 1K/s --shared bytes --over drop <in
	go 2 pratelimit --bytes -r 2K/s --shared bytes <in
	has err 'its bucket is for 1K/s and a burst of 1 with --bytes: use these'
	: >empty
	go 0 pratelimit -r 1/d --shared empty --over drop <in
	lines out 1
	printf 'a file of mine\n' >mine
	head -c 100 bucket >short
	cat bucket copy >long
	sed 's/bucket/market/' bucket >market
	for file in mine short long market; do
		cp "$file" before
		go 2 pratelimit -r 100/s -B 3 --shared "$file" <in
		[ "$(cat err)" = "pratelimit: $file: is not a shared bucket of this version: name another file" ]
		cmp before "$file"
	done
	mkfifo fifo
	for file in . /dev/null fifo none/none; do
		go 2 pratelimit -r 100/s --shared "$file" <in
		lines err 1
		has err "pratelimit: $file: "
	done
}

@test "pratelimit: --shared: a link and another user's file are no bucket" {
	ids 3 >in
	refused() {
		go 2 pratelimit -r 100/s --shared tmp/bucket <in
		[ "$(cat err)" = "pratelimit: tmp/bucket: $1" ]
		[ ! -s out ]
	}
	mkdir -m 1777 tmp
	: >mine
	ln -s ../mine tmp/bucket
	refused 'is a symbolic link: name the file itself'
	rm tmp/bucket
	ln mine tmp/bucket
	refused 'is not a regular file with one name: name another file'
	[ ! -s mine ]
	rm tmp/bucket
	nobody
	: >tmp/bucket
	chown 65534 tmp/bucket
	chmod 666 tmp/bucket
	refused 'belongs to another user, who does not own the folder either: name another file'
	[ ! -s tmp/bucket ]
	# Neither is one that he has made for this rate.
	chmod 777 .
	rm tmp/bucket
	go 0 "${NOBODY[@]}" pratelimit -r 100/s --shared tmp/bucket <in
	refused 'belongs to another user, who does not own the folder either: name another file'
	# In his own folder it is; and root's is anywhere.
	chown 65534 tmp
	go 0 pratelimit -r 100/s --shared tmp/bucket <in
	go 0 pratelimit -r 100/s --shared root <in
	chmod 666 root
	go 0 "${NOBODY[@]}" pratelimit -r 100/s --shared root <in
}

@test "pratelimit: blank lines are records, but with --key they are skipped" {
	printf '{"a":1}\n\n \t\r\n{"a":2}\n' >in
	for args in '' '-R'; do
		# shellcheck disable=SC2086 # words
		go 0 pratelimit -v -r 1G/s $args <in
		cmp in out
		has err 'received 4, processed 4, filtered 0, failed 0, bypassed 0, retries 0, blank 0, written 4,'
	done
	go 0 pratelimit -v -r 1G/s --key .a <in
	has err 'received 2, processed 2, filtered 0, failed 0, bypassed 0, retries 0, blank 2, written 2,'
	go 1 pratelimit -q -r 1G/s --key .a -R <in
	[ "$(reasons out)" = 'no_key 2' ]
}

@test "pratelimit: --shared: SIGHUP to one process brings a new rate for all" {
	echo 1/d >rate
	start pratelimit -q -r 1/d --shared bucket
	ids 100 >&8
	wait_until at_least out 1
	mkfifo other.fifo
	pratelimit -q --rate-file rate --shared bucket <other.fifo >other 2>other.err 3>&- 8>&- &
	other=$!
	exec 7>other.fifo
	ids 100 >&7
	wait_until is_ready "$other"
	echo 1000/s >rate
	kill -HUP "$other"
	exec 7>&- 8>&-
	ends_with 0
	wait $other
	ids 100 | cmp - out
	ids 100 | cmp - other
	# From now on the bucket has the new rate.
	ids 1 >in
	go 2 pratelimit -r 1/d --shared bucket <in
	has err 'its bucket is for 1000/s and a burst of 1'
}

@test "pratelimit: --shared: a bucket from before the machine's last start is a new one" {
	ids 3 >in
	go 0 pratelimit -r 1/d --shared bucket --over drop <in
	lines out 1
	go 0 pratelimit -r 1/d --shared bucket --over drop <in
	lines out 0
	boot=$(cat /proc/sys/kernel/random/boot_id)
	grep -qaF "$boot" bucket
	sed -i "s/$boot/$(echo "$boot" | tr 0-9a-f 1-9a-f0)/" bucket
	go 0 pratelimit -r 2/d -B 2 --shared bucket --over drop <in
	lines out 2
	go 0 pratelimit -r 2/d -B 2 --shared bucket --over drop <in
	lines out 0
}

@test "pratelimit: --shared: a file that is cut off ends the run, and loses nothing" {
	start pratelimit -q -r 1/d --shared bucket
	ids 100 >&8
	wait_until at_least out 1
	: >bucket
	exec 8>&-
	ends_with 2
	has err 'pratelimit: bucket was truncated: the rate it held is lost'
	[ "$(reasons out)" = 'cancelled 99' ]
	"$STUBS/signals-account" 100 out
}

@test "pratelimit: --shared reports a file that another process has locked, and a damaged one" {
	ids 3 >in
	go 0 pratelimit -r 1/d --shared bucket --over drop <in
	flock bucket sleep 20 3>&- &
	wait_until eval '! flock -n bucket true'
	go 2 pratelimit -r 1/d --shared bucket <in
	[ "$(cat err)" = "pratelimit: bucket: cannot be locked: Device or resource busy" ]
	pkill -P $!
	wait $! || true
	for number in '\001\0\0\0\0\0\0\100' '\001\0\0\0\0\0\0\200'; do
		# shellcheck disable=SC2059 # a format
		printf "$number" | dd of=bucket bs=1 seek="$(($(stat -c %s bucket) - 64))" conv=notrunc status=none
		go 2 pratelimit -r 1/d --shared bucket <in
		[ "$(cat err)" = 'pratelimit: bucket: is a damaged bucket: remove it' ]
	done
}

@test "pratelimit: --shared reports missing room and missing rights before anything is read" {
	ids 3 >in
	go 2 prlimit --fsize=100:100 env --ignore-signal=XFSZ pratelimit -r 1/s --shared bucket <in
	lines err 1
	has err 'pratelimit: bucket: '
	# The part that was written is not in the way of the next run.
	go 0 pratelimit -r 1/d --shared bucket --over drop <in
	nobody
	chmod 600 bucket
	go 2 "${NOBODY[@]}" pratelimit -r 1/d --shared bucket <in
	[ "$(cat err)" = 'pratelimit: bucket: Permission denied' ]
}
