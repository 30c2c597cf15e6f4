"""Sends values to all partitions in turn, several on their way at a time.

prompt: as idempotent, and looks for a new leader as fast as it can.
plain: acks=all and no retries, so that attempts are seen; librdkafka still sends again what it takes for not written.
idempotent: librdkafka retries until it succeeds; what it gives up has an unknown fate.
"""
import itertools
import time

from confluent_kafka import KafkaException, Producer

from checker.history import Recorder

from .client import COMMON, PARTITIONS, TOPIC, Lives, key_of, outcome

KINDS = {"plain": {"enable.idempotence": False, "message.send.max.retries": 0, "message.timeout.ms": 8000},
         "idempotent": {"enable.idempotence": True, "message.timeout.ms": 60000},
         "prompt": {"enable.idempotence": True, "message.timeout.ms": 60000, "retry.backoff.ms": 10,
                    "topic.metadata.refresh.fast.interval.ms": 20, "reconnect.backoff.ms": 10, "socket.timeout.ms": 2000}}
PER_SECOND = 300
WAITING = 5000  # that many may wait for a leader before the producer pauses


class Sender:
    """One producer's life: a fatal error ends it, and its successor is another process in the history."""

    def __init__(self, name, bootstrap, folder, kind, gets_on):
        self._name, self._retried, self._gets_on = name, kind != "plain", gets_on
        self._recorder = Recorder(f"{folder}/{name}.jsonl", name)
        self._producer = Producer({**COMMON, "bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 2, "request.timeout.ms": 5000,
                                   "max.in.flight.requests.per.connection": 5, "error_cb": self._error, **KINDS[kind]})
        self.fatal = False

    def _error(self, error):
        self.fatal = self.fatal or error.fatal()

    def send(self, number):
        key, value = key_of(TOPIC, number % PARTITIONS), f"{self._name}.{number}"
        op = self._recorder.invoke("send", [["send", key, value]])

        def delivered(error, message):
            sent = [message.offset() if error is None else None, value]
            self._recorder.complete(op, outcome(error, self._retried), "send", [["send", key, sent]], error=error.name() if error else "")

        try:
            self._producer.produce(TOPIC, value.encode(), partition=number % PARTITIONS, on_delivery=delivered)
        except (BufferError, KafkaException) as error:
            self._recorder.complete(op, "fail", "send", [["send", key, value]], error=str(error))

    def serve(self, seconds):
        self._gets_on()
        try:
            self._producer.poll(seconds)
        except KafkaException as error:  # a fatal one
            self._error(error.args[0])

    def crowded(self):
        return len(self._producer) > WAITING

    def finish(self):
        """Waits until the fate of all is known; a fatal error decides it at once, and is raised by each call until it has been told of."""
        end = time.monotonic() + 70
        while len(self._producer) and time.monotonic() < end:
            self.serve(0.1)


def run(name, bootstrap, folder, kind, first=1):
    lives = Lives("producer", name, bootstrap, folder, kind, first=first)
    numbers = itertools.count()
    for life in lives:
        sender = Sender(f"{name}.{life}", bootstrap, folder, kind, lives.gets_on)
        _send_until(sender, numbers, lambda: lives.stop or sender.fatal)
        sender.finish()


def _send_until(sender, numbers, over):
    start, sent = time.monotonic(), 0
    while not over():
        if not sender.crowded() and sent < (time.monotonic() - start) * PER_SECOND:
            sender.send(next(numbers))
            sent += 1
        else:
            sender.serve(0.005)
