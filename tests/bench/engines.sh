#!/bin/bash
# Measures pipelines with engines beside the servers' own clients, and prints
# one table.
#
#	engines.sh [row ...]
#
# Rows (default: all): kafka redis postgres.
#
# Ours and the peer run in turn, TIMES times (3). A figure is the best of
# them, in seconds, as the machine's other work only makes a run longer; the
# ratio says how many times as fast as the peer ours is. RECORDS says how many
# records of 203 bytes Kafka gets (a million); Redis and PostgreSQL get a
# fifth. BIN is the folder of the tools. A server that is missing is told and
# left out; the status is 2 if something did not do its work, and a missed
# goal is not an error.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2
export BIN=${BIN:-$PWD/bin}
for file in servers redis kafka postgres; do
	# shellcheck source=/dev/null
	. "tests/engines/support/$file.bash"
done
RECORDS=${RECORDS:-1000000}
TIMES=${TIMES:-3}
FEW=$((RECORDS / 5))
ROWS=0 # that have begun
PATH=$BIN:$PATH
unset PCHAN_METRICS "${!OTEL_@}"
export KAFKA_JAVA= # the JVM with all that it has

ROOM=$(mktemp -d) || exit 2
mkdir -m 700 "$ROOM/run"
export PCHAN_RUN_DIR=$ROOM/run
trap 'clean_up' EXIT
trap 'exit 1' HUP INT TERM

