#!/usr/bin/env bats
# pmetrics serve, over HTTP.

load ../support/helpers
load ../support/streams
load ../support/http

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	command -v curl >/dev/null || skip "curl is not installed"
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	server='' url='' port=''
}

teardown() {
	[ -z "$server" ] || {
		kill -TERM "$server"
		ends 0
	}
}

# type PATTERN: the Content-Type.
type() {
	grep -i '^content-type: ' head
	grep -iqx "content-type: $1"$'\r' head
}

@test "serve: the metrics, in the format that is asked for" {
	ids 100 | pfanout -q -n a >/dev/null
	serve
	ask 200 /metrics
	type 'text/plain; version=0.0.4; charset=utf-8'
	grep -q '^pipeline_received_total{stage="a",tool="pfanout"} 100$' body
	grep -q '^process_resident_memory_bytes [1-9]' body
	grep -q '^process_cpu_seconds_total [0-9]' body
	lacks body EOF
	ask 200 -H 'Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1' /metrics
	type 'application/openmetrics-text; version=1.0.0; charset=utf-8'
	[ "$(tail -n 1 body)" = '# EOF' ]
	ask 200 -H 'Accept: application/openmetrics-text;version=2.0.0,text/plain;q=0.1' /metrics
	type 'text/plain; version=0.0.4; charset=utf-8'
	"$STUBS/metrics-parse" prometheus <body >/dev/null || [ $? -eq 3 ]
}

@test "serve: openmetrics passes the strict parser, promtool takes the text" {
	serve
	ask 200 -H 'Accept: application/openmetrics-text' /metrics
	"$STUBS/metrics-parse" openmetrics <body >/dev/null || [ $? -eq 3 ]
	needs promtool
	ask 200 /metrics
	promtool check metrics <body
}

@test "serve: the other pages" {
	serve
	for path in /-/healthy /-/ready; do
		ask 200 $path
		type 'text/plain; charset=utf-8'
	done
	ask 200 /
	type 'text/html; charset=utf-8'
	grep -q 'href="/metrics"' body
	for path in /x /metrics/ /-/ /metricsx /-/healthy/x; do
		ask 404 "$path"
	done
	ask 200 '/metrics?name[]=x'
	ask 200 /-/%72eady
}

@test "serve: HEAD has the headers only" {
	ids 100 | pfanout -q -n a >/dev/null
	serve
	for path in / /metrics /-/ready; do
		ask 200 --head "$path"
		grep -iq '^content-length: [1-9]' head
	done
	ask 404 --head /x
}

@test "serve: gzip for who takes it" {
	ids 100 | pfanout -q -n a >/dev/null
	serve
	ask 200 -H 'Accept-Encoding: gzip;q=0.5' /metrics
	grep -iq '^content-encoding: gzip' head
	grep -iq '^vary: .*accept-encoding' head
	gzip -dc <body >plain
	grep -q '^pipeline_received_total{stage="a",tool="pfanout"} 100$' plain
	[ "$(wc -c <body)" -lt $(($(wc -c <plain) / 4)) ]
	for value in identity 'gzip;q=0' br; do
		ask 200 -H "Accept-Encoding: $value" /metrics
		tr '[:upper:]' '[:lower:]' <'head' >lower
		lacks lower content-encoding
		grep -q '^pipeline_received_total' body
	done
	ask 200 --head -H 'Accept-Encoding: gzip' /metrics
	grep -iq '^content-encoding: gzip' head
}

@test "serve: no method but GET and HEAD, with or without a body" {
	serve
	for method in POST PUT DELETE OPTIONS PATCH TRACE FOO; do
		ask 405 -X $method /metrics
		grep -ix $'allow: GET, HEAD\r' head
	done
	ask 405 -d abc /metrics
	head -c 60000 /dev/zero >data
	ask 405 --data-binary @data /metrics
	ask 405 -H 'Transfer-Encoding: chunked' --data-binary @data /x
	ask 200 -X GET --data-binary @data /metrics
	ask 200 /metrics
}

