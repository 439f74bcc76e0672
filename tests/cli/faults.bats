#!/usr/bin/env bats
# Faults around the tool: full disks, closed and odd descriptors, readers that
# go away, limits.

load ../support/helpers
load ../support/streams
load ../support/counts
load ../support/background

MODES=('' '-k -- cat' '-j4 -- cat' '-x -- cat' '-k -x --batch 50 -- cat' '-F -- cat')

# Our descriptor does not have O_NONBLOCK (04000).
is_blocking() {
	awk '/^flags/ { exit int($2 / 1000) % 10 >= 4 }' "/proc/self/fdinfo/$1"
}

fds_of() {
	find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

# The command with this status in ./status died of SIGPIPE and printed no error.
ended_quietly() {
	echo "$1: $(cat status)"
	[ "$(cat status)" -eq 141 ]
	[ ! -s err ]
}

# reports_failed_poll MODE: the error is named once, and every record read is
# accounted for.
reports_failed_poll() {
	local torn

	[ "$(grep -c 'poll.*: Cannot allocate memory' err)" -eq 1 ]
	accounted
	# What filters swallow or print, nothing accounts for.
	[ "$1" != -F ] || return 0
	# The part of a line that was read from a pipe leaves as a letter, too.
	torn=$(grep -c '"text":' out || true)
	[ "$torn" -le 1 ]
	grep -v '"text":' out >whole || true
	account "$(($(total received) - torn))" whole
}

# Gives records to two filters until each has read one.
feed_both() {
	ids 1 >&8
	test -e begun && test -e second
}

@test "faults: a full stdout is status 2 soon, and is named" {
	[ -c /dev/full ] || skip "no /dev/full"
	for mode in "${MODES[@]}"; do
		status=0
		# shellcheck disable=SC2086 # words
		{ yes '{"id":1}' 2>/dev/null || true; } | timeout 10 pfanout $mode >/dev/full 2>err || status=$?
		echo "pfanout $mode: $status"
		[ "$status" -eq 2 ]
		has err 'standard output: No space left on device'
	done
}

@test "faults: a stdout that is full at the last record is status 2" {
	[ -c /dev/full ] || skip "no /dev/full"
	echo '{"id":1}' >in
	for mode in "${MODES[@]}"; do
		status=0
		# shellcheck disable=SC2086 # words
		timeout 10 pfanout $mode <in >/dev/full 2>err || status=$?
		[ "$status" -eq 2 ]
		has err 'No space'
	done
}

@test "faults: a disk that fills up is status 2, and has whole lines only" {
	small_disk 64
	seq 1000 | sed "s/.*/{\"id\":&,\"x\":\"$(head -c 300 /dev/zero | tr '\0' x)\"}/" >in
	for mode in '-k' '-k -- cat' '-k -x -b 8 -- cat'; do
		rm -f disk/out
		status=0
		# shellcheck disable=SC2086 # words
		timeout 60 pfanout $mode <in >disk/out 2>err || status=$?
		echo "pfanout $mode: $status"
		[ "$status" -eq 2 ]
		has err 'No space'
		n=$(wc -l <disk/out)
		[ "$n" -gt 100 ]
		head -n "$n" in | cmp - disk/out
	done
}

# lost LINE: one line of ./err says what was lost: LINE.
lost() {
	[ "$(sed -n 's/.*not written, and lost: //p' err)" = "$1" ] || {
		echo "not told: $1"
		return 1
	}
}

@test "faults: a full disk: all that is not in the output is unwritten, exactly" {
	seq 3000 >in
	for mode in '' '-k' '-j2 -- cat' '-k -- cat' '-x -j4 -- echo {}' '-j2 -- sed s/.*/!x/'; do
		echo "# pfanout $mode"
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		go 2 bash -c 'ulimit -f 2; exec pfanout -v "$@" <in' bash $mode
		has err 'standard output: File too large'
		balanced
		[ "$(tail -c 1 out)" = "" ]
		lost "$(($(total received) - $(wc -l <out))) records"
		[ "$(total unwritten)" -eq "$(($(total received) - $(wc -l <out)))" ]
	done
	# A record of two lines needs both.
	# shellcheck disable=SC2016 # for the other shell
	go 2 bash -c 'ulimit -f 1; exec pfanout -v -x -j1 -- sh -c "cat; echo x" <in'
	[ "$(total processed)" -eq "$(grep -c x out)" ]
	[ "$(total written)" -eq "$(wc -l <out)" ]
	lost "$(($(total received) - $(grep -c x out))) records"
}

@test "faults: lines that were read from a pipe and are no records yet are unwritten, too" {
	[ -c /dev/full ] || skip "no /dev/full"
	seq 1000 >in
	for mode in '' '-- cat' '-x -- cat'; do
		echo "# pfanout $mode"
		status=0
		# shellcheck disable=SC2086 # words
		timeout 20 pfanout -v -b 1 -j 1 $mode < <(cat in) >/dev/full 2>err || status=$?
		[ "$status" -eq 2 ]
		[ "$(total received)" -eq 1000 ]
		lost '1000 records'
	done
}

@test "faults: a full disk under pratelimit and pdeadletter: unwritten, exactly" {
	{ seq 3000 && letters 1000; } >in
	# shellcheck disable=SC2016 # for the other shell
	for tool in 'pratelimit -r 1000000/s' 'pdeadletter -d dead'; do
		# shellcheck disable=SC2086 # words
		go 2 bash -c 'ulimit -f 2; exec "$@" -v <in' bash $tool
		[ "$(total received)" -eq $(($(total processed) + $(total unwritten))) ]
		[ "$(total processed)" -eq "$(wc -l <out)" ]
	done
}

@test "faults: dead letters that came by and could not be written are told" {
	[ -c /dev/full ] || skip "no /dev/full"
	letters 3 >in
	status=0
	timeout 20 pfanout -v <in >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	lost '3 dead letters that came by'
}

@test "faults: -F and a full output: the lines of the filters that are lost" {
	[ -c /dev/full ] || skip "no /dev/full"
	ids 5 >in
	status=0
	timeout 20 pfanout -v -F -j1 -- cat <in >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	lost '5 lines of the filters, what the filters had read and not printed'
	# shellcheck disable=SC2016 # for the other shell
	seq 3000 >in
	go 2 bash -c 'ulimit -f 2; exec pfanout -v -F -j1 -- cat <in'
	accounted
	[ "$(total written)" -eq "$(wc -l <out)" ]
}

@test "faults: a reader that leaves: the numbers balance" {
	ids 100000 >in
	for mode in '' '-- cat'; do
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		timeout 20 bash -c 'pfanout -v "$@" <in 2>err | head -n 1 >out' bash $mode
		lines err 1
		[ "$(total unwritten)" -gt 0 ]
		[ "$(total received)" -eq $(($(total processed) + $(total unwritten))) ]
	done
}

@test "faults: a line that is cut in a pipe is told" {
	# The reader leaves in the middle of a line, and SIGPIPE is ignored.
	python3 -c 'print("\"" + "x" * 200000 + "\"")' >in
	mkfifo fifo
	head -c 1000 <fifo >seen &
	status=0
	(
		trap '' PIPE
		timeout 20 pfanout -v <in 2>err >fifo
	) || status=$?
	wait
	[ "$status" -eq 2 ]
	has err 'standard output: Broken pipe; its last line is cut'
	lost '1 record'
}

@test "faults: two fatal errors at once: both are told, and what is lost" {
	[ -c /dev/full ] || skip "no /dev/full"
	{ echo x && ids 1000; } >in
	status=0
	timeout 20 pfanout -v -j 1 --max-failed 1 <in >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	has err 'stopped after 1 failed record, as'
	has err 'standard output: No space left on device'
	lost "$(total received) records"
	# The dead-letter file fails, and then the output does.
	status=0
	timeout 20 pfanout -v -d /dev/full -- sed 's/.*/!no/' <in >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	has err 'dead-letter file /dev/full: No space left on device'
	has err 'standard output: No space left on device'
	lost "$(total received) records"
}

@test "faults: pdeadletter with two full disks has no letter anywhere" {
	[ -c /dev/full ] || skip "no /dev/full"
	letters 16 >in
	status=0
	timeout 20 pdeadletter -d /dev/full <in >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	lost '16 dead letters that came by'
	[ "$(grep -cE 'letters? (is|are) in' err)" -eq 0 ]
}

@test "faults: what a filter had been given is told whatever else ends the run" {
	[ -c /dev/full ] || skip "no /dev/full"
	start pfanout -F -j 1 -v -d /dev/full -- sh -c 'read -r x; read -r x; read -r x; : >given; exec tail -f /dev/null'
	ids 3 >&8
	wait_until test -e given
	echo '{bad' >&8
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 2 ]
	has err 'dead-letter file /dev/full: No space left on device'
	[ "$(grep -c 'was killed: what became of the 3 records it had been given' err)" -eq 1 ]
	exec 8>&-
}

