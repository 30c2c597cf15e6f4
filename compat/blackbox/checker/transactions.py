"""Transactions, and what is copied in them.

A value of a bank ends with ":AMOUNT": what a transaction gives to one account it takes from another, in whatever partitions. A value of a topic
"copies" is "ATTEMPT<SOURCE": what was read at the same partition of "history" and written again, with the offset it was read at in the same
transaction.
"""
from .finding import Finding

COPIES, SOURCES = "copies-", "history-"


def torn(view):
    """Of a transaction something was read to the very end, and something was not."""
    for op in view.ops:
        values = [(key, value) for key, pairs in op.writes.items() for _, value in pairs] if op.f == "txn" else []
        missing = [f"{value} of {key}" for key, value in values if value not in view.read[key]]
        if missing and len(missing) < len(values):
            yield Finding("torn-transaction", op.process, f"{', '.join(missing[:8])} was not read, others of it were")


def unbalanced(view):
    """All that was read adds up to nothing."""
    amounts = [int(value.rsplit(":", 1)[1]) for values in view.read.values() for value in values if ":" in str(value)]
    if sum(amounts):
        yield Finding("unbalanced", "bank", f"{len(amounts)} amounts add up to {sum(amounts)}")


def _values(view, key):
    return [str(value) for _, values in view.order(key).log for value in sorted(values, key=str)]


def copies(view):
    """What was copied is what the source begins with, in its order: nothing is passed over, and nothing there twice."""
    for key in sorted(view.orders):
        if not key.startswith(COPIES):
            continue
        place = {value: index for index, value in enumerate(_values(view, SOURCES + key[len(COPIES):]))}
        copied = [value.split("<", 1)[1] for value in _values(view, key)]
        expected = 0
        for value in copied:
            at = place.get(value, -1)
            if at < expected:
                yield Finding("copied-twice", key, f"{value} came again, or before its time")
            elif at > expected:
                yield Finding("not-copied", key, f"{at - expected} before {value} are missing")
            expected = max(expected, at + 1)


CHECKS = torn, unbalanced, copies