@test "serve: what is too large is refused" {
	serve
	head -c 100000 /dev/zero >data
	ask 413 --data-binary @data /metrics
	ask 413 -X GET -H 'Expect: 100-continue' --data-binary @data /metrics
	ask 431 -H "X: $(printf 'a%.0s' {1..40000})" /metrics
	ask 414 "/$(printf 'a%.0s' {1..40000})"
	# Without a length: the connection ends.
	head -c 10000000 /dev/zero | curl -sS -m 20 -H 'Transfer-Encoding: chunked' --data-binary @- "$url/" >body 2>&1 || true
	ask 200 /metrics
}

# connect FD: opens a connection to the server.
connect() {
	eval "exec $1<>/dev/tcp/127.0.0.1/$port"
}

@test "serve: garbage gets 400 or nothing, and others are served" {
	serve
	for text in 'garbage' 'GET' 'GET /metrics' 'GET /metrics HTTP/9.9' $'\x16\x03\x01\x02' 'GET  /  HTTP/1.1' $'GET / HTTP/1.1\r\nContent-Length: -1' $'GET / HTTP/1.1\r\nA B: C' ': :' "$(head -c 3000 /dev/urandom | tr -d '\0')"; do
		connect 9
		(printf '%s\r\n\r\n' "$text" >&9) 2>/dev/null || true
		timeout 0.02 cat <&9 >answer 2>/dev/null || true
		exec 9>&-
		ask 200 /-/healthy
	done
	lines err 1
}

@test "serve: idle clients and those that stall hold up nobody" {
	ids 1 | pfanout -q -n a >/dev/null
	serve
	for i in {100..159}; do
		connect "$i"
	done
	# These get an answer that they don't read, or never end their request.
	for i in {100..119}; do
		for _ in {1..5}; do
			printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' >&"$i"
		done
	done
	for i in {120..139}; do
		printf 'GET /metrics HTTP/1.1\r\nHost:' >&"$i"
	done
	for _ in 1 2 3; do
		ask 200 -m 5 /metrics
	done
	kill -TERM "$server"
	ends 0
	for i in {100..159}; do
		eval "exec $i>&-"
	done
}

@test "serve: more clients than descriptors: answers are whole, and all are served later" {
	ids 1 | pfanout -q -n a >/dev/null
	limit=$(ulimit -Sn)
	ulimit -Sn 40
	serve
	ulimit -Sn "$limit"
	connect 100
	ask 200 /-/ready # and so the first one is in
	for i in {101..140}; do
		connect "$i"
	done
	printf 'GET /metrics HTTP/1.0\r\n\r\n' >&100
	timeout 20 cat <&100 >body
	grep -q '^pipeline_received_total{stage="a",tool="pfanout"} 1$' body
	for i in {100..140}; do
		eval "exec $i>&-"
	done
	ask 200 -m 5 /metrics
}

@test "serve: who cannot look says so, and does not say that no stage runs" {
	ids 1 | pfanout -q -n a >/dev/null
	limit=$(ulimit -Sn)
	ulimit -Sn 10
	serve
	ulimit -Sn "$limit"
	for path in /metrics / /api/v1/pipelines; do
		ask 500 "$path"
		has body 'Too many open files'
	done
}

@test "serve, textfile: metrics are off" {
	PCHAN_METRICS=off serve
	wait_until grep -qx 'pmetrics: serve: $PCHAN_METRICS is off, so no stage will be found' err
	ask 200 /metrics
	go 0 env PCHAN_METRICS=off pmetrics textfile --once .
	has err 'textfile: $PCHAN_METRICS is off'
	lines err 1
	go 0 pmetrics textfile --once .
	lines err 0
}

