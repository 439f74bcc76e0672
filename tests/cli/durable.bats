#!/usr/bin/env bats
# The dead-letter file survives power cuts, kills at any call, full disks,
# missing rights and logrotate.

load ../support/helpers
load ../support/streams

teardown() {
	exec 8>&-
	wait
	for folder in disk after; do
		! mountpoint -q "$folder" || umount "$folder"
	done
}

# Mounts an image on ./disk whose file system writes nothing to the image by
# itself while a test runs.
power() {
	needs mkfs.ext4
	mkdir disk after
	truncate -s 16M image
	mkfs.ext4 -q image
	mount -o loop,commit=300 image disk 2>/dev/null || skip "can't mount an image"
}

# Mounts on ./after what the disk would hold if power failed now.
power_cut() {
	! mountpoint -q after || umount after
	cp image image.after
	mount -o loop image.after after
}

# killed_at N CALLS COMMAND...: the command dies of SIGKILL in its Nth call of
# one of CALLS.
killed_at() {
	local n=$1 calls=$2

	shift 2
	timeout 20 strace -qq -f -o trace -e "trace=$calls" -e "inject=$calls:signal=KILL:when=$n" "$@" >out 2>err ||
		true
}

# The ids of the letters in FILE and in its rotated files.
listed() {
	timeout 20 pdeadletter list --json "$1" | jq -r .id
}

@test "durable: letters and rotations survive a power cut" {
	power
	letters 50 >in
	go 1 pdeadletter -q -d disk/dead --max-size 1K <in
	power_cut
	[ -e after/dead.3 ]
	listed after/dead | cmp - <(seq -f 'id-%g' 50)
}

@test "durable: a power cut with --sync none loses letters, so these tests can fail" {
	power
	letters 50 >in
	go 1 pdeadletter -q -d disk/dead --sync none <in
	power_cut
	[ ! -s after/dead ]
}

@test "durable: letters of records that have left survive a power cut while more letters come" {
	power
	mkfifo fifo
	timeout 60 pfanout -q -d disk/dead -- "$STUBS/worker" -u reject 1,2,3 <fifo >out 2>err 3>&- &
	pid=$!
	exec 8>fifo
	for n in 1 2 3; do
		printf '{"id":%d}\n{"id":%d0}\n' "$n" "$n" >&8
		wait_until at_least out "$n"
		wait_until at_least disk/dead "$n"
	done
	power_cut
	exec 8>&-
	wait "$pid" || [ $? -eq 1 ]
	[ "$(jq .value.id after/dead | tr '\n' ' ')" = '1 2 3 ' ]
}

@test "durable: a power cut in the middle of a line loses nothing else, and the line is reported" {
	power
	letters 5 >in
	go 1 pdeadletter -q -d disk/dead <in
	letters 400 | tail -n 395 | go 1 pdeadletter -q -d disk/dead --sync none
	sync disk/dead
	# The blocks after the first one are lost.
	truncate -s 4000 disk/dead
	truncate -s 5000 disk/dead
	sync disk/dead
	power_cut
	whole=$(head -c 4000 after/dead | tr -cd '\n' | wc -c)
	listed after/dead | cmp - <(seq -f 'id-%g' "$whole")
	letters 1 | sed s/id-1/new/ >in
	go 1 pdeadletter -d after/dead <in
	has err 'last line is not whole'
	listed after/dead | cmp - <(seq -f 'id-%g' "$whole" && echo new)
}

@test "durable: replay and purge survive a power cut" {
	power
	letters 20 >in
	go 1 pdeadletter -q -d disk/dead --max-size 1K <in
	timeout 20 pdeadletter replay disk/dead >disk/out
	power_cut
	[ "$(wc -l <after/out)" -eq 20 ]
	go 0 pdeadletter replay after/dead
	[ ! -s out ]
	letters 21 | tail -n 1 >in
	go 1 pdeadletter -q -d disk/dead --max-size 1K <in
	go 0 pdeadletter purge disk/dead
	power_cut
	listed after/dead | cmp - <(echo id-21)
	go 0 pdeadletter replay after/dead
	[ "$(cat out)" = '{"id":21}' ]
}

