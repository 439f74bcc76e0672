# What tests with a Redis server of their own share.

LIBEXEC=$BIN/../libexec/pchan

# For setup: a test without a server yet.
without_redis() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	needs redis-server
	[ -x "$LIBEXEC/redis" ] || skip "the engine redis is not built: make deps-engines"
	DIR=$BATS_TEST_TMPDIR/server
	PIDS=()
	unset REDISCLI_AUTH
}

teardown() {
	[ "${#PIDS[@]}" -eq 0 ] || kill -KILL "${PIDS[@]}" 2>/dev/null || :
	server_end "$DIR"
}

# start [LINE...]: starts the server, and sets URL.
start() {
	redis_start "$DIR" "$@"
	URL=redis://127.0.0.1:$REDIS_PORT
}

cli() {
	redis_cli "$DIR" "$@"
}

said() {
	grep -qF -- "$2" "$1"
}

has_lines() {
	[ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}
