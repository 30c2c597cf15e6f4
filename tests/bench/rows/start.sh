# Starting, restarting, recovering; memory and scale. Sourced by run.

said_launch() { cp "$WORK/launched" "$WORK/said"; }

# exec to the first acknowledged produce, on a directory without anything but its configuration.
shape_start_empty() {
	fresh empty odradek kafka $PEERS
	WARMUPS=0 abba start_empty
}
start_empty() {
	discard "$SIDE"
	prepare "$SIDE" empty && first "$SIDE" || { FAILED=1; return 1; }
	KIND_OF[$SIDE]=empty
	said_launch
	figure G22 first_us/1000
	figure "G22 cpu" cpu_us/1000
}

# The same with a topic that has been there before, after a clean stop.
shape_start() {
	nodes empty odradek kafka $PEERS
	WARMUPS=0 abba start_again
}
start_again() {
	end "$SIDE"
	launch "$SIDE" first t || { FAILED=1; return 1; }
	KIND_OF[$SIDE]=empty
	said_launch
	figure start first_us/1000
	figure "start cpu" cpu_us/1000
}

# restart KEY SIGNAL LEADERS TOPIC: ends the node and starts it until its leaders are there and TOPIC is read; what it took, in ms.
restart() {
	local began=${EPOCHREALTIME/./} stopped
	end "$SIDE" "$2"
	stopped=${EPOCHREALTIME/./}
	launch "$SIDE" ready "$3" "$4" || { FAILED=1; return 1; }
	said_launch
	figure "$1" ready_us/1000
	figure "$1 cpu" cpu_us/1000
	[ "$2" != TERM ] || figure "$1 stop" "($stopped-$began)/1000"
}

# ---- a crash with 1 GiB that was not flushed ----

kind_crash() { printf '%s\n' log.segment.bytes=1600000000 log.retention.bytes=-1; }
CRASH_MIB=1024

shape_crash() {
	fresh crash odradek kafka $PEERS
	topic crash 1
	fill_topic crash $CRASH_MIB 1024
	SIDES+=" disk"
	once crash
	once verify
	once verify_cold
}
crash() {
	[ "$SIDE" != disk ] || return 0
	restart G24 KILL 1 crash
}