@test "faults: a filter that fails does not hide what another one had been given" {
	mkfifo fail
	start pfanout -F -j 2 -b 1 -- sh -c 'mkdir first 2>/dev/null || { read -r x; : >second; exec tail -f /dev/null; }; read -r x; : >begun; : <fail; exit 3'
	wait_until feed_both
	: >fail
	status=0
	wait "$pid" || status=$?
	exec 8>&-
	[ "$status" -eq 2 ]
	has err 'ended with exit status 3'
	has err 'was killed: what became of the'
}

@test "faults: EIO on stdin and on stdout is named" {
	needs_strace
	ids 3000 >in
	go 2 strace -f -o trace -P "$PWD/in" -e inject=read:error=EIO:when=2 pfanout -k -b 8 <in
	has err 'standard input: Input/output error'
	go 2 strace -f -o trace -P "$PWD/out" -e inject=writev:error=EIO:when=2+ pfanout -k -b 8 <in
	has err 'standard output: Input/output error'
	n=$(wc -l <out)
	head -n "$n" in | cmp - out
}

@test "faults: half a line before EIO is no record" {
	needs_strace
	seq -f %012.0f 20000 >in
	for tool in 'pfanout -R -k' pfanin; do
		read -ra tool <<<"$tool"
		go 2 strace -f -o trace -P "$PWD/in" -e inject=read:error=EIO:when=2 "${tool[@]}" <in
		has err 'standard input: Input/output error'
		at_least out 1000
		head -n "$(wc -l <out)" in | cmp - out
	done
}

