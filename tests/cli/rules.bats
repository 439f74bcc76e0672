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
	[ "$(grep -c ' alert: ' pchan.rules.yml)" -eq "$(grep -c '  description: ".*`.*`' pchan.rules.yml)" ]
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
