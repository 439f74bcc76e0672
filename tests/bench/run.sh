#!/bin/bash
# Measures the tools and the channel beside their peers, and prints one table.
# The table goes to $RESULTS too, as JSON lines, of which `compare` takes two.
#
#	run.sh [row ...]
#
# Rows (default: all): check check-cat map filter exec batch one key chan memory
# start metrics trace runs split letters pass rate shared fan-in fifos merge
# inputs to follow short marks.
#
# Times depend on the machine and its load, so ours and the peer run in turn,
# PAIRS times (7), and change their order each time.  The ratio is the median of
# the pairs' ratios, and says how many times as fast as the peer ours is.  BIN
# and T say where the tools and the C helpers are, RECORDS how many records to
# use (a million).  A missed goal is not an error: the status is 2 only if
# something did not run.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
unset PCHAN_METRICS PYTHONUNBUFFERED "${!OTEL_@}"
export LC_ALL=C GOFLAGS=-buildvcs=false

RECORDS=${RECORDS:-1000000}
RESULTS=${RESULTS:-build/bench/results-$(date +%Y%m%dT%H%M%S).ndjson}
PAIRS=${PAIRS:-7}
PEERS=tests/bench/peers
DIR=$PWD/build/bench
ABOVE=               # the row that was printed last
DATA=$DIR/records-$RECORDS.ndjson
BIG=$DIR/big.ndjson  # records of 64 KiB
LETTERS=$DIR/letters # dead letters of usual size
IDS=$DIR/ids         # records that get a process each
PIECES=$DIR/pieces   # records in files of 500
SHORT=$DIR/short-$RECORDS   # 4 times RECORDS, of 20 bytes
MIDDLE=$DIR/middle-$RECORDS # RECORDS of 194 bytes
FAN=                 # the inputs of pfanin, while the script runs
# Stages keep their numbers as ever, but not in the machine's directories.
PCHAN_RUN_DIR=$(mktemp -d -p /dev/shm) || exit 2
export PCHAN_RUN_DIR
trap 'rm -rf "$FAN" "$PCHAN_RUN_DIR"' EXIT
OUT=$DIR/out
T=${T:-$PWD/build/tests}
PATH=${BIN:-$PWD/bin}:$DIR:$PATH

# The data, which is made once.

make_data() {
	mkdir -p "$DIR" || exit 2
	if [ ! -e "$DATA" ]; then
		echo "writing $RECORDS records to $DATA" >&2
		"$PEERS/gen.py" "$RECORDS" >"$DATA.new" && mv "$DATA.new" "$DATA" || exit 2
	fi
	if [ ! -e "$BIG" ]; then
		make_big 2000 >"$BIG.new" && mv "$BIG.new" "$BIG" || exit 2
	fi
	[ -e "$LETTERS" ] || make_letters 200000 >"$LETTERS"
	seq 2000 >"$IDS"
	head -n 1 "$DATA" >"$DIR/one"
}

make_big() {
	awk -v n="$1" 'BEGIN {
		for (pad = "x"; length(pad) < 65510; pad = pad pad)
			;
		pad = substr(pad, 1, 65510)
		for (i = 100000001; i <= 100000000 + n; i++)
			print "{\"id\":" i ",\"pad\":\"" pad "\"}"
	}'
}

# Eight files with the records, and eight with the same records sorted by a
# member t.  They are read from memory, and removed in the end.
make_inputs() {
	[ -z "$FAN" ] || return 0
	FAN=$(mktemp -d -p "${TMPDIR:-/dev/shm}") || exit 2
	split -n l/8 "$DATA" "$FAN/part." || exit 2
	awk '{ printf "{\"t\":%d,%s\n", NR, substr($0, 2) }' "$DATA" | split -n r/8 - "$FAN/sorted." || exit 2
}

