#!/bin/sh
# Reads all code with every tool that has an opinion about it, and fails if one objects.
#
#	lint.sh [tool ...]	tools: gcc clang clang-format cppcheck shellcheck mandoc (default: all)
set -u
cd "$(dirname "$0")/.." || exit 2

# Every .c file becomes an object, in a folder of the compiler's own; a warning is an error.
build_with() {
	find lib cmd tests -name '*.c' | sed "s|\(.*\)\.c$|build/lint/$1/\1.o|" |
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

# KNF declares at the head of a function and has `continue` as an empty loop's body, a callback's
# parameters are not its to choose, and a test that goes on after a failed CHECK may crash.
lint_cppcheck() {
	find lib cmd tests -name '*.c' -exec cppcheck -q -j "$(nproc)" --error-exitcode=1 --std=c11 \
		--library=bsd --enable=warning,style,performance,portability --inline-suppr \
		--suppress=variableScope --suppress=redundantContinue --suppress=constParameter \
		--suppress='nullPointerRedundantCheck:tests/*' \
		--suppress='unknownMacro:lib/sync/ctx.c' --suppress='unknownMacro:cmd/pratelimit/flows.c' \
		-Ilib -Icmd -Itests/unit -D_GNU_SOURCE -DLIBBSD_OVERLAY {} +
}

# Scripts are known by their first line.  In bats files every test is a subshell (SC2030, SC2031) and
# jq's variables look like the shell's (SC2016); what a helper sets is used elsewhere (SC2034).
lint_shellcheck() {
	scripts=$(find tests .ci -type f -exec awk '
		FNR == 1 && /^#!.*[\/ ](ba)?sh( |$)/ { print FILENAME }
		{ nextfile }' {} +)
	# shellcheck disable=SC2086 # names without spaces
	shellcheck -x -e SC2016 $scripts &&
		find tests -name '*.bats' -exec shellcheck -s bash -e SC2016,SC2030,SC2031 {} + &&
		find tests -name '*.bash' -exec shellcheck -s bash -e SC2016,SC2034 {} +
}

# The pages refer to each other and to others that need not be installed here.
lint_mandoc() {
	! mandoc -T lint man/*.[1-9] 2>&1 |
		grep -v -e 'referenced manual not found' -e 'outdated mandoc.db'
}

[ $# -gt 0 ] || set -- gcc clang clang-format cppcheck shellcheck mandoc
failed=
for tool; do
	echo "lint: $tool"
	if ! command -v "$tool" >/dev/null; then
		echo "lint: $tool is not installed: make dev-deps" >&2
		failed="$failed $tool"
	elif ! "lint_$(echo "$tool" | tr - _)"; then
		failed="$failed $tool"
	fi
done
if [ -n "$failed" ]; then
	echo "lint: see above:$failed" >&2
	exit 1
fi
