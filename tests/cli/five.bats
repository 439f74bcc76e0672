#!/usr/bin/env bats
# Pipelines of all five tools: their metrics say what is in the files.  The
# program that runs them says how.

load ../support/helpers

# counts N KIND...
counts() {
	BIN=$(dirname "$(command -v pfanout)") TMPDIR=$BATS_TEST_TMPDIR \
		/usr/bin/python3 "$BATS_TEST_DIRNAME/../campaign/counts" "$@"
}

@test "five: the numbers of all stages are those of the files, at any time" {
	counts 10000 map
}

@test "five: the same in order, in batches, with filters and several outputs" {
	counts 2000 order batch filter to
}

@test "five: a stage that is killed: the counts are kept, and folded unchanged" {
	counts 2000 map:lock map:kill-fanin order:kill-pace batch:kill-work filter:kill-tap to:kill-dead
}

@test "five: signals, and a reader that leaves early" {
	counts 2000 batch:int to:term map:twice filter:twice order:head
}
