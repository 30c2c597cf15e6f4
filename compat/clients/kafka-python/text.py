"""Lines through kafka-python: text.py produce|consume BOOTSTRAP TOPIC CODEC|COUNT, from standard input or to standard output."""
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition


def produce(bootstrap, topic, codec):
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec,
                             acks="all", linger_ms=20, batch_size=256 * 1024, max_request_size=4 * 1024 * 1024)
    failures = []
    for line in sys.stdin.buffer:
        producer.send(topic, line.rstrip(b"\n"), partition=0).add_errback(failures.append)
    producer.flush()
    producer.close()
    if failures:
        sys.exit(f"{len(failures)} records failed, the first with {failures[0]!r}")


def consume(bootstrap, topic, count):
    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, consumer_timeout_ms=60000,
                             max_partition_fetch_bytes=1024 * 1024)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    left = int(count)
    for record in consumer:
        sys.stdout.buffer.write(record.value + b"\n")
        left -= 1
        if left == 0:
            break
    sys.stdout.buffer.flush()
    if left:
        sys.exit(f"{left} records are missing")


{"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:5])
