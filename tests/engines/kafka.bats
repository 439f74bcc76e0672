#!/usr/bin/env bats
# from-kafka and to-kafka, with real brokers of version 0.9, and for what these
# cannot with librdkafka's mock cluster.

load ../support/helpers
load support/servers
load support/tls
load support/kafka
load support/mock

bats_require_minimum_version 1.5.0

PLAY=$BATS_TEST_DIRNAME/support/play_pfanin

# One broker for all tests, with TLS on a second port, and with rights.
setup_file() {
	needs_kafka
	needs openssl
	export PCHAN_RUN_DIR=$BATS_FILE_TMPDIR/run SERVER_OWNER=$$
	export KAFKA_DIR=$BATS_FILE_TMPDIR/kafka
	unset PYTHONUNBUFFERED
	mkdir "$PCHAN_RUN_DIR"
	tls_make "$KAFKA_DIR"
	openssl pkcs12 -export -in "$KAFKA_DIR/server.crt" -inkey "$KAFKA_DIR/server.key" -passout pass:sesame \
		-out "$KAFKA_DIR/server.p12"
	kafka_configure "$KAFKA_DIR" 1 auto.leader.rebalance.enable=false \
		ssl.keystore.type=PKCS12 "ssl.keystore.location=$KAFKA_DIR/server.p12" \
		ssl.keystore.password=sesame ssl.key.password=sesame ssl.client.auth=none \
		authorizer.class.name=kafka.security.auth.SimpleAclAuthorizer allow.everyone.if.no.acl.found=true
	server_port >"$KAFKA_DIR/tls"
	sed -i "s|^listeners=.*|&,SSL://127.0.0.1:$(<"$KAFKA_DIR/tls")|" "$KAFKA_DIR/kafka-0.properties"
	kafka_start "$KAFKA_DIR"
	export KAFKA
}

teardown_file() {
	server_end "$KAFKA_DIR"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	printf '%s\n' '# brokers of version 0.9' api.version.request=false broker.version.fallback=0.9.0.1 >config
	FROM=$BIN/../libexec/pchan/from-kafka TO=$BIN/../libexec/pchan/to-kafka
	[ -x "$TO" ] || skip "librdkafka is not installed: make deps-engines"
	TOPIC=t$BATS_TEST_NUMBER
	CONFIG=config=$BATS_TEST_TMPDIR/config
}

teardown() {
	server_end "$BATS_TEST_TMPDIR/mock"
}

# Runs a helper, which needs no longer than 25 s for anything here.
helper() {
	timeout -k 1 25 "$@"
}

# send [OPTIONS]: the records of stdin to the topic; all of them are durable.
send() {
	local n

	cat >sent.in
	n=$(wc -l <sent.in)
	helper "$TO" "kafka://$KAFKA/$TOPIC?$CONFIG$1" <sent.in >answers
	[ "$(sort answers | uniq -c | tr -s ' ')" = " $n " ]
}

# receive GROUP [PLAY OPTION...]: a member's records up to the end.
receive() {
	helper "$PLAY" "${@:2}" "$FROM" "kafka://$KAFKA/$TOPIC?$CONFIG&end=1&group=$1"
}

# Whether the file has this many lines at least.
has_lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

@test "kafka: what goes in comes out, records of a key in their order" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 4
	seq 20000 | awk '{ printf "{\"id\":%d,\"key\":{\"k\":\"c%d\"}}\n", $1, $1 % 97 }' >in
	send "&key=.key.k&compression=lz4" <in
	receive g >out
	account 20000 out
	helper "$FROM" "kafka://$KAFKA/$TOPIC?$CONFIG&end=1&meta=m" >meta
	account 20000 meta
	# A key is in one partition, and is the record's; and the order is kept.
	jq -r '[.m.key, .m.partition] | @tsv' meta | sort -u >partitions
	[ "$(wc -l <partitions)" -eq 97 ]
	[ "$(cut -f2 partitions | sort -u | wc -l)" -eq 4 ]
	jq -e -n 'reduce inputs as $r ({}; if $r.key.k != $r.m.key or .[$r.m.key] > $r.id then error("order") else .[$r.m.key] = $r.id end) | length == 97' meta
}