@test "faults: a closed stdin or stdout is a clear error" {
	go 2 pfanout <&-
	has err 'standard input'
	lines err 1
	status=0
	echo '{"id":1}' | timeout 10 pfanout 2>err >&- || status=$?
	[ "$status" -eq 2 ]
	has err 'standard output'
	lines err 1
}

@test "faults: with stderr closed it works, and fd 2 becomes nothing else" {
	printf '{"id":1}\nnonsense\n' >in
	status=0
	timeout 10 pfanout -v -d dead <in >out 2>&- || status=$?
	[ "$status" -eq 1 ]
	[ "$(cat out)" = '{"id":1}' ]
	[ "$(jq -r .text dead)" = nonsense ]
	status=0
	timeout 10 pfanout -d dead -x -- sh -c 'echo noise >&2; cat' <in >out 2>&- || status=$?
	[ "$status" -eq 1 ]
	lines dead 2
}

@test "faults: a write-only stdin, a read-only stdout and a folder are clear errors" {
	echo '{"id":1}' >in
	go 2 pfanout 0>file
	has err 'standard input: Bad file descriptor'
	status=0
	timeout 10 pfanout <in 1</etc/passwd 2>err || status=$?
	[ "$status" -eq 2 ]
	has err 'standard output: Bad file descriptor'
	go 2 pfanout <.
	has err 'standard input: Is a directory'
}

@test "faults: | head -1 in the middle of a flood ends it quietly by SIGPIPE" {
	for mode in "${MODES[@]}"; do
		rm -f status
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		timeout 20 bash -c 'yes "{\"id\":1}" 2>/dev/null | pfanout "$@" 2>err | head -n 1 >out
			echo "${PIPESTATUS[1]}" >status' bash $mode
		ended_quietly "pfanout $mode"
		[ "$(cat out)" = '{"id":1}' ]
	done
}

@test "faults: | head -1 while the input is idle ends it quietly by SIGPIPE, and soon" {
	for mode in "${MODES[@]}"; do
		rm -f in.fifo status
		mkfifo in.fifo
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		timeout 20 bash -c 'pfanout "$@" <in.fifo 2>err | head -n 1 >out
			echo "${PIPESTATUS[0]}" >status' bash $mode 3>&- &
		exec 7>in.fifo
		echo '{"id":1}' >&7
		# No more input comes, and the FIFO stays open.
		wait_until test -s status
		exec 7>&-
		wait
		ended_quietly "pfanout $mode"
	done
}

