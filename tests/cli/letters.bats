#!/usr/bin/env bats
# Dead letters: their format, the file of -d, and letters on stdin.

load ../support/helpers
load ../support/streams

REJECT=(sed -u 's/.*/!no good/')

# letter ID: a dead letter as any stage might write it.
letter() {
	echo "{\"pchan\":\"dead-letter/1\",\"id\":\"$1\",\"stage\":\"before\",\"reason\":\"exit\",\"value\":{\"id\":$1}}"
}

letters_only() {
	jq -se 'length > 0 and all(type == "object" and has("pchan"))' "$1" || {
		echo "$1 holds more than dead letters"
		return 1
	}
	[ "$(tail -c 1 "$1" | tr '\n' x)" = x ]
}

@test "letters: members are in the order of pchan-formats(5), the payload last" {
	{
		ids 2
		echo nonsense
		printf '\377\n'
	} >in
	order='["pchan","id","stage","reason","message","attempts","first_failed","failed","replays","input","worker","truncated","value","text","base64"]'
	go 1 pfanout -a 2 --backoff 1ms -x -- sh -c 'echo oops >&2; exit 3' <in
	lines out 4
	[ "$(jq -c --argjson order "$order" '[keys_unsorted[] as $k | $order | index($k)] | . == sort and all(. != null)' out | sort -u)" = true ]
	[ "$(jq -rc 'keys_unsorted[-1]' out | sort | tr '\n' ' ')" = 'base64 text value value ' ]
	jq -se 'map(select(.value.id == 1))[0] | .pchan == "dead-letter/1" and .stage == "sh" and .reason == "exit" and .attempts == 2
		and .input == {name: "-", line: 1, offset: 0} and .worker.exit == 3 and .worker.stderr == "oops\n"
		and .worker.slot >= 1 and .worker.pid > 1 and (.worker | has("signal") | not)
		and (.id | length >= 8) and (.message | length > 0)' out
	jq -se 'map(select(.text)) | length == 1 and all(has("attempts") or has("worker") or has("replays") or has("truncated") | not)' out
}

@test "letters: their ids differ" {
	yes nonsense | head -n 3000 >in
	go 1 pfanout <in
	[ "$(jq -r .id out | sort -u | wc -l)" -eq 3000 ]
}

@test "letters: times are UTC with microseconds, the first not after the last" {
	echo 1 >in
	before=$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)
	go 1 env TZ=Asia/Tokyo timeout 60 pfanout -a 2 --backoff 2ms -x -- false <in
	jq -e --arg before "$before" '.first_failed < .failed and .first_failed >= $before and ([.failed, .first_failed] | all(
		test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$")))' out
}

@test "letters: each fault of the input and of -x has its reason" {
	printf '%s\n' '{"id":1}' nonsense '"long long long long"' '{"id":4}' >in
	# shellcheck disable=SC2016 # for the other shell
	go 1 pfanout --max-record 16 -x -- sh -c 'read -r l; case $l in *1*) exit 9;; *) kill -KILL $$;; esac' <in
	[ "$(reasons out)" = 'exit 1, invalid 1, signal 1, too_long 1' ]
	jq -se 'map(select(.reason == "signal"))[0].worker | .signal == "SIGKILL" and (has("exit") | not)' out
	echo '{"id":1}' >in
	go 1 pfanout -x -- echo '{.name}' <in
	[ "$(reasons out)" = 'no_key 1' ]
	printf '{"name":"a\\u0000b"}\n' >in
	go 1 pfanout -x -- echo '{.name}' <in
	[ "$(reasons out)" = 'bad_argument 1' ]
	# TSan turns vfork(2) into fork(2), after which the child cannot report
	# the error.
	[ "${SAN-}" != thread ] || return 0
	printf '"%s"\n' "$(head -c 3000000 /dev/zero | tr '\0' x)" >in
	go 1 pfanout -x -- true '{}' <in
	[ "$(reasons out)" = 'bad_argument 1' ]
}

