#!/usr/bin/env python3
"""The table client x feature, and the differences with their reasons.

table.py FEATURES KNOWN EXPECTED OUT CLIENT=REASON_OF_A_SKIP...

FEATURES are the names of those that were asked for. OUT/CLIENT.txt is what a client printed here, EXPECTED/CLIENT.txt what it printed on
Apache Kafka. A cell is green when both are equal, red when they are not and no line of KNOWN explains it, yellow when one does. The last
line is the count.
"""
import difflib
import os
import re
import sys

MARKS = {"ok": ("32", "+"), "known": ("33", "~"), "bad": ("31", "X"), "skip": ("2", ".")}


def lines_of(path):
    found = {}
    for line in open(path, encoding="utf-8"):
        name, _, text = line.rstrip("\n").partition(": ")
        found.setdefault(name, []).append(text)
    return found


def known_of(path):
    rules = []
    for line in open(path, encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            client, feature, pattern, reason = line.rstrip("\n").split("\t")
            rules.append((re.compile(client), re.compile(feature), re.compile(pattern), reason))
    return rules


def difference(client, feature, wanted, got, rules):
    """Lines that differ, each with the reason or None."""
    out = []
    for line in difflib.ndiff(wanted, got):
        if line[:2] in ("- ", "+ "):
            reason = next((r for c, f, p, r in rules if c.fullmatch(client) and f.fullmatch(feature) and p.search(line[2:])), None)
            out.append(("kafka  " if line[0] == "-" else "here   ", line[2:], reason))
    return out


def cell(client, feature, expected, out, rules):
    wanted, got = expected.get(feature), out.get(feature)
    if got is None:
        return "bad", [("here   ", "nothing was printed", None)]
    if wanted is None:
        return "bad", [("here   ", "not recorded on Apache Kafka", None)]
    if wanted == got:
        return ("skip" if got[0].startswith("skip ") else "ok"), []
    found = difference(client, feature, wanted, got, rules)
    return ("known" if all(reason for _, _, reason in found) else "bad"), found


def show(kind):
    colour, mark = MARKS[kind]
    return f"\x1b[{colour}m{mark}\x1b[0m" if sys.stdout.isatty() else mark


def main():
    features, known_file, expected_dir, out_dir, *skips = sys.argv[1:]
    skipped = dict(s.split("=", 1) for s in skips)
    rules = known_of(known_file)
    names = features.split()
    clients = [f[:-4] for f in sorted(os.listdir(out_dir)) if f.endswith(".txt")]
    cells, details = {}, []
    for client in clients:
        out = lines_of(f"{out_dir}/{client}.txt")
        recorded = f"{expected_dir}/{client}.txt"
        expected = lines_of(recorded) if os.path.exists(recorded) else {}
        for name in names:
            cells[client, name], found = cell(client, name, expected, out, rules)
            details += [(client, name, *f) for f in found]
    width = max(len(n) for n in names)
    for i, client in enumerate(clients):
        print(" " * width + "  " + "| " * i + client)
    print(" " * width + "  " + "| " * len(clients))
    for name in names:
        print(f"{name:{width}}  " + " ".join(show(cells[client, name]) for client in clients))
    print("\n+ equal to Apache Kafka   X differs   ~ differs for a known reason   . the client does not have it")
    for client, reason in skipped.items():
        print(f"skipped {client}: {reason}")
    unexplained = [d for d in details if not d[4]]
    if unexplained:
        print("\ndiffers:")
        for client, name, side, line, _ in unexplained:
            print(f"  {client:20} {name:16} {side} {line[:400]}")
    if len(details) > len(unexplained):
        print("\ndiffers for a known reason:")
        for reason in dict.fromkeys(d[4] for d in details if d[4]):
            where = sorted({f"{d[0]}/{d[1]}" for d in details if d[4] == reason})
            print(f"  {reason}\n      {' '.join(where)}")
    count = [list(cells.values()).count(k) for k in ("ok", "known", "bad", "skip")]
    print(f"\n{count[0]} equal, {count[1]} differ for a known reason, {count[3]} the client does not have")
    print(f"{count[0] + count[1]} passed, {count[2]} failed, {len(skipped)} skipped")
    sys.exit(1 if count[2] or not count[0] else 0)


main()
