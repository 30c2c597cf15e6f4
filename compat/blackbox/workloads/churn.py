"""Makes and deletes topics, and asks which there are. A topic whose fate is not known is left alone."""
import itertools
import random
import time

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic

from checker.admin import SLACK
from checker.history import Recorder

from .client import COMMON, Lives

LIVE = 4  # that many topics at a time


class Churn:
    def __init__(self, name, bootstrap, folder):
        self._recorder = Recorder(f"{folder}/{name}.jsonl", name)
        self._admin = AdminClient({**COMMON, "bootstrap.servers": bootstrap})
        self._names = (f"{name}-{number}" for number in itertools.count())
        self._there, self._gone, self._known = [], [], []

    def step(self):
        """A change, and a look at what there is."""
        if len(self._there) < LIVE:
            self._create()
        else:
            self._delete(self._there.pop(random.randrange(LIVE)))
        self.ask()

    def _create(self):
        """A new one, or one that there was before."""
        topic = self._gone.pop() if self._gone and random.random() < 0.5 else next(self._names)
        self._known = [*self._known, topic] if topic not in self._known else self._known
        if self._change("create", topic, self._admin.create_topics([NewTopic(topic, random.randint(1, 3))], request_timeout=10)):
            self._there.append(topic)

    def _delete(self, topic):
        if self._change("delete", topic, self._admin.delete_topics([topic], request_timeout=10)):
            self._gone.append(topic)

    def _change(self, f, topic, answers):
        op = self._recorder.invoke(f, topic)
        try:
            answers[topic].result()
        except KafkaException as error:
            self._recorder.complete(op, "info", f, topic, error=error.args[0].name())
            return False
        self._recorder.complete(op, "ok", f, topic)
        return True

    def ask(self):
        """All topics that it ever made, with their ids."""
        op, seen = self._recorder.invoke("topics"), {}
        for topic, answer in self._admin.describe_topics(TopicCollection(self._known), request_timeout=10).items():
            try:
                seen[topic] = str(answer.result().topic_id)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    self._recorder.complete(op, "info", "topics", None, error=error.args[0].name())
                    return
        self._recorder.complete(op, "ok", "topics", seen)


def run(name, bootstrap, folder, argument, first=1):
    lives = Lives("churn", name, bootstrap, folder, argument, first=first)
    for life in lives:
        churn = Churn(f"{name}.{life}", bootstrap, folder)
        while not lives.stop:
            lives.gets_on()
            churn.step()
            time.sleep(0.1)  # the rate
        lives.gets_on()
        time.sleep(SLACK / 10**9 + 1)  # brokers may be so late
        lives.gets_on()
        churn.ask()
