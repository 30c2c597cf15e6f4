"""The matrix through aiokafka. What a program of the matrix does: features.py."""
import asyncio
import logging
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

import features
from features import CODECS, T0, show, show_all, show_record, tell

logging.disable(logging.CRITICAL)
features.ABSENT["eof"] = "its consumer has no event for the end of a partition"


def feature(name):
    """A feature that is a coroutine; what it opened is closed after it."""
    def add(function):
        async def with_closing(*args):
            try:
                await function(*args)
            finally:
                for client in reversed(opened):
                    try:
                        await asyncio.wait_for(close(client), 5)
                    except (KafkaError, asyncio.TimeoutError):
                        pass
                opened.clear()
        features.FEATURES[name] = lambda *args: asyncio.run(with_closing(*args))
        return function
    return add


opened = []


async def close(client):
    await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


async def start(client):
    opened.append(client)
    await client.start()
    return client


async def attempt(awaitable):
    try:
        return "ok", await awaitable
    except (KafkaError, ValueError, AssertionError, TypeError) as error:
        return type(error).__name__, None


async def admin_client(bootstrap):
    return await start(AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="matrix"))


async def create(bootstrap, topic, partitions=1, config=None):
    admin = await admin_client(bootstrap)
    await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=config or {})])
    end = time.monotonic() + 60
    while time.monotonic() < end:  # metadata follows a little after the answer
        seen = (await admin.describe_topics([topic]))[0]
        if len(seen["partitions"]) == partitions and all(p["leader"] >= 0 for p in seen["partitions"]):
            break
        await asyncio.sleep(0.02)
    return admin


async def write(bootstrap, topic, records, partition=0, timestamp=None, **config):
    config.setdefault("max_request_size", 4000000)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, **config)
    await producer.start()
    try:
        told = []
        for i, record in enumerate(records):
            told.append(await producer.send(topic, key=record[0], value=record[1], headers=record[2] if len(record) > 2 else None,
                                            partition=partition, timestamp_ms=None if timestamp is None else timestamp + i))
        return await asyncio.gather(*told, return_exceptions=True)
    finally:
        await producer.stop()


async def reader(bootstrap, topic, offset=0, **config):
    config.setdefault("auto_offset_reset", "earliest")
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, **config)
    consumer.assign([TopicPartition(topic, 0)])
    await start(consumer)
    consumer.seek(TopicPartition(topic, 0), offset)
    return consumer


async def read(consumer, count, timeout=60):
    records = []
    end = time.monotonic() + timeout
    while len(records) < count and time.monotonic() < end:
        for batch in (await consumer.getmany(timeout_ms=200, max_records=count - len(records))).values():
            records += batch
    return records


def plain(records):
    return [(r.offset, r.key, r.value) for r in records]


def acknowledged(told):
    return sum(not isinstance(t, Exception) for t in told)


def codec(name):
    @feature("codec-" + name)
    async def run(say, bootstrap, topic):
        await create(bootstrap, topic)
        told = await write(bootstrap, topic, features.codec_records(), compression_type=None if name == "none" else name)
        say(f"{acknowledged(told)} acknowledged")
        say(show_all(plain(await read(await reader(bootstrap, topic), 200))))


for _name in CODECS:
    codec(_name)


@feature("shapes")
async def shapes(say, bootstrap, topic):
    await create(bootstrap, topic)
    # The client refuses a header without a value.
    told = await write(bootstrap, topic, [(k, v, [h for h in headers if h[1] is not None]) for k, v, headers in features.SHAPES])
    say(f"{acknowledged(told)} acknowledged")
    for r in await read(await reader(bootstrap, topic), len(features.SHAPES)):
        say(show_record(r.offset, r.key, r.value, r.headers))


@feature("large")
async def large(say, bootstrap, topic):
    await create(bootstrap, topic)
    await write(bootstrap, topic, [(b"large", features.large_value())])
    for r in await read(await reader(bootstrap, topic), 1):
        say(show_record(r.offset, r.key, r.value, r.headers))


@feature("timestamps")
async def timestamps(say, bootstrap, topic):
    await create(bootstrap, topic)
    await create(bootstrap, topic + "-append", config={"message.timestamp.type": "LogAppendTime"})
    for name in (topic, topic + "-append"):
        await write(bootstrap, name, [(None, b"%d" % i) for i in range(3)], timestamp=T0)
        for r in await read(await reader(bootstrap, name), 3):
            at = r.timestamp
            say(f"{r.offset} type={r.timestamp_type} {at - T0 if r.timestamp_type == 0 else 'now' if abs(at / 1000 - time.time()) < 60 else at}")


