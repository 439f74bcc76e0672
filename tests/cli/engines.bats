#!/usr/bin/env bats
# Inputs and outputs that are engines: what pfanin and pfanout do with helpers.
# These are small scripts here; tests/engines has those of real servers.

load ../support/helpers
load ../support/background

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir libexec
	export PCHAN_LIBEXEC=$PWD/libexec
	helper from-count <<-'END'
		# from-count://N: numbers, from the one after the last done.
		import os, select, sys, threading
		last = int(sys.argv[1][len("count://"):])
		at = int(open("kept").read()) if os.path.exists("kept") else 0
		key = "@" + os.environ["PCHAN_KEY"]
		print(key, "pchan-in 1 marks", flush=True)
		def give():
		    for i in range(at + 1, last + 1):
		        print('{"id":%d}' % i)
		        if i % 100 == 0 or i == last:
		            print(key, "mark", i, flush=True)
		    sys.stdout.close()
		    os.close(1)
		threading.Thread(target=give, daemon=True).start()
		for line in sys.stdin:
		    word, token = line.split()
		    open("new", "w").write(token)
		    os.rename("new", "kept")
	END
	helper to-lines <<-'END'
		# to-lines://FILE: appends; fails as it is told.
		import json, os, sys
		def once(name):
		    if os.path.exists(name):
		        os.remove(name)
		        return True
		# A kill can cut a write in two at the end of a page.
		name = sys.argv[1][len("lines://"):]
		out = open(name, "a")
		os.truncate(name, open(name, "rb").read().rfind(b"\n") + 1)
		for line in sys.stdin:
		    id = json.loads(line)["id"]
		    if id == 50 and once("dies"): os.kill(os.getpid(), 9)
		    if id == 60 and once("fails"): sys.exit("to-lines: no such table")
		    if id == 70 and once("babbles"): print("{}", flush=True); continue
		    if id % 10 == 7 and os.path.exists("refuses"): print("!no sevens", flush=True); continue
		    if id == 80 and once("again"): print("?later", flush=True); continue
		    out.write(line)
		    out.flush()
		    print(flush=True)
	END
}

# helper NAME: a helper, with the Python program on stdin.
helper() {
	{
		echo '#!/usr/bin/env python3'
		cat
	} >"libexec/$1"
	chmod +x "libexec/$1"
}

# pipe STATUSES COMMAND: runs the pipeline, which has these statuses.
pipe() {
	local got=0
	"${LIMIT[@]}" bash -c "PATH=\$BIN:\$PATH; $2"'; echo "${PIPESTATUS[*]}" >statuses' 2>err || got=$?
	[ "$(<statuses)" = "$1" ] || {
		echo "statuses $(<statuses) ($got) instead of $1"
		cat err
		return 1
	}
}

# each FILE N: the file has each id from 1 to N, once.
each() {
	cmp <(jq .id "$1" | sort -n) <(seq "$2")
}

@test "engines: what is finished downstream is told to the helper, and does not come again" {
	pipe "0 0" "pfanin count://1000 | pfanout -j2 >out"
	each out 1000
	[ "$(<kept)" = 1000 ]
	pipe "0 0" "pfanin count://1500 | pfanout -j2 >>out"
	each out 1500
	[ ! -s err ]
}

@test "engines: from an engine to another one" {
	touch dies again
	pipe "0 0 0" "pfanin count://500 | pfanout -j2 | pfanout --to lines://res --backoff 1ms"
	each <(sort -u res) 500
	[ "$(<kept)" = 500 ]
	[ ! -e dies ]
	[ ! -e again ]
}

@test "engines: what is refused is a dead letter; its place is the end of the pipeline" {
	touch refuses
	pipe "0 1 1" "pfanin count://100 | pfanout --to lines://res | pdeadletter -d dead"
	[ "$(wc -l <res)" -eq 90 ]
	[ "$(jq -r .reason dead | sort | uniq -c | tr -s ' ')" = " 10 rejected" ]
	[ "$(<kept)" = 100 ]
}

