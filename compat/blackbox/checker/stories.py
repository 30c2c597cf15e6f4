"""The checker's own test: histories that somebody has thought of, each with every anomaly that has to be found in it and no other.

    history TEXT               begins one; an event a line follows, each a second after the one before
    wait SECONDS               nothing happens for so long
    PROCESS TYPE F REST        REST: [send KEY VALUE@OFFSET...] and [poll KEY VALUE@OFFSET... KEY ...], JSON, or words, which are a list;
                               `lost KEY...` at the end: partitions that were taken meanwhile
    with write-cycles          dependencies between writers are looked at too
    expect ANOMALY WHERE: ...  one finding, as it is printed
    expect lag PROCESS KEY N   the worst lag of a consumer, in seconds
"""
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import lag
from .history import operations
from .verdict import findings, judge

SECOND = 10**9
FOLDER = Path(__file__).parent.parent / "histories"


@dataclass
class Story:
    name: str
    events: list = field(default_factory=list)
    expected: list = field(default_factory=list)
    write_cycles: bool = False
    seconds: int = -1

    def add(self, line):
        self.seconds += 1
        self.events.append(read_event(line, self.seconds * SECOND))


def read_stories(path):
    stories = []
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if not word or word.startswith("#"):
            continue
        if word == "history":
            stories.append(Story(f"{path.stem}: {rest}"))
        elif word == "expect":
            stories[-1].expected.append(rest)
        elif word == "with":
            stories[-1].write_cycles = True
        elif word == "wait":
            stories[-1].seconds += int(rest)
        else:
            stories[-1].add(line)
    return stories


def read_event(line, time):
    process, kind, f, *rest = line.split(" ", 3)
    text, _, lost = "".join(rest).partition(" lost ")
    return {"process": process, "type": kind, "f": f, "value": read_value(text), "mono": time, "lost": lost.split()}


def read_value(text):
    if text.startswith("["):
        return [read_micro(words.split()) for words in re.findall(r"\[(.*?)\]", text)]
    if text[:1] in "{\"":
        return json.loads(text or "null")
    return text.split()


def read_micro(words):
    if words[0] == "send":
        offset, value = read_pair(words[2])
        return ["send", words[1], value if offset is None else [offset, value]]
    polled, key = {}, None
    for word in words[1:]:
        if "@" in word:
            polled[key].append(read_pair(word))
        else:
            key = word
            polled[key] = []
    return ["poll", polled] if polled else ["poll"]


def read_pair(word):
    value, _, offset = word.partition("@")
    return int(offset) if offset else None, value


def found_in(story):
    ops = operations(story.events)
    found = [str(finding) for finding in findings(ops, story.write_cycles)]
    if any(line.startswith("empty ") for line in story.expected):
        found += [str(finding) for finding in judge(ops).wrong if finding.anomaly == "empty"]
    if any(line.startswith("lag ") for line in story.expected):
        _, process, key, amount = lag.worst(ops)
        found.append(f"lag {process} {key} {amount // SECOND}")
    return found


def check():
    """Tells all stories; returns how many were judged right, and how many wrong, which it prints."""
    passed = failed = 0
    for path in sorted(FOLDER.glob("*.txt")):
        for story in read_stories(path):
            found = found_in(story)
            good = sorted(found) == sorted(story.expected)
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"not ok  {story.name}\n  expected {sorted(story.expected)}\n  found    {sorted(found)}")
    return passed, failed


def main():
    passed, failed = check()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