make_letters() {
	awk -v n="$1" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "{\"pchan\":\"dead-letter/1\",\"id\":\"id-%d\",\"stage\":\"stage-%d\"," \
				"\"reason\":\"exit\",\"message\":\"exit status 3\",\"attempts\":1," \
				"\"first_failed\":\"2026-11-24T03:39:48.654683Z\",\"failed\":\"2026-11-24T03:39:48.654683Z\"," \
				"\"input\":{\"name\":\"-\",\"line\":%d,\"offset\":96},\"worker\":{\"slot\":1,\"pid\":77,\"exit\":3}," \
				"\"value\":{\"id\":%d,\"path\":\"/api/v1/orders\",\"ms\":12.5}}\n", i, i % 7, i, i
	}'
}

# Measuring.

give_up() {
	echo "run.sh: $*" >&2
	exit 2
}

# Prints how many milliseconds a command line takes.
time_ms() {
	local began ended

	rm -f "$OUT"
	began=${EPOCHREALTIME/./}
	eval "$1" || give_up "status $? of: $1"
	ended=${EPOCHREALTIME/./}
	echo "$(((ended - began) / 1000)).$(printf %03d $(((ended - began) % 1000)))"
}

# As time_ms, for a command that writes $OUT and $OUT.state, and syncs perhaps.
# What was written before is removed, which takes the disk its time, too.
time_synced_ms() {
	rm -f "$OUT" "$OUT.state"
	sync -f "$DIR"
	time_ms "$1"
}

# As time_ms, for a command that writes all records to $OUT, in any order.
time_out_ms() {
	time_ms "$1" || return
	[ "$(stat -c %s "$OUT")" -eq "$(stat -c %s "$DATA")" ] || give_up "records are missing in the output of: $1"
}

# Runs a command line that prints what it has measured.
ask() {
	eval "$1" || give_up "status $? of: $1"
}

