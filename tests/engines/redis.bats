#!/usr/bin/env bats
# from-redis and to-redis with a real server.  play plays pfanin.
# shellcheck disable=SC2154 # bats sets $stderr

bats_require_minimum_version 1.5.0
load ../support/helpers
load support/servers
load support/tls
load support/redis
load support/with_redis

PLAY=$BATS_TEST_DIRNAME/support/play

setup() {
	without_redis
}

# fill N: N entries in the stream jobs.
fill() {
	ids "$1" | "$LIBEXEC/to-redis" "$URL/jobs" >answers
	[ "$(sort -u answers)" = "" ] && [ "$(wc -l <answers)" -eq "$1" ]
}

# same N FILE...: the files have the ids 1 to N, some perhaps more than once.
same() {
	local n=$1

	shift
	diff <(cat -- "$@" | sort -u) <(ids "$n" | sort) | head
	cmp -s <(cat -- "$@" | sort -u) <(ids "$n" | sort)
}

# The number that the server has behind a name for the group g: lag, pending.
group_has() {
	cli XINFO GROUPS jobs | awk -v name="$1" 'found { print; exit } $0 == name { found = 1 }'
}

@test "redis: what goes in comes out in its order, is acknowledged, and the consumer leaves" {
	start
	fill 20000
	[ "$(cli XLEN jobs)" = 20000 ]
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?group=g&consumer=c&end=1" 2>err
	cat err
	cmp out <(ids 20000)
	[ ! -s err ]
	[ "$(group_has pending)" = 0 ]
	[ "$(group_has consumers)" = 0 ]
	grep -q '^unacknowledged [0-9]*$' out.stat
}

@test "redis: the group begins where start= says, and without a group nothing is remembered" {
	start
	fill 10
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?end=1" </dev/null
	cmp out <(ids 10)
	third=$(cli XRANGE jobs - + COUNT 3 | tail -n 3 | head -n 1)
	[ "$("$LIBEXEC/from-redis" "$URL/jobs?end=1&start=$third" </dev/null)" = "$(ids 10 | tail -n 7)" ]
	[ -z "$("$LIBEXEC/from-redis" "$URL/jobs?end=1&start=\$" </dev/null)" ]
	[ -z "$(cli XINFO GROUPS jobs)" ]
	"$PLAY" late "$LIBEXEC/from-redis" "$URL/jobs?end=1&group=late&start=\$"
	[ ! -s late ]
	"$PLAY" late "$LIBEXEC/from-redis" "$URL/jobs?end=1&group=late"
	[ ! -s late ]
}

@test "redis: what comes later is given at once, and the group is made with its stream" {
	start
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?group=g" 3>&- &
	PIDS+=($!)
	wait_until test "$(cli EXISTS jobs)" = 1 || wait_until cli XINFO GROUPS jobs
	for i in 1 2 3; do
		cli XADD jobs '*' record "{\"id\":$i}"
		wait_until acknowledged "$i"
	done
	wait_until said out.stat 'lag 0'
	said out.stat 'reconnects 0'
	kill "${PIDS[0]}"
	wait "${PIDS[0]}"
	same 3 out
	[ "$(cli XINFO CONSUMERS jobs g)" = "" ]
}

# Nothing is pending, and so many have been read.
acknowledged() {
	[ "$(group_has pending)" = 0 ] && [ "$(group_has entries-read)" = "$1" ]
}

@test "redis: what is not done when stdin ends stays pending, and comes first next time" {
	start
	fill 5000
	"$PLAY" out hold stop=2000 "$LIBEXEC/from-redis" "$URL/jobs?group=g&consumer=c"
	[ "$(wc -l <out)" -eq 2000 ]
	[ "$(group_has pending)" -ge 2000 ]
	[ "$(group_has consumers)" = 1 ]
	rm out
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?group=g&consumer=c&end=1"
	cmp out <(ids 5000)
	[ "$(group_has pending)" = 0 ]
	[ "$(group_has consumers)" = 0 ]
}

