"""What the roles share: when to stop, names of partitions, and what an error says about what was asked for."""
import faulthandler
import signal

from confluent_kafka import KafkaError

# Surely not done: the broker refused before it changed anything. Everything else, a time-out as well as NOT_LEADER_OR_FOLLOWER (KAFKA-13574), may have
# been done.
REFUSED = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_RECORD, KafkaError.NOT_ENOUGH_REPLICAS,
           KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, KafkaError.INVALID_PRODUCER_EPOCH,
           KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.FENCED_INSTANCE_ID,
           KafkaError.STALE_MEMBER_EPOCH, KafkaError.FENCED_MEMBER_EPOCH}

COMMON = {"log_level": 0, "topic.metadata.refresh.interval.ms": 1000, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200,
          "socket.timeout.ms": 6000, "retry.backoff.ms": 50}

PARTITIONS = 3
LATE_SECONDS = 60
TOPIC = "history"
COPIES = "copies"


class Stop:
    """Becomes true when the process is asked to end."""

    def __init__(self):
        self._asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_):
        self._asked = True
        faulthandler.dump_traceback_later(LATE_SECONDS)  # where it is, when it has not ended by then

    def __bool__(self):
        return self._asked


def place_of(key):
    """The topic and the partition of a key."""
    topic, _, partition = key.rpartition("-")
    return topic, int(partition)


def key_of(topic, partition):
    return f"{topic}-{partition}"


def outcome(error, retried=False):
    """ok, fail or info. What was retried may have been done the first time, whatever the last answer says."""
    if error is None:
        return "ok"
    return "fail" if error.code() in REFUSED and not retried else "info"
