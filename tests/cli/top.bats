#!/usr/bin/env bats
# pmetrics top: the screen and its keys, the terminal afterwards, and lines
# where there is no screen.

load ../support/helpers
load ../support/streams
load ../support/screen

# Only our stages are seen.
setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export PCHAN_RUN_DIR=$BATS_TEST_TMPDIR/run PCHAN_PIPELINE=line
	mkdir -m 700 run
	set -m
}

teardown() {
	[ -z "${stages-}" ] || kill -KILL -- "-$stages" 2>/dev/null || true
	[ -z "${TMUX_TMPDIR-}" ] || {
		echo "--- the screen"
		screen | grep .
		tmux kill-server
	}
	for file in out err; do
		[ ! -f "$file" ] || { echo "--- $file" && head -n 20 "$file" | cut -c -500; }
	done
}

# A pipeline of two stages that waits for input.
stages() {
	mkfifo in.fifo
	sh -c 'pmetrics -n first <in.fifo | pfanout -n second -j 2 -- cat >/dev/null' 3>&- &
	stages=$!
	exec 7>in.fifo
	ids 10 >&7
	wait_until two_stages
}

two_stages() {
	[ "$(find run -name '*.stat' | wc -l)" -eq 2 ]
}

# top [ARG...]: starts top in a terminal, and waits until it shows the stages.
# Its pid is in $pid.
top() {
	terminal
	type_in 'stty -a >before'
	type_in "sh -c 'echo \$\$ >pid; exec pmetrics top $*'"
	see 'PART .*OUT/s'
	pid=$(cat pid)
}

# The terminal is as it was, and so is what it showed.
is_sane() {
	see '^%'
	see_lines 0 'PART .*OUT/s'
	type_in 'stty -a >after; echo compared'
	see '^compared'
	diff before after
}

@test "top: shows the pipeline, takes keys, and quits" {
	stages
	top
	see '^pchan top  line '
	see ' first '
	see '└─second '
	see 'q quit'
	see 'first: received 10 = processed 10, filtered 0, failed 0, held 0'
	press Down
	see 'second: received 10 = processed'
	press Enter
	see 'pfanout -n second -j 2 -- cat'
	press End
	see 'INPUTS AND OUTPUTS'
	press Escape
	see 'PART .*OUT/s'
	press '?'
	see 'dismiss killed stages'
	press '?'
	press s
	see 'by out'
	press p
	see PAUSED
	press p
	press /
	type_in sec
	see 'only parts with "sec"'
	see_lines 0 ' first '
	press Escape
	see ' first '
	press q
	ends_with 0
	is_sane
}

@test "top: follows the size of the terminal" {
	stages
	top
	tmux resize-window -x 30 -y 8
	see 'This window is 30x8; top'
	tmux resize-window -x 80 -y 24
	see 'DEAD RTRY$'
	tmux resize-window -x 200 -y 50
	see 'PID +UP$'
	see_lines 1 'q quit'
	press q
	ends_with 0
}

@test "top: a signal ends it, and leaves the terminal as it was" {
	stages
	top
	press C-c
	ends_with 130
	is_sane
	local signals='TERM HUP ABRT'
	# A sanitizer reports this one, and exits.
	[ -n "${SAN-}" ] || signals="$signals SEGV"
	for signal in $signals; do
		# No other prompt is on the screen afterwards.
		type_in "clear; sh -c 'echo \$\$ >pid; exec pmetrics top'"
		see 'PART .*OUT/s'
		kill "-$signal" "$(cat pid)"
		ends_with $((128 + $(kill -l "$signal")))
		is_sane
	done
}

@test "top: a signal ends it while the terminal takes nothing" {
	stages
	top -i 100ms
	press C-s
	sleep 0.3 # it draws meanwhile
	kill -TERM "$pid"
	ends_with 143
	is_sane
}

@test "top: Ctrl-Z gives the terminal back, fg takes it again" {
	stages
	top
	press C-z
	see 'Stopped'
	type_in 'stty -a >stopped; echo looked'
	see '^looked'
	diff before stopped
	type_in 'clear; fg'
	see 'PART .*OUT/s'
	press '?'
	see 'dismiss killed stages'
	press q
	is_sane
}

# Curses ignores this signal while it draws; after an escape, top waits a little
# for the rest of a key, and then draws.
@test "top: Ctrl-Z just after a key is not lost" {
	stages
	top
	press Enter
	see 'pmetrics -n first'
	press Escape
	sleep 0.02 # less than top waits
	press C-z
	see 'Stopped'
	type_in 'fg'
	see 'PART .*OUT/s'
	press q
	see '^%'
}

