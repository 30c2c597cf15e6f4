"""Moves money between accounts in transactions, each of a few records in some of the partitions; one of ten is aborted.

What was never asked to be committed is surely not there; a commit whose answer is an error, or late, has an unknown fate. A fatal error ends a life; the
next one has the same transactional id, and so ends what was open.
"""
import itertools
import random

from confluent_kafka import KafkaException, Producer

from checker.history import Recorder

from .client import COMMON, PARTITIONS, TOPIC, Lives, key_of

ABORTED = 0.1
SECONDS = 5  # that a call may take before it is asked again
TRIES = 12


class Transactor:
    """A transactional producer that writes its transactions to a history."""

    def __init__(self, name, life, bootstrap, folder, gets_on):
        self.name, self._gets_on = f"{name}.{life}", gets_on
        self._recorder = Recorder(f"{folder}/{self.name}.jsonl", self.name)
        self._producer = Producer({**COMMON, "bootstrap.servers": bootstrap, "transactional.id": name, "linger.ms": 1, "request.timeout.ms": 5000,
                                   "transaction.timeout.ms": 20000, "message.timeout.ms": 15000})
        self._sent, self._op = [], 0

    def begin_life(self):
        return self._patiently(self._producer.init_transactions)

    def _patiently(self, call, *arguments):
        """Whether it succeeded."""
        for _ in range(TRIES):
            self._gets_on()
            try:
                call(*arguments, SECONDS)
                return True
            except KafkaException as error:
                if not error.args[0].retriable():
                    return False
        return False

    def begin(self, records):
        """RECORDS: [(topic, partition, value)]. Whether all of them could be handed over."""
        self._sent = [["send", key_of(topic, partition), [None, value]] for topic, partition, value in records]
        self._op = self._recorder.invoke("txn", [[send, key, value] for send, key, (_, value) in self._sent])
        try:
            self._producer.begin_transaction()
            for place, (topic, partition, value) in enumerate(records):
                self._producer.produce(topic, value.encode(), partition=partition, on_delivery=self._delivered(place))
        except (BufferError, KafkaException):
            return False
        return True

    def _delivered(self, place):
        sent = self._sent

        def note(error, message):
            if error is None:
                sent[place][2][0] = message.offset()
        return note

    def add_offsets(self, offsets, group):
        return self._patiently(self._producer.send_offsets_to_transaction, offsets, group)

    def commit(self):
        """Whether it is committed."""
        done = self._patiently(self._producer.commit_transaction)
        self._recorder.complete(self._op, "ok" if done else "info", "txn", self._sent)
        return done

    def abort(self):
        """Of what nobody has asked to be committed. Whether the next may begin. What was not sent would be thrown away: it is sent first."""
        self._producer.flush(SECONDS)
        done = self._patiently(self._producer.abort_transaction)
        self._recorder.complete(self._op, "fail", "txn", self._sent)
        return done


def _transfers(name, number):
    records = []
    for transfer in range(random.randint(1, 3)):
        amount = random.randint(1, 100)
        for side in (-amount, amount):
            records.append((TOPIC, random.randrange(PARTITIONS), f"{name}.{number}.{transfer}.{side < 0}:{side}"))
    return records


def run(name, bootstrap, folder, argument, first=1):
    lives = Lives("teller", name, bootstrap, folder, argument, first=first)
    for life in lives:
        teller = Transactor(name, life, bootstrap, folder, lives.gets_on)
        goes_on = teller.begin_life()
        for number in itertools.count():
            if lives.stop or not goes_on:
                break
            lives.gets_on()
            whole = teller.begin(_transfers(teller.name, number))
            goes_on = teller.commit() if whole and random.random() >= ABORTED else teller.abort()