@feature("partitioner")
async def partitioner(say, bootstrap, topic):
    await create(bootstrap, topic, 4)
    told = await write(bootstrap, topic, [(b"key %d" % i, b"v") for i in range(40)], partition=None)
    say(" ".join(str(m.partition) for m in told))


@feature("idempotent")
async def idempotent(say, bootstrap, topic):
    await create(bootstrap, topic)
    told = await write(bootstrap, topic, features.codec_records(), enable_idempotence=True, acks="all")
    say(f"{acknowledged(told)} acknowledged")
    say(show_all(plain(await read(await reader(bootstrap, topic), 200))))


@feature("acks")
async def acks(say, bootstrap, topic):
    await create(bootstrap, topic)
    for wanted in (0, 1, "all"):
        told = await write(bootstrap, topic, [(b"k", b"acks %s" % str(wanted).encode())], acks=wanted)
        say(f"acks={wanted} {'ok' if acknowledged(told) else type(told[0]).__name__}")
    say(show_all(plain(await read(await reader(bootstrap, topic), 3))))


@feature("times")
async def times(say, bootstrap, topic):
    await create(bootstrap, topic)
    await write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)], timestamp=T0)
    consumer = await reader(bootstrap, topic)
    partition = TopicPartition(topic, 0)
    for name, at in (("before", T0 - 5), ("first", T0), ("within", T0 + 4), ("last", T0 + 9), ("after", T0 + 10)):
        found = (await consumer.offsets_for_times({partition: at}))[partition]
        say(f"{name} {found and (found.offset, found.timestamp - T0)}")
    say(f"first {(await consumer.beginning_offsets([partition]))[partition]} end {(await consumer.end_offsets([partition]))[partition]}")
    consumer.seek(partition, (await consumer.offsets_for_times({partition: T0 + 6}))[partition].offset)
    say(show_all(plain(await read(consumer, 4))))


@feature("seek")
async def seek(say, bootstrap, topic):
    await create(bootstrap, topic)
    await write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    consumer = await reader(bootstrap, topic)
    partition = TopicPartition(topic, 0)
    await read(consumer, 10)
    for offset in (5, 0, 9):
        consumer.seek(partition, offset)
        say(f"at {offset}: {show((await read(consumer, 1))[0].value)}")
    await consumer.seek_to_beginning(partition)
    say(f"first: {show((await read(consumer, 1))[0].value)}")
    await consumer.seek_to_end(partition)
    say(f"end: {len(await read(consumer, 1, 0.5))} at {await consumer.position(partition)}")
    consumer.seek(partition, 3)
    consumer.pause(partition)
    say(f"paused: {len(await read(consumer, 1, 0.5))}")
    consumer.resume(partition)
    say(f"resumed: {show((await read(consumer, 1))[0].value)} position {await consumer.position(partition)}")


@feature("reset")
async def reset(say, bootstrap, topic):
    await create(bootstrap, topic)
    await write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    say(f"earliest: {(await read(await reader(bootstrap, topic, 100), 1))[0].offset}")
    late = await reader(bootstrap, topic, 100, auto_offset_reset="latest")
    say(f"latest: {len(await read(late, 1, 1))} read, at {await late.position(TopicPartition(topic, 0))}")
    say(f"none: {(await attempt(read(await reader(bootstrap, topic, 100, auto_offset_reset='none'), 1)))[0]}")


@feature("commit")
async def commit(say, bootstrap, topic):
    await create(bootstrap, topic, 2)
    for p in (0, 1):
        await write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)], partition=p)
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)

    async def join():
        return await start(AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False,
                                            auto_offset_reset="earliest", session_timeout_ms=45000, heartbeat_interval_ms=500))

    first = await join()
    say(f"first run read {len(await read(first, 20))}")
    await first.commit({zero: OffsetAndMetadata(7, "seven"), one: 3})
    say(f"committed {await first.committed(zero)} {await first.committed(one)}")
    await first.stop()
    second = await join()
    say("second run read " + " ".join(f"{p}:{o}" for p, o in sorted((r.partition, r.offset) for r in await read(second, 10))))
    await second.commit()
    await second.stop()
    third = await join()
    say(f"third run read {len(await read(third, 1, 2))}")
    say(f"committed {await third.committed(zero)} {await third.committed(one)}")
    await third.stop()


