"""Some nodes that are one cluster, and a place for clients."""
import os
import random
import re

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from workloads.client import TOPIC

from .commands import CommandFailed, run, wait_for, works
from .disk import Folder, LoopDisk
from .network import Network
from .node import CLIENT_PORT, CONTROLLER_PORT, KINDS, Odradek

# Kafka's own time-outs are for wide networks and long garbage collections. In a short run there shall be many elections.
FAST = {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500, "replica.lag.time.max.ms": 2000,
        "controller.quorum.fetch.timeout.ms": 600, "controller.quorum.election.timeout.ms": 300,
        "replica.fetch.wait.max.ms": 100, "group.min.session.timeout.ms": 1000,
        "group.consumer.min.session.timeout.ms": 1000, "group.consumer.session.timeout.ms": 2000,
        "group.consumer.min.heartbeat.interval.ms": 200, "group.consumer.heartbeat.interval.ms": 300}
SAMPLE = f"{os.environ.get('COMPAT', '.')}/../config/fast-failover.properties"  # what people are given to begin with
OWN = ("process.", "node.", "controller.quorum.voters", "listeners", "advertised.", "controller.listener.", "log.dirs")


def _read(path):
    """Its settings, but for those that each node has of its own."""
    with open(path, encoding="utf-8") as file:
        pairs = [line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#")]
    return {name: value for name, value in pairs if not name.startswith(OWN)}


PROFILES = {"fast": FAST, "default": {}, "sample": _read(SAMPLE)}
CLUSTER_ID = "b1ackboxQk2Zt0dr4dekAA"


class Cluster:
    def __init__(self, kind, n_nodes, folder, loop_disks, settings):
        self.network, self.nodes = Network(), []
        self.replicas = min(3, n_nodes)
        self._admin, self.struck_partition = None, 0
        try:
            self.clients = self.network.join("clients", 100)
            for number in range(1, n_nodes + 1):
                self.nodes.append(self._node(kind, number, folder, loop_disks))
            self.bootstrap = ",".join(f"{node.place.address}:{CLIENT_PORT}" for node in self.nodes)
            self._configure(settings)
        except CommandFailed:  # the next run wants the links
            self.close()
            raise

    def _node(self, kind, number, folder, loop_disks):
        path = f"{folder}/node{number}"
        node = KINDS[kind](number, self.network.join(f"node{number}", number), None, path)
        node.disk = (LoopDisk if loop_disks else Folder)(f"{path}/disk")
        return node

    def _configure(self, settings):
        voters = ",".join(f"{node.id}@{node.place.address}:{CONTROLLER_PORT}" for node in self.nodes)
        enough = 2 if self.replicas > 2 else 1
        settings = {"min.insync.replicas": enough, "transaction.state.log.min.isr": enough, **settings}
        for node in self.nodes:
            node.configure(voters, self.replicas, settings)
            node.format(CLUSTER_ID)

    def start(self):
        for node in self.nodes:
            if not node.expected:
                node.start()
        for node in self.nodes:
            node.wait_started()

    @property
    def admin(self):
        self._admin = self._admin or AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "socket.timeout.ms": 5000,
                                                  "topic.metadata.refresh.interval.ms": 1000})
        return self._admin

    def node(self, number):
        return self.nodes[number - 1]

    # ---- who is what ----

    def describe(self, topic):
        """The partitions of a topic as clients see them, or None when nobody answers."""
        try:
            partitions = self.admin.list_topics(topic, timeout=10).topics[topic].partitions
        except (KafkaException, KeyError):
            return None
        return partitions or None

    def leader(self):
        """The node that leads the partition that is struck, once there is one."""
        def look():
            seen = self.describe(TOPIC)
            leader = seen[self.struck_partition].leader if seen else -1
            return self.node(leader) if leader > 0 else None
        return wait_for(120, f"{TOPIC}-{self.struck_partition} has a leader", look)

    def follower(self):
        leader = self.leader()
        return random.choice([node for node in self.nodes if node is not leader])

    def controller(self):
        """The node whose controller is the active one."""
        def look():
            try:
                said = run(Odradek.program, "quorum", "--bootstrap-server", self.bootstrap, "describe", "--status")
            except CommandFailed:
                return None
            found = re.search(r"LeaderId:\s+(\d+)", said)
            return self.node(int(found.group(1))) if found else None
        return wait_for(120, "there is an active controller", look)

    def in_sync(self, topic):
        """Whether every replica of every partition is in sync."""
        seen = self.describe(topic)
        return bool(seen) and all(p.leader > 0 and sorted(p.isrs) == sorted(p.replicas) for p in seen.values())

    def elect_preferred(self):
        """Whether every partition is led by the first of its replicas from now on."""
        return works(Odradek.program, "leader-election", "--bootstrap-server", self.bootstrap, "--election-type", "preferred",
                     "--all-topic-partitions")

    def ends(self, topic, partitions):
        """How far consumers may read: {(topic, partition): offset}."""
        asked = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(partitions)}
        answers = self.admin.list_offsets(asked, request_timeout=60)
        return {(p.topic, p.partition): answer.result().offset for p, answer in answers.items()}

    # ---- the end ----

    def crashed(self):
        return [node for node in self.nodes if node.crashed()]

    def kill(self):
        for node in self.nodes:
            if node.process and node.process.poll() is None:
                node.kill()

    def close(self):
        self.kill()
        for node in self.nodes:
            node.disk.close()
        self.network.close()