@test "kafka: without a group nothing is committed, and it begins anywhere" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 1
	ids 10 | send
	url="kafka://$KAFKA/$TOPIC?$CONFIG&end=1"
	for _ in 1 2; do
		helper "$FROM" "$url" >out
		account 10 out
	done
	[ "$(helper "$FROM" "$url&offset=7")" = "$(ids 10 | tail -n 3)" ]
	[ "$(helper "$FROM" "$url&offset=-2")" = "$(ids 10 | tail -n 2)" ]
	[ "$(helper "$FROM" "$url&offset=end")" = "" ]
	# One that is not there any more: it begins again, and says so.
	helper "$FROM" "$url&offset=1000" >out 2>err
	account 10 out
	[ "$(wc -l <err)" -eq 1 ]
	grep -q "^from-kafka: $TOPIC \[0\]: offset reset (at offset 1000" err
}

@test "kafka: a group has again what was not done, and nothing else" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 2
	ids 5000 | send
	receive g --never >out
	account 5000 out
	receive g --stop 3000 --stats stats >first
	[ "$(wc -l <first)" -eq 3000 ]
	receive g --stats stats >rest
	account 5000 <(sort -u first rest)
	# What came after the last mark comes twice.
	[ "$(cat first rest | wc -l)" -le 6000 ]
	[ "$(receive g | wc -l)" -eq 0 ]
	grep -q '^rebalances [1-9]' stats
	grep -q '^unacknowledged ' stats
}

# Whether all records are there after one more run.
take_rest() {
	receive g >>out.rest
	[ "$(sort -u out.* | wc -l)" -ge 20000 ]
}

@test "kafka: a helper that is killed loses nothing" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 4
	# The session of a member that is killed ends soon.
	printf '%s\n' session.timeout.ms=2000 heartbeat.interval.ms=300 >>config
	ids 20000 >in
	for n in 3000 8000; do
		receive g --kill $n >"out.$n" &
		children+=($!)
	done
	send <in
	wait "${children[@]}" || :
	# The first member takes what the sessions of the dead leave to it.
	wait_until take_rest
	account 20000 <(sort -u out.*)
}

@test "kafka: two members share, and hand over without a duplicate" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 4
	printf '%s\n' session.timeout.ms=3000 heartbeat.interval.ms=300 >>config
	url="kafka://$KAFKA/$TOPIC?$CONFIG&group=g"
	timeout 50 "$PLAY" --late 0.3 --stop 4000 "$FROM" "$url" >first &
	first=$!
	ids 6000 | send
	wait_until has_lines first 1000
	timeout 50 "$PLAY" "$FROM" "$url" >second &
	second=$!
	seq 6001 12000 | sed 's/.*/{"id":&}/' | send
	wait_until has_lines second 1
	wait $first || :
	receive g >rest
	kill $second
	wait $second || :
	account 12000 <(sort -u first second rest)
}

@test "kafka: a sink that is away for longer than max.poll.interval is still a member" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 2
	printf '%s\n' session.timeout.ms=6000 heartbeat.interval.ms=500 max.poll.interval.ms=6000 >>config
	seq 40000 | awk '{ printf "{\"id\":%d,\"pad\":\"%0200d\"}\n", $1, 0 }' | send
	receive g --pause 5000:8 --stats stats >out
	account 40000 out
	grep -q '^rebalances [1-9]' stats
}

# is_told TIMES FILE: so often a time without a server began.
is_told() {
	[ "$(grep -c 'no server answers.*trying again' "$2")" -eq "$1" ]
}

