#!/usr/bin/env bats
# Exemplars: the traces in the histograms of pmetrics.

bats_require_minimum_version 1.5.0

load ../support/helpers
load ../support/streams
load ../support/background

EXEMPLARS=$BATS_TEST_DIRNAME/../support/exemplars.py

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	unset PYTHONUNBUFFERED TRACEPARENT TRACESTATE "${!OTEL_@}"
	export PCHAN_RUN_DIR=$BATS_TEST_TMPDIR/run OTEL_BSP_SCHEDULE_DELAY=1
	mkdir -m 700 run
}

# exemplars N: whether print has so many.
exemplars() {
	pmetrics print --format openmetrics >metrics
	[ "$(grep -c ' # {' metrics)" -eq "$1" ]
}

# compare FILE...: compares ./metrics with the spans, into ./seen.
compare() {
	local status=0

	/usr/bin/python3 -B "$EXEMPLARS" "$@" <metrics >seen || status=$?
	[ "$status" -ne 3 ] || skip "python3-prometheus-client is not installed"
	cat seen
	return "$status"
}

# latencies: how many exemplars of attempts ./metrics has.
latencies() {
	grep -c '^pipeline_latency_seconds_bucket{.* # {' metrics
}

# worker: one that needs as many seconds as the record says, and asks for
# another attempt, once, if it says so.
worker() {
	cat >worker.py <<-'END'
		import json, os, sys, time
		for line in sys.stdin:
		    r = json.loads(line)
		    time.sleep(r["s"])
		    if r["again"] and not os.path.exists("again"):
		        open("again", "x").close()
		        print("?not yet", flush=True)
		    else:
		        print(line.strip(), flush=True)
	END
}

# has_latency SECONDS: there is an exemplar of an attempt of at least that.
has_latency() {
	pmetrics print --format openmetrics >metrics
	awk -v least="$1" '/^pipeline_latency_seconds_bucket.* # / { found += $(NF - 1) >= least } END { exit !found }' metrics
}

@test "exemplars: each is of a span, and lasts as long as an attempt or the queue" {
	worker
	start pfanout --trace-file spans -n call -j 2 --window 1 -a 2 --backoff 1ms -- python3 worker.py
	printf '{"id":%d,"s":%s,"again":%s}\n' 1 0 false 2 0.1 false 3 0.3 true 4 0 false >&8
	wait_until lines out 4
	wait_until has_latency 0.3
	compare spans
	has seen 'call pipeline_latency_seconds '
	has seen 'call pipeline_queue_seconds '
	[ "$(latencies)" -ge 2 ]
	# The other format has none, and the same numbers.
	pmetrics print >text
	lacks text ' # {'
	lacks text trace_id
	sed 's/ # {.*//' metrics | grep _seconds_bucket >open
	grep _seconds_bucket text | diff - open
	exec 8>&-
	ends_with 0
	# With its stage they have gone.
	exemplars 0
	[ "$(grep -c '^pipeline_latency_seconds_bucket' metrics)" -eq 26 ]
}

@test "exemplars: where records wait for credit, of that wait" {
	start pratelimit --trace-file spans -n pace -r 20/s
	printf '{"id":%d}\n' 1 2 3 4 >&8
	wait_until lines out 4
	waits() {
		pmetrics print --format openmetrics >metrics
		[ "$(grep -c '^pipeline_queue_seconds_bucket{stage="pace".* # {' metrics)" -ge 3 ]
	}
	wait_until waits
	[ "$(latencies)" -eq 0 ]
	compare spans
	lines seen 1
	exec 8>&-
	ends_with 0
}

@test "exemplars: without records that are sampled there are none" {
	for how in --trace=run "--trace-file no" ""; do
		# shellcheck disable=SC2086
		OTEL_TRACES_SAMPLER=always_off start pfanout $how -n call -- cat
		printf '{"id":%d}\n' 1 2 3 4 >&8
		wait_until lines out 4
		counted() {
			pmetrics print --format openmetrics >metrics
			grep -q '^pipeline_latency_seconds_count{stage="call".*} 4$' metrics
		}
		wait_until counted
		lacks metrics ' # {'
		exec 8>&-
		ends_with 0
		rm -rf run/*
	done
}

@test "exemplars: what can't be written leaves none; the run goes on" {
	[ -c /dev/full ] || skip "no /dev/full"
	start pfanout --trace-file /dev/full -n call -- cat
	printf '{"id":%d}\n' 1 2 3 4 >&8
	wait_until lines out 4
	dropped() {
		pmetrics print --format openmetrics >metrics
		grep -q '^pipeline_spans_total{stage="call",tool="pfanout",result="dropped"} 4$' metrics
	}
	wait_until dropped
	lacks metrics ' # {'
	exec 8>&-
	ends_with 0
}

@test "exemplars: two stages with the same name share the buckets" {
	start pfanout --trace-file spans -n call -- cat
	mkfifo other
	pfanout --trace-file spans -n call -- cat <other >out2 2>err2 3>&- 8>&- &
	second=$!
	exec 9>other
	for i in 1 2 3 4 5 6; do
		printf '{"id":%d}\n' "$i" >&8
		printf '{"id":%d}\n' "$i" >&9
	done
	wait_until lines out 6
	wait_until lines out2 6
	written() {
		[ "$(grep -o '"kind":5' spans | grep -c .)" -eq 12 ] && ! exemplars 0
	}
	wait_until written
	compare spans
	has seen 'call pipeline_latency_seconds '
	exec 8>&- 9>&-
	ends_with 0
	wait "$second"
}
