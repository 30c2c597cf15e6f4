"""The matrix through confluent-kafka (librdkafka). What a program of the matrix does: features.py."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, ConsumerGroupState, ElectionType, IsolationLevel,
                             KafkaError, KafkaException, Producer, TopicCollection, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
                                   OffsetSpec, ResourceType)

import features
from features import CODECS, T0, feature, show, show_all, show_record, tell

QUIET = {"log_level": 0, "reconnect.backoff.max.ms": 100}


def admin_client(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap, **QUIET})


def code(error):
    if isinstance(error, KafkaException):
        error = error.args[0]
    return error.name() if isinstance(error, KafkaError) else f"{type(error).__name__} {error}"


def outcome(call):
    """A future's result or the name of its error."""
    try:
        return "ok", call.result(20)
    except KafkaException as error:
        return code(error), None
    except Exception as error:
        return f"{type(error).__name__}", None


def create(bootstrap, topic, partitions=1, config=None):
    admin = admin_client(bootstrap)
    for future in admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})]).values():
        future.result(20)
    end = time.monotonic() + 60
    while time.monotonic() < end:  # metadata follows a little after the answer
        seen = admin.list_topics(topic, 10).topics[topic].partitions
        if len(seen) == partitions and all(p.leader >= 0 for p in seen.values()):
            break
        time.sleep(0.02)
    return admin


def write(bootstrap, topic, records, partition=0, timestamp=None, **config):
    """Writes (key, value[, headers]); returns what each delivery said."""
    told = []
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "message.max.bytes": 4000000, **QUIET,
                         **{k.replace("_", "."): v for k, v in config.items()}})
    for i, record in enumerate(records):
        extra = {} if timestamp is None else {"timestamp": timestamp + i}
        if partition is not None:
            extra["partition"] = partition
        producer.produce(topic, key=record[0], value=record[1], headers=record[2] if len(record) > 2 else None,
                         on_delivery=lambda e, m: told.append((e, m)), **extra)
    producer.flush(60)
    return told


def reader(bootstrap, topic, offset=0, partitions=(0,), **config):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader-" + topic, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "fetch.error.backoff.ms": 20, **QUIET,
                         **{k.replace("_", "."): v for k, v in config.items()}})
    consumer.assign([TopicPartition(topic, p, offset) for p in partitions])
    return consumer


def read(consumer, count, timeout=60):
    records = []
    end = time.monotonic() + timeout
    while len(records) < count and time.monotonic() < end:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        records.append(message)
    return records


def read_all(consumer, count):
    """So many, however long it takes, and what comes behind them within a moment."""
    return read(consumer, count) + read(consumer, 1, 1)


def plain(messages):
    return [(m.offset(), m.key(), m.value()) for m in messages]


def codec(name):
    @feature("codec-" + name)
    def run(say, bootstrap, topic):
        create(bootstrap, topic)
        told = write(bootstrap, topic, features.codec_records(), compression_type=name)
        say(f"{sum(e is None for e, _ in told)} acknowledged")
        say(show_all(plain(read(reader(bootstrap, topic), 200))))


for _name in CODECS:
    codec(_name)


@feature("shapes")
def shapes(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, features.SHAPES)
    for m in read(reader(bootstrap, topic), len(features.SHAPES)):
        say(show_record(m.offset(), m.key(), m.value(), m.headers()))


@feature("large")
def large(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(b"large", features.large_value())])
    for m in read(reader(bootstrap, topic), 1):
        say(show_record(m.offset(), m.key(), m.value(), m.headers()))


@feature("timestamps")
def timestamps(say, bootstrap, topic):
    create(bootstrap, topic)
    create(bootstrap, topic + "-append", config={"message.timestamp.type": "LogAppendTime"})
    for name in (topic, topic + "-append"):
        write(bootstrap, name, [(None, b"%d" % i) for i in range(3)], timestamp=T0)
        for m in read(reader(bootstrap, name), 3):
            kind, at = m.timestamp()
            say(f"{m.offset()} type={kind} {at - T0 if kind == 1 else 'now' if abs(at / 1000 - time.time()) < 60 else at}")


