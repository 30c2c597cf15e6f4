"""What has become of the values that were sent. The rules are those of Jepsen's Kafka workload."""
from collections import defaultdict

from .finding import Finding


def inconsistent_offsets(view):
    """Two values at one offset."""
    for key, order in view.orders.items():
        for offset, values in order.log:
            if len(values) > 1:
                yield Finding("inconsistent-offsets", key, f"offset {offset} held " + " and ".join(sorted(map(str, values))))


def aborted_reads(view):
    """A poll was given a value whose sender was told that it failed."""
    for op in view.ops:
        if op.type == "ok":
            for key, pairs in op.reads.items():
                for _, value in pairs:
                    writer = view.writer_of[key].get(value)
                    if writer and writer.type == "fail":
                        yield Finding("aborted-read", key, f"{value}, which {writer.process} failed to send, was read by {op.process}")


def unsent_reads(view):
    """A poll was given a value that nobody sent."""
    for key, values in view.read.items():
        for value in values - view.writer_of[key].keys():
            yield Finding("unsent-read", key, f"{value} was sent by nobody")


def precommitted_reads(view):
    """A transaction was given what itself had sent: it cannot have been committed."""
    for op in view.ops:
        for key, pairs in op.writes.items():
            read = {value for _, value in op.reads.get(key, ())}
            for _, value in pairs:
                if value in read:
                    yield Finding("precommitted-read", key, f"{value} was read by the transaction that sent it")


def lost_writes(view):
    """Somebody read further than this value, and nobody was given it, though it must have been committed.

    A value may have been seen at several offsets, and an offset with several values: it is expected at its last place, and how far has been
    read is where the values that were read were first.
    """
    for key, read in view.read.items():
        order = view.order(key)
        bound = max((order.first[value] for value in read if value in order.first), default=-1)
        for value, last in sorted(order.last.items(), key=lambda item: item[1]):
            writer = view.writer_of[key].get(value)
            if last <= bound and value not in read and writer and view.committed(writer):
                yield Finding("lost-write", key, f"{value} at index {order.first[value]} was read by nobody, index {bound} was")


def duplicates(view):
    """One value at several offsets."""
    for key, order in view.orders.items():
        offsets = defaultdict(list)
        for offset, values in order.log:
            for value in values:
                offsets[value].append(offset)
        for value, places in offsets.items():
            if len(places) > 1:
                yield Finding("duplicate", key, f"{value} at offsets " + ", ".join(map(str, places)))


def unseen(view):
    """Acknowledged, and read by nobody to the very end."""
    for key, values in view.writer_of.items():
        missing = [value for value, op in values.items() if op.type == "ok" and value not in view.read[key]]
        if missing:
            names = ", ".join(map(str, missing[:8]))
            yield Finding("unseen", key, f"{len(missing)} acknowledged and never read: {names}")


CHECKS = inconsistent_offsets, aborted_reads, unsent_reads, precommitted_reads, lost_writes, duplicates, unseen