async def read_all(consumer, count):
    """So many, however long it takes, and what comes behind them within a moment."""
    return await read(consumer, count) + await read(consumer, 1, 1)


async def transactional(bootstrap, name):
    return await start(AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=name, linger_ms=5))


async def begin(producer, topic, count):
    await producer.begin_transaction()
    for i in range(count):
        await producer.send_and_wait(topic, b"%d" % i, partition=0)


async def levels(say, what, bootstrap, topic, committed, everything):
    """What who reads only what is committed sees, and who reads all."""
    for level, count in (("read_committed", committed), ("read_uncommitted", everything)):
        said = await read_all(await reader(bootstrap, topic, isolation_level=level), count)
        say(f"{what}, {level} " + " ".join(str(r.offset) for r in said))


@feature("transactions")
async def transactions(say, bootstrap, topic):
    await create(bootstrap, topic)
    producer = await transactional(bootstrap, topic)
    await begin(producer, topic, 3)
    await producer.commit_transaction()
    await begin(producer, topic, 2)
    await producer.abort_transaction()
    await begin(producer, topic, 2)
    await levels(say, "open", bootstrap, topic, 3, 7)
    await producer.commit_transaction()
    await levels(say, "ended", bootstrap, topic, 5, 7)
    group = await reader(bootstrap, topic, group_id=topic)
    for offset, end in ((5, producer.commit_transaction), (6, producer.abort_transaction)):
        await begin(producer, topic, 1)
        await producer.send_offsets_to_transaction({TopicPartition(topic, 0): offset}, topic)
        await end()
        last = time.monotonic() + 60
        while (at := await group.committed(TopicPartition(topic, 0))) is None and time.monotonic() < last:
            await asyncio.sleep(0.02)  # the transaction is decided before its offsets are the group's
        say(f"committed {at}")
    newer = await transactional(bootstrap, topic)
    what, _ = await attempt(begin(producer, topic, 1))
    say(f"the older one: {what}")
    await begin(newer, topic, 1)
    await newer.commit_transaction()
    await levels(say, "fenced", bootstrap, topic, 7, 10)


@feature("admin-topics")
async def admin_topics(say, bootstrap, topic):
    admin = await admin_client(bootstrap)
    for only in (True, False):
        answer = await admin.create_topics([NewTopic(topic, 3, 1, topic_configs={"retention.ms": "3600000"})], validate_only=only)
        say(f"create {[t[1:3] for t in answer.topic_errors]}")
    end = time.monotonic() + 60
    while topic not in await admin.list_topics() and time.monotonic() < end:
        await asyncio.sleep(0.02)
    say(f"listed {len([t for t in await admin.list_topics() if t.startswith(topic)])}")
    described = (await admin.describe_topics([topic]))[0]
    say(f"described internal={described['is_internal']} " + " ".join(f"{p['partition']}:{p['leader']},{p['replicas']},{p['isr']}" for p in sorted(described["partitions"], key=lambda p: p["partition"])))
    say(f"delete {[t[1] for t in (await admin.delete_topics([topic])).topic_error_codes]}")
    end = time.monotonic() + 60
    while topic in await admin.list_topics() and time.monotonic() < end:
        await asyncio.sleep(0.02)
    say(f"left {len([t for t in await admin.list_topics() if t.startswith(topic)])}")


async def describe(admin, kind, name, keys):
    answers = await admin.describe_configs([ConfigResource(kind, name, dict.fromkeys(keys))])
    return " ".join(f"{r[0]} " + " ".join(str(tuple(c)[:5]) for c in sorted(r[4])) for a in answers for r in a.resources)


@feature("admin-configs")
async def admin_configs(say, bootstrap, topic):
    admin = await create(bootstrap, topic, config={"retention.ms": "3600000"})
    say(await describe(admin, ConfigResourceType.TOPIC, topic, ["retention.ms", "cleanup.policy", "max.message.bytes"]))
    answers = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": "compact"})])
    say(f"altered {[tuple(r)[:2] for a in answers for r in a.resources]}")
    end = time.monotonic() + 60
    while "'cleanup.policy', 'delete'" in await describe(admin, ConfigResourceType.TOPIC, topic, ["cleanup.policy"]) and time.monotonic() < end:
        await asyncio.sleep(0.02)  # what a broker shows follows a little after the answer
    say(await describe(admin, ConfigResourceType.TOPIC, topic, ["retention.ms", "cleanup.policy"]))
    say(await describe(admin, ConfigResourceType.BROKER, "1", ["node.id", "num.partitions", "log.retention.hours"]))


