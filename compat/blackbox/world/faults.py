"""What is done to a cluster. A fault is a function that does it, yields while it lasts, and mends it. A new one is a function here.

What it needs is said where it is defined: how many nodes, disks that can fail, a clock that can be set, a kernel that has netem.
"""
import random
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field

from .network import can_delay
from .node import FAKETIME

FLUSHED = {"log.flush.interval.messages": 1}  # acknowledged is what is on the disk


@dataclass
class Fault:
    name: str
    apply: object
    nodes: int = 1
    disks: bool = False
    clock: bool = False
    netem: bool = False
    settings: dict = field(default_factory=dict)  # what nodes have to be told so that nothing may be lost

    def lacking(self, n_nodes):
        """Why it cannot be done here, or None."""
        if n_nodes < self.nodes:
            return f"it needs {self.nodes} nodes"
        if self.netem and not can_delay():
            return "this kernel has no netem"
        if self.clock and not FAKETIME:
            return "libfaketime is not installed"
        return None

    @contextmanager
    def __call__(self, cluster, partition=0):
        """Done to the cluster; where it is the leader's, to that of this partition."""
        cluster.struck_partition = partition
        steps = self.apply(cluster)
        next(steps)
        try:
            yield
        finally:
            next(steps, None)


FAULTS = {}


def fault(**needs):
    def add(apply):
        name = apply.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, apply, **needs)
        return apply
    return add


@fault()
def none(_cluster):
    """Nothing at all: what is found then is found without a fault."""
    yield


# ---- processes ----

def _killed(cluster, nodes):
    for node in nodes:
        node.kill()
    yield
    cluster.start()


@fault()
def kill_leader(cluster):
    yield from _killed(cluster, [cluster.leader()])


@fault()
def stop_leader(cluster):
    """As it should be."""
    wrong = cluster.leader().stop()
    if wrong:
        raise AssertionError(wrong)
    yield
    cluster.start()


@fault(nodes=2)
def kill_follower(cluster):
    yield from _killed(cluster, [cluster.follower()])


@fault(nodes=2)
def kill_controller(cluster):
    yield from _killed(cluster, [cluster.controller()])


@fault()
def kill_all(cluster):
    yield from _killed(cluster, cluster.nodes)


@fault()
def restart_each(cluster):
    """One after the other is stopped as it should be, and starts again."""
    for node in cluster.nodes:
        wrong = node.stop()
        if wrong:
            raise AssertionError(wrong)
        node.start()
        node.wait_started()
    yield


def _paused(node):
    node.signal(signal.SIGSTOP)
    yield
    node.signal(signal.SIGCONT)


@fault()
def pause_leader(cluster):
    yield from _paused(cluster.leader())


@fault(nodes=2)
def pause_follower(cluster):
    yield from _paused(cluster.follower())


@fault(nodes=2)
def pause_controller(cluster):
    yield from _paused(cluster.controller())


# ---- the network ----

def _cut(cluster, pairs):
    for one, other in pairs:
        cluster.network.cut(one.place, other.place)
    yield
    cluster.network.heal()


def _between(these, those):
    return [(one, other) for one in these for other in those]


@fault(nodes=2)
def partition_leader(cluster):
    """From the other nodes; clients reach it."""
    leader = cluster.leader()
    yield from _cut(cluster, _between([leader], [node for node in cluster.nodes if node is not leader]))


@fault(nodes=3)
def partition_majority(cluster):
    """Two parts, of which one is a majority; who is in it is chance."""
    nodes = random.sample(cluster.nodes, len(cluster.nodes))
    half = len(nodes) // 2
    yield from _cut(cluster, _between(nodes[:half], nodes[half:]))


@fault(nodes=4)
def partition_ring(cluster):
    """Each reaches its two neighbours."""
    n = len(cluster.nodes)
    yield from _cut(cluster, [(a, b) for a, b in _between(cluster.nodes, cluster.nodes) if a.id < b.id and (b.id - a.id) % n not in (1, n - 1)])


@fault(nodes=3)
def partition_bridge(cluster):
    """Two parts, and one node that reaches both."""
    nodes = random.sample(cluster.nodes, len(cluster.nodes))
    half = (len(nodes) - 1) // 2
    yield from _cut(cluster, _between(nodes[:half], nodes[half + 1:]))


@fault(nodes=2)
def partition_one_way(cluster):
    """The leader hears nobody, and is heard."""
    leader = cluster.leader()
    for node in cluster.nodes:
        if node is not leader:
            leader.place.ignore(node.place)
    yield
    cluster.network.heal()


@fault()
def partition_clients(cluster):
    """Clients do not reach the leader; the other nodes do."""
    cluster.network.cut(cluster.clients, cluster.leader().place)
    yield
    cluster.network.heal()


@fault()
def isolate_leader(cluster):
    """Nobody reaches the leader, whoever watches neither."""
    leader = cluster.leader().place
    for place in cluster.network.places:
        if place is not leader:
            place.ignore(leader)
    leader.ignore_all()
    yield
    cluster.network.heal()


def _everywhere(cluster, harm):
    for place in cluster.network.places:
        harm(place)
    yield
    cluster.network.heal()


@fault()
def lose_packets(cluster):
    percent = random.choice((2, 10, 25))
    yield from _everywhere(cluster, lambda place: place.lose(percent))


@fault()
def reset_connections(cluster):
    yield from _everywhere(cluster, lambda place: place.reset(20))


@fault()
def slow_links(cluster):
    yield from _everywhere(cluster, lambda place: place.slow("1mbit"))


@fault(netem=True)
def delay_packets(cluster):
    yield from _everywhere(cluster, lambda place: place.delay(random.choice((5, 50, 500)), 5))


# ---- disks ----

def _powerless(cluster, nodes):
    for node in nodes:
        node.disk.lose_power()
    for node in nodes:
        node.kill()
    yield
    for node in nodes:
        node.disk.restore_power()
    cluster.start()


@fault(disks=True, settings=FLUSHED)
def power_all(cluster):
    yield from _powerless(cluster, cluster.nodes)


@fault(disks=True, nodes=3)
def power_leader(cluster):
    """One node of those that have a record may lose what it had not synced: with ELR and two in-sync replicas no record is lost (KIP-966)."""
    yield from _powerless(cluster, [cluster.leader()])


@fault(disks=True)
def disk_full(cluster):
    node = cluster.leader()
    node.disk.fill()
    yield
    node.disk.free()
    if node.crashed():
        node.start()
        node.wait_started()


# ---- the machine ----

@fault(clock=True)
def jump_clocks(cluster):
    """Each node's clock is somewhere else, up to ten minutes in either direction."""
    for node in cluster.nodes:
        node.set_clock(random.choice((-600, -10, -1, 1, 10, 600)))
    yield
    for node in cluster.nodes:
        node.set_clock(0)


@fault()
def no_descriptors(cluster):
    """The leader may not open anything more."""
    node = cluster.leader()
    node.limit_descriptors(node.descriptors())
    yield
    node.limit_descriptors(node.allowed_descriptors)


@fault()
def mix(cluster):
    """Each time another one of those which need nothing special; a quarter of the time nothing."""
    plain = [f for f in FAULTS.values() if f.nodes <= len(cluster.nodes) and not (f.disks or f.clock or f.netem) and f.name != "mix"]
    chosen = FAULTS["none"] if random.random() < 0.25 else random.choice(plain)
    with chosen(cluster):
        yield
