import sys

from . import asker, churn, member, producer, reader

ROLES = {"producer": producer.run, "reader": reader.run, "final": reader.final, "member": member.run, "asker": asker.run, "churn": churn.run}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:6])