@test "engines: a letter that nobody keeps is not acknowledged" {
	touch refuses
	pipe "2 2" "pfanin count://100 | pfanout --to lines://res >/dev/null"
	grep -q "its dead letter has no place: use -d FILE" err
	[ ! -e kept ]
}

@test "engines: a helper that ends with a status ends the run, and nothing behind it is acknowledged" {
	touch fails
	pipe "2 2" "pfanin count://500 | pfanout --to lines://res"
	grep -q "^to-lines: no such table" err
	grep -q "to-lines).*: exit status 1" err
	[ ! -e kept ] || [ "$(<kept)" -le 60 ]
	pipe "0 0" "pfanin count://500 | pfanout --to lines://res"
	each <(sort -u res) 500
}

@test "engines: an answer that is none is not taken for one" {
	touch babbles
	pipe "0 0" "pfanin count://500 | pfanout --to lines://res"
	each <(sort -u res) 500
}

@test "engines: a source whose helper is killed ends with status 2; the next run goes on" {
	helper from-dying <<-'END'
		import os
		print("@" + os.environ["PCHAN_KEY"], "pchan-in 1 marks")
		for i in range(10): print('{"id":%d}' % i)
		print('{"id":1', end="", flush=True)
		os.kill(os.getpid(), 9)
	END
	pipe "2 0" "pfanin dying://x | pfanout >out"
	grep -q "^pfanin: dying://x: its helper was killed by SIGKILL; what was not acknowledged comes again" err
	[ "$(wc -l <out)" -le 10 ]
}

@test "engines: what a helper says is no record, but only with the key" {
	helper from-tricks <<-'END'
		import os, sys
		key = "@" + os.environ["PCHAN_KEY"]
		print(key, "pchan-in 1")
		print("@0123456789abcdef mark 7")
		print(key, "stat lag 17 partition=3")
		print(key, "whatever a later version says")
		print('{"id":1}')
	END
	pipe "0 1" "pfanin tricks://x | pfanout >out"
	[ "$(jq -c 'select(.id)|.id' out | tail -1)" = 1 ]
	[ "$(jq -r 'select(.pchan)|.text' out)" = "@0123456789abcdef mark 7" ]
}

@test "engines: a helper that does not begin as it should is refused" {
	helper from-rubbish <<<'print("{}")'
	helper from-later <<<'import os; print("@" + os.environ["PCHAN_KEY"], "pchan-in 1 signs")'
	helper from-nothing <<<'import sys; sys.exit("from-nothing: no such place")'
	for scheme in rubbish later nothing; do
		pipe 2 "pfanin $scheme://x"
		grep "^pfanin: $scheme://x: its helper" err
	done
	grep -q "^from-nothing: no such place" err
}

@test "engines: a scheme without a helper, and options that make no sense, are usage errors" {
	pipe 2 "pfanin kafak://x/y"
	grep -q "there is no helper $PCHAN_LIBEXEC/from-kafak (No such file or directory); there are count://" err
	pipe 2 "pfanout --to kafak://x/y </dev/null"
	grep -q "there are lines://" err
	for url in count://me:sesame@x count://x?password=sesame; do
		for command in "pfanin $url" "pfanout --to ${url/count/lines} </dev/null"; do
			pipe 2 "$command"
			grep -q "://: there is a password in it" err
			! grep sesame err
		done
	done
	pipe 2 "pfanin --state s count://1"
	grep -q -- "--state is for files" err
	pipe 2 "pfanin --window 5 in"
	grep -q -- "--window needs --state, or the URL of an engine" err
	for options in "-x" "-F" "--by key --key .id" "--window 4" "--match .id" "--to file" "--to lines://b"; do
		pipe 2 "pfanout --to lines://a $options </dev/null"
		pipe 2 "pfanout $options --to lines://a </dev/null"
	done
	pipe 2 "pfanout --to lines://a cat </dev/null"
	[ ! -e a ]
}