median() {
	sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# print_row NAME OURS PEER RATIO GOAL VERDICT: a figure may have a unit; what
# is - is not there.  A name that is set in belongs to the row above.
print_row() {
	local name=${1#  }

	printf '%-26s %14s %14s %7s %7s  %s\n' "$@"
	[ "$name" = "$1" ] || name="$ABOVE: $name"
	ABOVE=${name%%: *}
	printf '%s\n' "$name" "${@:2}" | awk '
		function text(s) {
			gsub(/["\\]/, "\\\\&", s)
			return s == "-" || s == "" ? "null" : "\"" s "\""
		}
		function number(s) { return s ~ /^-?[0-9]/ ? s + 0 : "null" }
		{ v[NR] = $0 }
		END {
			unit = v[2]; sub(/^[^ ]* ?/, "", unit)
			printf "{\"row\":%s,\"ours\":%s,\"peer\":%s,\"unit\":%s,\"ratio\":%s,\"goal\":%s,\"verdict\":%s}\n",
				text(v[1]), number(v[2]), number(v[3]), text(unit), number(v[4]), text(v[5]), text(v[6])
		}' >>"$RESULTS" || give_up "cannot write $RESULTS"
}

# verdict VALUE GOAL: a goal is e.g. ">=5" or "<16", or "-" for none.
verdict() {
	awk -v v="$1" -v goal="$2" 'BEGIN {
		limit = goal; sub(/^[<>]=?/, "", limit)
		ok = goal ~ /^>=/ ? v >= limit + 0 : goal ~ /^>/ ? v > limit + 0 : v < limit + 0
		print goal == "-" ? "-" : ok ? "ok" : "missed"
	}'
}

# table_row NAME GOAL UNIT < PAIRS: each line of PAIRS is "ours peer".
table_row() {
	local name=$1 goal=$2 unit=$3 pairs ours peer ratio

	pairs=$(cat)
	ours=$(echo "$pairs" | awk '{ print $1 }' | median)
	peer=$(echo "$pairs" | awk '{ print $2 }' | median)
	ratio=$(echo "$pairs" | awk '{ printf "%.3g\n", $2 / $1 }' | median)
	print_row "$name" "$ours $unit" "$peer $unit" "$ratio" "$goal" "$(verdict "$ratio" "$goal")"
}

# compare NAME GOAL UNIT HOW OURS PEER: runs OURS and PEER in turn, each
# measured by HOW.
compare() {
	local i ours peer pairs=

	for ((i = 0; i < PAIRS; i++)); do
		# Whoever is second finds the machine as the first has left it.
		if ((i % 2 == 0)); then
			ours=$("$4" "$5") && peer=$("$4" "$6") || exit 2
		else
			peer=$("$4" "$6") && ours=$("$4" "$5") || exit 2
		fi
		pairs+="$ours $peer"$'\n'
	done
	printf %s "$pairs" | table_row "$1" "$2" "$3"
}

# have ROW PEER: true if the peer is installed; else prints that the row is left
# out.
have() {
	command -v "$2" >/dev/null && return
	echo "$1: left out, $2 is not installed (make dev-deps)"
	return 1
}

# The rows.

row_check() {
	have check go || return 0
	(cd "$PEERS/gopipe" && go build -o "$DIR/gopipe" .) || give_up "cannot build gopipe"
	compare check '>=5' ms time_ms \
		"pfanout -j2 <$DATA >/dev/null" "gopipe -j 2 -m valid <$DATA >/dev/null"
}

row_check-cat() {
	compare 'check | cat' '>=0.67' ms time_ms \
		"pfanout -j2 <$DATA | cat >/dev/null" "cat $DATA | cat >/dev/null"
}

row_map() {
	have map parallel || return 0
	compare 'map: cat' '>=2' ms time_out_ms "pfanout -j2 -- cat <$DATA >$OUT" \
		"parallel --will-cite --pipe --roundrobin -j2 cat <$DATA >$OUT"
}

row_filter() {
	have filter parallel || return 0
	compare 'filter: cat' '>=2' ms time_out_ms "pfanout -F -j2 -- cat <$DATA >$OUT" \
		"parallel --will-cite --pipe --roundrobin -j2 cat <$DATA >$OUT"
}

row_exec() {
	compare 'exec: true' '>=1.6' ms time_ms \
		"pfanout -x -j2 -- true <$IDS >/dev/null" "xargs -P2 -n1 true <$IDS"
}

# A worker that takes 5 ms to start, for 500 records at a time.  The peer is the
# ideal: the same workers, but their batches are files that are there.
row_batch() {
	local worker="sh -c 'sleep .005; exec cat \"\$@\"' sh"

	if [ ! -e "$PIECES/all" ]; then
		mkdir -p "$PIECES"
		head -n 100000 "$DATA" | tee "$PIECES/all" | split -l 500 -a 3 - "$PIECES/piece-"
	fi
	compare 'exec: --batch 500' '>=0.83' ms time_ms \
		"pfanout -x -j2 --batch 500 -- $worker <$PIECES/all >/dev/null" \
		"printf '%s\n' $PIECES/piece-* | xargs -P2 -n1 $worker >/dev/null"
}

# Many short runs, as this row depends most on the load of the machine.  The
# peer is the barest relay that a record can take.
row_one() {
	local i ours peer p50='' p99=''

	for ((i = 0; i < 3 * PAIRS; i++)); do
		ours=$(ask "$T/bench/bench_pingpong 1000 pfanout -j1 -- cat") &&
			peer=$(ask "$T/bench/bench_pingpong 1000 $T/bench/bench_relay cat") || exit 2
		p50+="${ours% *} ${peer% *}"$'\n'
		p99+="${ours#* } ${peer#* }"$'\n'
	done
	printf %s "$p50" | table_row 'one at a time: p50' '>=0.87' us
	printf %s "$p99" | table_row 'one at a time: p99' '>=0.67' us
}

# 100 000 records of 500 keys that take up to 1 ms each, one of 20 in two
# attempts; the peer is the work of the workers on average.  Then half of the
# records have one key.  A key has one worker, so the goal is for the work of
# the busiest one: the hashes of 500 keys are not quite even.
row_key() {
	# shellcheck disable=SC2016 # awk's
	local mean='{ n += $1 } END { printf "%.0f\n", n / NR }' most='$1 > n { n = $1 } END { print n }'

	make_keyed even "'k' int(500 * rand())"
	make_keyed hot "rand() < 0.5 ? \"hot\" : 'k' int(500 * rand())"
	keyed_row 'key: mean worker' - even "$mean"
	keyed_row 'key: busiest worker' '>=0.77' even "$most"
	keyed_row 'key -k: busiest worker' '>=0.77' even "$most" -k
	keyed_row 'key: a hot one' - hot "$most"
}

# make_keyed NAME KEY: the records, in a file; KEY is awk's.
make_keyed() {
	[ -e "$DIR/keyed-$1" ] || awk 'BEGIN {
		srand(1)
		for (i = 0; i < 100000; i++)
			printf "{\"id\":%d,\"k\":\"%s\",\"us\":%d,\"again\":%d}\n",
				i, '"${2//\'k\'/\"k\"}"', 1000 * rand(), rand() < 0.05
	}' >"$DIR/keyed-$1" || give_up "cannot make the records"
}

# keyed_row NAME GOAL RECORDS IDEAL [option]: IDEAL is awk's, of what the
# workers have noted.
keyed_row() {
	local name=$1 goal=$2 records=$DIR/keyed-$3 ideal=$4 i ours pairs=

	shift 4
	for i in 1 2 3; do
		rm -f "$DIR/worked"
		ours=$(time_ms "pfanout -j8 --key .k -a 5 --backoff 1ms $* -- $T/bench/bench_keyed $DIR/worked <$records >$OUT") || exit 2
		in_order "$OUT" 100000 || give_up "the records of a key are out of order"
		pairs+="$ours $(awk "$ideal" "$DIR/worked")"$'\n'
	done
	printf %s "$pairs" | table_row "$name" "$goal" ms
}

# in_order FILE N: it has N records, and those of a key in order.
in_order() {
	awk -F '[:,"]+' -v n="$2" '
		$3 + 1 <= last[$5] { bad++ }
		{ last[$5] = $3 + 1 }
		END { exit bad > 0 || NR != n }' "$1"
}

row_split() {
	compare 'pdeadletter | cat' '>=0.67' ms time_ms \
		"pdeadletter -d $DIR/dead <$DATA | cat >/dev/null" "cat $DATA | cat >/dev/null"
}

# Over two FIFOs.  split checks nothing, so -R is its peer; the row without -R
# shows what the check costs.
row_to() {
	local fifos=$DIR/fifos

	rm -rf "$fifos"
	mkdir "$fifos"
	mkfifo "$fifos/a" "$fifos/b" || give_up "cannot make FIFOs"
	local readers="cat $fifos/a >/dev/null & cat $fifos/b >/dev/null &"

	compare '--to -R, 2 FIFOs' '>=1' ms time_ms "$readers pfanout -R --to $fifos/a --to $fifos/b <$DATA; wait" \
		"split -n r/2 --filter='cat > /dev/null' $DATA"
	compare '--to, 2 FIFOs' '-' ms time_ms "$readers pfanout --to $fifos/a --to $fifos/b <$DATA; wait" \
		"split -n r/2 --filter='cat > /dev/null' $DATA"
	compare '--to -R --by copy' '>=0.67' ms time_ms \
		"$readers pfanout -R --by copy --to $fifos/a --to $fifos/b <$DATA; wait" \
		"$readers tee $fifos/a <$DATA >$fifos/b; wait"
}

# Each of the three, in under 2 s, beside jq, which only extracts the records.
row_letters() {
	local command

	have letters jq || return 0
	rm -f "$LETTERS.cursor"
	for command in list stats 'replay --all'; do
		compare "200000 letters: $command" '>1' ms time_ms \
			"pdeadletter $command $LETTERS >/dev/null" "jq -c .value $LETTERS >/dev/null"
	done
}

row_pass() {
	compare 'pratelimit 1G/s | cat' '>=0.4' ms time_ms \
		"pratelimit -r 1G/s <$DATA | cat >/dev/null" "cat $DATA | cat >/dev/null"
	have pass pv || return 0
	compare 'the same, beside pv -L' '>1' ms time_ms \
		"pratelimit -r 1G/s <$DATA | cat >/dev/null" "pv -q -l -L 1000000000 <$DATA | cat >/dev/null"
}

# The long-run rate is at most 0.1 % below the rate asked for, and above it only
# by the error in the first and the last record's times.  No 100 ms bring more
# than rate x 0.1 + burst, not counting the delays of both processes.  Where we
# may, both run as real-time threads, so that the delays are short and the
# excess is pratelimit's.
row_rate() {
	local rate real_time=

	! chrt -f 50 true 2>/dev/null || real_time='chrt -f 50'
	for rate in 50 1000 20000 500000; do
		rate_row "$rate/s" 1000 "$rate" pratelimit -r "$rate/s"
	done
	rate_row '20000/s -b 10' 1000 20000 pratelimit -r 20k/s -b 10
	rate_row '20000/s --key' 1000 20000 pratelimit -r 20k/s --key .id --queue 10
}

# Eight processes share a bucket, and two of them are killed.
row_shared() {
	rm -f "$DIR/bucket"
	rate_row 'shared: 8, 2 killed' 10000 20000 bash -c '
		for i in {1..8}; do
			yes "{\"id\":12345678}" | pratelimit -q -r 20k/s --shared "$0" &
			pid[i]=$!
		done 2>/dev/null
		sleep 1
		kill -KILL "${pid[3]}" "${pid[5]}"
		wait' "$DIR/bucket" 2>/dev/null
}

# rate_row NAME PPM RATE COMMAND...: the median of each figure in three rounds
# of 3 s, run by $real_time.
rate_row() {
	local name=$1 ppm=$2 rate=$3 rounds i off ms

	shift 3
	rounds=$(for i in 1 2 3; do
		# shellcheck disable=SC2086 # the words of a command
		${real_time-} "$T/bench/bench_rate" 3 "$rate" 1 "$@" || exit 2
	done) || give_up "bench_rate: $*"
	off=$(echo "$rounds" | awk '{ print $1 }' | median)
	ms=$(echo "$rounds" | awk '{ print $3 }' | median)
	print_row "rate $name" "$off ppm" "$rate/s" - ">-$ppm" "$(verdict "$off" ">-$ppm")"
	print_row '  never above' "$off ppm" - - '<500' "$(verdict "$off" '<500')"
	print_row '  more than due in 100 ms' "$ms ms" - - '<=20' "$(verdict "$ms" '<=20')"
	print_row '  of a processor' "$(echo "$rounds" | awk '{ print $4 }' | median) %" - - - ''
}

# A hundred log files, of which one gets a line now and then.
row_follow() {
	local rounds p99 idle

	rounds=$(for _ in 1 2 3; do
		"$PEERS/follow.py" "$DIR/logs" 100 2000 pfanin --follow "$DIR/logs/*.log" || exit 2
	done) || give_up "follow.py did not run"
	p99=$(echo "$rounds" | awk '{ print $2 }' | median)
	idle=$(echo "$rounds" | awk '{ print $3 }' | median)
	print_row 'follow, a line: p99' "$p99 ms" - - '<2' "$(verdict "$p99" '<2')"
	print_row '  median' "$(echo "$rounds" | awk '{ print $1 }' | median) ms" - - - ''
	print_row '  100 idle files' "$idle %" - - '<0.5' "$(verdict "$idle" '<0.5')"
}

# Records of 20 bytes, where the record costs and not its bytes, and of 194.
# The letters go to a file that stays empty.
row_short() {
	make_lines
	short_row 'pass 20 B' 1 1 "pratelimit -r 1G/s" 'pv -q -l -L 1000000000'
	short_row 'split 20 B' 1 1 "pdeadletter -d $DIR/dead" 'pv -q -l -L 1000000000'
	short_row 'check 20 B' 1.5 - 'pfanout -j2' 'mawk 1'
	short_row 'check 20 B' - 1 'pfanout -j2' cat
	short_row 'check -R 20 B' - - 'pfanout -R -j2' cat
	short_row 'filter 20 B' 1.5 2.5 'pfanout -F -j2 -- cat' 'parallel --will-cite --pipe --roundrobin -j2 cat'
	short_row 'map 20 B' 0.8 2.2 'pfanout -j2 -- cat' 'parallel --will-cite --pipe --roundrobin -j2 cat'
	short_row 'map -k 20 B' - - 'pfanout -k -j2 -- cat' 'parallel --will-cite --pipe --roundrobin -j2 cat'
}

# short_row NAME GOAL GOAL-OF-194 OURS PEER: both data, into a pipe.
short_row() {
	have "$1" "${5%% *}" || return 0
	compare "$1, ${5%% *}" "${2/#[0-9]/>=&}" ms time_ms "$4 <$SHORT | cat >/dev/null" "$5 <$SHORT | cat >/dev/null"
	compare "${1/20 B/194 B}, ${5%% *}" "${3/#[0-9]/>=&}" ms time_ms \
		"$4 <$MIDDLE | cat >/dev/null" "$5 <$MIDDLE | cat >/dev/null"
}

make_lines() {
	[ -e "$SHORT" ] || awk -v n="$((4 * RECORDS))" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "{\"id\":1%011d}\n", i
	}' >"$SHORT" || give_up "cannot make the records"
	[ -e "$MIDDLE" ] || awk '{
		sub(/, "msg".*/, ", \"msg\": \"")
		print $0 substr(sprintf("%80s", ""), 1, 191 - length($0)) "\"}"
	}' "$DATA" >"$MIDDLE" || give_up "cannot make the records"
}

