#!/usr/bin/env bats
# pmetrics ship: the spans of running stages, and those of a command.

load ../support/helpers
load ../support/streams
load ../support/collector
collector=''

# The run directory.

@test "shipping: the files of stages are followed; what has ended is removed" {
	collector
	stage
	tell add 1 100
	ship -v
	wait_until has_taken 100
	tell add 101 200
	wait_until has_taken 200
	tell rotate
	tell add 201 300
	wait_until has_taken 300
	alone() { [ "$(span_files)" -eq 1 ]; }
	wait_until alone
	# Half a line is none yet.
	tell part "$("$STUBS/spans" 301 301 | cut -c 1-100)"
	tell add 302 310
	stage_ends
	wait_until no_span_files
	ship_ends 1
	has err 'a line is no export request'
	has err 'spans: sent 300, rejected 0, left 0'
	each_once 1 300
	jq -e '.totals == [{stage: "enrich", tool: "pfanout", pipeline: "orders", sent: 300, rejected: 0}]' run/ship.1
}

@test "shipping: the next one goes on where the last one was" {
	collector
	stage
	tell add 1 100
	go 0 pmetrics ship --once --endpoint "$url"
	tell add 101 150
	go 0 pmetrics ship --once --endpoint "$url"
	each_once 1 150
	tell rotate
	tell add 151 200
	tell rotate
	tell add 201 250
	# The file that the first one was in is dropped: the inode may be
	# another's now.
	stage_ends
	go 0 pmetrics ship --once --endpoint "$url"
	each_once 1 250
	[ "$(span_files)" -eq 0 ]
	# A cursor that is rubbish is none: then spans come twice, not never.
	stage
	tell add 251 260
	go 0 pmetrics ship --once --endpoint "$url"
	for text in '' '{' '[]' '{"pchan":"ship/1","files":[{"uuid":7}],"totals":3}'; do
		printf %s "$text" >run/ship.1
		go 0 pmetrics ship --once --endpoint "$url"
		lines err 0
	done
	[ "$(taken)" -eq 300 ]
}

@test "shipping: spans of several stages go in one request, and are counted by stage" {
	collector 200:partial=15
	for name in a b c; do
		stage $name
		tell add 1 10
		stage_ends
	done
	go 1 pmetrics ship --once --endpoint "$url"
	lines log 1
	[ "$(taken)" -eq 30 ]
	jq -e '[.totals[] | [.stage, .sent, .rejected]] | sort_by(.[0]) | map(.[0]) == ["a", "b", "c"]' run/ship.1
	jq -e '(.totals | map(.sent) | add) == 15 and (.totals | map(.rejected) | add) == 15' run/ship.1
}

