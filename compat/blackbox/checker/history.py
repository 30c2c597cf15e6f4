"""A history: what clients asked for, and what they were told.

One event a line, in JSON:

    process  who did it; a process does one thing after the other, but for sends, of which several may be on their way
    op       number of the operation within its process; its invoke and its completion have the same
    type     invoke, then one of ok, fail (surely not done), info (nobody knows)
    f        send, poll, txn; assign, subscribe; and what single workloads add (list-offsets, commit, owns, ...)
    value    of send, poll and txn: micro-operations, below; of others what their checks say
    mono     nanoseconds of the machine's monotonic clock, by which histories of several processes are merged
    wall     milliseconds since 1970
    error    why it is not ok, when it is not
    lost     partitions that were taken from the consumer during this operation

Micro-operations:  ["send", KEY, VALUE]            as it is asked for
                   ["send", KEY, [OFFSET, VALUE]]  as it is answered; OFFSET is null when it is not known
                   ["poll", {KEY: [[OFFSET, VALUE], ...], ...}]

A KEY is a partition, "topic-0". A VALUE is sent once in a whole run, by whoever sends it.
"""
import json
import threading
import time
from dataclasses import dataclass, field


@dataclass(eq=False)
class Op:
    """An operation with its completion; one that was never completed is an info."""
    process: str
    f: str
    type: str
    value: object
    invoked: int  # position of the invocation in the merged history
    began: int = 0  # mono of the invocation
    ended: int = 0  # mono of the completion
    error: str = ""
    lost: tuple = ()
    writes: dict = field(default_factory=dict)  # key -> [(offset or None, value)]
    reads: dict = field(default_factory=dict)  # key -> [(offset, value)]

    def __post_init__(self):
        if self.f in ("send", "txn", "poll"):
            for micro in self.value or ():
                self._take(micro)

    def _take(self, micro):
        if micro[0] == "send":
            _, key, value = micro
            pair = tuple(value) if isinstance(value, (list, tuple)) else (None, value)
            self.writes.setdefault(key, []).append(pair)
        elif len(micro) > 1:
            for key, pairs in micro[1].items():
                self.reads.setdefault(key, []).extend(tuple(pair) for pair in pairs)


def operations(events):
    """Pairs invocations with completions: the operations in the order in which they completed."""
    waiting, done = {}, []
    for position, event in enumerate(events):
        slot = event["process"], event.get("op")
        if event["type"] == "invoke":
            waiting[slot] = position, event
        else:
            done.append(_op(event, *waiting.pop(slot, (position, event))))
    done += [_op({**invoke, "type": "info"}, position, invoke) for position, invoke in waiting.values()]
    return done


def _op(event, position, invoke):
    return Op(event["process"], event["f"], event["type"], event.get("value"), position, invoke.get("mono", 0),
              event.get("mono", 0), event.get("error", ""), tuple(event.get("lost", ())))


def load(paths):
    """The merged events of several files. The last line of a process that was killed may be half there: it is left out."""
    events = []
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            events += [json.loads(line) for line in lines if line.endswith("\n")]
    return sorted(events, key=lambda event: event["mono"])


class Recorder:
    """Writes the history of one process. Its methods may be called by several threads."""

    def __init__(self, path, process):
        self._file = open(path, "w", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()
        self._process, self._op = process, 0

    def invoke(self, f, value=None):
        """Returns the number that the completion has to name."""
        with self._lock:
            self._op += 1
            self._write({"op": self._op, "type": "invoke", "f": f, "value": value})
            return self._op

    def complete(self, op, kind, f, value=None, **more):
        with self._lock:
            self._write({"op": op, "type": kind, "f": f, "value": value, **more})

    def _write(self, event):
        stamps = {"mono": time.monotonic_ns(), "wall": time.time_ns() // 1000000}
        self._file.write(json.dumps({"process": self._process, **event, **stamps}) + "\n")
