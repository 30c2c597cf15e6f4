#!/bin/bash
# What the programs in compat/ share: finding clients and peers, starting nodes, counting results. Sourced by bash.
#
# A program calls `result NAME STATUS` once for each thing it shows and ends with `finish`, which prints
# "N passed, N failed, N skipped" and exits 1 when something failed or nothing was shown or skipped. What comes from a
# registry is fetched by its ordinary client into $ODRADEK_COMPAT_CACHE; when a registry is out of reach the program says
# so and what it skips.

set -u
COMPAT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROOT=$(cd "$COMPAT/.." && pwd)
ODRADEK=${ODRADEK:-$ROOT/build/odradek}
CACHE=${ODRADEK_COMPAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/odradek-compat}
KAFKA_VERSION=4.4.0
WORK=$(mktemp -d "${TMPDIR:-/tmp}/odradek-compat.XXXXXX")
PIDS=()
passed=0 failed=0 skipped=0
mkdir -p "$CACHE"

cleanup() {
	local pid
	for pid in "${PIDS[@]:-}"; do
		[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
	done
	[ -n "${ODRADEK_COMPAT_KEEP:-}" ] || rm -rf "$WORK"
}
trap cleanup EXIT

say() { printf '%s\n' "$*" >&2; }

# result NAME STATUS: counts one thing shown; 0 is passed.
result() {
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
		say "ok      $1"
	else
		failed=$((failed + 1))
		say "not ok  $1"
	fi
}

skip() {
	skipped=$((skipped + 1))
	say "skipped $1: $2"
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ] || exit 1
	exit 0
}

# ---- peers and clients ----

# alone WHAT COMMAND...: what goes into the cache is fetched and built by one program at a time; who wants something else does not wait.
alone() {
	local lock status
	exec {lock}>"$CACHE/lock-$1" && flock "$lock"
	shift
	"$@"
	status=$?
	exec {lock}>&-
	return $status
}

# maven_libs DIR ARTIFACT...: copies the artifacts with what they need at run time to DIR, once.
maven_libs() { [ -e "$1/.complete" ] || alone "libs-${1##*/}" fetch_maven_libs "$@"; } # what is whole needs no lock
fetch_maven_libs() {
	local dir=$1 pom artifact group name version
	shift
	[ -e "$dir/.complete" ] && return 0
	command -v mvn >/dev/null || return 1
	mkdir -p "$dir"
	pom=$dir/pom.xml
	{
		echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
		echo '<groupId>odradek</groupId><artifactId>compat</artifactId><version>1</version><dependencies>'
		for artifact in "$@"; do
			IFS=: read -r group name version <<<"$artifact"
			echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId><version>$version</version></dependency>"
		done
		echo '</dependencies></project>'
	} >"$pom"
	mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir/libs" >"$dir/mvn.log" 2>&1 ||
		return 1
	touch "$dir/.complete"
}

LOG4J="org.apache.logging.log4j:log4j-core:2.25.1 org.apache.logging.log4j:log4j-slf4j-impl:2.25.1"

need_kafka() {
	# shellcheck disable=SC2086
	maven_libs "$CACHE/kafka-$KAFKA_VERSION" "org.apache.kafka:kafka_2.13:$KAFKA_VERSION" $LOG4J
}

need_kafka_tools() {
	# shellcheck disable=SC2086
	maven_libs "$CACHE/kafka-tools-$KAFKA_VERSION" "org.apache.kafka:kafka-tools:$KAFKA_VERSION" $LOG4J
}

# Everything in Kafka's jars that can be started, with what Connect's tools need.
KAFKA_PROGRAMS=$CACHE/kafka-programs-$KAFKA_VERSION
need_kafka_programs() {
	local name artifacts=()
	for name in kafka-tools kafka_2.13 connect-runtime; do artifacts+=("org.apache.kafka:$name:$KAFKA_VERSION"); done
	# shellcheck disable=SC2086
	maven_libs "$KAFKA_PROGRAMS" "${artifacts[@]}" $LOG4J
}

java_run() { # LIBS CLASS ARG...
	local libs=$1
	shift
	java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel="${JAVA_TIER:-1}" \
		-Dlog4j2.configurationFile="$COMPAT/lib/log4j2.properties" -cp "$libs/*" "$@"
}

