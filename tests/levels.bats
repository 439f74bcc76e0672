#!/usr/bin/env bats
# Who includes whom: down the levels only, without circles.

# shellcheck disable=SC2013 # file names without blanks

load helpers

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return 1
}

# The levels, from below; a file may include those of its own line and of the lines before it.
levels() {
	cat <<-END
		clock utf8 units bucket reason histogram version json json_bits json_window json_string json_find json_path
		members park ring payload series deadfile
		ctx record stat options ledger gate envelope
		chan queue child hunger unwrap
		reader writer sequencer pool pipe stage
		retry monitor report source sink
		tool
	END
}

# `FILE INCLUDED` for each include of a project's header in the files named, without folders and ends.
pairs() {
	awk '/^#include "[a-z_]*\.h"$/ {
		file = FILENAME
		sub(/.*\//, "", file)
		sub(/\.[ch]$/, "", file)
		gsub(/"|\.h/, "", $2)
		if (file != $2) print file, $2 }' "$@"
}

# All that a module's .c and .h include, also through others.
closure() {
	pairs lib/*.[ch] | awk -v start="$1" '
		{ includes[$1] = includes[$1] " " $2 }
		function visit(m,    names, n, i) {
			if (seen[m]++) return
			print m
			n = split(includes[m], names)
			for (i = 1; i <= n; i++) visit(names[i])
		}
		END { visit(start) }'
}

@test "levels: the library's includes have no circle" {
	pairs lib/*.[ch] >"$BATS_TEST_TMPDIR/pairs"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/pairs")" -gt 50 ]
	run tsort "$BATS_TEST_TMPDIR/pairs"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "levels: the includes of each tool have no circle" {
	for tool in cmd/*/; do
		# Those of a header count; a .c may know of a neighbour that knows of it.
		run tsort <(pairs "$tool"*.h lib/*.[ch])
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "levels: each file of the library includes its own level or lower ones only" {
	for file in lib/*.[ch]; do
		levels | grep -qw "$(basename "${file%.[ch]}")" || {
			echo "$file has no level yet: give it one in levels.bats"
			return 1
		}
	done
	pairs lib/*.[ch] >"$BATS_TEST_TMPDIR/pairs"
	run awk 'NR == FNR { for (i = 1; i <= NF; i++) level[$i] = FNR; next }
		level[$1] < level[$2] { print $1 " (" level[$1] ") includes " $2 " (" level[$2] ")" }' <(levels) "$BATS_TEST_TMPDIR/pairs"
	echo "$output"
	[ -z "$output" ]
}

@test "levels: a tool includes its own files and the library's only" {
	for tool in cmd/*/; do
		for file in "$tool"*.[ch]; do
			for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' "$file"); do
				[ -f "$tool$header" ] || [ -f "lib/$header" ] || {
					echo "$file includes $header"
					return 1
				}
				[ ! -f "$tool$header" ] || [ ! -f "lib/$header" ] || {
					echo "$header is in $tool and in lib"
					return 1
				}
			done
		done
	done
}

@test "levels: the library includes nothing of a tool" {
	for header in $(sed -n 's/^#include "\(.*\)"$/\1/p' lib/*.[ch]); do
		[ -f "lib/$header" ] || {
			echo "$header"
			return 1
		}
	done
}

@test "levels: json, envelope, histogram, units and reason know nothing of threads" {
	for module in json json_string json_find json_path envelope payload members histogram units reason utf8; do
		[ -f "lib/$module.c" ]
		for included in $(closure "$module"); do
			[[ " park chan ctx pool " != *" $included "* ]] || {
				echo "$module includes $included"
				return 1
			}
			for file in lib/"$included".[ch]; do
				[ ! -f "$file" ] || [ "$(grep -c '#include <\(pthread\|threads\)\.h>' "$file")" -eq 0 ] || {
					echo "$module includes $file, which knows of threads"
					return 1
				}
			done
		done
	done
}

@test "levels: chan, ctx, pool, pipe and park know nothing of JSON" {
	for module in chan ctx pool park; do
		[ -f "lib/$module.c" ]
		for included in $(closure "$module"); do
			[[ "$included" != json* ]] && [ "$included" != envelope ] || {
				echo "$module includes $included"
				return 1
			}
		done
		[ "$(cat lib/"$module".[ch] | grep -c 'jansson')" -eq 0 ]
	done
}

@test "levels: the library never exits and prints nothing" {
	# All but tool.c, which is what the main() of each tool has in common.
	run grep -nE '\b(exit|_exit|err|errx|warn|warnx|perror|printf|puts|abort)\(' --exclude=tool.c lib/*.c
	# In a child that was forked, and where a signal ends us, it has to.
	echo "$output" | grep -vE '^lib/(child|monitor)\.c:[0-9]+:.*_exit\(' | grep -vE 'fprintf|snprintf|^[^:]*:[0-9]+:[ 	]*(/\*| \*)' >"$BATS_TEST_TMPDIR/found" || true
	cat "$BATS_TEST_TMPDIR/found"
	[ ! -s "$BATS_TEST_TMPDIR/found" ]
}
