#!/bin/sh
# Shows the programs at work on 32 lines of an access log, with a worker that
# crashes, hangs and rejects some of them, and with a diamond of filters.  BIN
# says where the programs are.
set -eu
PATH=$(cd "${BIN:-bin}" && pwd):$PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir -m 700 numbers
export PCHAN_RUN_DIR="$dir/numbers"

step() {
	printf '\n* %s\n' "$*"
}

# Thirty-two requests; one line is not JSON.
make_log() {
	n=0
	for path in / /cart /health /search '/item?id=7' /pay /health / /crash /cart /login /search / \
		/health /pay '/item?id=9' /hang / /cart /tea /health /search / '/item?id=3' /crash /pay \
		/logout /health / /cart /search; do
		n=$((n + 1))
		method=GET
		case $path in
		/pay | /login) method=POST ;;
		/tea) method=BREW ;;
		esac
		printf '{"id":%d,"time":"2026-11-23T15:04:%02dZ","ip":"192.0.2.%d","method":"%s","path":"%s","ms":%d}\n' \
			"$n" "$n" $((n * 37 % 200 + 1)) "$method" "$path" $((n * 137 % 900))
		[ "$n" -ne 12 ] || echo 'Nov 23 15:04:12 web1 kernel: Out of memory: Killed process 4711 (httpd)'
	done
}

make_worker() {
	cat >classify <<'END'
#!/usr/bin/python3
import json, os, sys, time

for line in sys.stdin:
    request = json.loads(line)
    path = request["path"]
    if path == "/health":
        print()                                 # an empty line: filtered
    elif request["method"] not in ("GET", "POST"):
        print("!what is", request["method"])    # rejected
    elif path == "/crash":
        print("I cannot take this", file=sys.stderr)
        os._exit(3)
    elif path == "/hang":
        time.sleep(60)
    else:
        request["slow"] = request["ms"] > 500
        print(json.dumps(request))
END
	chmod +x classify
}

show_letters() {
	if command -v jq >/dev/null; then
		jq -r '"line \(.input.line), \(.attempts // 0) attempts: \(.reason), \(.message)\n    \(.value // .text)"' "$1"
	else
		cat "$1"
	fi
}

make_log >access.ndjson
make_worker
step "The input: $(wc -l <access.ndjson) lines of an access log.  The first:"
head -n 3 access.ndjson
step "The worker, ./classify, is a plain Python loop: a line in, a line out.  It drops health checks and"
echo "  rejects some requests; other requests make it crash or hang."
step "Four workers, the order kept, 700 ms and 2 attempts for each record, failures go to dead.ndjson:"
echo "$ pfanout -j 4 -k -t 700ms -a 2 -d dead.ndjson -v ./classify < access.ndjson > ok.ndjson"
status=0
pfanout -j 4 -k -t 700ms -a 2 -d dead.ndjson -v ./classify <access.ndjson >ok.ndjson 2>log || status=$?
step "The results: $(wc -l <ok.ndjson) lines, in the order of the input.  The first:"
head -n 5 ok.ndjson
step "The dead letters.  Each failure cost one record, which is kept whole, with the reason:"
show_letters dead.ndjson
step "The messages of pfanout, without those of the worker; received = processed + filtered + failed:"
grep '^pfanout:' log
step "The exit status is $status, because some records failed."
[ "$status" -eq 1 ]
step "The worker is repaired: it takes /crash and /hang now.  The failed records come back, four a second;"
echo "  those that fail again are kept again, with their ids:"
sed -i -e 's|== "/crash":|== "/crashed":|' -e 's|== "/hang":|== "/hanging":|' classify
echo "$ pdeadletter replay --wrap dead.ndjson | pratelimit -r 4/s | pfanout ./classify | pdeadletter -d dead.ndjson"
pdeadletter replay --wrap dead.ndjson | pratelimit -r 4/s | pfanout -q ./classify | pdeadletter -d dead.ndjson 2>log ||
	status=$?
cat log
step "The letters that were replayed are purged; these are left:"
echo "$ pdeadletter purge dead.ndjson; pdeadletter list dead.ndjson"
pdeadletter purge dead.ndjson 2>&1
pdeadletter list dead.ndjson | cut -c -120
step "A diamond: the requests are spread over two FIFOs, sed and awk work on them side by side, and pfanin"
echo "  merges what they print by its time:"
cat <<'END'
$ mkfifo in1 in2 out1 out2
$ sed 's/}$/,"arm":"sed"}/' < in1 > out1 &
$ awk '{ sub(/}$/, ",\"arm\":\"awk\"}"); print }' < in2 > out2 &
$ pfanout --to in1 --to in2 --by round-robin -q -d dead.ndjson < access.ndjson &
$ pfanin --merge .time out1 out2 > merged.ndjson
END
mkfifo in1 in2 out1 out2
sed 's/}$/,"arm":"sed"}/' <in1 >out1 &
awk '{ sub(/}$/, ",\"arm\":\"awk\"}"); print }' <in2 >out2 &
pfanout --to in1 --to in2 --by round-robin -q -d dead.ndjson <access.ndjson &
pfanin --merge .time out1 out2 >merged.ndjson
wait
step "All $(wc -l <merged.ndjson) requests are there, in order; the line that is no JSON is in dead.ndjson.  The first:"
head -n 4 merged.ndjson
[ "$(wc -l <merged.ndjson)" -eq 31 ]
step "All stages have counted.  pmetrics top shows this live, pmetrics serve shows it to Prometheus:"
echo "$ pmetrics print | grep -E '_(received|failed)_total.* [1-9]'"
pmetrics print | grep -E '_(received|failed)_total.* [1-9]'
