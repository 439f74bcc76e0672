# What all bats tests share.

STUBS=$BATS_TEST_DIRNAME/../support/stubs
# What can be preloaded into a tool; not with a sanitizer.
SHIMS=$T/support/shims

# Messages, decimal points and letters are those of no language.
export LC_ALL=C.UTF-8

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# Records {"id":1} to {"id":N}.
ids() {
	seq "$1" | sed 's/.*/{"id":&}/'
}

# Dead letters of the records {"id":1} to {"id":N}.
letters() {
	seq "$1" | sed 's/.*/{"pchan":"dead-letter\/1","id":"id-&","stage":"test","reason":"timeout","value":{"id":&}}/'
}

# wait_until COMMAND...: waits until the command succeeds, 20 s at most.
# Between two tries it waits for a FIFO that nobody writes to: sleep(1) would be
# a process each time.
wait_until() {
	local end=$((SECONDS + 20)) silence=$BATS_FILE_TMPDIR/silence

	[ -p "$silence" ] || mkfifo "$silence"
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "never came true: $*"
			return 1
		}
		read -rt 0.01 _ <>"$silence" || continue
	done
	# The loop may have the status of the last read(1), which timed out.
	return 0
}

# account N FILE...: the results and dead letters in FILE... have each of the
# ids 1 to N exactly once, or else the function fails.  It prints "results R
# dead D missing M twice T".
account() {
	local n=$1

	shift
	cat -- "$@" | jq -r 'if type == "object" and has("pchan") then "dead \(.value.id)" else "result \(.id)" end' |
		awk -v n="$n" '
			{ kinds[$1]++ }
			++seen[$2] == 2 { twice++; bad = bad " " $2 }
			END {
				for (i = 1; i <= n; i++)
					if (!(i in seen)) { missing++; bad = bad " " i }
				print "results", kinds["result"] + 0, "dead", kinds["dead"] + 0, "missing", missing + 0, "twice", twice + 0
				if (bad) { print substr(bad, 1, 60) >"/dev/stderr"; exit 1 }
			}'
}

# reasons FILE...: the number of letters of each reason: "crash 1, timeout 2".
reasons() {
	jq -r 'select(type == "object" and has("pchan")) | .reason' "$@" | sort | uniq -c |
		awk '{ printf "%s%s %d", sep, $2, $1; sep = ", " } END { print "" }'
}

# is_taken PID SIGNAL: the signal is not pending any more.
is_taken() {
	! awk -v bit="$(($(kill -l "$2") - 1))" '/^(ShdPnd|SigPnd):/ {
		digit = substr($2, length($2) - int(bit / 4), 1)
		n = index("0123456789abcdef", digit) - 1
		if (int(n / 2 ^ (bit % 4)) % 2) pending = 1 } END { exit !pending }' "/proc/$1/status"
}

# sleepers ARG N: there are N processes `sleep ARG`.
sleepers() {
	[ "$(pgrep -fcx "sleep $1")" -eq "$2" ]
}

# needs PROGRAM: skips the test where the program is missing.
needs() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

# Sets NPM, the folder of npm's packages; skips the test where they are not.
needs_npm() {
	needs node
	NPM=$BATS_TEST_DIRNAME/../../build/npm/node_modules
	[ -f "$NPM/../installed" ] || skip "the packages of tests/support/npm are not installed: make npm-deps"
}

no_sanitizer() {
	[ -z "${SAN-}" ] || skip "not with a sanitizer"
}

# The runtime of a sanitizer and strace do not mix.
needs_strace() {
	needs strace
	no_sanitizer
}

# small_disk KIB [FILES]: a file system of this size, for this number of files,
# in ./disk.  The teardown of streams.bash unmounts it.
small_disk() {
	mkdir -p disk
	! mountpoint -q disk || umount disk
	mount -t tmpfs -o "size=${1}k${2:+,nr_inodes=$(($2 + 1))}" none disk 2>/dev/null ||
		skip "can't mount a tmpfs"
}

# Sets NOBODY, so that "${NOBODY[@]}" COMMAND runs a command without the rights
# of root.  The command can read ./in.
nobody() {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	chmod 755 "$BATS_TEST_TMPDIR" .
	# The run directory of the tests is not theirs.
	NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups env PCHAN_METRICS=off)
	"${NOBODY[@]}" test -r in 2>/dev/null || skip "nobody can't come here"
}
