# For tests at a terminal: tmux is the terminal, and we see what a person sees.
# Needs helpers.bash and streams.bash, whose teardown this replaces.

# Starts a terminal of our own with a shell in our folder.
terminal() {
	needs tmux
	export TMUX_TMPDIR=$BATS_TEST_TMPDIR
	unset TMUX
	tmux -u -f /dev/null new-session -d -x 150 -y 30 'unset ENV; exec sh' 3>&- 4>&-
	type_in "PS1='% '; clear; echo up >up"
	wait_until test -s up
	see '^%'
}

teardown() {
	[ -z "${TMUX_TMPDIR-}" ] || {
		echo "--- the screen"
		screen | grep .
		tmux kill-server
	}
}

type_in() {
	tmux send-keys -l "$1"
	tmux send-keys Enter
}

# start COMMAND: types it, and waits until the screen is clear and it starts.
# The echo of what is typed before that would be cleared, too.
start() {
	starts=$((${starts:-0} + 1))
	type_in "clear; echo start $starts; $1"
	see "^start $starts\$"
}

press() {
	tmux send-keys "$1"
}

# A Ctrl-C within 100 ms of the last one would not count.
press_again() {
	sleep 0.12
	press "$1"
}

screen() {
	tmux capture-pane -p
}

shows() {
	screen | grep -qE -e "$1"
}

# see PATTERN: waits until the screen shows it.  The limit is by the clock, as a
# look at the screen takes time.
see() {
	local end=$((SECONDS + 15))

	until shows "$1"; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "never seen: $1"
			return 1
		}
		sleep 0.05
	done
}

# see_lines N PATTERN: waits until so many lines of the screen match.
see_lines() {
	wait_until matches "$@"
}

matches() {
	[ "$(screen | grep -cE -e "$2")" -eq "$1" ]
}

# The screen has what was typed twice: as the echo and as the answer.
see_twice() {
	see_lines 2 "$1"
}

shows_not() {
	! shows "$1"
}

# ends_with STATUS: the command has ended with this status.  The shell drops the
# rest of a line at Ctrl-C, so a later line asks for the status.
ends_with() {
	see '^%$'
	type_in "echo status=\$?"
	see "^status=$1"
}
