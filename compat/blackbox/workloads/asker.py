"""Asks again and again where partitions end (ListOffsets)."""
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from checker.history import Recorder

from .client import COMMON, PARTITIONS, TOPIC, Lives, key_of


def run(name, bootstrap, folder, argument, first=1):
    lives = Lives("asker", name, bootstrap, folder, argument, first=first)
    for life in lives:
        recorder = Recorder(f"{folder}/{name}.{life}.jsonl", f"{name}.{life}")
        admin = AdminClient({**COMMON, "bootstrap.servers": bootstrap})
        while not lives.stop:
            lives.gets_on()
            op = recorder.invoke("list-offsets")
            latest, error = _ask(admin)
            recorder.complete(op, "ok" if latest else "info", "list-offsets", latest, error=error)
            admin.poll(0.03)


def _ask(admin):
    """The ends that were told, and the last error."""
    latest, error = {}, ""
    asked = {TopicPartition(TOPIC, p): OffsetSpec.latest() for p in range(PARTITIONS)}
    for partition, answer in admin.list_offsets(asked, request_timeout=5).items():
        try:
            offset = answer.result().offset
            if offset >= 0:  # librdkafka has -1001 where no broker answered
                latest[key_of(partition.topic, partition.partition)] = offset
        except KafkaException as exception:
            error = exception.args[0].name()
    return latest, error
