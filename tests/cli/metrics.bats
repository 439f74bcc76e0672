#!/usr/bin/env bats
# The metrics of stages, as pmetrics print and textfile write them.

load ../support/helpers
load ../support/streams
load ../support/background

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
}

# find_samples NAME [LABEL...]: those in ./metrics with this name and these
# labels go into ./found.
find_samples() {
	local name=$1 label

	grep "^${name}[{ ]" metrics >found || true
	for label in "${@:2}"; do
		grep -F "$label" found >found.next || true
		mv found.next found
	done
}

# sample NAME [LABEL...]: the value in ./metrics of the only sample with this
# name and these labels, such as 'stage="a"'.
sample() {
	find_samples "$@"
	lines found 1 >&2 || return 1
	sed 's/.* //' found
}

# total NAME [LABEL...]: the sum of all such samples.
total() {
	find_samples "$@"
	awk '{ sum += $NF } END { print sum + 0 }' found
}

metrics() {
	pmetrics print "$@" >metrics
}

# lawful STAGE: received = processed + filtered + failed + held.
lawful() {
	local stage="stage=\"$1\"" ended=0 name

	for name in processed_total filtered_total failed_total held; do
		ended=$((ended + $(total "pipeline_$name" "$stage")))
	done
	echo "$1: received $(total pipeline_received_total "$stage"), ended or held $ended"
	[ "$(total pipeline_received_total "$stage")" -eq "$ended" ]
}

# parsed FORMAT: writes what the parser of prometheus_client finds in ./metrics
# to ./samples.
parsed() {
	local status=0

	"$STUBS/metrics-parse" "$1" <metrics >samples || status=$?
	[ "$status" -ne 3 ] || skip "python3-prometheus-client is not installed"
	return "$status"
}

# A worker that rejects what has a 7 in its id, and drops what has an 8.
cat_but_7_and_8='import sys
for line in sys.stdin:
    id = line.split(":")[1]
    print("!seven" if "7" in id else "null" if "8" in id else line.strip(), flush=True)'

@test "metrics: where no stage has run, print says where it looked" {
	go 1 pmetrics print
	[ ! -s out ]
	lines err 1
	has err "$PCHAN_RUN_DIR"
	go 1 env PCHAN_METRICS=off pmetrics print
	has err 'PCHAN_METRICS is off'
}

@test "metrics: without \$PCHAN_RUN_DIR, print looks in three places" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	go 1 env -u PCHAN_RUN_DIR XDG_RUNTIME_DIR=/dev/shm/xdg.$$ PCHAN_METRICS= setpriv --reuid 54321 --clear-groups "$(command -v pmetrics)" print
	lines err 1
	has err "/dev/shm/xdg.$$/pchan, /run/user/54321/pchan, /dev/shm/pchan-54321"
}

@test "metrics: the numbers of a pipeline are those that were counted" {
	ids 2000 | pfanout -q -n seven -j 2 -k -- python3 -u -c "$cat_but_7_and_8" |
		pratelimit -n pace -r 100k/s -B 100000 | pdeadletter -n dead -d dead.ndjson >good.ndjson || true
	seven=$(wc -l <dead.ndjson)
	good=$(wc -l <good.ndjson)
	[ "$seven" -eq "$(seq 2000 | grep -c 7)" ]
	metrics
	for stage in seven pace dead; do
		lawful $stage
	done
	[ "$(sample pipeline_received_total 'stage="seven"')" -eq 2000 ]
	[ "$(sample pipeline_processed_total 'stage="seven"')" -eq $((2000 - seven)) ]
	[ "$(sample pipeline_failed_total 'stage="seven"' 'reason="rejected"')" -eq "$seven" ]
	[ "$(total pipeline_failed_total 'stage="seven"')" -eq "$seven" ]
	[ "$(grep -c '^pipeline_failed_total{stage="seven"' metrics)" -eq 17 ]
	[ "$(sample pipeline_written_total 'stage="seven"')" -eq 2000 ]
	[ "$(sample pipeline_received_total 'stage="pace"')" -eq "$good" ]
	[ "$(sample pipeline_bypassed_total 'stage="pace"')" -eq "$seven" ]
	[ "$(sample pipeline_bypassed_total 'stage="dead"')" -eq "$seven" ]
	[ "$(sample pipeline_latency_seconds_count 'stage="seven"')" -eq 2000 ]
	[ "$(sample pipeline_latency_seconds_bucket 'stage="seven"' 'le="+Inf"')" -eq 2000 ]
	[ "$(sample pipeline_read_bytes_total 'stage="seven"')" -eq "$(ids 2000 | wc -c)" ]
	[ "$(sample pipeline_exits_total 'stage="seven"' 'reason="failed_records"')" -eq 1 ]
	[ "$(sample pipeline_exits_total 'stage="pace"' 'reason="ok"')" -eq 1 ]
	[ "$(sample pchan_stat_files 'state="live"')" -eq 0 ]
	lacks metrics pipeline_held
	lacks metrics process_
}

