#!/usr/bin/env bats
# Map mode with workers that misbehave: only the records concerned may suffer.
# shellcheck disable=SC2086,SC2034 # words; counts.bash uses $way and $options

load ../support/helpers
load ../support/streams
load ../support/counts

WORKER=$BATS_TEST_DIRNAME/../support/stubs/worker

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	ulimit -c 0
	ids 300 >in
}

# costs "ID..." REASON COMMAND...: of 300 records just these die, all for this
# reason.
costs() {
	local want=$1 reason=$2
	local -a ids

	shift 2
	read -ra ids <<<"$want"
	go 1 pfanout -v "${way[@]}" "${options[@]}" -- "$@" <in
	settled 300 "${#ids[@]}"
	[ "$(dead)" = "$want" ]
	[ "$(cut -d ' ' -f 2 sums | sort -u | xargs)" = "- $reason" ] || [ ${#ids[@]} -eq 300 ]
	balanced
	has err "${#ids[@]} of 300 records failed (${#ids[@]} $reason); their dead letters are in the output" ||
		has err "1 of 300 records failed (1 $reason); its dead letter is in the output"
}

# letter FILTER: what this jq filter prints of the dead letters.
letter() {
	grep '^{"pchan"' out | jq -r "$1"
}

# A time for `sleep` that no other test uses.
own_time() {
	echo "9$BATS_TEST_NUMBER$$"
}

# gives_up WORD COMMAND...: the run ends with status 2 and a message that has
# WORD, and every record read is accounted for.
gives_up() {
	local word=$1

	shift
	go 2 timeout 30 pfanout -v "${way[@]}" "${options[@]}" -- "$@" <in
	has err "$word"
	balanced
}

# The same for workers that print too much or too little: the message names -F,
# the worker and the line, and there is still a line for each record.
gives_up_and_names_filter() {
	gives_up "-F" "$@"
	grep -E 'worker [0-9]+ \(.*\).* line [0-9]+' err
	[ "$(total received)" -eq "$(wc -l <out)" ]
}

@test "workers: a crash costs its record, each answer at once" {
	each_way costs "7 150 151" crash "$WORKER" -u crash 7,150,151
	grep '^{"pchan"' out | jq -e '.worker.signal == "SIGSEGV" and (.worker | has("exit") | not) and .worker.slot >= 1 and
		.worker.pid > 1 and .attempts == 1 and (.message | contains("SIGSEGV"))'
}

@test "workers: a crash costs its record, block-buffered" {
	each_way costs "7 150 151" crash "$WORKER" crash 7,150,151
}

@test "workers: a crash costs its record, the first and the last one" {
	each_way costs "1 300" crash "$WORKER" crash 1,300
}

@test "workers: an exit costs its record, each answer at once" {
	each_way costs "7 150 151" crash "$WORKER" -u exit 7,150,151
	grep '^{"pchan"' out | jq -e '.worker.exit == 3 and (.worker | has("signal") | not) and (.message | contains("exit status 3"))'
}

@test "workers: an exit costs its record, block-buffered" {
	each_way costs "7 150 151" crash "$WORKER" exit 7,150,151
}

@test "workers: one killed by a real-time signal: message and letter name SIG34, in all modes" {
	way=(-k -j 2)
	costs 7 crash sh -c 'while read -r l; do case $l in *:7}) kill -34 $$ ;; esac; echo "$l"; done'
	[ "$(letter .worker.signal)" = SIG34 ]
	[[ "$(letter .message)" = *SIG34* ]]
	lacks out '(null)'
	go 1 pfanout -x -- sh -c 'kill -34 $$' <<<1
	[ "$(letter .worker.signal)" = SIG34 ]
	[[ "$(letter .message)" = *SIG34* ]]
	go 2 pfanout -F -- sh -c 'kill -34 $$' <<<1
	has err SIG34
	# At the start of a run a worker's death ends the run.
	go 2 pfanout -j 1 -- sh -c 'kill -34 $$' <<<1
	has err SIG34
	lacks err '(null)'
}

@test "workers: a second crash costs the record that has two attempts" {
	options=(-a 2 --backoff 1ms)
	each_way costs "7 150 151" crash "$WORKER" crash 7,150,151
	grep '^{"pchan"' out | jq -e '.attempts == 2'
}

@test "workers: a hang costs its record, each answer at once" {
	options=(-t 1s)
	one_and_many costs "7 150" timeout "$WORKER" -u hang 7,150
}

@test "workers: a hang costs its record, block-buffered" {
	options=(-t 1s)
	one_and_many costs "150" timeout "$WORKER" hang 150
}

@test "workers: a rejected record costs no attempt and no other record" {
	each_way costs "7 150 151" rejected "$WORKER" -u reject 7,150,151
	options=(-a 3)
	each_way costs "7 150 151" rejected "$WORKER" reject 7,150,151
	grep '^{"pchan"' out | jq -e '.attempts == 1 and .message == "no \(.value.id), thanks"'
}

@test "workers: every record may be rejected" {
	one_and_many costs "$(seq -s ' ' 300)" rejected "$WORKER" reject all
}

drops() {
	go 0 pfanout -v "${way[@]}" -- "$@" <in
	settled 300 0 7 150 151
	balanced
	[ "$(total filtered)" -eq 3 ]
}

@test "workers: a dropped record costs no other" {
	each_way drops "$WORKER" drop 7,150,151
	each_way drops "$WORKER" -u drop 7,150,151
}

@test "workers: every record may be dropped" {
	go 0 pfanout -v -k -j 4 -- "$WORKER" drop all <in
	[ ! -s out ]
	[ "$(total filtered)" -eq 300 ]
	[ "$(total received)" -eq 300 ]
}

@test "workers: garbage costs its record, each answer at once" {
	each_way costs "7 150 151" bad_answer "$WORKER" -u garbage 7,150,151
}

@test "workers: garbage costs its record, block-buffered" {
	each_way costs "7 150 151" bad_answer "$WORKER" garbage 7,150,151
	[ "$(grep -c 'garbage 150' out)" -eq 1 ]
}

@test "workers: garbage of other kinds costs its record" {
	way=(-k -j 2)
	# A NUL, invalid UTF-8, two texts, a text cut short.
	for answer in '"a\000b"' '"\377"' '1 2' '{"id":'; do
		costs 7 bad_answer perl -pe "s/.*:7\}/$answer/"
	done
}

@test "workers: an answer longer than --max-record costs its record" {
	way=(-k -j 2)
	options=(--max-record 64K)
	costs 7 bad_answer perl -pe 's/.*:7\}/"\"" . "x" x 70000 . "\""/e'
}

@test "workers: an endless answer costs its record" {
	go 1 timeout 20 pfanout -v -k -j 2 --max-record 64K -- perl -ne 'if (/:7\}/) { print "x" while 1 } print' <in
	settled 300 1
	[ "$(dead)" = 7 ]
}

@test "workers: too many answers end the run" {
	each_way gives_up_and_names_filter "$WORKER" -u more 150
	each_way gives_up_and_names_filter "$WORKER" more 150
}

@test "workers: too many answers at the last record end the run" {
	each_way gives_up_and_names_filter "$WORKER" more 300
}

@test "workers: an answer before any question ends the run" {
	way=(-j 1)
	gives_up "-F" sh -c 'echo "{}"; exec cat'
}

@test "workers: answers before the line that is named can be trusted" {
	go 2 pfanout -k -j 1 --window 1 -- "$WORKER" -u more 150 <in
	line=$(sed -n 's/.* line \([0-9]*\).*/\1/p' err)
	[ "$line" -le 151 ]
	head -n $((line - 1)) out | cmp - <(ids $((line - 1)))
}

@test "workers: too few answers end the run" {
	each_way gives_up_and_names_filter "$WORKER" -u fewer 150
	each_way gives_up_and_names_filter "$WORKER" fewer 150
	grep '^{"pchan"' out | jq -se 'any(.reason == "no_answer")'
}

@test "workers: too few answers at the last record end the run" {
	each_way gives_up_and_names_filter "$WORKER" fewer 300
	# The records of the other workers are cancelled.
	[ "$(letter 'select(.reason == "no_answer").value.id')" = 300 ]
}

@test "workers: no answers at all end the run" {
	for worker in "sed d" "$WORKER fewer all"; do
		one_and_many gives_up_and_names_filter $worker
	done
}

# A worker that stops after an answer may have read the next records.  They are
# given out again, and at most the first of them fails.
costs_at_most_one() {
	local got=0

	timeout 60 pfanout -v "${way[@]}" "${options[@]}" -- "$@" <in >out 2>err || got=$?
	balanced
	settled 300 "$(total failed)"
	[ "$(total failed)" -le 1 ]
	[ "$got" -eq "$(total failed)" ]
}

@test "workers: stdout closed after an answer costs one record at most" {
	one_and_many costs_at_most_one "$WORKER" -u close-out 150
}

@test "workers: stdout closed instead of an answer costs its record" {
	one_and_many costs 150 crash "$WORKER" -u close-out-first 150
}

@test "workers: stdin closed after an answer costs one record at most" {
	options=(-t 3s)
	one_and_many costs_at_most_one "$WORKER" -u close-in 150
}

@test "workers: stdin closed instead of an answer costs its record" {
	options=(-t 1s)
	one_and_many costs_150 "$WORKER" -u close-in-first 150
}

# Whether the reason is crash or timeout depends on what else was in the pipe.
costs_150() {
	go 1 pfanout -v "${way[@]}" "${options[@]}" -- "$@" <in
	settled 300 1
	[ "$(dead)" = 150 ]
	balanced
}

@test "workers: stdin closed at once, for ever, ends the run" {
	ids 20 >in
	way=(-j 2)
	gives_up worker sh -c 'exec <&-; exec sleep 1000'
}

@test "workers: stdout closed at once, for ever, ends the run" {
	ids 20 >in
	way=(-j 2)
	gives_up worker sh -c 'exec >&-; exec sleep 1000'
}

@test "workers: a worker may recycle itself after 10 answers" {
	for stub in "$WORKER -u" "$WORKER"; do
		each_way recycles $stub recycle all 10
	done
}

recycles() {
	go 0 pfanout -v "${way[@]}" -- "$@" <in
	settled 300 0
	balanced
	[ "$(total retries)" -eq 0 ]
}

@test "workers: a worker may recycle itself after each answer" {
	ids 100 >in
	each_way recycles_at_once
	go 0 pfanout -k -j 4 -- head -n 1 <in
	cmp out in
}

recycles_at_once() {
	go 0 pfanout "${way[@]}" -- "$WORKER" recycle all 1 <in
	settled 100 0
}

@test "workers: a worker that recycles itself may crash" {
	each_way costs "7 150 151" crash sh -c 'exec perl -e "
		while (<STDIN>) { kill 9, \$\$ if /:(7|150|151)\}/; print; exit 0 if ++\$n == 10 }"'
}

@test "workers: a poison record costs a block-buffered python3 nothing else" {
	ids 3000 >in
	for attempts in 1 2; do
		each_way poison "$attempts"
	done
}

poison() {
	go 1 pfanout -v "${way[@]}" -a "$1" --backoff 1ms -- "$STUBS/worker-python" 1234 <in
	settled 3000 1
	balanced
	[ "$(letter '[.value.id, .reason, .attempts, .worker.signal] | join(" ")')" = "1234 crash $1 SIGKILL" ]
}

@test "workers: a background process that holds the pipes does not delay the end" {
	time=$(own_time)
	each_way go_child
}

go_child() {
	go 0 timeout 30 pfanout -v "${way[@]}" -- "$WORKER" child 7,150 "$time" <in
	wait_until sleepers "$time" 2
	pkill -fx "sleep $time"
	settled 300 0
}

@test "workers: a background process of a worker that crashes lives on" {
	time=$(own_time)
	way=(-k -j 1)
	costs 150 crash sh -c "sleep $time & echo >>started; exec '$WORKER' -u crash 150"
	wait_until sleepers "$time" "$(wc -l <started)"
	pkill -fx "sleep $time"
}

@test "workers: a background process of a worker that hangs is killed" {
	time=$(own_time)
	way=(-k -j 1)
	options=(-t 1s)
	costs 150 timeout sh -c "sleep $time & echo \$! >>started; exec '$WORKER' -u hang 150"
	# That of the worker for the other records lives on.  One between them
	# may have been tried alone with the record.
	kill "$(tail -n 1 started)"
	at_least started 2
	wait_until sleepers "$time" 0
}

@test "workers: a worker that ignores SIGTERM and hangs is killed" {
	way=(-j 2)
	options=(-t 1s)
	costs 150 timeout sh -c "trap '' TERM; exec '$WORKER' -u hang 150"
}

@test "workers: true and false, which never answer, end the run" {
	ids 100 >in
	for command in true false; do
		each_way cancels_all "$command"
	done
	has err 'exit status 1'
}

cancels_all() {
	gives_up "($1)" "$1"
	[ "$(total processed)" -eq 0 ]
	[ "$(total failed)" -gt 0 ]
	grep -vq '"reason":"cancelled"' out || return 0
	# Only records that a worker was given may have another reason.
	[ "$(grep -vc '"reason":"cancelled"' out)" -le 5 ]
}

@test "workers: workers are not started over and over at full speed" {
	ids 100 >in
	go 2 pfanout -j 4 -- sh -c 'echo start >>starts; exit 1' <in
	[ "$(wc -l <starts)" -ge 5 ]
	[ "$(wc -l <starts)" -le 12 ]
}

@test "workers: eight deaths in a row after some answers don't end the run" {
	ids 60 >in
	go 1 pfanout -v -j 1 -- "$WORKER" -u crash "$(seq -s, 5 12)" <in
	settled 60 8
	balanced
}

@test "workers: they see only their three descriptors" {
	exec 7</dev/null 8>&1
	echo 1 | go 0 pfanout -j 1 -- "$STUBS/worker-surroundings"
	[ "$(jq -r .fds out)" = "0 1 2" ]
}

@test "workers: they see none of the stage's own descriptors" {
	(
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		seq 40 | timeout 20 pfanout -j 8 -d dead -- "$STUBS/worker-surroundings" >out 2>err
	)
	lines out 40
	[ "$(jq -r .fds out | sort -u)" = "0 1 2" ]
}

@test "workers: they have default signals, an empty mask, a process group of their own" {
	(
		trap '' PIPE HUP USR1
		seq 8 | timeout 20 pfanout -j 4 -- "$STUBS/worker-surroundings" >out 2>err
	)
	lines out 8
	cat out
	jq -e '(.ignored | test("^0+$")) and (.blocked | test("^0+$")) and .leader' out
}

@test "workers: they have the same in exec and filter mode" {
	trap '' PIPE HUP USR1
	go 0 pfanout -x -j 1 -- grep -E '^Sig(Ign|Blk)' /proc/self/status <<<1
	[ "$(cut -f 2 out | xargs)" = "0000000000000000 0000000000000000" ]
	go 0 pfanout -F -j 1 -- sh -c "cat; exec grep -E '^Sig(Ign|Blk)' /proc/self/status" </dev/null
	[ "$(cut -f 2 out | xargs)" = "0000000000000000 0000000000000000" ]
	trap - PIPE HUP USR1
}

@test "workers: they have the limit of files that we were started with" {
	(
		ulimit -S -n 70
		seq 40 | timeout 20 pfanout -j 20 -- "$STUBS/worker-surroundings" >out 2>err
	)
	lines out 40
	[ "$(jq -r .files out | sort -u)" = 70 ]
}

@test "workers: too many for the limit of files is reported before anything is read" {
	(
		ulimit -n 64
		go_unread 2 pfanout -j 1000 -- cat
	)
	has err '-j 1000'
}

# Starts a run that waits for input after many workers have come and gone.
idle_after_restarts() {
	mkfifo to
	timeout 60 pfanout "$@" <to >out 2>err 3>&- &
	exec 8>to
	cat in >&8
	wait_until at_least out 300
	pid=$(pgrep -P $! pfanout)
}

@test "workers: no zombies and no descriptors are left while it runs" {
	idle_after_restarts -j 2 -- "$WORKER" -u recycle all 10
	wait_until no_zombies "$pid"
	ls -l "/proc/$pid/fd"
	[ "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -lt 40 ]
	exec 8>&-
	wait
	settled 300 0
}

no_zombies() {
	[ -z "$(ps --ppid "$1" -o stat= | tr -cd Z)" ]
}

@test "workers: none is left at the end" {
	time=$(own_time)
	go 0 pfanout -j 4 -- bash -c "exec -a worker$time cat" <in
	[ "$(pgrep -fc "^worker$time")" -eq 0 ]
	go 1 pfanout -j 4 -t 1s -- "$WORKER" -u hang 7 "worker$time" <in
	[ "$(pgrep -fc "worker$time")" -eq 0 ]
}

@test "workers: --max-failed ends the run" {
	ids 3000 >in
	one_and_many fails_5
}

fails_5() {
	options=(--max-failed 5)
	gives_up 5 "$WORKER" -u reject all
	[ "$(grep -c '"reason":"rejected"' out)" -ge 5 ]
	[ "$(grep -c '"reason":"rejected"' out)" -lt 1000 ]
	# With fewer failures the run goes to its end.
	go 1 pfanout -v "${way[@]}" --max-failed 4 -- "$WORKER" -u reject 7,150,151 <in
	settled 3000 3
	[ "$(dead)" = "7 150 151" ]
}

@test "workers: their stderr passes through" {
	go 0 pfanout -j 4 -- "$WORKER" tell all <in
	[ "$(grep -c '^about ' err)" -eq 300 ]
	settled 300 0
}

@test "workers: the end of their stderr is in the letter" {
	ids 20 >in
	go 1 pfanout -k -j 1 -- sh -c 'while read -r l; do case $l in *:7}) echo "seven is bad" >&2; exit 4 ;; esac; echo "$l"; done' <in
	settled 20 1
	has err "seven is bad"
	[ "$(letter .worker.stderr)" = "seven is bad" ]
	[ "$(letter .worker.exit)" = 4 ]
}

@test "workers: the last 4 KiB of a long stderr are in the letter" {
	ids 3 >in
	go 1 pfanout -k -j 1 -- perl -e '$| = 1; while (<STDIN>) {
		if (/:2\}/) { print STDERR "line $_\n" for 1 .. 20000; print STDERR "the end\n"; exit 1 } print }' <in
	settled 3 1
	[ "$(grep -c '^line ' err)" -eq 20000 ]
	letter .worker.stderr >said
	[ "$(wc -c <said)" -le 4097 ]
	[ "$(wc -c <said)" -gt 3000 ]
	grep -qx "line 20000" said
	grep -qx "the end" said
}

