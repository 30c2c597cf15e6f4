"""One run: a cluster, the clients of a workload, one fault again and again, and what is found afterwards."""
import glob
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field

from confluent_kafka import KafkaException
from confluent_kafka.admin import NewTopic

import segments
from checker.history import load, operations
from checker.verdict import OF_THE_END, judge
from workloads.client import PARTITIONS, STUCK, key_of
from world.cluster import Cluster
from world.commands import CommandFailed, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
LASTS, QUIET = (0.3, 5), (1.5, 4)  # seconds of a fault, and between two
HEAL_SECONDS = 120
STOP_SECONDS = 60


@dataclass
class Result:
    problems: list = field(default_factory=list)
    faults: int = 0
    done: int = 0  # operations that were ok
    during: int = 0  # of them while a fault lasted
    unknown: int = 0
    longest_gap: float = 0.0  # seconds without an ok
    stuck: list = field(default_factory=list)  # which clients their library held up, and where

    def __str__(self):
        stuck = f", held up by their library: {'; '.join(self.stuck)}" if self.stuck else ""
        return (f"{self.faults} faults, {self.done} ok ({self.during} during faults), {self.unknown} unknown, "
                f"longest gap {self.longest_gap:.2f} s{stuck}")


def start_client(cluster, folder, role, name, argument):
    """A process of workloads/, where clients are; what it says is in FOLDER/NAME.out, its histories in FOLDER/history."""
    words = [sys.executable, "-m", "workloads", role, name, cluster.bootstrap, f"{folder}/history", argument]
    with open(f"{folder}/{name}.out", "wb") as out:
        return subprocess.Popen(cluster.clients.words(*words), cwd=HERE, stdout=out, stderr=out)


