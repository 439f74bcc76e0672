#!/usr/bin/env bats
# pdeadletter replay: which letters count as replayed, when a command has them
# and when a pipe has; and what purge removes then.

load ../support/helpers
load ../support/streams

# mixed N: N letters, of which every third is a crash, and the others timeouts.
mixed() {
	letters "$1" | sed '0~3s/"timeout"/"crash"/'
}

# numbers FILE: the records in it, on a line.
numbers() {
	jq -r .id "$1" | xargs
}

@test "replay: a command gets the records, and its output is ours" {
	letters 3 >dead
	go 0 pdeadletter replay dead -- sh -c 'cat; echo said >&2'
	ids 3 | cmp - out
	[ "$(cat err)" = said ]
	go 0 pdeadletter replay --all --wrap --limit 2 dead -- cat
	[ "$(jq -r .pchan out | xargs)" = 'retry/1 retry/1' ]
	# Where there is nothing to replay, it is not started.
	go 0 pdeadletter replay dead -- touch started
	[ ! -e started ]
	# No file remembers anything of standard input.
	letters 2 | go 0 pdeadletter replay - -- cat
	ids 2 | cmp - out
	[ "$(echo *)" = 'dead dead.cursor err out' ]
}

@test "replay: the letters count only when the command says so" {
	letters 3 >dead
	fails() {
		go 1 pdeadletter replay dead -- "${@:2}"
		lines err 1
		has err "pdeadletter: $1: nothing counts as replayed"
		[ ! -s dead.cursor ]
	}
	fails 'sh exited with status 3' sh -c 'cat; exit 3'
	has err '(if that is no failure: --ok-status 3)'
	fails 'sh was killed by SIGKILL' sh -c 'cat; kill -KILL $$'
	fails 'true exited with status 0 before it had read all records' true
	fails 'head exited with status 0 before it had read all records' head -c 1
	# shellcheck disable=SC2016 # for that shell
	fails 'sh exited with status 0 before it had read all records' sh -c 'read -r x; exec <&-; exit 0'
	go 0 pdeadletter purge dead
	has err '0 of 3 letters removed; kept: 3 not replayed'
	go 0 pdeadletter replay --ok-status 0,1 dead -- sh -c 'cat; exit 1'
	ids 3 | cmp - out
	go 0 pdeadletter replay dead
	[ ! -s out ]
	go 0 pdeadletter purge dead
	[ "$(cat err)" = 'pdeadletter: dead: 3 of 3 letters removed' ]
	[ ! -s dead ]
}

@test "replay: a command that stops reading in the middle of many records has not read them" {
	letters 100000 >dead
	for command in 'head -n 1' 'dd bs=1000 count=1' 'sh -c "exec <&-; exit 0"'; do
		eval "go 1 pdeadletter replay dead -- $command"
		has err 'before it had read all records: nothing counts as replayed'
		[ ! -s dead.cursor ]
	done
	go 0 pdeadletter replay dead -- sh -c 'sleep 0; cat'
	ids 100000 | cmp - out
}

@test "replay: a command that can't be run is reported before anything else" {
	letters 3 >dead
	echo '#!/no/such/interpreter' >script
	echo 'echo from a script; cat' >plain
	mkdir folder
	chmod +x script plain
	go 127 pdeadletter replay none -- no-such-command
	[ "$(cat err)" = 'pdeadletter: no-such-command: No such file or directory' ]
	go 127 pdeadletter replay dead -- ./script
	has err '/no/such/interpreter'
	go 126 pdeadletter replay dead -- ./folder
	go 126 pdeadletter replay dead -- ./dead
	[ ! -e dead.cursor ]
	# Without #! the shell runs it.
	go 0 pdeadletter replay dead -- ./plain
	lines out 4
}

@test "replay: wrong uses of a command are reported in one line" {
	letters 3 >dead
	while IFS='|' read -r args want; do
		# shellcheck disable=SC2086 # words
		go 2 pdeadletter $args
		[ "$(cat err)" = "pdeadletter: $want" ]
	done <<-'END'
		replay dead --|replay: a command is needed behind --
		replay -- cat|replay: a FILE is needed
		replay --ok-status 1 dead|replay: --ok-status needs a command: replay FILE -- command
		purge --ok-status 1 dead|purge: --ok-status needs replay: no other command replays letters
		replay --ok-status 256 dead -- cat|replay: --ok-status 256: expected exit statuses from 0 to 255, such as 1 or 0,1
		replay --ok-status 1, dead -- cat|replay: --ok-status 1,: expected exit statuses from 0 to 255, such as 1 or 0,1
	END
	[ ! -e dead.cursor ]
	go 2 bash -c 'pdeadletter replay dead -- cat >>dead'
	has err 'standard output and dead-letter file dead are the same file'
}

