"""The matrix through kafka-python. What a program of the matrix does: features.py."""
import logging
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.errors import KafkaError
from kafka.protocol.admin import ElectionType

import features
from features import CODECS, T0, feature, show, show_all, show_record, tell

logging.disable(logging.CRITICAL)
features.ABSENT["eof"] = "its consumer has no event for the end of a partition"
UNSTABLE = ("topic_id", "leader_epoch", "cluster_id", "member_id", "port", "throttle_time_ms", "config_name",
            "documentation", "error_message", "protocol_data")


def clean(data, topic="?"):
    """An answer without what differs from run to run."""
    if isinstance(data, dict):
        return {clean(k, topic): clean(v, topic) for k, v in sorted(data.items(), key=lambda i: str(i[0])) if k not in UNSTABLE}
    if isinstance(data, (list, set, frozenset)) or type(data) is tuple:
        return [clean(v, topic) for v in data]
    return str(data).replace(topic, "TOPIC")


def attempt(call, *args, **kwargs):
    try:
        return "ok", call(*args, **kwargs)
    except (KafkaError, ValueError, AssertionError, TypeError) as error:
        return type(error).__name__, None


def admin_client(bootstrap):
    return KafkaAdminClient(bootstrap_servers=bootstrap, client_id="matrix")


def create(bootstrap, topic, partitions=1, config=None):
    admin = admin_client(bootstrap)
    admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1, "configs": config or {}}},
                        wait_for_metadata=True)
    return admin


def write(bootstrap, topic, records, partition=0, timestamp=None, **config):
    """Writes (key, value[, headers]); returns the futures."""
    config.setdefault("max_request_size", 4000000)
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, **config)
    told = []
    for i, record in enumerate(records):
        told.append(producer.send(topic, key=record[0], value=record[1], headers=record[2] if len(record) > 2 else None,
                                  partition=partition, timestamp_ms=None if timestamp is None else timestamp + i))
    producer.flush(60)
    producer.close()
    return told


def reader(bootstrap, topic, offset=0, **config):
    config.setdefault("auto_offset_reset", "earliest")
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, **config)
    consumer.assign([TopicPartition(topic, 0)])
    if offset is not None:
        consumer.seek(TopicPartition(topic, 0), offset)
    return consumer


def read(consumer, count, timeout=60):
    records = []
    end = time.monotonic() + timeout
    while len(records) < count and time.monotonic() < end:
        for batch in consumer.poll(200, max_records=count - len(records)).values():
            records += batch
    return records


def plain(records):
    return [(r.offset, r.key, r.value) for r in records]


def codec(name):
    @feature("codec-" + name)
    def run(say, bootstrap, topic):
        create(bootstrap, topic)
        told = write(bootstrap, topic, features.codec_records(), compression_type=None if name == "none" else name)
        say(f"{sum(f.succeeded() for f in told)} acknowledged")
        say(show_all(plain(read(reader(bootstrap, topic), 200))))


for _name in CODECS:
    codec(_name)


@feature("shapes")
def shapes(say, bootstrap, topic):
    create(bootstrap, topic)
    # The client refuses a header without a value.
    write(bootstrap, topic, [(k, v, [h for h in headers if h[1] is not None]) for k, v, headers in features.SHAPES])
    for r in read(reader(bootstrap, topic), len(features.SHAPES)):
        say(show_record(r.offset, r.key, r.value, r.headers))


@feature("large")
def large(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(b"large", features.large_value())])
    for r in read(reader(bootstrap, topic), 1):
        say(show_record(r.offset, r.key, r.value, r.headers))


@feature("timestamps")
def timestamps(say, bootstrap, topic):
    create(bootstrap, topic)
    create(bootstrap, topic + "-append", config={"message.timestamp.type": "LogAppendTime"})
    for name in (topic, topic + "-append"):
        write(bootstrap, name, [(None, b"%d" % i) for i in range(3)], timestamp=T0)
        for r in read(reader(bootstrap, name), 3):
            at = r.timestamp
            say(f"{r.offset} type={r.timestamp_type} {at - T0 if r.timestamp_type == 0 else 'now' if abs(at / 1000 - time.time()) < 60 else at}")


