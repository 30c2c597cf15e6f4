"""Lines through librdkafka (confluent-kafka): text.py produce|consume BOOTSTRAP TOPIC CODEC|COUNT."""
import sys

from confluent_kafka import Consumer, Producer, TopicPartition


def produce(bootstrap, topic, codec):
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "acks": "all", "linger.ms": 20,
                         "enable.idempotence": True, "queue.buffering.max.messages": 1000000})
    failures = []

    def delivered(error, _message):
        if error:
            failures.append(error)

    for line in sys.stdin.buffer:
        while True:
            try:
                producer.produce(topic, line.rstrip(b"\n"), partition=0, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()
    if failures:
        sys.exit(f"{len(failures)} records failed, the first with {failures[0]}")


def consume(bootstrap, topic, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "text", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    left = int(count)
    while left:
        records = consumer.consume(min(left, 10000), 60)
        if not records:
            sys.exit(f"{left} records are missing")
        for record in records:
            if record.error():
                sys.exit(str(record.error()))
            sys.stdout.buffer.write(record.value() + b"\n")
            left -= 1
    sys.stdout.buffer.flush()
    consumer.close()


{"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:5])
