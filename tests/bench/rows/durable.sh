# Flushed before it is acknowledged; three replicas; transactions; groups. Sourced by run.

# ---- a flush before every acknowledgement ----

shape_durable() {
	nodes base odradek kafka $PEERS disk
	topic durable-1 1 flush.messages=1
	topic durable-64 64 flush.messages=1
	abba durable_one
	abba durable_many 16
	abba durable_many 64
}
durable_one() {
	if [ "$SIDE" = disk ]; then
		measure "$BIN/floor_disk" commits "$WORK" 1 1 1 4096
	else
		many produce durable-1 1 "$(n 2000)" 4096 1
	fi
	figure G15 p50_us
	figure "G15 p99" p99_us
}
durable_many() { # PRODUCERS, each of a partition
	if [ "$SIDE" = disk ]; then
		best_of_disk "$1"
	else
		many produce durable-64 "$1" "$(n 40000)" 4096 1
		figure "G16 $1 p99" p99_us
	fi
	figure "G16 $1" per_second
}
best_of_disk() { # FILES: the better of fdatasync in 8 threads, in as many as files, and one syncfs for all
	local best=0 way
	for way in "commits $WORK $1 8" "commits $WORK $1 $1" "group $WORK $1"; do
		# shellcheck disable=SC2086
		measure "$BIN/floor_disk" $way 1 4096 || return 1
		[ "$(value per_second)" -le "$best" ] || best=$(value per_second)
	done
	echo "per_second=$best" >"$WORK/said"
}

# ---- three replicas, three nodes on this machine ----

shape_replicated() {
	nodes three odradek kafka
	abba replicated
	abba replicated_latency
}
replicated() {
	load produce r "$(n 500000)" 1024 acks=-1 linger.ms=5 batch.size=1000000 batch.num.messages=10000
	figure G17 node_cpu_us*1000/bytes
	figure "G17 rate" bytes/work_us/1000
}
replicated_latency() {
	many produce r 1 "$(n 4000)" 100 -1
	figure "G18 p50" p50_us
	figure "G18 p99" p99_us
	figure "G18 cpu" node_cpu_us/requests
}

# ---- transactions ----

TRANSACTION_PARTITIONS=8
shape_transactions() {
	nodes base odradek kafka tuned
	topic transactions $TRANSACTION_PARTITIONS
	abba transactions_ten
	abba transactions_many
	abba transactions_latency
}
transactions_ten() { # 16 workers, ten records each time
	transact many transactions $TRANSACTION_PARTITIONS 16 "$(n 200)" 10
	figure G19 "16*$(n 200)*10*1e6/total_us"
	figure "G19 cpu" "cpu_us/(16*$(n 200))"
}
transactions_many() { # two hundred producers in step, a record each
	transact many transactions $TRANSACTION_PARTITIONS 200 "$(n 12)" 1
	figure transactions "total_us/(200*$(n 12))"
	figure "transactions cpu" "cpu_us/(200*$(n 12))"
}
transactions_latency() { # to a waiting reader of committed records
	transact latency transactions $TRANSACTION_PARTITIONS "$(n 400)"
	figure "transactions p50" p50_us
	figure "transactions p99" p99_us
}

# ---- groups ----

# A thousand members on a connection each, one group: joining a group of one, then a rebalance (crowd.c). A topic with a partition for each is there
# for those that the coordinator assigns. One program is all members: what it spends of its own CPU, the same for each side, is in the wall time only.
# The floor answers all of them at once (floor_groups.c).
MEMBERS=1000
shape_classic() {
	nodes base odradek kafka floor
	abba members classic
}
shape_consumer() {
	nodes base odradek kafka floor
	topic members $MEMBERS
	abba members consumer members
}
members() { # KIND [TOPIC]
	local step
	# shellcheck disable=SC2086
	crowd "$1" "group-$1" ${2:-} $MEMBERS
	for step in join rebalance; do
		figure "G34 $1 $step waited" ${step}_waited_us/1000
		figure "G34 $1 $step" ${step}_us/1000
		figure "G34 $1 $step cpu" ${step}_cpu_us/1000
	done
}

shape_commit() {
	nodes base odradek kafka tuned floor
	topic commit 1
	abba commit
}
commit() {
	many commit commit 32 "$(n 40000)"
	figure G35 per_second
	figure "G35 cpu" node_cpu_us/requests
}

# Ten thousand groups of a member, each on its connection, that commit once a second.
COMMIT_GROUPS=10000
shape_commits() {
	nodes base odradek kafka floor
	abba commits
}
commits() {
	local seconds=$((QUICK ? 2 : 5))
	crowd commits commits $COMMIT_GROUPS $seconds
	figure commits "commits_cpu_us/($COMMIT_GROUPS*$seconds)"
}
