#!/usr/bin/env python3
"""Plays one client of the matrix against one cluster and writes what it printed.

drive.py BOOTSTRAP CLIENT OUT MEMBER_OPTIONS FEATURE... -- COMMAND...

The program (COMMAND run BOOTSTRAP RUN FEATURE...) plays its own features; one that does not end in time ends the program, which is
started again with those that are left. The features group-* are played here, with members (COMMAND member ...) that are started,
told to leave and killed. MEMBER_OPTIONS are the words of matrix/clients: what the client's members can do, and `transactions`.

group-restart is played by all clients at once: in the folder $MATRIX_RESTART each says that it is ready, in a file of its name, and goes on
when there is a file `back`: the node has died and come back. Records are written then by the producer of $MATRIX_ODRADEK.
"""
import os
import queue
import signal
import subprocess
import sys
import threading
import time

DEADLINE = float(os.environ.get("MATRIX_DEADLINE", 180))  # seconds a feature of a program may take
PATIENCE = 120  # seconds until members have what they should have


class Lines:
    """A process whose lines come by a queue; None is their end."""

    def __init__(self, command, stdin=None):
        self.process = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
                                        stderr=subprocess.DEVNULL if not os.environ.get("MATRIX_TRACE") else None)
        self.queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.queue.put(line.decode("utf-8", "backslashreplace").rstrip("\n"))
        self.queue.put(None)

    def next(self, timeout):
        return self.queue.get(timeout=max(timeout, 0.001))

    def kill(self):
        """Ends the process, and with it what it has started, without a word."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Member:
    def __init__(self, lines):
        self.lines = lines
        self.assigned = None
        self.changes = 0
        self.got = []
        self.left = False

    def drain(self, patience=0):
        """Takes in what it has printed; of one that has ended all of it, with some patience."""
        while not self.left:
            try:
                line = self.lines.next(patience)
            except queue.Empty:
                return
            if line is None:
                self.left = True
                return
            word, _, rest = line.partition(" ")
            if word == "assigned":
                self.assigned = sorted(int(p) for p in rest.split(",") if p)
                self.changes += 1
            elif word == "got":
                self.got.append(tuple(int(n) for n in rest.split()))

    def leave(self):
        try:
            self.lines.process.stdin.write(b"stop\n")
            self.lines.process.stdin.close()
            self.lines.process.wait(PATIENCE)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.lines.kill()
            return "did not leave"
        self.drain(PATIENCE)
        return "left" if self.lines.process.returncode == 0 else f"status {self.lines.process.returncode}"

    def kill(self):
        self.lines.kill()
        self.drain(PATIENCE)


class Stage:
    """What a group feature has: a topic of some partitions with twenty records each, and members."""

    RECORDS = 20

    def __init__(self, play, name, say, partitions):
        self.play, self.say, self.partitions = play, say, partitions
        self.topic = f"{name}-{play.run}"
        self.members = []
        self.everyone = []
        subprocess.run([*play.command, "setup", play.bootstrap, self.topic, str(partitions), str(self.RECORDS)], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=DEADLINE,
                       stderr=subprocess.DEVNULL if not os.environ.get("MATRIX_TRACE") else None)

    def join(self, **options):
        words = [f"{k}={v}" for k, v in options.items()]
        member = Member(Lines([*self.play.command, "member", self.play.bootstrap, self.topic, self.topic, *words], subprocess.PIPE))
        self.members.append(member)
        self.everyone.append(member)
        return member

    def without(self, member):
        self.members.remove(member)

    def settled(self):
        owned = [m.assigned for m in self.members]
        if any(o is None for o in owned):
            return False
        sizes = [len(o) for o in owned]
        return sorted(p for o in owned for p in o) == list(range(self.partitions)) and max(sizes) - min(sizes) <= 1

    def settle(self, what):
        """Waits until each partition has one owner, evenly, and says who has how many."""
        end = time.monotonic() + PATIENCE
        steady = None
        while time.monotonic() < end:
            for m in self.members:
                m.drain()
            now = self.settled() and [m.assigned for m in self.members]
            if not now or now != steady:
                steady, since = now, time.monotonic()
            elif time.monotonic() - since > 0.3:
                break
            time.sleep(0.02)
        shown = sorted(len(m.assigned) if m.assigned is not None else -1 for m in self.members)
        self.say(f"{what}: {' '.join(map(str, shown))}{'' if self.settled() else ' not settled ' + str([m.assigned for m in self.members])}")

    def owner(self):
        return next((m for m in self.members if m.assigned), self.members[0])

    def write(self, count):
        """More records for the first partition."""
        lines = "".join(f"{i}\n" for i in range(count))
        subprocess.run([os.environ["MATRIX_ODRADEK"], "produce", "--bootstrap-server", self.play.bootstrap, "--topic", self.topic,
                        "--message-send-max-retries", "1000"], check=True, input=lines.encode(), stdout=subprocess.DEVNULL, timeout=DEADLINE)

    def all_read(self, records=RECORDS):
        wanted = {(p, o) for p in range(self.partitions) for o in range(records)}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for m in self.members:
                m.drain()
            read = {r for m in self.everyone for r in m.got}
            if read >= wanted:
                break
            time.sleep(0.02)
        self.say(f"{len(read & wanted)} of {len(wanted)} records were read")

    def end(self):
        for m in self.everyone:
            if m.lines.process.poll() is None:
                m.lines.kill()


def join_and_leave(stage, **options):
    stage.join(**options)
    stage.settle("one member")
    second = stage.join(**options)
    stage.settle("two members")
    stage.join(**options)
    stage.settle("three members")
    stage.without(second)
    stage.say(f"the second {second.leave()}")
    stage.settle("two members")
    stage.all_read()


def die(stage, **options):
    stage.join(**options)
    second = stage.join(**options)
    stage.settle("two members")
    stage.without(second)
    second.kill()
    stage.settle("one was killed")
    stage.all_read()


def static(stage, **options):
    first = stage.join(instance="one", session=60000, **options)
    second = stage.join(instance="two", session=60000, **options)
    stage.settle("two members")
    had, changes = first.assigned, second.changes
    stage.without(first)
    first.kill()
    again = stage.join(instance="one", session=60000, **options)
    stage.settle("the first was killed and came back")
    stage.say(f"to the same partitions: {again.assigned == had}; the second was left alone: {second.changes == changes}")
    stage.all_read()


def sticky(stage, **options):
    first = stage.join(strategy="sticky", **options)
    stage.settle("one member")
    had = set(first.assigned or [])
    stage.join(strategy="sticky", **options)
    stage.settle("two members")
    stage.say(f"what the first has it had before: {set(first.assigned or []) <= had}")
    stage.all_read()


def consumer(stage, **options):
    join_and_leave(stage, protocol="consumer", **options)
    victim = stage.members[-1]
    stage.without(victim)
    victim.kill()
    stage.settle("one was killed")


def migrate(stage, **options):
    first = stage.join(**options)
    stage.settle("one classic member")
    stage.join(protocol="consumer", **options)
    stage.settle("and one of the consumer protocol")
    stage.without(first)
    stage.say(f"the classic member {first.leave()}")
    stage.settle("one member")
    stage.all_read()


def spare(stage, **options):
    stage.join(**options)
    stage.settle("one member")
    stage.join(**options)
    stage.settle("two members of one partition")
    owner = stage.owner()
    stage.without(owner)
    owner.kill()
    stage.settle("its owner was killed")
    stage.all_read()


def restart(stage, **options):
    first = stage.join(**options)
    stage.settle("one member")
    stage.all_read()
    stage.play.node_restarts()
    stage.write(stage.RECORDS)
    stage.say("the node has died and come back")
    stage.all_read(2 * stage.RECORDS)
    second = stage.join(**options)
    stage.settle("two members of one partition")
    stage.without(first)
    stage.say(f"the first {first.leave()}")
    stage.settle("one member")
    stage.say(f"the second read {len(second.got)} of what was committed")


# What members cannot do that lack a word in matrix/clients.
LACKS = {"static": "it has no static members", "sticky": "it has no cooperative or sticky assignor", "consumer": "it does not speak the consumer protocol (KIP-848)"}

# A group feature: how it is played, on how many partitions, and what the client's members must be able to do for it.
GROUPS = {"group-join": (join_and_leave, 4, None), "group-die": (die, 4, None), "group-spare": (spare, 1, None), "group-restart": (restart, 1, None),
          "group-static": (static, 4, "static"), "group-sticky": (sticky, 4, "sticky"), "group-consumer": (consumer, 4, "consumer"),
          "group-migrate": (migrate, 4, "consumer")}


# Features that the programs of some clients alone have: the word of matrix/clients that says so.
SOME = {"transactions": "transactions"}


class Play:
    def __init__(self, bootstrap, client, out, options, command):
        self.bootstrap, self.client, self.command = bootstrap, client, command
        self.run = f"{client}-{os.environ.get('MATRIX_RUN', os.getpid())}"
        self.options = options
        self.out = open(out, "w", encoding="utf-8")

    def write(self, name, line):
        self.out.write(f"{name}: {line}\n".replace(self.run, "RUN"))
        self.out.flush()

    def group(self, name):
        how, partitions, needs = GROUPS[name]
        if needs and needs not in self.options:
            self.write(name, "skip " + LACKS[needs])
            return
        stage = None
        try:
            stage = Stage(self, name, lambda line: self.write(name, line), partitions)
            how(stage)
        except (subprocess.SubprocessError, OSError) as error:
            self.write(name, f"failed {type(error).__name__}")
        finally:
            if stage:
                stage.end()

    def node_restarts(self):
        """Says that this client is ready for it and waits until the node is back."""
        place = os.environ["MATRIX_RESTART"]
        open(os.path.join(place, self.client), "w").close()
        end = time.monotonic() + 300
        while not os.path.exists(os.path.join(place, "back")):
            if time.monotonic() > end:
                raise OSError("the node does not come back")
            time.sleep(0.05)  # between two looks

    def own(self, names):
        """Plays features of the program; returns those that are left when one has hung or ended the program."""
        program = Lines([*self.command, "run", self.bootstrap, self.run, *names])
        left = list(names)
        end = time.monotonic() + DEADLINE
        while left:
            try:
                line = program.next(end - time.monotonic())
            except queue.Empty:
                self.write(left.pop(0), "failed: did not end in time")
                program.kill()
                return left
            if line is None:
                self.write(left.pop(0), f"failed: the program ended with status {program.process.wait()}")
                return left
            name, _, text = line.partition(": ")
            if name != left[0]:
                continue  # what a library prints
            if text == "begin":
                end = time.monotonic() + DEADLINE
            elif text == "done" or text.startswith("skip "):
                if text != "done":
                    self.write(name, text)
                left.pop(0)
                end = time.monotonic() + DEADLINE
            else:
                self.write(name, text)
        try:
            program.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            program.kill()
        return []

    def all(self, names):
        run = []
        for name in names + [None]:
            if name in SOME and SOME[name] not in self.options:
                self.write(name, f"skip its {name} are not played")
                continue
            if name is not None and name not in GROUPS:
                run.append(name)
                continue
            while run:
                run = self.own(run)
            if name is not None:
                self.group(name)


def main():
    split = sys.argv.index("--")
    bootstrap, client, out, options, *names = sys.argv[1:split]
    Play(bootstrap, client, out, options.split(), sys.argv[split + 1:]).all(names)


main()