# Ours with marks beside ours without: what --state costs.  A file is synced
# when it is acknowledged, so the records are on the disk at the end; without
# marks they are in memory, or with a sync(1) on the disk as well.  On tmpfs a
# sync costs nothing, and the row shows the marks alone.
row_marks() {
	local PAIRS=$((3 * PAIRS))

	OUT=$PCHAN_RUN_DIR/out marks_row 'marks: on tmpfs' '>=0.95' "pdeadletter >$PCHAN_RUN_DIR/out"
	rm -f "$PCHAN_RUN_DIR"/out*
	marks_row 'marks: pdeadletter' '>=0.95' "pdeadletter >$OUT"
	marks_row 'marks: and sync' '>=1' "pdeadletter >$OUT" "sync -d $OUT"
	marks_row 'marks: --to' - "pfanout -R --to $OUT >/dev/null"
	marks_row 'marks: -F' - "pfanout -F -j2 -- cat >$OUT"
}

# marks_row NAME GOAL LAST-STAGE [WITHOUT-MARKS-AT-THE-END]
marks_row() {
	compare "$1" "$2" ms time_synced_ms \
		"pfanin --state $OUT.state $DATA | pfanout -j2 | $3" \
		"pfanin $DATA | pfanout -j2 | $3${4:+; $4}"
}

