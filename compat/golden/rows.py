"""What a node holds, a row a partition and a row a record: rows.py BOOTSTRAP

    partition TOPIC PARTITION LOG_START HIGH_WATERMARK LAST_STABLE_OFFSET
    record    TOPIC PARTITION OFFSET TIMESTAMP KEY VALUE
"""
import sys

from confluent_kafka import Consumer, TopicPartition

settings = {"bootstrap.servers": sys.argv[1], "group.id": "rows", "enable.auto.commit": False, "enable.partition.eof": True}
everything = Consumer({**settings, "isolation.level": "read_uncommitted"})
committed = Consumer({**settings, "isolation.level": "read_committed"})
for name, topic in sorted(everything.list_topics(timeout=30).topics.items()):
    if name.startswith("__"):
        continue
    for number in sorted(topic.partitions):
        partition = TopicPartition(name, number, 0)
        low, high = everything.get_watermark_offsets(partition, timeout=30)
        stable = committed.get_watermark_offsets(partition, timeout=30)[1]
        print("partition", name, number, low, high, stable, sep="\t")
        everything.assign([partition])
        while True:
            record = everything.poll(30)
            if record is None or record.error():
                break
            print("record", name, number, record.offset(), record.timestamp()[1], (record.key() or b"").decode(),
                  record.value().decode(), sep="\t")
everything.close()