@test "faults: a reader that goes away leaves no process" {
	mkfifo in.fifo
	{ timeout 20 pfanout -j3 -- "$STUBS/faults-worker" pids <in.fifo 2>err || true; } 3>&- | head -n 1 >out 3>&- &
	exec 7>in.fifo
	ids 3 >&7
	wait_until at_least pids 1
	wait
	exec 7>&-
	while read -r worker; do wait_until is_gone "$worker"; done <pids
}

@test "faults: EPIPE is a write error where SIGPIPE was ignored" {
	for mode in "${MODES[@]}"; do
		rm -f status
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		timeout 20 bash -c 'yes "{\"id\":1}" 2>/dev/null | { trap "" PIPE; pfanout "$@" 2>err; echo "$?" >status; } | head -n 1 >out' bash $mode
		echo "pfanout $mode: $(cat status)"
		[ "$(cat status)" -eq 2 ]
		has err 'standard output: Broken pipe'
	done
}

@test "faults: every byte passes through nonblocking descriptors of the parent" {
	ids 20000 >in
	for mode in '-k' '-k -- cat' '-k -x -j4 -- head -n 1'; do
		[[ $mode != *-x* ]] || ids 300 >in
		# shellcheck disable=SC2016,SC2086 # for the other shell; words
		go 0 bash -c 'dd if=in ibs=3000 obs=3000 status=none |
			"$1/faults-drip" "$1/faults-nonblock" pfanout "${@:2}"' bash "$STUBS" $mode
		cmp in out
	done
}

@test "faults: every byte of a loud worker passes through a nonblocking stderr" {
	ids 2 >in
	mkfifo err.fifo
	cat err.fifo >noise &
	# shellcheck disable=SC2016 # for the other shell
	go 0 sh -c '"$0/faults-nonblock" pfanout -j1 -x -- sh -c "cat; seq 20000 >&2" <in 2>err.fifo' "$STUBS"
	wait
	{ seq 20000; seq 20000; } | cmp - noise
}

@test "faults: our O_NONBLOCK is never left behind on a shared descriptor" {
	mkfifo in.fifo out.fifo
	exec 7<>in.fifo 8<>out.fifo
	for mode in '' '-j2 -- cat' '-F -- cat' '-x -- cat'; do
		echo '{"id":1}' >&7
		# The stage is ended while it waits for input.
		# shellcheck disable=SC2086 # words
		timeout 60 pfanout --grace 0 $mode <&7 >&8 2>err 3>&- &
		pid=$!
		read -r -t 20 answer <&8
		[ "$answer" = '{"id":1}' ]
		is_blocking 7
		is_blocking 8
		kill -TERM "$pid"
		wait "$pid" || true
		is_blocking 7
		is_blocking 8
	done
	exec 7>&- 8>&-
}

@test "faults: EINTR at each third read, write and poll changes nothing" {
	needs_strace
	mkfifo in.fifo
	ids 3000 >in
	for mode in '-k' '-k -j2 -- cat'; do
		dd if=in of=in.fifo bs=1000 status=none &
		# shellcheck disable=SC2086 # words
		go 0 strace -f -o trace -P "$PWD/in.fifo" -P "$PWD/out" -e trace=read,writev,poll,ppoll \
			-e inject=read,writev,poll,ppoll:error=EINTR:when=1+3 pfanout $mode <in.fifo
		cmp in out
		[ "$(grep -c 'EINTR.*INJECTED' trace)" -ge 2 ]
	done
}

@test "faults: short reads change nothing" {
	needs fiu-run
	no_sanitizer
	ids 3000 >in
	for mode in '-k' '-k -j2 -- cat'; do
		# shellcheck disable=SC2086 # words
		go 0 fiu-run -x -c 'enable_random name=posix/io/rw/read/reduce,probability=0.5' pfanout $mode <in
		cmp in out
	done
}

@test "faults: a full disk under the dead-letter file is status 2, and the letters are in the output" {
	small_disk 512
	ids 3000 >in
	go 2 pfanout -d disk/dead -- sed 's/.*/!no/' <in
	has err disk/dead
	has err 'No space'
	[ -s out ]
	[ -s disk/dead ]
	account 3000 out disk/dead
	[ "$(tail -c 1 disk/dead | tr '\n' x)" = x ]
}