@feature("admin-partitions")
async def admin_partitions(say, bootstrap, topic):
    admin = await create(bootstrap, topic, 2)
    for count in (4, 2, 4, 5):
        say(f"{count}: {(await attempt(admin.create_partitions({topic: NewPartitions(count)})))[0]}")
    say(f"unknown: {(await attempt(admin.create_partitions({'no-' + topic: NewPartitions(4)})))[0]}")
    end = time.monotonic() + 60
    while len((await admin.describe_topics([topic]))[0]["partitions"]) < 5 and time.monotonic() < end:
        await asyncio.sleep(0.02)
    say(f"has {len((await admin.describe_topics([topic]))[0]['partitions'])}")


@feature("admin-records")
async def admin_records(say, bootstrap, topic):
    admin = await create(bootstrap, topic)
    await write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    partition = TopicPartition(topic, 0)
    for offset in (4, -1, 99):
        what, answer = await attempt(admin.delete_records({partition: RecordsToDelete(offset)}))
        say(f"before {offset}: {what} {answer and answer[partition]}")
    consumer = await reader(bootstrap, topic)
    say(f"first {(await consumer.beginning_offsets([partition]))[partition]} end {(await consumer.end_offsets([partition]))[partition]}")


@feature("admin-cluster")
async def admin_cluster(say, bootstrap, topic):
    cluster = await (await admin_client(bootstrap)).describe_cluster()
    say(f"brokers {[b['node_id'] for b in cluster['brokers']]} controller={cluster['controller_id']}")


@feature("admin-groups")
async def admin_groups(say, bootstrap, topic):
    admin = await create(bootstrap, topic, 2)
    await write(bootstrap, topic, [(None, b"%d" % i) for i in range(10)])
    consumer = await start(AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False,
                                            auto_offset_reset="earliest", client_id="matrix"))
    await read(consumer, 10)
    await consumer.commit()
    say(f"listed {[g[1:] for g in await admin.list_consumer_groups() if g[0] == topic]}")

    async def described():
        for answer in await admin.describe_consumer_groups([topic]):
            for error, group, state, kind, protocol, members, *_ in answer.groups:
                say(f"described {error} {state} {kind} {protocol} {[(m[1], m[2]) if isinstance(m[2], str) else m[2:4] for m in members]}")
    await described()
    found = await admin.list_consumer_group_offsets(topic)
    say(f"offsets {sorted((p.partition, o.offset, o.metadata) for p, o in found.items())}")
    await consumer.stop()
    await described()


@feature("admin-offsets")
async def admin_offsets(say, bootstrap, topic):
    admin = await create(bootstrap, topic, 2)
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    outside = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False)
    outside.assign([zero, one])
    await start(outside)
    await outside.commit({zero: OffsetAndMetadata(5, "five"), one: 0})

    async def listed(group, partitions=None):
        what, found = await attempt(admin.list_consumer_group_offsets(group, partitions=partitions))
        say(f"listed {what} {sorted((p.partition, o.offset, o.metadata) for p, o in (found or {}).items())}")
    await listed(topic)
    await listed(topic, [zero, TopicPartition(topic, 7)])
    await listed("no-" + topic)


@feature("error-topics")
async def error_topics(say, bootstrap, topic):
    admin = await create(bootstrap, topic)
    for what, wanted in (("exists", NewTopic(topic, 1, 1)), ("no partitions", NewTopic(topic + "-a", 0, 1)),
                         ("too many replicas", NewTopic(topic + "-a", 1, 3)), ("no replicas", NewTopic(topic + "-a", 1, 0)),
                         ("bad name", NewTopic("a topic with spaces", 1, 1)), ("dots", NewTopic("..", 1, 1)),
                         ("long name", NewTopic("x" * 250, 1, 1)),
                         ("bad broker", NewTopic(topic + "-a", -1, -1, replica_assignments={0: [9]}))):
        came, answer = await attempt(admin.create_topics([wanted]))
        say(f"{what}: {came} {[(t[1], str(t[2]).replace(topic, 'TOPIC')) for t in answer.topic_errors] if answer else ''}")
    came, answer = await attempt(admin.delete_topics(["no-" + topic]))
    say(f"delete unknown: {came} {[t[1] for t in answer.topic_error_codes] if answer else ''}")
    say(f"describe unknown: {(await admin.describe_topics(['no-' + topic]))[0]['error_code']}")


