"""Copies what is in the topic to another one, in transactions that have the offsets of what was read in them; one of ten is aborted.

Copiers are members of one group. Now and then one leaves; so does whoever fails to end a transaction. Both begin anew, with the same transactional
id, where the group has committed.
"""
import itertools
import random

from confluent_kafka import Consumer, TopicPartition

from .client import COMMON, COPIES, TOPIC, Lives, leave
from .teller import ABORTED, Transactor

RECORDS = 100
LEAVES = 0.05  # so many of the transactions are the last of a life


class Copier:
    def __init__(self, name, life, bootstrap, folder, gets_on):
        self._transactor = Transactor(name, life, bootstrap, folder, gets_on)
        self._consumer = Consumer({**COMMON, "bootstrap.servers": bootstrap, "group.id": "copiers", "enable.auto.commit": False,
                                   "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100, "session.timeout.ms": 2000,
                                   "heartbeat.interval.ms": 300, "isolation.level": "read_committed"})
        self._number = itertools.count()

    def begin_life(self):
        self._consumer.subscribe([TOPIC])
        return self._transactor.begin_life()

    def end_life(self):
        leave(self._consumer)

    def copy(self):
        """Some records. Whether it may go on."""
        messages = [message for message in self._consumer.consume(RECORDS, 0.3) if message.error() is None]
        if not messages:
            return True
        attempt = f"{self._transactor.name}.{next(self._number)}"
        whole = self._transactor.begin([(COPIES, m.partition(), f"{attempt}<{m.value().decode()}") for m in messages])
        ends = {m.partition(): m.offset() + 1 for m in messages}
        whole = whole and self._transactor.add_offsets([TopicPartition(TOPIC, *end) for end in ends.items()],
                                                       self._consumer.consumer_group_metadata())
        if whole and random.random() >= ABORTED:
            return self._transactor.commit()
        return self._transactor.abort() and whole and self._go_back(messages)

    def _go_back(self, messages):
        for message in reversed(messages):  # the first of each partition is the last to be sought
            self._consumer.seek(TopicPartition(TOPIC, message.partition(), message.offset()))
        return True


def run(name, bootstrap, folder, argument, first=1):
    lives = Lives("copier", name, bootstrap, folder, argument, first=first)
    for life in lives:
        copier = Copier(name, life, bootstrap, folder, lives.gets_on)
        goes_on = copier.begin_life()
        while goes_on and not lives.stop and random.random() >= LEAVES:
            lives.gets_on()
            goes_on = copier.copy()
        lives.gets_on()
        copier.end_life()