@test "kafka: a broker that is away is waited for, at the start and later" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 2
	kafka_kill_broker "$KAFKA_DIR" 0
	ids 3000 >in
	# shellcheck disable=SC2094 # what to-kafka says is looked at
	{
		cat in
		server_wait 60 test -e go
		kafka_kill_broker "$KAFKA_DIR" 0
		seq 3001 6000 | sed 's/.*/{"id":&}/'
		server_wait 60 is_told 2 to.err
		kafka_start_broker "$KAFKA_DIR" 0
	} | timeout 100 "$TO" "kafka://$KAFKA/$TOPIC?$CONFIG" >answers 2>to.err &
	to=$!
	timeout 100 "$PLAY" --stop 6000 "$FROM" "kafka://$KAFKA/$TOPIC?$CONFIG&group=g" >out 2>from.err &
	from=$!
	wait_until grep -q 'trying again' to.err
	wait_until grep -q 'trying again' from.err
	kafka_start_broker "$KAFKA_DIR" 0
	server_wait 60 has_lines answers 3000
	# The first time is over for both.
	server_wait 60 grep -q 'goes on after' from.err
	: >go
	wait $to
	wait $from
	cat to.err from.err
	account 6000 <(sort -u out)
	[ "$(sort answers | uniq -c | tr -s ' ')" = " 6000 " ]
	# Each is told once when it begins, and once when it is over.  Who reads
	# may not see a short one.
	is_told 2 to.err
	is_told 2 from.err || is_told 1 from.err
	is_told "$(grep -c 'goes on after.*no server' from.err)" from.err
}

@test "kafka: a record that the topic does not take is rejected, and its batch goes on" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 1 1 max.message.bytes=2000
	{
		ids 50
		printf '{"id":51,"pad":"%03000d"}\n' 0
		seq 52 100 | sed 's/.*/{"id":&}/'
		printf '{"id":101,"pad":"%01100000d"}\n' 0
	} >in
	helper "$TO" "kafka://$KAFKA/$TOPIC?$CONFIG" <in >answers
	[ "$(sed -n 51p answers)" = "!3018 bytes are too many for topic $TOPIC" ]
	[[ $(sed -n 101p answers) == "!1100019 bytes are too many for message.max.bytes (config=)"* ]]
	[ "$(grep -c '^$' answers)" -eq 99 ]
	helper "$FROM" "kafka://$KAFKA/$TOPIC?$CONFIG&end=1" | jq .id | sort -n >out
	[ "$(cat out)" = "$(seq 100 | grep -vx 51)" ]
	# A record without a key.
	printf '%s\n' '{"k":1}' '{}' '{"k":null}' | helper "$TO" "kafka://$KAFKA/$TOPIC?$CONFIG&key=.k" >answers
	[ "$(wc -l <answers)" -eq 3 ]
	[ "$(cat answers)" = $'\n!no value at .k' ]
}

@test "kafka: tombstones, line feeds, and records that are no JSON" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 1
	printf '%s' 'k:{"a":|1};k:;k:two lines|without a word of JSON;k:plain;' | tr '|' '\n' | kafka_cat -P -t "$TOPIC" -K : -D ';' -Z
	url="kafka://$KAFKA/$TOPIC?$CONFIG&end=1"
	helper "$FROM" "$url" >out
	[ "$(sed -n 1,2p out)" = "$(printf '%s\n' '{"a": 1}' null)" ]
	[ "$(sed -n 3p out | jq -c '[.reason, .text, .input.name, .input.line]')" = "[\"invalid\",\"two lines\\nwithout a word of JSON\",\"${TOPIC}[0]\",2]" ]
	[ "$(sed -n 4p out)" = plain ]
	helper "$FROM" "$url&meta=m" >out
	[ "$(sed -n 1p out | jq -c '[.m.offset, .m.key, .m.tombstone, .a]')" = '[0,"k",null,1]' ]
	[ "$(sed -n 2p out | jq -c '[keys, .m.offset, .m.key, .m.tombstone]')" = '[["m"],1,"k",true]' ]
}

