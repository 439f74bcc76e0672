#!/usr/bin/env bats
# pmetrics ship: spans to a collector.

load ../support/helpers
load ../support/streams
load ../support/collector
url='' collector=''

# Files.

@test "ship: wrong command lines" {
	go 2 pmetrics ship --interval 1s x
	has err '--interval does not go with a FILE: files are shipped once'
	go 2 pmetrics ship --once x
	go 2 pmetrics ship --once --interval 1s
	go 2 pmetrics ship --once -- true
	has err '--once'
	go 2 pmetrics ship x -- true
	go 2 pmetrics ship --
	has err 'a command is needed'
	go 2 pmetrics ship --endpoint localhost:4318 x
	has err '--endpoint: localhost:4318: not a URL such as http://localhost:4318'
	go 2 pmetrics ship --endpoint http:// x
	go 2 env OTEL_EXPORTER_OTLP_ENDPOINT=ftp://x pmetrics ship x
	has err 'OTEL_EXPORTER_OTLP_ENDPOINT: ftp://x'
	go 2 pmetrics ship ./missing
	has err './missing: No such file'
}

@test "ship: files: each span once, over one connection" {
	collector
	"$STUBS/spans" 1 5000 >a
	"$STUBS/spans" 5001 9000 100 >b
	"$STUBS/spans" 9001 9100 1 >c
	go 0 pmetrics ship --endpoint "$url" -v a - b <c
	each_once 1 9100
	[ "$(jq .connection log | sort -u)" = 0 ]
	[ "$(jq -r .path log | sort -u)" = /v1/traces ]
	[ "$(jq -r '.headers["Content-Type"]' log | sort -u)" = application/json ]
	at_least log 2
	lines err 1
	has err "spans: sent 9100, rejected 0, left 0; requests $(wc -l <log)"
	[ -s a ] && [ -s b ]
	[ -z "$(ls -A run)" ]
}

@test "ship: files: what is no line of spans is left out, and told once" {
	collector
	{
		"$STUBS/spans" 1 10
		echo '{"resourceSpans":7}'
		echo oops
		echo
		echo '{"resourceSpans":[]}'
		echo '[]'
		"$STUBS/spans" 11 20 | tr -d '\n'
	} >a
	go 1 pmetrics ship --endpoint "$url" a
	each_once 1 20
	lines err 1
	has err './a: a line' || has err 'a: a line is no export request'
	mkdir d
	go 2 pmetrics ship --endpoint "$url" d
	has err 'd: Is a directory'
	: >empty
	go 0 pmetrics ship --endpoint http://127.0.0.1:1 empty
}

# What the environment says.

@test "ship: endpoints, headers and compression from the environment" {
	collector
	"$STUBS/spans" 1 100 >a
	go 0 env OTEL_EXPORTER_OTLP_ENDPOINT="$url/" pmetrics ship a
	go 0 env OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="$url/x/y" \
		OTEL_EXPORTER_OTLP_HEADERS='no=1' OTEL_EXPORTER_OTLP_TRACES_HEADERS='api-key=a%20b%3D%2c , x = y,empty=' \
		OTEL_EXPORTER_OTLP_COMPRESSION=gzip pmetrics ship a
	go 0 env OTEL_EXPORTER_OTLP_ENDPOINT="$url/base" OTEL_EXPORTER_OTLP_TRACES_ENDPOINT= pmetrics ship a
	[ "$(jq -r .path log | xargs)" = '/v1/traces /x/y /base/v1/traces' ]
	[ "$(sed -n 2p log | jq -r '.headers | .["api-key"], .x, .empty, .no, .["Content-Encoding"]' | tr '\n' '|')" = 'a b=,|y||null|gzip|' ]
	[ "$(taken)" -eq 300 ]
	lines err 0
}

@test "ship: bad values in the environment are told, and ignored" {
	collector
	"$STUBS/spans" 1 100 >a
	go 0 env OTEL_EXPORTER_OTLP_HEADERS='secret' OTEL_EXPORTER_OTLP_TIMEOUT=soon OTEL_EXPORTER_OTLP_COMPRESSION=zip \
		OTEL_EXPORTER_OTLP_PROTOCOL=grpc pmetrics ship --endpoint "$url" a
	[ "$(taken)" -eq 100 ]
	lines err 4
	lacks err secret
	has err 'OTEL_EXPORTER_OTLP_PROTOCOL: grpc: there is only http/json'
	has err 'OTEL_EXPORTER_OTLP_TIMEOUT: soon'
	# A header can't bring others along.
	go 0 env OTEL_EXPORTER_OTLP_HEADERS='a=b%0d%0ac:d' pmetrics ship --endpoint "$url" a
	has err 'OTEL_EXPORTER_OTLP_HEADERS: not key=value'
}

