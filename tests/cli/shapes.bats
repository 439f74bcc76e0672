#!/usr/bin/env bats
# The shapes of pchan(7): graphs of stages, FIFOs and foreign filters.  Each
# record is followed through them by its id.

load ../support/helpers
load ../support/streams

# all_ids N: ./out has the ids 1 to N, each once, in any order.
all_ids() {
	jq .id out | sort -n | cmp - <(seq "$1")
}

@test "shapes: a diamond has every record once, whatever its arms are" {
	mkfifo in1 in2 in3 out1 out2 out3
	jq -c . <in1 >out1 3>&- &
	grep id <in2 >out2 3>&- &
	sed 's/}/,"arm":3}/' <in3 >out3 3>&- &
	ids 5000 | pfanout --to in1 --to in2 --to in3 -v 2>spread 3>&- &
	go 0 pfanin -v out1 out2 out3
	wait
	all_ids 5000
	has err 'received 5000, processed 5000, filtered 0, failed 0'
	has spread 'received 5000, processed 5000, filtered 0, failed 0'
}

@test "shapes: dead letters of the arms pass through a diamond" {
	mkfifo in1 in2 out1 out2
	pfanout -q jq -c . <in1 >out1 3>&- &
	# shellcheck disable=SC2016 # the worker's
	pfanout -q -- sh -c 'while read -r r; do case $r in *0}) exit 1 ;; *) echo "$r" ;; esac; done' \
		<in2 >out2 3>&- &
	ids 100 | pfanout --by round-robin --to in1 --to in2 3>&- &
	pfanin out1 out2 | go 1 pdeadletter -d dead
	wait
	[ "$(account 100 out dead)" = 'results 90 dead 10 missing 0 twice 0' ]
}

# The arm reads 50 records, one by one, and dies while its pipe is full.
@test "shapes: kill -9 of an arm of a diamond: the others finish, the loss is named" {
	mkfifo in1 in2 out1 out2
	cat <in1 >out1 3>&- &
	# shellcheck disable=SC2016 # the arm's own
	sh -c 'for i in $(seq 50); do read -r r; echo "$r"; done; kill -KILL $$' <in2 >out2 3>&- &
	status=0
	ids 20000 | pfanout --by round-robin --to in1 --to in2 2>spread 3>&- &
	spreader=$!
	go 0 pfanin out1 out2
	wait "$spreader" || status=$?
	cat spread
	[ "$status" -eq 1 ]
	lost=$(sed -n 's/^pfanout: output in2: its reader has left; \([0-9]*\) records in the pipe.*/\1/p' spread)
	[ "$lost" -gt 0 ]
	lines out $((20000 - lost))
	[ "$(sort -u out | wc -l)" -eq $((20000 - lost)) ]
}

@test "shapes: a tee: a slow branch has every record, and loses none of the main stream" {
	mkfifo branch go
	{
		read -r _ <go
		cat
	} <branch >copy 3>&- &
	{
		sleep 0.1
		echo >go
	} 3>&- &
	ids 20000 >in
	go 0 pfanout --by copy --to - --to branch <in
	wait
	cmp in out
	cmp in copy
}

@test "shapes: a branch that samples does not slow down the main stream" {
	mkfifo branch
	pratelimit -q -r 1/h -B 10 --over drop <branch >sample 3>&- &
	ids 20000 >in
	go 0 pfanout --by copy --to - --to branch <in
	wait
	cmp in out
	head -n 10 in | cmp - sample
}

@test "shapes: two logs that are followed are merged in order" {
	ids 1000 >all
	awk 'NR <= 500' all | split -n r/2 - early.
	awk 'NR > 500' all | split -n r/2 - later.
	pfanin --follow --merge .id --idle-timeout 4s early.aa early.ab >out 2>err 3>&- &
	pid=$!
	wait_until at_least out 499
	cat later.aa >>early.aa
	cat later.ab >>early.ab
	wait_until at_least out 1000
	kill "$pid"
	wait "$pid" || true
	cmp all out
}

@test "shapes: process substitutions are inputs and outputs" {
	ids 1000 >in
	# shellcheck disable=SC2016 # the inner shell's
	go 0 bash -c 'pfanin <(head -n 500 in) <(tail -n +501 in)'
	all_ids 1000
	go 0 bash -c 'pfanout --to >(jq --unbuffered -c .) --to >(sed -u s/x/y/) <in | cat'
	all_ids 1000
}

@test "shapes: each tenant has one worker pool, and keeps its order there" {
	mkfifo pool1 pool2 out1 out2
	for pool in 1 2; do
		pfanout -k -j 2 jq -c ".pool = $pool" <pool$pool >out$pool 3>&- &
	done
	ids 900 | awk '{ sub(/}/, ",\"tenant\":\"t" NR % 9 "\"}"); print }' |
		pfanout --key .tenant --to pool1 --to pool2 3>&- &
	go 0 pfanin out1 out2
	wait
	all_ids 900
	[ "$(jq -r '"\(.tenant) \(.pool)"' out | sort -u | wc -l)" -eq 9 ]
	[ "$(jq .pool out | sort -u | wc -l)" -eq 2 ]
	for t in 0 4 8; do
		jq "select(.tenant == \"t$t\").id" out | sort -nc
	done
}
