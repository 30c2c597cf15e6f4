"""python3 -m checker HISTORY...    the findings in histories of one run, merged"""
import sys

from .history import load, operations
from .verdict import findings

for finding in findings(operations(load(sys.argv[1:]))):
    print(finding)
