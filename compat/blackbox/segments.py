"""The replicas of a partition, on their disks: what they have in common has to be the same, byte for byte, and every batch sound.

A batch: base offset (8), length (4), leader epoch (4), magic (1), CRC-32C (4) of all that follows it.
"""
import glob
import struct

CRC_AT, CRC_FROM, SMALLEST = 17, 21, 61


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def read_log(folder):
    """The bytes of all segments, in order."""
    parts = []
    for path in sorted(glob.glob(f"{folder}/*.log")):
        with open(path, "rb") as segment:
            parts.append(segment.read())
    return b"".join(parts)


def unsound(log):
    """What is wrong with the batches of a log, in words, or None."""
    pos, next_offset, epoch = 0, 0, -1
    while pos < len(log):
        if len(log) - pos < SMALLEST:
            return f"{len(log) - pos} bytes at its end are no batch"
        base, length, batch_epoch, _, crc = struct.unpack_from(">qiibI", log, pos)
        end = pos + 12 + length
        if end > len(log):
            return f"the batch at offset {base} goes beyond the end"
        if base < next_offset or batch_epoch < epoch:
            return f"offset {base} epoch {batch_epoch} after offset {next_offset - 1} epoch {epoch}"
        if crc32c(log[pos + CRC_FROM:end]) != crc:
            return f"the batch at offset {base} has a wrong CRC"
        next_offset, epoch = base + struct.unpack_from(">i", log, pos + 23)[0] + 1, batch_epoch
        pos = end
    return None


def _first_difference(one, other):
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def compare(folders):
    """What is wrong with the replicas in these folders, in words."""
    logs = {folder: read_log(folder) for folder in folders}
    first, *others = logs
    wrong = unsound(logs[first])
    if wrong:
        yield f"{first}: {wrong}"
    for other in others:
        if logs[other] != logs[first]:
            yield f"{other} ({len(logs[other])} bytes) and {first} ({len(logs[first])}) differ from byte {_first_difference(logs[other], logs[first])}"