@test "durable: an appender killed at any call leaves whole letters, in order, none twice" {
	needs_strace
	letters 12 >in
	calls=write,openat,fchmod,fdatasync,fsync,rename,unlink,flock,ftruncate
	for n in $(seq 1 3 90); do
		rm -f dead*
		killed_at "$n" "$calls" pdeadletter -q -d dead --max-size 300 --sync record <in
		touch dead
		ends=$(listed dead | wc -l)
		listed dead | cmp - <(seq -f 'id-%g' "$ends")
		# The next appender continues.
		tail -n $((12 - ends)) in | timeout 20 pdeadletter -q -d dead --max-size 300 >/dev/null 2>&1 || [ $? -eq 1 ]
		listed dead | cmp - <(seq -f 'id-%g' 12)
	done
	[ -e dead.3 ]
	# The last round was not killed, so every call has been tried.
	[ "$ends" -eq 12 ]
}

@test "durable: a replay killed at any call leaves the old cursor or the new one" {
	needs_strace
	letters 12 >in
	for n in $(seq 30); do
		rm -f dead*
		timeout 20 pdeadletter -q -d dead --max-size 300 <in || [ $? -eq 1 ]
		killed_at "$n" openat,flock,write,pwrite64,fdatasync,fsync,close pdeadletter replay dead
		mv out first
		go 0 pdeadletter replay dead
		[ ! -s err ]
		# The second replay printed all records or none, and no record
		# is missing.
		[ ! -s out ] || cmp out <(ids 12)
		[ -s out ] || cmp first <(ids 12)
		go 0 pdeadletter replay dead
		[ ! -s out ]
	done
}

@test "durable: a disk that fills up anywhere tears no letter, and every lost letter is named" {
	letters 60 >in # 6 KiB
	for pages in 1 2; do
		for files in 1 2 3; do
			small_disk $((pages * 4)) $files
			go 2 pdeadletter -d disk/dead --max-size 2000 <in
			touch disk/dead 2>/dev/null || true
			listed disk/dead >got || : >got
			kept=$(wc -l <got)
			seq -f 'id-%g' "$kept" | cmp - got
			[ "$(cat disk/* | wc -l)" -eq "$kept" ]
			has err "disk/dead: No space left on device; $((60 - kept)) dead letters that it could not keep (id-$((kept + 1)),"
		done
	done
	small_disk 40 10
	go 1 pdeadletter -q -d disk/dead --max-size 2000 <in
	listed disk/dead | cmp - <(seq -f 'id-%g' 60)
}

@test "durable: replay and purge report a full disk and lose nothing" {
	letters 30 >in # 3 KiB
	small_disk 4 1
	go 1 pdeadletter -q -d disk/dead <in
	# There is no room for the name of the cursor.
	go 2 pdeadletter replay disk/dead
	has err 'disk/dead.cursor: No space left on device'
	[ ! -s out ]
	# There is no room for its bytes.
	mount -o remount,nr_inodes=5 disk
	go 2 pdeadletter replay disk/dead
	has err 'disk/dead.cursor: No space left on device'
	ids 30 | cmp - out
	mount -o remount,size=8k disk
	go 0 pdeadletter replay disk/dead
	[ ! -s err ]
	ids 30 | cmp - out
	# There is no room for the file that purge writes.
	letters 31 | tail -n 1 >in
	go 1 pdeadletter -q -d disk/dead <in
	go 2 pdeadletter purge disk/dead
	has err 'disk/dead is unchanged'
	listed disk/dead | cmp - <(seq -f 'id-%g' 31)
	mount -o remount,size=12k disk
	go 0 pdeadletter purge disk/dead
	listed disk/dead | cmp - <(echo id-31)
	go 0 pdeadletter replay disk/dead
	[ "$(cat out)" = '{"id":31}' ]
}

@test "durable: one failed fdatasync is enough to distrust a disk" {
	needs_strace
	letters 5 >in
	go 2 strace -qq -f -o trace -e trace=fdatasync -e inject=fdatasync:error=EIO:when=1 pdeadletter -d dead <in
	has err 'dead: Input/output error; 5 dead letters that it could not keep (id-1, id-2, id-3, id-4, id-5)'
	[ ! -s dead ]
	lines trace 1
}

@test "durable: purge notices that its file is renamed while it works" {
	needs_strace
	letters 10 >dead
	timeout 20 pdeadletter replay dead >out
	letters 11 | tail -n 1 >>dead
	timeout 20 strace -qq -o trace -e trace=fsync -e inject=fsync:delay_enter=4000000:when=1 pdeadletter purge dead 2>err 3>&- &
	wait_until eval 'test -s dead.purge-*'
	mv dead dead.1
	letters 13 | tail -n 2 >dead
	status=0
	wait $! || status=$?
	[ "$status" -eq 2 ]
	grep -q 'dead is unchanged: dead.purge-......: Stale file handle' err
	listed dead | cmp - <(seq -f 'id-%g' 13)
	go 0 pdeadletter replay dead
	ids 13 | tail -n 3 | cmp - out
}