# Nothing says how far the disk is to be believed: the whole log is read.
segments_of() { echo "${DIR[$1]}"/data/crash-0/*.log; }
verify() {
	if [ "$SIDE" = disk ]; then
		measure "$BIN/floor_disk" scan $(segments_of odradek) && figure "G25 warm" bytes/total_us/1000
	else
		verify_by "G25 warm" true
	fi
}
verify_cold() {
	if [ "$SIDE" = disk ]; then
		"$BIN/floor_disk" forget $(segments_of odradek)
		measure "$BIN/floor_disk" scan $(segments_of odradek) && figure "G25 cold" bytes/total_us/1000
	else
		verify_by "G25 cold" "$BIN/floor_disk" forget
	fi
}
verify_by() { # KEY COMMAND...: before the start, with the segments
	local bytes
	bytes=$(stat -c %s $(segments_of "$SIDE") | awk '{ sum += $1 } END { print sum }')
	end "$SIDE" KILL
	rm -f "${DIR[$SIDE]}"/data/{recovery-point-offset-checkpoint,odradek.life}
	"${@:2}" $(segments_of "$SIDE") || return 1
	launch "$SIDE" ready 1 crash || { FAILED=1; return 1; }
	{ cat "$WORK/launched"; echo "bytes=$bytes"; } >"$WORK/said"
	figure "$1" bytes/ready_us/1000
}

# ---- idle ----

shape_idle() {
	fresh empty odradek kafka $PEERS
	idle_for=$((QUICK ? 20 : 60)) # longer than until what only a start needed is let go
	for SIDE in $SIDES; do end "$SIDE"; launch "$SIDE" first t; done
	wait_for 3 false # what a start leaves to do is done by then
	once idle
}
idle() {
	measure sleep $idle_for
	figure "G20 idle" node_rss_kib/1024
	figure G21 node_cpu_us/elapsed_us*100
}

# One producer and one consumer that are as fast as they can be.
shape_saturated() {
	fresh empty odradek kafka tuned $PEERS
	topic both 1
	once saturated
}
saturated() {
	export -f saturate
	measure bash -c 'saturate "$@"' - "$BIN/load" "$(address)" "$(n 2000000)"
	figure "G20 saturated" node_peak_kib/1024
}
saturate() { # LOAD ADDRESS N
	"$1" produce "$2" both 0 100000 100 linger.ms=5 >/dev/null || return
	"$1" produce "$2" both 0 "$3" 100 linger.ms=5 batch.size=1000000 batch.num.messages=10000 >/dev/null &
	"$1" consume "$2" both 0 "$3" >/dev/null && wait $!
}

# ---- connections that do nothing ----

shape_connections() {
	nodes base odradek kafka $PEERS
	topic idle 1
	once connections
}
connections() {
	local connections=10000 before holder alone
	probe latency idle "$(n 5000)"
	alone=$(value p99_us)
	before=$(rss_kib)
	rm -f "$WORK/hold" && mkfifo "$WORK/hold"
	"$BIN/probe" idle 127.0.0.1 "${PORT[$SIDE]}" $connections <"$WORK/hold" >"$WORK/idle" 2>&1 &
	holder=$!
	exec 6>"$WORK/hold"
	wait_for 120 grep -q per_second= "$WORK/idle" || { say "$SIDE: $(cat "$WORK/idle")"; exec 6>&-; FAILED=1; return 1; }
	{ cat "$WORK/idle"; echo "before=$before"; echo "after=$(rss_kib)"; } >"$WORK/said"
	figure "G32 memory" "(after-before)*1024/connections"
	figure "G32 rate" per_second
	measure sleep $((QUICK ? 5 : 20))
	figure "G32 cpu" node_cpu_us/elapsed_us*100
	probe latency idle "$(n 5000)"
	figure "G33 p50" p50_us
	figure "G33 p99" p99_us
	figure "G33 growth" "p99_us/$alone"
	exec 6>&-
	wait $holder
}

# ---- ten thousand partitions ----

PARTITIONS=10000
shape_partitions() { # in two topics: Kafka takes 10000 records in an operation
	fresh empty odradek kafka $PEERS
	once partitions
}
partitions() {
	local before
	before=$(rss_kib)
	probe create many $((PARTITIONS / 2)) || return 1
	printf 'first=%s\n' "$(value leaders_us)" >"$WORK/half"
	probe create more $((PARTITIONS / 2)) || return 1
	{ cat "$WORK/half"; echo "second=$(value leaders_us)"; echo "before=$before"; echo "after=$(rss_kib)"; } >"$WORK/said"
	figure "G29 one" "(first+second)/1000"
	figure G27 "(after-before)*1024/$PARTITIONS"
	many spread t 1 "$(n 20000)" 1 100 || return 1
	figure "G30 one" node_cpu_us/requests
	sed -n 's/^node_cpu_us=/one_cpu_us=/p' "$WORK/said" >"$WORK/one"
	many spread many $((PARTITIONS / 2)) $((PARTITIONS / 200)) 100 100 && many spread more $((PARTITIONS / 2)) $((PARTITIONS / 200)) 100 100 || return 1
	many spread many $((PARTITIONS / 2)) "$(n 20000)" 1 100 || return 1
	figure "G30 many" node_cpu_us/requests
	cat "$WORK/one" >>"$WORK/said"
	figure "G30 growth" node_cpu_us/one_cpu_us
	restart G23 TERM $((PARTITIONS + 1)) more || return 1
	figure "G23 rss" "$(rss_kib)/1024"
	many spread many $((PARTITIONS / 2)) $((PARTITIONS / 20)) 10 65536 && many spread more $((PARTITIONS / 2)) $((PARTITIONS / 20)) 10 65536 || return 1
	restart G26 KILL $((PARTITIONS + 1)) more
}

# A clean stop with all of them written since the last flush.
shape_stop() {
	fresh empty odradek kafka $PEERS
	once stops
}
stops() {
	probe create many $((PARTITIONS / 2)) && probe create more $((PARTITIONS / 2)) || return 1
	stop_written stop 100 100 && stop_written "stop tails" 10 65536
}
stop_written() { # KEY EACH BYTES: a record for each, EACH in a request
	local topic began
	for topic in many more; do
		many spread $topic $((PARTITIONS / 2)) $((PARTITIONS / 2 / $2)) "$2" "$3" || return 1
	done
	began=${EPOCHREALTIME/./}
	end "$SIDE"
	echo "stop_us=$((${EPOCHREALTIME/./} - began))" >"$WORK/said"
	figure "$1" stop_us/1000
	launch "$SIDE" ready $((PARTITIONS + 1)) more || { FAILED=1; return 1; }
}

shape_topics() { # of one partition each
	fresh empty odradek kafka $PEERS
	once topics
}
topics() {
	probe topics single $PARTITIONS 500 || return 1
	figure "G29 many" elapsed_us/1000
	probe metadata "$(n 400)" || return 1
	figure "G31 p50" p50_us/1000
	figure "G31 cpu" node_cpu_us/requests/1000
}

# More partitions than Kafka holds at what a kernel allows by default: ours alone. A hundred thousand when it is to be quick.
shape_million() {
	fresh empty odradek
	once million
}
million() {
	local topics=$((QUICK ? 20 : 200)) i before began=${EPOCHREALTIME/./}
	before=$(rss_kib)
	for ((i = 0; i < topics; i++)); do
		probe create "topic-$i" 5000 || return 1
	done
	{ echo "made=$((topics * 5000))"; echo "create_us=$((${EPOCHREALTIME/./} - began))"; echo "grown=$(($(rss_kib) - before))"; } >"$WORK/said"
	figure G28 made
	figure "G28 create" create_us/made
	figure "G28 memory" grown*1024/made
	for ((i = 0; i < topics; i++)); do many spread "topic-$i" 50 1 50 100 || return 1; done
	restart "G28 restart" TERM $((topics * 5000 + 1)) topic-0
}

shape_size() {
	SIDES="odradek kafka"
	once size
}
size() {
	if [ "$SIDE" = odradek ]; then
		strip -o "$WORK/stripped" "$ODRADEK"
		echo "bytes=$(stat -c %s "$WORK/stripped")" >"$WORK/said"
	elif [ -z "$ALONE" ]; then
		echo "bytes=$(du -sb "$CACHE/kafka-$KAFKA_VERSION/libs" | cut -f1)" >"$WORK/said"
	else
		return 0
	fi
	figure G36 bytes/1048576
}

# Each native tool from its start to its end, with a record for what reads one: it has to answer while a person looks on.
TOOL_RUNS=15
shape_tools() {
	nodes base odradek
	SIDE=odradek PAIR=1
	: >"$RESULTS_PAIR"
	each_tool
	keep
}
each_tool() {
	local node line i began
	node="--bootstrap-server $(address)"
	echo '{"partitions": [{"topic": "t", "partition": 0, "offset": 1}], "version": 1}' >"$WORK/deleted.json"
	while read -r line; do
		for ((i = 0; i < TOOL_RUNS; i++)); do
			began=${EPOCHREALTIME/./}
			# shellcheck disable=SC2086
			"$ODRADEK" $line >"$WORK/answer" 2>&1 <<<record || { say "$line: $(tail -3 "$WORK/answer")"; break; }
			echo "us=$((${EPOCHREALTIME/./} - began))" >"$WORK/said"
			figure "tool ${line%% *}" us/1000
		done
	done <<-END
		produce $node --topic t
		consume $node --topic t --from-beginning --max-messages 1
		topics $node --list
		configs $node --entity-type topics --describe
		groups $node --list
		consumer-groups $node --all-groups --describe
		cluster cluster-id $node
		quorum $node describe --status
		features $node describe
		broker-api-versions $node
		log-dirs $node --describe
		offsets $node
		delete-records $node --offset-json-file $WORK/deleted.json
		leader-election $node --election-type preferred --all-topic-partitions
		reassign-partitions $node --list
		transactions $node list
		client-metrics $node --list
		dump-log --cluster-metadata-decoder --files ${DIR[odradek]}/data/__cluster_metadata-0/00000000000000000000.log
	END
}
