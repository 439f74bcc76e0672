#!/bin/sh
# Reads all code with every tool that has an opinion about it, and fails if one
# objects.
#
#	lint.sh [tool ...]
#
# Tools: gcc clang clang-format cppcheck shellcheck mandoc comments unused
# (default: all).
set -u
cd "$(dirname "$0")/.." || exit 2

# The objects of all .c files, in a folder of the compiler's own.  What needs an
# engine's library is left out where that is missing.
objects_of() {
	without='^$'
	if ! pkg-config --exists rdkafka; then
		without=^tests/engines/
		echo "lint: tests/engines is not compiled: make deps-engines" >&2
	fi
	find lib cmd tests -name '*.c' | grep -v "$without" | sed "s|\(.*\)\.c$|build/lint/$1/\1.o|"
}

# Compiles every .c file; a warning is an error.
build_with() {
	objects_of "$1" |
		xargs make -s -k -j"$(nproc)" SAN= CC="$1" BUILD="build/lint/$1" CFLAGS='-O2 -g -Werror -Itests/unit'
}

lint_gcc() {
	build_with gcc
}

lint_clang() {
	build_with clang
}

lint_clang_format() {
	find lib cmd tests -name '*.[ch]' -exec clang-format --dry-run -Werror {} +
}

# KNF declares at the head of a function and writes `continue` as the body of an
# empty loop; a callback cannot choose its parameters; a test that continues
# after a failed CHECK may crash.
lint_cppcheck() {
	find lib cmd tests -name '*.c' -exec cppcheck -q -j "$(nproc)" --error-exitcode=1 --std=c11 \
		--library=bsd --enable=warning,style,performance,portability --inline-suppr \
		--suppress=variableScope --suppress=redundantContinue --suppress=constParameter \
		--suppress='nullPointerRedundantCheck:tests/*' \
		--suppress='unknownMacro:lib/sync/ctx.c' --suppress='unknownMacro:lib/proc/running.c' \
		--suppress='unknownMacro:cmd/pratelimit/flows.c' \
		--suppress='unknownMacro:cmd/pfanin/places.c' \
		--suppress='unknownMacro:cmd/pfanin/files.c' \
		--suppress='unknownMacro:cmd/pmetrics/page.c' \
		--suppress='unknownMacro:cmd/pmetrics/traces.c' \
		-Ilib -Icmd -Itests/unit -D_GNU_SOURCE -DLIBBSD_OVERLAY {} +
}

# A script is known by its first line.  In bats files every test is a subshell
# (SC2030, SC2031), and jq's variables look like the shell's (SC2016).  Other
# files use what a helper sets (SC2034).
lint_shellcheck() {
	scripts=$(find cmd tests .ci -type f -exec awk '
		FNR == 1 && /^#!.*[\/ ](ba)?sh( |$)/ { print FILENAME }
		{ nextfile }' {} +)
	# shellcheck disable=SC2086 # names without spaces
	shellcheck -x -e SC2016 $scripts &&
		find tests -name '*.bats' -exec shellcheck -s bash -e SC2016,SC2030,SC2031 {} + &&
		find tests -name '*.bash' -exec shellcheck -s bash -e SC2016,SC2034 {} +
}

# The pages refer to each other and to pages that may not be installed here.
lint_mandoc() {
	! stdbuf -oL mandoc -T lint man/*.[1-9] 2>&1 |
		grep -v -e 'referenced manual not found' -e 'outdated mandoc.db'
}

# Comments are filled to 80 columns, in C files and in scripts.
lint_comments() {
	find lib cmd tests .ci Makefile -type f -exec env LC_ALL=C awk -f tests/support/wide_comments.awk {} +
}

# Every name that a file of lib or of a tool exports is used by another of them.
# A name that only tests use is reported, too, unless it is listed here together
# with the reason why it stays.
lint_unused() {
	allowed='
		histogram_bound		for metrics
		histogram_count		for metrics
		histogram_quantile	for metrics
		metrics_new		makes numbers for tests
		metrics_free		makes numbers for tests
		metrics_latency		for metrics
		metrics_queue		for metrics
		chan_len		for metrics: what waits in a channel
		chan_capacity		for metrics: what may wait in it
		pipeline_chan		for metrics: which channels there are
		chan_send		part of the interface that is measured
		chan_recv		part of the interface that is measured
		reader_pending		shows a test that memory stays bounded
		units_format_size	for metrics
		map_next		the table of states, which its test reads
		exposition_format_number	what a sample is made of, tested by itself
		utf8_char		what the others are made of, tested by itself
		spanfile_bound		makes small files for tests
		meter_map		one of the kinds of meters, tested by itself
		meter_new		another one
		taker_owed		shows a test what is bounded
		taker_has_all		shows a test that all has been read
		offsets_free		the helper has them until it ends
	'
	build_with gcc || return 1
	! objects_of gcc | xargs nm -A -g | sed 's|^build/lint/gcc/||' | awk -v allowed="$allowed" '
		BEGIN {
			n = split(allowed, lines, "\n")
			for (i = 1; i <= n; i++)
				if (split(lines[i], words) > 0)
					stays[words[1]]
		}
		{ file = substr($1, 1, index($1, ":") - 1) }
		$(NF - 1) == "U" && file ~ /^tests\// { tested[$NF]; next }
		$(NF - 1) == "U" { used[$NF]; next }
		file !~ /^tests\// && $NF != "main" { home[$NF] = file }
		END {
			for (name in home)
				if (!(name in used) && !(name in stays))
					print home[name] ": " name (name in tested ? ": used by tests only" : ": unused")
		}' | sort | grep .
}

# Which program a check needs.
program_of() {
	case $1 in
	comments) echo awk ;;
	unused) echo nm ;;
	*) echo "$1" ;;
	esac
}

[ $# -gt 0 ] || set -- gcc clang clang-format cppcheck shellcheck mandoc comments unused
failed=
for tool; do
	echo "lint: $tool"
	if ! command -v "$(program_of "$tool")" >/dev/null; then
		echo "lint: $(program_of "$tool") is not installed: make dev-deps" >&2
		failed="$failed $tool"
	elif ! "lint_$(echo "$tool" | tr - _)"; then
		failed="$failed $tool"
	fi
done
if [ -n "$failed" ]; then
	echo "lint: see above:$failed" >&2
	exit 1
fi
