#!/usr/bin/env bats
# HTTP at both ends: from-http-server, to-http and to-https.

bats_require_minimum_version 1.5.0
load ../support/helpers
load support/servers
load support/tls
load support/http

@test "to-http: a record is a request, as JSON or as text" {
	service
	printf '%s\n' '{"id":1}' '{"id":2' '"\u00e9"' >in
	post parallel=1
	[ "$status" -eq 0 ]
	[ ! -s err ]
	[ "$(cat out)" = "$(printf '\n\n\n')" ]
	[ "$(answers '$')" -eq 3 ]
	jq -e -s 'map(.headers["Content-Type"]) == ["application/json", "text/plain; charset=utf-8", "application/json"]
		and all(.[]; .method == "POST" and .path == "/in?k=v" and (.headers["User-Agent"] | startswith("pchan/")))
		and map(.size) == [8, 7, 8]' log
}

@test "to-http: batches are NDJSON of what has come meanwhile, within their limits" {
	ids 1000 >in
	service slow=0.05
	post 'batch=100&parallel=2'
	[ "$status" -eq 0 ]
	[ "$(answers '$')" -eq 1000 ]
	all_taken 1000
	jq -e -s 'all(.[]; .headers["Content-Type"] == "application/x-ndjson")
		and (map(.ids | length) | max == 100 and length < 30)' log
	service_ends
	rm log
	service
	post 'batch=100&batch-bytes=100'
	all_taken 1000
	jq -e -s 'map(.size) | max <= 100' log
}

@test "to-http: gzip, PUT, headers of a file and of the environment, and an Idempotency-Key" {
	service token=geheim-0123
	printf '%s\n' '# of the service' '' 'X-Test: a: b ' >headers
	printf '%s\n' '{"id":1,"k":"a b"}' '{"id":2,"k":17}' '{"id":3}' '{"id":4,"k":"\n"}' >in
	export PCHAN_HTTP_AUTHORIZATION='Bearer geheim-0123'
	post 'gzip&method=PUT&id=.k&header-file=headers&parallel=1'
	[ "$status" -eq 0 ]
	[ "$(head -n 2 out | tr -d '\n')" = "" ]
	[ "$(answers '!no value')" -eq 1 ]
	[ "$(answers '!the value')" -eq 1 ]
	jq -e -s 'map(.headers["Idempotency-Key"]) == ["a b", "17"] and map(.size) == [18, 15]
		and all(.[]; .method == "PUT" and .headers["Content-Encoding"] == "gzip" and .headers["X-Test"] == "a: b")' log
}

@test "to-http: the context of a record goes on as headers" {
	service
	parent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	printf '%s\n' "{\"id\":1,\"traceparent\":\"$parent\",\"tracestate\":\"a=1\"}" '{"id":2}' >in
	post parallel=1
	jq -e -s --arg p "$parent" '.[0].headers.traceparent == $p and .[0].headers.tracestate == "a=1"
		and (.[1].headers | has("traceparent") | not)' log
}

@test "to-http: what may pass is to be tried again, after the time that the service says" {
	ids 100 >in
	service every=10:429:7
	# The pause of the service is for all requests: it must be short here.
	service_ends
	rm -f log
	service every=10:503
	post
	[ "$status" -eq 0 ]
	[ "$(answers '?503: {"error":  "as told"}')" -eq 10 ]
	[ "$(answers '$')" -eq 90 ]
	service_ends
	rm log
	service first=1:429:1
	head -n 3 in >few && mv few in
	post parallel=1
	[ "$(cat out)" = "$(printf '?1s 429: {"error":  "as told"}\n\n')" ]
	[ "$(answers '$')" -eq 2 ]
}

@test "to-http: a service that fails throughout is left alone, and that is told once" {
	ids 30 >in
	service first=7:500
	post parallel=2
	[ "$status" -eq 0 ]
	[ "$(answers '$')" -eq 23 ]
	[ "$(answers '?500')" -eq 7 ]
	[ "$(grep -c 'trying again' err)" -eq 1 ]
	[ "$(grep -c 'goes on after' err)" -eq 1 ]
	run -1 grep -q 'k=v' err
}

