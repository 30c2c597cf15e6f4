"""What the Python programs of the matrix share: the modes of a program, the text it prints, what is written and how it is shown.

PROGRAM run BOOTSTRAP RUN FEATURE...            each feature in turn, "FEATURE: line" on standard output
PROGRAM setup BOOTSTRAP TOPIC PARTITIONS N      makes the topic and writes N records to each of its partitions
PROGRAM member BOOTSTRAP GROUP TOPIC KEY=VALUE...   one member of a group, until a line comes on standard input or it ends

compat/README.md has the protocol and what each feature is.
"""
import hashlib
import os
import select
import sys
import time

FEATURES = {}
ABSENT = {}  # what a client does not have, with the reason
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
T0 = 1700000000000  # the timestamp of the first record where timestamps are given

SHAPES = [
    (None, b"no key", []),
    (b"no value", None, []),
    (b"", b"", []),
    (b"key", b"headers", [("h", b"v"), ("null", None), ("empty", b""), ("h", b"again")]),
    ("schlüssel-鍵".encode(), "Ωδραδέκ 🧵".encode(), [("köpfe", "ü".encode())]),
    (b"\x00\xff\xfe", b"\xc3\x28\x00", []),
]


def feature(name):
    def add(function):
        FEATURES[name] = function
        return function
    return add


def show(data):
    if data is None:
        return "null"
    data = data.encode() if isinstance(data, str) else bytes(data)
    return "0x" + data.hex() if len(data) <= 40 else f"{len(data)} bytes {digest(data)}"


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def codec_records():
    return [(b"%d" % i, b"record %d " % i + b"odradek " * (i % 50)) for i in range(200)]


def large_value():
    return bytes((i * 7 + i // 251) % 256 for i in range(1048000))


def show_record(offset, key, value, headers):
    shown = " ".join(f"{k}={show(v)}" for k, v in headers or [])
    return f"{offset} key={show(key)} value={show(value)} headers=[{shown}]"


def show_all(records):
    """One line for many records, each (offset, key, value)."""
    text = b"".join(b"%d %s %s\n" % (o, k or b"", v or b"") for o, k, v in records)
    return f"{len(records)} records from {records[0][0]} to {records[-1][0]} {digest(text)}" if records else "0 records"


def run(bootstrap, nonce, *names):
    for name in names:
        def say(line, name=name):
            print(f"{name}: {line}", flush=True)
        if name in ABSENT:
            say("skip " + ABSENT[name])
            continue
        say("begin")
        try:
            FEATURES[name](say, bootstrap, f"{name}-{nonce}")
        except Exception as error:  # what the feature did not expect is its result
            if os.environ.get("MATRIX_TRACE"):
                import traceback
                traceback.print_exc()
            say(f"failed {type(error).__name__} {first_line(error)}")
        say("done")


def first_line(error):
    return str(error).split("\n")[0][:200]


def changed(look, before):
    """Looks until it sees something else than before: what a broker shows of settings follows a little after the answer."""
    end = time.monotonic() + 30
    while (now := look()) == before and time.monotonic() < end:
        time.sleep(0.02)  # between two looks
    return now


def stop_asked():
    """A member leaves when a line comes or its input ends."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def tell(line):
    print(line, flush=True)


def assigned(partitions):
    tell("assigned " + ",".join(str(p) for p in sorted(partitions)))


def main(setup, member):
    mode, args = sys.argv[1], sys.argv[2:]
    if mode == "run":
        run(*args)
    elif mode == "setup":
        setup(args[0], args[1], int(args[2]), int(args[3]))
    elif mode == "member":
        member(args[0], args[1], args[2], dict(a.split("=", 1) for a in args[3:]))
    sys.stdout.flush()
    os._exit(0)  # clients leave threads behind
