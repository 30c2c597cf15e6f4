"""What the roles share: when to stop, names of partitions, and what an error says about what was asked for."""
import faulthandler
import itertools
import linecache
import os
import signal
import sys
import threading
import time

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
STUCK_SECONDS = 20
STUCK = "held up by its library, begun anew: "  # what it says then, and behind it which client and where
TOPIC = "history"
COPIES = "copies"


class Stop(threading.Thread):
    """Becomes true when the process is asked to end, also while its main thread is in a call that does not come back. To be made before all other
    threads: the signal is this one's."""

    def __init__(self):
        super().__init__(daemon=True)
        self._asked = False
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        self.start()

    def run(self):
        signal.sigwait([signal.SIGTERM])
        self._asked = True
        faulthandler.dump_traceback_later(LATE_SECONDS)  # where it is, when it has not ended by then

    def __bool__(self):
        return self._asked


class Watch(threading.Thread):
    """Begins the program anew, in its next life, when it has not got on for longer than its calls may take: librdkafka can stay in one for ever when
    brokers go (#5511, #5456). To everybody else that is a client which dies."""

    def __init__(self, stop, words):
        super().__init__(daemon=True)
        self._stop_asked, self._words, self.life, self._at = stop, words, 0, time.monotonic()
        self.start()

    def gets_on(self):
        self._at = time.monotonic()

    def run(self):
        while time.monotonic() - self._at < STUCK_SECONDS:
            time.sleep(1)
        print(f"{STUCK}{self._words[1]}.{self.life} in {_place()}", flush=True)
        faulthandler.dump_traceback()
        if self._stop_asked:
            os._exit(0)
        os.execv(sys.executable, [sys.executable, "-m", "workloads", *self._words, str(self.life + 1)])


def _place():
    """The call that does not come back."""
    frame = sys._current_frames()[threading.main_thread().ident]
    code, call = frame.f_code, frame.f_locals.get("call")  # which of several calls it is
    line = linecache.getline(code.co_filename, frame.f_lineno).strip()
    return f"{os.path.basename(code.co_filename)}, {code.co_name}: {call.__name__ if call else line}"


class Lives:
    """The lives of a client, by their numbers, until it is asked to end. WORDS are those of its process: role, name, bootstrap, folder, argument. Whoever
    lives has to tell now and then that he gets on."""

    def __init__(self, *words, first=1):
        self.stop = Stop()
        self._watch, self._first = Watch(self.stop, words), int(first)
        self.gets_on = self._watch.gets_on

    def __iter__(self):
        for life in itertools.count(self._first):
            self._watch.life = life
            self.gets_on()
            yield life
            if self.stop:
                return


def place_of(key):
    """The topic and the partition of a key."""
    topic, _, partition = key.rpartition("-")
    return topic, int(partition)


def key_of(topic, partition):
    return f"{topic}-{partition}"


def leave(consumer):
    """Out of its group. A rebalance that nobody has polled can keep close() from ever coming back (librdkafka #4884): it is polled first."""
    consumer.unsubscribe()
    consumer.poll(0.1)
    while consumer.assignment():
        consumer.poll(0.1)
    consumer.close()


def outcome(error, retried=False):
    """ok, fail or info. What was retried may have been done the first time, whatever the last answer says."""
    if error is None:
        return "ok"
    return "fail" if error.code() in REFUSED and not retried else "info"