@test "replay: conditions leave gaps, and each letter is replayed once" {
	mixed 12 >dead
	go 0 pdeadletter replay --reason crash dead
	[ "$(numbers out)" = '3 6 9 12' ]
	go 0 pdeadletter replay --limit 3 dead
	[ "$(numbers out)" = '1 2 4' ]
	go 0 pdeadletter replay --id id-11 --id id-3 dead
	[ "$(numbers out)" = 11 ]
	letters 13 | tail -n 1 >>dead
	go 0 pdeadletter purge --id id-6 --id id-7 dead
	has err '1 of 13 letters removed; kept: 5 not replayed, 7 not selected'
	go 0 pdeadletter purge dead
	has err '7 of 12 letters removed; kept: 5 not replayed'
	[ "$(jq -r .id dead | xargs)" = 'id-5 id-7 id-8 id-10 id-13' ]
	go 0 pdeadletter replay dead
	[ "$(numbers out)" = '5 7 8 10 13' ]
	go 0 pdeadletter replay dead
	[ ! -s out ]
	[ "$(jq -c '[.front.id, .singles]' dead.cursor)" = '["id-13",null]' ]
}

@test "replay: gaps are remembered through rotation, a copy and a purge" {
	mixed 9 >dead
	go 0 pdeadletter replay --reason crash dead
	mv dead dead.1
	mixed 15 | tail -n 6 >dead
	go 0 pdeadletter replay --reason crash dead
	[ "$(numbers out)" = '12 15' ]
	mv dead.1 dead.2
	mv dead dead.1
	mkdir copy
	cp -p dead* copy
	for file in dead copy/dead; do
		go 0 pdeadletter replay --limit 4 $file
		[ "$(numbers out)" = '1 2 4 5' ]
		go 0 pdeadletter purge --id id-3 --id id-4 --id id-12 $file
		has err '3 of 15 letters removed'
		go 0 pdeadletter replay $file
		[ "$(numbers out)" = '7 8 10 11 13 14' ]
		[ ! -s err ]
	done
}

@test "replay: gaps in a file that was edited are told, and nothing is forgotten" {
	mixed 9 >before
	for edit in 'sed -i 2d' 'sed -i 7d' 'sed -i 1s/test/another/' 'sed -i 9d'; do
		cp before dead
		rm -f dead.cursor
		go 0 pdeadletter replay --limit 1 dead
		go 0 pdeadletter replay --reason crash dead
		$edit dead
		go 0 pdeadletter replay dead
		# What was not replayed is; 1, the front, is not.
		for id in 2 4 5 7 8; do
			grep -qF "id-$id\"" dead || continue
			grep -qx "{\"id\":$id}" out
		done
		lacks out '{"id":1}'
		lines err 1
		has err 'pdeadletter: dead was changed: 3 letters behind a gap count as not replayed'
		go 0 pdeadletter replay dead
		[ ! -s out ] && [ ! -s err ]
	done
}

@test "replay: a cursor of an earlier version is read" {
	letters 5 | sed '2s/"value"/"replays":5,"value"/' >dead
	end=$(letters 4 | sed '2s/"value"/"replays":5,"value"/' | wc -c)
	start=$((end - $(letters 4 | tail -n 1 | wc -c)))
	old() {
		printf '{"pchan":"cursor/1","id":"id-4","failed":0,"inode":%d,"start":%d,"end":%d%s} \n' \
			"$(stat -c %i dead)" $start "$end" "$1" >dead.cursor
	}
	old ''
	go 0 pdeadletter replay dead
	[ "$(numbers out)" = 5 ]
	grep -q '"pchan":"cursor/2"' dead.cursor
	# Letters that --max-replays had left out were not replayed.
	old ',"max_replays":5'
	go 0 pdeadletter replay --limit 1 dead
	[ "$(numbers out)" = 2 ]
	go 0 pdeadletter replay dead
	[ "$(numbers out)" = 5 ]
	old ',"max_replays":5'
	go 0 pdeadletter purge dead
	has err '3 of 5 letters removed; kept: 2 not replayed'
}

@test "replay: purge says that nothing proves what became of a pipe" {
	for how in 'replay dead | cat' 'replay --limit 1 dead | cat'; do
		letters 3 >dead
		rm -f dead.cursor
		go 0 bash -c "pdeadletter $how"
		go 0 pdeadletter purge dead
		lines err 2
		# shellcheck disable=SC2016 # quoted so
		has err 'nothing proves that the reader succeeded unless `set -o pipefail` was in force: see `replay FILE -- command`'
	done
	for how in 'replay dead -- cat' 'replay dead >file'; do
		letters 3 >dead
		go 0 bash -c "pdeadletter $how"
		go 0 pdeadletter purge dead
		lines err 1
	done
	# A shell that has pipefail does not come so far.
	letters 3 >dead
	go 1 bash -c 'set -o pipefail; pdeadletter replay dead | { cat; false; } && pdeadletter purge dead'
	lines dead 3
}

