"""The workloads: which clients there are, and which anomalies are none for them."""
from dataclasses import dataclass, field

from checker.verdict import NOT_IDEMPOTENT, SUBSCRIBED


@dataclass
class Workload:
    roles: list  # (role, argument)
    allowed: set = field(default_factory=set)
    progress: str = "send"  # the operations by which it is told whether clients get on


WORKLOADS = {
    "acks": Workload([("producer", "plain"), ("producer", "plain"), ("reader", "")], NOT_IDEMPOTENT),
    "idempotent": Workload([("producer", "idempotent"), ("producer", "idempotent"), ("reader", "")]),
    "groups": Workload([("producer", "idempotent")] + [("member", "classic"), ("member", "consumer")] * 2, SUBSCRIBED),
    "list-offsets": Workload([("producer", "idempotent"), ("asker", ""), ("asker", "")]),
    "admin": Workload([("churn", ""), ("producer", "plain")], NOT_IDEMPOTENT),
}
