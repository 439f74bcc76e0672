#!/usr/bin/env bats
# pmetrics trace: what is read, what is listed, and what is drawn.  The layout
# of a drawing is tested in unit/t_waterfall.c.

load ../support/helpers
load ../support/streams

SPANS=$BATS_TEST_DIRNAME/../support/spans
MAN=$BATS_TEST_DIRNAME/../../man/pmetrics.1

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run TZ=UTC LC_ALL=C
	unset COLUMNS NO_COLOR
}

teardown() {
	for file in out err; do
		[ ! -f "$file" ] || { echo "--- $file" && head -n 30 "$file" | cut -c -500; }
	done
}

SLOW=4bf92f3577b34da6a3ce929d0e0e4736
FAILED=4bf92f35aaaaaaaaaaaaaaaaaaaaaaaa

# Two records on their way through three stages, and the runs of these.
two_traces() {
	"$SPANS" <<-END
		record pace 1 - 0 41.4 rate@0.2 output@41.2 line=18 input=access.ndjson
		record enrich 2 1 42 2310 attempt@43:1 back-off@2043:timeout attempt@2145:2 order@2298 output@2309.9 line=18
		record dead 3 2 2309.9 2310 line=18
		trace $FAILED
		record pace 4 - 100 101 line=19 input=access.ndjson
		record enrich 5 4 101 121 attempt@101:1 reason=rejected message=no_such_user line=19
		trace 0123456789abcdef0123456789abcdef
		run enrich 6 - 0 60000
	END
}

drawing() {
	cat <<-END
		trace $SLOW   line 18 of access.ndjson   2.31 s   ok
		 STAGE  WHAT                0        0.5       1.0      1.5      2.0          s
		 pace   wait for rate 41 ms .
		 enrich queue 1.0 ms         .
		        attempt 1  2.00 s    ##################################### timeout
		        back-off 102 ms
		        attempt 2  153 ms                                           ### ok
		        in order 12 ms                                                .
		 dead   100 us                                                        |
		 98 % in enrich (2 attempts); slowest of 2 traces in 2.31 s; began 2026-11-26
		 14:02:31.000
	END
}

