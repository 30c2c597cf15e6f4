"""The order of each partition, as far as a history shows it.

A log maps offsets to the values that were seen there; of all polls, even those of operations that failed, because what a consumer is given has
to be true in any case; and of sends that must have been committed. An index numbers the offsets that are in use, from 0, so that the gaps which
markers and aborted batches leave do not count.
"""
from collections import defaultdict


class PartitionOrder:
    def __init__(self, log):
        self.log = sorted(log.items())  # [(offset, {values})]
        self.values = [min(values, key=str) for _, values in self.log]  # of several at one offset, one; that is an anomaly of its own
        self.index = {value: index for index, value in enumerate(self.values)}  # of several places the last
        self.place = {offset: index for index, (offset, _) in enumerate(self.log)}
        self.first, self.last = {}, {}  # value -> the first and the last index it was seen at
        for index, (_, values) in enumerate(self.log):
            for value in values:
                self.first.setdefault(value, index)
                self.last[value] = index

    def index_of(self, pair):
        """The index of an (offset, value); None when nobody can tell. A value may be at several offsets."""
        offset, value = pair
        return self.place.get(offset) if offset is not None else self.index.get(value)

    def delta(self, before, after):
        """How many places further on the pair `after` is; 1 when nobody can tell."""
        first, second = self.index_of(before), self.index_of(after)
        return 1 if first is None or second is None else second - first

    def between(self, before, after):
        return self.values[self.index_of(before) + 1:self.index_of(after)]

    def before(self, value):
        """The value in front of this one, or None."""
        index = self.index.get(value, 0)
        return self.values[index - 1] if index > 0 else None


class View:
    """A history with what the checks ask of it again and again."""

    def __init__(self, ops):
        self.ops = ops
        self.by_process = defaultdict(list)
        self.writer_of, self.readers_of = defaultdict(dict), defaultdict(lambda: defaultdict(list))
        self.read = defaultdict(set)  # key -> values of polls that were ok
        for op in ops:
            self.by_process[op.process].append(op)
            self._index(op)
        self.orders = {key: PartitionOrder(log) for key, log in self._logs().items()}

    def _index(self, op):
        for key, pairs in op.writes.items():
            self.writer_of[key].update((value, op) for _, value in pairs)
        for key, pairs in op.reads.items():
            for _, value in pairs:
                self.readers_of[key][value].append(op)
            if op.type == "ok":
                self.read[key].update(value for _, value in pairs)

    def order(self, key):
        return self.orders.get(key) or PartitionOrder({})

    def committed(self, op):
        """Whether what the operation sent must be there: it is ok, or somebody was given a part of it."""
        if op.type != "info":
            return op.type == "ok"
        return any(value in self.read[key] for key, pairs in op.writes.items() for _, value in pairs)

    def _logs(self):
        logs = defaultdict(lambda: defaultdict(set))
        for op in self.ops:
            seen = list(op.reads.items()) + (list(op.writes.items()) if self.committed(op) else [])
            for key, pairs in seen:
                for offset, value in pairs:
                    if offset is not None:
                        logs[key][offset].add(value)
        return logs