@feature("partitioner")
def partitioner(say, bootstrap, topic):
    create(bootstrap, topic, 4)
    told = write(bootstrap, topic, [(b"key %d" % i, b"v") for i in range(40)], partition=None)
    say(" ".join(str(f.get(60).partition) for f in told))


@feature("idempotent")
def idempotent(say, bootstrap, topic):
    create(bootstrap, topic)
    told = write(bootstrap, topic, features.codec_records(), enable_idempotence=True, acks="all")
    say(f"{sum(f.succeeded() for f in told)} acknowledged")
    say(show_all(plain(read(reader(bootstrap, topic), 200))))


@feature("acks")
def acks(say, bootstrap, topic):
    create(bootstrap, topic)
    for wanted in (0, 1, "all"):
        told = write(bootstrap, topic, [(b"k", b"acks %s" % str(wanted).encode())], acks=wanted, enable_idempotence=False)
        say(f"acks={wanted} {attempt(told[0].get, 60)[0]}")
    say(show_all(plain(read(reader(bootstrap, topic), 3))))


@feature("times")
def times(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)], timestamp=T0)
    consumer = reader(bootstrap, topic)
    partition = TopicPartition(topic, 0)
    for name, at in (("before", T0 - 5), ("first", T0), ("within", T0 + 4), ("last", T0 + 9), ("after", T0 + 10)):
        found = consumer.offsets_for_times({partition: at})[partition]
        say(f"{name} {found and (found.offset, found.timestamp - T0)}")
    say(f"beginning {consumer.beginning_offsets([partition])[partition]} end {consumer.end_offsets([partition])[partition]}")
    for spec in (-1, -2, -3, T0 + 3):
        what, found = attempt(admin_client(bootstrap).list_partition_offsets, {partition: spec})
        say(f"list {spec if spec < 0 else 'timestamp'} {what} {found and found[partition].offset}")
    consumer.seek(partition, consumer.offsets_for_times({partition: T0 + 6})[partition].offset)
    say(show_all(plain(read(consumer, 4))))


@feature("seek")
def seek(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    consumer = reader(bootstrap, topic)
    partition = TopicPartition(topic, 0)
    read(consumer, 10)
    for offset in (5, 0, 9):
        consumer.seek(partition, offset)
        say(f"at {offset}: {show(read(consumer, 1)[0].value)}")
    consumer.seek_to_beginning(partition)
    say(f"beginning: {show(read(consumer, 1)[0].value)}")
    consumer.seek_to_end(partition)
    say(f"end: {len(read(consumer, 1, 0.5))} at {consumer.position(partition)}")
    consumer.seek(partition, 3)
    consumer.pause(partition)
    say(f"paused: {len(read(consumer, 1, 0.5))}")
    consumer.resume(partition)
    say(f"resumed: {show(read(consumer, 1)[0].value)} position {consumer.position(partition)}")


@feature("reset")
def reset(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    say(f"earliest: {read(reader(bootstrap, topic, 100), 1)[0].offset}")
    late = reader(bootstrap, topic, 100, auto_offset_reset="latest")
    say(f"latest: {len(read(late, 1, 1))} read, at {late.position(TopicPartition(topic, 0))}")
    say(f"none: {attempt(read, reader(bootstrap, topic, 100, auto_offset_reset='none'), 1)[0]}")


@feature("commit")
def commit(say, bootstrap, topic):
    create(bootstrap, topic, 2)
    for p in (0, 1):
        write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)], partition=p)
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)

    def join():
        return KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False,
                             auto_offset_reset="earliest", session_timeout_ms=45000, heartbeat_interval_ms=500)

    first = join()
    say(f"first run read {len(read(first, 20))}")
    first.commit({zero: OffsetAndMetadata(7, "seven", -1), one: OffsetAndMetadata(3, "", -1)})
    for p in (zero, one):
        found = first.committed(p, metadata=True)
        say(f"committed {p.partition} {found.offset} metadata={found.metadata!r}")
    first.close()
    second = join()
    say("second run read " + " ".join(f"{p}:{o}" for p, o in sorted((r.partition, r.offset) for r in read(second, 10))))
    second.commit()
    second.close()
    third = join()
    say(f"third run read {len(read(third, 1, 2))}")
    say(f"committed {third.committed(zero)} {third.committed(one)}")
    third.close()


