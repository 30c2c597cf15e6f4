"""The command line; `run` starts it in namespaces of its own."""
import argparse
import os
import random
import shutil
import sys
import time
import traceback

from checker import stories
from failover import STRIKES, Failover, table
from trial import Result, Trial
from workload import WORKLOADS
from world.cluster import PROFILES
from world.commands import CommandFailed
from world.faults import FAULTS

# A workload with each kind of fault, in about three minutes.
SHORT = [("idempotent", "kill-leader"), ("acks", "pause-leader"), ("groups", "kill-leader"), ("list-offsets", "kill-leader"),
         ("idempotent", "power-all"), ("idempotent", "disk-full"), ("bank", "kill-leader"), ("copier", "kill-leader"), ("admin", "restart-each"), ("idempotent", "reset-connections")]


class Tally:
    """Counts runs, prints a line for each, and keeps the folders of those that went wrong."""

    def __init__(self, options):
        self.options, self.passed, self.failed, self.skipped, self.rows = options, 0, 0, 0, {}

    def run(self, workload, fault):
        name = f"{workload} with {fault}"
        lacking = FAULTS[fault].lacking(self.options.nodes)
        if lacking:
            self.skipped += 1
            print(f"skipped {name}: {lacking}", flush=True)
            return
        folder = f"{self.options.folder}/{workload}-{fault}-{self.passed + self.failed}"
        began = time.monotonic()
        o = self.options
        try:
            result = Trial(o.kind, o.nodes, PROFILES[o.profile], WORKLOADS[workload], FAULTS[fault], o.seconds, folder).run()
        except CommandFailed as error:  # no cluster could be set up
            result = Result([str(error)])
        self._count(name, folder, result, time.monotonic() - began)

    def _count(self, name, folder, result, took):
        good = not result.problems
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        self.rows.setdefault(name, []).append(result)
        print(f"{'ok     ' if good else 'not ok '} {name}: {result}, {took:.0f} s in all", flush=True)
        for problem in result.problems:
            print(f"        {problem}", flush=True)
        if good and not self.options.keep_all:
            shutil.rmtree(folder)
        else:
            kept = shutil.copytree(folder, f"{self.options.keep}/{os.path.basename(folder)}", dirs_exist_ok=True)
            print(f"        kept in {kept}", flush=True)

    def table(self):
        """A line for each pair of workload and fault."""
        print(f"{'workload and fault':40} {'runs':>5} {'clean':>5} {'faults':>7} {'ok':>9} {'unknown':>8} {'gap s':>6}")
        for name, results in self.rows.items():
            clean = sum(not result.problems for result in results)
            print(f"{name:40} {len(results):5} {clean:5} {sum(r.faults for r in results):7} {sum(r.done for r in results):9} "
                  f"{sum(r.unknown for r in results):8} {max(r.longest_gap for r in results):6.2f}")

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed or not self.passed else 0


def arguments():
    parser = argparse.ArgumentParser(prog="compat/blackbox/run", description="Clients, nodes, faults, and a verdict.")
    parser.add_argument("--kafka", dest="kind", action="store_const", const="kafka", default="odradek", help="Apache Kafka 4.4 in our place")
    parser.add_argument("--workload", choices=WORKLOADS, metavar="WORKLOAD", action="append",
                        help=f"may be given several times; default: all; {' '.join(WORKLOADS)}")
    parser.add_argument("--fault", choices=FAULTS, metavar="FAULT", action="append",
                        help=f"may be given several times; default: all; {' '.join(FAULTS)}")
    parser.add_argument("--profile", choices=PROFILES, default="fast", help="time-outs: short ones, Kafka's defaults, or config/fast-failover.properties")
    parser.add_argument("--seconds", type=float, default=20, help="of faults in each run (default 20)")
    parser.add_argument("--nodes", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--times", type=int, default=1, help="runs of each workload with each fault, or strikes of each kind (default 1)")
    parser.add_argument("--failover", action="store_true", help="how long writes stop when a leader of three nodes goes")
    parser.add_argument("--strike", choices=STRIKES, action="append", help="of --failover; may be given several times; default: all")
    parser.add_argument("--short", action="store_true", help="one of each kind, about three minutes")
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers")
    parser.add_argument("--keep", default="/tmp", help="where histories and logs of failed runs are left")
    parser.add_argument("--keep-all", action="store_true", help="of all runs")
    parser.add_argument("--folder", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def matrix(options, tally):
    print(f"{options.nodes} nodes, {options.seconds:g} s of faults a run", flush=True)
    pairs = SHORT if options.short else [(w, f) for w in options.workload or WORKLOADS for f in options.fault or FAULTS]
    try:
        for _ in range(options.times):
            for workload, fault in pairs:
                tally.run(workload, fault)
    finally:
        tally.table()


def failover(options, tally):
    gaps = Failover(options.kind, PROFILES[options.profile], options.times, f"{options.folder}/failover", options.strike).run()
    table(gaps)
    tally.passed += sum(map(len, gaps.values()))


def main():
    options = arguments()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    random.seed(seed)
    tally = Tally(options)
    tally.passed, tally.failed = stories.check()
    print(f"the checker: {tally.passed} histories judged right, {tally.failed} wrong", flush=True)
    print(f"{options.kind}, seed {seed}", flush=True)
    try:
        (failover if options.failover else matrix)(options, tally)
    except Exception:  # the harness itself failed
        traceback.print_exc()
        tally.failed += 1
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
