#!/usr/bin/env bats
# --shared redis://, and its helper rate-redis, with a real server.
# shellcheck disable=SC2154 # bats sets $stderr

bats_require_minimum_version 1.5.0
load ../support/helpers
load support/servers
load support/tls
load support/redis
load support/with_redis

setup() {
	without_redis
	export PCHAN_RUN_DIR=$BATS_TEST_TMPDIR/run PATH=$BIN:$PATH
	mkdir -p -m 700 run
}

# The helper, asked by lines.

# rate NAME URL: starts a helper; NAME.in, NAME.out and NAME.err are its ends.
rate() {
	mkfifo "$1.in"
	: >"$1.out" # ask() may look sooner than it starts
	"$LIBEXEC/rate-redis" "$2" <"$1.in" >"$1.out" 2>"$1.err" 3>&- &
	PIDS+=($!)
}

# ask FD NAME LINE: asks, and waits for the answer: all lines up to it are in
# `answer`.
ask() {
	local lines

	lines=$(wc -l <"$2.out")
	echo "$3" >&"$1"
	wait_until answers "$2.out" "$lines"
	answer=$(tail -n +$((lines + 1)) "$2.out" | paste -sd ' ')
}

answers() {
	tail -n +$(($2 + 1)) "$1" | grep -q '^debt'
}

@test "rate: a take that has no answer is asked again, and the debt stays" {
	start
	rate a "$URL/bucket"
	exec 8>a.in
	# 1 in an hour.
	echo "rate 1 3600000000000 3 records" >&8
	ask 8 a "take 1"
	[ "$answer" = "debt 1" ]
	ask 8 a "take 5"
	[[ $answer == "debt 5.99"* ]]
	redis_kill "$DIR"
	wait_until said a.err "trying again"
	echo "take 2" >&8
	start
	wait_until answers a.out 2
	[[ $(tail -n 1 a.out) == "debt 7.9"* ]]
	[ "$(wc -l <a.err)" = 2 ]
	said a.err "goes on after"
	cli SCRIPT FLUSH
	ask 8 a "take 0"
	[[ $answer == "debt 7.9"* ]]
	[ "$(cli PTTL bucket)" -gt 28000000 ]
	exec 8>&-
	wait "${PIDS[0]}"
	PIDS=()
}

@test "rate: a full bucket is no key after a minute" {
	start
	rate a "$URL/bucket"
	exec 8>a.in
	echo "rate 1000 1000000000 3 records" >&8
	ask 8 a "take 0"
	[ "$answer" = "debt 0" ]
	[ "$(cli PTTL bucket)" -gt 50000 ]
	[ "$(cli PTTL bucket)" -le 60000 ]
	exec 8>&-
	wait "${PIDS[0]}"
	PIDS=()
}

@test "rate: helpers tell of another rate, and of changes" {
	start
	rate a "$URL/bucket"
	rate b "$URL/bucket"
	exec 8>a.in 9>b.in
	echo "rate 10 1000000000 1 records" >&8
	ask 8 a "take 1"
	echo "rate 20 1000000000 1 records" >&9
	ask 9 b "take 0"
	[[ $answer == "rate 10 1000000000 1 records debt "* ]]
	echo "rate 30 1000000000 1 bytes" >&8
	ask 8 a "take 0"
	[ "$(grep -c '^rate 30 1000000000 1 bytes$' a.out)" = 1 ]
	ask 9 b "take 0"
	[[ $answer == "rate 30 1000000000 1 bytes debt "* ]]
	[ ! -s a.err ]
	[ ! -s b.err ]
	exec 8>&- 9>&-
	wait "${PIDS[@]}"
	PIDS=()
}

# refuses MESSAGE ARG...: pratelimit prints the helper's line, and its own.
refuses() {
	local message=$1

	shift
	run -2 --separate-stderr pratelimit -r 1/s "$@" <<<1
	echo "$stderr"
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" = 2 ]
	[[ $stderr == "rate-redis"*"$message"* ]]
	[[ $stderr == *"pratelimit: ${*: -1}: its helper has ended with status 2" ]]
	[[ $stderr != *sesame* && $stderr != *mistaken* ]]
}

@test "rate: what can't pass is told, and ends the run" {
	start "requirepass sesame" "user guest on >sesame ~* +ping"
	refuses "wants a password" --shared "$URL/bucket"
	export REDISCLI_AUTH=mistaken
	refuses "WRONGPASS" --shared "$URL/bucket"
	export REDISCLI_AUTH=sesame
	refuses "NOPERM" --shared "redis://guest@${URL#redis://}/bucket"
	refuses "has no option 'grup'; 'group'" --shared "$URL/bucket?grup=1" || refuses "has no option 'grup'" --shared "$URL/bucket?grup=1"
	refuses "no key is named" --shared "$URL/"
	cli SET text x
	refuses "WRONGTYPE" --shared "$URL/text"
	unset REDISCLI_AUTH
	echo password=sesame >config
	run -0 pratelimit -r 1/s --shared "$URL/bucket?config=config&db=2" <<<1
	[ "$output" = 1 ]
	[ "$(cli -n 2 EXISTS bucket)" = 1 ]
}

@test "rate: TLS" {
	redis_start_tls "$DIR" "requirepass sesame"
	export REDISCLI_AUTH=sesame
	run -0 --separate-stderr pratelimit -r 1/s --shared "rediss://127.0.0.1:$REDIS_PORT/bucket?cacert=$DIR/ca.crt" <<<1
	[ "$output" = 1 ]
	[ -z "$stderr" ]
	[ "$(redis_cli "$DIR" EXISTS bucket)" = 1 ]
}