def read_all(consumer, count):
    """So many, however long it takes, and what comes behind them within a moment."""
    return read(consumer, count) + read(consumer, 1, 1)


def transactional(bootstrap, name):
    producer = KafkaProducer(bootstrap_servers=bootstrap, transactional_id=name, linger_ms=5)
    producer.init_transactions()
    return producer


def begin(producer, topic, count):
    producer.begin_transaction()
    for told in [producer.send(topic, b"%d" % i, partition=0) for i in range(count)]:
        told.get(60)


def levels(say, what, bootstrap, topic, committed, everything):
    """What who reads only what is committed sees, and who reads all."""
    for level, count in (("read_committed", committed), ("read_uncommitted", everything)):
        said = read_all(reader(bootstrap, topic, isolation_level=level), count)
        say(f"{what}, {level} " + " ".join(str(r.offset) for r in said))


@feature("transactions")
def transactions(say, bootstrap, topic):
    create(bootstrap, topic)
    producer = transactional(bootstrap, topic)
    begin(producer, topic, 3)
    producer.commit_transaction()
    begin(producer, topic, 2)
    producer.abort_transaction()
    begin(producer, topic, 2)
    levels(say, "open", bootstrap, topic, 3, 7)
    producer.commit_transaction()
    levels(say, "ended", bootstrap, topic, 5, 7)
    group = reader(bootstrap, topic, group_id=topic)
    for offset, end in ((5, producer.commit_transaction), (6, producer.abort_transaction)):
        begin(producer, topic, 1)
        producer.send_offsets_to_transaction({TopicPartition(topic, 0): OffsetAndMetadata(offset, "", -1)}, topic)
        end()
        last = time.monotonic() + 60
        while (at := group.committed(TopicPartition(topic, 0))) is None and time.monotonic() < last:
            time.sleep(0.02)  # the transaction is decided before its offsets are the group's
        say(f"committed {at}")
    newer = transactional(bootstrap, topic)
    say(f"the older one: {attempt(begin, producer, topic, 1)[0]}")
    begin(newer, topic, 1)
    newer.commit_transaction()
    levels(say, "fenced", bootstrap, topic, 7, 10)


@feature("admin-topics")
def admin_topics(say, bootstrap, topic):
    admin = admin_client(bootstrap)
    for wanted in ({topic: {"num_partitions": 3, "replication_factor": 1, "configs": {"retention.ms": "3600000"}}}, {topic + "-b": {}}):
        what, answer = attempt(admin.create_topics, wanted, validate_only=True)
        say(f"validate {what} {sorted((t['num_partitions'], t['replication_factor'], len(t['configs'])) for t in answer['topics'])}")
        what, answer = attempt(admin.create_topics, wanted, wait_for_metadata=True)
        say(f"create {what} {sorted((t['num_partitions'], t['replication_factor'], t['configs'].get('retention.ms') and t['configs']['retention.ms']['value']) for t in answer['topics'])}")
    say(f"listed {len([t for t in admin.list_topics() if t.startswith(topic)])}")
    say(f"described {clean(admin.describe_topics([topic]), topic)}")
    for name in (topic, topic + "-b"):
        say(f"delete {clean(attempt(admin.delete_topics, [name]), topic)}")
    end = time.monotonic() + 60
    while [t for t in admin.list_topics() if t.startswith(topic)] and time.monotonic() < end:
        time.sleep(0.05)
    say(f"left {len([t for t in admin.list_topics() if t.startswith(topic)])}")