@test "replay: a signal is passed on, and waited for" {
	letters 3 >dead
	cat >worker <<-'END'
		#!/bin/sh
		trap 'echo stopping; cat >/dev/null; : >stopped; exit 7' TERM
		: >ready
		while :; do sleep 0.01; done
	END
	chmod +x worker
	pdeadletter replay dead -- ./worker >out 2>err 3>&- &
	pid=$!
	wait_until test -e ready
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 143 ]
	[ -e stopped ]
	[ "$(cat out)" = stopping ]
	has err 'worker exited with status 7: nothing counts as replayed'
	[ ! -s dead.cursor ]
	# Whoever has done all of it by then has done it.
	cat >worker <<-'END'
		#!/bin/sh
		trap 'exit 0' TERM
		cat
		: >done
		while :; do sleep 0.01; done
	END
	pdeadletter replay dead -- ./worker >out 2>err 3>&- &
	pid=$!
	wait_until test -e 'done'
	kill -TERM "$pid"
	wait "$pid"
	[ ! -s err ]
	ids 3 | cmp - out
	go 0 pdeadletter replay dead
	[ ! -s out ]
}

@test "replay: a signal ends the giving of many records" {
	letters 100000 >dead
	cat >worker <<-'END'
		#!/bin/sh
		trap 'exec cat' TERM
		: >ready
		while :; do sleep 0.01; done
	END
	chmod +x worker
	pdeadletter replay dead -- ./worker >out 2>err 3>&- &
	pid=$!
	wait_until test -e ready
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 143 ]
	[ "$(wc -l <out)" -lt 100000 ]
	has err 'worker exited with status 0 before it had read all records: nothing counts as replayed'
	[ ! -s dead.cursor ]
}

@test "replay: no kill of the command or of replay loses a letter" {
	seq 200 | pfanout -q -k -d dead -- sed 's/.*/!no/' || [ $? -eq 1 ]
	# Every call fails for one in ten, and is slow enough to be killed.
	cat >call <<-'END'
		#!/usr/bin/python3
		import random, sys, time
		for line in sys.stdin:
		    time.sleep(0.001)
		    print("!again" if random.random() < 0.1 else line.strip(), flush=True)
	END
	chmod +x call
	missing() {
		{
			cat done.ndjson
			pdeadletter list --json dead 2>/dev/null | jq -r '.value // .text'
		} | sort -nu >here
		seq 200 | sort -n | comm -23 <(seq 200 | sort) <(sort here)
	}
	: >done.ndjson
	for n in 1 2 3 4 5 6 7 8 9 10; do
		before=$(wc -l <done.ndjson)
		pdeadletter replay --wrap --ok-status 1 dead -- sh -c 'echo $$ >pid; exec pfanout -q -j 2 -d dead -- ./call' >>done.ndjson 2>err 3>&- &
		pid=$!
		some() { [ "$(wc -l <done.ndjson)" -gt $((before + n * 3)) ] || is_gone $pid; }
		wait_until some
		# The command, or both.
		[ $((n % 3)) -ne 0 ] || kill -KILL "$pid" || true
		kill -KILL "$(cat pid)" 2>/dev/null || true
		wait "$pid" || true
		go 0 pdeadletter purge dead
		[ -z "$(missing)" ]
	done
	# In the end each try has an end of its own, and purge leaves nothing.
	for n in $(seq 20); do
		go 0 pdeadletter replay --wrap --ok-status 1 dead -- sh -c 'pfanout -q -d dead -- ./call >>done.ndjson'
		go 0 pdeadletter purge dead
		lacks err 'nothing proves'
		[ -z "$(missing)" ]
		[ -s dead ] || break
	done
	[ ! -s dead ]
	seq 200 | sort | cmp - <(sort -u done.ndjson)
}

@test "replay: what fails again lands behind in the same file, and is kept" {
	seq 100 | pfanout -q -k -d dead -- sed 's/.*/!no/' || [ $? -eq 1 ]
	cp dead first
	go 0 pdeadletter replay --ok-status 1 dead -- pfanout -q -k -d dead -- sed 's/.*5$/!no/'
	lines out 90
	lines dead 110
	go 0 pdeadletter purge dead
	[ "$(cat err)" = 'pdeadletter: dead: 100 of 110 letters removed; kept: 10 not replayed' ]
	[ "$(jq -r .value dead | xargs)" = "$(seq 5 10 100 | xargs)" ]
	go 0 pdeadletter replay dead -- pfanout -q -k -- cat
	seq 5 10 100 | cmp - out
	# It may be rotated meanwhile, too.
	cp first dead
	rm -f dead.cursor
	go 0 pdeadletter replay --ok-status 1 dead -- sh -c 'pfanout -q -k -- sed "s/.*5$/!no/" | pdeadletter -q -d dead --max-size 20K'
	[ -e dead.1 ]
	go 0 pdeadletter purge dead
	has err '100 of 110 letters removed; kept: 10 not replayed'
}

@test "replay: a cursor that can't be written is reported, and the old one stays" {
	needs_strace
	letters 3 >dead
	go 0 pdeadletter replay --limit 1 dead
	cp dead.cursor before
	for call in fsync rename; do
		go 2 strace -qq -o trace -e trace=$call -e inject=$call:error=ENOSPC pdeadletter replay dead -- cat
		has err 'pdeadletter: dead.cursor: No space left on device'
		cmp before dead.cursor
		[ ! -e dead.cursor.new ]
	done
	go 0 pdeadletter replay dead -- cat
	[ "$(numbers out)" = '2 3' ]
}
