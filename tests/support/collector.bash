# For tests of pmetrics ship: a collector that answers as told.  Needs
# helpers.bash and streams.bash.

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	command -v python3 >/dev/null || skip "python3 is not installed"
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	unset "${!OTEL_@}" http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
	collector='' stage='' shipper=''
}

teardown() {
	local pid

	for pid in $shipper $stage $collector; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	[ ! -s stage.err ] || cat stage.err
	[ ! -s log ] || jq -c '[.path, .answer, .connection, (.ids | length)]' log | tail -n 20
	! mountpoint -q disk || umount disk
	for file in out err; do
		[ ! -s $file ] || { echo "--- $file" && head -n 20 $file; }
	done
}

# collector [ANSWER...]: starts stubs/collector; its URL is in $url, what it has
# got in ./log.
collector() {
	[ -z "$collector" ] || kill "$collector" 2>/dev/null || true
	rm -f url log
	"$STUBS/collector" url log "$@" >collector.err 2>&1 3>&- 8>&- 9>&- &
	collector=$!
	wait_until test -s url
	url=$(cat url)
}

# stage [STAGE]: starts stubs/span-stage, whose run directory is ours.
stage() {
	rm -f orders answers
	mkfifo orders answers
	"$STUBS/span-stage" "$PCHAN_RUN_DIR" "$@" <orders >answers 2>stage.err 3>&- &
	stage=$!
	exec 8>orders 9<answers
}

# tell WORD...: has the stage do something, and waits until it is done.
tell() {
	local line

	echo "$*" >&8
	read -r -t 10 line <&9 && [ "$line" = "done" ]
}

stage_ends() {
	exec 8>&- 9<&-
	wait "$stage"
	stage=
}

# How many spans the collector has taken, of those that it has got.
taken() {
	jq -s 'map(select(.answer | startswith("200")) | .ids | length) | add // 0' log
}

has_taken() {
	[ -s log ] && [ "$(taken)" -ge "$1" ]
}

got_requests() {
	[ -s log ] && [ "$(wc -l <log)" -ge "$1" ]
}

# each_once FIRST LAST: it has taken the spans of these numbers, once each, and
# no others.
each_once() {
	diff <(seq "$1" "$2") <(jq -r 'select(.answer | startswith("200")) | .ids[]' log |
		sed 's/^0*//' | sort -n) | head -n 5
	[ "$(taken)" -eq $(($2 - $1 + 1)) ]
}

# The same, but any of them may have come more than once.
each_at_least_once() {
	jq -r 'select(.answer | startswith("200")) | .ids[]' log | sort -u >ids
	[ "$(wc -l <ids)" -eq $(($2 - $1 + 1)) ]
	[ "$(head -n 1 ids)" = "$(printf '%016d' "$1")" ]
	[ "$(tail -n 1 ids)" = "$(printf '%016d' "$2")" ]
}

span_files() {
	find "$PCHAN_RUN_DIR" -name '*.spans*' | wc -l
}

no_span_files() {
	[ "$(span_files)" -eq 0 ]
}

# receiver: starts a real one, support/receiver.js, like collector.
receiver() {
	needs_npm
	rm -f url received
	: >received
	NODE_PATH=$NPM node "$BATS_TEST_DIRNAME/../support/receiver.js" url received >receiver.err 2>&1 3>&- 8>&- 9>&- &
	collector=$!
	wait_until test -s url
	url=$(cat url)
}

# ship [OPTION...]: starts a shipper; its pid is in $shipper.
ship() {
	pmetrics ship --interval 10ms --endpoint "$url" "$@" 2>err 3>&- 8>&- 9>&- &
	shipper=$!
}

ship_ends() {
	local status=0

	kill -TERM "$shipper"
	wait "$shipper" || status=$?
	shipper=
	[ "$status" -eq "$1" ]
}