@test "redis: from-redis is killed again and again, and nothing is missing" {
	start
	fill 20000
	RANDOM=17
	url="$URL/jobs?group=g&consumer=c&end=1"
	for kill in 1 2 3 4; do
		n=$((RANDOM % 4000 + 1))
		"$PLAY" "out$kill" "pause=$n" "$LIBEXEC/from-redis" "$url" 3>&- &
		pid=$!
		PIDS=("$pid")
		wait_until has_lines "out$kill" "$n"
		kill -KILL "$(<"out$kill.pid")"
		touch "out$kill.go"
		wait "$pid" || [ "$?" -eq 137 ]
	done
	"$PLAY" out5 "$LIBEXEC/from-redis" "$url"
	wc -l out?
	has_lines out5 1
	same 20000 out?
	[ "$(group_has pending)" = 0 ]
}

@test "redis: a consumer is killed, and the other one takes over what it had" {
	start
	fill 4000
	url="$URL/jobs?group=g&claim=500ms"
	# The first one has some entries, and never finishes them.
	"$PLAY" one hold "$LIBEXEC/from-redis" "$url&consumer=one" 3>&- &
	PIDS+=($!)
	wait_until has_lines one 4000
	kill -KILL "$(<one.pid)"
	begin=${EPOCHREALTIME/./}
	"$PLAY" two "$LIBEXEC/from-redis" "$url&consumer=two&end=1"
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	echo "$took ms"
	same 4000 two
	[ "$(group_has pending)" = 0 ]
	[ -n "${SAN-}" ] || [ "$took" -lt 15000 ]
}

@test "redis: a consumer that is slow keeps what it has" {
	start
	fill 100
	url="$URL/jobs?group=g&claim=200ms"
	"$PLAY" one hold "$LIBEXEC/from-redis" "$url&consumer=one" 3>&- &
	PIDS+=($!)
	wait_until has_lines one 100
	"$PLAY" two "$LIBEXEC/from-redis" "$url&consumer=two" 3>&- &
	PIDS+=($!)
	# For ten times as long as claim= says.
	wait_until has_touched 40
	[ ! -s two ]
	[ "$(cli XPENDING jobs g - + 1000 one | grep -c one)" = 100 ]
	kill "${PIDS[@]}"
}

has_touched() {
	local calls

	calls=$(cli INFO commandstats | sed -n 's/^cmdstat_xclaim:calls=\([0-9]*\).*/\1/p')
	[ "${calls:-0}" -ge "$1" ]
}

@test "redis: the server is killed and comes back, for from-redis" {
	start
	fill 20000
	"$PLAY" out pause=1500 "$LIBEXEC/from-redis" "$URL/jobs?group=g&consumer=c&end=1&claim=300ms" \
		2>err 3>&- &
	pid=$!
	PIDS=("$pid")
	wait_until has_lines out 1500
	redis_kill "$DIR"
	wait_until said err 'trying again'
	touch out.go
	start
	wait "$pid"
	cat err
	same 20000 out
	[ "$(grep -c 'trying again' err)" = 1 ]
	[ "$(grep -c 'goes on after' err)" = 1 ]
	[ "$(wc -l <err)" = 2 ]
	[ "$(group_has pending)" = 0 ]
}

@test "redis: the server is killed and comes back, for to-redis" {
	start
	mkfifo in
	"$LIBEXEC/to-redis" "$URL/jobs" <in >answers 2>err 3>&- &
	pid=$!
	PIDS=("$pid")
	exec 8>in
	ids 3000 >&8
	wait_until has_lines answers 1000
	redis_kill "$DIR"
	wait_until said err 'trying again'
	ids 5000 | tail -n 2000 >&8
	exec 8>&-
	start
	wait "$pid"
	cat err
	[ "$(sort -u answers)" = "" ]
	[ "$(wc -l <answers)" = 5000 ]
	[ "$(wc -l <err)" = 2 ]
	"$LIBEXEC/from-redis" "$URL/jobs?end=1" </dev/null >out
	same 5000 out
}

@test "redis: to-redis is killed, and what has no answer is sent again" {
	start
	ids 20000 >all
	: >answers
	for kill in 1 2 3; do
		tail -n "+$(($(wc -l <answers) + 1))" all >rest
		mkfifo "fifo$kill"
		"$LIBEXEC/to-redis" "$URL/jobs" <"fifo$kill" >>answers 3>&- &
		pid=$!
		PIDS=("$pid")
		exec 8>"fifo$kill"
		head -n 4000 rest >&8
		wait_until has_lines answers $((kill * 500))
		kill -KILL "$pid"
		exec 8>&-
		wait "$pid" || [ "$?" -eq 137 ]
	done
	answered=$(wc -l <answers)
	tail -n "+$((answered + 1))" all | "$LIBEXEC/to-redis" "$URL/jobs" >>answers
	[ "$(wc -l <answers)" = 20000 ]
	"$LIBEXEC/from-redis" "$URL/jobs?end=1" </dev/null >out
	same 20000 out
}

