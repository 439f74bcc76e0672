#!/usr/bin/env bats
# The command line: what is taken, and what is refused before anything is read.

load ../support/helpers
load ../support/streams

MAN=$BATS_TEST_DIRNAME/../../man/pfanout.1

# refused WORD ARG...: a usage error, one line that has WORD in it, and the
# input is untouched: the shell that shares it still reads the first line.
refused() {
	local status=0 line

	seq 1000 >in
	{
		timeout 20 pfanout "${@:2}" >out 2>err || status=$?
		read -r line
	} <in
	echo "pfanout ${*:2}: status $status, then read: $line"
	[ "$status" -eq "${want:-2}" ]
	[ "$line" = 1 ]
	[ ! -s out ]
	lines err 1
	grep -q '^pfanout: ' err
	has err "$1"
}

# The long options of --help.
long_options() {
	pfanout --help | grep -o -e '--[a-z][a-z-]*' | sort -u
}

# The flags in a text of usage lines, one line each.
flags_of() {
	sed 's/\[command/command/' | while read -r line; do
		echo "$line" | grep -o -e ' -[A-Za-z]\b' -e '\[-[A-Za-z]' | tr -d ' []' | sort -u | tr '\n' ' '
		echo
	done
}

@test "options: --help is on stdout, with status 0" {
	for option in -h --help; do
		go 0 pfanout "$option" </dev/null
		[ ! -s err ]
		grep -q '^usage: pfanout' out
		has out --dead-letter
	done
	# Even where the rest is wrong.
	go 0 pfanout --help --no-such-option </dev/null
}

@test "options: --help names all common options, within 80 columns" {
	for option in name buffer dead-letter raw max-record no-bypass ack grace progress quiet verbose help version \
		jobs keep-order timeout attempts backoff window unbuffered match max-failed ok-status retry-status reject-status exec filter start-timeout batch no-bisect raw-input to by key rate shared; do
		long_options | grep -qx -e "--$option" || {
			echo "--$option is not in --help"
			return 1
		}
	done
	for tool in pfanin pfanout pdeadletter pratelimit pmetrics 'pmetrics '{top,trace,print,serve,textfile}; do
		# shellcheck disable=SC2086 # words
		timeout 20 $tool --help >out
		grep -qE "^(usage:|      ) $tool" out
		[ "$(wc -L <out)" -le 80 ]
	done
}

@test "options: each long option of --help is understood" {
	for option in $(long_options); do
		timeout 20 pfanout "$option" --version </dev/null >out 2>err || true
		lacks err 'unknown option'
	done
}

# Which options of a tool's own each command has is what its usage says.
@test "options: --help of a command lists its own options only" {
	for command in list stats show replay purge; do
		timeout 20 pdeadletter "$command" --help >out
		sed '/^$/,$d' out >usage
		for option in json all wrap max-replays ok-status force; do
			[ "$(grep -c -e "--$option" usage)" -eq "$(grep -c -e "^ *--$option " out)" ]
		done
	done
}

@test "options: --version" {
	for option in -V --version; do
		go 0 pfanout "$option" </dev/null
		[ ! -s err ]
		lines out 1
		grep -qx 'pfanout [0-9]*\.[0-9]*\.[0-9]*' out
	done
}

@test "options: --help into a full disk is an error" {
	[ -c /dev/full ] || skip "no /dev/full"
	local status=0

	timeout 20 pfanout --help >/dev/full 2>err || status=$?
	[ "$status" -eq 2 ]
	has err 'No space'
}

@test "options: unknown ones" {
	refused -Z -Z
	refused --bogus --bogus
	refused --bogus --bogus=3
	refused -Z -kZ
	refused -Z -Z -- cat
}

