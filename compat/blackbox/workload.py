"""The workloads: which clients there are, and which anomalies are none for them."""
from dataclasses import dataclass, field

from checker.verdict import NOT_IDEMPOTENT, SUBSCRIBED
from workloads.client import COPIES, TOPIC


@dataclass
class Workload:
    roles: list  # (role, argument)
    allowed: set = field(default_factory=set)
    progress: str = "send"  # the operations by which it is told whether clients get on
    topics: tuple = (TOPIC,)
    enough: int = 500  # operations that are ok before the first fault


WORKLOADS = {
    "acks": Workload([("producer", "plain"), ("producer", "plain"), ("reader", "")], NOT_IDEMPOTENT),
    "idempotent": Workload([("producer", "idempotent"), ("producer", "idempotent"), ("reader", "")]),
    "groups": Workload([("producer", "idempotent")] + [("member", "classic"), ("member", "consumer")] * 2, SUBSCRIBED),
    "list-offsets": Workload([("producer", "idempotent"), ("asker", ""), ("asker", "")]),
    "bank": Workload([("teller", ""), ("teller", ""), ("reader", "")], progress="txn", enough=100),
    "copier": Workload([("producer", "idempotent"), ("copier", ""), ("copier", ""), ("reader", "")], progress="txn", topics=(TOPIC, COPIES),
                       enough=20),
    "admin": Workload([("churn", ""), ("producer", "plain")], NOT_IDEMPOTENT),
}