def describe(admin, kind, name, keys):
    what, answer = attempt(admin.describe_configs, [ConfigResource(kind, name, dict.fromkeys(keys))], config_filter="all")
    return f"{what} {clean(answer, name if kind == ConfigResourceType.TOPIC else '?')}"


@feature("admin-configs")
def admin_configs(say, bootstrap, topic):
    admin = create(bootstrap, topic, config={"retention.ms": "3600000"})
    kind = ConfigResourceType.TOPIC
    say(describe(admin, kind, topic, ["retention.ms", "cleanup.policy", "max.message.bytes"]))
    for key, change in (("retention.ms", ("SET", "7200000")), ("retention.ms", ("DELETE", None)),
                        ("cleanup.policy", ("APPEND", "compact")), ("cleanup.policy", ("SUBTRACT", "delete"))):
        before = describe(admin, kind, topic, [key])
        say(f"{change[0]} {clean(attempt(admin.alter_configs, [ConfigResource(kind, topic, {key: change})]), topic)}")
        say(features.changed(lambda: describe(admin, kind, topic, [key]), before))
    before = describe(admin, kind, topic, ["segment.bytes", "cleanup.policy"])
    say(f"replaced {clean(attempt(admin.alter_configs, [ConfigResource(kind, topic, {'segment.bytes': '1048576'})], incremental=False), topic)}")
    say(features.changed(lambda: describe(admin, kind, topic, ["segment.bytes", "cleanup.policy"]), before))
    say(describe(admin, ConfigResourceType.BROKER, "1", ["node.id", "num.partitions", "log.retention.hours"]))


@feature("admin-partitions")
def admin_partitions(say, bootstrap, topic):
    admin = create(bootstrap, topic, 2)
    for count in (4, 2, 4, 5):
        say(f"{count}: {clean(attempt(admin.create_partitions, {topic: count}), topic)}")
    say(f"unknown: {clean(attempt(admin.create_partitions, {'no-' + topic: 4}), topic)}")
    end = time.monotonic() + 60
    while len(admin.describe_topics([topic])[0]["partitions"]) < 5 and time.monotonic() < end:
        time.sleep(0.02)
    say(f"has {len(admin.describe_topics([topic])[0]['partitions'])}")


@feature("admin-records")
def admin_records(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    partition = TopicPartition(topic, 0)
    for offset in (4, -1, 99):
        say(f"before {offset}: {clean(attempt(admin.delete_records, {partition: offset}), topic)}")
    consumer = reader(bootstrap, topic)
    say(f"beginning {consumer.beginning_offsets([partition])[partition]} end {consumer.end_offsets([partition])[partition]}")


@feature("admin-cluster")
def admin_cluster(say, bootstrap, topic):
    admin = admin_client(bootstrap)
    say(f"cluster {clean(admin.describe_cluster())}")
    create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"x")])
    what, answer = attempt(admin.describe_log_dirs, {topic: [0]})
    say(f"log dirs {what} {len(answer or [])}")
    what, answer = attempt(admin.describe_metadata_quorum)
    say(f"quorum {what}")
    what, answer = attempt(admin.describe_features)
    say(f"features {what}")
    say(f"elect {clean(attempt(admin.elect_leaders, ElectionType.PREFERRED, {topic: [0]}, raise_errors=False), topic)}")
    say(f"reassignments {clean(attempt(admin.list_partition_reassignments), topic)}")


