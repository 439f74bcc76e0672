# For tests of from-http-server, to-http and to-https.  Needs helpers.bash and
# servers.bash.

LIBEXEC=$BIN/../libexec/pchan
SUPPORT=$BATS_TEST_DIRNAME/support

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	needs python3
	[ -x "$LIBEXEC/to-http" ] || skip "the engine is not built"
	DIR=$BATS_TEST_TMPDIR/server
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	unset "${!OTEL_@}" http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy PCHAN_HTTP_AUTHORIZATION
	pids=()
}

teardown() {
	local pid

	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	server_end "$DIR"
	for file in err log; do
		[ ! -s $file ] || { echo "--- $file" && tail -n 20 $file | cut -c 1-300; }
	done
}

# service [RULE...]: starts support/service; its URL is in $url, what it has got
# in ./log.
service() {
	rm -f "$DIR/url"
	server_run "$DIR" service "$SUPPORT/service" url "$PWD/log" "$@"
	server_wait 20 test -s "$DIR/url"
	url=$(cat "$DIR/url")
}

service_ends() {
	kill -KILL "$(server_pid "$DIR" service)"
	wait_until service_is_gone
}

service_is_gone() {
	! server_pid "$DIR" service >/dev/null
}

# post [FRAGMENT]: ./in to the service; answers are in ./out.
post() {
	status=0
	timeout 50 "$LIBEXEC/to-${url%%:*}" "$url/in?k=v${1:+#$1}" <in >out 2>err || status=$?
}

# taken_ids FILE: ids that the service has taken, a line each.
taken_ids() {
	jq -r 'select(.status == 200) | .ids[]' log | sort -n
}

# all_taken N: it has taken 1 to N, at least once each.
all_taken() {
	diff <(seq "$1") <(taken_ids | uniq) | head -n 5
	[ "$(taken_ids | uniq | wc -l)" -eq "$1" ]
}

# got_requests N: it has got so many.
got_requests() {
	[ -s log ] && [ "$(wc -l <log)" -ge "$1" ]
}

# answers TEXT: how many answers are, or begin with, the text.
answers() {
	grep -c -- "^$1" out || true
}

# listen [RULE...] [-- OPTIONS]: starts the server under support/giver-driver;
# its records go to ./out.  Sets url, and driver, its pid.
listen() {
	local rules=()

	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		rules+=("$1")
		shift
	done
	rm -f err
	"$SUPPORT/giver-driver" out "${rules[@]}" -- "$LIBEXEC/from-http-server" \
		"http-server://127.0.0.1/in${2:+?$2}" 2>err 3>&- &
	driver=$!
	pids+=("$driver")
	wait_until grep -q listening err
	url=$(sed -n '1s/.*listening on //p' err)
}

# ask STATUS [CURL OPTION...]: posts to the server; it must answer with this
# status.  The body is in ./body, the head in ./head.
ask() {
	local got

	got=$(curl -sS -m 20 -o body -D head -w '%{http_code}' "${@:2}" "$url") || true
	[ "$got" = "$1" ] || {
		echo "status $got instead of $1: ${*:2}"
		cat body
		return 1
	}
}

# stops: the helper ends with status 0 after the end of its stdin.
stops() {
	kill -TERM "$driver"
	wait "$driver"
}

out_has() {
	[ -s out ] && [ "$(wc -l <out)" -ge "$1" ]
}

# nobody_listens PORT: a helper ends a moment after pfanin.
nobody_listens() {
	local status=0

	curl -sS -m 5 -o /dev/null "http://127.0.0.1:$1/" 2>/dev/null || status=$?
	[ "$status" -eq 7 ]
}