kafka_class() { # of the broker, 4.4
	if [ -n "$TOOLS_DIR" ]; then tools_run "$@"; else java_run "$CACHE/kafka-$KAFKA_VERSION/libs" "$@"; fi
}

kafka_tool() { # TopicCommand, consumer.ConsoleConsumer, ... of Kafka's own tools
	local tool=$1
	shift
	if [ -n "$TOOLS_DIR" ]; then tools_run "$tool" "$@"; else java_run "$CACHE/kafka-tools-$KAFKA_VERSION/libs" "org.apache.kafka.tools.$tool" "$@"; fi
}

# tools_begin: from here on kafka_tool and kafka_class run in one JVM, one at a time; a tool that does not end has three minutes. What its threads log
# goes to jvm.err.
TOOLS_DIR=''
tools_begin() { need_kafka && need_kafka_tools && alone tools tools_compile && tools_start; }

tools_classes() { echo "$CACHE/tools-$(cksum <"$COMPAT/tools-of-kafka/Tools.java" | cut -d' ' -f1)"; }
tools_path() { echo "$(tools_classes):$CACHE/kafka-tools-$KAFKA_VERSION/libs/*:$CACHE/kafka-$KAFKA_VERSION/libs/*"; }

tools_compile() {
	local classes
	classes=$(tools_classes)
	[ ! -e "$classes/Tools.class" ] || return 0
	javac -nowarn -cp "$(tools_path)" -d "$classes.new" "$COMPAT/tools-of-kafka/Tools.java" && rm -rf "$classes" && mv "$classes.new" "$classes"
}

tools_start() {
	mkdir "$WORK/tools" && mkfifo "$WORK/tools/commands" "$WORK/tools/statuses" || return 1
	exec 7<>"$WORK/tools/commands" 8<>"$WORK/tools/statuses"
	java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$COMPAT/lib/log4j2.properties" -cp "$(tools_path)" \
		Tools serve <&7 >&8 2>"$WORK/tools/jvm.err" 7>&- 8>&- &
	PIDS+=("$!")
	disown
	TOOLS_DIR=$WORK/tools
}

tools_run() { # CLASS ARG...
	local status=
	if [ "$1" = ConsoleProducer ]; then cat >"$TOOLS_DIR/in"; else : >"$TOOLS_DIR/in"; fi
	(
		IFS=$'\t'
		set -- "$TOOLS_DIR/in" "$TOOLS_DIR/said" "$TOOLS_DIR/cried" "$@"
		printf '%s\n' "$*"
	) >&7
	until [[ $status =~ ^(status [0-9]+|did not end in time)$ ]]; do # what Java logs is between
		read -r -t 200 -u 8 status || return 1
	done
	cat "$TOOLS_DIR/said"
	cat "$TOOLS_DIR/cried" >&2
	[ "$status" = "status 0" ] || return "${status#status }"
}

# A virtual environment with the Python clients of compat/clients/requirements.txt; PYTHON is its interpreter.
need_python() { alone python fetch_python; }
fetch_python() {
	local venv=$CACHE/python
	PYTHON=$venv/bin/python
	[ -e "$venv/.complete-$(cksum <"$COMPAT/clients/requirements.txt" | cut -d' ' -f1)" ] && return 0
	python3 -m venv "$venv" >"$CACHE/python.log" 2>&1 &&
		"$venv/bin/pip" install -q --disable-pip-version-check -r "$COMPAT/clients/requirements.txt" >>"$CACHE/python.log" 2>&1 ||
		return 1
	touch "$venv/.complete-$(cksum <"$COMPAT/clients/requirements.txt" | cut -d' ' -f1)"
}

# Builds compat/clients/NAME, a Go program; GO_BIN is the result.
need_go() {
	GO_BIN=$CACHE/go-$1
	command -v go >/dev/null || return 1
	alone "go-$1" build_go "$1"
}
build_go() { (cd "$COMPAT/clients/$1" && go build -o "$GO_BIN" .) >"$CACHE/go-$1.log" 2>&1; }