@feature("partitioner")
def partitioner(say, bootstrap, topic):
    create(bootstrap, topic, 4)
    told = write(bootstrap, topic, [(b"key %d" % i, b"v") for i in range(40)], partition=None)
    say(" ".join(str(m.partition()) for _, m in sorted(told, key=lambda t: int(t[1].key().split()[1]))))


@feature("idempotent")
def idempotent(say, bootstrap, topic):
    create(bootstrap, topic)
    told = write(bootstrap, topic, features.codec_records(), enable_idempotence=True, acks="all")
    say(f"{sum(e is None for e, _ in told)} acknowledged")
    say(show_all(plain(read(reader(bootstrap, topic), 200))))


@feature("acks")
def acks(say, bootstrap, topic):
    create(bootstrap, topic)
    for i, wanted in enumerate(("0", "1", "all")):
        told = write(bootstrap, topic, [(b"k", b"acks " + wanted.encode())], acks=wanted)
        say(f"acks={wanted} {' '.join('ok' if e is None else e.name() for e, _ in told)}")
    say(show_all(plain(read(reader(bootstrap, topic), 3))))


@feature("times")
def times(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)], timestamp=T0)
    consumer = reader(bootstrap, topic)
    for name, at in (("before", T0 - 5), ("first", T0), ("within", T0 + 4), ("last", T0 + 9), ("after", T0 + 10)):
        say(f"{name} {consumer.offsets_for_times([TopicPartition(topic, 0, at)], 60)[0].offset}")
    say("watermarks %d %d" % consumer.get_watermark_offsets(TopicPartition(topic, 0), 60))
    for name, spec in (("earliest", OffsetSpec.earliest()), ("latest", OffsetSpec.latest()),
                       ("max timestamp", OffsetSpec.max_timestamp()), ("timestamp", OffsetSpec.for_timestamp(T0 + 3))):
        for future in admin.list_offsets({TopicPartition(topic, 0): spec}).values():
            what, info = outcome(future)
            say(f"list {name} {what} {info.offset if info else ''} {info.timestamp - T0 if info and info.timestamp > 0 else ''}")
    consumer.seek(consumer.offsets_for_times([TopicPartition(topic, 0, T0 + 6)], 60)[0])
    say(show_all(plain(read(consumer, 4))))


@feature("seek")
def seek(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    consumer = reader(bootstrap, topic)
    read(consumer, 10)
    for offset in (5, 0, 9):
        consumer.seek(TopicPartition(topic, 0, offset))
        say(f"at {offset}: {show(read(consumer, 1)[0].value())}")
    consumer.pause([TopicPartition(topic, 0)])
    say(f"paused: {len(read(consumer, 1, 0.5))}")
    consumer.resume([TopicPartition(topic, 0)])
    consumer.seek(TopicPartition(topic, 0, 8))
    say(f"resumed: {show(read(consumer, 1)[0].value())}")
    say(f"position {consumer.position([TopicPartition(topic, 0)])[0].offset}")


@feature("reset")
def reset(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    say(f"earliest: {read(reader(bootstrap, topic, 100, auto_offset_reset='earliest'), 1)[0].offset()}")
    late = reader(bootstrap, topic, 100, auto_offset_reset="latest")
    say(f"latest: {len(read(late, 1, 1))} read, at {late.get_watermark_offsets(TopicPartition(topic, 0), 60)[1]}")
    try:
        read(reader(bootstrap, topic, 100, auto_offset_reset="error"), 1)
        say("none: no error")
    except KafkaException as error:
        say(f"none: {code(error)}")


@feature("eof")
def eof(say, bootstrap, topic):
    create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(3)])
    consumer = reader(bootstrap, topic, enable_partition_eof=True)
    for _ in range(4):
        message = consumer.poll(60)
        say(f"{message.offset()} {message.error().name() if message.error() else 'record'}")


@feature("commit")
def commit(say, bootstrap, topic):
    create(bootstrap, topic, 2)
    for p in (0, 1):
        write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)], partition=p)

    def join():
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False,
                             "auto.offset.reset": "earliest", "session.timeout.ms": 45000, **QUIET})
        consumer.subscribe([topic])
        return consumer

    one = join()
    say(f"first run read {len(read(one, 20))}")
    one.commit(offsets=[TopicPartition(topic, 0, 7, metadata="seven"), TopicPartition(topic, 1, 3)], asynchronous=False)
    for p in one.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], 60):
        say(f"committed {p.partition} {p.offset} metadata={p.metadata and p.metadata[:5]!r}")
    one.close()
    two = join()
    said = sorted((m.partition(), m.offset()) for m in read(two, 10))
    say("second run read " + " ".join(f"{p}:{o}" for p, o in said))
    two.commit(asynchronous=False)
    two.close()
    three = join()
    say(f"third run read {len(read(three, 1, 2))}")
    for p in three.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], 60):
        say(f"committed {p.partition} {p.offset} metadata={p.metadata and p.metadata[:5]!r}")
    three.close()


