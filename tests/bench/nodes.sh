# The brokers of a benchmark, by the name of their side. Sourced by run.
#
#	odradek kafka	each with the same server.properties
#	tuned		Apache Kafka with a heap that is touched beforehand, and two threads for the network and two for requests
#	null floor	floor.c: what only acknowledges; the smallest that keeps and sends
#	another name	what -x has given: NAME=PROGRAM, called with a port and a directory
#
# What a side runs with is its kind: `nodes KIND SIDE...` starts those that do not run so already. kind_KIND prints the settings that it has beyond
# the common ones. `three` stands for a cluster of three nodes.

declare -A PID PORT DIR KIND_OF PEER_PROGRAM

heap() { [ "$NODES_WANTED" = 3 ] && echo 512m || echo 1g; }

command_of() { # SIDE DIR PORT: the command that runs a node there, one word a line
	case $1 in
	odradek) printf '%s\n' "$ODRADEK" start "$2/server.properties" ;;
	kafka | tuned)
		printf '%s\n' java "-Xms$(heap)" "-Xmx$(heap)" -XX:+UseG1GC -Dlog4j2.configurationFile="$COMPAT/lib/log4j2-broker.properties"
		[ "$1" = kafka ] || printf '%s\n' -XX:+AlwaysPreTouch
		printf '%s\n' -cp "$CACHE/kafka-$KAFKA_VERSION/libs/*" kafka.Kafka "$2/server.properties"
		;;
	null | floor) printf '%s\n' "$BIN/floor" "$1" "$3" "$2" ;;
	*) printf '%s\n' "${PEER_PROGRAM[$1]}" "$3" "$2" ;;
	esac
}

has_node() { [ "$1" != disk ]; } # a floor that is no broker

# What all have: retention deletes behind the producer, as it does in a life that goes on.
common_settings() { # SIDE
	cat <<-X
		log.segment.bytes=268435456
		log.retention.bytes=536870912
		log.retention.check.interval.ms=1000
		log.segment.delete.delay.ms=1000
	X
	[ "$1" != tuned ] || printf '%s\n' num.network.threads=2 num.io.threads=2
}

kind_base() { :; }
kind_empty() { :; }

prepare() { # SIDE KIND: a directory of its own with a configuration
	DIR[$1]=$WORK/$1-$2-$((++PREPARED))
	{ common_settings "$1"; "kind_$2"; } >"$WORK/settings"
	node_config "${DIR[$1]}" <"$WORK/settings"
	PORT[$1]=${BOOTSTRAP#*:}
	[ "$2" != tls ] || after_tls "$1"
	case $1 in kafka | tuned) kafka_format "${DIR[$1]}" ;; esac
}
PREPARED=0

# launch SIDE PROBE ARGUMENT...: starts the node under a probe that measures its start; what the probe prints is in $WORK/launched.
launch() {
	local side=$1 command
	shift
	mapfile -t command < <(command_of "$side" "${DIR[$side]}" "${PORT[$side]}")
	"$BIN/gauge" - "$(others_of "$side")" "$BIN/probe" "$1" 127.0.0.1 "${PORT[$side]}" "${@:2}" "${command[@]}" \
		2>>"${DIR[$side]}/log" >"$WORK/launched" || {
		tail -20 "${DIR[$side]}/log" >&2
		return 1
	}
	judge_launch
	PID[$side]=$(sed -n 's/^pid=//p' "$WORK/launched")
	PIDS+=("${PID[$side]}")
}

# The node is nobody's to the gauge, which began before it and ends while it runs.
judge_launch() {
	local others
	others=$(awk -F= '{ v[$1] = $2 } END { printf "%d", v["others_percent"] - 100 * v["cpu_us"] / v["elapsed_us"] }' "$WORK/launched")
	[ "$others" -le $LIMIT ] || { DIRTY=1 OTHERS=$others; }
}

first() { PROBE_AUTO_CREATE=1 launch "$1" first t; }

