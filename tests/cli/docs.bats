#!/usr/bin/env bats
# The documentation: the examples of the man pages and the README are run, and
# their output is compared with what is shown; the options that the pages list
# are the program's.

load ../support/helpers

ROOT=$BATS_TEST_DIRNAME/../..

# The lines of the literal blocks in a man page's EXAMPLES, SHAPES, WORKERS,
# JOBS, WATCHING, TRACES and HELPER, and in its DESCRIPTION before the first
# subsection; a line %% ends each block.
man_examples() {
	awk '
		/^\.Sh / { shapes = /SHAPES|WORKERS|JOBS|WATCHING|TRACES|HELPER/; wanted = shapes || /EXAMPLES|DESCRIPTION/ }
		/^\.Ss / { wanted = shapes }
		/^\.Ed/ && literal { literal = 0; print "%%" }
		literal { gsub(/\\&/, ""); gsub(/\\e/, "\\"); print }
		/^\.Bd -literal/ && wanted { literal = 1 }
	' "$1"
}

# The same for the blocks of a README that are marked as console sessions.
readme_examples() {
	awk '
		/^```$/ && literal { literal = 0; print "%%" }
		literal
		/^```console$/ { literal = 1 }
	' "$1"
}

# Replaces what differs from run to run in the numbers of -v.
without_times() {
	sed -E 's|[0-9.]+ s, [0-9]+ records/s|TIME|; s|[0-9]+ %|N %|g; s|, starts [0-9]+|, starts N|' <<<"$1"
}

# Runs one command.  Its output, on both streams, must be what is shown, if
# anything is shown; ... stands for any text.
try_example() {
	local command=$1 shown=${2%$'\n'} got pattern status=0

	[ -n "$command" ] || return 0
	got=$(timeout 30 bash -c "$command" 2>&1 </dev/null) || status=$?
	pattern=$(without_times "$shown" | sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g')
	if [ -z "$shown" ] && [ "$status" -le 1 ]; then
		return 0
	fi
	# shellcheck disable=SC2053 # it is a pattern
	if [ -n "$shown" ] && [[ $(without_times "$got") == $pattern ]]; then
		return 0
	fi
	printf '$ %s\nstatus %s, printed:\n%s\nshown:\n%s\n' "$command" "$status" "$got" "$shown"
	return 1
}

# Runs the examples on stdin, one after the other, in the current directory.
# "$ " begins a command, "> " continues the command, and all other lines are its
# output.  Fails at the first example that fails, and if there is no example.
run_examples() {
	local line command='' shown='' n=0

	while IFS= read -r line; do
		case $line in
		'$ '*)
			try_example "$command" "$shown" || return 1
			command=${line#??} shown='' n=$((n + 1))
			;;
		'> '* | '>')
			line=${line#>}
			command+=$'\n'${line# }
			;;
		%%)
			try_example "$command" "$shown" || return 1
			command='' shown=''
			;;
		*) shown+=$line$'\n' ;;
		esac
	done
	try_example "$command" "$shown" || return 1
	echo "$n examples"
	[ "$n" -gt 0 ]
}

# The options, short and long, that --help lists, for the tool and for each of
# its commands, and those that the man page lists.
help_options() {
	commands=$(timeout 20 "$1" --help | sed -n '/^Commands/,/^Options/s/^  \([a-z]*\)  .*/\1/p')
	for command in '' $commands; do
		# shellcheck disable=SC2086 # nothing or a word
		timeout 20 "$1" $command --help
	done | grep -E '^ +-' | grep -oE '^ +(-[A-Za-z], )?--[a-z.-]+' |
		tr -d ' ' | tr , '\n' | sort -u
}

man_options() {
	sed -n 's/^\.It \(Fl .*\)/ \1/p' "$ROOT/man/$1.1" | grep -oE ' Fl [A-Za-z.-]+' |
		sed 's/^ Fl /-/' | sort -u
}

@test "docs: the examples of pfanout(1) run and print what they show" {
	man_examples "$ROOT/man/pfanout.1" >examples
	run_examples <examples
}

@test "docs: the examples of pfanin(1) run and print what they show" {
	man_examples "$ROOT/man/pfanin.1" >examples
	run_examples <examples
}

@test "docs: the examples of pdeadletter(1) run and print what they show" {
	man_examples "$ROOT/man/pdeadletter.1" >examples
	run_examples <examples
}

