"""Topics that come and go.

    create, delete  value TOPIC
    topics          value {TOPIC: its id}     all that there are

What was acknowledged before a question is asked holds in its answer, unless something else was asked for meanwhile; brokers may be late (`slack`
nanoseconds). A topic that is made anew has a new id.
"""
from collections import defaultdict

from .finding import Finding

SLACK = 30 * 10**9


def reused_ids(view):
    """Two topics, or two lives of one topic, with the same id."""
    lives = defaultdict(set)
    for op in view.ops:
        if op.f == "topics" and op.type == "ok":
            for topic, topic_id in op.value.items():
                lives[topic_id].add((topic, _life(view, topic, op)))
    for topic_id, seen in lives.items():
        certain = {(topic, life) for topic, life in seen if life is not None}
        if len(certain) > 1:
            yield Finding("reused-topic-id", topic_id, " and ".join(f"{topic} made {life} times" for topic, life in sorted(certain)))


def _changes(view, topic):
    return [op for op in view.ops if op.f in ("create", "delete") and op.value == topic and op.type != "fail"]


def _life(view, topic, question):
    """How often the topic had been made when this was answered, or None when nobody can tell."""
    changes = _changes(view, topic)
    if any(op.type == "info" or op.began < question.ended and op.ended > question.began - SLACK for op in changes):
        return None
    return sum(op.f == "create" and op.ended < question.began for op in changes)


def wrong_topics(view):
    """A topic that was made is missing, or one that was deleted is there."""
    for question in (op for op in view.ops if op.f == "topics" and op.type == "ok"):
        for topic in {op.value for op in view.ops if op.f in ("create", "delete")}:
            life = _life(view, topic, question)
            last = [op for op in _changes(view, topic) if op.ended < question.began]
            if life is None or not last:
                continue
            if last[-1].f == "create" and topic not in question.value:
                yield Finding("lost-topic", topic, f"it was made, and {question.process} does not see it")
            if last[-1].f == "delete" and topic in question.value:
                yield Finding("risen-topic", topic, f"it was deleted, and {question.process} sees it")


CHECKS = reused_ids, wrong_topics
