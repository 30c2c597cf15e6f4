import os
import sys

from . import asker, churn, copier, member, producer, reader, teller

ROLES = {"producer": producer.run, "reader": reader.run, "final": reader.final, "member": member.run, "asker": asker.run, "churn": churn.run,
         "teller": teller.run, "copier": copier.run}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:7])
    sys.stdout.flush()
    os._exit(0)  # librdkafka's threads may not end
