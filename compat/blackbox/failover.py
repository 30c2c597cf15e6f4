"""How long writes are not acknowledged when the leader of their partition goes: the process is stopped, killed, paused, cut off; and how long
nothing is administered.

Each node is the preferred leader of one partition, and led it before each strike. The gap is the longest time between two acknowledgements of the struck
node's partition, from just before the strike until its follower leads; and between two changes of a topic's setting.
"""
import glob
import os
import statistics
import threading
import time
from bisect import bisect_left
from collections import defaultdict

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from checker.history import load, operations
from trial import start_client
from workloads.client import PARTITIONS, TOPIC, key_of
from world.cluster import Cluster
from world.commands import wait_for
from world.faults import FAULTS

STRIKES = {"stopped": "stop-leader", "killed": "kill-leader", "paused": "pause-leader", "cut off": "isolate-leader"}
SETTLE_SECONDS = 180
ADMIN_PAUSE_SECONDS = 0.02


class Administrator(threading.Thread):
    """Changes a topic's setting again and again; `done` is when each change was."""

    def __init__(self, bootstrap):
        super().__init__(daemon=True)
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": 2000,
                                  "topic.metadata.refresh.interval.ms": 100})
        self.done, self.goes_on = [], True

    def run(self):
        number = 0
        while self.goes_on:
            number += 1
            entry = ConfigEntry("retention.ms", str(10**9 + number), incremental_operation=AlterConfigOpType.SET)
            resource = ConfigResource(ConfigResource.Type.TOPIC, TOPIC, incremental_configs=[entry])
            try:
                for changed in self.admin.incremental_alter_configs([resource], request_timeout=2).values():
                    changed.result()
                self.done.append(time.monotonic_ns())
            except KafkaException:
                pass
            time.sleep(ADMIN_PAUSE_SECONDS)

    def end(self):
        self.goes_on = False
        self.join()


class Failover:
    def __init__(self, kind, profile, times, folder, strikes):
        os.makedirs(f"{folder}/history")
        self.times, self.folder, self.wanted = times, folder, strikes or list(STRIKES)
        self.cluster = Cluster(kind, 3, folder, False, profile)
        self.strikes = []  # (how, whether it was the controller, partition, from, to)

    def run(self):
        """{(how, whether the node was the active controller): [gaps in seconds]}"""
        self.cluster.start()
        topic = NewTopic(TOPIC, PARTITIONS, replica_assignment=[[1, 2, 3], [2, 3, 1], [3, 1, 2]])
        self.cluster.admin.create_topics([topic], operation_timeout=20)[TOPIC].result()
        producer = start_client(self.cluster, self.folder, "producer", "producer", "prompt")
        self.administrator = Administrator(self.cluster.bootstrap)
        self.administrator.start()
        try:
            for how in self.wanted:
                for number in range(self.times):
                    self._strike(how, FAULTS[STRIKES[how]], number % 2 == 0)
        finally:
            self.administrator.end()
            producer.terminate()
            producer.wait(120)
            self.cluster.close()
        return self._gaps()

    def _settled(self):
        """All in sync, and each node leads its own partition."""
        if not self.cluster.in_sync(TOPIC):
            return False
        leaders = [p.leader for _, p in sorted(self.cluster.describe(TOPIC).items())]
        if leaders == [1, 2, 3]:
            return True
        self.cluster.elect_preferred()
        return False

    def _strike(self, how, fault, the_controller):
        wait_for(SETTLE_SECONDS, "each node leads its own partition again", self._settled)
        controller = self.cluster.controller()
        node = controller if the_controller else next(n for n in self.cluster.nodes if n is not controller)
        partition, began = node.id - 1, time.monotonic_ns()
        with fault(self.cluster, partition):
            wait_for(SETTLE_SECONDS, f"another node leads, {node.id} being {how}", lambda: self._moved(partition, node))
            time.sleep(0.5)  # the first records there
        print(f"{how}: node {node.id}{', the active controller' if the_controller else ''}", flush=True)
        self.strikes.append((how, the_controller, partition, began - 10**8, time.monotonic_ns()))

    def _moved(self, partition, node):
        seen = self.cluster.describe(TOPIC)
        return seen and seen[partition].leader not in (-1, node.id)

    def _gaps(self):
        times = defaultdict(list)
        for op in operations(load(glob.glob(f"{self.folder}/history/*.jsonl"))):
            if op.type == "ok":
                for key in op.writes:
                    times[key].append(op.ended)
        gaps = defaultdict(list)
        for how, the_controller, partition, began, ended in self.strikes:
            gaps[how, the_controller].append((longest(times[key_of(TOPIC, partition)], began, ended),
                                              longest(self.administrator.done, began, ended)))
        return gaps


def longest(times, began, ended):
    """Seconds between two of these times (ns, in their order), from the one to the other."""
    window = times[bisect_left(times, began):bisect_left(times, ended) + 1]
    return max((b - a for a, b in zip(window, window[1:])), default=ended - began) / 1e9


def table(gaps):
    print(f"{'the leader is':42} {'times':>5} {'median s':>9} {'worst s':>8} {'admin median':>13} {'worst':>6}")
    for (how, the_controller), both in gaps.items():
        name = f"{how}, and is {'the' if the_controller else 'not the'} active controller"
        writes, changes = zip(*both)
        print(f"{name:42} {len(both):5} {statistics.median(writes):9.2f} {max(writes):8.2f} {statistics.median(changes):13.2f} "
              f"{max(changes):6.2f}", flush=True)