def transactional(bootstrap, name):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name, "linger.ms": 5, **QUIET})
    producer.init_transactions(60)
    return producer


def begin(producer, topic, count):
    producer.begin_transaction()
    for i in range(count):
        producer.produce(topic, b"%d" % i, partition=0)
    producer.flush(60)


def levels(say, what, bootstrap, topic, committed, everything):
    """What who reads only what is committed sees, and who reads all."""
    for level, count in (("read_committed", committed), ("read_uncommitted", everything)):
        said = read_all(reader(bootstrap, topic, isolation_level=level), count)
        say(f"{what}, {level} " + " ".join(str(m.offset()) for m in said))


@feature("transactions")
def transactions(say, bootstrap, topic):
    create(bootstrap, topic)
    producer = transactional(bootstrap, topic)
    begin(producer, topic, 3)
    producer.commit_transaction(60)
    begin(producer, topic, 2)
    producer.abort_transaction(60)
    begin(producer, topic, 2)
    levels(say, "open", bootstrap, topic, 3, 7)
    producer.commit_transaction(60)
    levels(say, "ended", bootstrap, topic, 5, 7)
    group = reader(bootstrap, topic, group_id=topic)
    for offset, end in ((5, producer.commit_transaction), (6, producer.abort_transaction)):
        begin(producer, topic, 1)
        producer.send_offsets_to_transaction([TopicPartition(topic, 0, offset)], group.consumer_group_metadata(), 60)
        end(60)
        say(f"committed {group.committed([TopicPartition(topic, 0)], 60)[0].offset}")
    fenced(say, bootstrap, topic, producer)


def fenced(say, bootstrap, topic, older):
    newer = transactional(bootstrap, topic)
    try:
        begin(older, topic, 1)
        older.commit_transaction(60)
        say("the older one commits")
    except KafkaException as error:
        say(f"the older one: {code(error)} fatal={error.args[0].fatal()}")
    begin(newer, topic, 1)
    newer.commit_transaction(60)
    levels(say, "fenced", bootstrap, topic, 7, 10)


@feature("admin-topics")
def admin_topics(say, bootstrap, topic):
    admin = admin_client(bootstrap)
    for wanted in (NewTopic(topic, 3, 1, config={"retention.ms": "3600000"}), NewTopic(topic + "-b", -1, -1)):
        for future in admin.create_topics([wanted], validate_only=True).values():
            say(f"validate {outcome(future)[0]}")
        for future in admin.create_topics([wanted]).values():
            say(f"create {outcome(future)[0]}")
    features.changed(lambda: {topic, topic + "-b"} <= set(admin.list_topics(timeout=60).topics), False)
    mine = {n: t for n, t in admin.list_topics(timeout=60).topics.items() if n.startswith(topic)}
    say(f"listed {len(mine)}: " + " ".join(str(len(t.partitions)) for _, t in sorted(mine.items())))
    for future in admin.describe_topics(TopicCollection([topic])).values():
        described = future.result(20)
        say(f"described internal={described.is_internal} partitions=" + " ".join(
            f"{p.id}:leader={p.leader.id},replicas={len(p.replicas)},isr={len(p.isr)}" for p in described.partitions))
    for future in admin.delete_topics([topic, topic + "-b"]).values():
        say(f"delete {outcome(future)[0]}")
    end = time.monotonic() + 60
    while [n for n in admin.list_topics(timeout=60).topics if n.startswith(topic)] and time.monotonic() < end:
        time.sleep(0.05)
    say(f"left {len([n for n in admin.list_topics(timeout=60).topics if n.startswith(topic)])}")


