"""Clients of a run, each a process with a history of its own: python3 -m workloads ROLE NAME BOOTSTRAP FOLDER [ARGUMENT]"""
