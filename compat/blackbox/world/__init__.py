"""The nodes, the network between them, their disks, and what is done to them.

Everything lives in namespaces of its own (`run` unshares them): processes, mounts and links are gone with the process that made them, in whatever way
it ends.
"""