# fails HELPER URL MESSAGE: it ends with status 2 and one line.
fails() {
	run -2 --separate-stderr helper "$1" "$2" </dev/null
	# shellcheck disable=SC2154 # run sets it
	echo "$stderr"
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[[ $stderr == "$(basename "$1"): "$3* ]]
}

@test "kafka: what cannot be is told in one line" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 1
	url=kafka://$KAFKA/$TOPIC
	fails "$FROM" "kafka://$KAFKA" "the URL has no topic"
	fails "$FROM" "kafka:///$TOPIC" "the URL has no host"
	fails "$FROM" "kafka://me@$KAFKA/$TOPIC" "user 'me': set sasl.username"
	fails "$FROM" "kafka://$KAFKA/a%20b" "topic 'a b': a name has letters"
	fails "$FROM" "kafka://$KAFKA/a,b,a" "topic 'a' stands twice"
	fails "$TO" "kafka://$KAFKA/a,b" "the URL has 2 topics"
	fails "$FROM" "$url?offset=soon" "option offset=soon: "
	fails "$FROM" "$url?offset=7&group=g" "option offset=7: "
	fails "$FROM" "$url?group=" "option group="
	fails "$TO" "$url?key=k" "option key=k: "
	fails "$TO" "$url?compression=best" ""
	fails "$TO" "$url?config=nowhere" "config=nowhere: No such file"
	# A secret is in no message.
	printf '%s\n' '' '# comment' ' sasl.password = secret ' 'secret' >bad
	fails "$FROM" "$url?config=bad" "bad:4: a line is NAME=VALUE"
	for line in sasl.pasword=secret session.timeout.ms=secret group.id=secret; do
		echo "$line" >bad
		fails "$FROM" "$url?config=bad" "bad:1: ${line%=*}: "
		[[ $stderr != *secret* ]]
	done
}

@test "kafka: no topic, and no rights" {
	fails "$FROM" "kafka://$KAFKA/nowhere?$CONFIG&group=g" "topic nowhere: there is no such topic"
	fails "$TO" "kafka://$KAFKA/nowhere?$CONFIG" "topic nowhere: there is no such topic"
	kafka_topic "$KAFKA_DIR" "$TOPIC" 1
	kafka_topic "$KAFKA_DIR" "open-$TOPIC" 1
	ids 10 | send
	java -cp "$KAFKA_JARS/*" -Dlog4j.configuration="file:$KAFKA_DIR/log4j.properties" kafka.admin.AclCommand \
		--authorizer-properties "zookeeper.connect=$(<"$KAFKA_DIR/zookeeper")" --add --deny-principal User:ANONYMOUS \
		--operation Read --topic "$TOPIC" --group forbidden >acl 2>&1
	fails "$FROM" "kafka://$KAFKA/open-$TOPIC?$CONFIG&group=forbidden" "group forbidden: no right"
	fails "$FROM" "kafka://$KAFKA/$TOPIC?$CONFIG" "topic $TOPIC: no right to use"
}

@test "kafka: TLS" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 1
	secure=kafka://127.0.0.1:$(<"$KAFKA_DIR/tls")/$TOPIC
	cp config trusting
	echo "ssl.ca.location=$KAFKA_DIR/ca.crt" >>trusting
	ids 10 | helper "$TO" "$secure?config=trusting&tls=1" >answers
	[ "$(helper "$FROM" "$secure?config=trusting&tls=1&end=1")" = "$(ids 10)" ]
	fails "$FROM" "$secure?$CONFIG&tls=1" "127.0.0.1:$(<"$KAFKA_DIR/tls"): TLS: "
}