clean_up() {
	local dir

	for dir in "$ROOM"/*/; do
		server_end "${dir%/}"
	done
	rm -rf "$ROOM"
}

give_up() {
	echo "engines.sh: $*" >&2
	exit 2
}

# has PROGRAM...: whether all are installed, or else a word.
has() {
	local program

	for program; do
		command -v "$program" >/dev/null && continue
		echo "$program is not installed: make deps-engines"
		return 1
	done
}

# Records of 203 bytes with their LF.
make_records() {
	awk -v n="$RECORDS" 'BEGIN {
		pad = sprintf("%180s", "")
		gsub(/ /, "x", pad)
		for (i = 1; i <= n; i++)
			printf "{\"id\":%d,\"p\":\"%s\"}\n", i, substr(pad, 1, 188 - length(i ""))
	}' >"$ROOM/records"
	head -n "$FEW" "$ROOM/records" >"$ROOM/few"
}

# us FUNCTION PREPARE NAME: prints how long the function takes; both are given a
# name that no other run has.
us() {
	local began

	"$2" "$3" >"$ROOM/log" 2>&1 || give_up "$2: $(cat "$ROOM/log")"
	began=${EPOCHREALTIME/./}
	"$1" "$3" >"$ROOM/log" 2>&1 || give_up "$1: status $?: $(cat "$ROOM/log")"
	echo $((${EPOCHREALTIME/./} - began))
}

# compare NAME GOAL RECORDS OURS PEER [PREPARE [PREPARE-PEER]]: functions.
compare() {
	local i run ours peer all=''

	ROWS=$((ROWS + 1))
	for ((i = 0; i < TIMES; i++)); do
		run=$ROWS-$i
		# Whoever is second finds the machine as the first has left it.
		if ((i % 2 == 0)); then
			ours=$(us "$4" "${6:-:}" "$run") && peer=$(us "$5" "${7:-${6:-:}}" "$run") || exit 2
		else
			peer=$(us "$5" "${7:-${6:-:}}" "$run") && ours=$(us "$4" "${6:-:}" "$run") || exit 2
		fi
		all+="$ours $peer"$'\n'
	done
	printf %s "$all" | awk -v name="$1" -v goal="$2" -v n="$3" '
		NR == 1 || $1 < ours { ours = $1 }
		NR == 1 || $2 < peer { peer = $2 }
		END {
			verdict = goal == "-" ? "" : (peer / ours >= goal ? "ok" : "missed")
			sub(/^[0-9]/, ">=&", goal)
			printf "%-44s %8d %8.2f s %8.2f s %6.2f %6s  %s\n", name, n, ours / 1e6, peer / 1e6, peer / ours,
				goal, verdict
		}'
}

# Whether N records come; marks are none.
counts() {
	[ "$(grep -c '^{"id"')" -eq "$1" ]
}

keeps_all() {
	counts "$1" <"$ROOM/out"
}

# Kafka: one broker, 4 partitions.

kafka_produce() {
	kafka_cat -P -t in -X acks=all -l "$ROOM/records"
}

kafka_kcat() {
	kafka_cat -C -t in -o beginning -e -q | counts "$RECORDS"
}

kafka_pfanin() {
	pfanin "kafka://$KAFKA/in?$OLD&end=1&offset=beginning" | counts "$RECORDS"
}

# Acknowledged record by record, into a file that is synced.
kafka_kept() {
	pfanin "kafka://$KAFKA/in?$OLD&end=1&group=g$1" | pdeadletter >"$ROOM/out" && keeps_all "$RECORDS"
}

kafka_kcat_kept() {
	kafka_cat -C -t in -o beginning -e -q >"$ROOM/out" && keeps_all "$RECORDS"
}

kafka_new_ours() {
	kafka_topic "$ROOM/kafka" "ours-$1" 4
}

kafka_new_peer() {
	kafka_topic "$ROOM/kafka" "peer-$1" 4
}

kafka_to() {
	pfanout --to "kafka://$KAFKA/ours-$1?$OLD" <"$ROOM/records"
}

kafka_kcat_to() {
	kafka_cat -P -t "peer-$1" -X acks=all -l "$ROOM/records"
}

kafka_copy() {
	pfanin "kafka://$KAFKA/in?$OLD&end=1&group=c$1" | pfanout --to "kafka://$KAFKA/ours-$1?$OLD" >"$ROOM/letters"
}

kafka_kcat_copy() {
	kafka_cat -C -t in -o beginning -e -q | kafka_cat -P -t "peer-$1" -X acks=all
}

measure_kafka() {
	has java kcat node || return
	kafka_installed || { echo "Kafka is not installed: make deps-engines" && return; }
	kafka_start "$ROOM/kafka" || exit 2
	printf '%s\n' api.version.request=false broker.version.fallback=0.9.0.1 >"$ROOM/config"
	OLD=config=$ROOM/config # these brokers are
	{ kafka_topic "$ROOM/kafka" in 4 && kafka_produce; } || give_up "no records in Kafka"
	compare 'pfanin / kcat -C' 0.8 "$RECORDS" kafka_pfanin kafka_kcat
	compare 'pfanin group | pdeadletter / kcat -C' - "$RECORDS" kafka_kept kafka_kcat_kept
	compare 'pfanout --to / kcat -P acks=all' - "$RECORDS" kafka_to kafka_kcat_to kafka_new_ours kafka_new_peer
	compare 'pfanin | pfanout --to / kcat -C | kcat -P' 0.8 "$RECORDS" kafka_copy kafka_kcat_copy kafka_new_ours \
		kafka_new_peer
	server_end "$ROOM/kafka"
}

# Redis: each answer after a sync.  python3-redis is too slow to measure by, and
# redis-cli --pipe takes what it is given.

redis_add() {
	redis_cli "$ROOM/redis" --pipe <"$ROOM/commands" && redis_has jobs
}

redis_to() {
	pfanout --to "$REDIS/jobs" <"$ROOM/few" && redis_has jobs
}

redis_has() {
	[ "$(redis_cli "$ROOM/redis" XLEN "$1")" = "$FEW" ]
}

redis_empty() {
	redis_cli "$ROOM/redis" DEL jobs
}

# One connection, 1000 entries each time; what comes is counted.
redis_read() {
	redis_cli "$ROOM/redis" XGROUP CREATE in "p$1" 0
	awk -v n="$FEW" -v group="p$1" 'BEGIN {
		for (; n > 0; n -= 1000) print "XREADGROUP GROUP " group " c COUNT 1000 STREAMS in >"
	}' | redis_cli "$ROOM/redis" | counts "$FEW"
}

redis_pfanin() {
	pfanin "$REDIS/in?end=1&group=o$1" | pdeadletter >"$ROOM/out" && keeps_all "$FEW"
}

measure_redis() {
	has redis-server redis-cli || return
	awk '{ printf "*5\r\n$4\r\nXADD\r\n$4\r\njobs\r\n$1\r\n*\r\n$6\r\nrecord\r\n$%d\r\n%s\r\n", length, $0 }' \
		"$ROOM/few" >"$ROOM/commands"
	redis_start "$ROOM/redis" || exit 2
	REDIS=redis://127.0.0.1:$(<"$ROOM/redis/redis.port")
	{ pfanout --to "$REDIS/in" <"$ROOM/few" && redis_has in; } || give_up "no records in Redis"
	compare 'pfanin | pdeadletter / XREADGROUP COUNT 1000' 0.8 "$FEW" redis_pfanin redis_read
	compare 'pfanout --to / XADD, synced, pipelined' - "$FEW" redis_to redis_add redis_empty
	server_end "$ROOM/redis"
}

# PostgreSQL.

postgres_empty() {
	pg_sql "$ROOM/postgres" 'drop table if exists results;
		create table results (id bigint primary key, record text)'
}

postgres_has_all() {
	[ "$(pg_sql "$ROOM/postgres" 'select count(*) from results')" = "$FEW" ]
}

# As a sink does that may see a record twice.
postgres_merge() {
	pg_sql "$ROOM/postgres" 'create temporary table new (id bigint, record text)' -c 'copy new from stdin' \
		-c 'insert into results select * from new on conflict do nothing' <"$ROOM/rows" && postgres_has_all
}

postgres_to() {
	pfanout --to "$POSTGRES?table=results&key=.id&key-column=id&column=record" <"$ROOM/few" && postgres_has_all
}

measure_postgres() {
	postgres_program postgres >/dev/null || { echo "PostgreSQL is not installed: make deps-engines" && return; }
	awk '{ print NR "\t" $0 }' "$ROOM/few" >"$ROOM/rows"
	pg_start "$ROOM/postgres" || exit 2
	POSTGRES=postgres://postgres@127.0.0.1:$(<"$ROOM/postgres/postgres.port")/postgres
	compare 'pfanout --to / COPY, INSERT ON CONFLICT' - "$FEW" postgres_to postgres_merge postgres_empty
	server_end "$ROOM/postgres"
}

make_records
[ $# -gt 0 ] || set -- kafka redis postgres
for row; do
	declare -F "measure_$row" >/dev/null || give_up "no row is called $row"
done
printf '%-44s %8s %10s %10s %6s %6s\n' 'ours / peer' records ours peer ratio goal
for row; do
	"measure_$row"
done