@test "durable: logrotate works on the file of a running stage" {
	mkfifo fifo
	timeout 60 pfanout -q -d dead -- "$STUBS/worker" -u reject all <fifo >out 2>err 3>&- &
	pid=$!
	exec 8>fifo
	for n in 1 2 3 4; do
		printf '{"id":%d}\n' "$n" >&8
		wait_until test -s dead
		if command -v logrotate >/dev/null; then
			printf '%s {\nrotate 9\ncreate 644\nsu root root\npostrotate\nkill -HUP %d\nendscript\n}\n' "$PWD/dead" "$pid" >conf
			chmod 600 conf
			logrotate -f -s state conf
		else
			mv dead "dead.$((5 - n))"
			: >dead
			kill -HUP "$pid"
		fi
	done
	exec 8>&-
	wait "$pid" || [ $? -eq 1 ]
	[ ! -s err ]
	[ "$(timeout 20 pdeadletter list --json dead | jq -c .value.id | tr '\n' ' ')" = '1 2 3 4 ' ]
}

@test "durable: missing rights are reported before anything is read" {
	letters 30 >in
	nobody
	letters 2 >dead
	chmod 644 dead
	go 2 "${NOBODY[@]}" pdeadletter -d dead <in
	has err 'dead: Permission denied'
	go 2 "${NOBODY[@]}" pdeadletter -d new <in
	has err 'new: Permission denied'
	# Reading does not require write access, but the cursor does.
	go 0 "${NOBODY[@]}" pdeadletter list dead
	go 0 "${NOBODY[@]}" pdeadletter replay - <dead
	lines out 2
	go 2 "${NOBODY[@]}" pdeadletter replay dead
	has err 'dead.cursor: Permission denied'
	[ ! -s out ]
	go 2 "${NOBODY[@]}" pdeadletter purge --force dead
	# The file may not get another owner, as its appenders could no longer
	# open it.
	mkdir open
	cp dead open/dead
	chmod 777 open
	go 2 "${NOBODY[@]}" pdeadletter purge --force open/dead
	grep -q 'open/dead is unchanged: open/dead.purge-......: Operation not permitted' err
	cmp dead open/dead
	[ "$(stat -c %u open/dead)" -eq 0 ]
	chmod 000 dead
	go 2 "${NOBODY[@]}" pdeadletter list dead
	has err 'dead: Permission denied'
	# A file that is writable in a folder that is not cannot be rotated.
	chmod 666 dead
	go 2 "${NOBODY[@]}" pdeadletter -d dead --max-size 300 <in
	has err 'dead: Permission denied; 29 dead letters that it could not keep'
	has err '30 dead letters are in dead or in the output'
	cat dead out | sort | cmp - <(cat in <(letters 2) | sort)
	go 1 "${NOBODY[@]}" pdeadletter -q -d dead <in
	lines dead 33
}

@test "durable: eight appenders with letters of 1 MB work beside replay and purge" {
	big=$(head -c 1000000 /dev/zero | tr '\0' x)
	for w in 1 2 3 4 5 6 7 8; do
		for n in 1 2 3 4; do
			printf '{"pchan":"dead-letter/1","id":"%s","stage":"s","reason":"crash","value":{"id":"%s","text":"%s"}}\n' \
				$w-$n $w-$n "$big"
		done >"in.$w"
		timeout 60 pdeadletter -q -d dead --max-size 3M --sync none <"in.$w" >"out.$w" 3>&- &
		pids="$pids $!"
	done
	wait_until test -s dead
	for n in 1 2 3 4 5 6; do
		timeout 20 pdeadletter replay dead | jq -r '"\(.id) \(.text | length)"' >>got
		timeout 20 pdeadletter purge dead 2>>err
	done
	# shellcheck disable=SC2086 # numbers
	wait $pids || true
	timeout 20 pdeadletter replay dead | jq -r '"\(.id) \(.text | length)"' >>got
	sort got | cmp - <(for w in 1 2 3 4 5 6 7 8; do printf "$w-%d 1000000\n" 1 2 3 4; done)
}