# Twenty starts at a time, as one takes only a millisecond or two.
row_start() {
	have start jq || return 0
	compare 'start to exit, 20 times' '>1' ms time_ms \
		"for i in {1..20}; do pfanout <$DIR/one >/dev/null; done" \
		"for i in {1..20}; do jq -c . <$DIR/one >/dev/null; done"
}

# Ours with metrics, which are on by default, beside ours without.  The
# differences are small, so there are more pairs.
row_metrics() {
	local off='PCHAN_METRICS=off pfanout' PAIRS=$((3 * PAIRS))

	compare 'metrics: check' '>=0.97' ms time_ms "pfanout -j2 <$DATA >/dev/null" \
		"$off -j2 <$DATA >/dev/null"
	compare 'metrics: map' '>=0.97' ms time_ms "pfanout -j2 -- cat <$DATA >/dev/null" \
		"$off -j2 -- cat <$DATA >/dev/null"
	compare 'metrics: start to exit' '>=0.95' ms time_ms \
		"for i in {1..100}; do pfanout <$DIR/one >/dev/null; done" \
		"for i in {1..100}; do $off <$DIR/one >/dev/null; done"
}

# Ours with traces beside ours without: the run alone, a record of a hundred,
# and all of them, of which spans are dropped.
row_trace() {
	local ratio='OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG' PAIRS=$((3 * PAIRS))
	local mode name

	for mode in '' '-- cat'; do
		name=${mode:+map}
		name=${name:-check}
		compare "trace=run: $name" '>=0.99' ms time_ms \
			"pfanout --trace=run -j2 $mode <$DATA >/dev/null" "pfanout -j2 $mode <$DATA >/dev/null"
		compare "trace 0.01: $name" '>=0.95' ms time_ms \
			"$ratio=0.01 pfanout --trace -j2 $mode <$DATA >/dev/null" "pfanout -j2 $mode <$DATA >/dev/null"
		compare "trace 1.0: $name" - ms time_ms \
			"pfanout -q --trace -j2 $mode <$DATA >/dev/null" "pfanout -j2 $mode <$DATA >/dev/null"
	done
	# A record with a span is a piece of its own, which a pipe must not see.
	compare "trace 0.01: check, cat" '>=0.95' ms time_ms \
		"$ratio=0.01 pfanout --trace -j2 <$DATA | cat >/dev/null" "pfanout -j2 <$DATA | cat >/dev/null"
}