@test "to-http: what the service refuses is rejected, with its answer" {
	ids 20 >in
	service bad=7,11:409
	post
	[ "$status" -eq 0 ]
	[ "$(answers '$')" -eq 18 ]
	[ "$(sed -n '7p;11p' out)" = "$(printf '!409: {"error":  "as told"}\n%.0s' 1 2)" ]
	service_ends
	rm log
	# It has worked before: a redirect and a 404 are the record's.
	service bad=7:307
	post parallel=1
	[ "$(sed -n 7p out)" = '!307: a redirect, which is not followed, to http://elsewhere.invalid/' ]
	[ "$(answers '$')" -eq 19 ]
}

@test "to-http: the record that a batch is refused for is found" {
	ids 500 >in
	service bad=13,14,400:422
	post 'batch=200&parallel=3'
	[ "$status" -eq 0 ]
	[ "$(answers '$')" -eq 497 ]
	[ "$(sed -n '13p;14p;400p' out | grep -c '^!422')" -eq 3 ]
	diff <(seq 500 | grep -vxE '13|14|400') <(taken_ids)
	service_ends
	rm log
	service most=8
	post batch=100
	[ "$(answers '$')" -eq 500 ]
	all_taken 500
}

@test "to-http: a URL that has never worked ends it, and says why" {
	ids 5 >in
	service token=geheim-0123
	PCHAN_HTTP_AUTHORIZATION='Bearer falsch-0123' post
	[ "$status" -eq 2 ]
	[ ! -s out ]
	grep -q "^to-http: $url/in: 401: .*not shown.* check the URL" err
	[ "$(wc -l <err)" -eq 1 ]
	run -1 grep -qE 'falsch|geheim|k=v' err
	service_ends
	service path=/else
	post
	[ "$status" -eq 2 ]
	grep -q "^to-http: $url/in: 404" err
	service_ends
	service first=100:301
	post
	[ "$status" -eq 2 ]
	grep -q '301: a redirect.*elsewhere' err
}

@test "to-http: files and options that are wrong are named" {
	ids 1 >in
	url=http://127.0.0.1:9
	while IFS='|' read -r line want; do
		printf '%b' "$line" >headers
		post header-file=headers
		[ "$status" -eq 2 ]
		grep -q "^to-http: header-file headers, line 2: $want" err
	done <<-'END'
		X: 1\nno colon\n|must be
		X: 1\nName:\n|has no value
		X: 1\nContent-Length: 5\n|is a header that
		X: 1\nA: \001\n|has a control
	END
	post header-file=missing
	[ "$status" -eq 2 ]
	grep -q 'header-file missing: No such file' err
	post 'batch=no'
	[ "$status" -eq 2 ]
	grep -q 'option batch=no: must be' err
	run -2 "$LIBEXEC/to-http"
	run -0 "$LIBEXEC/to-http" --help
}

@test "to-http: the server is away at first, and comes: told once, nothing answered before" {
	ids 200 >in
	port=$(server_port)
	url=http://127.0.0.1:$port
	timeout 50 "$LIBEXEC/to-http" "$url/in" <in >out 2>err 3>&- &
	poster=$!
	pids+=("$poster")
	wait_until grep -q 'trying again' err
	[ ! -s out ]
	service port="$port"
	wait "$poster"
	[ "$(answers '$')" -eq 200 ]
	all_taken 200
	[ "$(wc -l <err)" -eq 2 ]
	grep -q "^to-http: $url/in: .*; trying again" err
	grep -q '^to-http: goes on after' err
}

@test "to-http: the server is killed and comes back, answers break off: nothing is missing" {
	ids 3000 >in
	port=$(server_port)
	service port="$port" close=97
	timeout 55 pfanout -q -j 1 -a 20 --backoff 20ms -- "$LIBEXEC/to-http" "$url/in" <in >out 2>err 3>&- &
	poster=$!
	pids+=("$poster")
	for n in 500 1000 1500; do
		wait_until got_requests "$n"
		service_ends
		service port="$port" close=97
	done
	wait "$poster"
	all_taken 3000
	[ ! -s out ]
}

@test "to-http: it is killed, and what had no answer goes again: nothing is missing" {
	ids 2000 >in
	service
	for n in 1 2 3; do
		mkfifo "fifo$n"
		"$LIBEXEC/to-http" "$url/in" <in >"fifo$n" 2>err 3>&- &
		poster=$!
		pids+=("$poster")
		# It would end when nobody reads its answers.
		exec 6<"fifo$n"
		head -n 200 <&6 >answered
		kill -KILL "$poster"
		wait "$poster" || true
		exec 6<&-
		sed -i "1,$(wc -l <answered)d" in
	done
	post
	all_taken 2000
}