@test "engines: SIGTERM stops the source: nothing is missing, and nothing comes twice" {
	# Slowly, so that there is something left.
	"${LIMIT[@]}" bash -c 'PATH=$BIN:$PATH; sh -c "echo \$\$ >pid; exec pfanin count://10000000" |
		pratelimit -r 5000/s | pfanout -j2 >out; echo "${PIPESTATUS[*]}" >statuses' 2>err 3>&- &
	wait_until test -s out
	kill "$(<pid)"
	wait $!
	[ "$(<statuses)" = "143 0 0" ]
	each out "$(<kept)"
	pipe "0 0" "pfanin count://100000 | pfanout -j2 >>out"
	each out 100000
}

@test "engines: SIGTERM: of a source without marks no line number is told" {
	helper from-plain <<-'END'
		import os
		key = "@" + os.environ["PCHAN_KEY"]
		print(key, "pchan-in 1\n{}", flush=True)
		try:
		    while True: print(key, "stat reconnects 1", flush=True)
		except BrokenPipeError:
		    os._exit(0)
	END
	"${LIMIT[@]}" bash -c 'PATH=$BIN:$PATH; echo $$ >pid; exec pfanin plain://' >out 2>err 3>&- &
	wait_until [ -s out ]
	kill "$(<pid)"
	wait $! || [ $? -eq 143 ]
	[ ! -s err ]
}

# Whether there are so many records in out.
grows_to() {
	[ "$(wc -l <out)" -ge "$1" ]
}

@test "engines: after SIGTERM the records up to the helper's next mark are still taken" {
	# Marks in the middle of what is read at once, and the window is full.
	local n
	helper from-few <<-'END'
		import os, sys, threading
		last, at = 10**9, int(open("kept").read()) if os.path.exists("kept") else 0
		key = "@" + os.environ["PCHAN_KEY"]
		print(key, "pchan-in 1 marks")
		def give():
		    for i in range(at + 1, last + 1):
		        print('{"id":%d}' % i)
		        if i % 77 == 0 or i == last:
		            print(key, "mark", i)
		    sys.stdout.flush()
		    os.close(1)
		threading.Thread(target=give, daemon=True).start()
		for line in sys.stdin:
		    open("new", "w").write(line.split()[1])
		    os.rename("new", "kept")
	END
	touch out
	for _ in 1 2; do
		n=$(wc -l <out)
		"${LIMIT[@]}" bash -c 'PATH=$BIN:$PATH; sh -c "echo \$\$ >pid; exec pfanin --window 2000 few://" |
			pratelimit -r 20000/s | pfanout -j2 >>out; echo "${PIPESTATUS[*]}" >statuses' 2>err 3>&- &
		wait_until grows_to $((n + 3000))
		kill "$(<pid)"
		wait $!
		[ "$(<statuses)" = "143 0 0" ]
		each out "$(<kept)"
	done
}

# The mark of pfanin that stands for the records is done before the helper gives
# its token; the token is in the next mark, which is held until pfanin has ended
# its output.
@test "engines: a token that comes after its records are finished is told, too" {
	helper from-late <<-'END'
		# from-late://: two records; their mark when they are finished.
		import os, sys, time
		key = "@" + os.environ["PCHAN_KEY"]
		print(key, "pchan-in 1 marks")
		print('{"id":1}\n{"id":2}', flush=True)
		while not os.path.exists("seen"): time.sleep(0.001)
		time.sleep(0.1)
		print(key, "mark 2", flush=True)
		os.close(1)
		for line in sys.stdin:
		    open("kept", "w").write(line)
	END
	cat >hold <<-'END'
		import sys
		marks = 0
		for line in sys.stdin:
		    marks += "pchan" in line
		    if marks > 2: break
		    print(line, end="", flush=True)
		    if marks == 2: open("seen", "w").close()
		rest = sys.stdin.read()
		print(line + rest, end="")
	END
	pipe "0 0 0" "pfanin late:// | python3 hold | pdeadletter -d dead >out"
	each out 2
	[ "$(<kept)" = "done 2" ]
	[ ! -s err ]
	# Somebody drops the last mark.
	rm kept seen
	sed -i 's/print(line + rest.*/pass/' hold
	pipe "2 0 0" "pfanin --grace 50ms late:// | python3 hold | pdeadletter -d dead >out"
	[ ! -e kept ]
	grep -q "pfanin: the last position was not acknowledged" err
}