class Trial:
    def __init__(self, kind, n_nodes, profile, workload, fault, seconds, folder):
        self.workload, self.fault, self.seconds, self.folder = workload, fault, seconds, folder
        self.result, self.clients, self.spans, self.complete = Result(), [], [], False
        os.makedirs(f"{folder}/history")
        self.cluster = Cluster(kind, n_nodes, folder, fault.disks, {**profile, **fault.settings})

    def run(self):
        """Returns the result. Whatever stops a step is a problem of its own; what can still be looked at is looked at."""
        try:
            self._begin()
            self._harm()
            self._heal()
            self._read_all()
            self._stop_nodes()
            self.complete = True
        except (TimeoutError, AssertionError, KafkaException, CommandFailed) as error:
            self._problem(str(error))
        finally:
            self._note_crashes()
            self._end_clients()
            self.cluster.kill()
            self._judge()
            self.cluster.close()
        return self.result

    def _problem(self, text):
        self.result.problems.append(text)

    # ---- the steps ----

    def _begin(self):
        for node in self.cluster.nodes if self.fault.clock else ():
            node.fake_clock()
        self.cluster.start()
        self._create_topics()
        for number, (role, argument) in enumerate(self.workload.roles, 1):
            self.clients.append(self._client(role, f"{role}{number}", argument))
        wait_for(HEAL_SECONDS, "clients get on", lambda: self._done() >= self.workload.enough)

    def _done(self):
        """How many operations have been ok so far, of those by which it is told whether clients get on."""
        mark, done = f'"type": "ok", "f": "{self.workload.progress}"', 0
        for path in glob.glob(f"{self.folder}/history/*.jsonl"):
            with open(path, encoding="utf-8") as history:
                done += history.read().count(mark)
        return done

    def _create_topics(self):
        topics = [NewTopic(topic, PARTITIONS, self.cluster.replicas) for topic in self.workload.topics]
        for made in self.cluster.admin.create_topics(topics, operation_timeout=60).values():
            made.result()
        wait_for(HEAL_SECONDS, "the topics are there with all their replicas", self._in_sync)

    def _in_sync(self):
        return all(self.cluster.in_sync(topic) for topic in self.workload.topics)

    def _client(self, role, name, argument):
        return start_client(self.cluster, self.folder, role, name, argument)

    def _harm(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not self.cluster.crashed():
            began = time.monotonic_ns()
            with self.fault(self.cluster):
                time.sleep(random.uniform(*LASTS))  # the fault lasts
                self.spans.append((began, time.monotonic_ns()))
            self.result.faults += 1
            time.sleep(random.uniform(*QUIET))  # and the cluster is left alone

    def _heal(self):
        self.cluster.network.heal()
        wait_for(HEAL_SECONDS, "all replicas are in sync after the last fault", self._in_sync)
        for client in self.clients:
            client.terminate()
        for client in self.clients:
            if self._status(client) != 0:
                self._problem(f"a client ended with status {client.returncode}: {' '.join(client.args[-5:-3])}: {self._said(client.args[-4])[-800:]}")

    @staticmethod
    def _status(client):
        """What it ends with; None when it does not."""
        try:
            return client.wait(300)
        except subprocess.TimeoutExpired:
            return None

    def _said(self, name):
        with open(f"{self.folder}/{name}.out", encoding="utf-8") as out:
            return out.read()

    def _read_all(self):
        """From every replica, all that there is."""
        ends = {key_of(*where): offset for topic in self.workload.topics
                for where, offset in self.cluster.ends(topic, PARTITIONS).items()}
        readers = {f"final{node.id}": json.dumps({"rack": f"rack{node.id}", "ends": ends}) for node in self.cluster.nodes}
        self.clients = [self._client("final", name, argument) for name, argument in readers.items()]
        for name, client in zip(readers, self.clients):
            if self._status(client) != 0:
                self._problem(f"{name} ended with status {client.returncode}: {self._said(name)[-800:]}")

    def _stop_nodes(self):
        for node in self.cluster.nodes:
            node.ask_to_stop()
        for node in self.cluster.nodes:
            wrong = node.stop(STOP_SECONDS)
            if wrong and (node.stops_alone or len(self.cluster.nodes) == 1):
                self._problem(wrong)

    # ---- what is found ----

    def _note_crashes(self):
        for node in self.cluster.crashed():
            self._problem(f"node {node.id} ended by itself with status {node.process.returncode}:\n{node.last_words()}")

    def _end_clients(self):
        for client in self.clients:
            if client.poll() is None:
                client.kill()
                client.wait()

    def _judge(self):
        ops = operations(load(glob.glob(f"{self.folder}/history/*.jsonl")))
        # Where not all was read, nor all nodes stopped, nobody has to have seen the end, and replicas may differ at theirs.
        allowed = self.workload.allowed | (set() if self.complete else OF_THE_END)
        self.result.problems += map(str, judge(ops, allowed).wrong)
        for key in self._keys() if self.complete else ():
            folders = glob.glob(f"{self.folder}/node*/disk/data/{key}")
            self.result.problems += segments.compare(folders) if folders else [f"{key} is on no disk"]
        self.result.stuck = [line[len(STUCK):] for path in sorted(glob.glob(f"{self.folder}/*.out"))
                             for line in self._said(os.path.basename(path)[:-4]).splitlines() if line.startswith(STUCK)]
        if len(self.result.stuck) > max(1, self.result.faults):
            self._problem(f"{len(self.result.stuck)} times a client was held up: more often than there were faults")
        self._measure([op for op in ops if op.f == self.workload.progress])

    def _keys(self):
        return [key_of(topic, partition) for topic in self.workload.topics for partition in range(PARTITIONS)]

    def _measure(self, ops):
        times = sorted(op.ended for op in ops if op.type == "ok")
        self.result.done, self.result.unknown = len(times), sum(op.type == "info" for op in ops)
        self.result.during = sum(any(begin <= at <= end for begin, end in self.spans) for at in times)
        self.result.longest_gap = max((b - a for a, b in zip(times, times[1:])), default=0) / 1e9