@test "redis: a server that is not there at the start is waited for" {
	redis_configure "$DIR"
	URL=redis://127.0.0.1:$(<"$DIR/redis.port")
	ids 10 | "$LIBEXEC/to-redis" "$URL/jobs" >answers 2>err 3>&- &
	pid=$!
	PIDS=("$pid")
	wait_until said err "$URL/jobs: Connection refused; trying again"
	start
	wait "$pid"
	[ "$(wc -l <answers)" = 10 ]
	said err "goes on after"
}

@test "redis: what can't pass is one line, and status 2" {
	start "requirepass sesame" "user guest on >sesame ~other +ping +config|get +xreadgroup +xadd +multi +exec"
	fails() {
		run -2 --separate-stderr "${@:2}" </dev/null
		echo "$stderr"
		[[ $stderr == *"$1"* && $stderr != *sesame* && $stderr != *mistaken* ]]
		[ "$(wc -l <<<"$stderr")" = 1 ]
		[ -z "$output" ]
	}
	fails "wants a password: set REDISCLI_AUTH" "$LIBEXEC/from-redis" "$URL/jobs?group=g"
	export REDISCLI_AUTH=mistaken
	fails "WRONGPASS" "$LIBEXEC/from-redis" "$URL/jobs?group=g"
	export REDISCLI_AUTH=sesame
	guest=redis://guest@127.0.0.1:$REDIS_PORT
	fails "NOPERM" "$LIBEXEC/from-redis" "$guest/jobs?group=g"
	fails "DB index is out of range" "$LIBEXEC/from-redis" "$URL/jobs?group=g&db=99"
	cli SET text x
	fails "/text: the server replies: WRONGTYPE" "$LIBEXEC/from-redis" "$URL/text?group=g"
	for url in "$guest/jobs NOPERM" "$URL/text WRONGTYPE"; do
		run -2 --separate-stderr "$LIBEXEC/to-redis" "${url% *}" <<<'{"id":1}'
		echo "$stderr"
		[[ $stderr == *"${url#* }"* && $(wc -l <<<"$stderr") -eq 1 ]]
		[ -z "$output" ]
	done
}

@test "redis: a broken URL is one line that names the part" {
	redis_configure "$DIR"
	broken() {
		run -2 --separate-stderr timeout 10 "$LIBEXEC/$1" "$2" </dev/null
		echo "$stderr"
		[[ $stderr == *"$3"* ]]
		[ "$(wc -l <<<"$stderr")" = 1 ]
	}
	broken from-redis redis://127.0.0.1/ "no stream is named"
	broken from-redis redis:///jobs "no host is named"
	broken from-redis "redis://127.0.0.1/jobs?grop=g" "grop"
	broken from-redis "redis://127.0.0.1/jobs?group=g&start=now" "start=now"
	broken from-redis "redis://127.0.0.1/jobs?delete=1" "delete= needs group="
	broken from-redis "redis://127.0.0.1/jobs?group=g&claim=0s" "claim: must be from 100ms to 24h"
	broken from-redis "redis://127.0.0.1/jobs?group=g&claim=99ms" "claim: must be from 100ms to 24h"
	broken from-redis "redis://127.0.0.1/jobs?cacert=x" "for rediss://"
	broken from-redis "redis://me@127.0.0.1/jobs" "user me needs a password"
	broken to-redis "redis://127.0.0.1/jobs?config=none" "config=none: No such file"
	broken to-redis "redis://127.0.0.1/jobs?maxlen=0" "maxlen"
	broken to-rediss "rediss://127.0.0.1/jobs?cacert=none" "cacert=none: No such file"
	broken to-rediss "rediss://127.0.0.1/jobs?cert=none&key=none" "cert=none: No such file"
	echo "no certificate" >pem
	broken to-rediss "rediss://127.0.0.1/jobs?cacert=pem" "cacert=pem: "
	[[ $stderr != *unknown* ]]
	echo secret >config
	broken to-redis "redis://127.0.0.1/jobs?config=config" "line 1 is not password=..."
	[[ $stderr != *secret* ]]
}

