#!/usr/bin/env bats
# One test per C test program: lib/ module by module.

load helpers

for_module() {
	run timeout 120 "$T/$1"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "lib: bucket" {
	for_module t_bucket
}

@test "lib: chan" {
	for_module t_chan
}

@test "lib: chan_threads" {
	for_module t_chan_threads
}

@test "lib: child" {
	for_module t_child
}

@test "lib: ctx" {
	for_module t_ctx
}

@test "lib: deadfile" {
	for_module t_deadfile
}

@test "lib: select" {
	for_module t_select
}

@test "lib: series" {
	for_module t_series
}

@test "lib: queue" {
	for_module t_queue
}

@test "lib: envelope" {
	for_module t_envelope
}

@test "lib: gate" {
	for_module t_gate
}

@test "lib: histogram" {
	for_module t_histogram
}

@test "lib: hunger" {
	for_module t_hunger
}

@test "lib: json" {
	for_module t_json
}

@test "lib: json_path" {
	for_module t_json_path
}

@test "lib: key" {
	for_module t_key
}

@test "lib: ledger" {
	for_module t_ledger
}

@test "lib: members" {
	for_module t_members
}

@test "lib: meter" {
	for_module t_meter
}

@test "lib: monitor" {
	for_module t_monitor
}

@test "lib: options" {
	for_module t_options
}

@test "lib: pacer" {
	for_module t_pacer
}

@test "lib: park" {
	for_module t_park
}

@test "lib: pipe" {
	for_module t_pipe
}

@test "lib: pool" {
	for_module t_pool
}

@test "lib: reader" {
	for_module t_reader
}

@test "lib: record" {
	for_module t_record
}

@test "lib: report" {
	for_module t_report
}

@test "lib: retry" {
	for_module t_retry
}

@test "lib: sequencer" {
	for_module t_sequencer
}

@test "lib: stage" {
	for_module t_stage
}

@test "lib: stat" {
	for_module t_stat
}

@test "lib: template" {
	for_module t_template
}

@test "lib: units" {
	for_module t_units
}

@test "lib: utf8" {
	for_module t_utf8
}

@test "lib: window" {
	for_module t_window
}

@test "lib: writer" {
	for_module t_writer
}
