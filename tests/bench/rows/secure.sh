# TLS, many ACLs, many quotas. Sourced by run.

# ---- TLS 1.3, an EC key ----

declare -A TLS_PORT

kind_tls() {
	certificate
	cat <<-X
		ssl.keystore.type=PEM
		ssl.keystore.location=$WORK/tls/server.pem
		ssl.truststore.type=PEM
		ssl.truststore.location=$WORK/tls/server.crt
	X
}

after_tls() { # SIDE: a listener beside the plain one
	TLS_PORT[$1]=$(free_port)
	sed -i -E "s#^((advertised\.)?listeners=PLAINTEXT://[0-9.:]+)#\1,SSL://127.0.0.1:${TLS_PORT[$1]}#; s#^listener.security.protocol.map=.*#&,SSL:SSL#" \
		"${DIR[$1]}/server.properties"
}

certificate() { # of itself, for this address
	[ -e "$WORK/tls/server.pem" ] && return 0
	mkdir -p "$WORK/tls"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/tls/server.key" -out "$WORK/tls/server.crt" -days 30 \
		-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>"$WORK/tls/log" &&
		cat "$WORK/tls/server.key" "$WORK/tls/server.crt" >"$WORK/tls/server.pem"
}

shape_tls() {
	nodes tls odradek kafka tuned
	topic sealed 1
	abba tls_produce
	abba tls_fetch
	abba handshakes
}
tls_address() { echo "127.0.0.1:${TLS_PORT[$SIDE]}"; }
over_tls() { # produce|consume TOPIC N ARGUMENT...
	measure "$BIN/load" "$1" "$(tls_address)" "$2" 0 "${@:3}" security.protocol=ssl "ssl.ca.location=$WORK/tls/server.crt"
}
tls_produce() {
	over_tls produce sealed "$(n 500000)" 1024 acks=1 linger.ms=5 batch.size=1000000 batch.num.messages=10000
	figure "TLS produce" node_cpu_us*1000/bytes
}
tls_fetch() {
	over_tls consume sealed "$(n 500000)"
	figure "TLS fetch" node_cpu_us*1000/bytes
}
handshakes() {
	measure openssl s_time -connect "$(tls_address)" -new -time $((QUICK ? 1 : 2)) -CAfile "$WORK/tls/server.crt"
	sed -nE 's/^([0-9]+) connections in [0-9.]+s; .*/connections=\1/p' "$WORK/said" >"$WORK/made"
	cat "$WORK/made" >>"$WORK/said"
	figure "TLS handshakes" connections*1e6/elapsed_us
	figure "TLS handshake cpu" node_cpu_us/connections
}

# ---- a hundred thousand ACLs, ten thousand users with quotas, in a node that works ----

kind_acls() { printf '%s\n' authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer allow.everyone.if.no.acl.found=true; }
ACLS=100000 QUOTAS=10000

shape_acls() {
	fresh acls odradek kafka
	topic guarded 1
	once administer acls $ACLS
	abba guarded acls
}
shape_quotas() {
	fresh empty odradek kafka
	topic guarded 1
	once administer quotas $QUOTAS
	abba guarded quotas
}
administer() { # KIND N
	local before
	probe produce guarded "$(n 20000)" 1 100 1 || return 1
	figure "$1 before" node_cpu_us/requests
	before=$(rss_kib)
	many "$1" "$2" || return 1
	{ echo "before=$before"; echo "after=$(rss_kib)"; } >>"$WORK/said"
	figure "$1 set" node_cpu_us/requests
	figure "$1 memory" "(after-before)*1024/requests"
}
guarded() { # KIND
	probe produce guarded "$(n 20000)" 1 100 1
	figure "$1 produce" node_cpu_us/requests
}
