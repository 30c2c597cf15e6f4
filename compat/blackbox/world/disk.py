"""What a node writes to: a folder, or a small ext4 of its own, which can lose its power and be full.

Power loss: the file system is shut down without writing its journal (FS_IOC_SHUTDOWN), so that only what was synced is there after the next mount.
"""
import fcntl
import os
import struct

from .commands import run

FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = struct.pack("I", 2)
MEBIBYTES = 256


class Folder:
    def __init__(self, path):
        self.path = path
        os.makedirs(path)

    def close(self):
        pass


class LoopDisk:
    def __init__(self, path):
        self.path, self._image = path, path + ".img"
        os.makedirs(path)
        run("truncate", "-s", f"{MEBIBYTES}M", self._image)
        run("mkfs.ext4", "-q", "-m", "0", self._image)
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", self._image, self.path)

    def lose_power(self):
        """From here on nothing reaches the disk. The processes that use it are the caller's to kill before restore_power."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, NO_LOG_FLUSH)
        finally:
            os.close(folder)

    def restore_power(self):
        run("umount", self.path)
        self.mount()

    def fill(self):
        """Takes all that is free."""
        with open(self.path + "/balloon", "wb") as balloon:
            for size in (1 << 20, 4096):
                self._blow_up(balloon, size)

    def _blow_up(self, balloon, size):
        while True:
            try:
                os.posix_fallocate(balloon.fileno(), balloon.seek(0, os.SEEK_END), size)
            except OSError:
                return

    def free(self):
        if os.path.exists(self.path + "/balloon"):
            os.unlink(self.path + "/balloon")

    def close(self):
        run("umount", self.path)
        os.unlink(self._image)