@test "ship: TLS, with the certificate of an authority of our own" {
	needs openssl
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
		-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2>openssl.err
	cat cert.pem key.pem >both.pem
	TLS=both.pem collector
	"$STUBS/spans" 1 100 >a
	go 1 pmetrics ship --endpoint "$url" --grace 0 a
	has err certificate
	go 0 env OTEL_EXPORTER_OTLP_CERTIFICATE="$PWD/cert.pem" pmetrics ship --endpoint "$url" a
	each_once 1 100
	go 1 env OTEL_EXPORTER_OTLP_CERTIFICATE="$PWD/missing.pem" pmetrics ship --endpoint "$url" --grace 0 a
	has err missing.pem
}

@test "ship: without libcurl a message says what is needed" {
	no_sanitizer
	mkdir lib
	echo 'no library' >lib/libcurl.so.4
	: >a
	go 2 env LD_LIBRARY_PATH="$PWD/lib" pmetrics ship a
	has err 'libcurl is needed (Debian: libcurl4)'
	LD_LIBRARY_PATH="$PWD/lib" pmetrics --version
	ldd "$(command -v pmetrics)" >libraries
	lacks libraries curl
}

# Answers.

@test "ship: 400 rejects spans for good, and is told once" {
	collector 400
	"$STUBS/spans" 1 9000 >a
	go 1 pmetrics ship --endpoint "$url" a
	lines err 2
	has err '9000 spans were rejected in all'
	rm log
	kill "$collector"
	collector 400
	go 1 pmetrics ship --endpoint "$url" -v a
	lines err 2
	has err '400 Bad Request: as told: 400'
	has err "spans: sent 0, rejected 9000, left 0; requests $(wc -l <log)"
	at_least log 2
}

@test "ship: 429 and 503 are tried again, after the time that they ask for" {
	collector 429:1 503 502 504 200
	"$STUBS/spans" 1 100 >a
	go 0 pmetrics ship --endpoint "$url" -v a
	each_once 1 100
	lines err 3
	has err '429 Too Many Requests'
	has err 'the 100 spans that waited are sent'
	has err 'requests 5'
	jq -s -e 'map(.at) | .[1] - .[0] >= 1 and .[4] - .[0] < 6' log
}

@test "ship: a collector that throttles again and again is told about once" {
	collector 429:0 200 429:0 200 503 200 429:0 200
	"$STUBS/spans" 1 20000 >a
	go 0 pmetrics ship --endpoint "$url" -v a
	each_once 1 20000
	lines err 3
	has err 'the 20000 spans that waited are sent'
}

@test "ship: a partial success is counted and told, and nothing is sent again" {
	collector 200:partial=3 200:partial=3 200
	"$STUBS/spans" 1 9000 >a
	go 1 pmetrics ship --endpoint "$url" -v a
	lines err 2
	has err '3 spans rejected: some are bad'
	has err 'sent 8994, rejected 6, left 0'
}

@test "ship: rubbish in a 200 is a success; no HTTP, and a closed connection, are not" {
	collector 200:rubbish
	"$STUBS/spans" 1 100 >a
	go 0 pmetrics ship --endpoint "$url" a
	lines err 0
	each_once 1 100
	kill "$collector"
	collector 0:close 0:rubbish 200
	go 0 pmetrics ship --endpoint "$url" a
	lines err 2
	[ "$(wc -l <log)" -eq 3 ]
	each_once 1 100
}

@test "ship: a slow collector is waited for, one that hangs is tried again" {
	collector 200:slow 0:hang 200
	"$STUBS/spans" 1 4000 >a
	go 0 env OTEL_EXPORTER_OTLP_TIMEOUT=600 pmetrics ship --endpoint "$url" -v a
	each_once 1 4000
	grep -q 'no answer in 0\.[6-9] s' err
	has err 'sent 4000, rejected 0, left 0'
}

@test "ship: where nobody answers, files are given up after the grace" {
	"$STUBS/spans" 1 100 >a
	go 1 pmetrics ship --endpoint http://127.0.0.1:1 --grace 300ms a
	has err '127.0.0.1 port 1'
	has err '100 spans are not taken'
	lines err 2
	# A name and a password are not shown.
	go 1 pmetrics ship --endpoint http://me:secret@127.0.0.1:1 --grace 0 a
	lacks err secret
}

@test "ship: a real receiver gets as many spans" {
	receiver
	"$T/unit/t_otlp" print >a
	"$STUBS/spans" 1 5000 >b
	go 0 pmetrics ship --endpoint "$url" -v a b
	got_all() { [ "$(awk '{ n += $2 } END { print n }' received)" -eq 6000 ]; }
	wait_until got_all
	has err 'sent 6000, rejected 0, left 0'
}

