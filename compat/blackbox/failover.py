"""How long writes are not acknowledged when the leader of their partition goes: the process is killed, it is paused, it is cut off.

Each node is the preferred leader of one partition, and led it before each strike. The gap is the longest time between two acknowledgements of the struck
node's partition, from just before the strike until its follower leads.
"""
import glob
import os
import statistics
import time
from bisect import bisect_left
from collections import defaultdict

from confluent_kafka.admin import NewTopic

from checker.history import load, operations
from trial import start_client
from workloads.client import PARTITIONS, TOPIC, key_of
from world.cluster import Cluster
from world.commands import wait_for
from world.faults import FAULTS

STRIKES = {"killed": "kill-leader", "paused": "pause-leader", "cut off": "isolate-leader"}
SETTLE_SECONDS = 60


class Failover:
    def __init__(self, kind, profile, times, folder):
        os.makedirs(f"{folder}/history")
        self.times, self.folder = times, folder
        self.cluster = Cluster(kind, 3, folder, False, profile)
        self.strikes = []  # (how, whether it was the controller, partition, from, to)

    def run(self):
        """{(how, whether the node was the active controller): [gaps in seconds]}"""
        self.cluster.start()
        topic = NewTopic(TOPIC, PARTITIONS, replica_assignment=[[1, 2, 3], [2, 3, 1], [3, 1, 2]])
        self.cluster.admin.create_topics([topic], operation_timeout=20)[TOPIC].result()
        producer = start_client(self.cluster, self.folder, "producer", "producer", "prompt")
        try:
            for how, fault in STRIKES.items():
                for number in range(self.times):
                    self._strike(how, FAULTS[fault], number % 2 == 0)
        finally:
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
            acknowledged = times[key_of(TOPIC, partition)]
            window = acknowledged[bisect_left(acknowledged, began):bisect_left(acknowledged, ended) + 1]
            gaps[how, the_controller].append(max((b - a for a, b in zip(window, window[1:])), default=ended - began) / 1e9)
        return gaps


def table(gaps):
    print(f"{'the leader is':42} {'times':>5} {'median s':>9} {'worst s':>8}")
    for (how, the_controller), seconds in gaps.items():
        name = f"{how}, and is {'the' if the_controller else 'not the'} active controller"
        print(f"{name:42} {len(seconds):5} {statistics.median(seconds):9.2f} {max(seconds):8.2f}", flush=True)