@test "faults: a failed sync of the dead-letter file is reported once, status 2, nothing is lost" {
	needs_strace
	ids 300 >in
	: >dead # a new one would have its folder synced, and be refused at the start
	go 2 strace -f -o trace -e trace=fdatasync,fsync -e inject=fdatasync,fsync:error=EIO \
		pfanout -d dead -- sed 's/.*/!no/' <in
	has err 'Input/output error'
	[ "$(grep -c 'sync(.*EIO' trace)" -eq 1 ]
	account 300 out dead
}

@test "faults: a dead-letter file whose folder can't be synced is refused before input is read" {
	needs_strace
	ids 300 >in
	go_unread 2 strace -f -o trace -e trace=fsync -e inject=fsync:error=EIO pfanout -d dead -- cat
	has err 'dead-letter file dead: Input/output error'
}

@test "faults: -j above the limit of open files is refused before input is read" {
	needs prlimit
	ids 300 >in
	go_unread 2 prlimit --nofile=64:64 pfanout -j 100 -- cat
	has err '-j 100'
	has err 'ulimit'
}

@test "faults: the soft limit of open files is raised, and restored in workers" {
	needs prlimit
	ids 300 >in
	go 0 prlimit --nofile=40:2000 pfanout -j 50 -- cat <in
	sort -V out | cmp - in
	head -n 1 in >one
	# shellcheck disable=SC2016 # for the other shell
	go 0 prlimit --nofile=40:2000 pfanout -j 50 -x -- sh -c 'ulimit -Sn; ulimit -Hn' <one
	[ "$(cat out)" = '40
2000' ]
}

@test "faults: too few processes is a clear error, not a hang" {
	needs prlimit
	needs setpriv
	no_sanitizer
	[ "$(id -u)" -eq 0 ] || skip "only root can become somebody who has no processes"
	cp "$(command -v pfanout)" /tmp/pfanout.$$ && chmod 755 /tmp/pfanout.$$
	status=0
	ids 300 | timeout 60 setpriv --reuid 64321 --regid 64321 --clear-groups \
		prlimit --nproc=20:20 "/tmp/pfanout.$$" -j 30 -- cat >out 2>err || status=$?
	rm /tmp/pfanout.$$
	[ "$status" -eq 2 ]
	[ -s err ]
}

@test "faults: what needs /proc says so where there is none" {
	[ "${SAN-}" != address ] || skip "the search for leaks needs /proc"
	unshare -m true 2>/dev/null || skip "can't unshare"
	ids 3 >in
	# shellcheck disable=SC2016 # for the shell inside
	go 2 pfanout -F -j 1 -- sh -c 'read -r line; echo "$line"' <in
	has err 'it has not read 2, which are lost'
	unshare -m bash <<-'END'
		mount -t tmpfs none /proc || { echo skip >skip; exit 0; }
		timeout 10 pfanout -q -F -j 1 -- sh -c 'read -r line; echo "$line"' <in >out 2>err
		timeout 5 pfanin --follow in >followed 2>err.follow
		echo $? >status
	END
	[ ! -e skip ] || skip "can't mount a tmpfs"
	has err '/proc is not mounted, so records that a filter leaves unread are lost without being counted'
	[ "$(cat status)" -eq 2 ]
	has err.follow 'cannot follow files: /proc is not mounted'
}

@test "faults: 200 workers work" {
	ids 3000 >in
	go 0 pfanout -j 200 -- cat <in
	sort -V out | cmp - in
	go 0 pfanout -k -j 200 -- cat <in
	cmp in out
}

@test "faults: a worker sees none of our descriptors" {
	ids 3 >in
	# The descriptors of the test's own shell are left out here; see below.
	plain=$("$STUBS/faults-fds" <<<1)
	for mode in '-j3' '-j3 -F' '-x'; do
		# shellcheck disable=SC2086 # words
		go 0 pfanout -d dead $mode -- "$STUBS/faults-fds" <in
		lines out 3
		jq -se --argjson plain "$plain" 'all(. - $plain == [] and .[:3] == [0, 1, 2])' out
	done
}

@test "faults: a worker does not see what the parent left open" {
	ids 3 >in
	for mode in '' -F -x; do
		# shellcheck disable=SC2086 # nothing or a word
		go 0 pfanout $mode -- "$STUBS/faults-fds" <in 7<in 100<in
		[ "$(sort -u out)" = '[0, 1, 2]' ]
	done
}

@test "faults: workers that recycle themselves leave no descriptor and no process behind" {
	mkfifo in.fifo
	timeout 60 pfanout -j2 -- sed -u 1q <in.fifo >out 2>err 3>&- &
	exec 7>in.fifo
	ids 10 >&7
	wait_until at_least out 10
	pid=$(pgrep -P $!)
	before=$(fds_of "$pid")
	ids 300 | sed 1,10d >&7
	wait_until at_least out 300
	# From one worker to the next the number may differ by one for a moment.
	wait_until sh -c "[ \$(ls /proc/$pid/fd | wc -l) -le $before ] && [ \$(pgrep -P $pid | wc -l) -le 2 ] && ! ps -o stat= --ppid $pid | grep -q Z"
	exec 7>&-
	wait
	account 300 out
}

@test "faults: ppoll fails in any mode: status 2, the error named once, every record accounted for" {
	no_sanitizer
	for n in 5 20000; do
		ids "$n" >in
		for mode in '' -x -F; do
			for at in 1 5; do
				# Five records may be done before the fifth
				# call.
				[ "$n" -gt 5 ] || [ "$at" -eq 1 ] || continue
				echo "# pfanout $mode, $n records, call $at"
				# shellcheck disable=SC2086 # nothing or a word
				go 2 env FAIL_PPOLL_AT="$at" LD_PRELOAD="$SHIMS/fail_ppoll.so" pfanout -v -j2 $mode -- cat <in
				reports_failed_poll "$mode"
			done
		done
	done
}

@test "faults: ppoll fails while the input stays open: the run ends" {
	no_sanitizer
	for mode in '' -x -F; do
		# shellcheck disable=SC2086 # nothing or a word
		start env FAIL_PPOLL_AT=1 LD_PRELOAD="$SHIMS/fail_ppoll.so" pfanout -v -j2 $mode -- cat
		ids 5 2>/dev/null >&8 || true
		ends_with 2
		exec 8>&-
		reports_failed_poll "$mode"
	done
}

@test "faults: ppoll fails around a SIGTERM: the run ends, status 2 or that of the signal" {
	no_sanitizer
	for mode in '' -x -F; do
		# shellcheck disable=SC2086 # nothing or a word
		start env FAIL_PPOLL_AT=20 LD_PRELOAD="$SHIMS/fail_ppoll.so" pfanout -v -j2 --grace 60s $mode -- cat
		wait_until is_ready "$pid"
		(ids 200000 >&8) 2>/dev/null 3>&- &
		kill -TERM "$pid" 2>/dev/null || true
		exec 8>&-
		# A signal that comes when all is written may still end the
		# process.
		ends_with 2 143
		reports_failed_poll "$mode"
	done
}

@test "faults: the monitor's ppoll fails while the input stays open: the run ends" {
	no_sanitizer
	for mode in '' -x -F; do
		# shellcheck disable=SC2086 # nothing or a word
		start env FAIL_PPOLL_AT=1 FAIL_PPOLL_FDS=3 LD_PRELOAD="$SHIMS/fail_ppoll.so" pfanout -v -j2 $mode -- cat
		ids 5 2>/dev/null >&8 || true
		ends_with 2
		exec 8>&-
		has err 'poll: Cannot allocate memory'
		accounted
	done
}

@test "faults: an eventfd that cannot be made, one after the other: the run ends, status 2" {
	no_sanitizer
	for mode in '' -x -F; do
		for call in 1 2 3 4 5; do
			echo "# pfanout $mode, call $call"
			# shellcheck disable=SC2086 # nothing or a word
			start env FAIL_EVENTFD=$call LD_PRELOAD="$SHIMS/fail_eventfd.so" pfanout -v -j2 $mode -- cat
			ids 5 2>/dev/null >&8 || true
			exec 8>&-
			# Where there are fewer calls, nothing fails.
			ends_with 0 2
			[ "$call" -gt 3 ] || grep -q 'Too many open files' err
			! grep -q received err || accounted
		done
	done
}
