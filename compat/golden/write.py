"""Fills a fresh node for tests/golden: write.py BOOTSTRAP transactions|plain

Topics: plain (3 records with keys and headers), one of each codec, keys with a null and an empty value; with transactions also one that
holds a committed, an aborted and an open one.
"""
import sys

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap, kind = sys.argv[1:3]
TIME = 1700000000000


def make(topic, partitions=1, **config):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, partitions, 1, config=config)]).values():
        future.result()


def fill(topic, partition=0, n=5, **settings):
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", **settings})
    for i in range(n):
        producer.produce(topic, b"value %d of %s" % (i, topic.encode()), key=b"key %d" % i, partition=partition,
                         headers=[("n", b"%d" % i)], timestamp=TIME + i)
        producer.flush()


make("plain", 3, **{"retention.ms": "-1"})
fill("plain", 0)
fill("plain", 2, 2, **{"enable.idempotence": True})
for codec in ("gzip", "snappy", "lz4", "zstd"):
    make(codec, **{"retention.ms": "-1"})
    fill(codec, **{"compression.type": codec})
make("empty", 2)
make("rolled", **{"retention.ms": "-1", "segment.ms": "1000"})
producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
for i in range(3):
    producer.produce("rolled", b"a segment of its own", key=b"%d" % i, partition=0, timestamp=TIME + 10000 * i)
    producer.flush()
if kind == "transactions":
    make("transactions", **{"retention.ms": "-1"})
    for n, end in enumerate(("commit", "abort", "commit", "open")):
        producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"t{n}"})
        producer.init_transactions()
        producer.begin_transaction()
        for i in range(3):
            producer.produce("transactions", b"%s %d" % (end.encode(), i), partition=0, timestamp=TIME + i)
        producer.flush()
        if end == "commit":
            producer.commit_transaction()
        elif end == "abort":
            producer.abort_transaction()
