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
	for unit in "$DOC"/systemd/*.service; do
		sed 's|/usr/local/bin/p[a-z]*|/bin/true|g' "$unit" >"${unit##*/}"
	done
	run timeout 30 systemd-analyze verify --man=no ./*.service
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	# A stage and the exporter meet in one directory, under one user.
	for setting in User RuntimeDirectory RuntimeDirectoryPreserve Environment; do
		grep -h "^$setting=" ./*.service >"$setting"
		[ "$(wc -l <"$setting")" -ge 2 ]
	done
	[ "$(sort -u User | wc -l)" -eq 1 ]
	[ "$(grep -c '^Environment=PCHAN_RUN_DIR=%t/pchan$' Environment)" -eq "$(find . -name '*.service' | wc -l)" ]
}

# The shell command of the unit's ExecStart or ExecStop, for folders here.
command_of() {
	awk -v name="$1=" 'index($0, name) == 1 { on = 1 } on { print } !/\\$/ { on = 0 }' "$DOC/systemd/access.service" |
		tr -d '\\\n' | sed "s/^$1=\/bin\/sh -c '\(.*\)'\$/\1/; s|%S|$PWD|g; s|/var/log|$PWD|; s| --from-end||"
}

@test "rules: the pipeline of the unit runs, and its ExecStop loses no record" {
	mkdir access
	ids 500 >access.ndjson
	cat >enrich <<-'END'
		#!/bin/sh
		while read -r record; do case $record in *7}) echo '!seven' ;; *) echo "$record" ;; esac; done
	END
	chmod +x enrich
	PATH=$PWD:$PATH
	command_of ExecStart | sed 's|200/s|20000/s|' >start.sh
	command_of ExecStop >stop.sh
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
