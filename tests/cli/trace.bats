#!/usr/bin/env bats
# Traces: the context in records, the spans of stages.

bats_require_minimum_version 1.5.0

load ../support/helpers
load ../support/streams

SPANS=$BATS_TEST_DIRNAME/../support/spans.py
PARENT=4bf92f3577b34da6a3ce929d0e0e4736
CONTEXT=00-$PARENT-00f067aa0ba902b7-01
UNSAMPLED=00-$PARENT-00f067aa0ba902b7-00

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	unset PYTHONUNBUFFERED TRACEPARENT TRACESTATE "${!OTEL_@}"
	export PCHAN_RUN_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 700 run
}

# A worker that keeps the members of a record, asks for another attempt now and
# then, and rejects some records.
worker() {
	cat >worker.py <<-'END'
		import json, sys
		seen = set()
		for line in sys.stdin:
		    r = json.loads(line)
		    if r["id"] % 7 == 0 and r["id"] not in seen:
		        seen.add(r["id"])
		        print("?not yet", flush=True)
		    elif r["id"] % 11 == 0:
		        print("!never", flush=True)
		    elif r["id"] % 13 == 0:
		        print(flush=True)
		    else:
		        print(json.dumps(r), flush=True)
	END
}

# list FILE...: the spans, a line each.
list() {
	/usr/bin/python3 "$SPANS" list "$@"
}

# five N: a pipeline of all five tools over N records, a tenth of them sampled;
# the spans are in ./spans, the letters in ./dead.
five() {
	worker
	seq "$1" | sed 's/.*/{ "id": &,\t"text": "\\u00e9" }/' >in
	export OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.1 OTEL_BSP_MAX_QUEUE_SIZE=100000
	pfanin --trace-file spans -n merge in | pratelimit --trace-file spans -n pace -r 1000000/s |
		pfanout --trace-file spans -n enrich -k -j 1 -a 3 --backoff 1ms -- python3 worker.py |
		pmetrics --trace-file spans -n tap | pdeadletter --trace-file spans -n dead -d dead -q >out 2>err || [ $? -eq 1 ]
}

@test "trace: five stages: chains are complete, all sample the same, other bytes stay" {
	five 10000
	cat err
	run -0 /usr/bin/python3 "$SPANS" check spans
	echo "$output"
	[[ $output == *" runs 5 roots "* ]]
	run -0 /usr/bin/python3 "$SPANS" sampled spans
	echo "$output"
	[ "$(echo "$output" | wc -l)" -eq 5 ]
	# The first three see all; two see those that have a result.
	[ "$(echo "$output" | awk '/^(merge|pace|enrich) / { print $2, $3 }' | sort -u | wc -l)" -eq 1 ]
	[ "$(echo "$output" | awk '/^(tap|dead) / { print $2, $3 }' | sort -u | wc -l)" -eq 1 ]
	n=$(echo "$output" | awk '/^merge / { print $2 }')
	[ "$n" -gt 800 ] && [ "$n" -lt 1200 ]
	# What is not sampled has all its bytes, as the worker wrote them.
	grep -v traceparent out >plain
	jq -r .id plain | sort -n >ids
	[ "$(wc -l <ids)" -gt 5000 ]
	/usr/bin/python3 -c 'import json, sys
for i in open("ids"): print(json.dumps({"id": int(i), "text": "\u00e9"}))' >want
	cmp plain want
	# So do letters.
	grep -v traceparent dead | jq -r .value.id | head -n 1 >one
	grep -F "{ \"id\": $(cat one),	\"text\": \"\\u00e9\" }" dead
	# A tenth of the letters has a context.
	[ "$(grep -c traceparent dead)" -gt 20 ]
}

@test "trace: OpenTelemetry's decoder takes the spans of all five tools" {
	needs_npm
	five 1000
	NODE_PATH=$NPM timeout 60 node "$BATS_TEST_DIRNAME/../support/decode_otlp.js" <spans >decoded
	[ "$(cat decoded)" -eq "$(list spans | wc -l)" ]
	[ "$(cat decoded)" -gt 300 ]
}

@test "trace: the context of a record is replaced, and nothing else is touched" {
	printf '{"a":1, "traceparent" : "%s" ,"tracestate":"x=1","b":[ 1 ]}\n' "$CONTEXT" >in
	go 0 pfanout --trace-file spans <in
	sed -E "s/00-$PARENT-[0-9a-f]{16}-0[13]/CONTEXT/" out >seen
	grep -qxF '{"a":1, "traceparent" : "CONTEXT" ,"tracestate":"x=1","b":[ 1 ]}' seen
	lacks out 00f067aa0ba902b7
	list spans >listed
	has listed " $PARENT "
	has listed ' 00f067aa0ba902b7 0 processed output'
}