@test "shipping: an older file that comes while one is removed is not lost" {
	collector
	stage
	tell add 1 10
	stage_ends
	name=$(basename run/*.spans)
	# As a shipper leaves it that is killed at that moment.
	mv "run/$name" "run/$name.1.4711.taken"
	go 0 pmetrics ship --once --endpoint "$url"
	each_once 1 10
	[ "$(span_files)" -eq 0 ]
}

@test "shipping: a collector that is away is told once, and again when it is back" {
	collector
	kill "$collector"
	wait "$collector" || true
	stage
	tell add 1 100
	ship -v
	wait_until has err 'the spans are kept'
	tell add 101 200
	COLLECTOR_PORT=${url##*:} collector
	wait_until has_taken 200
	wait_until has err 'the 200 spans that waited are sent'
	tell add 201 210
	wait_until has_taken 210
	ship_ends 0
	lines err 3
	each_once 1 210
}

@test "shipping: after a signal there is one last try, and what is left is told" {
	url=http://127.0.0.1:1
	stage
	tell add 1 100
	ship
	wait_until has err 'are kept'
	ship_ends 1
	has err "100 spans are left in $PWD/run; pmetrics ship --once sends what is there"
	lines err 2
	# It may succeed.
	collector 503:100 200
	ship
	wait_until has err 503
	ship_ends 0
	each_once 1 100
	# A collector that hangs is given the grace.
	collector 0:hang
	tell add 101 110
	ship --grace 200ms
	wait_until got_requests 1
	ship_ends 1
	has err '10 spans are left'
	# A second signal ends it at once.
	ship --grace 1m
	wait_until got_requests 2
	kill -TERM "$shipper"
	wait_until is_taken "$shipper" TERM
	ship_ends 1
	has err '10 spans are left'
}

@test "shipping: a run directory may come later, go, and come again" {
	collector
	rmdir run
	ship
	for i in 1 2; do
		mkdir -m 700 run
		stage
		tell add 1 10
		wait_until has_taken $((i * 10))
		stage_ends
		wait_until no_span_files
		rm -r run
	done
	ship_ends 0
	lines err 0
}

@test "shipping: one at a time in a directory" {
	collector
	stage
	tell add 1 10
	ship
	wait_until has_taken 10
	go 2 pmetrics ship --once --endpoint "$url"
	has err "$PWD/run: another process ships the spans"
	kill -KILL "$shipper"
	wait "$shipper" || true
	shipper=
	go 0 pmetrics ship --once --endpoint "$url"
	each_once 1 10
}

last_is_taken() {
	jq -r 'select(.answer | startswith("200")) | .ids[]' log | grep -q '^0*2001$'
}

@test "shipping: killed at any moment, no span is lost" {
	collector 200 200 503 200
	stage
	ship
	for i in 0 1 2 3; do
		tell add $((i * 500 + 1)) $((i * 500 + 500))
		[ $i -ne 1 ] || tell rotate
		wait_until got_requests $((i + 1))
		kill -KILL "$shipper"
		wait "$shipper" || true
		ship
	done
	# The last one is there when it has taken something.
	tell add 2001 2001
	wait_until last_is_taken
	ship_ends 0
	each_at_least_once 1 2001
}

@test "shipping: a full disk only means that spans may come twice" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	small_disk 200
	chmod 700 disk
	export PCHAN_RUN_DIR=$PWD/disk
	collector
	stage
	tell add 1 100
	dd if=/dev/zero of=disk/full bs=4k 2>dd.err || true
	go 0 pmetrics ship --once --endpoint "$url"
	has err 'ship.1: No space left'
	each_once 1 100
	rm disk/full
	go 0 pmetrics ship --once --endpoint "$url"
	[ "$(taken)" -eq 200 ]
	stage_ends
}

# A command.

@test "shipping: a command's spans are shipped from a directory of its own" {
	collector
	go 3 pmetrics ship --endpoint "$url" -v -- sh -c '
		echo "$OTEL_TRACES_EXPORTER $TRACEPARENT" >env
		echo "$PCHAN_RUN_DIR" >dir
		stat -c %a "$PCHAN_RUN_DIR" >mode
		echo "add 1 100" | "$0/span-stage" "$PCHAN_RUN_DIR"
		exit 3' "$STUBS"
	has out 'done'
	[ "$(cat env)" = 'otlp ' ]
	[ "$(cat dir)" != "$PCHAN_RUN_DIR" ]
	[ "$(cat mode)" = 700 ]
	[ ! -e "$(cat dir)" ]
	each_once 1 100
	has err 'sent 100, rejected 0, left 0'
	OTEL_TRACES_EXPORTER=none TRACEPARENT=x go 0 pmetrics ship -- sh -c 'echo "$OTEL_TRACES_EXPORTER $TRACEPARENT" >env'
	[ "$(cat env)" = 'none x' ]
	lines err 0
}

@test "shipping: a command's spans are kept where the collector is away" {
	go 0 pmetrics ship --endpoint http://127.0.0.1:1 --grace 200ms -- sh -c '
		echo "$PCHAN_RUN_DIR" >dir; echo "add 1 100" | "$0/span-stage" "$PCHAN_RUN_DIR"' "$STUBS"
	has err "100 spans are left in $(cat dir); send with: PCHAN_RUN_DIR=$(cat dir) pmetrics ship --once"
	collector
	PCHAN_RUN_DIR=$(cat dir) go 0 pmetrics ship --once --endpoint "$url"
	each_once 1 100
	rm -r "$(cat dir)"
}

# The signals of a line of /proc, without 32, which a sanitizer ignores.
ignored() {
	echo $((0x$(cut -f 2) & 0x7fffffff))
}

@test "shipping: how a command ends, and one that can't be run" {
	collector
	go 0 pmetrics ship --endpoint "$url" -- true
	go 137 pmetrics ship --endpoint "$url" -- sh -c 'kill -KILL $$'
	go 127 pmetrics ship --endpoint "$url" -- ./missing
	has err './missing: No such file'
	: >plain
	go 126 pmetrics ship --endpoint "$url" -- ./plain
	has err 'Permission denied'
	go 125 pmetrics ship --endpoint nowhere -- true
	echo data | go 0 pmetrics ship --endpoint "$url" -- cat
	has out data
	# It has the descriptors that we were given, and no others.
	sh -c 'ls /proc/self/fd' >out
	mv out plainly
	go 0 pmetrics ship --endpoint "$url" -- grep SigIgn /proc/self/status
	[ "$(ignored <out)" -eq "$(grep SigIgn /proc/self/status | ignored)" ]
	go 0 pmetrics ship --endpoint "$url" -- sh -c 'ls /proc/self/fd' </dev/null
	diff plainly out
}

@test "shipping: the directory of a command is removed, whether it can be run or not" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	collector
	cat >every <<-'END'
		mount -t tmpfs tmpfs /dev/shm || exit 1
		pmetrics ship --endpoint "$1" -- sh -c 'echo "$PCHAN_RUN_DIR" >>dirs'
		pmetrics ship --endpoint "$1" -- sh -c 'kill -KILL $$'
		pmetrics ship --endpoint "$1" -- ./missing
		ls -A /dev/shm
	END
	go 0 unshare -m sh every "$url"
	grep -q ^/dev/shm/pchan-ship dirs
	[ ! -s out ]
}

@test "shipping: signals are passed on to the command" {
	collector
	mkfifo ready
	pmetrics ship --endpoint "$url" -- sh -c '
		trap "echo usr1 >>got" USR1
		trap "echo term >>got; exit 9" TERM
		echo >ready
		while :; do sleep 0.01; done' 2>err 3>&- &
	shipper=$!
	read -r <ready
	kill -USR1 $shipper
	wait_until grep -q usr1 got
	kill -TERM $shipper
	status=0
	wait $shipper || status=$?
	shipper=
	[ $status -eq 9 ]
	[ "$(xargs <got)" = 'usr1 term' ]
	lines err 0
}

@test "shipping: stages that outlive the command are waited for" {
	collector
	mkfifo go
	# shellcheck disable=SC2094 # a FIFO
	go 0 pmetrics ship --endpoint "$url" -- sh -c '
		mkfifo in
		"$0/span-stage" "$PCHAN_RUN_DIR" <in >out2 &
		exec 5>in
		echo "add 1 100" >&5
		until grep -q done out2; do sleep 0.01; done
		(while [ -e /proc/$$ ]; do sleep 0.01; done; echo "add 101 200" >&5) &
		exit 0' "$STUBS"
	each_once 1 200
}

@test "shipping: a stage that goes on after the grace keeps its directory, which is told" {
	collector
	mkfifo in
	exec 7<>in
	pmetrics ship --endpoint "$url" --grace 200ms -- sh -c '
		echo "$PCHAN_RUN_DIR" >dir
		"$0/span-stage" "$PCHAN_RUN_DIR" <in >out2 3>&- 8>&- & echo $! >pid
		until ls "$PCHAN_RUN_DIR"/*.spans; do sleep 0.01; done' "$STUBS" >out 2>err
	# shellcheck disable=SC2034 # teardown() in collector.bash kills it
	stage=$(cat pid)
	has err "stages behind that still run: $(cat dir) stays"
	[ -d "$(cat dir)" ]
	rm -r "$(cat dir)"
}

@test "shipping: what real stages have traced: as many spans as they count, by stage" {
	collector
	export OTEL_TRACES_EXPORTER=otlp PCHAN_PIPELINE=orders
	ids 300 | pfanout -q -n work -j 2 -a 2 --backoff 1ms,1ms -- "$STUBS/spans-worker" |
		pratelimit -n pace -r 100k/s | pdeadletter -q -n split -d dead >out || true
	pmetrics print | sed -n 's/^pipeline_spans_total{stage="\(.*\)",tool="\(.*\)",pipeline="orders",result="written"} \(.*\)/\1 \2 \3/p' |
		sort >counted
	cat counted
	[ "$(cut -d ' ' -f 1 counted | xargs)" = 'pace split work' ]
	go 0 pmetrics ship --once --endpoint "$url"
	pmetrics print | sed -n 's/^pipeline_spans_total{stage="\(.*\)",tool="\(.*\)",pipeline="orders",result="sent"} \(.*\)/\1 \2 \3/p' |
		sort | diff counted -
	jq -r '.totals[] | select(.pipeline == "orders" and .rejected == 0) | "\(.stage) \(.tool) \(.sent)"' run/ship.1 | sort | diff counted -
	[ "$(taken)" -eq "$(awk '{ n += $3 } END { print n }' counted)" ]
	[ "$(taken)" -ge 880 ]
	# No id is there twice.
	[ "$(jq -r '.ids[]' log | sort | uniq -d | wc -l)" -eq 0 ]
	[ "$(span_files)" -eq 0 ]
}

@test "shipping: a real receiver has the spans of a real job" {
	receiver
	go 0 pmetrics ship --endpoint "$url" -v -- sh -c '
		seq 500 | sed "s/.*/{\"id\":&}/" | pfanout -n a -j 2 -- cat | pratelimit -n b -r 100k/s | pdeadletter -n c -d dead >out'
	[ ! -s dead ]
	has err 'spans: sent 1503, rejected 0, left 0'
	got_all() { [ "$(awk '{ n += $2 } END { print n }' received)" -eq 1503 ]; }
	wait_until got_all
}