@test "metrics: runs with the same labels add up, those of another pipeline don't" {
	for n in 3 5; do
		ids $n | pfanout -q -n a >/dev/null
		ids $n | PCHAN_PIPELINE=p pfanout -q -n a >/dev/null
	done
	ids 7 | PCHAN_PIPELINE=q pfanout -q -n a >/dev/null
	echo '{' | pfanout -q -n a >/dev/null || true
	pfanout -q -n a -- false <<<1 >/dev/null 2>&1 || true
	metrics
	[ "$(sample pipeline_received_total 'stage="a",tool="pfanout"} ')" -eq 10 ]
	[ "$(sample pipeline_received_total 'pipeline="p"')" -eq 8 ]
	[ "$(sample pipeline_received_total 'pipeline="q"')" -eq 7 ]
	[ "$(sample pipeline_exits_total 'pfanout",reason="ok"')" -eq 2 ]
	[ "$(sample pipeline_exits_total 'pfanout",reason="failed_records"')" -eq 1 ]
	[ "$(sample pipeline_exits_total 'pfanout",reason="error"')" -eq 1 ]
	lawful a
}

# ./metrics shows that N records were written, and N workers have the next ones.
is_stuck_behind() {
	metrics 2>/dev/null && [ "$(total pipeline_workers 'state="busy"')" -eq "$1" ] &&
		[ "$(total pipeline_written_total)" -eq "$1" ]
}

@test "metrics: a stage that is killed keeps its counts and loses its gauges" {
	start pfanout -n slow -j 2 --window 1 -- sh -c 'read -r line; echo "$line"; exec sleep 60'
	ids 10 >&8
	wait_until is_stuck_behind 2
	lawful slow
	held=$(sample pipeline_held)
	[ "$held" -gt 2 ]
	[ "$(sample pipeline_processes 'state="running"')" -eq 1 ]
	[ "$(sample pipeline_buffer_capacity)" -gt 1024 ]
	[ "$(sample pipeline_workers 'state="idle"')" -eq 0 ]
	awk -v now="$(date +%s)" -v then="$(sample pipeline_oldest_attempt_timestamp_seconds)" \
		'BEGIN { exit !(then > now - 30 && then <= now + 1) }'
	received=$(sample pipeline_received_total)
	kill -KILL "$pid"
	ends_with 137
	for _ in 1 2; do
		metrics
		lawful slow
		[ "$(sample pipeline_received_total)" -eq "$received" ]
		[ "$(sample pipeline_failed_total 'reason="unwritten"')" -eq "$held" ]
		[ "$(sample pipeline_exits_total 'reason="killed"')" -eq 1 ]
		for gauge in held backlog in_flight workers processes buffer_capacity retries_waiting \
			last_record last_result oldest_attempt; do
			lacks metrics "^pipeline_$gauge"
		done
	done
	[ -z "$(find run -name '*.stat')" ]
	exec 8>&-
}

@test "metrics: what could not be written is in the failed ones" {
	[ -c /dev/full ] || skip "no /dev/full"
	ids 100 | pfanout -q -n full >/dev/full 2>err || true
	metrics
	lawful full
	[ "$(sample pipeline_failed_total 'reason="unwritten"')" -eq 100 ]
	[ "$(sample pipeline_exits_total 'reason="error"')" -eq 1 ]
}

# Names with all that can be in a label, as JSON has them.
NAMES='"a\"b", "back\\slash\\", "new\nline", "ü€😀", "{x=\"y\"}, # EOF", "tab\tcr\resc\u001b[2J", " ", "\u0085\u2028"'

run_names() {
	jq -nr "[$NAMES][] | @base64" >names
	while read -r name; do
		name=$(base64 -d <<<"$name" && echo .)
		pfanout -q -n "${name%.}" </dev/null
		PCHAN_PIPELINE=${name%.} pfanout -q -n pipe </dev/null
	done <names
}

@test "metrics: prometheus_client takes both formats, with any name" {
	run_names
	for format in prometheus openmetrics; do
		metrics --format $format
		parsed $format
		jq -ce 'select(.[0] == "pipeline_received_total" and .[1].stage != "pipe") | .[1].stage' samples | sort >stages
		jq -ce 'select(.[0] == "pipeline_received_total" and .[1].stage == "pipe") | .[1].pipeline' samples | sort >pipelines
		jq -nc "[$NAMES][]" | sort >names
		diff names stages
		diff names pipelines
	done
}

@test "metrics: bytes that are not UTF-8 break nothing" {
	pfanout -q -n $'a\xff\xfe' </dev/null
	pfanout -q -n $'a\xfe\xff' </dev/null
	pfanout -q -n $'\xc3' </dev/null
	metrics --format openmetrics
	iconv -f utf-8 -t utf-8 metrics >/dev/null
	[ "$(grep -c '^pipeline_received_total{' metrics)" -eq 2 ]
	[ "$(sample pipeline_exits_total 'stage="a��"' 'reason="ok"')" -eq 2 ]
	parsed openmetrics
}

@test "metrics: promtool finds nothing wrong" {
	needs promtool
	run_names
	ids 10 | pratelimit -n pace -r 100k/s >/dev/null
	ids 10 | pfanout -n map -- cat >/dev/null
	metrics
	promtool check metrics <./metrics >found 2>&1
	cat found
	[ ! -s found ]
}

@test "metrics: both formats have the same samples" {
	ids 100 | pfanout -q -n map -- cat >/dev/null
	metrics --format openmetrics
	[ "$(tail -n 1 metrics)" = '# EOF' ]
	grep -v '^#' metrics >open
	metrics --format prometheus
	lacks metrics EOF
	grep -v '^#' metrics | diff open -
}

@test "metrics: print refuses what it does not know" {
	go 2 pmetrics print --format xml
	lines err 1
	has err prometheus
	go 2 pmetrics print x
	has err 'unexpected operand x'
	go 2 pmetrics print --no-such
	go 2 pmetrics prin
	has err 'no such command: prin'
	for command in print serve textfile; do
		go 0 pmetrics $command --help
		has out "pmetrics $command"
	done
}

@test "metrics: print says that standard output is full" {
	[ -c /dev/full ] || skip "no /dev/full"
	ids 1 | pfanout -q >/dev/null
	status=0
	pmetrics print >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	has err 'standard output'
}

@test "metrics: beyond the limit of a file's size print says so, and is not killed" {
	needs prlimit
	ids 1 | pfanout -q >/dev/null
	status=0
	prlimit --fsize=100:100 pmetrics print >printed 2>err || status=$?
	[ "$status" -eq 2 ]
	has err 'standard output: File too large'
}

@test "metrics: a run directory that can't be used is told where one looks" {
	mkdir -m 755 open
	for command in print top; do
		PCHAN_RUN_DIR=$PWD/open go 1 pmetrics "$command"
		lines err 1
		has err "$PWD/open: other users may enter it (chmod 700)"
	done
}

@test "metrics: root sees the stages of all users, and folds as they would" {
	needs setpriv
	[ "$(id -u)" -eq 0 ] || skip "not root"
	[ ! -e /dev/shm/pchan-54321 ] || skip "there is such a user"
	[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || skip "no tmpfs at /dev/shm"
	chmod 755 "$BATS_TEST_TMPDIR"
	user=(env -u PCHAN_RUN_DIR -u XDG_RUNTIME_DIR setpriv --reuid 54321 --regid 54321 --clear-groups)
	"${user[@]}" test -x "$(command -v pfanout)" || skip "others can't come here"
	ids 3 | pfanout -q -n mine >/dev/null
	ids 5 | "${user[@]}" pfanout -q -n theirs >/dev/null
	# One that is killed, so that root has something to fold.
	(ids 7 | "${user[@]}" pfanout -q -n killed -- sh -c 'kill -KILL $PPID' >/dev/null) 2>/dev/null || true
	metrics
	lacks metrics theirs
	metrics --all-users
	[ "$(sample pipeline_received_total 'stage="mine"')" -eq 3 ]
	[ "$(sample pipeline_received_total 'stage="theirs"')" -eq 5 ]
	[ "$(sample pipeline_exits_total 'stage="killed"' 'reason="killed"')" -eq 1 ]
	# What is there now is theirs, and they can use it.
	[ -z "$(find /dev/shm/pchan-54321 -name '*.stat' -o ! -user 54321)" ]
	"${user[@]}" pmetrics print >metrics
	[ "$(sample pipeline_received_total 'stage="theirs"')" -eq 5 ]
	lacks metrics mine
	go 2 "${user[@]}" pmetrics print --all-users
	lines err 1
	has err 'only root'
	rm -r /dev/shm/pchan-54321
}

@test "metrics: textfile writes a file that everybody may read" {
	mkdir dir
	ids 3 | pfanout -q -n a >/dev/null
	(umask 077 && go 0 pmetrics textfile --once dir)
	[ ! -s err ]
	[ "$(ls -A dir)" = pchan.prom ]
	[ "$(stat -c %a dir/pchan.prom)" = 644 ]
	cp dir/pchan.prom metrics
	[ "$(sample pipeline_received_total)" -eq 3 ]
	lacks metrics process_
	lacks metrics EOF
	parsed prometheus
}

@test "metrics: textfile writes once more before it ends" {
	mkdir dir
	pmetrics textfile --interval 1h dir 2>err &
	pid=$!
	wait_until test -s dir/pchan.prom
	lacks dir/pchan.prom pipeline_received_total
	ids 3 | pfanout -q -n a >/dev/null
	kill "$pid"
	ends_with 0
	cp dir/pchan.prom metrics
	[ "$(sample pipeline_received_total)" -eq 3 ]
	[ ! -s err ]
}

@test "metrics: textfile tells of a full disk once, and tries again" {
	small_disk 16
	head -c 1M /dev/zero >disk/full 2>/dev/null || true
	pmetrics textfile --interval 10ms disk 2>err &
	pid=$!
	wait_until grep -q 'No space' err
	rm disk/full
	wait_until grep -q 'written again' err
	[ -s disk/pchan.prom ]
	head -c 1M /dev/zero >disk/full 2>/dev/null || true
	ids 1 | pfanout -q -n "$(printf 'x%.0s' {1..200})" >/dev/null
	wait_until eval '[ "$(grep -c "No space" err)" -eq 2 ]'
	kill "$pid"
	ends_with 2
	[ -z "$(find disk -name '.pchan*')" ]
	lines err 3
}

@test "metrics: textfile refuses a bad folder" {
	go 2 pmetrics textfile
	has err 'needs an operand'
	go 2 pmetrics textfile --once no-such
	has err 'no-such: No such file'
	: >file
	go 2 pmetrics textfile --once file
	has err 'not a directory'
	go 2 pmetrics textfile --once --interval 1s .
	go 2 pmetrics textfile a b
	has err 'unexpected operand b'
}
