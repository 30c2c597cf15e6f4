#!/usr/bin/env python3
"""Plays one client of the matrix against one cluster and writes what it printed.

drive.py BOOTSTRAP CLIENT OUT MEMBER_OPTIONS FEATURE... -- COMMAND...

The program (COMMAND run BOOTSTRAP RUN FEATURE...) plays its own features; one that does not end in time ends the program, which is
started again with those that are left. The features group-* are played here, with members (COMMAND member ...) that are started,
told to leave and killed. MEMBER_OPTIONS are the words of matrix/clients: what the client's members can do.
"""
import os
import queue
import signal
import subprocess
import sys
import threading
import time

DEADLINE = float(os.environ.get("MATRIX_DEADLINE", 30))  # seconds a feature may take


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

    def drain(self):
        while True:
            try:
                line = self.lines.next(0)
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
            self.lines.process.wait(15)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.lines.kill()
            return "did not leave"
        self.drain()
        return "left" if self.lines.process.returncode == 0 else f"status {self.lines.process.returncode}"

    def kill(self):
        self.lines.kill()
        time.sleep(0)
        self.drain()


class Stage:
    """What a group feature has: a topic of four partitions with twenty records each, and members."""

    PARTITIONS, RECORDS = 4, 20

    def __init__(self, play, name, say):
        self.play, self.say = play, say
        self.topic = f"{name}-{play.run}"
        self.members = []
        self.everyone = []
        subprocess.run([*play.command, "setup", play.bootstrap, self.topic, str(self.PARTITIONS), str(self.RECORDS)], check=True,
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
        return sorted(p for o in owned for p in o) == list(range(self.PARTITIONS)) and max(sizes) - min(sizes) <= 1

    def settle(self, what, timeout=20):
        """Waits until each partition has one owner, evenly, and says who has how many."""
        end = time.monotonic() + timeout
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

    def all_read(self):
        wanted = {(p, o) for p in range(self.PARTITIONS) for o in range(self.RECORDS)}
        end = time.monotonic() + 10
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
    first = stage.join(instance="one", session=10000, **options)
    second = stage.join(instance="two", session=10000, **options)
    stage.settle("two members")
    had, changes = first.assigned, second.changes
    stage.without(first)
    first.kill()
    again = stage.join(instance="one", session=10000, **options)
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


# A group feature, how it is played and what the client's members must be able to do for it.
GROUPS = {"group-join": (join_and_leave, None), "group-die": (die, None), "group-static": (static, "static"),
          "group-sticky": (sticky, "sticky"), "group-consumer": (consumer, "consumer"), "group-migrate": (migrate, "consumer")}


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
        how, needs = GROUPS[name]
        if needs and needs not in self.options:
            self.write(name, "skip the client does not have it")
            return
        stage = None
        try:
            stage = Stage(self, name, lambda line: self.write(name, line))
            how(stage)
        except (subprocess.SubprocessError, OSError) as error:
            self.write(name, f"failed {type(error).__name__}")
        finally:
            if stage:
                stage.end()

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
            program.process.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
        return []

    def all(self, names):
        run = []
        for name in names + [None]:
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