# stamp N: a process that takes N lines from the FIFO `all`, and stamps each
# with the us of its coming.
stamp() {
	perl -MTime::HiRes=time -ne '
		BEGIN { $| = 1; $n = shift }
		print int(time * 1e6), " ", $_; last if $. == $n' "$1" <all >stamped 3>&- 7>&- &
	stamper=$!
}

# within RATE BURST SINCE LEAST: the stamped lines are within the rate and the
# burst since that time, and have at least LEAST of the rate between the first
# and the last of them.
within() {
	awk -v rate="$1" -v burst="$2" -v since="$3" -v least="$4" '
		NR == 1 { first = $1 }
		(more = NR - burst - rate * ($1 - since) / 1e6) > worst { worst = more }
		{ last = $1 }
		END {
			share = (NR - burst) / (rate * (last - first) / 1e6)
			print NR " in " (last - first) / 1e6 " s, beyond the rate " worst + 0 ", of the rate " share
			exit worst > 0 || share < least
		}' stamped
}

@test "rate: three machines together have the rate, and no more" {
	start
	mkfifo all
	# At a burst of 1 a process that is held up for 20 ms loses that credit.
	for way in "300 60 0.9" "2000 400 0.9" "500 1 0.2"; do
		read -r per burst least <<<"$way"
		cli DEL bucket
		exec 7<>all
		stamp $((2 * per + burst))
		since=${EPOCHREALTIME/[.,]/}
		for i in 1 2 3; do
			yes "$i" 2>yes.err 7>&- 3>&- | pratelimit -r "$per/s" -B "$burst" --shared "$URL/bucket" >all 2>"err.$i" 7>&- 3>&- &
			PIDS+=($!)
		done
		exec 7>&-
		wait "$stamper"
		for pid in "${PIDS[@]}"; do
			status=0
			wait "$pid" || status=$?
			[ "$status" = 141 ]
		done
		PIDS=()
		[ "$(wc -l <stamped)" = $((2 * per + burst)) ]
		within "$per" "$burst" "$since" "$least"
		# Each has its turn.
		awk '{ n[$2]++ } END { for (i = 1; i <= 3; i++) print n[i] + 0; exit n[1] * n[2] * n[3] == 0 }' stamped
		cat err.?
	done
}

@test "rate: the server goes and comes back, and a helper is killed" {
	start
	mkfifo in
	pratelimit -r 100/s --shared "$URL/bucket" <in >out 2>err 3>&- &
	PIDS=($!)
	exec 8>in
	pfanout -q -j 2 --rate 100/s --shared "$URL/bucket" -- cat < <(ids 300) >out2 2>err2 3>&- 8>&- &
	PIDS+=($!)
	ids 150 >&8
	wait_until has_lines out 20
	redis_stop "$DIR"
	wait_until said err "trying again"
	pkill -KILL -P "${PIDS[0]}" rate-redis
	wait_until said err "was killed by SIGKILL; it is started again"
	[ "$(wc -l <out)" -lt 150 ]
	ids 300 | tail -n 150 >&8
	exec 8>&-
	start
	wait "${PIDS[@]}"
	PIDS=()
	cat err err2
	cmp out <(ids 300)
	sort -V out2 | cmp - <(ids 300)
	# The new helper may have found the server away as well.
	[ "$(grep -c "trying again" err2)" = 1 ]
	[ "$(grep -c "goes on after" err2)" = 1 ]
	[ "$(grep -c "started again" err)" = 1 ]
	[ "$(grep -c "trying again" err)" -le 2 ]
}

@test "rate: a server that is not there at the start is waited for" {
	server_port >port
	URL=redis://127.0.0.1:$(<port)
	ids 5 | pratelimit -r 100/s --over drop --shared "$URL/bucket" >out 2>err 3>&- &
	PIDS=($!)
	wait_until said err "trying again"
	[ ! -s out ]
	redis_start "$DIR" "port $(<port)"
	wait "${PIDS[@]}"
	PIDS=()
	[ -s out ]
	[ "$(wc -l <err)" = 2 ]
	# Another rate is found out only now.
	redis_stop "$DIR"
	ids 5 | pratelimit -q -r 77/s --shared "$URL/bucket" >out 2>err 3>&- &
	PIDS=($!)
	wait_until said err "trying again"
	redis_start "$DIR"
	status=0
	wait "${PIDS[0]}" || status=$?
	cat err
	[ "$status" = 2 ]
	PIDS=()
	said err "its bucket is for 100/s and a burst of 1: use these, or name another key"
	# Within the first second nothing has been read.
	[ ! -s out ] || [ "$(grep -c '"reason":"cancelled"' out)" = 5 ]
}

@test "rate: the examples of pratelimit(1) and pchan-engines(7)" {
	start
	printf '#!/bin/sh\nexec cat\n' >call
	chmod +x call
	ids 20 >calls.ndjson
	for page in pratelimit.1 pchan-engines.7; do
		grep -- '--shared redis://127.0.0.1/api' "$BATS_TEST_DIRNAME/../../man/$page" >lines
		cat lines
		[ -s lines ]
		while IFS= read -r line; do
			bash -c "${line//127.0.0.1/127.0.0.1:$REDIS_PORT}" </dev/null >out
			sort -V out | cmp - calls.ndjson
		done <lines
	done
}
