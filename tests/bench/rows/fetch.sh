# Fetching, and records on their way from one to the other. Sourced by run.

READ_MIB=384 # of a topic that is read again and again

shape_fetch() {
	nodes base odradek kafka tuned $PEERS floor
	topic read 1
	fill_topic read $READ_MIB 1024
	abba fetch_1k
	abba fetch_raw
}
fill_topic() { # TOPIC MIB BYTES: with batches of a MiB
	local side
	PAIR=0
	for side in $SIDES; do
		SIDE=$side
		probe produce "$1" "$2" $((1000000 / $3)) "$3" 4 || leave_out || return 1
	done
}
fetch_1k() {
	load consume read "$(n 2000000)"
	figure G6 bytes/work_us/1000
	figure G7 node_cpu_us*1000/bytes
	figure "G7 switches" node_switches*1e9/bytes
}
fetch_raw() {
	probe fetch read "$(n 4096)" 1048576
	figure fetch node_cpu_us*1000/bytes
}

# Java's own consumer: kafka-consumer-perf-test.
shape_fetch_java() {
	need_kafka_tools || { say "kafka-tools are out of reach: no consumer of Java's"; return 0; }
	nodes base odradek kafka tuned $PEERS
	topic read 1
	fill_topic read $READ_MIB 1024
	abba fetch_java
}
fetch_java() {
	measure java -Xmx512m -Dlog4j2.configurationFile="$COMPAT/lib/log4j2.properties" -cp "$CACHE/kafka-tools-$KAFKA_VERSION/libs/*" \
		org.apache.kafka.tools.ConsumerPerformance --bootstrap-server "$(address)" --topic read --num-records "$(n 360000)" --fetch-size 1048576 \
		--timeout 60000 --hide-header || return 1
	# start, end, MiB, MiB/s, records, records/s, ms of the rebalance, ms of fetching, MiB/s of fetching, ...
	awk -F', *' 'NF >= 9 { printf "mib=%s\nmib_per_second=%s\n", $3, $9 }' "$WORK/said" >"$WORK/java"
	cat "$WORK/java" >>"$WORK/said"
	figure "G6 java" mib_per_second*1048576/1e9
	figure "G7 java" "node_cpu_us/1e6/(mib*1048576/1e9)"
}

# What is on the disk alone.
shape_cold() {
	nodes base odradek kafka tuned $PEERS
	topic cold 1
	fill_topic cold 256 1024
	abba fetch_cold
}
fetch_cold() {
	"$BIN/floor_disk" forget "${DIR[$SIDE]}"/data/cold-0/*.log || return 1
	probe fetch cold 256 1048576
	figure "cold cpu" node_cpu_us*1000/bytes
	figure cold bytes/elapsed_us/1000
}

# Consumers at the end of one partition, of which each gets all.
shape_fan() {
	nodes base odradek kafka tuned $PEERS floor
	topic fan 1
	abba fan G8 8 "$(n 200)" 50
	abba fan "hundred consumers" 100 "$(n 40)" 10
}
fan() { # KEY CONSUMERS MIB RATE
	stream fan fan "$2" "$3" "$4"
	figure "$1" node_cpu_us*1000/bytes
	[ "$1" = G8 ] || figure "$1 switches" node_switches*1e6/bytes
}

shape_latency() {
	nodes base odradek kafka tuned $PEERS floor
	topic idle 1
	abba latency
}
latency() {
	probe latency idle "$(n 5000)"
	figure "G12 p50" p50_us
	figure "G12 p99" p99_us
	figure "G12 p999" p999_us
	figure "G12 p9999" p9999_us
	figure "G12 cpu" "node_cpu_us/$(n 5000)"
}

# 200 000 records a second, a batch each 100 us; a batch's latency counts from when it was due.
shape_paced() {
	nodes base odradek kafka tuned $PEERS floor
	topic paced 1
	abba paced
}
paced() {
	local q
	stream paced paced 200000 20 100 $((QUICK ? 3 : 12 * SCALE))
	for q in p50 p99 p999 p9999 max; do figure "G13 $q" ${q}_us; done
	figure "G13 cpu" node_cpu_us/records
}

# Kafka's own kafka-e2e-latency, as a check of the above.
shape_latency_java() {
	need_kafka_tools || { say "kafka-tools are out of reach: no kafka-e2e-latency"; return 0; }
	nodes base odradek kafka tuned $PEERS
	once latency_java
}
latency_java() {
	measure java -Xmx256m -Dlog4j2.configurationFile="$COMPAT/lib/log4j2.properties" -cp "$CACHE/kafka-tools-$KAFKA_VERSION/libs/*" \
		org.apache.kafka.tools.EndToEndLatency --bootstrap-server "$(address)" --topic t --num-records "$(n 4000)" --producer-acks 1 --record-size 100 || return 1
	sed -nE 's/^Avg latency: ([0-9.]+) ms$/mean_ms=\1/p' "$WORK/said" >"$WORK/mean"
	cat "$WORK/mean" >>"$WORK/said"
	figure "G12 java" mean_ms
}

shape_pipeline() {
	nodes base odradek kafka tuned $PEERS floor
	abba pipeline
}
pipeline() {
	probe versions "$(n 200000)" 32 8
	figure G14 per_second
	figure "G14 cpu" node_cpu_us/requests
}

shape_metadata() {
	nodes base odradek kafka tuned $PEERS
	abba metadata
}
metadata() {
	probe metadata "$(n 400)"
	figure metadata node_cpu_us/requests
}
