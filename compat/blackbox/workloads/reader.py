"""Reads all partitions from the beginning: for as long as the run lasts, or, as `final`, to given ends, out of the replicas of one rack."""
import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition

from checker.history import Recorder

from .client import COMMON, PARTITIONS, TOPIC, Stop, key_of

FINAL_SECONDS = 60


class Reader:
    def __init__(self, name, bootstrap, folder, **settings):
        self._recorder = Recorder(f"{folder}/{name}.jsonl", name)
        self._consumer = Consumer({**COMMON, "bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False,
                                   "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100, **settings})
        self.position = {key_of(TOPIC, p): 0 for p in range(PARTITIONS)}
        op = self._recorder.invoke("assign", list(self.position))
        self._consumer.assign([TopicPartition(TOPIC, p, 0) for p in range(PARTITIONS)])
        self._recorder.complete(op, "ok", "assign", list(self.position))

    def poll(self):
        op, polled = self._recorder.invoke("poll", [["poll"]]), {}
        for message in self._consumer.consume(500, 0.3):
            if message.error() is None:
                key = key_of(message.topic(), message.partition())
                polled.setdefault(key, []).append([message.offset(), message.value().decode()])
                self.position[key] = message.offset() + 1
        self._recorder.complete(op, "ok", "poll", [["poll", polled]])


def run(name, bootstrap, folder, _argument):
    stop, reader = Stop(), Reader(name, bootstrap, folder)
    while not stop:
        reader.poll()


def final(name, bootstrap, folder, argument):
    """ARGUMENT: {"rack": R, "ends": {key: offset}}. Ends may be beyond the last record, where something else lies at the end."""
    wanted = json.loads(argument)
    reader = Reader(name, bootstrap, folder, **{"client.rack": wanted["rack"]})
    end = time.monotonic() + FINAL_SECONDS
    while any(reader.position[key] < offset for key, offset in wanted["ends"].items()):
        reader.poll()
        if time.monotonic() > end:
            sys.exit(f"read to {reader.position}, and not to {wanted['ends']}")