def describe_config(admin, resource, names):
    entries = list(admin.describe_configs([resource]).values())[0].result(20)
    return " ".join(f"{n}={entries[n].value},source={entries[n].source},default={entries[n].is_default},"
                    f"readonly={entries[n].is_read_only},sensitive={entries[n].is_sensitive}" for n in names), len(entries)


@feature("admin-configs")
def admin_configs(say, bootstrap, topic):
    admin = create(bootstrap, topic, config={"retention.ms": "3600000"})
    names = ["retention.ms", "cleanup.policy", "max.message.bytes"]
    line, count = describe_config(admin, ConfigResource(ResourceType.TOPIC, topic), names)
    say(f"{count} settings {line}")
    resource = ConfigResource(ResourceType.TOPIC, topic)
    for name, operation, value in (("retention.ms", AlterConfigOpType.SET, "7200000"), ("retention.ms", AlterConfigOpType.DELETE, None),
                                   ("cleanup.policy", AlterConfigOpType.APPEND, "compact"),
                                   ("cleanup.policy", AlterConfigOpType.SUBTRACT, "delete")):
        before = describe_config(admin, resource, [name])
        change = ConfigEntry(name, value, incremental_operation=operation)
        future = admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])])
        say(f"{operation.name} {outcome(list(future.values())[0])[0]}")
        say(features.changed(lambda: describe_config(admin, resource, [name]), before)[0])
    line, _ = describe_config(admin, ConfigResource(ResourceType.BROKER, "1"), ["node.id", "num.partitions", "log.retention.hours"])
    say(f"broker {line}")


@feature("admin-partitions")
def admin_partitions(say, bootstrap, topic):
    admin = create(bootstrap, topic, 2)
    for count in (4, 2, 4, 5):
        for future in admin.create_partitions([NewPartitions(topic, count)]).values():
            say(f"{count}: {outcome(future)[0]}")
    for future in admin.create_partitions([NewPartitions("no-" + topic, 4)]).values():
        say(f"unknown: {outcome(future)[0]}")
    features.changed(lambda: len(admin.list_topics(topic, 10).topics[topic].partitions) == 5, False)
    for future in admin.describe_topics(TopicCollection([topic])).values():
        say(f"has {len(future.result(20).partitions)}")


@feature("admin-records")
def admin_records(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    for offset in (4, -1, 99):
        for future in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
            what, deleted = outcome(future)
            say(f"before {offset}: {what} {deleted.low_watermark if deleted else ''}")
    say("watermarks %d %d" % reader(bootstrap, topic).get_watermark_offsets(TopicPartition(topic, 0), 60))


@feature("admin-cluster")
def admin_cluster(say, bootstrap, topic):
    admin = admin_client(bootstrap)
    cluster = admin.describe_cluster().result(20)
    say(f"nodes {' '.join(str(n.id) for n in cluster.nodes)} controller={cluster.controller.id} id={'yes' if cluster.cluster_id else 'no'}")
    what, info = outcome(admin.describe_cluster(include_authorized_operations=True))
    say(f"operations {' '.join(sorted(o.name for o in info.authorized_operations)) if info else what}")
    metadata = admin.list_topics(timeout=60)
    say(f"brokers {sorted(metadata.brokers)} controller={metadata.controller_id}")
    what, _ = outcome(admin.elect_leaders(ElectionType.PREFERRED, None))
    say(f"elect {what}")


@feature("admin-groups")
def admin_groups(say, bootstrap, topic):
    admin = create(bootstrap, topic, 2)
    write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "client.id": "matrix", **QUIET})
    consumer.subscribe([topic])
    read(consumer, 10)
    consumer.commit(asynchronous=False)
    listed = [g for g in admin.list_consumer_groups().result(20).valid if g.group_id == topic]
    say("listed " + " ".join(f"{g.state.name} simple={g.is_simple_consumer_group} type={g.type.name}" for g in listed))
    listed = [g for g in admin.list_consumer_groups(states={ConsumerGroupState.EMPTY}).result(20).valid if g.group_id == topic]
    say(f"listed empty {len(listed)}")

    def describe():
        for future in admin.describe_consumer_groups([topic]).values():
            what, group = outcome(future)
            say(f"described {what}" + (f" {group.state.name} assignor={group.partition_assignor} members=" + " ".join(
                f"{m.client_id} {m.host} {sorted(p.partition for p in m.assignment.topic_partitions)}" for m in group.members)
                if group else ""))
    describe()
    for future in admin.delete_consumer_groups([topic]).values():
        say(f"delete while in use {outcome(future)[0]}")
    consumer.close()
    describe()
    for future in admin.delete_consumer_groups([topic]).values():
        say(f"delete {outcome(future)[0]}")
    for future in admin.delete_consumer_groups([topic]).values():
        say(f"delete again {outcome(future)[0]}")
    describe()


