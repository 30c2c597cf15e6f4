# How a figure is measured: side by side, in pairs, with an eye on who else uses the machine. Sourced by run.
#
# A shape is a function that has nodes started and calls `abba WORK...`. WORK does a fixed amount of work on the node of SIDE through one of the clients
# below, and says with `figure KEY EXPRESSION` what it was worth; the expression is over the names that the client and the gauge print.

RESULTS_PAIR=$WORK/pair
LIMIT=15	# percent of a core that others may use before a pair does not count
TRIES=6		# of a pair, until the row is given up

others_of() { # SIDE: all of our processes but those that are measured
	local side all=
	for side in "${!PID[@]}"; do [ "$side" = "$1" ] || all+=${all:+,}${PID[$side]}; done
	echo "${all:--}"
}

measure() { # COMMAND...: what it and the gauge print is in $WORK/said
	"$BIN/gauge" "${PID[$SIDE]:--}" "$(others_of "$SIDE")" "$@" >"$WORK/said" 2>"$WORK/cried" || {
		say "$SIDE: $*: $(tail -3 "$WORK/cried")"
		FAILED=1
		tell_of_the_dead
		return 1
	}
	judge
}

tell_of_the_dead() {
	local side
	for side in "${!PID[@]}"; do
		gone "${PID[$side]%%,*}" || continue
		say "$side has ended: $(tail -3 "${DIR[$side]}/log")"
		unset "PID[$side]" "KIND_OF[$side]"
	done
}

judge() { # whether the machine was ours
	local others
	others=$(value others_percent)
	[ "$others" -le $LIMIT ] || { DIRTY=1 OTHERS=$others; }
}

value() { sed -n "s/^$1=//p" "$WORK/said"; }

# figure KEY EXPRESSION: a result of this side and pair. A round that does not count has pair 0.
figure() {
	local names result
	[ "$PAIR" -gt 0 ] && [ -z "$FAILED" ] || return 0
	mapfile -t names < <(sed -nE 's/^([a-z0-9_]+)=([0-9.e+-]+)$/-v\n\1=\2/p' "$WORK/said")
	result=$(awk "${names[@]}" "BEGIN { print $2 }" 2>&1)
	[[ $result =~ ^[0-9.e+-]+$ ]] || { say "$SIDE, $1: $result"; return 0; }
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$CONGESTION" "$SIDE" "$PAIR" "$result" >>"$RESULTS_PAIR"
}

keep() { cat "$RESULTS_PAIR" >>"$RESULTS" && : >"$RESULTS_PAIR"; }

# A side that fails is left out of the row; without ours there is none.
leave_out() {
	local side left=
	say "$SIDE is left out"
	for side in $SIDES; do [ "$side" = "$SIDE" ] || left+=${left:+ }$side; done
	[ "$SIDE" != odradek ] && SIDES=$left FAILED=''
}

one_pair() { # WORK...: A B ... B A
	local side
	DIRTY='' FAILED=''
	: >"$RESULTS_PAIR"
	for side in $SIDES $(tac -s' ' <<<"$SIDES " | tr '\n' ' '); do
		SIDE=$side
		"$@" && [ -z "$FAILED" ] || return 1
	done
}

# abba WORK...: after rounds that do not count, PAIRS times A B B A over SIDES. A pair in which others used the machine is done again.
abba() {
	local side tries=0
	PAIR=0 FAILED=''
	for ((round = 0; round < WARMUPS; round++)); do
		for side in $SIDES; do
			SIDE=$side
			"$@" && [ -z "$FAILED" ] || leave_out || return 1
		done
	done
	PAIR=1
	while [ $PAIR -le "$PAIRS" ]; do
		one_pair "$@" || { leave_out && continue; } || return 1
		if [ -n "$DIRTY" ] && [ -z "$NOISY" ]; then
			REJECTED=$((REJECTED + 1))
			[ $((++tries)) -lt $TRIES ] || { say "given up: others use $OTHERS % of a core"; return 1; }
			continue
		fi
		keep
		PAIR=$((PAIR + 1)) tries=0
	done
}

# once WORK...: what is too long for pairs: each side does it one time, and the table says so; also when others used the machine.
once() {
	local side
	PAIR=1 FAILED='' DIRTY=''
	: >"$RESULTS_PAIR"
	for side in $SIDES; do
		SIDE=$side
		"$@" || FAILED=1
		[ -z "$FAILED" ] || { say "$side: no figure"; : >"$RESULTS_PAIR"; }
		FAILED=''
		[ -z "$DIRTY" ] || cut -f1-2 "$RESULTS_PAIR" | sort -u >>"$RESULTS.busy"
		DIRTY=''
		keep
	done
}

# ---- clients, of the node of SIDE ----

address() { echo "127.0.0.1:${PORT[$SIDE]}"; }
load() { # produce|consume TOPIC N [BYTES] [NAME=VALUE...]
	measure "$BIN/load" "$1" "$(address)" "$2" 0 "${@:3}"
}
probe() { measure "$BIN/probe" "$1" 127.0.0.1 "${PORT[$SIDE]}" "${@:2}"; }
stream() { measure "$BIN/stream" "$1" 127.0.0.1 "${PORT[$SIDE]}" "${@:2}"; }
many() { measure "$BIN/many" "$1" 127.0.0.1 "${PORT[$SIDE]}" "${@:2}"; }
crowd() { measure "$BIN/crowd" "$1" 127.0.0.1 "${PORT[$SIDE]}" "${PID[$SIDE]}" "${@:2}"; }
transact() { measure "$BIN/transact" "$1" 127.0.0.1 "${PORT[$SIDE]}" "${PID[$SIDE]}" "${@:2}"; }

tool() { # NAME ARGUMENT...: of ours, for both; what it says is shown when it fails
	"$ODRADEK" "$1" --bootstrap-server "$(address)" "${@:2}" >"$WORK/answer" 2>&1 || {
		say "$SIDE: $(tail -3 "$WORK/answer")"
		FAILED=1
		return 1
	}
}

# topic NAME PARTITIONS [NAME=VALUE...]: on each side that has topics
topic() {
	local config=() setting
	for setting in "${@:3}"; do config+=(--config "$setting"); done
	for SIDE in $SIDES; do
		case $SIDE in
		null | floor | disk) continue ;;
		esac
		tool topics --create --if-not-exists --topic "$1" --partitions "$2" "${config[@]}" || {
			leave_out && continue
			return 1
		}
		wait_for 60 "$BIN/probe" produce 127.0.0.1 "${PORT[$SIDE]}" "$1" 1 1 100 1 >/dev/null 2>&1
	done
}

n() { # an amount of work: DIVIDE makes a quarter of it when it is to be quick
	local n=$(($1 * SCALE / DIVIDE))
	echo $((n > 0 ? n : 1))
}
rss_kib() { awk '/^VmRSS/ { sum += $2 } END { print sum + 0 }' $(printf '/proc/%s/status ' ${PID[$SIDE]//,/ }); }