@test "redis: a password in a file, a database, and a Unix socket" {
	start "requirepass sesame"
	printf '# of the tests\npassword=sesame\n' >config
	ids 3 | "$LIBEXEC/to-redis" "redis:///jobs?socket=$DIR/redis.sock&config=config&db=3"
	[ "$(cli -n 3 XLEN jobs)" = 3 ]
	"$LIBEXEC/from-redis" "redis:///jobs?socket=$DIR/redis.sock&config=config&db=3&end=1" </dev/null >out
	cmp out <(ids 3)
}

@test "redis: TLS" {
	needs openssl
	redis_start_tls "$DIR" "requirepass sesame"
	export REDISCLI_AUTH=sesame
	url="rediss://127.0.0.1:$REDIS_PORT/jobs?cacert=$DIR/ca.crt"
	ids 20000 | "$LIBEXEC/to-rediss" "$url" >answers
	[ "$(wc -l <answers)" = 20000 ]
	"$PLAY" out "$LIBEXEC/from-rediss" "$url&group=g&end=1"
	cmp out <(ids 20000)

	# A certificate that nobody vouches for; one for another host; none.
	for wrong in "rediss 127.0.0.1 certificate" "rediss 127.0.0.2 certificate" "redis 127.0.0.1 closed"; do
		read -r scheme host words <<<"$wrong"
		ca="&cacert=$DIR/ca.crt"
		[ "$host" != 127.0.0.1 ] || ca=
		"$LIBEXEC/from-$scheme" "$scheme://$host:$REDIS_PORT/jobs?end=1$ca" </dev/null 2>err >none 3>&- &
		PIDS=($!)
		wait_until said err "trying again"
		cat err
		said err "$words" || said err "Connection refused" || said err "reset"
		kill "${PIDS[0]}"
	done
	[ ! -s none ]
}

@test "redis: which record an entry is" {
	start
	cli XADD jobs 1-1 record '{"id":1}' other x
	cli XADD jobs 1-2 only '{"id":2}'
	cli XADD jobs 1-3 a 1 b 'x"y'
	cli XADD jobs 1-4 record $'{"id":\n4}'
	cli XADD jobs 1-5 record $'no\njson'
	cli XADD jobs 1-6 record 'text'
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?group=g&end=1&meta=from"
	jq -c 'if .pchan? then [.reason, .text, .base64] else . end' out 2>/dev/null || cat out
	grep -v '"pchan"' out >records || :
	diff records - <<-'END'
		{"from":{"stream":"jobs","id":"1-1"},"id":1}
		{"from":{"stream":"jobs","id":"1-2"},"id":2}
		{"from":{"stream":"jobs","id":"1-3"},"a":"1","b":"x\"y"}
		{"from":{"stream":"jobs","id":"1-4"},"id": 4}
		text
	END
	[ "$(grep -c '"reason":"invalid"' out)" = 1 ]
	[ "$("$LIBEXEC/from-redis" "$URL/jobs?end=1&field=other" </dev/null | head -n 1)" = x ]
}

@test "redis: entries that were deleted while they were pending are acknowledged" {
	start
	fill 10
	"$PLAY" out hold stop=10 "$LIBEXEC/from-redis" "$URL/jobs?group=g&consumer=c"
	cli XDEL jobs "$(cli XRANGE jobs - + COUNT 1 | head -n 1)"
	rm out
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?group=g&consumer=c&end=1"
	cmp out <(ids 10 | tail -n 9)
	[ "$(group_has pending)" = 0 ]
}

@test "redis: delete=1 deletes what is acknowledged, maxlen= what is too much" {
	start
	fill 5000
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?group=g&end=1&delete=1"
	same 5000 out
	[ "$(cli XLEN jobs)" = 0 ]
	ids 5000 | "$LIBEXEC/to-redis" "$URL/few?maxlen=500" >answers
	[ "$(cli XLEN few)" -lt 1000 ]
	[ "$(cli XLEN few)" -ge 500 ]
}