@test "trace: a record that is not sampled, and one without a span, keep every byte" {
	printf '{"traceparent":"%s","a":1}\n[1]\n"x"\n{"deep":{"traceparent":"%s"}}\n' "$UNSAMPLED" "$CONTEXT" >in
	OTEL_TRACES_SAMPLER=parentbased_always_off go 0 pfanout --trace-file spans <in
	cmp in out
	has err '2 records were not traced: only a JSON object can carry a trace context'
	go 0 pfanout --trace=run --trace-file spans2 <in
	cmp in out
	lines spans2 1
	go 0 pfanout -R --trace-file spans3 <in
	cmp in out
	has err '4 records were not traced'
}

@test "trace: a context is seen wherever it stands in what was read" {
	# Records of many lengths; few have a context, some of these in a name
	# with an escape, or behind what looks like it.
	awk -v context="$CONTEXT" 'BEGIN {
		for (i = 1; i <= 20000; i++) {
			fill = sprintf("%*s", i * 7919 % 331, "")
			name = i % 2 ? "traceparent" : "tr\\u0061ceparent"
			near = i % 5 ? "" : "\"recap\":\"c?p \\u00e9\","
			if (i % 37 == 0)
				printf "{%s\"i\":%d,\"f\":\"%s\",\"%s\":\"%s\"}\n", near, i, fill, name, context
			else
				printf "{%s\"i\":%d,\"f\":\"%s\"}\n", near, i, fill
		}
	}' >in
	[ "$(grep -c "$CONTEXT" in)" -eq 540 ]
	export OTEL_TRACES_SAMPLER=parentbased_always_off OTEL_BSP_MAX_QUEUE_SIZE=10000
	go 0 pfanout -k -j 2 --trace-file spans <in
	dd bs=701 status=none <in | pfanout -k --trace-file spans2 >out2
	for out in out out2; do
		lacks "$out" "$CONTEXT"
		sed -E "s/00-$PARENT-[0-9a-f]{16}-0[13]/$CONTEXT/" "$out" | cmp - in
	done
	[ "$(list spans | grep -c " 00f067aa0ba902b7 ")" -eq 540 ]
	[ "$(list spans2 | grep -c " 00f067aa0ba902b7 ")" -eq 540 ]
}

@test "trace: what is malformed begins a new trace, without its tracestate" {
	for bad in '"00-x"' 17 '{"a":1}' '"00-00000000000000000000000000000000-00f067aa0ba902b7-01"' "\"${CONTEXT^^}\"" "\"ff-${CONTEXT#00-}\"" "\"$CONTEXT-00\""; do
		rm -f spans
		printf '{"traceparent":%s,"tracestate":"x=1","n":1}\n' "$bad" >in
		go 0 pfanout --trace-file spans <in
		sed -E 's/00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]/CONTEXT/' out >seen
		grep -qxF '{"traceparent":"CONTEXT","tracestate":"","n":1}' seen
		lacks out "$PARENT"
		list spans | grep -q ' process_pfanout [0-9a-f]* [0-9a-f]* - 0 processed'
	done
	# Of two members the last counts.
	printf '{"traceparent":"00-x","traceparent":"%s"}\n' "$CONTEXT" >in
	go 0 pfanout --trace-file spans4 <in
	has out "{\"traceparent\":\"00-x\",\"traceparent\":\"00-$PARENT-"
	# A tracestate may be long.
	{
		printf '{"traceparent":"%s","tracestate":"' "$CONTEXT"
		seq 32 | sed 's/.*/k&=/' | while read -r key; do printf '%s%0250d,' "$key" 1; done
		printf 'x=1"}\n'
		printf '{"traceparent":"%s","tracestate":"%01000000d"}\n' "$CONTEXT" 1
	} >in
	go 0 pfanout --trace-file spans5 <in
	[ "$(grep -c "00-$PARENT-" out)" -eq 2 ]
}

@test "trace: attempts, back-off and the reason are in the span" {
	printf '{"id":1}\n' >in
	go 1 pfanout --trace-file spans -n call -q -a 3 --backoff 1ms -d dead -- sed -u 's/.*/?busy/' <in
	list spans >listed
	has listed 'call process_call'
	has listed ' 2 failed attempt back-off attempt back-off attempt output'
	jq -c '.resourceSpans[].scopeSpans[].spans[] | select(.kind == 5) | .status, (.attributes[] | select(.key == "error.type").value)' spans >seen
	has seen '"exhausted"'
	has seen '"message":"busy"'
	# The letter has the span's context, and its replay continues the trace.
	context=$(jq -r .value.traceparent dead)
	pdeadletter replay --all dead | pfanout --trace-file again -n retry >out
	[ "$(list again | grep -c " ${context:3:32} [0-9a-f]* ${context:36:16} ")" -eq 1 ]
}

