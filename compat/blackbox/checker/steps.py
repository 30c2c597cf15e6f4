"""Steps from one value to the next: within an operation, and from one operation of a process to its next.

A step forward by more than one place is a skip, one that does not go forward is nonmonotonic.
"""
from itertools import pairwise

from .finding import Finding


def _step(view, key, before, after, skip, nonmonotonic):
    """The finding of one step from an (offset, value) to another, or None."""
    order = view.order(key)
    delta = order.delta(before, after)
    if delta > 1 and skip:
        over = order.between(before, after)
        names = ", ".join(map(str, over[:8])) + (f" and {len(over) - 8} more" if len(over) > 8 else "")
        return Finding(skip, key, f"from {before[1]} to {after[1]}, over {names}")
    if delta < 1:
        return Finding(nonmonotonic, key, f"from {before[1]} to {after[1]}, by {delta}")
    return None


def internal_polls(view):
    """Within one operation; a partition that was lost meanwhile may start anywhere."""
    for op in view.ops:
        for key, pairs in op.reads.items():
            if key not in op.lost:
                for before, after in pairwise(pairs):
                    yield _step(view, key, before, after, "int-poll-skip", "int-nonmonotonic-poll")


def internal_sends(view):
    for op in view.ops:
        for key, pairs in op.writes.items():
            for before, after in pairwise(pairs):
                yield _step(view, key, before, after, "int-send-skip", "int-nonmonotonic-send")


def _still_assigned(op, last):
    """What a process remembers of its last operations after it assigned or subscribed."""
    return last if op.type == "fail" else {key: value for key, value in last.items() if key in (op.value or ())}


def external_polls(view):
    """From one operation to the next of the same process. Only an operation that was ok moves its position."""
    for ops in view.by_process.values():
        last = {}
        for op in ops:
            if op.f in ("assign", "subscribe"):
                last = _still_assigned(op, last)
            for key in op.lost:
                last.pop(key, None)
            for key, pairs in op.reads.items():
                if key in last and pairs:
                    yield _step(view, key, last[key], pairs[0], "poll-skip", "nonmonotonic-poll")
            if op.type == "ok":
                last.update((key, pairs[-1]) for key, pairs in op.reads.items() if pairs)


def external_sends(view):
    """What a process sends later is later in the log."""
    for ops in view.by_process.values():
        last = {}
        for op in sorted(ops, key=lambda op: op.invoked):
            if op.f in ("assign", "subscribe"):
                last = _still_assigned(op, last)
            if op.type != "fail":
                for key, pairs in op.writes.items():
                    if key in last:
                        yield _step(view, key, last[key], pairs[0], None, "nonmonotonic-send")
                last.update((key, pairs[-1]) for key, pairs in op.writes.items())


CHECKS = internal_polls, internal_sends, external_polls, external_sends