# kcat that lives through a moment without a connection, which it otherwise takes for the end, and does not give up when a slow machine's answer takes
# more than five seconds. What runs in the background, to be ended by its id, is `command kcat -E`.
kcat() { timeout --foreground 300 kcat -E -m 60 "$@"; }

# ---- nodes ----

# Ports below what the system gives to connections by itself, one after the other. Programs that run at one time have ports of their own: COMPAT_LANE
# says which.
free_port() {
	python3 -c '
import os, random, socket, sys
first, noted = 10240 + int(sys.argv[1]) % 5 * 4096, sys.argv[2]
at = int(open(noted).read()) if os.path.exists(noted) else random.randrange(4096)
while True:
    at = (at + 1) % 4096
    with socket.socket() as s:
        try: s.bind(("127.0.0.1", first + at))
        except OSError: continue
    break
open(noted, "w").write(str(at))
print(first + at)' "${COMPAT_LANE:-0}" "$WORK/port"
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05 # between two looks, not instead of one
	done
}

# node_config DIR: writes DIR/server.properties for one combined node on free ports; sets BOOTSTRAP.
# Lines on standard input are added.
node_config() {
	local dir=$1 port controller
	port=$(free_port) controller=$(free_port)
	mkdir -p "$dir"
	BOOTSTRAP=127.0.0.1:$port
	cat >"$dir/server.properties" <<-X
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$controller
		listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
		advertised.listeners=PLAINTEXT://127.0.0.1:$port
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
		log.dirs=$dir/data
		num.partitions=1
		offsets.topic.replication.factor=1
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
		group.initial.rebalance.delay.ms=0
	X
	[ -t 0 ] || cat >>"$dir/server.properties"
}

odradek_start() { # DIR: sets NODE_PID once it says that it has started
	local dir=$1
	: >"$dir/odradek.log"
	"$ODRADEK" start "$dir/server.properties" >>"$dir/odradek.out" 2>"$dir/odradek.log" &
	NODE_PID=$!
	PIDS+=("$NODE_PID")
	wait_for 60 grep -qs 'Kafka Server started' "$dir/odradek.log" || {
		say "odradek did not start:"
		tail -20 "$dir/odradek.log" >&2
		return 1
	}
}

kafka_format() { # DIR [ARG...]: the arguments are those of kafka-storage format
	local dir=$1
	shift
	kafka_class kafka.tools.StorageTool format -t "$("$ODRADEK" storage random-uuid)" \
		-c "$dir/server.properties" --ignore-formatted "$@" >"$dir/format.log" 2>&1
}

# An archive of the classes that a broker loads halves what its start costs. KAFKA_ARCHIVES=1, of a program that starts it often, has the first
# clean stop by node_stop write one.
KAFKA_ARCHIVE=$CACHE/kafka-$KAFKA_VERSION/classes.jsa
kafka_start() { # DIR
	local dir=$1 classes=()
	if [ -e "$KAFKA_ARCHIVE" ]; then
		classes=(-XX:SharedArchiveFile="$KAFKA_ARCHIVE")
	elif [ -n "${KAFKA_ARCHIVES:-}" ]; then
		classes=(-XX:ArchiveClassesAtExit="$WORK/classes.jsa")
	fi
	: >"$dir/kafka.log" # before it is looked at: an earlier start's says that it has started
	java -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${classes[@]}" -Dlog4j2.configurationFile="$COMPAT/lib/log4j2-broker.properties" \
		-cp "$CACHE/kafka-$KAFKA_VERSION/libs/*" kafka.Kafka "$dir/server.properties" >>"$dir/kafka.log" 2>&1 &
	NODE_PID=$!
	PIDS+=("$NODE_PID")
	wait_for 180 grep -qs 'Kafka Server started' "$dir/kafka.log" || {
		say "kafka did not start:"
		tail -20 "$dir/kafka.log" >&2
		return 1
	}
}

node_stop() { # SIGNAL: ends the node of the last start and waits for it; returns its status
	local signal=${1:-TERM}
	local status
	kill "-$signal" "$NODE_PID" 2>/dev/null
	wait "$NODE_PID" 2>/dev/null
	status=$?
	[ ! -e "$WORK/classes.jsa" ] || mv "$WORK/classes.jsa" "$KAFKA_ARCHIVE"
	return $status
}
