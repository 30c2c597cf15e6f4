"""Answers of ListOffsets. Value of a list-offsets operation: {key: latest offset}, the end of what consumers may read.

It is not below what was acknowledged before the question was asked, and not below an earlier answer (KIP-207).
"""
from .finding import Finding


def _floors(ops):
    """(when it was known, key, the latest offset is at least this, why)"""
    for op in ops:
        if op.type == "ok" and op.f == "list-offsets":
            for key, latest in op.value.items():
                yield op.ended, key, latest, f"{op.process} had been told {latest}"
        elif op.type == "ok":
            for key, pairs in op.writes.items():
                for offset, value in pairs:
                    if offset is not None:
                        yield op.ended, key, offset + 1, f"{value} was acknowledged at {offset}"


def _stale(question, floors):
    for key, latest in question.value.items():
        floor, why = floors.get(key, (0, ""))
        if latest < floor:
            yield Finding("stale-list-offsets", key, f"{question.process} was told {latest} though {why}")


def stale_offsets(view):
    """Walks questions by when they were asked, and what is known by when it was."""
    known = sorted(_floors(view.ops), key=lambda floor: floor[0])
    questions = sorted((op for op in view.ops if op.f == "list-offsets" and op.type == "ok"), key=lambda op: op.began)
    floors, position = {}, 0
    for question in questions:
        while position < len(known) and known[position][0] < question.began:
            _, key, floor, why = known[position]
            floors[key] = max(floors.get(key, (0, "")), (floor, why))
            position += 1
        yield from _stale(question, floors)


CHECKS = (stale_offsets,)
