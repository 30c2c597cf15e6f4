# Producing: rates and CPU time, by librdkafka, by a client that costs nothing, by Java's. Sourced by run.

PRODUCERS="odradek kafka tuned $PEERS null floor"

# rdkafka TOPIC N BYTES BATCH_BYTES BATCH_RECORDS [NAME=VALUE...]
rdkafka() {
	load produce "$1" "$2" "$3" acks=1 linger.ms=5 "batch.size=$4" "batch.num.messages=$5" "${@:6}"
}

shape_produce_big() {
	nodes base $PRODUCERS
	abba produce_big
}
produce_big() {
	rdkafka big "$(n 6000000)" 100 1000000 100000
	figure G1 per_second
	figure G2 node_cpu_us/messages
	figure "G2 switches" node_switches*1e6/messages
	figure "G2 client" client_cpu_us/messages
	figure "G20 produce" node_peak_kib/1024
}

shape_produce_16k() {
	nodes base $PRODUCERS
	abba produce_16k
}
produce_16k() {
	rdkafka mid "$(n 3000000)" 100 16384 10000
	figure G3 node_cpu_us/messages
	figure "G3 rate" per_second
}

shape_produce_10k() {
	nodes base $PRODUCERS
	abba produce_10k
}
produce_10k() {
	rdkafka wide "$(n 130000)" 10240 1000000 10000
	figure G4 bytes/work_us/1000
	figure "G5 10k" node_cpu_us*1000/bytes
}

shape_produce_1k() {
	nodes base $PRODUCERS
	abba produce_1k
}
produce_1k() {
	rdkafka narrow "$(n 1000000)" 1024 1000000 10000
	figure "G5 1k" node_cpu_us*1000/bytes
	figure "G5 1k rate" bytes/work_us/1000
}

# One record a request, and ten, a hundred, a thousand.
shape_produce_few() {
	nodes base $PRODUCERS
	abba produce_few 1 "$(n 60000)"
	abba produce_few 10 "$(n 400000)"
	abba produce_few 100 "$(n 2000000)"
	abba produce_few 1000 "$(n 4000000)"
}
produce_few() { # RECORDS N
	rdkafka few "$2" 100 1000000 "$1"
	figure "G11 $1" node_cpu_us/messages
	[ "$1" != 1 ] || figure G10 node_cpu_us/messages
	[ "$1" != 1 ] || figure "G10 switches" node_switches/messages
}

shape_codecs() {
	local codec
	nodes base odradek kafka tuned $PEERS
	for codec in gzip snappy lz4 zstd; do abba produce_codec $codec; done
}
produce_codec() { # CODEC
	rdkafka "codec-$1" "$(n 1000000)" 100 1000000 10000 "compression.codec=$1"
	figure "codec $1" node_cpu_us/messages
}

# Java's own producer: kafka-producer-perf-test.
shape_produce_java() {
	need_kafka_tools || { say "kafka-tools are out of reach: no producer of Java's"; return 0; }
	nodes base $PRODUCERS
	abba produce_java 16384
	[ -n "$QUICK" ] || abba produce_java 1000000
}
produce_java() { # BATCH_BYTES
	measure java -Xms512m -Xmx512m -Dlog4j2.configurationFile="$COMPAT/lib/log4j2.properties" -cp "$CACHE/kafka-tools-$KAFKA_VERSION/libs/*" \
		org.apache.kafka.tools.ProducerPerformance --topic java --num-records "$(n 3000000)" --record-size 100 --throughput -1 \
		--command-property "bootstrap.servers=$(address)" acks=1 "batch.size=$1" linger.ms=5 buffer.memory=67108864
	sed -nE 's/^([0-9]+) records sent, ([0-9.]+) records\/sec.*/messages=\1\nper_second=\2/p' "$WORK/said" | tail -2 >"$WORK/java"
	cat "$WORK/java" >>"$WORK/said"
	figure "G9 $1" per_second
	figure "G9 $1 cpu" node_cpu_us/messages
}

# A client that costs nothing: requests of a batch that is made once.
shape_small() { nodes base odradek kafka tuned $PEERS floor && topic raw-small 1 && abba raw_produce small "$(n 20000)" 1 1; }
shape_medium() { nodes base odradek kafka tuned $PEERS floor && topic raw-medium 1 && abba raw_produce medium "$(n 10000)" 148 4; }
shape_large() { nodes base odradek kafka tuned $PEERS floor && topic raw-large 1 && abba raw_produce large "$(n 300)" 9500 4; }
raw_produce() { # NAME REQUESTS RECORDS DEPTH
	probe produce "raw-$1" "$2" "$3" 100 "$4"
	figure "$1" "node_cpu_us/requests/$3"
}

# A hundred partitions in one request, a record each.
shape_wide_request() {
	nodes base odradek kafka tuned $PEERS floor
	topic hundred 100
	abba wide_request
}
wide_request() {
	many spread hundred 100 "$(n 4000)" 100 100
	figure "wide request" node_cpu_us/requests
}

# A log in which each key is there three times over is compacted at once when its topic says so: CPU time of the node, and how fast it says it was.
CLEANED=0
kind_clean() { echo log.cleaner.backoff.ms=100; }
shape_clean() {
	nodes clean odradek kafka
	abba clean
}
clean() {
	local topic=clean-$((++CLEANED)) mib before
	mib=$(n 64)
	tool topics --create --topic "$topic" --partitions 1 --replication-factor 1 --config cleanup.policy=compact \
		--config min.cleanable.dirty.ratio=1 --config segment.bytes=16777216 || return 1
	probe keyed "$topic" "$mib" $((mib * 1048576 / 130 / 3)) || return 1
	before=$(cpu_us)
	tool configs --alter --entity-type topics --entity-name "$topic" --add-config min.cleanable.dirty.ratio=0.01 || return 1
	wait_for 120 grep -qs "^$topic 0 [1-9]" "${DIR[$SIDE]}/data/cleaner-offset-checkpoint" || { say "$SIDE does not compact $topic"; return 1; }
	printf 'mib=%s\ncpu_us=%s\nsaid_us=%s\n' "$mib" $(($(cpu_us) - before)) "$(cleaned_us "$topic")" >"$WORK/said"
	figure "clean cpu" cpu_us/mib
	figure clean said_us
}
cpu_us() { "$BIN/probe" cpu - 0 "${PID[$SIDE]}" | cut -d= -f2; }

cleaned_us() { # TOPIC: a MiB, by the node's own words
	if [ "$SIDE" = odradek ]; then
		sed -nE "s/.*log compacted: .*topic=$1 .*bytes_read=([0-9]+).* ms=([0-9]+).*/\1 \2/p" "${DIR[$SIDE]}/log" | awk '{ print $2 * 1000 * 1048576 / $1; exit }'
	else
		grep -A3 "cleaned log $1-0" "${DIR[$SIDE]}/log" | sed -nE 's/.* MB of log processed .*\(([0-9.,]+) MB.sec\).*/\1/p' | tr -d , | awk '{ print 1e6 / $1; exit }'
	fi
}