@test "letters: each fault in map mode has its reason" {
	echo '{"id":1}' >in
	go 1 pfanout "${REJECT[@]}" <in
	[ "$(jq -c '[.reason, .message]' out)" = '["rejected","no good"]' ]
	go 1 pfanout -- sed -u 's/.*/oops/' <in
	[ "$(reasons out)" = 'bad_answer 1' ]
	go 1 pfanout --match .id -- sed -u 's/1/2/' <in
	[ "$(reasons out)" = 'bad_answer 1' ]
	# The worker answers once, so that pfanout takes it for a command that
	# works.
	ids 2 >in
	# shellcheck disable=SC2016 # for the other shell
	go 1 pfanout -j1 --window 1 -t 200ms -- sh -c 'while read -r l; do case $l in *2*) exec sleep 1000;; esac; echo "$l"; done' <in
	[ "$(reasons out)" = 'timeout 1' ]
	# shellcheck disable=SC2016 # for the other shell
	go 1 pfanout -j1 --window 1 -- sh -c 'while read -r l; do case $l in *2*) kill -SEGV $$;; esac; echo "$l"; done' <in
	[ "$(jq -c 'select(.pchan) | [.reason, .worker.signal]' out)" = '["crash","SIGSEGV"]' ]
}

@test "letters: a letter has the last 4 KiB of the worker's stderr, made UTF-8" {
	echo 1 >in
	go 1 pfanout -x -- sh -c 'head -c 9000 /dev/zero | tr "\0" x >&2; printf "\377 end\n" >&2; exit 1' <in
	jq -e '.worker.stderr | utf8bytelength <= 4096 + 8 and length > 3000 and endswith("\ufffd end\n")' out
	# The worker's stderr passed through as well.
	[ "$(tr -cd x <err | wc -c)" -ge 9000 ]
}

@test "letters: in band they keep their place with -k" {
	seq 3000 | sed 's/.*/{"id":&}/; /7}/s/$/}/' >in
	go 1 pfanout -k -j4 <in
	"$STUBS/letters-open" <out | cmp - in
	go 1 pfanout -k -j4 -- sed 's/.*3}$/!no/' <in
	"$STUBS/letters-open" <out | cmp - in
}

@test "letters: stderr has one line of summary" {
	printf '{"id":1}\nnonsense\n{"id":3}\n{"id":4}\n' >in
	go 1 pfanout -n stage <in
	[ "$(cat err)" = 'pfanout: 1 of 4 records failed (1 invalid); its dead letter is in the output, see pdeadletter(1)' ]
	printf 'x\ny\n{"id":3}\n{"id":4}\n' >in
	go 1 pfanout -d dead <in
	[ "$(cat err)" = 'pfanout: 2 of 4 records failed (2 invalid); their dead letters are in dead, see pdeadletter(1)' ]
	go 0 pfanout <dead
	[ ! -s err ]
}

@test "letters: -d takes them out of the output and appends" {
	echo '"before"' >dead
	{
		ids 3000
		seq 1 3 | sed 's/^/x/'
	} >in
	go 1 pfanout -k -d dead <in
	ids 3000 | cmp - out
	lines dead 4
	[ "$(head -n 1 dead)" = '"before"' ]
	[ "$(sed 1d dead | jq -c '[.text, .input.line]' | tr '\n' ' ')" = '["x1",3001] ["x2",3002] ["x3",3003] ' ]
}

@test "letters: -d makes a missing file, empty without failures, for its owner only" {
	go 0 sh -c 'umask 0; pfanout -d dead </dev/null'
	[ -f dead ]
	[ ! -s dead ]
	[ "$(stat -c %a dead)" = 600 ]
}

@test "letters: -d syncs a letter before the stage goes on" {
	needs_strace
	echo nonsense >in
	timeout 60 strace -f -o trace -e trace=write,writev,fdatasync,fsync,flock pfanout -v -d dead <in >out 2>err || [ $? -eq 1 ]
	# The file is locked, written, synced and unlocked, in this order, and
	# the summary comes last.
	sed 's/^[0-9]* *//' trace | grep -oE '^(flock\([0-9]+, LOCK_[A-Z]+|write\([0-9]+, "\{\\"pchan|fdatasync|write[v]?\(2)' | uniq >calls
	[ "$(sed 's/([0-9]*, */ /; s/(2/ 2/' calls | head -n 5 | tr '\n' ';')" = \
		'flock LOCK_EX;write "{\"pchan;fdatasync;flock LOCK_UN;write 2;' ]
}