# The span files of the stages, as they are in the run directory.
in_run_directory() {
	two_traces >spans
	local uuid=0123456789abcdef0123456789abcde name

	name=$(printf 'run/pratelimit.1.%s0.spans' "$uuid")
	grep '"pace"' spans >"$name.1"
	grep '"enrich"' spans >"run/pfanout.2.${uuid}1.spans"
	grep '"dead"' spans >"run/pdeadletter.3.${uuid}2.spans"
	grep -c . run/* | cut -d : -f 2 | paste -sd ' '
}

@test "trace: the spans of the run directory are one list, the newest last" {
	in_run_directory
	go 0 pmetrics trace
	diff - out <<-END
		TRACE                             BEGAN                  TIME  RESULT    STAGES            RECORD
		0123456789abcdef0123456789abcdef  2026-11-26 14:02:31  60.0 s  ok        enrich            pfanout enrich
		$SLOW  2026-11-26 14:02:31  2.31 s  ok        pace,enrich,dead  line 18 of access.ndjson
		$FAILED  2026-11-26 14:02:31   21 ms  rejected  pace,enrich       line 19 of access.ndjson
	END
	[ ! -s err ]
}

@test "trace: one is drawn by its id, by the beginning of it, and by a traceparent" {
	in_run_directory
	drawing >want
	for id in $SLOW ${SLOW:0:9} "${SLOW^^}" "00-$SLOW-00f067aa0ba902b7-01"; do
		go 0 pmetrics trace "$id"
		diff want out
		[ ! -s err ]
	done
	# The files may come first.
	go 0 pmetrics trace spans "${SLOW:0:9}"
	diff want out
	go 1 pmetrics trace "${SLOW:0:8}"
	[ "$(cat err)" = "pmetrics: trace: 2 traces begin with ${SLOW:0:8}: more digits are needed" ]
	go 1 pmetrics trace abcd
	[ "$(cat err)" = 'pmetrics: trace: no span of abcd among those of 3 traces' ]
	[ ! -s out ]
}

@test "trace: the slowest ones, without runs; those that failed, and why" {
	two_traces >spans
	go 0 pmetrics trace --slowest 1 spans
	drawing | diff - out
	go 0 pmetrics trace --slowest 9 spans
	drawing | diff - <(head -n 11 out)
	sed -n '12,$p' out | diff - <(
		cat <<-END

			trace $FAILED
			 line 19 of access.ndjson   21 ms   rejected
			 STAGE  WHAT             0          5         10         15         20       ms
			 pace   queue 1.0 ms     ..
			 enrich attempt 1  20 ms   ########################################### rejected
			 failed in enrich: rejected: no such user
			 95 % in enrich (1 attempt); 2nd slowest of 2 traces in 2.31 s; began
			 2026-11-26 14:02:31.100
		END
	)
	go 0 pmetrics trace --slowest 9 --failed spans
	[ "$(grep -c ^trace out)" -eq 1 ]
	has out '2nd slowest of 2'
	go 0 pmetrics trace --failed spans
	lines out 2
	grep -v "$FAILED" spans >good
	go 1 pmetrics trace --failed good
	[ "$(cat err)" = 'pmetrics: trace: none of 2 traces has failed' ]
	[ ! -s out ]
	go 1 pmetrics trace --failed --slowest 3 good
	[ ! -s out ]
	# Nothing but runs: they are what there is.
	grep 0123456789abcdef spans >runs
	go 0 pmetrics trace --slowest 3 runs
	has out '100 % in enrich (run)'
}

@test "trace: from a pipe, a FIFO, and a file of which a part was read" {
	two_traces >spans
	drawing >want
	go 0 bash -c 'cat spans | pmetrics trace --slowest 1 -'
	diff want out
	mkfifo fifo
	cat spans >fifo 3>&- &
	go 0 pmetrics trace "$SLOW" fifo
	diff want out
	{
		echo not a span
		cat spans
	} >longer
	go 0 bash -c '{ read -r line; pmetrics trace --slowest 1 -; } <longer'
	diff want out
	go 0 bash -c 'head -n 2 spans >one; tail -n +3 spans >two; pmetrics trace 4bf92f357 one two'
	diff want out
	# Twice the same file: each span counts once.
	go 0 pmetrics trace --slowest 1 spans spans
	diff want out
}

@test "trace: lines that are no OTLP are told once, and the rest is used" {
	two_traces >spans
	{
		echo '{"id":1}'
		cat spans
		echo
		echo hello
		echo '{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}'
		printf '{"resourceSpans":[{"res'
	} >mixed
	go 1 pmetrics trace --slowest 1 mixed
	drawing | diff - out
	[ "$(cat err)" = 'pmetrics: trace: mixed: line 1 is not OTLP/JSON: no resourceSpans; nor are 2 more' ]
	# A line that somebody writes at the moment; one that only has no end.
	{
		cat spans
		printf '{"resourceSpans":[{"res'
	} >torn
	go 0 pmetrics trace --slowest 1 torn
	drawing | diff - out
	[ ! -s err ]
	printf %s "$(cat spans)" >no-end
	go 0 pmetrics trace no-end
	lines out 4
	# Without a span.
	echo hello >none
	go 1 pmetrics trace none
	lines err 2
	has err 'no span found'
	go 1 pmetrics trace /dev/null
	[ "$(cat err)" = 'pmetrics: trace: no span found' ]
}

@test "trace: a file that can't be read is told, and the others are used" {
	two_traces >spans
	go 2 pmetrics trace missing spans .
	lines out 4
	has err 'missing: No such file or directory'
	has err '.: Is a directory'
}

@test "trace: no span, and where they would be" {
	go 1 pmetrics trace
	[ "$(cat err)" = "pmetrics: trace: no span found in $PWD/run; stages leave spans there with --trace" ]
	PCHAN_METRICS=off go 1 pmetrics trace
	has err 'PCHAN_METRICS is off'
	# shellcheck disable=SC2097,SC2098 # it is one of ours
	PCHAN_RUN_DIR=/nonexistent go 1 pmetrics trace --slowest 1
	has err '/nonexistent'
	[ ! -s out ]
}

# ARGUMENTS|MESSAGE
@test "trace: what makes no sense is a usage error" {
	while IFS='|' read -r args message; do
		# shellcheck disable=SC2086 # words
		go 2 pmetrics trace $args </dev/null
		[ ! -s out ]
		[ "$(cat err)" = "pmetrics: trace: $message" ]
	done <<-END
		$SLOW --slowest 3|--slowest and the id of a trace exclude each other
		--failed $SLOW|--failed and the id of a trace exclude each other
		abcd ffff|one trace at a time, not abcd and ffff
		--slowest 0|--slowest 0: expected a whole number from 1 to 1000000
		--slowest|--slowest: the value is missing; --help lists the options
	END
}

@test "trace: a file that is called like an id" {
	two_traces >abcd
	go 0 pmetrics trace ./abcd
	lines out 4
	go 0 pmetrics trace -- ./abcd
	two_traces >abc
	go 0 pmetrics trace abc
	lines out 4
}

@test "trace: JSON has all that is shown, and its members are in pmetrics(1)" {
	{
		two_traces
		"$SPANS" <<<'other worker 9 2 2150 2290 name=SELECT exception@2160'
	} >spans
	go 0 pmetrics trace --json spans
	lines out 3
	jq -es '.[1] | .trace_id == "'$SLOW'" and .duration == 2.31 and .record == "line 18 of access.ndjson" and
		.line == 18 and .stages == ["pace", "enrich", "worker", "dead"] and .status == "ok" and (has("spans") | not)' out
	go 0 pmetrics trace --json --slowest 2 spans
	lines out 2
	jq -r '.. | objects | keys[]' out | grep -v '\.' | sort -u >members
	[ "$(wc -l <members)" -gt 20 ]
	sed -n '/^\.Ss trace/,/^\.Sh/p' "$MAN" | grep -oE '[a-z_]+' | sort -u >words
	comm -23 members words | tee missing
	[ ! -s missing ]
	go 0 pmetrics trace --json --failed spans
	lines out 1
	jq -e '.reason == "rejected" and .status == "error"' out
	go 0 pmetrics trace --json "$SLOW" spans
	jq -c '.spans[] | [.stage, .kind, .at, .duration]' out | diff - <(
		cat <<-END
			["pace","record",0,0.0414]
			["enrich","record",0.042,2.268]
			["worker","other",2.15,0.14]
			["dead","record",2.3099,0.0001]
		END
	)
	jq -c '.spans[1].steps[] | [.step, .number, .at, .duration, .outcome]' out | diff - <(
		cat <<-END
			["queue",null,0.042,0.001,null]
			["attempt",1,0.043,2,"timeout"]
			["back-off",null,2.043,0.102,null]
			["attempt",2,2.145,0.153,"ok"]
			["order",null,2.298,0.0119,null]
			["output",null,2.3099,0.0001,null]
		END
	)
	jq -e '.spans[2].events[0].name == "exception" and .spans[1].attributes["pchan.attempts"] == 2 and
		.spans[1].resource["service.name"] == "enrich"' out
}

@test "trace: what controls a terminal is shown by nothing" {
	"$SPANS" <<<$'record a 1 - 0 5 line=1 input=\e[31m\u009b\u202e reason=\e]0; message=\e[2J' >spans
	for args in '' '--slowest 1' --json '--json --slowest 1'; do
		for LC_ALL in C C.UTF-8; do
			# shellcheck disable=SC2086 # words
			go 0 pmetrics trace $args spans
			[ -s out ]
			LC_ALL=C lacks out -P '[^\n\x20-\x7e\xe2\xc2\xb7\x94\x81\x80-\xbf]'
			LC_ALL=C lacks out -P '\xc2[\x80-\x9f]|\xe2\x80\xae|\e'
		done
	done
}

# at_terminal ARG...: what pmetrics trace prints on a terminal.
at_terminal() {
	timeout 20 python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' pmetrics trace "$@" </dev/null |
		tr -d '\r' >out
}

@test "trace: colours are for terminals, and not with NO_COLOR" {
	needs python3
	two_traces >spans
	export TERM=xterm COLUMNS=80
	at_terminal --slowest 2 spans
	has out $'\e[0;31mtimeout\e[0m'
	sed 's/\x1b\[[0-9;]*m//g' out >plain
	NO_COLOR=1 at_terminal --slowest 2 spans
	diff plain out
	TERM=dumb at_terminal --slowest 2 spans
	diff plain out
	go 0 pmetrics trace --slowest 2 spans
	diff plain out
	# There, the lines of the list are cut.
	NO_COLOR=1 at_terminal spans
	[ "$(awk '{ if (length > n) n = length } END { print n }' out)" -le 80 ]
	lines out 4
}

@test "trace: many traces need little memory, and many files are open at once" {
	no_sanitizer
	two_traces >spans
	# 40000 traces of 500 bytes.
	head -n 1 spans | awk -v id=$SLOW '{
		for (i = 0; i < 40000; i++) {
			line = $0
			sub(id, sprintf("%032x", i + 4096), line)
			print line
		}
	}' >many
	tail -n +2 spans >run/pfanout.1.0123456789abcdef0123456789abcdef.spans
	go 0 bash -c 'ulimit -v 100000; pmetrics trace many | tail -n 1'
	has out '000000000000000000000000000ac3f'
	go 0 bash -c "ulimit -v 100000; cat spans many | pmetrics trace $SLOW -"
	has out 'slowest of 40002 traces'
	for i in {1..60}; do
		printf -v name 'run/pfanout.%d.%032x.spans' "$i" "$i"
		sed "s/$SLOW/$(printf '%032x' $((i + 4096)))/" spans >"$name"
	done
	go 0 bash -c 'ulimit -Sn 20; pmetrics trace --slowest 100'
	[ "$(grep -c ^trace out)" -eq 62 ]
}
