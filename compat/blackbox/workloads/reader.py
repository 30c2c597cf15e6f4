"""Reads all partitions from the beginning: for as long as the run lasts, or, as `final`, to given ends, out of the replicas of one rack."""
import json
import sys
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from checker.history import Recorder

from .client import COMMON, PARTITIONS, TOPIC, Lives, key_of, place_of

FINAL_SECONDS = 240


class Reader:
    def __init__(self, name, bootstrap, folder, keys, **settings):
        self._recorder = Recorder(f"{folder}/{name}.jsonl", name)
        self._consumer = Consumer({**COMMON, "bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False,
                                   "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100, **settings})
        self.position = {key: 0 for key in keys}
        op = self._recorder.invoke("assign", list(self.position))
        self._consumer.assign([TopicPartition(*place_of(key), 0) for key in keys])
        self._recorder.complete(op, "ok", "assign", list(self.position))

    def poll(self):
        op, polled = self._recorder.invoke("poll", [["poll"]]), {}
        for message in self._consumer.consume(500, 0.3):
            key = key_of(message.topic(), message.partition())
            if message.error() is None:
                polled.setdefault(key, []).append([message.offset(), message.value().decode()])
                self.position[key] = message.offset() + 1
            elif message.error().code() == KafkaError._PARTITION_EOF:  # behind the last record there may be markers
                self.position[key] = max(self.position[key], message.offset())
        self._recorder.complete(op, "ok", "poll", [["poll", polled]])


def run(name, bootstrap, folder, argument, first=1):
    lives = Lives("reader", name, bootstrap, folder, argument, first=first)
    for life in lives:
        reader = Reader(f"{name}.{life}", bootstrap, folder, [key_of(TOPIC, p) for p in range(PARTITIONS)])
        while not lives.stop:
            lives.gets_on()
            reader.poll()


def final(name, bootstrap, folder, argument, first=1):
    """ARGUMENT: {"rack": R, "ends": {key: offset}}. Ends may be beyond the last record, where something else lies at the end."""
    wanted, lives = json.loads(argument), Lives("final", name, bootstrap, folder, argument, first=first)
    reader = Reader(f"{name}.{next(iter(lives))}", bootstrap, folder, wanted["ends"], **{"client.rack": wanted["rack"], "enable.partition.eof": True})
    end = time.monotonic() + FINAL_SECONDS
    while any(reader.position[key] < offset for key, offset in wanted["ends"].items()):
        lives.gets_on()
        reader.poll()
        if time.monotonic() > end:
            sys.exit(f"read to {reader.position}, and not to {wanted['ends']}")