# TOOL|ARGUMENTS|MESSAGE
@test "options: a mistyped word, and the habits of other programs: did you mean ...?" {
	while IFS='|' read -r tool args message; do
		# shellcheck disable=SC2086 # words
		go 2 timeout 20 "$tool" $args </dev/null
		echo "$tool $args: $(cat err)"
		[ ! -s out ]
		[ "$(cat err)" = "$tool: $message" ]
	done <<-'END'
		pfanout|--timout 2s -- cat|unknown option --timout (did you mean -t, --timeout?)
		pfanout|--keeporder|unknown option --keeporder (did you mean -k, --keep-order?)
		pfanout|--retries 3 -- cat|unknown option --retries (did you mean -a, --attempts?)
		pfanout|--retires=3 -- cat|unknown option --retires=3 (did you mean -a, --attempts?)
		pfanout|--max-procs=4 cat|unknown option --max-procs=4 (did you mean -j, --jobs?)
		pfanout|-P 4 cat|-P takes no number here (did you mean -j, --jobs?)
		pfanout|-P4 cat|-P takes no number here (did you mean -j, --jobs?)
		pfanout|-L 10 cat|unknown option -L (did you mean --batch?)
		pfanout|-0 cat|unknown option -0 (did you mean -R, --raw?)
		pfanout|--joblog log cat|unknown option --joblog (did you mean -d, --dead-letter?)
		pfanout|--delay 1s cat|unknown option --delay (did you mean --rate?)
		pfanout|--bogus|unknown option --bogus; --help lists the options
		pfanout|-4|unknown option -4; --help lists the options
		pfanin|-f log|unknown option -f (did you mean --follow?)
		pratelimit|--limit 3/s|unknown option --limit (did you mean -r, --rate?)
		pdeadletter|lst in|no such command: lst (did you mean list?)
		pdeadletter|rm in|no such command: rm (did you mean purge?)
		pdeadletter|in|no such command: in; --help lists them
		pdeadletter|-q list in|list: the command comes before all options
		pdeadletter|list --raeson exit in|list: unknown option --raeson (did you mean --reason?)
		pdeadletter|list -n 3 in|list: unknown option -n (did you mean --limit?)
		pmetrics|servre|no such command: servre (did you mean serve?)
		pmetrics|watch|no such command: watch (did you mean top?)
		pmetrics|waterfall|no such command: waterfall (did you mean trace?)
		pmetrics|trace --slowst 3|trace: unknown option --slowst (did you mean --slowest?)
		pmetrics|trace --errors|trace: unknown option --errors (did you mean --failed?)
		pmetrics|serve --port 80|serve: unknown option --port (did you mean --web.listen-address?)
	END
	go 0 timeout 20 pfanout -P -j 4 -- cat </dev/null
}

@test "options: a value that is missing" {
	for option in -j -t -a -n -b -d --backoff --start-timeout --window --match --max-failed --ok-status --retry-status --reject-status --batch --max-record --grace --to --by --key --rate --shared; do
		refused "$option" "$option"
	done
}

@test "options: a value that there must not be" {
	refused --keep-order --keep-order=yes
}

@test "options: bad numbers" {
	for value in 0 -1 x '' 1x 1.5 ' 1' +1 99999999999999999999; do
		refused -j -j "$value"
		refused -a -a "$value" -- cat
		refused --window --window "$value" -- cat
		refused --max-failed --max-failed "$value"
		refused --max-failed --max-failed "$value%%"
		refused --batch --batch "$value" -x -- cat
		refused --rate --rate "1/s,$value" -- cat
		refused --batch --batch "$value,1s" -x -- cat
	done
	for value in 0% -1% x% % 100% 0.00001% 5%5 '5 %' 1.5; do
		refused 'a share such as 5%' --max-failed "$value"
	done
	refused -b -b -1
	refused -b -b x
}

@test "options: bad durations" {
	for value in '' x 5 -1s 1y 1.s .s 1s2 99999999999999d; do
		refused -t -t "$value" -- cat
		refused --grace --grace "$value"
		refused --backoff --backoff "$value" -- cat
		refused --backoff --backoff "1s,$value" -- cat
	done
	for value in '' 5 -1s 1s2 1s,1s; do
		refused --batch --batch "10,$value" -x -- cat
	done
	refused -t -t 0 -- cat
	refused --start-timeout -t 1s --start-timeout 0 -- cat
	refused --backoff --backoff 2s,1s -- cat
}

