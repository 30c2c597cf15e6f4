"""All checks of a history, and which anomalies a workload may have."""
from dataclasses import dataclass

from . import admin, cycles, groups, lag, offsets, steps, transactions, writes
from .finding import Finding
from .order import View

CHECKS = (*writes.CHECKS, *steps.CHECKS, *cycles.CHECKS, *offsets.CHECKS, *groups.CHECKS, *admin.CHECKS, *transactions.CHECKS)

# Writers are not isolated from each other in Kafka: neither are what follows from it.
ALWAYS_ALLOWED = {"int-send-skip", "G0", "G1c-ww"}
# Without idempotence nothing keeps a batch that is still on its way from coming after its successor; nor from being there twice: a leader that is one
# no more says NOT_LEADER_OR_FOLLOWER of what it has written (KAFKA-13574), and librdkafka sends it again, whatever its retries.
NOT_IDEMPOTENT = {"nonmonotonic-send", "int-nonmonotonic-send", "duplicate"}
# A member of a group is given partitions, and starts where another one had committed.
SUBSCRIBED = {"poll-skip", "nonmonotonic-poll"}


# What can be said when all was read to its end alone.
OF_THE_END = {"unseen", "torn-transaction", "unbalanced", "not-copied", "copied-twice"}


@dataclass
class Verdict:
    wrong: list
    allowed: list
    operations: dict  # f -> {ok, fail, info: number}
    worst_lag: object

    @property
    def valid(self):
        return not self.wrong


def findings(ops, write_cycles=False):
    """All anomalies of a history, allowed or not, in order."""
    view = View(ops)
    checks = CHECKS + (cycles.WRITE_CHECKS if write_cycles else ())
    return sorted({finding for check in checks for finding in check(view) if finding})


def judge(ops, allowed=frozenset(), write_cycles=False):
    """The verdict. A history that shows nothing is not a good one."""
    found = findings(ops, write_cycles)
    counts = _counts(ops)
    if not any(count["ok"] for f, count in counts.items() if f not in ("assign", "subscribe", "owns")):
        found.append(Finding("empty", "history", "not one operation was ok"))
    may = ALWAYS_ALLOWED | set(allowed)
    return Verdict([f for f in found if f.anomaly not in may], [f for f in found if f.anomaly in may], counts, lag.worst(ops))


def _counts(ops):
    counts = {}
    for op in ops:
        counts.setdefault(op.f, {"ok": 0, "fail": 0, "info": 0})[op.type] += 1
    return counts