@test "engines: a mark without a token that can be kept is told, and ends the run" {
	for token in '' "$(printf 'x%.0s' {1..33})" $'two\twords'; do
		helper from-bad <<-END
			import os, sys
			key = "@" + os.environ["PCHAN_KEY"]
			print(key, "pchan-in 1 marks")
			print('{"id":1}')
			print(key, "mark $token", flush=True)
			sys.stdin.read()
		END
		pipe "2 0" "pfanin bad:// | pfanout >out"
		grep -qx 'pfanin: bad://: a mark of its helper has no token of 1 to 32 printable bytes' err
	done
}

@test "engines: records without a mark behind them are told in the end" {
	helper from-short <<-'END'
		import os, sys
		key = "@" + os.environ["PCHAN_KEY"]
		print(key, "pchan-in 1 marks")
		print('{"id":1}')
		print(key, "mark 1")
		if sys.argv[1] == "short://more": print('{"id":2}')
		sys.stdout.flush()
		os.close(1)
		open("kept", "w").write(sys.stdin.read())
	END
	pipe "0 0" "pfanin short:// | pfanout >out"
	[ ! -s err ]
	pipe "2 0" "pfanin short://more | pfanout >out"
	each out 2
	[ "$(<kept)" = "done 1" ]
	grep -qx 'pfanin: short://more: its helper has ended without a mark behind its last records: they come again in the next run' err
}

@test "engines: the window holds what is on its way, and the helper goes on when it has room" {
	pipe "0 0" "pfanin --window 10 count://300 | pfanout -j1 >out"
	each out 300
}

@test "engines: several, and files beside them" {
	seq 2001 2100 | jq -c '{id: .}' >file
	pipe "0 0" "pfanin count://2000 file | pfanout >out"
	each out 2100
	pipe "0 0" "pfanin --tag from count://2010 file | pfanout >tagged"
	[ "$(jq -r .from tagged | sort | uniq -c | tr -s ' ' | tr '\n' ';')" = " 10 count://2010; 100 file;" ]
}

# A source that says what is written to the FIFO says.
talk() {
	cat >libexec/from-talk <<-'END'
		#!/bin/sh
		# Says a line of the FIFO, and gives a record.
		echo "@$PCHAN_KEY pchan-in 1 marks"
		n=0
		while read -r line; do
		    n=$((n + 1))
		    echo "$line" | tr ';' '\n' | sed "s/^/@$PCHAN_KEY stat /"
		    echo "{\"id\":$n}"
		    echo "@$PCHAN_KEY mark $n"
		done <says
		exec >/dev/null
		cat >/dev/null
	END
	chmod +x libexec/from-talk
	mkfifo says
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
}

# family NAME: its samples, without the labels that all have.
family() {
	"$BIN/pmetrics" print | sed -n "s/^pipeline_engine_$1\({.*\)/\1/p" |
		sed 's/{stage="[^"]*",tool="pfan[^"]*",*/{/; s/{}//'
}

# tells NAME SAMPLES: whether the family has these samples, and no others.
tells() {
	[ "$(family "$1" | sort)" = "$2" ]
}