@test "options: bad exit statuses" {
	for value in '' x 0 256 -1 ' 1' '1,' ,1 1,,2 1,x 1-3 1.5 99999999999999999999; do
		refused --ok-status --ok-status "$value" -F -- cat
		refused --retry-status --retry-status "$value" -x -- cat
		refused --reject-status --reject-status "$value" -x -- cat
	done
	refused 'from 1 to 255' --ok-status 0 -x -- cat
	refused 'exit status 3 is in two of --ok-status, --retry-status and --reject-status' \
		-x --ok-status 1,3 --retry-status 3 -- cat
	refused 'exit status 7 is in two' -x --retry-status 7 --reject-status 6,7 -- cat
}

@test "options: --ok-status is for commands whose exit status decides" {
	refused '--ok-status needs -x or -F' --ok-status 1
	refused '--ok-status needs -x or -F' --ok-status 1 -- cat
}

@test "options: bad sizes" {
	for value in '' x 0 -1 1Q 16MM 99999999999T; do
		refused --max-record --max-record "$value"
	done
}

@test "options: bad paths" {
	for value in '' id .a. '.a[' '.a[x]' '."a'; do
		refused --match --match "$value" -- cat
	done
	refused '.a b' -x -- echo '{.a b}'
	refused '{.a}' -x --batch 2 -- echo '{.a}'
	refused '<{}>' -x --batch 2 -- echo '<{}>'
}

@test "options: an empty name or file" {
	refused -n -n ''
	refused -d -d ''
}

@test "options: a message says what is allowed" {
	refused 'from 1 to' -j 0
	refused 250ms -t 5 -- cat
	refused 64K --max-record x
}

@test "options: modes that don't go together" {
	refused -x -x -F -- cat
	refused -k -F -k -- cat
	refused -t -F -t 1s -- cat
	refused -a -F -a 2 -- cat
	refused --backoff -F --backoff 1s -- cat
	refused --match -F --match .id -- cat
	refused --match -x --match .id -- cat
	refused --window -x --window 2 -- cat
	refused --window -F --window 2 -- cat
	refused --batch --batch 2 -- cat
	refused --batch -F --batch 2 -- cat
	refused --no-bisect -x --no-bisect -- cat
}

