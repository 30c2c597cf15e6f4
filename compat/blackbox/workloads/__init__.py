"""Clients of a run, each a process with a history a life: python3 -m workloads ROLE NAME BOOTSTRAP FOLDER ARGUMENT [LIFE]"""