@test "to-http: a request without an answer ends with its time" {
	ids 3 >in
	service hang=2
	post 'parallel=1&timeout=300ms'
	[ "$status" -eq 0 ]
	[ "$(answers '$')" -eq 2 ]
	[ "$(sed -n 2p out | grep -c '^?.*imed out')" -eq 1 ]
}

@test "to-https: a certificate is needed that is trusted, and HTTP goes on over it" {
	needs openssl
	tls_make tls
	ids 100 >in
	service tls="$PWD/tls/server.crt,$PWD/tls/server.key"
	post "cacert=tls/ca.crt&parallel=3"
	[ "$status" -eq 0 ]
	[ "$(answers '$')" -eq 100 ]
	all_taken 100
	post
	[ "$status" -eq 2 ]
	[ "$(wc -l <err)" -eq 1 ]
	grep -qi 'certificate' err
	post cacert=missing.crt
	[ "$status" -eq 2 ]
	grep -q "^to-https: $url/in: .*missing.crt" err
}

@test "from-http-server: NDJSON or a JSON text is taken, and answered when it is done" {
	listen hold="$PWD/hold"
	ask 200 -d '{"id":1}'
	[ "$(cat body)" = '{"records":1}' ]
	printf '{"id":2}\n\n{"id":3}\n' | ask 200 --data-binary @-
	[ "$(cat body)" = '{"records":2}' ]
	printf '{\n"id": 4\n}' | ask 200 -X PUT --data-binary @-
	printf '{"id":5}\n{"id":6}' | gzip | ask 200 -H 'Content-Encoding: gzip' --data-binary @-
	ask 200 -d ''
	[ "$(cat body)" = '{"records":0}' ]
	[ "$(jq -c .id out | xargs)" = '1 2 3 4 5 6' ]
	touch hold
	curl -sS -m 20 -d '{"id":7}' "$url" >held 3>&- &
	client=$!
	pids+=("$client")
	# Another request is answered meanwhile, this one is not.
	ask 400 -d x
	[ ! -s held ]
	kill -0 "$client"
	rm hold
	wait "$client"
	[ "$(cat held)" = '{"records":1}' ]
	stops
	[ "$(wc -l <out)" -eq 7 ]
	grep -q '^stat requests ' out.stat
}

@test "from-http-server: a body with a line that is no JSON is not taken at all" {
	listen
	printf '{"id":1}\nx\n{"id":3}\n{"a"\n' | ask 400 --data-binary @-
	jq -e '.lines == [2, 4] and .bad == 2 and (.error | startswith("line 2: "))' body
	printf '{"id":1}\n{"pchan":"mark/1","to":"000102030405060708090a0b0c0d0e0f","n":1,"w":281474976710656}\n' |
		ask 400 --data-binary @-
	ask 400 -H 'Content-Encoding: gzip' -d 'x'
	ask 200 -d '{"id":9}'
	stops
	[ "$(cat out)" = '{"id":9}' ]
}

@test "from-http-server: what it refuses has its status" {
	listen -- max-body=1K
	base=${url%/in}
	ask 405
	grep -qi '^allow: POST, PUT' head
	ask 415 -H 'Content-Encoding: br' -d 1
	ask 403 -H 'Origin: http://page.example' -d 1
	head -c 2000 /dev/zero | ask 413 --data-binary @-
	head -c 2000 /dev/zero | ask 413 -T -
	head -c 100000 /dev/zero | ask 413 --data-binary @-
	head -c 100000 /dev/zero | gzip | ask 413 -H 'Content-Encoding: gzip' --data-binary @-
	url=$base/other ask 404 -d 1
	ask 200 -d '{"id":1}'
	stops
	[ "$(cat out)" = '{"id":1}' ]
}

@test "from-http-server: with a token" {
	echo 0123456789abcdef >token
	listen -- token-file=token
	ask 401 -d 1
	grep -qi '^www-authenticate: Bearer' head
	ask 401 -H 'Authorization: Bearer 0123456789abcdeF' -d 1
	ask 200 -H 'Authorization: Bearer 0123456789abcdef' -H 'Origin: http://page.example' -d '{"id":1}'
	stops
	[ "$(cat out)" = '{"id":1}' ]
	run -1 grep -q 0123456789 err
}

