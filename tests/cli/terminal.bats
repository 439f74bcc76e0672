#!/usr/bin/env bats
# At a terminal: progress, Ctrl-C and a typo, as a person sees them.

load ../support/helpers
load ../support/streams
load ../support/screen

# with_input COMMAND: starts a command that reads in.fifo, into which we write
# through fd 7.
with_input() {
	mkfifo in.fifo
	type_in "$1"
	exec 7>in.fifo
}

# Starts a stage that holds three records until something comes through the FIFO
# go, and sends it a Ctrl-C.
interrupt_held_records() {
	terminal
	mkfifo go
	with_input "pfanout -j1 --window 1 --grace 60s -- '$STUBS/terminal-wait' go begun <in.fifo >out"
	ids 3 >&7
	wait_until test -s begun
	press C-c
	see 'finishing 3 records, Ctrl-C again to stop'
}

@test "terminal: -P shows a line, keeps it up to date, and clears it" {
	terminal
	with_input 'pfanout -P -j2 -- cat <in.fifo >out; echo status=$?'
	ids 3 >&7
	see 'cat: 3 records, .*/s, backlog 0, in flight 0, failed 0'
	ids 5 | sed 1,3d >&7
	see 'cat: 5 records'
	see_lines 1 records
	exec 7>&-
	see '^status=0'
	shows_not records
	ids 5 | cmp - <(sort out)
}

@test "terminal: -P names the rate" {
	terminal
	with_input 'pfanout -P -j2 --rate 1/d,3 -- cat <in.fifo >out; echo status=$?'
	ids 9 >&7
	see 'cat: 9 records, .*/s, limit 1/d, backlog 4, in flight 0, failed 0, starts 2, waits for rate'
	press C-c
	press C-c
	exec 7>&-
}

# last_is STAGE: its progress is the last line of the screen.
last_is() {
	[[ $(screen | grep . | tail -n 1) == "$1:"* ]]
}

@test "terminal: -P and what a worker prints don't mix" {
	terminal
	echo 'while read -r x; do printf log.. >&2; echo $x >&2; echo $x; done' >answer
	with_input 'clear; pfanout -P -j1 -n talk -- sh answer <in.fifo >out; echo status=$?'
	echo 1 >&7
	see 'talk: 1 records'
	seq 2 9 >&7
	see '^talk: 9 records'
	for n in {1..9}; do
		see "^log..$n\$"
	done
	see_lines 1 records
	# It is the last line, as it was.
	wait_until last_is talk
	exec 7>&-
	see '^status=0'
	shows_not records
}

@test "terminal: -P is cut at the width of the terminal, also after this has changed" {
	terminal
	tmux resize-window -x 30 -y 30
	with_input "clear; pfanout -P -n 'a name of 40 columns, which is too many' -j1 -- cat <in.fifo >out; echo status=\$?"
	ids 3 >&7
	see '^a name of 40 columns, which i$'
	tmux resize-window -x 40 -y 30
	see '^a name of 40 columns, which is too many$'
	see_lines 1 name
	tmux resize-window -x 150 -y 30
	see 'too many: 3 records, .* failed 0, starts 1, waits for input'
	exec 7>&-
	see '^status=0'
}

# has_run PID: for a second at least, which is several progress lines.
has_run() {
	[ "$(ps -o etimes= -p "$1")" -ge 2 ]
}

@test "terminal: -P does not draw in the background, and does in the foreground" {
	terminal
	mkfifo in.fifo
	type_in 'set -m; pfanout -P -j1 -- cat <in.fifo >out & echo $! >pid'
	exec 7>in.fifo
	ids 3 >&7
	wait_until test -s pid
	wait_until at_least out 3
	wait_until has_run "$(cat pid)"
	shows_not backlog
	type_in fg
	see '^cat: 3 records, .*backlog'
	exec 7>&-
	see '^%$'
}

@test "terminal: pdeadletter -P does not draw over letters on the same terminal" {
	terminal
	with_input 'sh -c "echo \$\$ >pid; exec pdeadletter -P <in.fifo >out"; echo status=$?'
	letters 2 >&7
	see '"id":"id-2"'
	wait_until has_run "$(cat pid)"
	shows_not 'backlog'
	letters 3 | tail -n 1 >&7
	see '^..pchan.*"id":"id-3"'
	exec 7>&-
	see '^status=1'
}

@test "terminal: pratelimit -P shows the rate, what waits and the buffer; Ctrl-C works twice" {
	terminal
	with_input 'pratelimit -P -r 1/d -b 500 <in.fifo >out'
	ids 100 >&7
	see 'pratelimit: 100 records, .*/s, limit 1/d, waiting 99, buffer 16032, failed 0'
	press C-c
	see '^pratelimit: finishing 99 records, Ctrl-C again to stop'
	press_again C-c
	see 'waiting 0, buffer 16032, failed 99'
	exec 7>&-
	ends_with 130
	shows '99 of 100 records failed .99 cancelled.; their dead letters are in the output'
	ids 100 | cmp - <(jq -c '.value? // .' out)
}