gone() { ! kill -0 "$1" 2>/dev/null; }
end() { # SIDE [SIGNAL]
	local pid
	for pid in ${PID[$1]//,/ }; do kill "-${2:-TERM}" "$pid" 2>/dev/null; done
	for pid in ${PID[$1]//,/ }; do wait_for 300 gone "$pid" || { say "$1 does not end"; return 1; }; done
	unset "PID[$1]" "KIND_OF[$1]"
}

discard() { # SIDE: ends it, and what it kept is gone
	[ -z "${PID[$1]:-}" ] || end "$1"
	rm -rf "${DIR[$1]:-/nonexistent}"
}

# nodes KIND SIDE...: they run so, and SIDES is set to those of them that there are. Others of our nodes end: they would not be idle for nothing.
nodes() {
	local kind=$1 side
	shift
	SIDES=
	for side in "$@"; do is_here "$side" && SIDES+="${SIDES:+ }$side"; done
	for side in "${!PID[@]}"; do [[ " $SIDES " = *" $side "* ]] || discard "$side"; done
	for side in $SIDES; do
		has_node "$side" && [ "${KIND_OF[$side]:-}" != "$kind" ] || continue
		discard "$side"
		start_kind "$side" "$kind" || return 1
		KIND_OF[$side]=$kind
	done
}

fresh() { # KIND SIDE...: the same, with nodes that have done nothing yet
	local side
	for side in "${!PID[@]}"; do discard "$side"; done
	nodes "$@"
}

start_kind() { # SIDE KIND
	if [ "$2" = three ]; then
		start_three "$1"
	else
		prepare "$1" "$2" && first "$1"
	fi
}

is_here() {
	case $1 in
	kafka) [ -z "$ALONE" ] ;;
	tuned) [ -z "$ALONE" ] && [ -n "$TUNED" ] ;;
	odradek | null | floor | disk) true ;;
	*) [ -n "${PEER_PROGRAM[$1]:-}" ] ;;
	esac
}

# ---- three nodes ----

three_config() { # DIR ID PORT CONTROLLER VOTERS
	mkdir -p "$1"
	cat >"$1/server.properties" <<-X
		process.roles=broker,controller
		node.id=$2
		controller.quorum.voters=$5
		listeners=PLAINTEXT://127.0.0.1:$3,CONTROLLER://127.0.0.1:$4
		advertised.listeners=PLAINTEXT://127.0.0.1:$3
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
		log.dirs=$1/data
		offsets.topic.replication.factor=1
	X
	common_settings odradek >>"$1/server.properties"
}

start_three() { # SIDE
	local side=$1 base=$WORK/$1-three-$((++PREPARED)) i ports=() controllers=() voters='' uuid pids='' command
	uuid=$("$ODRADEK" storage random-uuid)
	for i in 1 2 3; do
		ports+=("$(free_port)")
		controllers+=("$(free_port)")
		voters+=${voters:+,}$i@127.0.0.1:${controllers[i - 1]}
	done
	for i in 1 2 3; do
		three_config "$base/$i" "$i" "${ports[i - 1]}" "${controllers[i - 1]}" "$voters"
		format_with "$side" "$base/$i" "$uuid" || return 1
		NODES_WANTED=3
		mapfile -t command < <(command_of "$side" "$base/$i" "${ports[i - 1]}")
		NODES_WANTED=1
		"${command[@]}" >>"$base/$i/log" 2>&1 &
		pids+=${pids:+,}$!
		PIDS+=("$!")
		disown
	done
	PID[$side]=$pids PORT[$side]=${ports[0]} DIR[$side]=$base
	wait_for 120 three_are_there "$side" || { tail -5 "$base"/*/log >&2; return 1; }
}
NODES_WANTED=1

format_with() { # SIDE DIR UUID
	if [ "$1" = odradek ]; then
		"$ODRADEK" storage format -t "$3" -c "$2/server.properties" >"$2/format.log" 2>&1
	else
		kafka_class kafka.tools.StorageTool format -t "$3" -c "$2/server.properties" >"$2/format.log" 2>&1
	fi
}

# A topic with a replica on each can be made when all are there; the first leads.
three_are_there() { # SIDE
	"$ODRADEK" topics --bootstrap-server "127.0.0.1:${PORT[$1]}" --create --topic r --replica-assignment 1:2:3 >/dev/null 2>&1 &&
		"$BIN/probe" produce 127.0.0.1 "${PORT[$1]}" r 1 1 100 1 >/dev/null 2>&1
}
