# librdkafka's pretended cluster, mock.c.  It starts in no time, but keeps its
# records in memory only.

MOCK_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/mock.c

# Skips the test where librdkafka or its client is missing.
needs_mock() {
	needs kcat
	pkg-config --exists rdkafka || skip "librdkafka is not installed: make deps-engines"
}

# mock_start DIR [BROKERS [TOPIC:PARTITIONS...]]: starts a cluster of BROKERS
# brokers (1).  Sets MOCK, the list of brokers for clients.
mock_start() {
	local dir=$1

	shift
	mkdir -p "$dir"
	# shellcheck disable=SC2046 # options without blanks
	gcc -D_GNU_SOURCE -o "$dir/mock" "$MOCK_SOURCE" $(pkg-config --cflags --libs rdkafka) || return
	# A FIFO that nobody writes into is an input that doesn't end.
	mkfifo "$dir/mock.in"
	server_run "$dir" mock bash -c 'exec "$@" <>mock.in >mock.list' bash "$dir/mock" "${@:-1}" &&
		server_ready "$dir" mock 20 test -s "$dir/mock.list" &&
		MOCK=$(<"$dir/mock.list")
}
