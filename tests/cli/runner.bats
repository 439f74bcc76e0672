#!/usr/bin/env bats
# tests/run.sh: what is shown of a run, and how it ends.

load ../support/helpers
load ../support/streams

ROOT=$BATS_TEST_DIRNAME/../..

# Bats would take tests that begin like its own for tests of this file.
tests() {
	sed 's/^test/@test/'
}

# run_tests STATUS FILE...
run_tests() {
	# A bats of its own, which must not take this one's settings.
	local names

	mapfile -t names < <(compgen -e BATS_)
	go "$1" env "${names[@]/#/--unset=}" BIN=/usr/bin SAN= "$ROOT/tests/run.sh" "${@:2}"
}

@test "runner: results are counted as they come, and failures named once more at the end" {
	tests >some.bats <<-'END'
		test "some: good" { true; }
		test "some: bad, with [3/4] and a # in it" { echo why; false; }
		test "some: skipped" { skip "no reason"; }
		test "some: worse" { false; }
	END
	run_tests 1 "$PWD/some.bats"
	cat out
	[ "$(grep -c '^ok ' out)" -eq 2 ]
	grep -qx 'ok \[1/4\] some: good' out
	grep -qx 'not ok \[2/4\] some: bad, with \[3/4\] and a # in it' out
	grep -qx '# why' out
	grep -q '^ok \[3/4\] some: skipped # skip' out
	[ "$(tail -n 3 out)" = 'failed: some: bad, with [3/4] and a # in it
failed: some: worse
1 passed, 2 failed, 1 skipped' ]
}

@test "runner: a good run has nothing to name" {
	echo 'test "some: good" { true; }' | tests >some.bats
	run_tests 0 "$PWD/some.bats"
	[ "$(cat out)" = 'ok [1/1] some: good
1 passed, 0 failed, 0 skipped' ]
}

@test "runner: a file that bats cannot read is a failure that is named" {
	echo 'test "some: good" {' | tests >some.bats
	run_tests 1 "$PWD/some.bats"
	grep -q '^failed: ' out
	tail -n 1 out | grep -qE '^0 passed, [1-9][0-9]* failed, 0 skipped$'
}
