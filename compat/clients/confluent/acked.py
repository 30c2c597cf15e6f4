"""Writes numbered records until told to stop, and remembers which were acknowledged.

acked.py produce BOOTSTRAP TOPIC PARTITIONS idempotent|plain RECORDS_PER_SECOND ACKED_FILE    until SIGTERM
acked.py verify  BOOTSTRAP TOPIC PARTITIONS idempotent|plain 0                  ACKED_FILE

A record's value is "PARTITION NUMBER"; numbers count up within a partition. verify: every acknowledged number is there; from an
idempotent producer once and in order; and nothing is there that was never sent.
"""
import signal
import sys
import time

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

PADDING = b"." * 200


def produce(bootstrap, topic, partitions, kind, rate, path):
    acked = open(path, "w", buffering=1)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": kind == "idempotent",
                         "linger.ms": 2, "message.timeout.ms": 300000, "reconnect.backoff.max.ms": 100,
                         "retry.backoff.ms": 20, "log_level": 2})
    failed = []

    def delivered(error, message):
        if error:
            failed.append(str(error))
        else:
            acked.write(message.value().split(b" .")[0].decode() + "\n")

    number = 0
    pause = 50 / rate
    while not stop:
        for _ in range(50):
            partition = number % partitions
            producer.produce(topic, b"%d %d %s" % (partition, number // partitions, PADDING), partition=partition,
                             on_delivery=delivered)
            number += 1
        producer.poll(pause)
        time.sleep(pause)  # the rate of the load
        while len(producer) > 50000 and not stop:
            producer.poll(0.1)
    left = producer.flush(300)
    print(f"sent {number}, not acknowledged {left + len(failed)}")
    if failed:
        sys.exit(f"{len(failed)} failed for good: {failed[0]}")
    if left:
        sys.exit(f"{left} were never acknowledged")


def verify(bootstrap, topic, partitions, kind, _rate, path):
    acked = [set() for _ in range(partitions)]
    for line in open(path):
        partition, number = line.split()
        acked[int(partition)].add(int(number))
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "verify", "enable.auto.commit": False,
                         "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    seen = [[] for _ in range(partitions)]
    at_end = set()
    while len(at_end) < partitions:
        message = consumer.poll(120)
        if message is None:
            sys.exit("the consumer does not reach the end")
        if message.error():
            if message.error().code() == KafkaError._PARTITION_EOF:
                at_end.add(message.partition())
            continue
        partition, number = message.value().split(b" .")[0].split()
        if int(partition) != message.partition():
            sys.exit(f"a record of partition {partition.decode()} is in partition {message.partition()}")
        seen[message.partition()].append(int(number))
    consumer.close()
    bad = []
    for p in range(partitions):
        missing = acked[p] - set(seen[p])
        if missing:
            bad.append(f"partition {p}: {len(missing)} acknowledged records are missing, the first is {min(missing)}")
        if kind == "idempotent" and seen[p] != list(range(len(seen[p]))):
            bad.append(f"partition {p}: {len(seen[p]) - len(set(seen[p]))} twice, or out of order")
    print(f"acknowledged {sum(map(len, acked))}, stored {sum(map(len, seen))}")
    if bad:
        sys.exit("\n".join(bad))


_, verb, bootstrap, topic, partitions, kind, rate, path = sys.argv
{"produce": produce, "verify": verify}[verb](bootstrap, topic, int(partitions), kind, float(rate), path)
