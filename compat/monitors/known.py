"""A cluster whose numbers are known, for monitors to show.

    known.py BOOTSTRAP

Topic `one` has 100 records. Topic `three` has 10 in each partition, but the first two of partition 0 are deleted. Group `gone` has committed 75 of `one`,
and 4 and 10 in two partitions of `three`. Members of the groups `classic` and `consumer`, one for each protocol, stand at the end of `three`. Prints a
line when all this is so, and goes on until standard input ends.
"""

import sys
import threading

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

LOADING = (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR)
servers = {"bootstrap.servers": sys.argv[1]}


def results(futures):
    for f in futures.values():
        f.result()


def records(topic, partitions, n):
    p = Producer(servers)
    for partition in range(partitions):
        for i in range(n):
            p.produce(topic, f"value {i}", partition=partition)
    p.flush()


def commit(group, **offsets):
    c = Consumer({**servers, "group.id": group})
    at = [TopicPartition(topic, p, o) for topic, positions in offsets.items() for p, o in positions.items()]
    while True:
        try:
            c.commit(offsets=at, asynchronous=False)
            break
        except KafkaException as e:
            if e.args[0].code() not in LOADING:
                raise
    c.close()


class Member(threading.Thread):
    def __init__(self, protocol):
        super().__init__(daemon=True)
        self.ready, self.stop = threading.Event(), threading.Event()
        self.consumer = Consumer({**servers, "group.id": protocol, "group.protocol": protocol, "auto.offset.reset": "earliest",
                                  "enable.auto.commit": "false"})
        self.consumer.subscribe(["three"])
        self.start()

    def run(self):
        got = 0
        while not self.stop.is_set():
            m = self.consumer.poll(0.2)
            got += m is not None and not m.error()
            if got == 28 and not self.ready.is_set():
                self.consumer.commit(asynchronous=False)
                self.ready.set()
        self.consumer.close()


admin = AdminClient(servers)
results(admin.create_topics([NewTopic("one", 1, 1), NewTopic("three", 3, 1)]))
records("one", 1, 100)
records("three", 3, 10)
results(admin.delete_records([TopicPartition("three", 0, 2)]))
commit("gone", one={0: 75}, three={0: 4, 1: 10})
members = [Member("classic"), Member("consumer")]
for member in members:
    member.ready.wait()
print("ready", flush=True)
sys.stdin.read()
for member in members:
    member.stop.set()
    member.join()
