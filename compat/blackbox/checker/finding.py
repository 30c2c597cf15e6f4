"""One anomaly that was found: its name, the partition or group where it is, and the rest in words."""
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    anomaly: str
    where: str
    what: str

    def __str__(self):
        return f"{self.anomaly} {self.where}: {self.what}"