@feature("error-configs")
async def error_configs(say, bootstrap, topic):
    admin = await create(bootstrap, topic)
    for what, name, key, value in (("bad number", topic, "retention.ms", "soon"), ("out of range", topic, "min.insync.replicas", "0"),
                                   ("bad word", topic, "cleanup.policy", "keep"), ("unknown setting", topic, "no.such.setting", "1"),
                                   ("unknown topic", "no-" + topic, "retention.ms", "1")):
        came, answers = await attempt(admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {key: value})]))
        say(f"{what}: {came} {[(r[0], str(r[1]).replace(topic, 'TOPIC')) for a in answers for r in a.resources] if answers else ''}")
    say(f"describe unknown: {await describe(admin, ConfigResourceType.TOPIC, 'no-' + topic, ['retention.ms'])}")


@feature("error-produce")
async def error_produce(say, bootstrap, topic):
    await create(bootstrap, topic, config={"max.message.bytes": "2000"})
    for what, partition, value in (("too large", 0, b"x" * 3000), ("fits", 0, b"x" * 1000)):
        told = await write(bootstrap, topic, [(None, value)], partition=partition)
        say(f"{what}: {'ok' if acknowledged(told) else type(told[0]).__name__}")
    await create(bootstrap, topic + "-c", config={"cleanup.policy": "compact"})
    told = await write(bootstrap, topic + "-c", [(None, b"no key")])
    say(f"no key on a compacted topic: {'ok' if acknowledged(told) else type(told[0]).__name__}")


@feature("error-consume")
async def error_consume(say, bootstrap, topic):
    admin = await create(bootstrap, topic)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, request_timeout_ms=2000)
    consumer.assign([TopicPartition(topic, 0)])
    await start(consumer)
    say(f"offsets of a partition that is not there: {(await attempt(consumer.beginning_offsets([TopicPartition(topic, 7)])))[0]}")
    say(f"bad name: {(await admin.describe_topics(['bad name!']))[0]['error_code']}")


@feature("error-groups")
async def error_groups(say, bootstrap, topic):
    admin = await create(bootstrap, topic)
    for answer in await admin.describe_consumer_groups(["no-" + topic]):
        say(f"describe unknown: {[tuple(g)[:1] + tuple(g)[2:6] for g in answer.groups]}")
    partition = TopicPartition(topic, 0)
    outside = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False)
    outside.assign([partition])
    await start(outside)
    say(f"commit without membership: {(await attempt(outside.commit({partition: 3})))[0]} {await outside.committed(partition)}")
    member_ = await start(AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=topic, enable_auto_commit=False))
    end = time.monotonic() + 60
    while not member_.assignment() and time.monotonic() < end:
        await member_.getmany(timeout_ms=100)
    say(f"commit into a group in use: {(await attempt(outside.commit({partition: 4})))[0]}")
    say(f"large metadata: {(await attempt(member_.commit({partition: OffsetAndMetadata(4, 'm' * 5000)})))[0]}")
    await member_.stop()


def setup(bootstrap, topic, partitions, count):
    async def go():
        await create(bootstrap, topic, partitions)
        for p in range(partitions):
            await write(bootstrap, topic, [(None, b"%d" % i) for i in range(count)], partition=p)
    asyncio.run(go())


def member(bootstrap, group, topic, options):
    async def go():
        config = {"session_timeout_ms": int(options.get("session", 1500)), "heartbeat_interval_ms": 300, "rebalance_timeout_ms": 3000}
        config["partition_assignment_strategy"] = [StickyPartitionAssignor if options.get("strategy") == "sticky" else RangePartitionAssignor]
        if "instance" in options:
            config["group_instance_id"] = options["instance"]
        consumer = await start(AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
                                                auto_offset_reset="earliest", **config))
        last = None
        while not features.stop_asked():
            got = await consumer.getmany(timeout_ms=50)
            now = sorted(p.partition for p in consumer.assignment())
            if now != last:
                features.assigned(now)
                last = now
            for partition, records in got.items():
                for record in records:
                    tell(f"got {partition.partition} {record.offset}")
                what, _ = await attempt(consumer.commit({partition: records[-1].offset + 1}))
                if what != "ok":
                    tell(f"commit failed {what}")
        await consumer.stop()
        tell("left")
    asyncio.run(go())


features.main(setup, member)
