#!/usr/bin/env bats
# The page of pmetrics serve, and the JSON that it shows.

load ../support/helpers
load ../support/background
load ../support/streams
load ../support/http

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
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

IMG='<img src=x onerror=alert(1)>'
ODD='"'\''&amp;</script>@view@'
BYTES=$'\xc3\xa9 \xe6\xbc\xa2\e[31m\xff'
TAMED='é 漢?[31m?'

# Three stages behind a cat, which waits for fd 8: two records went through, and
# one failed.
pipeline() {
	start bash -c 'cat | pfanout -q -n "$1" -d dead | pfanout -q -n "$2" | pfanout -q -n "$3"' \
		- "$IMG" "$ODD" "$BYTES"
	printf '%s\n' 1 oops 3 >&8
	wait_until grep -q 3 out
}

end_pipeline() {
	exec 8>&-
	ends_with 0
}

# The hash of an element of page.json, as the policy has it.
policy_has() {
	has head "$1 '$(jq -r ".\"${1%%-*}\"" page.json)'"
}

# browse: what Chromium makes of the page: page.json, and console, what it said.
browse() {
	HOME=$PWD timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
		--user-data-dir="$PWD/profile" --enable-logging=stderr --window-size=1280,800 \
		--virtual-time-budget=500 --dump-dom "$1" >dom 2>console 3>&- 8>&-
	python3 "$SUPPORT/page.py" dom >page.json
}

# The server has looked often enough for a verdict.
is_measured() {
	ask 200 /api/v1/pipelines
	jq -e 'all(.pipelines[]; .verdict.text != "measuring")' body
}

SUPPORT=$BATS_TEST_DIRNAME/../support

@test "page: headers, HEAD, and a policy for nothing but its own style and script" {
	serve
	ask 200 /
	grep -iqx $'content-type: text/html; charset=utf-8\r' head
	grep -iqx $'x-content-type-options: nosniff\r' head
	grep -iqx $'referrer-policy: no-referrer\r' head
	grep -iqx $'cache-control: no-store\r' head
	python3 "$SUPPORT/page.py" body >page.json
	grep -i '^content-security-policy: ' head | tr -d '\r' >policy
	[ "$(cat policy)" = "Content-Security-Policy: default-src 'none'; style-src '$(jq -r .style page.json)'; script-src '$(jq -r .script page.json)'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" ]
	[ "$(stat -c %s body)" -lt 24576 ]
	curl -sSI -o head2 "$url/"
	grep -v '^Date' head >head1
	grep -v '^Date' head2 | diff head1 -
	[ "$(jq -c .h2 page.json)" = '["No stage runs"]' ]
	ask 405 -X POST /
	ask 405 -X DELETE /api/v1/pipelines
}

@test "page: the API gives JSON, to no other site" {
	pipeline
	serve
	ask 200 -H 'Origin: http://evil.example' /api/v1/pipelines
	grep -iqx $'content-type: application/json\r' head
	grep -iqx $'cache-control: no-store\r' head
	lacks head -i access-control
	jq -e '.window == 10 and .files.live == 3' body
	jq -c '[.pipelines[].parts[] | select(.kind == "stage") | .name] | sort' body >names
	jq -nc '$ARGS.positional | sort' --args "$IMG" "$ODD" "$TAMED" | diff - names
	jq -e '[.pipelines[].parts[].totals | values |
		.received == .processed + .filtered + ([.failed[]] | add)] | all' body
	end_pipeline
}

@test "page: a loopback address answers to its own names only, but for the metrics" {
	serve --web.listen-address 127.0.0.2:0 --web.listen-address :0
	for host in localhost localhost:1 127.0.0.1 "127.0.0.1:$port" '[::1]' "[::1]:$port"; do
		ask 200 -H "Host: $host" /
		ask 200 -H "Host: $host" /api/v1/pipelines
	done
	for host in evil.example "evil.example:$port" localhost.evil.example 127.0.0.2 '[::1'; do
		ask 403 -H "Host: $host" /
		has body 'use localhost'
		ask 403 -H "Host: $host" /api/v1/pipelines
		ask 200 -H "Host: $host" /metrics
		ask 200 -H "Host: $host" /-/healthy
	done
	url=$(sed -n '2s|.*\(http://[^/]*\)/.*|\1|p' err)
	ask 200 /
	ask 403 -H 'Host: evil.example' /
	url=$(sed -n '3s|.*\(http://[^/]*\)/.*|\1|p' err)
	ask 200 -H 'Host: any.example' /
}

@test "page: without JavaScript it has the moment, and names are text" {
	pipeline
	serve --web.telemetry-path /numbers
	ask 200 /
	has body '<a href="/numbers">metrics</a>'
	python3 "$SUPPORT/page.py" body >page.json
	jq -e '.handlers == [] and (.tags | contains(["img"]) | not)' page.json
	jq -r '.parts[]' page.json >parts
	grep -qxF "$IMG" parts
	grep -qxF "$ODD" parts
	grep -qxF "$TAMED" parts
	# The same rows as with it.
	ask 200 /api/v1/pipelines
	jq -c '[.pipelines[].parts[] | select(.kind != "file") | .name]' body |
		diff - <(jq -c .parts page.json)
	[ "$(jq -c .failures page.json)" = "$(jq -nc '$ARGS.positional' --args "Failed in $IMG: 1 invalid")" ]
	end_pipeline
}

@test "page: in a browser it shows what the JSON says, or that the server is gone" {
	needs chromium
	pipeline
	serve
	ask 200 / # the server begins to watch
	pmetrics print --format json >view 3>&- 8>&- &
	printer=$!
	# The same page from a server that has no API.
	cp body index.html
	python3 -u -m http.server --bind 127.0.0.1 0 >log 2>&1 3>&- 8>&- &
	wait_until grep -q Serving log
	browse "http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\).*/\1/p' log)/"
	kill $!
	[ "$(jq -c .status page.json)" = '["The server is gone."]' ]
	[ "$(jq -c .h2 page.json)" = '["measuring"]' ]
	jq -e --arg name "$IMG" '.parts | index([$name])' page.json

	wait "$printer"
	wait_until is_measured
	browse "$url/"
	jq . page.json
	# The same parts, verdicts and links.
	jq -c '[.pipelines[].parts[].name]' view | diff - <(jq -c '.boxes' page.json)
	jq -c '[.pipelines[].parts[] | select(.kind != "file") | .name]' view |
		diff - <(jq -c '.parts' page.json)
	jq -c '[.pipelines[].verdict.text | sub("[.]( .*)?$"; "")]' view | diff - <(jq -c '.h2' page.json)
	[ "$(jq '[.pipelines[].links[]] | length' view)" = "$(jq .wires page.json)" ]
	jq -e '.status[0] | startswith("live, ")' page.json
	# The numbers that stand still: what is held, and what failed.
	jq -c '[.pipelines[].parts[] | select(.kind == "stage") |
		[.held, ([.totals.failed[]] | add) | tostring]]' view |
		diff - <(jq -c '[.rows[] | select(length == 10) | [.[5], .[9]]]' page.json)
	[ "$(jq -c .failures page.json)" = "$(jq -nc '$ARGS.positional' --args "Failed in $IMG: 1 invalid")" ]
	# Names are text, nothing was refused, and no error was made.
	jq -e '.handlers == [] and (.tags | contains(["img"]) | not)' page.json
	lacks console CONSOLE
	end_pipeline
}