# TOOL|ARGUMENTS|MESSAGE; each rule of each tool's usage.c must have a line.
@test "options: each rule says which option is wrong with what, and why; nothing is read" {
	letters 1 >in
	while IFS='|' read -r tool args message; do
		{
			status=0
			# shellcheck disable=SC2086 # words
			timeout 20 "$tool" $args >out 2>err || status=$?
			read -r line
		} <in
		echo "$tool $args: status $status: $(cat err)"
		[ "$status" -eq 2 ]
		[ -n "$line" ]
		[ ! -s out ]
		[ "$(cat err)" = "$tool: $message" ]
		cat err >>messages
	done <<-'END'
		pratelimit|-r 1/s --ack --no-bypass|--ack does not go with --no-bypass: then marks are data, and nobody waits for them
		pfanout|-x -F -- cat|-x does not go with -F
		pfanout|--to x://a --by copy|--to does not go with --by: the engine has all records
		pfanout|--to x://a --batch 3|--to does not go with --batch: the engine's helper makes batches itself
		pfanout|--to x://a --match .id|--to does not go with --match: the engine's helper answers with empty lines
		pfanout|--to x://a --window 3|--to does not go with --window: the engine's helper has a deep one
		pfanout|--to x://a --unbuffered|--to does not go with --unbuffered: the engine's helper needs no help
		pfanout|--to x://a --raw-input|--to does not go with --raw-input: use -R
		pfanout|--to x://a --start-timeout 1s|--to does not go with --start-timeout: the engine's helper waits for its server
		pfanout|--to x://a --no-bisect|--to does not go with --no-bisect: there are no batches
		pfanout|--to x://a --retry-status 3|--to does not go with --retry-status
		pfanout|--to x://a --reject-status 3|--to does not go with --reject-status
		pfanout|--to x://a --ok-status 3|--to does not go with --ok-status
		pfanout|--to f -- cat|--to does not go with a command
		pfanout|-x --to f -- cat|--to does not go with a command
		pfanout|-x --to f|--to does not go with -x
		pfanout|-F --to f|--to does not go with -F
		pfanout|-j 2 --to f|--to does not go with -j: there are no workers
		pfanout|-k --to f|--to does not go with -k: each output has its records in the order of the input
		pfanout|--by copy|--by needs --to
		pfanout|--key .id|--key needs a command or --to
		pfanout|-F --key .id -- cat|--key does not go with -F: filters have FIFOs: pfanout --to FIFO --to FIFO --by key --key PATH
		pfanout|-x --batch 2 --key .id -- cat|--key does not go with --batch: the records of a batch have many keys
		pfanout|-x|-x needs a command
		pfanout|-F --|-F needs a command
		pfanout|-F -k -- cat|-k does not go with -F: a filter's lines have no order to keep
		pfanout|-F -t 1s -- cat|-t does not go with -F: a filter's records have no attempts
		pfanout|-F -a 2 -- cat|-a does not go with -F: a filter's records have no attempts
		pfanout|-F --backoff 1s -- cat|--backoff does not go with -F: a filter's records have no attempts
		pfanout|-F --start-timeout 1s -- cat|--start-timeout does not go with -F: a filter's records have no attempts
		pfanout|-x -t 1s --start-timeout 1s -- cat|--start-timeout does not go with -x: -t includes the start of the command
		pfanout|-F --match .id -- cat|--match does not go with -F: a filter's lines are no answers to records
		pfanout|-x --match .id -- cat|--match does not go with -x: what the command prints is the result, unchecked
		pfanout|-F --window 2 -- cat|--window does not go with -F: a filter takes as many records as it reads
		pfanout|-x --window 2 -- cat|--window does not go with -x: a command gets one record, or with --batch several
		pfanout|--batch 10 -- cat|--batch needs -x: a batch is the input of one process
		pfanout|--batch 10|--batch needs -x: a batch is the input of one process
		pfanout|-F --batch 10 -- cat|--batch needs -x: a batch is the input of one process
		pfanout|-x --no-bisect -- cat|--no-bisect needs --batch
		pfanout|--retry-status 3 -- cat|--retry-status needs -x: in map mode a worker answers ?message
		pfanout|-F --reject-status 3 -- cat|--reject-status needs -x: in map mode a worker answers !message
		pfanout|--start-timeout 1s -- cat|--start-timeout needs -t: without it there is no limit
		pfanout|--raw-input|--raw-input needs a command: it is to answer in JSON
		pfanout|--raw-input -R -- cat|--raw-input does not go with -R: with that the answers are plain lines, too
		pfanout|--raw-input -x -- cat|--raw-input does not go with -x: what the command prints is unchecked anyway: use -R
		pfanout|--raw-input -F -- cat|--raw-input does not go with -F: what the filter prints is unchecked anyway: use -R
		pfanout|-t 1s|-t needs a command
		pfanout|-a 3|-a needs a command
		pfanout|--backoff 1s|--backoff needs a command
		pfanout|--backoff 1s -- cat|--backoff needs -a: without it there is one attempt, and no wait
		pfanout|-x --backoff 1s -- cat|--backoff needs -a: without it there is one attempt, and no wait
		pfanout|--match .id|--match needs a command
		pfanout|--window 2|--window needs a command
		pfanout|-x --unbuffered -- cat|--unbuffered does not go with -x: its output is read to the end anyway
		pfanout|--unbuffered|--unbuffered needs a command
		pfanout|--rate 1/s|--rate needs a command: the rate is of attempts; for records: pratelimit -r RATE | pfanout ...
		pfanout|-F --rate 1/s -- cat|--rate does not go with -F: the rate is of attempts; for records: pratelimit -r RATE | pfanout ...
		pfanout|--to f --rate 1/s|--rate does not go with --to: the rate is of attempts; for records: pratelimit -r RATE | pfanout ...
		pfanout|--shared f -- cat|--shared needs --rate
		pfanin|--round-robin --concat|--round-robin does not go with --concat
		pfanin|--round-robin --merge .t|--round-robin does not go with --merge
		pfanin|--concat --merge .t|--concat does not go with --merge
		pfanin|--idle-timeout 1s|--idle-timeout needs --merge
		pfanin|--window 9 in|--window needs --state, or the URL of an engine
		pfanin|--state s --keep-open in|--state does not go with --keep-open: what comes out of a FIFO cannot be read again
		pfanin|--keep-open --concat in|--keep-open does not go with --concat: the next input's turn would never come
		pfanin|--follow --concat in|--follow does not go with --concat: a file that is followed does not end
		pfanin|--follow --round-robin in|--follow does not go with --round-robin: a silent file would hold up the others
		pfanin|--follow|--follow needs an input: it is for files that are named
		pfanin|--from-end in|--from-end needs --follow
		pfanin|--keep-open|--keep-open needs an input: it is for FIFOs that are named
		pratelimit|-r 1/s --rate-file x|-r does not go with --rate-file
		pratelimit|-r 1/s --queue 3|--queue needs --key: without keys -b is the limit
		pratelimit|-r 1/s --max-keys 3|--max-keys needs --key
		pratelimit|-r 1/s --key .id --shared f|--shared does not go with --key: it is one bucket
		pdeadletter|--no-bypass|--no-bypass does not go with pdeadletter: dead letters are what it is for
		pdeadletter|--max-size 1M|--max-size needs -d: standard error is not rotated
		pdeadletter|--max-size 1M --keep 3|--max-size needs -d: standard error is not rotated
		pdeadletter|--keep 3|--keep needs -d: standard error is not rotated
		pdeadletter|-d dead --keep 3|--keep needs --max-size: nothing is rotated without it
		pdeadletter|--sync none|--sync needs -d: standard error is not synced
		pdeadletter|list --force in|list: --force needs purge: no other command removes letters
		pdeadletter|replay --force in|replay: --force needs purge: no other command removes letters
		pdeadletter|purge --json in|purge: --json does not go with purge: it prints no letters
		pdeadletter|replay --json in|replay: --json does not go with replay: it prints the records
		pdeadletter|show --all in|show: --all needs replay: no other command replays letters
		pdeadletter|purge --wrap in|purge: --wrap needs replay: no other command replays letters
		pdeadletter|stats --ok-status 3 in|stats: --ok-status needs replay: no other command replays letters
		pdeadletter|replay --ok-status 3 in|replay: --ok-status needs a command: replay FILE -- command
		pdeadletter|stats --max-replays 3 in|stats: --max-replays needs replay: no other command replays letters
	END
	[ ! -e dead ]
	sed -nE 's/^ +\{"(-[^"]*)", OPTION_([A-Z]*), "([^"]*)".*/\1 \2 \3/p' "$BATS_TEST_DIRNAME"/../../cmd/*/usage.c |
		sed 's/NEEDS/needs/; s/EXCLUDES/does not go with/' >rules
	[ "$(wc -l <rules)" -gt 20 ]
	while read -r rule; do
		echo "rule: $rule"
		has messages "$rule"
	done <rules
}

@test "options: a command that is missing or empty" {
	refused -x -x
	refused -F -F --
	refused -t -t 1s
	refused -a -a 3
	refused --match --match .id
	refused empty -- ''
}

@test "options: a command that is not there is 127, one that can't be executed 126, before input is read" {
	echo 'echo hello' >plain
	for mode in '' -x -F; do
		# shellcheck disable=SC2086 # nothing or a word
		want=127 refused no-such-command $mode -- no-such-command
		# shellcheck disable=SC2086
		want=127 refused ./missing $mode -- ./missing
		# shellcheck disable=SC2086
		want=126 refused ./plain $mode -- ./plain
		# shellcheck disable=SC2086
		want=126 refused / $mode -- /
	done
}

@test "options: what comes after the command is the command's" {
	echo '{"id":1}' >in
	go 0 pfanout sed -e s/1/2/ <in
	[ "$(cat out)" = '{"id":2}' ]
}

@test "options: values with = and without a blank" {
	ids 3 >in
	go 0 pfanout -kj2 --buffer=1 -b0 --max-record=1K -nstage <in
	cmp in out
}

@test "options: all common options at once, in each mode" {
	ids 300 >in
	for mode in '-k' '-k -- cat' '-x -- cat' '-F -- cat' '-k -x -t 10s -a 2 --backoff 1ms,2ms --ok-status 3 --retry-status 75,4 --reject-status none --batch 50,1h --no-bisect --rate 1G/s,9 --shared x.bucket -- cat' '-k -t 10s --start-timeout 9s -a 2 --backoff 1ms,2ms --window 3 --match .id --rate 1M/s --shared m.bucket -- cat' '-k --raw-input -- cat'; do
		# shellcheck disable=SC2086 # words
		go 0 pfanout -j 3 -n stage -b 7 -d dead --max-record 1M --no-bypass --grace 1s -P -q --max-failed 9 $mode <in
		sort -V out | cmp - in
		[ ! -s dead ]
		[ ! -s err ]
	done
}

@test "options: -q is quiet about failures, not about errors" {
	echo nonsense >in
	go 1 pfanout <in
	lines err 2
	go 1 pfanout -q <in
	[ ! -s err ]
	go 2 pfanout -q -j0 <in
	lines err 1
}

@test "options: -v ends with one line of numbers" {
	{
		ids 5
		echo
		echo nonsense
	} >in
	go 1 pfanout -v -- sed '/"id":2}/s/.*//; /"id":3}/s/.*/!no/' <in
	[ "$(tail -n 1 err | sed 's/, [0-9.]* s, [0-9]* records.*//')" = "pfanout: received 6, processed 3, filtered 1, \
failed 2 (1 invalid, 1 rejected), bypassed 0, retries 0, blank 1, written 5" ]
	tail -n 1 err | grep -qE ', [0-9.]+ s, [0-9]+ records/s, waited: input [0-9]+ %, output [0-9]+ %, workers [0-9]+ %; workers busy [0-9]+ %, starts [0-9]+$'
}