# 10,000 short runs: each is counted, few files are left, and a scrape is quick.
row_runs() {
	local files ms

	seq 10000 | pfanout -x -j 8 -- pfanout -n short >/dev/null || give_up "status $? of short runs"
	files=$(find "$PCHAN_RUN_DIR" -type f | wc -l)
	pfanout <"$DIR/one" >/dev/null # folds what is left
	tests/support/stats "$PCHAN_RUN_DIR" | grep -q '^retired short received 10000 processed 10000 ' ||
		give_up 'not all short runs are counted'
	print_row 'files after 10000 runs' "$files" - - '<130' "$(verdict "$files" '<130')"
	ms=$(for i in 1 2 3 4 5; do time_ms 'pmetrics print >/dev/null'; done | median)
	print_row 'a scrape after them' "$ms ms" - - '<50' "$(verdict "$ms" '<50')"
}

# ns_of CASE FILE: prints the nanoseconds of a case in the output of bench_chan
# or go test.
ns_of() {
	awk -v name="$1" '{ sub(/^Benchmark/, ""); sub(/-[0-9]+$/, "", $1) }
		$1 == name { print NF == 2 ? $2 : $3 }' "$2"
}

row_chan() {
	local i

	have chan go || return 0
	(cd "$PEERS/gochan" && go test -c -o "$DIR/gochan" .) || give_up "cannot build gochan"
	for ((i = 0; i < PAIRS; i++)); do
		"$T/bench/bench_chan" 500000 >"$DIR/chan-ours.$i" || give_up "bench_chan did not run"
		gochan -test.bench . -test.benchtime 500000x -test.count 3 >"$DIR/chan-go.$i" ||
			give_up "gochan did not run"
	done
	chan_row SPSC128_bulk64 SPSC128 '>=2'
	chan_row MPMC4x4_128_bulk64 MPMC4x4_128 '>=2'
	chan_row SPSC128 SPSC128 '>1'
	chan_row MPMC4x4_128 MPMC4x4_128 '>1'
	for i in SPSC0 SPSC1 SPSC1024 MPMC1x4_128; do
		chan_row $i $i -
	done
}

