"""A member of a group, which commits what it was given, leaves after a while, and comes back as another. Now and then it is frozen for longer than its
session between a poll and its commit (the whole process: librdkafka's heartbeats too), so that it commits for what may be another's by then.

ARGUMENT is the protocol, classic or consumer (KIP-848); it is the group's name too.
"""
import os
import random
import signal
import subprocess
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from checker.history import Recorder

from .client import COMMON, TOPIC, Lives, key_of, leave, outcome

PROTOCOLS = {"classic": {"group.protocol": "classic", "session.timeout.ms": 2000, "heartbeat.interval.ms": 300},
             "consumer": {"group.protocol": "consumer"}}


FREEZE, FROZEN_SECONDS = 0.02, 3.5


def freeze():
    """Stops this process, and has another one wake it up."""
    subprocess.Popen(["sh", "-c", f"sleep {FROZEN_SECONDS}; kill -CONT {os.getpid()}"])
    os.kill(os.getpid(), signal.SIGSTOP)


class Member:
    def __init__(self, name, bootstrap, folder, protocol):
        self._group, self._has, self._lost = protocol, set(), set()
        self._recorder = Recorder(f"{folder}/{name}.jsonl", name)
        self._consumer = Consumer({**COMMON, "bootstrap.servers": bootstrap, "group.id": protocol, "enable.auto.commit": False,
                                   "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100, **PROTOCOLS[protocol]})
        self._consumer.subscribe([TOPIC], on_assign=self._given, on_revoke=self._taken, on_lost=self._taken)

    def _given(self, _consumer, partitions):
        self._change(self._has | {(p.topic, p.partition) for p in partitions})
        self._ask(partitions)

    def _taken(self, _consumer, partitions):
        gone = {(p.topic, p.partition) for p in partitions}
        self._lost |= gone
        self._change(self._has - gone)

    def _change(self, has):
        self._has = has
        op = self._recorder.invoke("owns")
        self._recorder.complete(op, "ok", "owns", {"group": self._group, "keys": [key_of(*p) for p in sorted(has)]})

    def _ask(self, partitions):
        """What the coordinator remembers."""
        value = {"group": self._group, "offsets": {key_of(p.topic, p.partition): None for p in partitions}}
        op = self._recorder.invoke("committed", value)
        try:
            answers = self._consumer.committed(partitions, timeout=5)
        except KafkaException as error:
            self._recorder.complete(op, outcome(error.args[0]), "committed", value, error=error.args[0].name())
            return
        good = {key_of(p.topic, p.partition): p.offset if p.offset >= 0 else None for p in answers if p.error is None}
        self._recorder.complete(op, "ok", "committed", {"group": self._group, "offsets": good})

    def step(self):
        """One poll of some records, and their commit."""
        polled, ends = self._poll()
        offsets = {p: end for p, end in ends.items() if p in self._has}
        if polled and offsets:
            if random.random() < FREEZE:
                freeze()
            self._commit(offsets)

    def _poll(self):
        op, polled, ends = self._recorder.invoke("poll", [["poll"]]), {}, {}
        self._lost = set()
        end = time.monotonic() + 0.2
        while len(polled) < 100 and time.monotonic() < end:
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                where = message.topic(), message.partition()
                polled.setdefault(key_of(*where), []).append([message.offset(), message.value().decode()])
                ends[where] = message.offset() + 1
        self._recorder.complete(op, "ok", "poll", [["poll", polled]], lost=[key_of(*p) for p in self._lost])
        return polled, ends

    def _commit(self, offsets):
        value = {"group": self._group, "offsets": {key_of(*p): end for p, end in offsets.items()}}
        op = self._recorder.invoke("commit", value)
        try:
            answers = self._consumer.commit(offsets=[TopicPartition(*p, end) for p, end in offsets.items()], asynchronous=False)
        except KafkaException as error:
            self._recorder.complete(op, outcome(error.args[0]), "commit", value, error=error.args[0].name())
            return
        good = {key_of(p.topic, p.partition): p.offset for p in answers if p.error is None}
        self._recorder.complete(op, "ok", "commit", {"group": self._group, "offsets": good})

    def leave(self):
        leave(self._consumer)
        self._change(set())


def run(name, bootstrap, folder, protocol, first=1):
    lives = Lives("member", name, bootstrap, folder, protocol, first=first)
    for life in lives:
        member = Member(f"{name}.{life}", bootstrap, folder, protocol)
        end = time.monotonic() + random.uniform(5, 15)
        while not lives.stop and time.monotonic() < end:
            lives.gets_on()
            member.step()
        lives.gets_on()
        member.leave()