@feature("admin-offsets")
def admin_offsets(say, bootstrap, topic):
    admin = create(bootstrap, topic, 2)
    wanted = ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0, 5), TopicPartition(topic, 1, 0, "text")])
    for future in admin.alter_consumer_group_offsets([wanted]).values():
        what, _ = outcome(future)
        say(f"altered {what}")
    for partitions in (None, [TopicPartition(topic, 0), TopicPartition(topic, 7)]):
        for future in admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(topic, partitions)]).values():
            what, found = outcome(future)
            say(f"listed {what} " + " ".join(f"{p.partition}:{p.offset}" for p in sorted(found.topic_partitions, key=lambda p: p.partition)) if found else f"listed {what}")
    for future in admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("no-" + topic)]).values():
        what, found = outcome(future)
        say(f"unknown group {what} {len(found.topic_partitions) if found else ''}")


@feature("error-topics")
def error_topics(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    for what, wanted in (("exists", NewTopic(topic, 1, 1)), ("no partitions", NewTopic(topic + "-a", 0, 1)),
                         ("negative partitions", NewTopic(topic + "-a", -5, 1)), ("too many replicas", NewTopic(topic + "-a", 1, 3)),
                         ("bad name", NewTopic("a topic with spaces", 1, 1)), ("dots", NewTopic("..", 1, 1)),
                         ("long name", NewTopic("x" * 250, 1, 1)), ("bad broker", NewTopic(topic + "-a", 1, replica_assignment=[[9]]))):
        try:
            for future in admin.create_topics([wanted]).values():
                try:
                    future.result(20)
                    say(f"{what}: ok")
                except KafkaException as error:
                    say(f"{what}: {code(error)} {error.args[0].str().replace(topic, 'TOPIC')}")
        except (ValueError, KafkaException) as error:
            say(f"{what}: client {error}")
    for future in admin.delete_topics(["no-" + topic]).values():
        say(f"delete unknown: {outcome(future)[0]}")
    for future in admin.describe_topics(TopicCollection(["no-" + topic])).values():
        say(f"describe unknown: {outcome(future)[0]}")


@feature("error-configs")
def error_configs(say, bootstrap, topic):
    admin = create(bootstrap, topic)

    def alter(what, resource_type, resource, name, value):
        change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        future = list(admin.incremental_alter_configs([ConfigResource(resource_type, resource, incremental_configs=[change])]).values())[0]
        try:
            future.result(20)
            say(f"{what}: ok")
        except KafkaException as error:
            say(f"{what}: {code(error)} {error.args[0].str().replace(topic, 'TOPIC')}")

    alter("bad number", ResourceType.TOPIC, topic, "retention.ms", "soon")
    alter("out of range", ResourceType.TOPIC, topic, "min.insync.replicas", "0")
    alter("bad word", ResourceType.TOPIC, topic, "cleanup.policy", "keep")
    alter("unknown setting", ResourceType.TOPIC, topic, "no.such.setting", "1")
    alter("unknown topic", ResourceType.TOPIC, "no-" + topic, "retention.ms", "1")
    alter("read-only", ResourceType.BROKER, "1", "node.id", "2")
    for future in admin.create_topics([NewTopic(topic + "-a", 1, 1, config={"retention.ms": "soon"})]).values():
        say(f"at creation: {outcome(future)[0]}")
    for future in admin.create_topics([NewTopic(topic + "-a", 1, 1, config={"nonsense": "1"})]).values():
        say(f"unknown at creation: {outcome(future)[0]}")
    what, _ = outcome(list(admin.describe_configs([ConfigResource(ResourceType.TOPIC, "no-" + topic)]).values())[0])
    say(f"describe unknown: {what}")


@feature("error-produce")
def error_produce(say, bootstrap, topic):
    create(bootstrap, topic, config={"max.message.bytes": "2000"})
    for what, partition, value in (("too large", 0, b"x" * 3000), ("no partition", 5, b"x"), ("fits", 0, b"x" * 1000)):
        try:
            told = write(bootstrap, topic, [(None, value)], partition=partition)
            say(f"{what}: {told[0][0].name() if told[0][0] else 'ok'}")
        except KafkaException as error:
            say(f"{what}: {code(error)}")
    compacted = topic + "-c"
    create(bootstrap, compacted, config={"cleanup.policy": "compact"})
    told = write(bootstrap, compacted, [(None, b"no key")])
    say(f"no key on a compacted topic: {told[0][0].name() if told[0][0] else 'ok'}")
    told = write(bootstrap, "bad name!", [(None, b"x")], message_timeout_ms=3000)
    say(f"bad name: {told[0][0].name() if told[0][0] else 'ok'}")


@feature("error-consume")
def error_consume(say, bootstrap, topic):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest",
                         "allow.auto.create.topics": False, "topic.metadata.propagation.max.ms": 0, **QUIET})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        read(consumer, 1, 2)
        say("unknown topic: no error")
    except KafkaException as error:
        say(f"unknown topic: {code(error)}")
    for name in ("no-" + topic, "bad name!"):
        consumer.subscribe([name])
        try:
            read(consumer, 1)
            say(f"subscribed to {name}: no error")
        except KafkaException as error:
            say(f"subscribed to {name}: {code(error)}")
    try:
        consumer.get_watermark_offsets(TopicPartition("no-" + topic, 0), 5)
        say("watermarks: no error")
    except KafkaException as error:
        say(f"watermarks: {code(error)}")


