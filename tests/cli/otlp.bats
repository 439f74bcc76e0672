#!/usr/bin/env bats
# Traces as others read them: OpenTelemetry's own code decodes our lines.

bats_require_minimum_version 1.5.0
load ../support/helpers

# Decodes lines of OTLP/JSON from standard input, prints the number of spans.
decode() {
	NODE_PATH=$NPM timeout 60 node "$BATS_TEST_DIRNAME/../support/decode_otlp.js"
}

@test "otlp: every member of every span survives OpenTelemetry's own decoder" {
	needs_npm
	"$T/unit/t_otlp" print >spans.jsonl
	[ "$(wc -l <spans.jsonl)" -eq 40 ]
	decode <spans.jsonl >decoded
	[ "$(cat decoded)" = 1000 ]
}

@test "otlp: the test above notices a member that the decoder does not know" {
	needs_npm
	"$T/unit/t_otlp" print >spans.jsonl
	for member in parentSpanId traceState startTimeUnixNano droppedEventsCount links stringValue intValue kind message; do
		sed "s/\"$member\":/\"${member}X\":/" spans.jsonl >odd.jsonl
		! cmp -s spans.jsonl odd.jsonl
		run -1 decode <odd.jsonl
		[[ $output == *"${member}X"* ]]
	done
}