@feature("admin-groups")
def admin_groups(say, bootstrap, topic):
    admin = create(bootstrap, topic, 2)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False,
                             auto_offset_reset="earliest", client_id="matrix")
    read(consumer, 10)
    consumer.commit()
    say(f"listed {clean([g for g in admin.list_groups() if g['group_id'] == topic], topic)}")
    say(f"listed empty {len([g for g in admin.list_groups(states_filter=['Empty']) if g['group_id'] == topic])}")
    say(f"described {clean(attempt(admin.describe_groups, [topic]), topic)}")
    say(f"delete while in use {clean(attempt(admin.delete_groups, [topic]), topic)}")
    consumer.close()
    say(f"described {clean(attempt(admin.describe_groups, [topic]), topic)}")
    say(f"offsets {clean(attempt(admin.list_group_offsets, [topic]), topic)}")
    say(f"delete {clean(attempt(admin.delete_groups, [topic]), topic)}")
    say(f"delete again {clean(attempt(admin.delete_groups, [topic]), topic)}")
    say(f"described {clean(attempt(admin.describe_groups, [topic]), topic)}")


@feature("admin-offsets")
def admin_offsets(say, bootstrap, topic):
    admin = create(bootstrap, topic, 2)
    zero, one, seven = (TopicPartition(topic, p) for p in (0, 1, 7))
    say(f"altered {clean(attempt(admin.alter_group_offsets, topic, {zero: OffsetAndMetadata(5, 'five', -1), one: OffsetAndMetadata(0, '', -1)}), topic)}")
    say(f"listed {clean(attempt(admin.list_group_offsets, {topic: None}), topic)}")
    say(f"listed {clean(attempt(admin.list_group_offsets, {topic: [zero, seven]}), topic)}")
    say(f"unknown group {clean(attempt(admin.list_group_offsets, ['no-' + topic]), topic)}")
    say(f"deleted {clean(attempt(admin.delete_group_offsets, topic, [zero]), topic)}")
    say(f"listed {clean(attempt(admin.list_group_offsets, {topic: None}), topic)}")