@feature("error-groups")
def error_groups(say, bootstrap, topic):
    admin = create(bootstrap, topic)
    for future in admin.describe_consumer_groups(["no-" + topic]).values():
        what, group = outcome(future)
        say(f"describe unknown: {what} {group.state.name if group else ''}")
    for future in admin.delete_consumer_groups(["no-" + topic]).values():
        say(f"delete unknown: {outcome(future)[0]}")
    outside = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False, **QUIET})
    try:
        outside.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
        say(f"commit without membership: ok {outside.committed([TopicPartition(topic, 0)], 60)[0].offset}")
    except KafkaException as error:
        say(f"commit without membership: {code(error)}")
    member = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False, **QUIET})
    member.subscribe([topic])
    end = time.monotonic() + 60
    while not member.assignment() and time.monotonic() < end:
        member.poll(0.1)
    try:
        outside.commit(offsets=[TopicPartition(topic, 0, 4)], asynchronous=False)
        say("commit into a group in use: ok")
    except KafkaException as error:
        say(f"commit into a group in use: {code(error)}")
    try:
        outside.commit(offsets=[TopicPartition(topic, 0, 4, "m" * 5000)], asynchronous=False)
        say("large metadata: ok")
    except KafkaException as error:
        say(f"large metadata: {code(error)}")
    member.close()


def setup(bootstrap, topic, partitions, count):
    create(bootstrap, topic, partitions)
    for p in range(partitions):
        write(bootstrap, topic, [(None, b"%d" % i) for i in range(count)], partition=p)


def member(bootstrap, group, topic, options):
    config = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
              "auto.offset.reset": "earliest", **QUIET}
    if options.get("protocol") == "consumer":
        config["group.protocol"] = "consumer"
        if "assignor" in options:
            config["group.remote.assignor"] = options["assignor"]
    else:
        config.update({"session.timeout.ms": int(options.get("session", 1500)), "heartbeat.interval.ms": 300,
                       "partition.assignment.strategy": "cooperative-sticky" if options.get("strategy") == "sticky" else "range"})
    if "instance" in options:
        config["group.instance.id"] = options["instance"]
    consumer = Consumer(config)
    consumer.subscribe([topic])
    last = None
    while not features.stop_asked():
        message = consumer.poll(0.05)
        now = sorted(p.partition for p in consumer.assignment())
        if now != last:
            features.assigned(now)
            last = now
        if message is not None and not message.error():
            tell(f"got {message.partition()} {message.offset()}")
            try:
                consumer.commit(message, asynchronous=False)
            except KafkaException as error:
                tell(f"commit failed {code(error)}")
    consumer.close()
    tell("left")


features.main(setup, member)
