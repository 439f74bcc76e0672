#!/usr/bin/env bats
# The ground of the other tests here: each server takes a record, has it after
# kill -9 and a new start, and leaves nothing behind.

load ../support/helpers
load support/servers
load support/tls
load support/redis
load support/kafka
load support/mock
load support/postgres
load support/netns

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	DIR=$BATS_TEST_TMPDIR/server
}

teardown() {
	server_end "$DIR"
}

# Prints the processes that have the folder in their command line or are in it.
left() {
	pgrep -af -- "$1" || :
	find /proc -maxdepth 2 -name cwd -lname "$1*" 2>/dev/null
}

nothing_left() {
	[ ! -e "$DIR" ] && [ -z "$(left "$DIR")" ]
}

# Nothing may be left of the server.
ends_without_trace() {
	server_end "$DIR"
	[ ! -e "$DIR" ]
	# The keeper may take a moment.
	wait_until nothing_left || {
		left "$DIR"
		return 1
	}
}

# As when bats is killed: its folders may go before the servers.
@test "servers: they end when their owner is killed" {
	for folder in stays goes; do
		run bash -c '
			. "$1"
			server_run "$2" first sleep 1000
			server_run "$2" second sh -c "sleep 1000; :"
			[ "$3" = stays ] || rm -r "$2"
			kill -KILL $$' bash "$SERVER_BASH" "$DIR" "$folder"
		[ "$status" -eq 137 ]
		wait_until nothing_left
	done
}

@test "servers: one that ends at once is told with its log" {
	server_run "$DIR" broken sh -c 'echo the reason; exit 1'
	run server_ready "$DIR" broken 20 false
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *"the reason"* ]]
	ends_without_trace
}

@test "servers: Redis" {
	needs redis-server
	redis_start "$DIR"
	port=$REDIS_PORT
	id=$(redis-cli -p "$port" XADD jobs '*' record '{"id":1}')
	redis_kill "$DIR"
	run redis-cli -p "$port" PING
	[ "$status" -ne 0 ]
	redis_start "$DIR"
	[ "$REDIS_PORT" = "$port" ]
	[ "$(redis-cli -p "$port" XRANGE jobs - +)" = "$(printf '%s\n' "$id" record '{"id":1}')" ]
	redis_stop "$DIR"
	[ ! -e "$DIR/redis.sock" ]
	redis_start "$DIR"
	[ "$(redis_cli "$DIR" XLEN jobs)" = 1 ]
	ends_without_trace
}

@test "servers: Redis with TLS and a password" {
	needs redis-server
	needs openssl
	redis_start_tls "$DIR" "requirepass sesame"
	run redis-cli -p "$REDIS_PORT" PING
	[ "$output" != PONG ]
	run redis-cli --tls --cacert "$DIR/ca.crt" -p "$REDIS_PORT" PING
	[[ $output == *NOAUTH* ]]
	[ "$(REDISCLI_AUTH=sesame redis-cli --tls --cacert "$DIR/ca.crt" -p "$REDIS_PORT" PING)" = PONG ]
	ends_without_trace
}

has_orders() {
	kafka_cat -C -t orders -o beginning -e -q | sort -V | cmp -s - <(ids 100)
}

@test "servers: Kafka" {
	needs_kafka
	kafka_start "$DIR"
	kafka_topic "$DIR" orders 4 1 max.message.bytes=1000
	ids 100 | kafka_cat -P -t orders -X acks=all
	kafka_kill_broker "$DIR" 0
	run kafka_cat -L -m 1
	[ "$status" -ne 0 ]
	kafka_start_broker "$DIR" 0
	# The broker may learn of its topics after its start.
	wait_until has_orders
	printf '%01100d\n' 1 >large
	run kafka_cat -P -t orders large
	[[ $output == *"too large"* ]]
	# A topic that was not made is not there.
	run kafka_cat -C -t nothing -e
	[[ $output == *"Unknown topic or partition"* ]]
	kafka_stop "$DIR"
	kafka_start "$DIR"
	timeout 60 kcat -b "$KAFKA" "${KAFKA_OPTIONS[@]}" -G billing -X auto.offset.reset=earliest -c 100 -q orders |
		sort -V | diff - <(ids 100)
	ends_without_trace
}

@test "servers: two brokers of Kafka, one of which is killed" {
	needs_kafka
	kafka_start "$DIR" 2
	kafka_topic "$DIR" orders 4 2
	ids 100 | kafka_cat -P -t orders -X acks=all
	kafka_kill_broker "$DIR" 1
	kafka_cat -C -t orders -o beginning -e -q | sort -V | diff - <(ids 100)
	ids 200 | tail -n 100 | kafka_cat -P -t orders -X acks=all
	kafka_start_broker "$DIR" 1
	kafka_cat -C -t orders -o beginning -e -q | sort -V | diff - <(ids 200)
	ends_without_trace
}

@test "servers: the pretended Kafka has headers and idempotence" {
	needs_mock
	mock_start "$DIR" 3 orders:2
	[ "$(kcat -b "$MOCK" -L -J | jq -c '[(.brokers | length), (.topics[] | .topic, (.partitions | length))]')" = \
		'[3,"orders",2]' ]
	ids 10 | kcat -b "$MOCK" -P -t orders -H key=value -X enable.idempotence=true
	[ "$(kcat -b "$MOCK" -C -t orders -e -q -f '%h %s\n' | sort -V)" = "$(ids 10 | sed 's/^/key=value /')" ]
	ends_without_trace
}

@test "servers: PostgreSQL" {
	needs_postgres
	pg_start "$DIR"
	pg_sql "$DIR" 'create table results (id int primary key, record jsonb)'
	pg_sql "$DIR" "insert into results values (1, '{\"id\": 1}')"
	pg_kill "$DIR"
	run pg_sql "$DIR" 'select 1'
	[ "$status" -ne 0 ]
	pg_start "$DIR"
	[ "$(pg_sql "$DIR" 'select record from results')" = '{"id": 1}' ]
	psql=$(postgres_program psql)
	[ "$("$psql" -X -At -h 127.0.0.1 -p "$PG_PORT" -U postgres -c 'select count(*) from results')" = 1 ]
	# Nothing of the server may be left, where its data are either.
	elsewhere=$PG_HOST
	pg_stop "$DIR"
	pg_start "$DIR"
	ends_without_trace
	[ ! -e "$elsewhere" ]
	[ -z "$(left "$elsewhere")" ]
}

# reaches MACHINE [SECONDS]: prints PONG if the machine can reach the server.
reaches() {
	net_run "$DIR" "$1" timeout "${2:-20}" redis-cli -h 10.77.0.1 -p "$REDIS_PORT" PING
}

@test "servers: machines that are namespaces, one of which is cut off" {
	needs redis-server
	needs_net
	net_start "$DIR" left right
	net_run "$DIR" hub env SERVER_HOST=10.77.0.1 SERVER_OWNER=$$ "$BATS_TEST_DIRNAME/server" redis_start "$DIR"
	REDIS_PORT=$(<"$DIR/redis.port")
	[ "$(reaches left)" = PONG ]
	[ "$(reaches right)" = PONG ]
	net_cut "$DIR" left
	run reaches left 1
	[ "$status" -eq 124 ] # and not refused
	[ "$(reaches right)" = PONG ]
	net_join "$DIR" left
	wait_until reaches left
	# Their sockets without a file are their own, too.
	[ "$(net_run "$DIR" left cat /proc/net/unix | wc -l)" -eq 1 ]
	ends_without_trace
}
