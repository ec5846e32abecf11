"""Compression: values of every length come back byte for byte, whatever packs them.

Owns what redis-py sees of CONFIG's compression settings. Invariant: only INFO and MEMORY USAGE tell
a packed value from a raw one. Cost: some seconds.
"""

import random
import time

from redis.exceptions import ResponseError

from harness import check, equal, eventually, raises

LENGTHS = [1, 2, 63, 64, 65, 1000, 1024, 1025, 4096, 16_384, 32_769, 65_536, 65_537, 131_072]
LONG = [262_145, 524_289, 1 << 20, (1 << 20) + 1, 2 << 20]


def text(seed, length):
    rng = random.Random(seed)
    words = [b'{"id":', b'"name":"velodrome",', b'"score":0.5},', b"0000", b"\r\n"]
    out = bytearray()
    while len(out) < length:
        out += rng.choice(words) if rng.random() < 0.9 else rng.randbytes(3)
    return bytes(out[:length])


def compression_info(c):
    return c.info("compression")


@check(needs="own")
def values_come_back_whatever_packs_them(node):
    if not node.is_velodrome:
        return
    c = node.client()
    for codec in ("lz4", "zstd", "gzip", "none"):
        c.config_set("compression", codec)
        values = {f"{codec}:{n}": text(n, n) for n in LENGTHS + LONG}
        values |= {f"{codec}:raw:{n}": random.Random(n).randbytes(n) for n in LENGTHS}
        for key, value in values.items():
            c.set(key, value)
        for _ in range(2):
            for key, value in values.items():
                equal(c.get(key) == value, True)
                equal(c.strlen(key), len(value))
            # The worker takes the long ones meanwhile.
            eventually(lambda: compression_info(c)["values_waiting_to_be_packed"] == 0, 10, "packed")
            time.sleep(0.2)
        many = [f"{codec}:{n}" for n in LENGTHS]
        equal(c.mget(many), [values[key] for key in many])
    info = compression_info(c)
    assert info["compressed_items"] > 20 and info["compression_ratio"] > 1.5, info
    assert info["values_packed"] > 20 and info["values_unpacked"] > 20, info
    c.config_set("compression", "none")


@check(needs="own")
def packed_values_are_changed_like_others(node):
    if not node.is_velodrome:
        return
    c = node.client()
    c.config_set("compression", "lz4")
    value = text(1, 20_000)
    c.set("k", value, ex=100)
    assert c.memory_usage("k") < 15_000, c.memory_usage("k")
    equal(c.append("k", b"tail"), 20_004)
    equal(c.setrange("k", 5, b"MIDDLE"), 20_004)
    changed = value[:5] + b"MIDDLE" + value[11:] + b"tail"
    equal(c.getrange("k", 0, 10), changed[:11])
    equal(c.getrange("k", -6, -1), changed[-6:])
    equal(c.get("k"), changed)
    assert 90 < c.ttl("k") <= 100
    raises(ResponseError, "not an integer", c.incr, "k")
    equal(c.execute_command("SET", "k", "short", "IFEQ", value), None)
    equal(c.execute_command("SET", "k", value, "IFEQ", changed), True)
    equal(c.execute_command("DELIFEQ", "k", changed), 0)
    equal(c.getset("k", changed), value)
    with c.pipeline() as pipe:
        pipe.get("k").append("k", b"!").strlen("k")
        equal(pipe.execute(), [changed, 20_005, 20_005])
    equal(c.execute_command("DELIFEQ", "k", changed + b"!"), 1)
    equal(c.exists("k"), 0)
    raises(ResponseError, "not understood", c.config_set, "compression", "best")
    c.config_set("compression", "none")
