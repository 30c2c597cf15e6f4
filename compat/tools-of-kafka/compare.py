#!/usr/bin/env python3
"""Holds what the tools printed against Apache Kafka and against Odradek against each other, command by command.

compare.py KAFKA ODRADEK KNOWN. A line of KNOWN: command (an extended regular expression), line (the same), reason, with tabs between.
"""
import difflib
import re
import sys


def sections(path):
    out, current = [], None
    for line in open(path, encoding="utf-8", errors="backslashreplace"):
        line = line.rstrip("\n")
        if line.startswith("== "):
            current = [line[3:], []]
            out.append(current)
        elif current:
            current[1].append(line)
    return out


def main():
    kafka, odradek = sections(sys.argv[1]), sections(sys.argv[2])
    rules = [line.rstrip("\n").split("\t") for line in open(sys.argv[3], encoding="utf-8") if line.strip() and not line.startswith("#")]
    used, needed, bad, equal = {}, set(), 0, 0
    if [c for c, _ in kafka] != [c for c, _ in odradek] or not kafka:
        sys.exit("the commands are not the same on both sides")
    for (command, wanted), (_, got) in zip(kafka, odradek):
        # Lists come in the order of a hash table: what counts is which lines there are.
        lines = [line for line in difflib.ndiff(sorted(wanted), sorted(got)) if line[:2] in ("- ", "+ ")]
        unknown = []
        for line in lines:
            rule = next((n for n, (c, p, _) in enumerate(rules) if re.search(c, command) and re.search(p, line[2:])), None)
            if rule is None:
                unknown.append(line)
            else:
                needed.add(rule)
                used.setdefault(rules[rule][2], []).append(command)
        if unknown:
            bad += 1
            print(f"differs: {command}")
            for line in unknown[:30]:
                print(f"    {'kafka  ' if line[0] == '-' else 'odradek'} {line[2:][:400]}")
        elif not lines:
            equal += 1
    for reason, commands in used.items():
        print(f"known: {reason} ({len(set(commands))} commands, {len(commands)} lines)")
    for n, (command, _, reason) in enumerate(rules):
        if n not in needed and any(re.search(command, c) for c, _ in kafka):
            bad += 1
            print(f"no longer differs: {command}: {reason}")
    print(f"{equal} of {len(kafka)} commands print the same, {len(kafka) - equal - bad} differ for a known reason, {bad} differ")
    sys.exit(1 if bad else 0)


main()