# Metrics.

# sample METRIC STAGE: the value of the data point of this stage in the last
# request that had metrics.
sample() {
	jq -s -r --arg metric "$1" --arg stage "$2" 'map(select(.path == "/v1/metrics")) | last |
		.body.resourceMetrics[].scopeMetrics[].metrics[] | select(.name == $metric) |
		(.sum // .gauge).dataPoints[] |
		select(.attributes | any(.key == "stage" and .value.stringValue == $stage)) |
		.asInt // .asDouble' log
}

@test "ship: with OTEL_METRICS_EXPORTER=otlp the numbers of all stages, too" {
	collector
	export OTEL_METRICS_EXPORTER=otlp
	go 0 pmetrics ship --once --endpoint "$url"
	[ ! -s log ]
	ids 100 | pfanout -n a -j 2 -- cat >/dev/null
	go 0 env OTEL_SERVICE_NAME=jobs OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test \
		OTEL_EXPORTER_OTLP_METRICS_HEADERS=x=y pmetrics ship --once --endpoint "$url"
	lines err 0
	lines log 1
	[ "$(sample pipeline_received a)" = 100 ]
	[ "$(sample pipeline_processed a)" = 100 ]
	jq -e '.path == "/v1/metrics" and .headers.x == "y"' log
	jq -e '.body.resourceMetrics[0].resource.attributes | map({(.key): .value.stringValue}) | add |
		.["service.name"] == "jobs" and .["deployment.environment"] == "test" and .["host.name"] != null' log
	# Counters have a start, which does not move, and grow from there.
	ids 50 | pfanout -n a -j 2 -- cat >/dev/null
	go 0 pmetrics ship --once --endpoint "$url"
	[ "$(sample pipeline_received a)" = 150 ]
	[ "$(jq '.body | .. | .startTimeUnixNano? // empty' log | sort -u | wc -l)" -eq 1 ]
	jq -e '[.body | .. | objects | select(has("startTimeUnixNano"))] |
		all((.startTimeUnixNano | tonumber) <= (.timeUnixNano | tonumber)) and length > 10' log
	# All families of print, and no others.
	pmetrics print | sed -n 's/^# TYPE \(.*\) .*/\1/p' | sed 's/_total$//' | sort >families
	sed -n 2p log | jq -r '.body.resourceMetrics[].scopeMetrics[].metrics[].name' | sort | diff families -
	OTEL_METRICS_EXPORTER=none go 0 pmetrics ship --once --endpoint "$url"
	lines log 2
}

@test "ship: metrics go out at each interval, and once more at the end" {
	collector
	ids 10 | pfanout -n a >/dev/null
	OTEL_METRICS_EXPORTER=console,otlp OTEL_METRIC_EXPORT_INTERVAL=100 ship
	wait_until got_requests 3
	ids 10 | pfanout -n a >/dev/null
	ship_ends 0
	[ "$(sample pipeline_received a)" = 20 ]
	lines err 0
	# A command's: those of its own stages.
	OTEL_METRICS_EXPORTER=otlp go 0 pmetrics ship --endpoint "$url" -- sh -c 'seq 7 | pfanout -n b >/dev/null'
	[ "$(sample pipeline_received b)" = 7 ]
	[ -z "$(sample pipeline_received a)" ]
}

@test "ship: metrics that are refused, or that nobody takes" {
	collector 503 400 200
	ids 10 | pfanout -n a >/dev/null
	export OTEL_METRICS_EXPORTER=otlp
	go 1 pmetrics ship --once --endpoint "$url"
	lines err 3
	has err '503 Service Unavailable: as told: 503; newer numbers will follow'
	grep -q '400 Bad Request: as told: 400; they are not sent again' err
	has err 'data points rejected'
	go 1 pmetrics ship --once --grace 200ms --endpoint http://127.0.0.1:1
	has err 'the numbers were not taken'
}

@test "ship: a real receiver understands the metrics" {
	receiver
	ids 100 | pfanout -n a -j 2 -- cat >/dev/null
	OTEL_METRICS_EXPORTER=otlp go 0 pmetrics ship --once --endpoint "$url"
	wait_until grep -q '^metrics' received
	sed -n 's/^metrics //p' received | jq -e '[.. | objects | select(.name? == "pipeline_latency_seconds")] | length == 1'
	sed -n 's/^metrics //p' received | jq -e '.. | objects | select(.name? == "pipeline_received") | .sum.isMonotonic == true and
		(.sum.dataPoints[0].asInt | tonumber) == 100 and (.sum.aggregationTemporality | tostring | test("CUMULATIVE|2"))'
}