@test "letters: -d appends whole lines even when two processes share the file" {
	filler=$(head -c 3000 /dev/zero | tr '\0' x)
	ids 1000 | sed "s/}/,\"x\":\"$filler\"}/" >in
	timeout 60 pfanout -d dead -n one "${REJECT[@]}" <in >one.out 2>one.err &
	one=$!
	go 1 pfanout -d dead -n two "${REJECT[@]}" <in
	wait "$one" || [ $? -eq 1 ]
	cat one.err
	lines dead 2000
	for stage in one two; do
		jq -c "select(.stage == \"$stage\") | .value" dead | sort >values
		sort in | cmp - values
	done
}

@test "letters: -d waits for the lock of another process" {
	mkfifo go
	"$STUBS/letters-hold" dead go >held &
	wait_until test -s held
	echo nonsense >in
	timeout 60 pfanout -d dead <in >out 2>err &
	pid=$!
	wait_until grep -q -e "-> FLOCK.*:$(stat -c %i dead) " /proc/locks
	echo >go
	wait "$pid" || [ $? -eq 1 ]
	lines dead 2
	[ "$(head -n 1 dead)" = '{"half":1}' ]
	[ "$(sed 1d dead | jq -r .text)" = nonsense ]
}

@test "letters: -d first ends an old torn line with a newline" {
	letter 1 | head -c 40 >dead
	echo nonsense >in
	go 1 pfanout -d dead <in
	lines dead 2
	[ "$(head -n 1 dead)" = "$(letter 1 | head -c 40)" ]
	[ "$(sed 1d dead | jq -r .text)" = nonsense ]
	# A whole last line is left alone.
	go 1 pfanout -d dead <in
	lines dead 3
	lacks dead '^$'
}

@test "letters: -d reopens the file at SIGHUP after a rename" {
	mkfifo in.fifo
	timeout 60 pfanout -n stage -d dead <in.fifo >out 2>err &
	pid=$!
	exec 7>in.fifo
	echo first >&7
	wait_until test -s dead
	mv dead dead.1
	kill -HUP "$(pgrep -P "$pid")"
	echo second >&7
	# The signal and the record race, so the file may take a while to
	# appear.
	n=2
	until [ -s dead ] || [ "$n" -gt 1000 ]; do
		n=$((n + 1))
		before=$(cat dead.1 dead 2>/dev/null | wc -l)
		echo "record $n" >&7
		wait_until sh -c "[ \$(cat dead.1 dead 2>/dev/null | wc -l) -gt $before ]"
	done
	exec 7>&-
	wait "$pid" || [ $? -eq 1 ]
	[ -s dead ]
	[ "$(cat dead.1 dead | wc -l)" -eq "$n" ]
	letters_only dead
	letters_only dead.1
	[ ! -s out ]
}

@test "letters: -d on a directory or an unwritable path is refused before input is read" {
	mkdir dir
	for file in dir missing/dead; do
		seq 1000 >in
		go_unread 2 pfanout -d "$file"
		has err "$file"
	done
}