@test "redis: the group goes while it is read" {
	start
	fill 100
	"$PLAY" out "$LIBEXEC/from-redis" "$URL/jobs?group=g&claim=200ms" 2>err 3>&- &
	PIDS=($!)
	wait_until acknowledged 100
	cli DEL jobs
	wait_until said err "group g has gone"
	wait_until cli XINFO GROUPS jobs
	ids 200 | tail -n 100 | "$LIBEXEC/to-redis" "$URL/jobs" >answers
	wait_until has_lines out 200
	wait_until acknowledged 100
	same 200 out
	kill "${PIDS[0]}"
	wait "${PIDS[0]}"
}

@test "redis: a server that may lose records is told of, once" {
	start "appendfsync everysec"
	ids 3 | "$LIBEXEC/to-redis" "$URL/jobs" 2>err >answers
	cat err
	[ "$(wc -l <err)" = 1 ]
	said err "appendfsync always"
	"$LIBEXEC/from-redis" "$URL/jobs?end=1" </dev/null 2>err | cmp - <(ids 3)
	[ "$(grep -c 'appendfsync always' err)" = 1 ]
}

@test "redis: a record that is too large is rejected, and the others go on" {
	start "proto-max-bulk-len 1mb" "requirepass sesame" \
		"user guest on >sesame ~* +ping +xadd +multi +exec"
	{
		ids 2
		head -c 1100000 /dev/zero | tr '\0' x
		echo
		ids 4 | tail -n 2
	} >in
	# The second one may not ask for the limit.
	export REDISCLI_AUTH=sesame
	for url in "$URL/jobs" "redis://guest@127.0.0.1:$REDIS_PORT/guests"; do
		"$LIBEXEC/to-redis" "$url" <in >answers 2>err
		cut -c 1-200 answers err
		[ "$(wc -l <answers)" = 5 ]
		[[ $(sed -n 3p answers) == '!'*bulk* ]]
		[ "$(grep -c . answers)" = 1 ]
	done
	REDISCLI_AUTH=sesame "$LIBEXEC/from-redis" "$URL/jobs?end=1" </dev/null | cmp - <(ids 4)
	[ "$(cli XLEN guests)" -ge 4 ]
}

@test "redis: a server without memory has records tried again" {
	start "maxmemory 1" "maxmemory-policy noeviction"
	ids 3 | "$LIBEXEC/to-redis" "$URL/jobs" >answers
	cat answers
	[ "$(grep -c '^?.*OOM' answers)" = 3 ]
	ids 1 | "$LIBEXEC/to-redis" "$URL/jobs" >answers
	[ "$(grep -c '^?.*OOM' answers)" = 1 ]
}

@test "redis: to-redis is a worker of pfanout" {
	start
	ids 5000 | PCHAN_METRICS=off "$BIN/pfanout" -j1 -- "$LIBEXEC/to-redis" "$URL/jobs" >out
	[ ! -s out ]
	"$LIBEXEC/from-redis" "$URL/jobs?end=1" </dev/null | cmp - <(ids 5000)
}

# metric NAME: the sum of the family's samples.
metric() {
	"$BIN/pmetrics" print | awk -v name="pipeline_engine_$1" 'index($1, name "{") == 1 { n += $NF; found = 1 } END { print found ? n : "none" }'
}

measures() {
	[ "$(metric "$1")" = "$2" ]
}

@test "redis: lag and what is on its way fall to 0, and a lost connection is counted" {
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	start
	fill 300
	mkfifo go
	"$BIN/pfanin" "$URL/jobs?group=g&claim=300ms" 2>err 3>&- |
		"$BIN/pfanout" -n hold -j1 -- sh -c 'read -r _ <go; exec cat' 3>&- |
		"$BIN/pfanout" -n sink --to "$URL/results" >letters 2>>err 3>&- &
	pid=$!
	PIDS=("$pid")
	wait_until measures lag_records 0
	wait_until measures unacknowledged_records 300
	measures reconnects_total 0
	"$BIN/pmetrics" print --format json |
		jq -e --arg at "redis 127.0.0.1:$REDIS_PORT" '[.pipelines[].parts[] | select(.kind == "engine") | .name] == [$at + "/jobs", $at + "/results"]'
	redis_kill "$DIR"
	start
	wait_until measures reconnects_total 2
	echo >go
	wait_until measures unacknowledged_records 0
	[ "$(group_has pending)" = 0 ]
	[ "$(cli XLEN results)" -ge 300 ]
}
