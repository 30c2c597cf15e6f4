# For programs which start what others have published against one node, and keep what it prints: a story. A story has to equal what it was with
# Apache Kafka, which is recorded in the program's expected/VERSION. Sourced by bash, with the arguments of the program:
#
#     run [STORY...]               the node is Odradek
#     run --quick [STORY...]       the same, without what takes long
#     run --kafka [STORY...]       Apache Kafka is held against what is recorded
#     run --record [STORY...]      runs Apache Kafka and records anew
. "$(dirname "${BASH_SOURCE[0]}")/compat.sh"

HERE=$(cd "$(dirname "$0")" && pwd)
EXPECTED=$HERE/expected/$KAFKA_VERSION
SIDE=odradek RECORD='' QUICK='' STORIES=()
for option in "$@"; do
	case $option in
	--kafka) SIDE=kafka ;;
	--record) SIDE=kafka RECORD=1 ;;
	--quick) QUICK=1 ;;
	-*) say "$option: no such option"; exit 2 ;;
	*) STORIES+=("$option") ;;
	esac
done
if [ $SIDE = kafka ]; then
	need_kafka || { skip kafka "Maven Central is out of reach"; finish; }
fi

# wanted NAME: whether this story is told; all are when none is named.
wanted() { [ ${#STORIES[@]} -eq 0 ] || [[ " ${STORIES[*]} " = *" $1 "* ]]; }
slow() { [ -z "$QUICK" ] && wanted "$1"; } # one that takes long

side_start() { # DIR: starts the node of node_config
	if [ $SIDE = kafka ]; then kafka_start "$1"; else odradek_start "$1"; fi
}

# side_new DIR [ARG...]: a node with its directory, whose configuration is Kafka's but for what one node needs; the arguments are those of kafka-storage format.
side_new() {
	local dir=$1
	shift
	node_config "$dir" </dev/null
	[ $SIDE = odradek ] || kafka_format "$dir" "$@"
	side_start "$dir"
}

# told NAME STATUS: whether the story in $WORK/NAME was told to its end and is the one that is recorded. $WORK/NAME.err says more.
told() {
	local name=$1 status=$2
	[ "$status" -eq 0 ] || tail -n 20 "$WORK/$name.err" >&2
	if [ -n "$RECORD" ] && [ "$status" -eq 0 ]; then
		mkdir -p "$EXPECTED"
		cp "$WORK/$name" "$EXPECTED/$name"
	fi
	result "$name: it is told to the end" "$status"
	diff "$EXPECTED/$name" "$WORK/$name" >&2
	result "$name: it is Apache Kafka's" $?
}