@test "options: -n names the stage in dead letters, else the command does" {
	echo nonsense >in
	go 1 pfanout -n enrich <in
	[ "$(jq -r .stage out)" = enrich ]
	go 1 pfanout <in
	[ "$(jq -r .stage out)" = pfanout ]
	go 1 pfanout /bin/cat <in
	[ "$(jq -r .stage out)" = cat ]
}

@test "options: the man page and --help have the same options" {
	[ -f "$MAN" ] || skip "no man page yet"
	sed -n 's/^\.It Fl \([A-Za-z-][a-z-]*\).*/\1/p' "$MAN" | sort -u >first
	grep '^\.It Fl' "$MAN" | grep -o 'Fl -[a-z][a-z-]*' | sed 's/Fl -/--/' | sort -u >page
	long_options >help
	diff help page
	pfanout --help | sed -n 's/^  -\([A-Za-z]\),.*/\1/p' | sort -u >help
	grep '^\.It Fl' "$MAN" | grep -o 'Fl [A-Za-z]\b' | sed 's/Fl //' | sort -u >page
	diff help page
}

@test "options: the man page's SYNOPSIS and the usage lines of --help agree" {
	[ -f "$MAN" ] || skip "no man page yet"
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	pfanout --help | sed -n '1,/^$/p' | grep . | sed 's/^usage: //; s/^ *//' | flags_of >help
	# A line that does not begin with the name belongs to the one before.
	mandoc -Tascii -Owidth=400 "$MAN" | col -b | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
		grep '^ ' | sed 's/^ *//' | awk '/^pfanout/ { if (l != "") print l; l = $0; next } { l = l " " $0 } END { print l }' |
		flags_of >page
	[ -s page ]
	diff help page
}
