"""test.service of kafka-python, which its source package lacks: a broker that runs already, and one that is started and whose output is searched."""

import os
import re
import subprocess
import tempfile
import time


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def dump_logs(self):
        pass

    def wait_for(self, pattern, timeout=30):
        return True


class SpawnedService:
    def __init__(self, args, env):
        self.args, self.env = args, env
        self.process = None
        self.log = tempfile.NamedTemporaryFile(prefix="broker-", suffix=".log", delete=False)

    def start(self):
        self.process = subprocess.Popen(self.args, env=self.env, stdout=self.log, stderr=subprocess.STDOUT)

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def output(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return f.read()

    def dump_logs(self):
        print(self.output())

    def wait_for(self, pattern, timeout=30):
        """Until a line matches; a machine under load is given a minute."""
        end = time.monotonic() + max(timeout, 60)
        while not re.search(pattern, self.output(), re.IGNORECASE):
            if not self.is_alive() or time.monotonic() > end:
                return False
            time.sleep(0.1)  # between two looks, not instead of one
        return True

    def stop(self):
        if self.is_alive():
            self.process.terminate()
        self.process.wait()
        self.log.close()
        os.unlink(self.log.name)
