"""A bridge, and places around it: each is a network namespace with one address and a link to the bridge.

What goes wrong with a link is decided where packets come in, by nftables; a place has a list of rules, each of which may be there or not. What leaves
a place is slowed down by tc. The bridge has an address too, HUB, for whoever watches.
"""
from .commands import run, works

HUB = "10.99.0.254"


class Network:
    def __init__(self):
        run("mkdir", "-p", "/run/netns")
        run("mount", "-t", "tmpfs", "none", "/run/netns")  # seen in our mount namespace only
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "hub", "type", "bridge")
        run("ip", "address", "add", f"{HUB}/24", "dev", "hub")
        run("ip", "link", "set", "hub", "up")
        self.places = []

    def join(self, name, number):
        place = Place(name, f"10.99.0.{number}")
        self.places.append(place)
        return place

    def cut(self, one, other):
        """Neither hears the other."""
        one.ignore(other)
        other.ignore(one)

    def heal(self):
        for place in self.places:
            place.heal()

    def close(self):
        for place in self.places:
            run("ip", "link", "delete", f"hub-{place.name}")  # the namespace goes when the kernel gets to it, and the next run wants the name
            run("ip", "netns", "delete", place.name)
        run("ip", "link", "delete", "hub")
        run("umount", "/run/netns")


class Place:
    def __init__(self, name, address):
        self.name, self.address, self.rules, self._shaped = name, address, [], False
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"hub-{name}", "type", "veth", "peer", "name", "lan", "netns", name)
        run("ip", "link", "set", f"hub-{name}", "master", "hub", "up")
        self.run("ip", "address", "add", f"{address}/24", "dev", "lan")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "set", "lan", "up")

    def words(self, *words):
        """The command that runs `words` here. It is replaced by them: a process started with it is the process meant."""
        return ["nsenter", f"--net=/run/netns/{self.name}", *words]

    def run(self, *words, text=None):
        return run(*self.words(*words), text=text)

    def ignore(self, other):
        """Nothing that comes from there is heard."""
        self._rule(f"ip saddr {other.address} drop")

    def ignore_all(self):
        self._rule("drop")

    def lose(self, percent):
        self._rule(f"numgen random mod 100 < {percent} drop")

    def reset(self, permille):
        """Some packets are answered with a reset, as by something in between that has forgotten the connection."""
        self._rule(f"meta l4proto tcp numgen random mod 1000 < {permille} reject with tcp reset")

    def _rule(self, rule):
        self.rules.append(rule)
        self._load()

    def _load(self):
        chain = ["chain input {", "type filter hook input priority 0", "iif lo accept", *self.rules, "}"] if self.rules else []
        lines = ["table ip fault", "delete table ip fault", "table ip fault {", *chain, "}"]
        self.run("nft", "-f", "-", text="\n".join(lines) + "\n")

    def slow(self, rate):
        """What goes out and what comes in has a rate, in tc's words."""
        self._shape("tbf", "rate", rate, "burst", "32k", "latency", "400ms")

    def delay(self, milliseconds, jitter):
        self._shape("netem", "delay", f"{milliseconds}ms", f"{jitter}ms")

    def _shape(self, *words):
        self._shaped = True
        self.run("tc", "qdisc", "replace", "dev", "lan", "root", *words)
        run("tc", "qdisc", "replace", "dev", f"hub-{self.name}", "root", *words)

    def heal(self):
        if self.rules:
            self.rules = []
            self._load()
        if self._shaped:
            self._shaped = False
            self.run("tc", "qdisc", "delete", "dev", "lan", "root")
            run("tc", "qdisc", "delete", "dev", f"hub-{self.name}", "root")


def can_delay():
    """Whether this kernel has netem."""
    if not works("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"):
        return False
    run("tc", "qdisc", "delete", "dev", "lo", "root")
    return True