# chan_row OURS GO GOAL: bench_chan prints the best of a few rounds, so we take
# the best of Go's rounds too.
chan_row() {
	local i

	for ((i = 0; i < PAIRS; i++)); do
		echo "$(ns_of "$1" "$DIR/chan-ours.$i") $(ns_of "$2" "$DIR/chan-go.$i" | sort -g | head -n 1)"
	done | table_row "chan $1" "$3" ns
}

row_fan-in() {
	make_inputs
	compare 'pfanin 8 files | cat' '>=0.67' ms time_ms \
		"pfanin $FAN/part.* | cat >/dev/null" "cat $FAN/part.* | cat >/dev/null"
	compare 'pfanin --concat | cat' - ms time_ms \
		"pfanin --concat $FAN/part.* | cat >/dev/null" "cat $FAN/part.* | cat >/dev/null"
}

# Eight FIFOs, each fed by a cat.  The peer reads them one after the other.
row_fifos() {
	local part feed=

	make_inputs
	for part in "$FAN"/part.*; do
		[ -p "${part/part/fifo}" ] || mkfifo "${part/part/fifo}" || exit 2
		feed+="cat $part >${part/part/fifo} & "
	done
	compare 'pfanin 8 FIFOs | cat' '>=0.67' ms time_ms \
		"$feed pfanin $FAN/fifo.* | cat >/dev/null; wait" "$feed cat $FAN/fifo.* | cat >/dev/null; wait"
}