@test "docs: the examples of pratelimit(1) run and print what they show" {
	command -v curl >/dev/null || skip "curl is not installed"
	"$STUBS/api" 50 api 3>&- &
	api=$!
	wait_until test -s api
	API=$(cat api)
	export API
	man_examples "$ROOT/man/pratelimit.1" >examples
	run_examples <examples || failed=1
	kill "$api"
	[ -z "${failed-}" ]
}

@test "docs: the worker of pratelimit(1) takes all answers of an API for what they mean" {
	command -v curl >/dev/null || skip "curl is not installed"
	"$STUBS/api" 50 api 3>&- &
	api=$!
	wait_until test -s api
	API=$(cat api)
	export API
	man_examples "$ROOT/man/pratelimit.1" | sed -n '/call <</,/^> EOF/s/^> //p' | sed '$d' >call
	chmod +x call
	jq -nc '({status: 200, body: "{\n \"a\": \"it\u0027s \\\"1\\\"\"\n}\n"},
		{status: 201, body: "{\"b\":\r\n2}"},
		{status: 204},
		{status: 400, body: "no\n\"id\"\n"},
		{status: 429, "retry-after": "1"},
		{status: 503, "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"},
		{status: 500},
		{status: 0}) + {text: "%s \\n $(x) `y` \u0027 \" \n"}' >in
	pfanout -qk -j 8 -a 3 --backoff 1ms -d dead ./call <in >out || true
	# Without attempts left, the message is in the letter.
	jq -c '.text = "other"' in | sed -n '5,7p' | pfanout -qk -d once ./call || true
	jq -c '.text = "late"' in | sed -n 5p | ./call >late
	kill "$api"
	[ "$(cat late)" = '?1s HTTP 429' ]
	[ "$(jq -c 'if type == "object" then .status // . else . end' out | xargs -d '\n')" = \
		'{"a":"it'\''s \"1\""} {"b":2} null 429 503 500' ]
	[ "$(jq -c 'select(.status?) | .text' out | sort -u)" = "$(jq -c .text in | sort -u)" ]
	[ "$(jq -r '"\(.value.status) \(.reason) \(.attempts) \(.message)"' dead | sort)" = \
		$'0 exhausted 3 HTTP 000\n400 rejected 1 HTTP 400: no "id" ' ]
	[ "$(jq -r '"\(.value.status): \(.message)"' once | sort)" = \
		$'429: HTTP 429\n500: HTTP 500\n503: HTTP 503' ]
}

@test "docs: the examples of pmetrics(1) run and print what they show" {
	command -v curl >/dev/null || skip "curl is not installed"
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	man_examples "$ROOT/man/pmetrics.1" >examples
	run_examples <examples
}

@test "docs: pmetrics(1) names all families, and all members of the JSON" {
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	mkfifo in hold last
	printf '%s\n' '#!/bin/sh' 'read -r one; echo "$one"; read -r two; read -r go <hold; echo "$two"' >worker
	chmod +x worker
	# With a limit, a result, its span, and an attempt that is under way.
	export OTEL_BSP_SCHEDULE_DELAY=1
	pratelimit --trace -r 1000/s <in | pfanout -j 1 ./worker 3>&- | pdeadletter >out 3>&- &
	# And with an engine.
	printf '%s\n' '#!/bin/sh' 'echo "@$PCHAN_KEY pchan-in 1"' 'echo "@$PCHAN_KEY stat lag 1 partition=0"' \
		'echo "@$PCHAN_KEY stat unacknowledged 0"' 'exec cat last' >from-x
	chmod +x from-x
	PCHAN_LIBEXEC=$PWD pfanin x://server/topic >third 3>&- &
	exec 8>in
	ids 2 >&8
	wait_until test -s out
	all() {
		timeout 20 pmetrics print >metrics
		grep -q pipeline_spans_total metrics && grep -q pipeline_engine_lag_records metrics &&
			grep -q pipeline_engine_unacknowledged_records metrics
	}
	wait_until all
	timeout 20 pmetrics print --format json -w 0 >view
	exec 8>&-
	echo >hold
	echo >last
	wait
	man=$ROOT/man/pmetrics.1
	sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' metrics | sort >families
	[ "$(wc -l <families)" -gt 20 ]
	sed -n '/^\.Sh METRICS/,/^\.Sh JSON/p' "$man" | sed -n 's/^\.It Li//p' | grep -oE '(pipeline|pchan)_[a-z_]+' |
		sort | diff families -
	jq -r '.. | objects | keys[]' view | sort -u >members
	[ "$(wc -l <members)" -gt 40 ]
	sed -n '/^\.Sh JSON/,/^\.Sh ENV/p' "$man" | grep -oE '[a-z_0-9]+' | sort -u >words
	# Those of `failed` are the reasons.
	comm -23 members words | grep -vxFf <(sed -n 's/^\.It Cm \([a-z_]*\)$/\1/p' "$ROOT/man/pchan-formats.5") >missing || true
	cat missing
	[ ! -s missing ]
}

