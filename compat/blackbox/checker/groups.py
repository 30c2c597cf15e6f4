"""Consumer groups: who owned what, and what became of their commits.

    owns       value {"group": G, "keys": [...]}              what the member has now, all of it; ok, and recorded when it is told
    commit     value {"group": G, "offsets": {key: offset}}   by the member
    committed  value {"group": G, "offsets": {key: offset}}   what the coordinator answers when it is asked; null where there is none

A member that was cut off believes in its partitions for a while, which nobody can prevent; that a commit of such a member is taken can be. So two
owners are told by their commits: one that was asked for after somebody else had been given the partition is not acknowledged.
"""
from collections import defaultdict

from .finding import Finding


def _events(view):
    """(when, what, op): begin of commits and questions, end of what was acknowledged; at one moment ends come first."""
    for op in view.ops:
        if op.f in ("commit", "committed") and op.type == "ok":
            yield op.began, "asked", op
        if op.f in ("commit", "owns") and op.type == "ok":
            yield op.ended, "told", op


def _ordered(view):
    return sorted(_events(view), key=lambda event: (event[0], event[1] == "asked"))


def double_owners(view):
    """A commit is acknowledged though it was asked for while the partition was another member's."""
    owner = {}
    for _, what, op in _ordered(view):
        if op.f == "owns":
            _take(owner, op)
        elif op.f == "commit" and what == "asked":
            for key in op.value["offsets"]:
                having = owner.get((op.value["group"], key))
                if having not in (None, op.process):
                    yield Finding("double-owner", key, f"{op.process} committed for {op.value['group']} while {having} owned it")


def _take(owner, op):
    group = op.value["group"]
    for slot in [slot for slot, process in owner.items() if process == op.process and slot[0] == group]:
        del owner[slot]
    owner.update(((group, key), op.process) for key in op.value["keys"])


def commit_regressions(view):
    """An acknowledged commit is what the coordinator answers from then on, until there is a later one; and commits go forward."""
    floors = defaultdict(lambda: (-1, ""))
    for _, what, op in _ordered(view):
        if op.f == "owns":
            continue
        for key, offset in op.value["offsets"].items():
            slot = op.value["group"], key
            if what == "told":
                floors[slot] = max(floors[slot], (offset, op.process))
            elif (offset if offset is not None else -1) < floors[slot][0]:
                yield _regression(op, key, offset, *floors[slot])


def _regression(op, key, offset, floor, who):
    group = op.value["group"]
    if op.f == "commit":
        return Finding("commit-regression", key, f"{op.process} committed {offset} for {group} after {who} had committed {floor}")
    return Finding("lost-commit", key, f"{op.process} was told {offset} for {group} after {who} had committed {floor}")


def passed_over(view):
    """A group has committed beyond a record that none of its members was given."""
    group_of = {op.process: op.value["group"] for op in view.ops if op.f == "owns"}
    read, committed = defaultdict(set), defaultdict(int)
    for op in view.ops:
        for key, pairs in op.reads.items():
            read[group_of.get(op.process), key].update(value for _, value in pairs)
        if op.f == "commit" and op.type == "ok":
            for key, offset in op.value["offsets"].items():
                slot = op.value["group"], key
                committed[slot] = max(committed[slot], offset)
    for (group, key), end in committed.items():
        missed = [value for offset, values in view.order(key).log if offset < end for value in values - read[group, key]]
        if missed:
            yield Finding("passed-over", key, f"{group} committed {end} and was never given {', '.join(map(str, missed[:8]))}")


CHECKS = double_owners, commit_regressions, passed_over
