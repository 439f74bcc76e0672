# For tests that look at both streams of one run: they are in ./out and ./err,
# and are shown when a test fails.

# go STATUS COMMAND [ARG...]: the command must end with STATUS, in a minute at
# most.
go() {
	local want=$1 got=0

	shift
	timeout 60 "$@" >out 2>err || got=$?
	[ "$got" -eq "$want" ] || {
		echo "status $got instead of $want: $*"
		return 1
	}
}

# go_unread STATUS COMMAND [ARG...]: the same with ./in on stdin.  The command
# must print one line of error and nothing else, and leave all of ./in unread.
go_unread() {
	local want=$1 got=0 line

	shift
	{
		timeout 60 "$@" >out 2>err || got=$?
		read -r line
	} <in
	if [ "$got" -ne "$want" ] || [ "$line" != "$(head -n 1 in)" ] || [ -s out ]; then
		echo "status $got instead of $want, or input read, or output written: $*"
		return 1
	fi
	lines err 1
}

# has FILE TEXT: the file has this text.
has() {
	grep -qF -e "$2" "$1" || {
		echo "$1 lacks: $2"
		return 1
	}
}

# lacks FILE TEXT: the file does not have it (`! grep` would not fail a test).
lacks() {
	! grep -F -e "$2" "$1" || {
		echo "$1 should not have: $2"
		return 1
	}
}

# lines FILE N: the file has N lines.
lines() {
	local n

	n=$(wc -l <"$1")
	[ "$n" -eq "$2" ] || {
		echo "$1 has $n lines instead of $2"
		return 1
	}
}

# at_least FILE N: the file has N lines or more.  A few are counted without a
# process, as this is asked again and again.
at_least() {
	local seen

	if [ "$2" -gt 1000 ]; then
		[ "$(wc -l <"$1")" -ge "$2" ]
	else
		mapfile -n "$2" seen <"$1"
		[[ $2 -eq 0 || ${seen[$2 - 1]-} == *$'\n' ]]
	fi
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

teardown() {
	local file

	for file in out err; do
		[ ! -f "$file" ] || { echo "--- $file: $(wc -lc <"$file")" && head -c 1500 "$file" | tr -d '\000' | head -n 20 | cut -c -500; }
	done
	! mountpoint -q disk || umount disk
}