@test "trace: a worker's own span stays, and what it drops it gets back" {
	printf '{"id":1}\n{"id":2}\n' >in
	go 0 pfanout -k --trace-file spans -- jq -c --unbuffered 'if .id == 1 then {id} else .traceparent |= sub("-[0-9a-f]{16}-"; "-1234567890abcdef-") end' <in
	[[ $(sed -n 1p out) == '{"id":1,"traceparent":"00-'* ]]
	[[ $(sed -n 2p out) == '{"id":2,"traceparent":"00-'*'-1234567890abcdef-03"}' ]]
}

@test "trace: exec: the process has the record's context in its environment" {
	printf '{"id":1}\n{"traceparent":"%s"}\n5\n' "$UNSAMPLED" >in
	export TRACEPARENT=$CONTEXT TRACESTATE=a=b BAGGAGE=c=d
	go 0 pfanout --trace-file spans -k -x -- sh -c 'echo "\"$1 ${TRACEPARENT-unset} ${TRACESTATE-unset} $BAGGAGE\""' sh '{#}' <in
	mine=$(list spans | awk '$8 != "" && $2 ~ /^process/ { print "00-" $3 "-" $4 }')
	[ "$(sed -n 1p out)" = "\"1 $mine-03 unset c=d\"" ]
	[ "$(sed -n 2p out)" = "\"2 $UNSAMPLED unset c=d\"" ]
	[ "$(sed -n 3p out)" = '"3 unset unset c=d"' ]
	# The argument says the same.
	printf '{"id":1}\n' | pfanout --trace-file spans2 -x -- sh -c '[ "$1" = "$TRACEPARENT" ]' sh '{.traceparent}'
	# Off: nothing is touched.
	go 0 pfanout -x -- sh -c 'echo "\"$TRACEPARENT $TRACESTATE\""' <in
	[ "$(sort -u out)" = "\"$CONTEXT a=b\"" ]
}

@test "trace: long-lived workers belong to the run, which belongs to TRACEPARENT" {
	export TRACEPARENT=$CONTEXT TRACESTATE=a=b
	printf '1\n' >in
	go 0 pfanout --trace=run --trace-file spans -- sh -c 'while read -r x; do echo "\"$TRACEPARENT $TRACESTATE\""; done' <in
	run=$(list spans | awk '{ print $4 }')
	[ "$(cat out)" = "\"00-$PARENT-$run-01 a=b\"" ]
	list spans | grep -q " $PARENT $run 00f067aa0ba902b7 0 "
	go 0 pfanout --trace=run --trace-file spans2 -F -- sh -c 'while read -r x; do echo "\"$TRACEPARENT\""; done' <in
	has out "00-$PARENT-"
	# One that is not sampled is passed on.
	TRACEPARENT=$UNSAMPLED go 0 pfanout --trace=run --trace-file spans3 -- sh -c 'while read -r x; do echo "\"$TRACEPARENT\""; done' <in
	[ "$(cat out)" = "\"$UNSAMPLED\"" ]
	[ ! -s spans3 ]
}

@test "trace: a filter's records end when it has them; -k, --key, --to and --rate have spans, too" {
	ids 20 >in
	go 0 pfanout --trace-file a -F cat <in
	run -0 /usr/bin/python3 "$SPANS" check a
	[ "$output" = 'spans 21 runs 1 roots 21 traces 20' ]
	go 0 pfanout --trace-file b -k -j 3 cat <in
	[ "$(list b | grep -c ' processed attempt order output$')" -eq 20 ]
	go 0 pfanout --trace-file c --key .id -j 3 cat <in
	[ "$(list c | grep -c ' processed attempt output$')" -eq 20 ]
	go 0 pfanout --trace-file d --to x.ndjson --to y.ndjson <in
	[ "$(list d | grep -c ' processed')" -eq 20 ]
	[ "$(cat x.ndjson y.ndjson | wc -l)" -eq 20 ]
	go 0 pfanout --trace-file e --rate 1000/s,1 cat <in
	[ "$(list e | grep -c ' processed rate attempt output$')" -ge 5 ]
	go 0 pratelimit --trace-file f -r 1000/s -B 1 <in
	[ "$(list f | grep -c ' processed rate output$')" -ge 5 ]
}