@test "serve: as many clients as can be, and all end at once" {
	limit=$(ulimit -Sn)
	ulimit -Sn 40 # 16 connections
	serve
	ulimit -Sn "$limit"
	for i in {100..115}; do
		connect "$i"
		printf 'GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n' >&"$i"
		read -r -t 20 _ <&"$i"
	done
	kill -STOP "$server"
	for i in {100..115}; do
		eval "exec $i>&-"
	done
	kill -CONT "$server"
	ask 200 -m 5 /metrics
}

@test "serve: several addresses, and another path" {
	serve --web.listen-address 'localhost:0' --web.listen-address :0 --web.telemetry-path /m/x.y
	lines err 3
	while read -r address; do
		[[ $address == *:[1-9]*/m/x.y ]]
		[ "$(curl -sS -m 20 -o /dev/null -w '%{http_code}' "$address")" = 200 ]
	done < <(sed 's/.*listening on //' err)
	ask 404 /metrics
	ask 200 /
	grep -q 'href="/m/x.y"' body
}

@test "serve: IPv6" {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip "no IPv6 here"
	serve --web.listen-address '[::1]:0' --web.listen-address :0
	grep -q 'http://\[::1\]:' err
	[ "$(curl -sS -m 20 -o /dev/null -w '%{http_code}' "$(sed -n '2s/.*listening on //p' err)")" = 200 ]
	all=$(sed -n '3s|.*listening on http://localhost:\(.*\)|\1|p' err)
	for host in 127.0.0.1 '[::1]'; do
		[ "$(curl -sS -m 20 -o /dev/null -w '%{http_code}' "http://$host:$all")" = 200 ]
	done
}

@test "serve: a port that is taken, a bad address: one line, status 2" {
	serve
	go 2 pmetrics serve --web.listen-address "127.0.0.1:$port"
	lines err 1
	has err "cannot listen on 127.0.0.1:$port: Address already in use"
	# The first one is not told either.
	go 2 pmetrics serve --web.listen-address 127.0.0.1:0 --web.listen-address "127.0.0.1:$port"
	lines err 1
	for address in '' 9464 127.0.0.1 127.0.0.1: 127.0.0.1:x 127.0.0.1:65536 127.0.0.1:-1 ::1:9464 '[::1]' '[]:1' '[::1:1' a:b:1 "$(printf 'a%.0s' {1..300}):1"; do
		go 2 pmetrics serve --web.listen-address "$address"
		lines err 1
		has err 'expected HOST:PORT'
	done
	go 2 pmetrics serve --web.listen-address no-such-host.invalid:0
	has err 'cannot listen on no-such-host.invalid:0'
	for path in '' metrics '/a b' '/a"b' '/<b>' '/a?b' /ü /-/healthy /-/ready /api/v1/pipelines; do
		go 2 pmetrics serve --web.telemetry-path "$path"
		lines err 1
	done
	go 2 pmetrics serve x
	ask 200 /metrics
}

@test "serve: INT, TERM and HUP end it with 0" {
	for signal in INT TERM HUP; do
		rm -f err
		env --default-signal pmetrics serve --web.listen-address 127.0.0.1:0 2>err 3>&- &
		server=$!
		wait_until grep -q listening err
		kill "-$signal" "$server"
		ends 0
		lines err 1
	done
}

@test "serve: a stage can be seen while it runs" {
	serve
	mkfifo in
	pfanout -q -n live <in >/dev/null &
	exec 9>in
	ids 5 >&9
	live() {
		ask 200 /metrics && grep -q '^pipeline_processed_total{stage="live",tool="pfanout"} 5$' body
	}
	wait_until live
	grep -q '^pipeline_held{stage="live",tool="pfanout"} 0$' body
	grep -q '^pchan_stat_files{state="live"} 1$' body
	exec 9>&-
	wait $!
	ask 200 /metrics
	grep -q '^pipeline_exits_total{stage="live",tool="pfanout",reason="ok"} 1$' body
	lacks body pipeline_held
}
