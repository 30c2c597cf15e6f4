"""Cycles of dependencies between operations.

ww: the second sent what follows, in its partition, what the first sent. wr: the second was given what the first sent.
A cycle of wr alone is never right, of ww alone (G0) always: Kafka does not isolate writers. Mixed ones follow from that.
"""
from collections import defaultdict, deque

from .finding import Finding


def ww_edges(view):
    for key, writers in view.writer_of.items():
        for value, op in writers.items():
            before = writers.get(view.order(key).before(value))
            if before not in (None, op):
                yield before, op, f"{key} {view.order(key).before(value)} before {value}"


def wr_edges(view):
    for key, writers in view.writer_of.items():
        for value, op in writers.items():
            for reader in view.readers_of[key].get(value, ()):
                if reader is not op:
                    yield op, reader, f"{key} {value} was read"


def _graph(edges):
    graph = defaultdict(dict)
    for before, after, why in edges:
        graph[before].setdefault(after, why)
    return graph


def _trim(graph):
    """Leaves the operations that are on a way from a cycle to a cycle: the others have no way in, or none out."""
    while True:
        reached = {after for afters in graph.values() for after in afters}
        kept = {op: {a: why for a, why in afters.items() if a in graph} for op, afters in graph.items() if op in reached}
        kept = {op: afters for op, afters in kept.items() if afters}
        if len(kept) == len(graph) and all(len(kept[op]) == len(graph[op]) for op in kept):
            return kept
        graph = kept


def _shortest(graph, start):
    """The shortest way from an operation back to itself, as its reasons, with the operations on it; or None."""
    came, queue = {}, deque([start])
    while queue:
        op = queue.popleft()
        for after in graph.get(op, {}):
            if after is start:
                return _way(graph, came, start, op)
            if after not in came:
                came[after] = op
                queue.append(after)
    return None


def _way(graph, came, start, op):
    reasons, ops = [graph[op][start]], [op]
    while op is not start:
        before = came[op]
        reasons.append(graph[before][op])
        ops.append(before)
        op = before
    return reasons, ops


def _cycles(anomaly, edges):
    graph, seen = _trim(_graph(edges)), set()
    for start in graph:
        if start not in seen:
            found = _shortest(graph, start)
            if found:
                seen.update(found[1])
                yield Finding(anomaly, "cycle", "; ".join(sorted(found[0])))


def read_cycles(view):
    return _cycles("G1c", wr_edges(view))


def write_cycles(view):
    return _cycles("G0", ww_edges(view))


def mixed_cycles(view):
    return _cycles("G1c-ww", [*ww_edges(view), *wr_edges(view)])


CHECKS = (read_cycles,)
WRITE_CHECKS = write_cycles, mixed_cycles