@test "from-http-server: the context of a request goes into its records" {
	listen
	parent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	printf '{"id":1}\n{"id":2,"traceparent":"00-11111111111111111111111111111111-2222222222222222-00"}\n' |
		ask 200 -H "traceparent: $parent" -H 'tracestate: a=1' --data-binary @-
	jq -e -s --arg p "$parent" '.[0].traceparent == $p and .[0].tracestate == "a=1"
		and (.[1].traceparent | startswith("00-1111"))' out
	stops
}

@test "from-http-server: full is 503 with Retry-After, and nothing is lost or stuck" {
	touch hold
	listen hold="$PWD/hold"
	jq -nc '[range(1; 2001)] | {id: 1, pad: (map("xxxxxxxxxx") | join(""))}' >record
	for n in $(seq 100); do cat record; done >body.in # 2 MB
	for n in 1 2 3 4; do
		curl -sS -m 30 -o "body$n" -w '%{http_code}\n' --data-binary @body.in "$url" >"code$n" 3>&- &
		pids+=("$!")
	done
	is_full() { ask 503 -m 1 -d '{"id":2}'; }
	wait_until is_full
	grep -qi '^retry-after: 1' head
	rm hold
	not_full() { ask 200 -d '{"id":2}'; }
	wait_until not_full
	for n in 1 2 3 4; do
		wait "${pids[$n]}"
	done
	given=$(cat code? | grep -c 200)
	[ "$given" -ge 1 ]
	stops
	[ "$(jq -c 'select(.id == 1)' out | wc -l)" -eq $((given * 100)) ]
}

@test "from-http-server: at the end those who wait get 503, and send again" {
	listen done=no
	curl -sS -m 20 -o answer -w '%{http_code}' -d '{"id":1}' "$url" >code 3>&- &
	client=$!
	pids+=("$client")
	wait_until out_has 1
	stops
	wait "$client"
	[ "$(cat code)" = 503 ]
	run curl -sS -m 5 -d 1 "$url"
	[ "$status" -eq 7 ]
}

@test "from-http-server: a client that leaves, or is slow, takes nothing from others" {
	listen -- 'timeout=1s&connections=8'
	# One sends half, one sends nothing, one trickles its head.
	port=${url##*:} port=${port%/in}
	for n in 1 2 3; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port"
		printf 'POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"id":' >&"$fd"
	done
	exec {slow}<>"/dev/tcp/127.0.0.1/$port"
	printf 'POST /in HT' >&"$slow"
	timeout 30 cat <&"$slow" >got # the server ends the connection
	[ ! -s got ]
	for n in $(seq 20); do
		ask 200 -d "{\"id\":$n}"
	done
	stops
	[ "$(wc -l <out)" -eq 20 ]
}

@test "from-http-server: URLs that are wrong are told" {
	run -2 "$LIBEXEC/from-http-server" 'http-server://127.0.0.1/in?max-bod=1'
	[[ $output == *"'max-body'?"* ]]
	listen
	port=${url##*:} port=${port%/in}
	run -2 "$LIBEXEC/from-http-server" "http-server://127.0.0.1:$port/in"
	[[ $output == *"cannot listen on 127.0.0.1, port $port: "* ]]
	stops
}

@test "HTTP in and out: pfanin, pfanout and to-http, with kills of all of them" {
	ids 4000 >in
	port=$(server_port)
	service every=50:503
	sink=$url
	pipeline() {
		pfanin "http-server://127.0.0.1:$port/in" |
			pfanout -q -j 1 -a 30 --backoff 20ms -- "$LIBEXEC/to-http" "$sink/in" |
			pdeadletter -q -d dead.ndjson >taken
	}
	client() {
		until "$LIBEXEC/to-http" "http://127.0.0.1:$port/in#batch=50" <in >answers 2>>err && ! grep -q . answers; do
			continue
		done
	}
	client 3>&- &
	client=$!
	pids+=("$client")
	for n in 1000 2000 3000; do
		pipeline 2>>err 3>&- &
		pipe=$!
		wait_until got_requests "$n"
		pkill -KILL -P "$pipe"
		wait "$pipe" || true
		wait_until nobody_listens "$port"
	done
	pipeline 2>>err 3>&- &
	pipe=$!
	wait "$client"
	pkill -TERM -P "$pipe" pfanin
	wait "$pipe" || true
	all_taken 4000
	[ ! -s dead.ndjson ]
}