@test "top: waits at a terminal until there is a stage" {
	terminal
	type_in 'pmetrics top -i 100ms'
	see "No stage runs.  Looked in $PCHAN_RUN_DIR\\."
	stages
	see 'second '
	press q
	ends_with 0
}

@test "top: a killed stage stays until it is dismissed" {
	stages
	top -i 100ms
	press Down
	see 'second: received'
	kill -KILL "$(pgrep -g "$stages" -x pfanout)"
	see '^.*second .* killed '
	press d
	wait_until shows_not ' killed '
	press q
	ends_with 0
}

# The screen has a color, other than the terminal's own.
colored() {
	tmux capture-pane -pe | grep $'\e\\[3[1-7]m'
}

not_ascii() {
	screen | LC_ALL=C grep '[^ -~]'
}

@test "top: colors, NO_COLOR, and a locale without UTF-8" {
	stages
	top
	press Enter
	wait_until colored
	press Escape
	see '└─second'
	press q
	ends_with 0
	type_in "clear; LC_ALL=C NO_COLOR=1 pmetrics top"
	see '`-second'
	run colored
	[ "$status" -ne 0 ]
	run not_ascii
	[ "$status" -ne 0 ]
	press q
	ends_with 0
}

# The first report takes 3 s, so all that wait for one do so together.
@test "top: lines where there is no screen, and JSON; ends with the pipelines" {
	local plain json reader end seldom

	terminal # before there is a descriptor that it would inherit
	stages
	timeout 30 pmetrics top -n 2 -i 500ms --pipeline line >out 2>err 7>&- 3>&- &
	plain=$!
	timeout 30 pmetrics top -n 2 --json >json 7>&- 3>&- &
	json=$!
	timeout 30 pmetrics top -i 100ms 7>&- 3>&- | head -n 1 >first &
	reader=$!
	timeout 30 pmetrics top -i 2s --json >end 7>&- 3>&- &
	end=$!
	timeout 30 pmetrics top -i 1h -w 3s -n 1 >seldom 7>&- 3>&- &
	seldom=$!
	type_in 'TERM=dumb pmetrics top; echo status=$?'
	see '^[0-9:]*   first: '
	press C-c
	see '^%'
	type_in 'clear; pmetrics top -n 1; echo status=$?'
	wait "$plain" "$json" "$reader" "$seldom"
	grep -E '^[0-9:]{8} line: [^m]' seldom # not "measuring"
	[ "$(grep -cE '^[0-9:]{8} line: ' out)" -eq 2 ]
	[ "$(grep -cE '^[0-9:]{8}   first: .*, held 0' out)" -eq 2 ]
	[ "$(grep -cE '^[0-9:]{8}   second: .*, workers 0/2, held 0' out)" -eq 2 ]
	[ ! -s err ]
	lines json 2
	jq -es 'length == 2 and (.[1] | tostring | contains("second"))' json
	lines first 1
	see '^status=0'
	see '^[0-9:]*   first: '
	wait_until test -s end
	# These come and end between two looks.
	ids 10 >&7
	exec 7>&-
	wait "$end"
	jq -es '.[-1].pipelines[0] | .verdict.kind == "ended" and
		([.parts[] | select(.kind == "stage") | [.totals.received, .totals.written, .held]] ==
		[[20, 20, 0], [20, 20, 0]])' end
}

@test "top: ends where there is no stage and no terminal" {
	go 1 pmetrics top
	has err "no stage runs.  Looked in $PCHAN_RUN_DIR."
	[ ! -s out ]
	go 1 pmetrics top --json --pipeline x
	has err 'no pipeline x runs'
	PCHAN_METRICS=off go 1 pmetrics top
	has err 'PCHAN_METRICS is off'
}

@test "top: pmetrics alone at a terminal says what else there is" {
	terminal
	start pmetrics
	see "pmetrics: copies what is typed, until Ctrl-D; .pmetrics top' shows"
	press C-c
	start 'pmetrics -q'
	type_in 'seen'
	see_twice '^seen'
	shows_not 'copies what'
	press C-c
	start 'echo seen | pmetrics'
	see '^seen'
	shows_not 'copies what'
}

@test "top: the command line" {
	go 0 pmetrics top --help
	has out 'pmetrics top ['
	[ "$(wc -L <out)" -le 80 ]
	for args in '-i 0' '-i 99ms' '-i x' '-w 2s' '-w 61s' '-n 0' '--pipeline=' '--bogus' 'operand'; do
		# shellcheck disable=SC2086 # words
		go 2 pmetrics top $args
		lines err 1
		has err 'pmetrics: top: '
	done
}
