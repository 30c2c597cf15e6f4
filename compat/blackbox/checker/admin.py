"""Topics that come and go.

    create, delete  value TOPIC
    topics          value {TOPIC: its id}     all that there are

What was acknowledged before a question is asked holds in its answer, unless something else was asked for meanwhile; brokers may be late (`slack`
nanoseconds). A topic that is made anew has a new id.
"""
from collections import defaultdict

from .finding import Finding

SLACK = 10 * 10**9


class Topic:
    """What was done to one topic."""

    def __init__(self):
        self.changes = []  # creates and deletes that were not refused

    def _unsure(self, question, slack):
        """Whether something was changed while the question was answered, or too little before; slack: of a create, of a delete."""
        return any(op.type == "info" or op.began < question.ended and op.ended > question.began - slack[op.f] for op in self.changes)

    def before(self, question):
        """Changes that had been made when the question was asked, or None when nobody can tell which had."""
        if self._unsure(question, {"create": SLACK, "delete": SLACK}):
            return None
        return [op for op in self.changes if op.ended < question.began]

    def life(self, question):
        """How often a topic that is seen had been made, or None. A broker that sees it sees its last life, or that which it has not seen deleted."""
        if self._unsure(question, {"create": 0, "delete": SLACK}):
            return None
        return sum(op.f == "create" and op.ended < question.began for op in self.changes)


def _topics(view):
    topics = defaultdict(Topic)
    for op in view.ops:
        if op.f in ("create", "delete") and op.type != "fail":
            topics[op.value].changes.append(op)
    return topics


def _questions(view):
    return [op for op in view.ops if op.f == "topics" and op.type == "ok"]


def reused_ids(view):
    """Two topics, or two lives of one topic, with the same id."""
    topics, lives = _topics(view), defaultdict(set)
    for question in _questions(view):
        for topic, topic_id in question.value.items():
            lives[topic_id].add((topic, topics[topic].life(question)))
    for topic_id, seen in lives.items():
        certain = sorted((topic, life) for topic, life in seen if life is not None)
        if len(certain) > 1:
            yield Finding("reused-topic-id", topic_id, " and ".join(f"{topic} made {life} times" for topic, life in certain))


def wrong_topics(view):
    """A topic that was made is missing, or one that was deleted is there."""
    topics = _topics(view)
    for question in _questions(view):
        for name, topic in topics.items():
            before = topic.before(question)
            if not before:
                continue
            if before[-1].f == "create" and name not in question.value:
                yield Finding("lost-topic", name, f"it was made, and {question.process} does not see it")
            if before[-1].f == "delete" and name in question.value:
                yield Finding("risen-topic", name, f"it was deleted, and {question.process} sees it")


CHECKS = reused_ids, wrong_topics
