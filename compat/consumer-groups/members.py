"""Members of a consumer group with librdkafka: the same story on every broker must print the same.

	members.py BOOTSTRAP             tells the story
	members.py BOOTSTRAP member ID   one member, which prints its assignment whenever it changes, until it is killed
"""
import subprocess
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

BOOTSTRAP = sys.argv[1]
GROUP = 'rd'


def consumer(**more):
    settings = {'bootstrap.servers': BOOTSTRAP, 'group.id': GROUP, 'group.protocol': 'consumer', 'auto.offset.reset': 'earliest',
                'enable.auto.commit': False}
    settings.update(more)
    return Consumer(settings)


def member():
    c = consumer()
    c.subscribe(['eight'])
    last = None
    while True:
        c.poll(0.05)
        now = sorted(p.partition for p in c.assignment())
        if now != last:
            print(','.join(map(str, now)), flush=True)
            last = now


class Member:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, __file__, BOOTSTRAP, 'member'], stdout=subprocess.PIPE, text=True)
        import os
        os.set_blocking(self.process.stdout.fileno(), False)
        self.has = []

    def look(self):
        line = self.process.stdout.readline()
        while line:
            self.has = [int(p) for p in line.strip().split(',') if p]
            line = self.process.stdout.readline()
        return self.has


def until(what, members, sizes):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        has = [m.look() for m in members]
        if sorted(map(len, has)) == sizes and len(set(sum(has, []))) == sum(sizes):
            print(f'{what}: {sizes}', flush=True)
            return
        time.sleep(0.02)  # between two looks
    print(f'TOO LONG: {what}: {has}', flush=True)


def describe(admin, what):
    d = admin.describe_consumer_groups([GROUP])[GROUP].result()
    print(f'{what}: {d.state.name} {d.type.name} {d.partition_assignor} members={len(d.members)} '
          f'partitions={sum(len(m.assignment.topic_partitions) for m in d.members)} '
          f'targets={sum(len(m.target_assignment.topic_partitions) if m.target_assignment else 0 for m in d.members)}', flush=True)


def story():
    admin = AdminClient({'bootstrap.servers': BOOTSTRAP})
    admin.create_topics([NewTopic('eight', 8, 1)])['eight'].result()
    for setting in ('consumer.session.timeout.ms', '5000'), ('consumer.heartbeat.interval.ms', '300'):
        r = ConfigResource(ResourceType.GROUP, GROUP,
                           incremental_configs=[ConfigEntry(setting[0], setting[1], incremental_operation=AlterConfigOpType.SET)])
        admin.incremental_alter_configs([r])[r].result()
    p = Producer({'bootstrap.servers': BOOTSTRAP})
    for i in range(80):
        p.produce('eight', f'v{i}', partition=i % 8)
    p.flush()
    members = [Member()]
    until('one', members, [8])
    members += [Member(), Member()]
    until('three', members, [2, 3, 3])
    describe(admin, 'three')
    members.pop(0).process.kill()
    until('one was killed', members, [4, 4])
    members.append(Member())
    until('another came', members, [2, 3, 3])
    for m in members:
        m.process.kill()
        m.process.wait()
    end = time.monotonic() + 60
    while admin.describe_consumer_groups([GROUP])[GROUP].result().members and time.monotonic() < end:
        time.sleep(0.05)  # between two looks
    describe(admin, 'all were killed')
    c = consumer(**{'group.remote.assignor': 'range'})
    c.subscribe(['^eig.*'])
    got = []
    end = time.monotonic() + 60
    while len(got) < 80 and time.monotonic() < end:
        m = c.poll(0.1)
        if m and not m.error():
            got.append(m.value())
    print(f'by a pattern: {len(got)} {len(set(got))}')
    c.commit(asynchronous=False)
    describe(admin, 'by a pattern')
    print('committed:', sorted(p.offset for p in c.committed([TopicPartition('eight', i) for i in range(8)])))
    c.close()
    describe(admin, 'closed')
    print('end')


member() if len(sys.argv) > 2 else story()