# sort finds the same keys in the same files.
# sort(1) checks nothing, so the equal job is -R.
row_merge() {
	make_inputs
	compare 'pfanin --merge' '>=0.8' ms time_ms \
		"pfanin --merge .t $FAN/sorted.* | cat >/dev/null" "sort -m -t: -k2,2n $FAN/sorted.* | cat >/dev/null"
	compare 'pfanin -R --merge' '>1' ms time_ms \
		"pfanin -R --merge .t $FAN/sorted.* | cat >/dev/null" "sort -m -t: -k2,2n $FAN/sorted.* | cat >/dev/null"
}

# From the start to the exit, with a record in each of 3000 inputs.
row_inputs() {
	local args ms

	have inputs time || return 0
	make_inputs
	mkdir -p "$FAN/many" && seq 3000 | sed 's/.*/{"t":&}/' | split -a 4 -l 1 - "$FAN/many/" || exit 2
	for args in '' '--merge .t'; do
		ms=$(for _ in 1 2 3; do time_ms "pfanin $args $FAN/many/* >/dev/null"; done | median) || exit 2
		print_row "3000 inputs: ${args:-as they arrive}" "$ms ms" - - '<1000' "$(verdict "$ms" '<1000')"
		memory_row '  memory' 64 "pfanin $args $FAN/many/* >/dev/null"
	done
}

# The largest resident size in three runs, in MiB.  A child counts as well, but
# cat is small.
row_memory() {
	local args input what

	have memory time || return 0
	make_inputs
	for input in "$DATA" "$BIG"; do
		[ "$input" = "$BIG" ] && what='64 KiB' || what='245 B'
		for args in '' '-k' '-- cat' '-k -- cat'; do
			memory_row "memory, $what: ${args:-check}" 16 "pfanout -j2 $args <$input >/dev/null"
		done
	done
	for args in '' --round-robin '--merge .t'; do
		memory_row "memory, 8 x 245 B: $args" 16 "pfanin $args $FAN/sorted.* >/dev/null"
	done
	for args in '' --round-robin '--merge .id'; do
		memory_row "memory, 8 x 64 KiB: $args" 16 \
			"pfanin $args $BIG $BIG $BIG $BIG $BIG $BIG $BIG $BIG >/dev/null"
	done
}

# memory_row NAME MIB COMMAND: the most that a command line may take.
memory_row() {
	local most

	most=$(for _ in 1 2 3; do max_rss "$3"; done | sort -g | tail -n 1)
	print_row "$1" "$most MiB" - - "<$2" "$(verdict "$most" "<$2")"
}

max_rss() {
	eval "command time -q -f %M -o $DIR/rss $1" || give_up "status $? of: $1"
	awk '{ printf "%.1f\n", $1 / 1024 }' "$DIR/rss"
}

[ $# -gt 0 ] || set -- check check-cat map filter exec batch one key chan memory start metrics trace runs split letters pass \
	rate shared fan-in fifos merge inputs to follow short marks
for row; do
	declare -F "row_$row" >/dev/null || give_up "no row is called $row"
done
make_data
cat "$DATA" "$BIG" >/dev/null # fills the page cache
: >"$RESULTS" || give_up "cannot write $RESULTS"
printf '%-26s %14s %14s %7s %7s\n' row ours peer ratio goal
for row; do
	"row_$row"
done
rm -f "$OUT"
echo "the same as JSON lines: $RESULTS" >&2