@test "workers: a rejected record's letter has the stderr, too" {
	ids 20 >in
	go 1 pfanout -k -j 1 -- sh -c 'while read -r l; do case $l in *:7}) echo "seven is bad" >&2; echo "!no" ;; *) echo "$l" ;; esac; done' <in
	settled 20 1
	[ "$(letter .worker.stderr)" = "seven is bad" ]
}

@test "workers: a letter has only what came on stderr since its record was handed over" {
	ids 20 >in
	talker='echo "about $l" >&2; case $l in *:7}) exit 4 ;; *:9}) echo "!no" ;; *) echo "$l" ;; esac'
	# One at a time, each answer at once, and then in a buffer.
	go 1 pfanout -k -j 1 --window 1 -- sh -c "while read -r l; do $talker; done" <in
	settled 20 2
	[ "$(letter '.worker | [.stderr, .stderr_shared] | @json')" = '["about {\"id\":7}\n",null]
["about {\"id\":9}\n",null]' ]
	go 1 pfanout -k -j 1 --window 1 -- perl -ne 'print STDERR "about $_"; exit 4 if /:7}/; print /:9}/ ? "!no\n" : $_' <in
	settled 20 2
	[ "$(letter '.worker | [.stderr, .stderr_shared] | @json')" = '["about {\"id\":7}\n",null]
["about {\"id\":9}\n",null]' ]
	go 1 pfanout -x -k -j 1 -- sh -c 'read -r l; echo "about $l" >&2; case $l in *:7}) exit 4 ;; esac' <in
	[ "$(letter '.worker | [.stderr, .stderr_shared] | @json')" = '["about {\"id\":7}\n",null]' ]
}

@test "workers: a letter says when stderr may be about other records, too" {
	ids 20 >in
	go 1 pfanout -k -j 1 --window 20 -- perl -ne 'print STDERR "about $_"; print /:9}/ ? "!no\n" : $_' <in
	settled 20 1
	[ "$(letter '.worker.stderr_shared and (.worker.stderr | contains("about {\"id\":9}"))')" = true ]
	# The search for the record that kills ends with this one alone.
	go 1 pfanout -k -j 1 --window 20 -- perl -ne 'print STDERR "about $_"; exit 4 if /:9}/; print' <in
	settled 20 1
	[ "$(letter '.worker | [.stderr, .stderr_shared] | @json')" = '["about {\"id\":9}\n",null]' ]
}

@test "workers: a closed stderr is no misdeed" {
	go 0 pfanout -k -j 2 -- sh -c "exec 2>&-; exec '$WORKER'" <in
	cmp out in
}

# cannot STATUS WORD ARG...: the command can't be started, and the input is
# untouched.
cannot() {
	go_unread "$1" pfanout "${@:3}" && has err "$2"
}

@test "workers: a command that is not found is 127, before input is read" {
	cannot 127 no-such-command no-such-command
	cannot 127 ./no/such/command -j 4 ./no/such/command
	cannot 127 no-such-command -x no-such-command
	cannot 127 no-such-command -F no-such-command
}

@test "workers: a command that is not executable is 126, before input is read" {
	echo 'echo' >plain
	chmod 644 plain
	cannot 126 plain ./plain
	cannot 126 plain -x ./plain
	cannot 126 plain -F ./plain
	mkdir folder
	cannot 126 folder ./folder
}

@test "workers: a script without its interpreter is 127, and the message names that" {
	printf '#!/no/such/interpreter -x\n' >script
	printf '#!/bin/sh\r\ncat\r\n' >crlf
	printf '#!/usr/bin/env python3\r\nprint(1)\r\n' >script-env
	chmod 755 script crlf script-env
	for mode in "" -x -F; do
		cannot 127 './script: its interpreter /no/such/interpreter is missing' $mode ./script
		cannot 127 './crlf: its interpreter line ends with CR LF: convert the script with dos2unix' $mode ./crlf
		cannot 127 './script-env: its interpreter line ends with CR LF' $mode ./script-env
	done
	# TSan makes a fork(2) of vfork(2), so that exec's error is not seen.
	[ "${SAN-}" != thread ] || return 0
	for name in script crlf; do
		echo "{\"c\":\"./$name\"}"
	done >in
	go 1 pfanout -k -x '{.c}' <in
	letter .message >messages
	has messages './script: its interpreter /no/such/interpreter is missing'
	has messages './crlf: its interpreter line ends with CR LF'
	# It is lost while the run goes on.
	printf '#!%s\nread -r x; rm %s; echo "$x"\n' "$PWD/sh" "$PWD/sh" >script
	ln -s /bin/sh sh
	seq 20 >in
	go 2 pfanout -x -j1 ./script <in
	has err "its interpreter $PWD/sh is missing"
}

@test "workers: a child on trial that answers, and then does not exit, ends the search" {
	cat >stay.pl <<-'END'
		while (<STDIN>) {
			if ($_ == 6 && !-e "once") { open(F, ">once"); close(F); kill 9, $$; }
			print;
		}
		$| = 1;
		sleep 1000;
	END
	seq 40 >in
	go 0 timeout 20 pfanout -q -j1 --window 8 -t 1s --grace 200ms perl stay.pl <in
	lines out 40
	[ "$(sort -n out | uniq | wc -l)" -eq 40 ]
}
