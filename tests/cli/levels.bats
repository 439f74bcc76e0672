#!/usr/bin/env bats
# The shape of the code: the folder is the level, and objects don't call each
# other in a circle.

# shellcheck disable=SC2013,SC2086 # names without blanks
load ../support/helpers

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
}

# From the lowest to the highest: a folder of lib includes itself and those
# before it.
LEVELS='base json sync trace record proc engine metrics stage'

# Prints `FILE FOLDER/HEADER` for each include of a header of lib in the files
# named.
includes() {
	grep -oE '^#include "[a-z0-9_]+/[a-z0-9_]+\.h"' -- "$@" | sed 's/:#include "/ /; s/"$//'
}

# Prints `A B` where object A of the archive uses a name that object B defines,
# and `A A` for each object.
calls() {
	nm -A --defined-only "$1" | awk '$2 ~ /^[A-Z]$/ { split($1, at, ":"); print $3, at[2] }' >"$BATS_TEST_TMPDIR/defined"
	nm -A --undefined-only "$1" | awk '$2 == "U" { split($1, at, ":"); print $3, at[2] }' >"$BATS_TEST_TMPDIR/used"
	awk 'NR == FNR { home[$1] = $2; print $2, $2; next } $1 in home && home[$1] != $2 { print $2, home[$1] }' \
		"$BATS_TEST_TMPDIR/defined" "$BATS_TEST_TMPDIR/used" | sort -u
}

no_circle() {
	[ "$(wc -l <"$1")" -gt 1 ]
	run tsort "$1"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "levels: every folder of lib is a level" {
	[ "$(cd lib && printf '%s\n' */ | sort | xargs)" = "$(printf '%s/\n' $LEVELS | sort | xargs)" ]
	[ -z "$(find lib -maxdepth 1 -name '*.[ch]')" ]
}

@test "levels: a folder includes itself and those before it" {
	includes lib/*/*.[ch] >"$BATS_TEST_TMPDIR/includes"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/includes")" -gt 100 ]
	run awk -v levels="$LEVELS" '
		BEGIN { n = split(levels, name); for (i = 1; i <= n; i++) level[name[i]] = i }
		{ split($1, from, "/"); split($2, to, "/") }
		!(to[1] in level) || level[to[1]] > level[from[2]] { print $1 " includes " $2 }' "$BATS_TEST_TMPDIR/includes"
	echo "$output"
	[ -z "$output" ]
}

@test "levels: an include names the folder, and the header is there" {
	for line in $(grep -hoE '^#include ".*"' lib/*/*.[ch] | sed 's/.*"\(.*\)"/\1/' | sort -u); do
		[[ $line == */* ]] && [ -f "lib/$line" ] || {
			echo "$line"
			return 1
		}
	done
}

@test "levels: a tool includes only its own headers and the library's" {
	for tool in cmd/*/; do
		for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$tool"*.[ch]); do
			[ -f "$tool$header" ] || [[ $header == */* && -f lib/$header ]] || {
				echo "$tool includes $header"
				return 1
			}
		done
	done
}

@test "levels: headers don't include each other in a circle" {
	grep -oE '^#include ".*\.h"' lib/*/*.h | sed 's|^lib/||; s|:#include "| |; s|"$||' >"$BATS_TEST_TMPDIR/pairs"
	no_circle "$BATS_TEST_TMPDIR/pairs"
	for tool in cmd/*/; do
		grep -oE '^#include "[^/]*\.h"' "$tool"*.h | sed 's|^.*/\([^/]*\):#include "| \1 |; s|"$||' >"$BATS_TEST_TMPDIR/pairs" || true
		run tsort "$BATS_TEST_TMPDIR/pairs"
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "levels: no objects call each other in a circle, in the library and in each tool" {
	for archive in "$T"/../*.a; do
		echo "# $archive"
		calls "$archive" >"$BATS_TEST_TMPDIR/calls"
		no_circle "$BATS_TEST_TMPDIR/calls"
	done
}

@test "levels: base and json know nothing of threads" {
	run grep -nE '#include <(pthread|threads)\.h>' lib/base/*.[ch] lib/json/*.[ch]
	[ -z "$output" ]
}

@test "levels: sync knows nothing of JSON" {
	run grep -nE 'json' lib/sync/*.[ch]
	echo "$output"
	[ -z "$output" ]
}

@test "levels: the library never exits and prints nothing" {
	# cli.c, err.c and helper.c are left out: they are what the main() of
	# each tool, and of each helper, has in common.
	grep -nE '\b(exit|_exit|err|errx|warn|warnx|perror|printf|puts|abort)\(' --exclude=cli.c --exclude=err.c --exclude=helper.c lib/*/*.c |
		# A forked child has to exit, and so does the handler of a fatal
		# signal.
		grep -vE '^lib/(proc/child|stage/monitor|stage/signals)\.c:[0-9]+:.*_exit\(' |
		grep -vE 'fprintf|snprintf|^[^:]*:[0-9]+:[ 	]*(/\*| \*)' >"$BATS_TEST_TMPDIR/found" || true
	cat "$BATS_TEST_TMPDIR/found"
	[ ! -s "$BATS_TEST_TMPDIR/found" ]
}