@test "letters: -d on a file without rights is refused" {
	[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "root, and no setpriv"
	echo >dead
	chmod 444 dead
	chmod 755 .
	unprivileged=()
	[ "$(id -u)" -ne 0 ] || unprivileged=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${unprivileged[@]}" test -x "$(command -v pfanout)" || skip "the tool is not there for others"
	"${unprivileged[@]}" test -r dead || skip "the folder is not there for others"
	go 2 "${unprivileged[@]}" pfanout -d dead </dev/null
	has err dead
	has err 'Permission denied'
}

@test "letters: -d may name /dev/null or a FIFO" {
	printf '{"id":1}\nnonsense\n' >in
	go 1 pfanout -d /dev/null <in
	[ "$(cat out)" = '{"id":1}' ]
	mkfifo dead.fifo
	exec 6<>dead.fifo
	go 1 pfanout -d dead.fifo <in
	read -r -t 10 letter <&6
	exec 6<&-
	[ "$(jq -r .text <<<"$letter")" = nonsense ]
}

@test "letters: letters on stdin pass byte for byte, past the workers" {
	{
		letter 1
		letter 2 | sed 's/,/ , /'
		letter 3 | sed 's/^/ /; s/:/ : /'
		letter 4 | sed 's/"stage"/"added":[1],"stage"/'
		letter 5 | sed 's/"value":.*/"text":"x\\n"}/'
		letter 6 | sed 's/"value":.*/"base64":"\/w=="}/'
		letter 7 | tr '\n' '\r'
		echo
	} >letters # and an LF behind the CR
	for mode in '-k' '-k -- sed s/id/xx/' '-k -x -- false' '-F -- sed s/id/xx/' '-k -- false'; do
		# shellcheck disable=SC2086 # words
		go 0 pfanout -v $mode <letters
		cmp letters out
		has err 'received 0,'
		has err 'bypassed 7,'
	done
}

@test "letters: with -k letters on stdin keep their place" {
	seq 3000 | while read -r n; do
		[ $((n % 7)) -ne 0 ] || letter "$n"
		echo "{\"id\":$n}"
	done >in
	go 0 pfanout -k -j4 -- cat <in
	cmp in out
}

@test "letters: with -d letters on stdin stay in the output" {
	letter 1 >in
	echo nonsense >>in
	go 1 pfanout -d dead <in
	[ "$(cat out)" = "$(letter 1)" ]
	[ "$(jq -r .text dead)" = nonsense ]
}

@test "letters: --no-bypass treats letters on stdin as data" {
	letter 1 >in
	go 0 pfanout -v --no-bypass -- sed 's/exit/EXIT/' <in
	has out EXIT
	has err 'received 1, processed 1,'
	has err 'bypassed 0,'
}

@test "letters: a record that only looks like a letter is data" {
	{
		letter 1 | sed 's/dead-letter.1/dead-letter\/2/'
		letter 2 | sed 's/"id":"2",//'
		letter 3 | sed 's/,"value".*/}/'
		letter 4 | sed 's/"stage":"before",//'
		letter 5 | sed 's/"reason":"exit",//'
		letter 6 | sed 's/"pchan"/"pchaN"/'
		letter 7 | sed 's/{\("pchan":[^,]*\),\(.*\)}$/{\2,\1}/'
		letter 8 | sed 's/"value":.*/"value":1,"text":"x"}/'
		letter 9 | sed 's/"value":.*/"text":1}/'
		echo '{"x":{"pchan":"dead-letter/1","id":"1","stage":"s","reason":"exit","value":1}}'
		echo '["pchan","dead-letter/1"]'
	} >in
	go 0 pfanout -v <in
	has err 'received 11, processed 11,'
	has err 'bypassed 0,'
	# A torn letter is not even JSON.
	letter 1 | head -c 60 >in
	go 1 pfanout <in
	[ "$(reasons out)" = 'invalid 1' ]
}

@test "letters: a letter that went through a filter which escapes slashes is still a letter" {
	letter 1 | sed 's/"pchan":"dead-letter.1"/"pchan":"dead-letter\\\/1"/' >in
	has in 'letter\/1'
	jq -e '.pchan == "dead-letter/1"' in
	go 0 pfanout -v -- sed 's/exit/EXIT/' <in
	cmp in out
	has err 'bypassed 1,'
}

@test "letters: a worker's answer that is a dead letter is a result like any other" {
	echo 1 >in
	go 0 pfanout -v -- sed "s|.*|$(letter 1)|" <in
	[ "$(cat out)" = "$(letter 1)" ]
	has err 'processed 1,'
}

@test "letters: a retry envelope is removed; the record that fails again keeps its id" {
	echo '{"pchan":"retry/1","id":"abc","replays":2,"first_failed":"2026-01-02T03:04:05.000006Z","value": {"id":1} }' >in
	go 0 pfanout -v -- cat <in
	[ "$(cat out)" = ' {"id":1} ' ]
	has err 'received 1,'
	go 1 pfanout "${REJECT[@]}" <in
	jq -e '.id == "abc" and .replays >= 2' out
	jq -e '.first_failed == "2026-01-02T03:04:05.000006Z" and .failed > .first_failed and .value == {id: 1}' out
	echo '{"pchan":"retry/1","id":"abc","text":"not JSON"}' >in
	go 1 pfanout <in
	[ "$(jq -c '[.id, .reason, .text]' out)" = '["abc","invalid","not JSON"]' ]
	echo '{"pchan":"retry/1","id":"abc","base64":"/w=="}' >in
	go 0 pfanout -R <in
	[ "$(od -An -tx1 <out)" = ' ff 0a' ]
}

@test "letters: a long record fails and its letter passes through the next stages" {
	printf '{"id":1,"x":"%s"}\n' "$(head -c 1000000 /dev/zero | tr '\0' x)" >in
	go 1 pfanout --max-record 1M "${REJECT[@]}" <in
	cp out letter
	go 0 pfanout --max-record 1M <letter
	cmp letter out
	"$STUBS/letters-open" <out | cmp - in
}