@feature("error-topics")
def error_topics(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    for what, name, wanted in (("exists", topic, {}), ("no partitions", topic + "-a", {"num_partitions": 0}),
                               ("negative partitions", topic + "-a", {"num_partitions": -5}),
                               ("too many replicas", topic + "-a", {"num_partitions": 1, "replication_factor": 3}),
                               ("no replicas", topic + "-a", {"num_partitions": 1, "replication_factor": 0}),
                               ("bad name", "a topic with spaces", {}), ("dots", "..", {}), ("long name", "x" * 250, {}),
                               ("bad broker", topic + "-a", {"assignments": {0: [9]}})):
        what_came, answer = attempt(admin.create_topics, {name: wanted}, raise_errors=False)
        say(f"{what}: {what_came} {[(t['error_code'], str(t['error_message']).replace(topic, 'TOPIC')) for t in answer['topics']] if answer else ''}")
    say(f"delete unknown: {attempt(admin.delete_topics, ['no-' + topic])[0]}")
    say(f"describe unknown: {clean(attempt(admin.describe_topics, ['no-' + topic]), topic)}")


@feature("error-configs")
def error_configs(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    for what, kind, name, key, value in (("bad number", "topic", topic, "retention.ms", "soon"),
                                         ("out of range", "topic", topic, "min.insync.replicas", "0"),
                                         ("bad word", "topic", topic, "cleanup.policy", "keep"),
                                         ("unknown setting", "topic", topic, "no.such.setting", "1"),
                                         ("unknown topic", "topic", "no-" + topic, "retention.ms", "1"),
                                         ("read-only", "broker", "1", "node.id", "2")):
        say(f"{what}: {clean(attempt(admin.alter_configs, [ConfigResource(kind, name, {key: value})], raise_on_unknown=False), topic)}")
    say(f"at creation: {attempt(admin.create_topics, {topic + '-a': {'configs': {'retention.ms': 'soon'}}})[0]}")
    say(f"unknown at creation: {attempt(admin.create_topics, {topic + '-a': {'configs': {'nonsense': '1'}}})[0]}")
    say(f"describe unknown: {describe(admin, ConfigResourceType.TOPIC, 'no-' + topic, ['retention.ms'])}")


@feature("error-produce")
def error_produce(say, bootstrap, topic):
    create(bootstrap, topic, config={"max.message.bytes": "2000"})
    for what, partition, value in (("too large", 0, b"x" * 3000), ("no partition", 5, b"x"), ("fits", 0, b"x" * 1000)):
        try:
            say(f"{what}: {attempt(write(bootstrap, topic, [(None, value)], partition=partition, max_block_ms=2000)[0].get, 60)[0]}")
        except (KafkaError, ValueError) as error:
            say(f"{what}: {type(error).__name__}")
    create(bootstrap, topic + "-c", config={"cleanup.policy": "compact"})
    told = write(bootstrap, topic + "-c", [(None, b"no key")])
    say(f"no key on a compacted topic: {attempt(told[0].get, 60)[0]}")


@feature("error-consume")
def error_consume(say, bootstrap, topic):
    create(bootstrap, topic)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, allow_auto_create_topics=False)
    say(f"offsets of a partition that is not there: {attempt(consumer.beginning_offsets, [TopicPartition(topic, 7)], 2000)[0]}")
    say(f"bad name: {attempt(consumer.assign, [TopicPartition('bad name!', 0)])[0]}")


@feature("error-groups")
def error_groups(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    say(f"describe unknown: {clean(attempt(admin.describe_groups, ['no-' + topic]), topic)}")
    say(f"delete unknown: {clean(attempt(admin.delete_groups, ['no-' + topic]), topic)}")
    partition = TopicPartition(topic, 0)
    outside = KafkaConsumer(bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False)
    outside.assign([partition])
    say(f"commit without membership: {attempt(outside.commit, {partition: OffsetAndMetadata(3, '', -1)})[0]} {outside.committed(partition)}")
    member = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False)
    end = time.monotonic() + 60
    while not member.assignment() and time.monotonic() < end:
        member.poll(100)
    say(f"commit into a group in use: {attempt(outside.commit, {partition: OffsetAndMetadata(4, '', -1)})[0]}")
    end = time.monotonic() + 60
    while (what := attempt(member.commit, {partition: OffsetAndMetadata(4, "m" * 5000, -1)})[0]) == "RebalanceInProgressError" and time.monotonic() < end:
        member.poll(100)  # the client may join once more when it has seen the topic
    say(f"large metadata: {what}")
    member.close()


def setup(bootstrap, topic, partitions, count):
    create(bootstrap, topic, partitions)
    for p in range(partitions):
        write(bootstrap, topic, [(None, b"%d" % i) for i in range(count)], partition=p)


def member(bootstrap, group, topic, options):
    config = {"session_timeout_ms": int(options.get("session", 1500)), "heartbeat_interval_ms": 300}
    config["partition_assignment_strategy"] = [StickyPartitionAssignor if options.get("strategy") == "sticky" else RangePartitionAssignor]
    if "instance" in options:
        config["group_instance_id"] = options["instance"]
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
                             auto_offset_reset="earliest", **config)
    last = None
    while not features.stop_asked():
        what, got = attempt(consumer.poll, 300)
        if what != "ok":  # the node is away
            tell(f"poll failed {what}")
            continue
        now = sorted(p.partition for p in consumer.assignment())
        if now != last:
            features.assigned(now)
            last = now
        for partition, records in got.items():
            for record in records:
                tell(f"got {partition.partition} {record.offset}")
            what, _ = attempt(consumer.commit, {partition: OffsetAndMetadata(records[-1].offset + 1, "", -1)})
            if what != "ok":
                tell(f"commit failed {what}")
    consumer.close()
    tell("left")


features.main(setup, member)
