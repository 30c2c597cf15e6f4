#!/usr/bin/env python3
"""Puts what a client printed in the place of what was recorded of the same features before; the rest of the record stays.

record.py FEATURES OUT EXPECTED: FEATURES are all names, in the order of matrix/features; OUT and EXPECTED are files.
"""
import os
import sys


def lines_of(path):
    found = {}
    for line in open(path, encoding="utf-8") if os.path.exists(path) else ():
        found.setdefault(line.partition(": ")[0], []).append(line)
    return found


def main():
    names, out, expected = sys.argv[1].split(), *sys.argv[2:]
    record = {**lines_of(expected), **lines_of(out)}
    with open(expected, "w", encoding="utf-8") as file:
        for name in names:
            file.writelines(record.get(name, ()))


main()
