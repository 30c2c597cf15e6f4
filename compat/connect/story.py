"""What users of Kafka Connect do with the connectors for files; what is printed must be the same on every broker.

    story.py standalone|distributed|exactly-once BOOTSTRAP DIRECTORY JAVA...

JAVA... is what starts a class of Connect.
"""

import json
import os
import signal
import subprocess
import sys

from worker import LIMIT_S, Worker, until, write_properties

mode, bootstrap, directory, *java = sys.argv[1:]
source_file = os.path.join(directory, "in.txt")
sink_file = os.path.join(directory, "out.txt")
SOURCE = {"connector.class": "FileStreamSource", "tasks.max": "1", "file": source_file, "topic": "lines"}
SINK = {"connector.class": "FileStreamSink", "tasks.max": "1", "file": sink_file, "topics": "lines"}
workers = []


def say(*what):
    print(*what, flush=True)


def plain(answer):
    """An answer without what differs from run to run."""
    text = str(answer).replace(directory, "DIR")
    for w in workers:
        text = text.replace(w.url.removeprefix("http://"), "WORKER")
    return text


def start(name, settings, connectors=()):
    kind = "standalone" if mode == "standalone" else "distributed"
    w = Worker(kind, java, directory, name, {"bootstrap.servers": bootstrap, **settings}, connectors)
    workers.append(w)
    return w


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return f.read().splitlines()


def write(first, n):
    with open(source_file, "a") as f:
        f.writelines(f"line {i}\n" for i in range(first, first + n))


def arrived(exactly=True):
    """Waits for all lines that went in. With several tasks they come in any order, after a kill some come twice."""
    there = (lambda: lines(sink_file) == lines(source_file)) if exactly else (lambda: set(lines(sink_file)) >= set(lines(source_file)))
    until("the lines arrive", there)
    return f"{len(lines(source_file))} lines arrived"