@test "engines: what a helper says is in the metrics until the helper takes it back" {
	talk
	"$BIN/pfanin" 'talk://me@server:1/orders?secret=1' >out 2>err 3>&- &
	pid=$!
	exec 8>says
	echo 'lag 17 partition=0;lag 5 partition=1;unacknowledged 3;reconnects 2;rebalances 1;other 3;lag x' >&8
	wait_until tells lag_records $'{partition="0"} 17\n{partition="1"} 5'
	tells unacknowledged_records ' 3'
	tells reconnects_total ' 2'
	tells rebalances_total ' 1'
	"$BIN/pmetrics" print --format json >view.json
	jq -e '.pipelines[0].parts[0] | .name == "talk server:1/orders" and .kind == "engine" and .lag == 22
		and .unacknowledged == 3 and .partitions == {"0":17,"1":5} and .doing == "engine, lag 22"' view.json
	jq -e '.pipelines[0].links[0] | .from == 0 and .to == 1' view.json
	"$BIN/pmetrics" top -n 1 </dev/null | grep 'talk server:1/orders: lag 22$'
	[ "$("$BIN/pmetrics" print | grep -c secret)" -eq 0 ]
	"$BIN/pmetrics" print --format openmetrics | grep '^# TYPE pipeline_engine_reconnects counter$'
	echo 'lag - partition=0;lag 0 partition=1;unacknowledged 0;reconnects 3' >&8
	wait_until tells reconnects_total ' 3'
	tells lag_records '{partition="1"} 0'
	tells unacknowledged_records ' 0'
	exec 8>&-
	wait "$pid"
	each out 2
	cat err
	[ ! -s err ]
	# What only grows stays when the stage has ended.
	tells reconnects_total ' 3'
	tells lag_records ''
}

@test "engines: a helper that says more than there is room for is told of, once" {
	talk
	"$BIN/pfanin" talk://x >out 2>err 3>&- &
	pid=$!
	exec 8>says
	seq 100 | sed 's/.*/lag & partition=&/' | paste -sd ';' >&8
	seq 100 | sed 's/.*/lag & partition=&/' | paste -sd ';' >&8
	wait_until grep -q 'more numbers' err
	[ "$(family lag_records | wc -l)" -eq 64 ]
	exec 8>&-
	wait "$pid"
	each out 2
	[ "$(wc -l <err)" -eq 1 ]
	grep '^pfanin: talk://x: its helper has more numbers than there is room for' err
}

@test "engines: what a helper of an output says is no answer" {
	cat >libexec/to-talk <<-'END'
		#!/bin/sh
		# to-talk://: says numbers between its answers, and dies once.
		echo "@$PCHAN_KEY stat reconnects 1"
		n=0
		while read -r record; do
		    [ "$record" != '{"id":50}' ] || [ -e died ] || { touch died; kill -9 $$; }
		    n=$((n + 1))
		    echo "@$PCHAN_KEY stat unacknowledged $n"
		    echo
		    echo "@$PCHAN_KEY stat reconnects 2"
		done
	END
	chmod +x libexec/to-talk
	mkdir -m 700 run
	mkfifo in
	export PCHAN_RUN_DIR=$PWD/run
	"$BIN/pfanout" -v -n sink --to talk://server/billed --backoff 1ms --max-record 20 <in >out 2>err 3>&- &
	pid=$!
	exec 8>in
	ids 100 >&8
	wait_until tells unacknowledged_records ' 51'
	"$BIN/pmetrics" print --format json >view.json
	jq -e '.pipelines[0].parts[-1] | .name == "talk server/billed" and .kind == "engine" and .unacknowledged == 51' view.json
	exec 8>&-
	wait "$pid"
	cat err
	[ ! -s out ]
	grep -q 'received 100, processed 100,' err
	[ -e died ]
	# Each of the two has counted from its own start.
	tells reconnects_total ' 4'
	tells unacknowledged_records ''
}