@test "terminal: -P shows percent and time left of a file" {
	terminal
	ids 3000 >in
	mkfifo out.fifo
	exec 9<>out.fifo
	type_in 'pfanout -P -b 8 -j1 -x -- sh -c "head -c 5000 /dev/zero | tr \\\\0 x; echo" <in >out.fifo'
	see ', [0-9]+%, ETA [0-9]+:[0-9][0-9]:[0-9][0-9]'
	press C-c
	# The message begins a line of its own, not behind the progress.
	see '^pfanout: finishing [0-9]+ records'
	press_again C-c
	exec 8<out.fifo 9>&-
	timeout 30 cat <&8 >out
	ends_with 130
}

@test "terminal: -P of pfanin shows percent of all its files" {
	terminal
	yes '{"id":1}' | head -n 2000000 >a
	cp a b
	mkfifo out.fifo
	exec 9<>out.fifo
	type_in 'pfanin -P a b >out.fifo'
	# Not more than the buffers hold, of 36 MB.
	see ', 1?[0-9]%'
	shows_not ', [2-9][0-9]%'
	press C-c
	press_again C-c
	press_again C-c
	see '^%$'
	exec 9>&-
}

@test "terminal: -P is silent where stderr is no terminal" {
	terminal
	with_input 'pfanout -P <in.fifo >out 2>err; echo status=$?'
	echo '{"id":1}' >&7
	wait_until test -s out
	exec 7>&-
	see '^status=0'
	[ ! -s err ]
}

@test "terminal: after one Ctrl-C it says that it finishes, and finishes" {
	interrupt_held_records
	ids 4 | sed 1,3d >&7
	echo >go
	exec 7>&-
	ends_with 130
	ids 4 | cmp - out
}

@test "terminal: after two Ctrl-C it stops, and the records held are in dead letters" {
	interrupt_held_records
	press_again C-c
	wait_until at_least out 3
	exec 7>&-
	ends_with 130
	account 3 out
	[ "$(reasons out)" = 'cancelled 3' ]
	shows '3 of 3 records failed \(3 cancelled\)'
}

@test "terminal: Ctrl-C on a terminal as input stops at once" {
	terminal
	type_in "pfanout -- cat"
	type_in '{"typed":1}'
	see_twice '^{"typed":1}'
	press C-c
	ends_with 130
}

@test "terminal: a terminal is one of the inputs, and Ctrl-C stops it" {
	terminal
	mkfifo f
	type_in 'pfanin - f'
	exec 7>f
	type_in '{"typed":1}'
	see_twice '^{"typed":1}'
	echo '{"fifo":1}' >&7
	see '^{"fifo":1}'
	press C-c
	# The FIFO is read to its end.
	echo '{"fifo":2}' >&7
	see '{"fifo":2}$'
	exec 7>&-
	ends_with 130
}

@test "terminal: each record typed is answered, and Ctrl-D ends" {
	terminal
	for mode in '' '-- cat' '-k -j4 -- cat' '-x -- cat'; do
		start "pfanout $mode; echo status=\$?"
		for n in 1 2; do
			type_in "{\"typed\":$n}"
			see_twice "^{\"typed\":$n}"
		done
		press C-d
		see '^status=0'
	done
}

@test "terminal: after Ctrl-C on a whole pipeline all stages finish, and the prompt comes back" {
	terminal
	type_in "'$STUBS/signals-head' count flowing 30000 | pfanout -q -b 64 --grace 60s | pfanout -q -b 64 --grace 60s -- cat >out"
	wait_until test -f flowing
	press C-c
	ends_with 130
	wait_until test -s count
	"$STUBS/signals-account" "$(cat count)" out
}

@test "terminal: | head -1 is quiet" {
	terminal
	type_in "clear; yes '{\"id\":1}' | pfanout -P -- cat | head -n 1; echo done"
	see '^done'
	see '^%'
	[ "$(screen | grep . | sed 's/ *$//')" = '{"id":1}
done
%' ]
}

@test "terminal: a typo is one line" {
	terminal
	type_in 'clear; pfanout --grance 5s; echo status=$?'
	see '^status=2'
	see '^%'
	[ "$(screen | grep -c '^pfanout: .*--grance')" -eq 1 ]
	[ "$(screen | grep -c .)" -eq 3 ] # it, the status, the prompt
}

@test "terminal: a worker that reads from the terminal is told, and times out with -t" {
	terminal
	start 'echo 1 | pfanout -q -x -t 3s sh -c "read -r x </dev/tty"; echo status=$?'
	see 'worker [0-9]+ .sh. is stopped by the terminal: it reads from it'
	see '"reason":"timeout"'
	see '^status=1'
	# In map mode the worker is looked at for other reasons, too.
	start 'seq 2 | pfanout -q -j1 -t 3s sh -c "while read -r x; do read -r y </dev/tty; done"; echo status=$?'
	see 'worker [0-9]+ .sh. is stopped by the terminal: it reads from it'
	see '"line":2,'
	see '^status=1'
}

