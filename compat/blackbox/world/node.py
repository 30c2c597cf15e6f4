"""One node: Odradek, or Apache Kafka in its place, as a process in a place of the network."""
import glob
import os
import resource
import signal
import subprocess

from .commands import run, wait_for

CLIENT_PORT, CONTROLLER_PORT = 9092, 9093
FAKETIME = "".join(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[:1])  # empty where it is not installed

STOPPED = (0, 128 + signal.SIGTERM)  # a JVM exits with the latter

PROPERTIES = """\
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{address}:9092,CONTROLLER://{address}:9093
advertised.listeners=PLAINTEXT://{address}:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
broker.rack=rack{id}
replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=5
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=5
transaction.state.log.replication.factor={replicas}
group.initial.rebalance.delay.ms=0
unclean.leader.election.enable=false
"""


def _set_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (Node.allowed_descriptors, Node.allowed_descriptors))


class Node:
    """What is the same for both. `expected` is whether its process should run: one that does not, though it should, has crashed."""
    allowed_descriptors = 16384

    def __init__(self, number, place, disk, folder):
        self.id, self.place, self.disk = number, place, disk
        self.folder, self.properties, self.log = folder, f"{folder}/server.properties", f"{folder}/node.log"
        self.process, self.expected, self._started_at, self.environment = None, False, 0, dict(os.environ)
        os.makedirs(folder)
        open(self.log, "w", encoding="utf-8").close()

    def configure(self, voters, replicas, settings):
        text = PROPERTIES.format(id=self.id, voters=voters, address=self.place.address, data=f"{self.disk.path}/data", replicas=replicas)
        text += "".join(f"{name}={value}\n" for name, value in settings.items())
        with open(self.properties, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        self._started_at = os.path.getsize(self.log)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.place.words(*self.command()), stdout=log, stderr=log, env=self.environment,
                                            preexec_fn=_set_descriptors)
        self.expected = True

    def started(self):
        """Whether it says so since its last start."""
        with open(self.log, "rb") as log:
            log.seek(self._started_at)
            return b"Kafka Server started" in log.read()

    def wait_started(self, seconds=180):
        wait_for(seconds, f"node {self.id} starts", lambda: self.started() or self.crashed())

    def crashed(self):
        return self.expected and self.process.poll() is not None

    def signal(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self):
        self.expected = False
        self.signal(signal.SIGKILL)
        self.process.wait()

    def ask_to_stop(self):
        self.expected = False
        self.signal(signal.SIGTERM)

    def stop(self, seconds=60):
        """A clean stop; returns what is wrong with it, in words, or None."""
        self.ask_to_stop()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"node {self.id} does not stop within {seconds} s: {self.last_words()}"
        return None if status in STOPPED else f"node {self.id} stopped with status {status}: {self.last_words()}"

    def limit_descriptors(self, number):
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (number, self.allowed_descriptors))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def fake_clock(self):
        """From its next start on its wall clock is `set_clock`'s."""
        self.set_clock(0)
        self.environment.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=f"{self.folder}/clock", FAKETIME_CACHE_DURATION="1",
                                DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_RESET="1")

    def set_clock(self, seconds):
        with open(f"{self.folder}/clock", "w", encoding="utf-8") as file:
            file.write(f"{seconds:+d}\n")

    def last_words(self, lines=15):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])


class Odradek(Node):
    stops_alone = True  # without the other nodes
    program = os.environ.get("ODRADEK", "odradek")

    def format(self, cluster_id):
        run(self.program, "storage", "format", "-t", cluster_id, "-c", self.properties)

    def command(self):
        return [self.program, "start", self.properties]


class Kafka(Node):
    stops_alone = False  # it waits for a controller that takes its leave
    java = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", os.environ.get("JARS", "") + "/*"]
    quiet = f"-Dlog4j2.configurationFile={os.environ.get('COMPAT', '')}/lib/log4j2-broker.properties"

    def format(self, cluster_id):
        run(*self.java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", self.properties)

    def command(self):
        return [*self.java[:-2], self.quiet, *self.java[-2:], "kafka.Kafka", self.properties]


KINDS = {"odradek": Odradek, "kafka": Kafka}