@test "trace: the environment decides where no option does" {
	printf '{"id":1}\n' >in
	OTEL_TRACES_EXPORTER=otlp go 0 pfanout <in
	has out traceparent
	[ "$(cat run/*.spans | wc -l)" -ge 1 ]
	OTEL_TRACES_EXPORTER=otlp go 0 pfanout --trace=off <in
	cmp in out
	OTEL_TRACES_EXPORTER=none go 0 pfanout <in
	cmp in out
	OTEL_TRACES_EXPORTER=zipkin go 0 pfanout <in
	cmp in out
	has err 'OTEL_TRACES_EXPORTER: "zipkin" is none of otlp, console and none, ignored'
	OTEL_TRACES_EXPORTER=zipkin go 0 pfanout --trace=off <in
	[ ! -s err ]
	OTEL_SDK_DISABLED=true go 0 pfanout --trace --trace-file spans <in
	cmp in out
	OTEL_TRACES_EXPORTER=console go 0 pfanout <in
	has err '{"resourceSpans":['
	OTEL_TRACES_SAMPLER=sometimes go 0 pfanout --trace <in
	has err OTEL_TRACES_SAMPLER
	has out traceparent
	OTEL_SERVICE_NAME=shop OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test go 0 pfanout --trace-file spans <in
	list spans | grep -q '^shop '
	has spans '"deployment.environment.name"'
}

@test "trace: no place for spans, and options that make no sense" {
	printf '{"id":1}\n' >in
	PCHAN_METRICS=off go 0 pfanout --trace <in
	cmp in out
	has err 'nothing is traced: '
	has err '--trace-file'
	go 2 pfanout --trace-file /no/such/file <in
	has err 'span file /no/such/file: No such file'
	mkfifo unread
	go 2 pfanout --trace-file unread <in
	has err 'span file unread: nobody reads this pipe'
	go 2 pfanout --trace=off --trace-file spans <in
	has err '--trace=off'
	go 2 pfanout --trace=all <in
	has err 'expected off, run or records'
	go 2 pfanout --trace-file out <in
	has err 'out'
}

@test "trace: a full disk costs spans, not records" {
	ids 100 >in
	go 0 pfanout -q --trace-file /dev/full <in
	[ "$(wc -l <out)" -eq 100 ]
	has err 'spans could not be written to /dev/full: No space left on device; 101 of 101 are lost'
}

@test "trace: letters that a worker prints keep every byte" {
	printf '{"id":1}\n' >in
	go 1 pfanout -q -- sed -u 's/.*/!no/' <in
	mv out letter
	go 0 pfanout --trace-file spans -- sh -c 'while read -r x; do cat letter; done' <in
	cmp letter out
	go 0 pfanout --trace-file spans -x -- sh -c 'cat letter; echo "{\"id\":2}"' <in
	head -n 1 out | cmp letter
	sed -n 2p out | grep '^{"id":2,"traceparent":"00-'
}

@test "trace: a record without room for a context is told, and passes" {
	printf '{"id":1}\n{"id":2,"text":"%032d"}\n[3]\n' 1 >in
	go 0 pfanout -k --max-record 90 --trace-file spans <in
	has err '2 records were not traced: only a JSON object can carry a trace context, and --max-record has no room for some'
	grep -c traceparent out | grep -x 1
	sed -n '2,3p' in | cmp - <(sed -n '2,3p' out)
	sed -n 2p in >long
	go 0 pfanout --max-record 90 --trace-file spans <long
	has err '1 record was not traced: --max-record has no room for a trace context'
	cmp long out
}

@test "trace: the reader goes away: the run's span says SIGPIPE, and is no error" {
	yes '{"id":1}' | pfanout --trace-file spans | head -n 1 >out
	jq -r '.resourceSpans[].scopeSpans[].spans[] | select(.kind == 1) |
		(.status.code // 0), (.attributes[] | select(.key == "pchan.signal" or .key == "process.exit.code").value.stringValue)' spans >seen
	diff seen <(printf '0\nSIGPIPE\n')
}

@test "trace: spans that made room for later ones were there only once" {
	# Two files of 8 MiB have room for 40000 spans at most.
	ids 50000 >in
	OTEL_BSP_MAX_QUEUE_SIZE=100000 go 0 pfanout --trace <in
	has err ' of 50001 spans were dropped'
}

@test "trace: --to: a pipe says that its records have been decided about" {
	ids 20 >in
	mkfifo end
	OTEL_TRACES_SAMPLER=always_off go 0 pfanout --trace-file a --to >(pfanout --trace-file b >out2; echo >end) <in
	read -r <end
	cmp in out2
}

@test "trace: --to: no record is written to the span file" {
	mkdir dir
	printf '{"id":"spans"}\n{"id":2}\n' >in
	go 1 pfanout --trace-file dir/spans -d dead --to 'dir/{.id}' <in
	has dead '"message":"spans: it is standard input, standard output, a dead-letter file or the span file"'
	[ "$(list dir/spans | grep -c process_)" -eq 2 ]
}
