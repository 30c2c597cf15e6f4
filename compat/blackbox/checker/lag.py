"""How old what a consumer saw was: for each poll and partition the time since its newest offset is known not to have been the last one.

Offsets below one that is known are known too; the estimate is the lowest that is possible. Times are those of the operations, in their unit.
"""


def _newest(op):
    newest = {}
    for pairs in (*op.reads.items(), *op.writes.items()):
        for offset, _ in pairs[1]:
            if offset is not None:
                newest[pairs[0]] = max(newest.get(pairs[0], -1), offset)
    return newest


def _expiries(ops):
    """key -> [when offset i was known to exist]"""
    expired = {}
    for op in ops:
        for key, offset in _newest(op).items():
            known = expired.setdefault(key, [])
            known += [op.ended] * (offset + 1 - len(known))
    return expired


def lags(ops):
    """[(when the poll began, process, key, lag)] in the order of the history."""
    expired, position, found = _expiries(ops), {}, []
    for op in ops:
        if op.type != "ok":
            continue
        at = position.setdefault(op.process, {})
        if op.f == "assign":
            position[op.process] = {key: at.get(key, -1) for key in op.value}
        elif op.f == "subscribe":
            position[op.process] = {}
        elif op.f in ("poll", "txn"):
            for key, offset in _newest(op).items():
                at[key] = max(at.get(key, -1), offset)
            for key, offset in at.items():
                known = expired.get(key, ())
                lag = max(0, op.began - known[offset + 1]) if offset + 1 < len(known) else 0
                found.append((op.began, op.process, key, lag))
    return found


def worst(ops):
    return max(lags(ops), key=lambda lag: lag[3], default=None)