@test "kafka: a traceparent goes to headers, and comes from them" {
	needs_mock
	mock_start "$BATS_TEST_TMPDIR/mock" 1 "$TOPIC:1"
	parent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	printf '%s\n' "{\"id\":1,\"traceparent\":\"$parent\",\"tracestate\":\"a=b\"}" '{"id":2}' |
		helper "$TO" "kafka://$MOCK/$TOPIC" >answers
	[ "$(wc -l <answers)" -eq 2 ]
	[ "$(kcat -b "$MOCK" -C -q -e -t "$TOPIC" -f '%h\n')" = "$(printf '%s\n' "traceparent=$parent,tracestate=a=b" '')" ]
	echo '{"id":3}' | kcat -b "$MOCK" -P -t "$TOPIC" -H "traceparent=$parent" -H tracestate=c=d
	helper "$FROM" "kafka://$MOCK/$TOPIC?end=1" >out
	[ "$(sed -n 2,3p out)" = "$(printf '%s\n' '{"id":2}' "{\"id\":3,\"traceparent\":\"$parent\",\"tracestate\":\"c=d\"}")" ]
}

@test "kafka: idempotence, where the brokers have it" {
	needs_mock
	mock_start "$BATS_TEST_TMPDIR/mock" 3 "$TOPIC:4"
	echo debug=eos >debug
	ids 20000 | helper "$TO" "kafka://$MOCK/$TOPIC?config=debug" >answers 2>err
	grep -qi "acquired.*pid\|pid.*assigned" err
	[ "$(sort answers | uniq -c | tr -s ' ')" = " 20000 " ]
	helper "$PLAY" "$FROM" "kafka://$MOCK/$TOPIC?end=1&group=g" >out
	account 20000 out
}

# metric NAME [LABELS]: the sum of the family's samples that have the labels.
metric() {
	"$BIN/pmetrics" print | awk -v name="pipeline_engine_$1" -v labels="${2-}" 'index($1, name "{") == 1 && index($1, labels) { n += $NF; found = 1 } END { print found ? n : "none" }'
}

measures() {
	[ "$(metric "$1" "${3-}")" = "$2" ]
}

# has_partitions STAGE N: the stage's member has so many partitions.
has_partitions() {
	[ "$("$BIN/pmetrics" print | grep -c "^pipeline_engine_lag_records{stage=\"$1\".*partition=")" -eq "$2" ]
}

@test "kafka: the lag of partitions falls to 0, and they go with a rebalance" {
	kafka_topic "$KAFKA_DIR" "$TOPIC" 4
	printf '%s\n' session.timeout.ms=3000 heartbeat.interval.ms=300 >>config
	mkdir -m 700 run
	export PCHAN_RUN_DIR=$PWD/run
	url="kafka://$KAFKA/$TOPIC?$CONFIG&group=g"
	ids 2000 | send
	timeout 100 "$BIN/pfanin" -n one "$url" >one.out 2>err 3>&- &
	one=$!
	server_wait 60 has_partitions one 4
	server_wait 60 measures lag_records 0 stage=\"one\"
	server_wait 60 measures unacknowledged_records 0 stage=\"one\"
	has_partitions one 4
	measures rebalances_total 1 stage=\"one\"
	"$BIN/pmetrics" print --format json | jq -e --arg name "kafka $KAFKA/$TOPIC" '
		.pipelines[0].parts[0] | .name == $name and .lag == 0 and (.partitions | keys) == ["0","1","2","3"]'
	# Another member takes two of them.
	timeout 100 "$BIN/pfanin" -n two "$url" >two.out 2>>err 3>&- &
	two=$!
	server_wait 60 has_partitions two 2
	server_wait 60 has_partitions one 2
	[ "$(metric rebalances_total stage=\"one\")" -ge 2 ]
	# The server goes, and comes back.
	before=$(metric reconnects_total stage=\"one\")
	kafka_kill_broker "$KAFKA_DIR" 0
	kafka_start_broker "$KAFKA_DIR" 0
	reconnected() {
		[ "$(metric reconnects_total stage=\"one\")" -gt "$before" ]
	}
	server_wait 60 reconnected
	kill "$one" "$two"
	wait "$one" || :
	wait "$two" || :
	account 2000 <(sort -u one.out two.out)
}