@test "docs: the examples of pchan-formats(5) run and print what they show" {
	man_examples "$ROOT/man/pchan-formats.5" >examples
	run_examples <examples
}

@test "docs: the examples of pchan(7) run and print what they show" {
	man_examples "$ROOT/man/pchan.7" >examples
	run_examples <examples
}

@test "docs: the README's pipelines run and print what they show" {
	readme_examples "$ROOT/README.md" >examples
	run_examples <examples
}

@test "docs: an example whose output differs from what is shown is found" {
	run run_examples <<<$'$ echo one\ntwo'
	echo "$output"
	[ "$status" -eq 1 ]
	run run_examples <<<$'$ exit 2'
	[ "$status" -eq 1 ]
	run run_examples <<<'no command'
	[ "$status" -eq 1 ]
	run run_examples <<<$'$ echo "a 17 b" &&\n> echo "[c]"\na ... b\n[c]'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "docs: the README is short, and names the two commands for a fresh machine" {
	[ "$(wc -l <"$ROOT/README.md")" -lt 150 ]
	grep -q 'make deps demo' "$ROOT/README.md"
	grep -q 'make deps check' "$ROOT/README.md"
}

@test "docs: mandoc finds nothing wrong with the man pages" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	timeout 20 stdbuf -oL mandoc -Tlint "$ROOT"/man/*.[157] >found 2>&1 || true
	# The pages that ours refer to need not be installed or indexed here.
	sed -i -e '/outdated mandoc.db/d' -e '/referenced manual not found/d' found
	cat found
	[ ! -s found ]
}

@test "docs: the pages and --help list the same options" {
	for tool in pfanin pfanout pdeadletter pmetrics pratelimit; do
		help_options $tool >in-help
		man_options $tool >in-man
		[ "$(wc -l <in-help)" -gt 20 ]
		diff in-help in-man
	done
}

@test "docs: the SYNOPSIS of the pages is the usage of --help" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	for tool in pfanin pfanout pdeadletter pmetrics pratelimit; do
		timeout 20 $tool --help | sed -n '1,/^$/p' | sed 's/^usage://' | tr -s ' \n' ' ' >in-help
		timeout 20 mandoc -Tascii "$ROOT/man/$tool.1" | sed 's/.\x08//g' |
			sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' | sed '1d;$d' | tr -s ' \n' ' ' >in-man
		grep -q "$tool" in-help
		diff -w in-help in-man
	done
}

@test "docs: the helpers of pchan-engines(7) work" {
	man_examples "$ROOT/man/pchan-engines.7" >examples
	run_examples <examples
}

@test "docs: pchan-formats(5) explains every reason" {
	awk -F'"' '/\[REASON_[A-Z_]*\] = "/ { print $2 }' "$ROOT/lib/base/reason.c" | sort >reasons
	[ "$(wc -l <reasons)" -ge 15 ]
	sed -n 's/^\.It Cm \([a-z_]*\)$/\1/p' "$ROOT/man/pchan-formats.5" | sort >explained
	[ -z "$(comm -23 reasons explained)" ]
}

@test "docs: the files and functions that lib/README.md names exist" {
	grep -oE '`[a-z_]+\(\)' "$ROOT/lib/README.md" | tr -d '`()' | sort -u |
		grep -vE '^(x_|main$|pthread_)' >functions
	[ "$(wc -l <functions)" -gt 40 ]
	while read -r name; do
		grep -rqE "^$name\(|^[a-z].* \*?$name\(" --include='*.[ch]' "$ROOT/lib" "$ROOT/cmd" || echo "$name()"
	done <functions >missing
	grep -oE '`(base|json|sync|record|proc|stage)/[a-z]+' "$ROOT/lib/README.md" | tr -d '`' | sort -u >files
	[ "$(wc -l <files)" -gt 20 ]
	while read -r name; do
		compgen -G "$ROOT/lib/$name.[ch]" >/dev/null || echo "$name"
	done <files >>missing
	cat missing
	[ ! -s missing ]
}
