#!/usr/bin/env bats
# The numbers of a stage in a mapped file: while it runs, after it has ended,
# and after it was killed.

# shellcheck disable=SC2030,SC2031 # each test starts its own $pid

load ../support/helpers
load ../support/streams
load ../support/background

STATS=$BATS_TEST_DIRNAME/../support/stats

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	unset PCHAN_PIPELINE PCHAN_METRICS XDG_RUNTIME_DIR
}

stats() {
	"$STATS" run
}

# says WORDS...: a line of the stats has each of the words.
says() {
	local line word

	stats >found || return 1
	while read -r line; do
		for word; do
			[[ " $line " == *" $word "* ]] || continue 2
		done
		return 0
	done <found
	echo "no line has: $*"
	cat found
	return 1
}

stat_files() {
	find run -name '*.stat' | wc -l
}

no_mounts() {
	unshare -m true 2>/dev/null || skip "can't unshare"
}

@test "statfile: a stage is visible while it runs, and retired when it has ended" {
	PCHAN_PIPELINE=access start pfanout -j 3 -n enrich -b 10
	printf '{"id":1}\nx\n' >&8
	wait_until says live enrich 'received 2' 'processed 1' 'failed 1'
	says live enrich 'mode checks' 'workers 3' 'capacity 320' "pipeline 'access'" \
		"argv 'pfanout -j 3 -n enrich -b 10'"
	# shellcheck disable=SC2154 # start() sets it
	[[ $(echo run/*) == "run/pfanout.$pid."*.stat ]]
	[ "$(stat -c %a run/*)" = 1600 ]
	exec 8>&-
	ends_with 1
	[ "$(stat_files)" -eq 0 ]
	says retired enrich 'received 2' 'processed 1' 'failed 1' 'records 1' 'ok 0'
}

@test "statfile: all five tools, and what they do" {
	local how

	for how in 'passes pfanin' 'limits pratelimit -r 5/s' 'passes pdeadletter' 'passes pmetrics' \
		'checks pfanout' 'maps pfanout cat' 'execs pfanout -x cat' 'filters pfanout -F cat' \
		'spreads pfanout --to x'; do
		# shellcheck disable=SC2086 # words
		set -- $how
		start "${@:2:1}" -n me "${@:3}"
		wait_until says live me "mode $1"
		exec 8>&-
		ends_with 0
		[ "$(stat_files)" -eq 0 ]
	done
	[ "$(stats | grep -c '^retired me .* ok [1-5] ')" -eq 5 ] # by tool
}

@test "statfile: the counts of a killed stage are kept, and folded by the next one" {
	start pfanout -n me
	ids 100 >&8
	wait_until says live me 'written 100'
	kill -KILL "$pid"
	ends_with 137
	exec 8>&-
	says dead me 'received 100' 'processed 100' 'written 100'
	ids 5 | pfanout -n next >/dev/null
	[ "$(stat_files)" -eq 0 ]
	says retired me 'received 100' 'processed 100' 'killed 1' 'ok 0'
	says retired next 'received 5' 'killed 0' 'ok 1'
}

@test "statfile: how a stage ends" {
	ids 3 | pfanout -n ok >/dev/null
	says retired ok 'ok 1'
	echo x | pfanout -n records >/dev/null 2>&1 || [ $? -eq 1 ]
	says retired records 'records 1' 'failed 1'
	# After the file was opened, before anything is read.
	go 2 pfanout -n error -d no/such/file </dev/null
	says retired error 'error 1' 'received 0'
	# Its reader has left: that is no error.
	(yes '{}' || true) | (pfanout -n reader || true) | head -n 1 >/dev/null
	wait_until says retired reader 'signal 1'
	for sig in TERM INT; do
		start pfanout -n "$sig"
		wait_until says live "$sig"
		kill "-$sig" "$pid"
		exec 8>&-
		ends_with 143 130
		says retired "$sig" 'signal 1'
	done
}

@test "statfile: the third signal is no kill, and what was held is told" {
	start pfanout -n hangs --grace 1m -x sleep 60
	echo 1 >&8
	wait_until says live hangs 'received 1'
	send "$pid" TERM
	again "$pid" TERM
	again "$pid" TERM || true
	ends_with 143
	exec 8>&-
	true | pfanout
	says retired hangs 'signal 1' 'killed 0' 'received 1'
}

@test "statfile: PCHAN_METRICS=off makes nothing" {
	rmdir run
	ids 3 >in
	PCHAN_METRICS=off go 0 pfanout <in
	[ ! -e run ]
	lines err 0
	go 0 pfanout <in
	says retired pfanout 'received 3'
}

# refused WHY: the stage runs without, and says so in one line.
refused() {
	ids 3 >in
	go 0 "${NOBODY[@]}" "$(command -v pfanout)" <in
	cmp in out
	lines err 1
	has err "pfanout: no metrics: $PCHAN_RUN_DIR: $1"
}

@test "statfile: a named directory with any fault is told in one line, and the stage runs" {
	local NOBODY=()

	PCHAN_RUN_DIR=$PWD/no/parent refused 'No such file or directory'
	ln -s run link
	PCHAN_RUN_DIR=$PWD/link refused 'is a symbolic link'
	PCHAN_RUN_DIR=$PWD/in refused 'Not a directory'
	mkdir -m 777 world
	PCHAN_RUN_DIR=$PWD/world refused 'other users may enter it (chmod 700)'
	[ "$(find world | wc -l)" -eq 1 ]
	(
		ulimit -f 1
		refused 'File too large'
	)
	[ "$(find run | wc -l)" -eq 1 ]
}

@test "statfile: a directory of another user, one that can't be written" {
	local NOBODY

	ids 1 >in
	nobody
	NOBODY+=(PCHAN_METRICS=on)
	mkdir -m 700 theirs
	PCHAN_RUN_DIR=$PWD/theirs refused 'Permission denied'
	mkdir -m 500 mine
	chown 65534 mine
	PCHAN_RUN_DIR=$PWD/mine refused 'Permission denied'
	NOBODY=()
	PCHAN_RUN_DIR=$PWD/mine refused 'belongs to another user'
}

@test "statfile: a full disk costs the metrics, not the stage" {
	local NOBODY=()

	small_disk 8
	chmod 700 disk
	PCHAN_RUN_DIR=$PWD/disk refused 'No space left on device'
	[ "$(find disk | wc -l)" -eq 1 ]
}

@test "statfile: a disk that is full at the end keeps the file for later" {
	small_disk 40
	chmod 700 disk
	export PCHAN_RUN_DIR=$PWD/disk
	start pfanout -n full
	wait_until compgen -G 'disk/*.stat' >files
	(cat /dev/zero || true) >disk/rest 2>/dev/null
	ids 7 >&8
	exec 8>&-
	ends_with 0
	"$STATS" disk >stats
	grep -q '^dead full received 7' stats
	rm disk/rest
	true | pfanout
	"$STATS" disk >stats
	grep -q '^retired full received 7 .* ok 1 ' stats
}

@test "statfile: whoever has the lock is not waited for" {
	ids 3 >in
	go 0 pfanout -n first <in
	mkfifo hold
	python3 -c 'import fcntl, sys
file = open("run/lock", "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
open("locked", "w")
sys.stdin.read()' <hold 3>&- &
	exec 9>hold
	wait_until [ -e locked ]
	go 0 pfanout -n first <in
	lines err 0
	says retired first 'received 3' 'ok 1'
	says dead first 'received 3'
	exec 9>&-
	wait $!
	go 0 pfanout -n first <in
	says retired first 'received 9' 'ok 3'
	[ "$(stat_files)" -eq 0 ]
}

@test "statfile: hundreds of short runs at a time are counted exactly" {
	local n=1000

	[ -z "${SAN-}" ] || n=100
	ids "$n" | pfanout -x -j 8 -n outer -- pfanout -n short >out
	lines out "$n"
	[ "$(stat_files)" -lt 130 ]
	true | pfanout
	[ "$(stat_files)" -eq 0 ]
	says retired short "received $n" "processed $n" "written $n" "ok $n" 'killed 0'
	says retired outer "received $n" 'ok 1'
	[ "$(find run | wc -l)" -eq 3 ]
}

@test "statfile: few descriptors, or no room for another one, harm nobody" {
	ids 3 >in
	for n in 8 9 10 12 16 20 30 40; do
		(
			ulimit -n "$n"
			pfanout <in >out 2>err || [ $? -eq 2 ]
		)
		[ "$(stat_files)" -eq 0 ]
	done
	cmp in out
}

@test "statfile: the rate of pratelimit, also after SIGHUP" {
	echo 1000/s >rate
	start pratelimit -n pace --rate-file rate
	wait_until says live pace 'rate 1000' 'by_bytes 0'
	echo 6000/m >rate
	kill -HUP "$pid"
	wait_until says live pace 'rate 100'
	exec 8>&-
	ends_with 0
	start pratelimit -n pace --bytes -r 2K/s --shared bucket
	wait_until says live pace 'rate 2048' 'by_bytes 1'
	exec 8>&-
	ends_with 0
}

# In namespaces of its own: what is mounted there is nobody else's.
@test "statfile: nobody has named a directory: the first one that is safe" {
	no_mounts
	ids 3 >in
	unshare -m bash -e >log 2>&1 <<-'END'
		unset PCHAN_RUN_DIR
		mount --make-rprivate / 2>/dev/null || true
		mount -t tmpfs -o mode=1777 none /dev/shm || { echo skip >skip; exit 0; }
		mount -t tmpfs -o mode=755 none /run
		pfanout <in >out && [ "$(stat -c %a /run/pchan)" = 700 ] && [ -e /run/pchan/retired.2 ]
		mkdir -p -m 700 /run/user/0
		pfanout <in >out && [ -e /run/user/0/pchan/retired.2 ]
		mkdir -m 700 /run/mine
		XDG_RUNTIME_DIR=/run/mine pfanout <in >out && [ -e /run/mine/pchan/retired.2 ]
		# After su(1) it is somebody else's.
		chown 1234 /run/mine /run/mine/pchan
		rm /run/mine/pchan/*
		XDG_RUNTIME_DIR=/run/mine pfanout <in >out 2>err
		[ ! -s err ] && [ -z "$(ls /run/mine/pchan)" ]
		# All are odd: silent, but -v says why.
		rm -r /run/user/0/pchan /run/pchan
		ln -s /tmp /run/user/0/pchan
		ln -s /tmp /run/pchan
		ln -s /tmp /dev/shm/pchan-0
		pfanout <in >out 2>err
		[ ! -s err ]
		pfanout -v <in >out 2>err
		grep -qx 'pfanout: no metrics: /dev/shm/pchan-0: is a symbolic link' err
		rm /dev/shm/pchan-0
		pfanout <in >out && [ -e /dev/shm/pchan-0/retired.2 ]
	END
	[ ! -e skip ] || skip "can't mount a tmpfs"
}

@test "statfile: the waits of a stage with other clocks are not those of ours" {
	local shift

	for shift in 7200 -100; do
		unshare -T --monotonic "$shift" true 2>/dev/null || skip "can't set another clock"
		start unshare -T --monotonic "$shift" pfanout -n other
		wait_until says live other
		pmetrics print >found
		[ "$(sed -n 's/\..*//; s/pipeline_blocked_seconds_total.*on="input"} //p' found)" -le 60 ]
		exec 8>&-
		ends_with 0
	done
}

@test "statfile: without /proc a stage runs as ever" {
	no_mounts
	[ "${SAN-}" != address ] || skip "the search for leaks needs /proc"
	ids 3 >in
	unshare -m bash -e <<-'END'
		mount -t tmpfs none /proc || { echo skip >skip; exit 0; }
		pfanout <in >out
	END
	[ ! -e skip ] || skip "can't mount a tmpfs"
	cmp in out
	says retired pfanout 'received 3' 'ok 1'
}
