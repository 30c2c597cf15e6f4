"""Workers of Kafka Connect, and what is asked of them over REST."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

LIMIT_S = 180
CLASSES = {"standalone": "ConnectStandalone", "distributed": "ConnectDistributed"}
# What the configurations that Kafka ships have, but that offsets are committed sooner, and that plugins are found as is to be the rule.
SETTINGS = {
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "offset.flush.interval.ms": "500",
    "plugin.discovery": "service_load",
}


def until(what, done):
    end = time.monotonic() + LIMIT_S
    while True:
        seen = done()
        if seen:
            return seen
        if time.monotonic() > end:
            raise TimeoutError(f"too long: {what}")
        time.sleep(0.05)  # between two looks


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write_properties(path, values):
    with open(path, "w") as f:
        f.writelines(f"{k}={v}\n" for k, v in values.items())
    return path


def parsed(text):
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode()  # the page of a server that is still starting


class Worker:
    def __init__(self, mode, java, directory, name, settings, connectors=()):
        """Starts one; connectors are the files that a standalone worker is given."""
        port = free_port()
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        path = write_properties(os.path.join(directory, name + ".properties"), {**SETTINGS, "listeners": self.url, **settings})
        self.log = open(os.path.join(directory, name + ".log"), "a")
        self.process = subprocess.Popen([*java, "org.apache.kafka.connect.cli." + CLASSES[mode], path, *connectors], stdout=self.log,
                                        stderr=self.log, stdin=subprocess.DEVNULL)

    def request(self, method, path, body=None):
        """The status and what was answered; (0, None) from a worker that does not answer."""
        data = None if body is None else json.dumps(body).encode()
        r = urllib.request.Request(self.url + path, data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(r, timeout=LIMIT_S) as answer:
                return answer.status, parsed(answer.read())
        except urllib.error.HTTPError as e:
            return e.code, parsed(e.read())
        except OSError:
            if self.process.poll() is not None:
                raise RuntimeError(f"worker {self.name} has ended: {self.process.returncode}") from None
            return 0, None

    def get(self, path):
        return self.request("GET", path)[1]

    def started(self):
        until(f"worker {self.name} answers", lambda: self.request("GET", "/connectors")[0] == 200)
        return self

    def status(self, connector):
        """States of a connector and of its tasks, and the workers that have the tasks; empty while it is not known."""
        code, answer = self.request("GET", f"/connectors/{connector}/status")
        if code != 200:
            return "", [], set()
        return answer["connector"]["state"], [t["state"] for t in answer["tasks"]], {t["worker_id"] for t in answer["tasks"]}

    def reaches(self, connector, state, tasks):
        until(f"{connector} is {state}", lambda: self.status(connector)[:2] == (state, [state] * tasks))

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(timeout=LIMIT_S)
        self.log.close()