def kcat(*args, text=""):
    run = subprocess.run(["kcat", "-E", "-m", "60", "-q", "-b", bootstrap, *args], input=text, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    return run.stdout.splitlines()


def records(topic):
    return kcat("-C", "-t", topic, "-e", "-o", "beginning")


def offsets(w, connector, want):
    """Waits until the position of a connector, in all its partitions, is this; gives it as the worker does."""
    def at():
        answer = w.get(f"/connectors/{connector}/offsets")
        have = [list(o["offset"].values())[0] for o in answer.get("offsets", [])]
        return answer if sum(have) == want else None
    return plain(until(f"{connector} is at {want}", at))


def partitions():
    """How many each topic has, but for the groups' own."""
    topics = json.loads("\n".join(kcat("-L", "-J")))["topics"]
    return {t["topic"]: len(t["partitions"]) for t in sorted(topics, key=lambda t: t["topic"]) if not t["topic"].startswith("__")}


def made(w, name, config):
    """A worker refuses while the group is on its way."""
    def is_so():
        code = w.request("PUT", f"/connectors/{name}/config", config)[0]
        return code if code in (200, 201) else None
    until(f"{name} is made", is_so)


def through(w):
    say("-- a file goes through a topic into another one")
    for c in "source", "sink":
        w.reaches(c, "RUNNING", 1)
    say(arrived(), len(records("lines")), "records")
    say("worker:", w.get("/")["version"], sorted(w.get("/connectors")))
    for c in "source", "sink":
        say(c, "status:", plain(w.get(f"/connectors/{c}/status")))
        say(c, "topics:", w.get(f"/connectors/{c}/topics"))
    say("source offsets:", offsets(w, "source", os.path.getsize(source_file)))
    say("sink offsets:", offsets(w, "sink", 1000))


def pause(w):
    say("-- a paused connector waits")
    say(w.request("PUT", "/connectors/sink/pause"))
    w.reaches("sink", "PAUSED", 1)
    write(1000, 100)
    until("the lines are in the topic", lambda: len(records("lines")) == 1100)
    say(len(lines(sink_file)), "lines while it is paused")
    say(w.request("PUT", "/connectors/sink/resume"))
    say(arrived())


def unreadable(w):
    say("-- what cannot be read goes to a topic of its own")
    kcat("-P", "-t", "mixed", text='{"schema":{"type":"string"},"payload":"good"}\nbad\n{"schema":{"type":"string"},"payload":"again"}\n')
    out = os.path.join(directory, "mixed.txt")
    say(w.request("POST", "/connectors", {"name": "mixed", "config": {
        **SINK, "file": out, "topics": "mixed", "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead",
        "errors.deadletterqueue.topic.replication.factor": "1", "errors.deadletterqueue.context.headers.enable": "true"}})[0])
    until("the good ones", lambda: lines(out) == ["good", "again"])
    say("dead:", until("the dead one", lambda: records("dead")))


def refused(w):
    say("-- what is refused, and what is deleted")
    say(plain(w.request("POST", "/connectors", {"name": "none", "config": {"connector.class": "FileStreamSink"}})))
    say(w.request("DELETE", "/connectors/mixed"))
    say(w.request("GET", "/connectors/mixed"))


def standalone():
    settings = {"offset.storage.file.filename": os.path.join(directory, "offsets")}
    files = [write_properties(os.path.join(directory, n + ".connector"), {"name": n, **c}) for n, c in (("source", SOURCE), ("sink", SINK))]
    write(0, 1000)
    w = start("worker", settings, files).started()
    through(w)
    pause(w)
    w.end()

    say("-- a worker that comes back goes on")
    write(1100, 100)
    w = start("worker", settings, files).started()
    say(arrived())
    say("sink offsets:", offsets(w, "sink", 1200))
    unreadable(w)
    refused(w)
    w.end()


def spread(w, n):
    """Waits until the source's task and the sink's two run, on n workers."""
    def is_so():
        source, sink = w.status("source"), w.status("sink")
        return (source[:2] == ("RUNNING", ["RUNNING"]) and sink[:2] == ("RUNNING", ["RUNNING"] * 2)
                and len(source[2] | sink[2]) == n)
    until(f"{n} workers share", is_so)
    say("3 tasks run on", n)


def set_back(w):
    say("-- offsets are set back")
    say(w.request("PUT", "/connectors/sink/stop"))
    w.reaches("sink", "STOPPED", 0)
    os.remove(sink_file)

    def answer():
        code, said = w.request("DELETE", "/connectors/sink/offsets")
        return said if code == 200 else None
    say(until("the group is empty", answer))
    say(w.request("PUT", "/connectors/sink/resume"))
    spread(w, 1)
    say(arrived(exactly=False), len(lines(sink_file)))


def shared_settings():
    settings = {"group.id": "connect-cluster", "session.timeout.ms": "10000", "heartbeat.interval.ms": "1000", "scheduled.rebalance.max.delay.ms": "0"}
    for what in "config", "offset", "status":
        settings.update({f"{what}.storage.topic": f"connect-{what}", f"{what}.storage.replication.factor": "1"})
    return settings


def distributed():
    settings = shared_settings()
    write(0, 1000)
    a = start("a", settings).started()
    b = start("b", settings).started()

    say("-- two workers share")
    made(a, "source", {**SOURCE, "topic.creation.default.partitions": "4", "topic.creation.default.replication.factor": "1"})
    until("the topic of the lines", lambda: "lines" in partitions())  # which the sink's consumer would make in its own way
    made(b, "sink", {**SINK, "tasks.max": "2"})
    spread(b, 2)
    say("partitions:", partitions())
    say(arrived(exactly=False))

    say("-- one is killed")
    a.end(signal.SIGKILL)
    write(1000, 500)
    spread(b, 1)
    say(arrived(exactly=False))

    say("-- the other one comes back alone")
    b.end()
    write(1500, 500)
    b = start("b", settings).started()
    spread(b, 1)
    say(arrived(exactly=False))
    offsets(b, "source", os.path.getsize(source_file))
    offsets(b, "sink", 2000)
    say("all offsets are committed")
    set_back(b)
    b.end()


def once(n):
    """Waits for the lines to be in the topic; kcat reads what is committed."""
    until("the lines are committed", lambda: len(set(records("lines"))) == n)
    say(len(records("lines")), "records of", n, "lines")


def exactly_once():
    settings = {**shared_settings(), "exactly.once.source.support": "enabled"}
    write(0, 1000)
    a = start("a", settings).started()
    b = start("b", settings).started()
    say("-- lines are written in transactions (KIP-618)")
    made(a, "source", {**SOURCE, "exactly.once.support": "required", "topic.creation.default.partitions": "1",
                       "topic.creation.default.replication.factor": "1"})
    until("the topic of the lines", lambda: "lines" in partitions())
    once(1000)

    say("-- the worker that has the task is killed")
    owner = a.status("source")[2]
    killed, other = (a, b) if a.url.removeprefix("http://") in owner else (b, a)
    write(1000, 500)
    killed.end(signal.SIGKILL)
    write(1500, 500)
    once(2000)
    other.end()


STORIES = {"standalone": standalone, "distributed": distributed, "exactly-once": exactly_once}
try:
    os.makedirs(directory, exist_ok=True)
    STORIES[mode]()
    say("end")
finally:
    for worker in workers:
        if worker.process.poll() is None:
            worker.end(signal.SIGKILL)
