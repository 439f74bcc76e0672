#!/usr/bin/env bats
# The files of man/doc: are they what the programs that read them understand?
# tests/prometheus has the tests with a running Prometheus.

load ../support/helpers

DOC=$BATS_TEST_DIRNAME/../../man/doc
CASES=$BATS_TEST_DIRNAME/../prometheus/rules.yml

@test "rules: each alert fires when it should, and only then" {
	needs promtool
	timeout 30 promtool test rules "$CASES"
}

@test "rules: each alert has a case that fires, and one that doesn't" {
	sed -n 's/^ *- alert: //p' "$DOC/prometheus/pchan.rules.yml" >alerts
	[ "$(wc -l <alerts)" -ge 7 ]
	while read -r alert; do
		echo "$alert"
		grep -A 2 "alertname: $alert" "$CASES" >cases
		grep -q 'exp_alerts: \[\]' cases
		grep -q 'exp_alerts:$' cases
	done <alerts
}

@test "rules: each alert says which stage it is, and what to do" {
	needs promtool
	cp "$DOC"/prometheus/*.yml .
	timeout 30 promtool check config scrape.yml
	timeout 30 promtool check rules --lint=all --lint-fatal pchan.rules.yml
	[ "$(grep -c ' alert: ' pchan.rules.yml)" -eq "$(grep -c ' description: ".*\."$' pchan.rules.yml)" ]
	grep ' summary: ' pchan.rules.yml >summaries
	[ "$(wc -l <summaries)" -eq "$(grep -cE '\$labels\.(stage|instance) }}' summaries)" ]
}

@test "rules: the dashboard is whole: one source, one query per letter, panels that don't overlap" {
	jq -e '
		[.. | objects | select(has("expr"))] as $targets |
		($targets | length) > 10 and
		all($targets[]; .expr | contains("pipeline=~\"$pipeline\"")) and
		([.templating.list[].name] == ["datasource", "pipeline", "stage"]) and
		all(.panels[] | select(.type != "row"); .datasource.uid == "${datasource}" and .title != "" and
			([.targets[].refId] | (unique | length) == length)) and
		([.panels[].id] | (unique | length) == length) and
		# Each cell of the grid belongs to one panel.
		([.panels[].gridPos | range(.x; .x + .w) as $x | range(.y; .y + .h) | [$x, .]] |
			(unique | length) == length) and
		all(.panels[].gridPos; .x + .w <= 24)
	' "$DOC/prometheus/pchan-grafana.json"
}

@test "rules: systemd understands the units" {
	needs systemd-analyze
	# The programs need not be installed here.
	for unit in "$DOC"/systemd/*.{service,timer}; do
		sed 's|/usr/local/bin/p[a-z]*|/bin/true|g' "$unit" >"${unit##*/}"
	done
	run timeout 30 systemd-analyze verify --man=no ./*.service ./*.timer
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	# A stage and the exporter meet in one directory, under one user.
	for setting in User RuntimeDirectory RuntimeDirectoryPreserve Environment; do
		grep -h "^$setting=" ./*.service >"$setting"
		[ "$(wc -l <"$setting")" -ge 2 ]
	done
	[ "$(sort -u User | wc -l)" -eq 1 ]
	[ "$(grep -c '^Environment=PCHAN_RUN_DIR=%t/pchan$' Environment)" -eq "$(grep -l '^User=' ./*.service | wc -l)" ]
	# Each unit that another one names is there.
	sed -n 's/^OnFailure=//p' ./*.service >named
	[ -s named ]
	xargs ls <named
	for timer in *.timer; do ls "${timer%.timer}.service"; done
	systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' calls.timer)" | grep -q '05:00$\|[05]:00 '
}

# command_of UNIT NAME: the shell command of the unit's ExecStart or ExecStop,
# for folders here.
command_of() {
	awk -v name="$2=" 'index($0, name) == 1 { on = 1 } on { print } !/\\$/ { on = 0 }' "$DOC/systemd/$1.service" |
		tr -d '\\\n' | sed -E "s/^$2=\/bin\/(ba)?sh -c '(.*)'\$/\2/; s|%S|$PWD|g; s|/var/log|$PWD|; s| --from-end||"
}

# A worker that rejects each tenth record.
rejecter() {
	printf '%s\n' '#!/bin/sh' 'while read -r record; do' \
		"case \$record in *7}) echo '!seven' ;; *) echo \"\$record\" ;; esac; done" >"$1"
	chmod +x "$1"
	PATH=$PWD:$PATH
}

@test "rules: the pipeline of the unit runs, and its ExecStop loses no record" {
	mkdir access
	ids 500 >access.ndjson
	rejecter enrich
	command_of access ExecStart | sed 's|200/s|20000/s|' >start.sh
	command_of access ExecStop >stop.sh
	PCHAN_PIPELINE=access timeout 60 sh start.sh 3>&- 2>err &
	shell=$!
	# timeout(1) is the parent of the shell.
	wait_until pgrep -P "$shell" >/dev/null
	main=$(pgrep -P "$shell")
	wait_until test -s access/ok.ndjson
	MAINPID=$main timeout 30 sh stop.sh
	status=0
	wait "$shell" || status=$?
	cat err
	# One of SuccessExitStatus.
	[ "$status" -eq 143 ]
	account "$(cat access/*.ndjson | wc -l)" access/ok.ndjson access/dead.ndjson
}

@test "rules: the pipeline of the template runs, from a source to a sink" {
	ids 500 >in
	rejecter work
	command_of pchan-pipeline@ ExecStart >start.sh
	# The process substitutions end after the shell: the FIFO ends then.
	mkfifo alive
	exec 8<>alive
	exec 6<alive
	SOURCE=in WORKER=work SINK=out timeout 30 bash start.sh 3>&- 6<&- 7>alive 8>&- 2>err
	exec 8>&-
	timeout 20 cat <&6
	cat err
	account 500 out dead.ndjson
	[ "$(wc -l <dead.ndjson)" -eq 50 ]
}

# start_job RATE: starts the command of calls.service as the leader of a group,
# and sets main.  As long as one of its processes is there, fd 6 has no end.
start_job() {
	exec 8<>alive
	exec 6<alive
	command_of calls ExecStart | sed "s|50/s|$1|; s|pfanin |&--window 100 |" >start.sh
	setsid bash start.sh 3>&- 6<&- 7>alive 8>&- 2>>err &
	main=$!
	exec 8>&-
}

# Does what systemd does when the main process has ended: kills the others.
end_job() {
	status=0
	wait "$main" || status=$?
	kill -KILL -- "-$main" 2>/dev/null || true
	timeout 20 cat <&6
}

@test "rules: the job of the unit ends with its main process, and goes on in the next run" {
	ids 1000 >calls.ndjson
	rejecter call
	mkfifo alive
	start_job 100/s
	wait_until test -s done.ndjson
	kill -TERM "$main"
	end_job
	cat err
	[ "$status" -eq 143 ]
	first=$(cat done.ndjson dead.ndjson | wc -l)
	echo "first run: $first"
	[ "$first" -lt 1000 ]
	start_job 20000/s
	end_job
	cat err
	[ "$status" -eq 0 ]
	jq '.value.id? // .id' dead.ndjson done.ndjson | sort -n >ids
	sort -nu ids | cmp - <(seq 1000)
	# Twice, if the machine took longer than the grace: what was on its way.
	[ "$(wc -l <ids)" -le 1100 ]
}

# Rotates as man/doc/logrotate says, in the folders calls and log here.
rotate_here() {
	sed "s|^/var/lib|$PWD|; s|^/var/log|$PWD/log|; /^\\tsu /d" "$DOC/logrotate/pchan" >conf
	chmod 600 conf
	chmod go-w . calls log
	logrotate -f -s "$PWD/state" conf
}

# letters_are N: N letters are in the series.
letters_are() {
	[ "$(timeout 20 pdeadletter list --json calls/dead.ndjson 2>/dev/null | wc -l)" -eq "$1" ]
}

@test "rules: logrotate: the dead letters of running stages are all listed" {
	needs logrotate
	mkdir calls log
	mkfifo records letters
	timeout 60 pfanout -q -d calls/dead.ndjson sed 's/.*/!no/' <records >out 2>err 3>&- &
	timeout 60 pdeadletter -q -d calls/dead.ndjson <letters 2>err2 3>&- &
	exec 8>records 9>letters
	letters 4 >four
	for n in 1 2 3 4; do
		echo "{\"id\":1$n}" >&8
		sed -n "${n}p" four >&9
		wait_until letters_are $((2 * n))
		[ "$n" -eq 4 ] || rotate_here
	done
	exec 8>&- 9>&-
	wait
	cat err err2
	[ ! -s err ] && [ ! -s err2 ]
	[ "$(find calls -name 'dead.ndjson.[1-9]' | wc -l)" -eq 3 ]
	timeout 20 pdeadletter list --json calls/dead.ndjson | jq .value.id | sort -n | cmp - <(seq 4; seq 11 14)
}

@test "rules: logrotate: a log that is followed has each line once" {
	needs logrotate
	mkdir calls log
	touch log/access.ndjson
	for run in 1 2 3; do
		timeout 60 pfanin -q --follow --state job.state log/access.ndjson >>got 3>&- 2>err &
		pid=$!
		for n in 1 2; do
			[ $n -eq 1 ] || rotate_here
			echo "{\"id\":$run$n}" >>log/access.ndjson
			wait_until grep -q ":$run$n}" got
		done
		kill "$pid"
		wait "$pid" || [ $? -eq 143 ]
		# While it is down.
		echo "{\"id\":${run}3}" >>log/access.ndjson
		rotate_here
		echo "{\"id\":${run}4}" >>log/access.ndjson
	done
	timeout 60 pfanin -q --follow --state job.state log/access.ndjson >>got 3>&- 2>err &
	wait_until grep -q ':34}' got
	kill $!
	jq .id got | sort -n | cmp - <(seq 11 14; seq 21 24; seq 31 34)
	ls log/access.ndjson.[1-9]*.gz
}
