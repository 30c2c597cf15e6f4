# ports.sh: a pair of ports for nodes that have to know each other's before they are up. Sourced.
# They are below those the system gives to connections by itself, and nobody listens on them, on whichever address.

listened() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { sub(".*:", "", $2); print $2 }'
}

# free_pair: sets port and next_port.
free_pair() {
	taken=$(listened)
	port=$((10240 + $$ % 10000 * 2))
	tries=10000
	while printf '%s\n' "$taken" | grep -qx -e "$(printf %04X "$port")" -e "$(printf %04X $((port + 1)))"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		port=$((10240 + (port - 10240 + 2) % 20000))
	done
	next_port=$((port + 1))
}
