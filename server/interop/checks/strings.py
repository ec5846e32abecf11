"""redis-py: keys and values, their conditions and their deadlines.

Owns every string and key command of frameworks' caches through redis-py. Invariant: expectations
are redis-server's own; what only Velodrome offers is under `is_velodrome`. Cost: a second.
"""

import random
import time

from redis.exceptions import ResponseError

from harness import check, equal, eventually, raises

FAR_S = 33_177_117_420  # the year 3021


def expires(client, key):
    """Waits until a key that lives a few milliseconds is gone."""
    eventually(lambda: client.get(key) is None, 5, f"{key} expires")
    equal((client.exists(key), client.ttl(key), client.pttl(key)), (0, -2, -2))


@check(protocols=True)
def get_and_set(node, protocol):
    c = node.client(protocol=protocol)
    equal(c.get("k"), None)
    equal(c.set("k", "v"), True)
    equal(c.get("k"), b"v")
    equal(c.set("k", ""), True)
    equal(c.get("k"), b"")
    equal(c.set("n", 42), True)
    equal(c.get("n"), b"42")
    equal(c["n"], b"42")
    equal("n" in c, True)
    text = node.client(protocol=protocol, decode_responses=True)
    equal(text.set("ü", "grüße"), True)
    equal(text.get("ü"), "grüße")


@check(protocols=True)
def set_with_conditions(node, protocol):
    c = node.client(protocol=protocol)
    equal(c.set("k", "1", xx=True), None)
    equal(c.set("k", "1", nx=True), True)
    equal(c.set("k", "2", nx=True), None)
    equal(c.set("k", "3", xx=True), True)
    equal(c.set("k", "4", get=True), b"3")
    equal(c.set("fresh", "1", get=True), None)
    equal(c.set("k", "5", nx=True, get=True), b"4")
    equal(c.get("k"), b"4")
    equal(c.set("k", "6", xx=True, get=True), b"4")
    equal(c.setnx("k", "7"), False)
    equal(c.setnx("other", "7"), True)
    equal(c.getset("k", "8"), b"6")
    equal(c.getdel("k"), b"8")
    equal(c.getdel("k"), None)
    equal(c.msetnx({"k": 1, "other": 2}), False)
    equal(c.exists("k"), 0)
    equal(c.msetnx({"k": 1, "another": 2}), True)


@check(protocols=True)
def set_with_expiry(node, protocol):
    c = node.client(protocol=protocol)
    equal(c.set("k", "v", ex=100), True)
    assert 98 <= c.ttl("k") <= 100
    equal(c.set("k", "v", px=50_000), True)
    assert 48_000 <= c.pttl("k") <= 50_000
    equal(c.set("k", "w", keepttl=True), True)
    assert 48_000 <= c.pttl("k") <= 50_000
    equal(c.set("k", "v"), True)
    equal((c.ttl("k"), c.pttl("k")), (-1, -1))
    equal(c.set("k", "v", exat=FAR_S), True)
    equal((c.expiretime("k"), c.pexpiretime("k")), (FAR_S, FAR_S * 1000))
    equal(c.set("k", "v", pxat=FAR_S * 1000 + 7), True)
    equal(c.pexpiretime("k"), FAR_S * 1000 + 7)
    equal(c.setex("k", 100, "v"), True)
    assert 98 <= c.ttl("k") <= 100
    equal(c.psetex("k", 100_000, "v"), True)
    assert 98 <= c.ttl("k") <= 100
    for wrong in (0, -1):
        raises(ResponseError, "invalid expire time in 'set'", c.set, "k", "v", ex=wrong)
        raises(ResponseError, "invalid expire time in 'setex'", c.setex, "k", wrong, "v")
        raises(ResponseError, "invalid expire time in 'psetex'", c.psetex, "k", wrong, "v")
    raises(ResponseError, "invalid expire time", c.execute_command, "SET", "k", "v", "EX", 2**62)
    raises(ResponseError, "syntax error", c.execute_command, "SET", "k", "v", "NX", "XX")
    raises(ResponseError, "syntax error", c.execute_command, "SET", "k", "v", "EX")
    raises(ResponseError, "not an integer", c.execute_command, "SET", "k", "v", "EX", "1.5")
    equal(c.get("k"), b"v")


@check(protocols=True)
def short_deadlines(node, protocol):
    c = node.client(protocol=protocol)
    c.set("k", "v", px=1)
    expires(c, "k")
    c.psetex("k", 1, "v")
    expires(c, "k")
    c.set("k", "v")
    equal(c.pexpire("k", 1), True)
    expires(c, "k")
    c.set("k", "v")
    equal(c.getex("k", px=1), b"v")
    expires(c, "k")
    c.set("k", "old", px=1)
    eventually(lambda: c.set("k", "new", nx=True), 5, "NX succeeds once the key is out of time")
    equal((c.get("k"), c.ttl("k")), (b"new", -1))
    c.set("n", "41", px=1)
    eventually(lambda: c.incr("n") == 1 or c.delete("n") < 0, 5, "INCR starts anew")
    c.mset({f"brief:{i}": i for i in range(100)})
    with c.pipeline(transaction=False) as pipe:
        for i in range(100):
            pipe.pexpire(f"brief:{i}", 1 + i % 5)
        pipe.execute()
    eventually(lambda: c.dbsize() == 2, 10, "unread items are removed too")


@check(protocols=True)
def deadlines_in_the_past_delete(node, protocol):
    c = node.client(protocol=protocol)
    removals = [
        lambda: c.expire("k", -1),
        lambda: c.expire("k", 0),
        lambda: c.pexpire("k", -1),
        lambda: c.expireat("k", 1),
        lambda: c.expireat("k", int(time.time()) - 1),
        lambda: c.pexpireat("k", 1),
    ]
    for remove in removals:
        c.set("k", "v")
        equal(remove(), True)
        equal((c.exists("k"), c.ttl("k"), c.dbsize()), (0, -2, 0))
    c.set("k", "v")
    equal(c.set("k", "v", exat=1), True)
    equal(c.get("k"), None)
    equal(c.expire("nothing", 10), False)
    equal(c.persist("nothing"), False)


@check(protocols=True)
def expire_with_conditions(node, protocol):
    c = node.client(protocol=protocol)
    c.set("k", "v")
    equal(c.expire("k", 100, xx=True), False)
    equal(c.expire("k", 100, gt=True), False, "no deadline is later than any")
    equal(c.expire("k", 100, lt=True), True)
    equal(c.expire("k", 100, nx=True), False)
    equal(c.pexpire("k", 200_000, lt=True), False)
    equal(c.pexpire("k", 200_000, gt=True), True)
    equal(c.expireat("k", FAR_S, gt=True), True)
    equal(c.pexpireat("k", FAR_S * 1000 - 1, xx=True), True)
    equal(c.pexpiretime("k"), FAR_S * 1000 - 1)
    equal(c.persist("k"), True)
    equal(c.persist("k"), False)
    equal(c.expire("k", 100, nx=True), True)
    both = "NX and XX, GT or LT options at the same time are not compatible"
    raises(ResponseError, both, c.expire, "k", 5, nx=True, xx=True)
    both = "GT and LT options at the same time are not compatible"
    raises(ResponseError, both, c.expire, "k", 5, gt=True, lt=True)
    raises(ResponseError, "Unsupported option", c.execute_command, "EXPIRE", "k", 5, "ZZ")
    raises(ResponseError, "invalid expire time in 'expire'", c.expire, "k", 2**63 - 1)


@check(protocols=True)
def getex(node, protocol):
    c = node.client(protocol=protocol)
    equal(c.getex("nothing", ex=5), None)
    c.set("k", "v")
    equal((c.getex("k", ex=100), 98 <= c.ttl("k") <= 100), (b"v", True))
    equal((c.getex("k", pxat=FAR_S * 1000), c.expiretime("k")), (b"v", FAR_S))
    equal((c.getex("k", exat=FAR_S + 1), c.expiretime("k")), (b"v", FAR_S + 1))
    equal((c.getex("k"), c.expiretime("k")), (b"v", FAR_S + 1))
    equal((c.getex("k", persist=True), c.ttl("k")), (b"v", -1))
    raises(ResponseError, "syntax error", c.execute_command, "GETEX", "k", "EX", 5, "PERSIST")
    raises(ResponseError, "invalid expire time in 'getex'", c.getex, "k", ex=0)


@check(protocols=True)
def counters(node, protocol):
    c = node.client(protocol=protocol)
    equal([c.incr("n"), c.incrby("n", 10), c.decr("n"), c.decrby("n", 20)], [1, 11, 10, -10])
    equal(c.get("n"), b"-10")
    c.set("n", 2**63 - 1)
    raises(ResponseError, "increment or decrement would overflow", c.incr, "n")
    c.set("n", -(2**63))
    raises(ResponseError, "increment or decrement would overflow", c.decr, "n")
    overflow = "decrement would overflow"
    raises(ResponseError, overflow, c.execute_command, "DECRBY", "n", -(2**63))
    for text in ("", "x", "1.0", " 1", "1 ", "+1", "01", "9223372036854775808", "-0"):
        c.set("t", text)
        raises(ResponseError, "value is not an integer or out of range", c.incr, "t")
        equal(c.get("t"), text.encode())
    c.set("t", "5", ex=100)
    equal(c.incr("t"), 6)
    assert 98 <= c.ttl("t") <= 100, "a counter keeps its deadline"
    equal(c.incrbyfloat("f", 1.5), 1.5)
    equal(c.incrbyfloat("f", "-1.25"), 0.25)
    equal(c.get("f"), b"0.25")


@check(protocols=True)
def pieces_of_values(node, protocol):
    c = node.client(protocol=protocol)
    equal([c.append("k", "Hello"), c.append("k", " World")], [5, 11])
    equal((c.get("k"), c.strlen("k"), c.strlen("nothing")), (b"Hello World", 11, 0))
    slices = [(0, 4), (-5, -1), (0, -1), (3, 2), (20, 30), (-100, 2), (0, 100)]
    equal([c.getrange("k", a, b) for a, b in slices],
          [b"Hello", b"World", b"Hello World", b"", b"", b"Hel", b"Hello World"])
    equal((c.setrange("k", 6, "Redis"), c.get("k")), (11, b"Hello Redis"))
    equal((c.setrange("pad", 3, "x"), c.get("pad")), (4, b"\0\0\0x"))
    equal((c.setrange("nothing", 3, ""), c.exists("nothing")), (0, 0))
    raises(ResponseError, "offset is out of range", c.setrange, "k", -1, "x")


@check(protocols=True)
def many_keys(node, protocol):
    c = node.client(protocol=protocol)
    values = {f"k{i}": f"v{i}" for i in range(1_000)}
    equal(c.mset(values), True)
    equal(c.mget(list(values)), [v.encode() for v in values.values()])
    equal(c.mget("k1", "nothing", "k1"), [b"v1", None, b"v1"])
    equal(c.exists("k1", "k1", "nothing"), 2)
    equal(c.touch("k1", "k2", "nothing"), 2)
    equal(c.unlink("k1", "nothing"), 1)
    equal(c.delete("k2", "k2", "k3"), 2)
    equal(c.dbsize(), 997)
    equal(c.delete(*values), 997)
    c.set("k", "once")
    equal(c.execute_command("MSET", "k", "1", "k", "2"), True)
    equal(c.get("k"), b"2")


@check(protocols=True)
def keyspace(node, protocol):
    c = node.client(protocol=protocol)
    names = ["one", "two", "three", "thirty", "h[x]", "a*b", "back\\slash"]
    c.mset({name: 1 for name in names})
    patterns = {
        "*": names, "t*": ["two", "three", "thirty"], "t?o": ["two"],
        "th[ir]*": ["three", "thirty"],
        "[^t]*": ["one", "h[x]", "a*b", "back\\slash"], "[a-h]*": ["h[x]", "a*b", "back\\slash"],
        "h\\[x\\]": ["h[x]"], "a\\*b": ["a*b"], "back\\\\slash": ["back\\slash"], "": [], "on": [],
        "*e": ["one", "three"], "*hr*e": ["three"],
    }
    for pattern, expected in patterns.items():
        found = sorted(key.decode() for key in c.keys(pattern))
        equal(found, sorted(expected), pattern)
        found = sorted(key.decode() for key in c.scan_iter(match=pattern or None, count=3))
        equal(found, sorted(expected if pattern else names), f"SCAN {pattern}")
    equal((c.type("one"), c.type("nothing")), (b"string", b"none"))
    assert c.randomkey().decode() in names
    equal((c.flushdb(), c.dbsize(), c.randomkey(), c.keys()), (True, 0, None, []))
    c.set("k", 1)
    equal((c.flushall(asynchronous=True), c.dbsize()), (True, 0))


@check(protocols=True)
def scan(node, protocol):
    c = node.client(protocol=protocol)
    names = {f"key:{i}".encode() for i in range(5_000)}
    c.mset({name: 1 for name in names})
    for count in (None, 1, 100, 10_000):
        found = list(c.scan_iter(count=count)) if count != 1 else list(c.scan_iter(count=17))
        equal(set(found), names)
        equal(len(found), len(names), "no key twice while nothing changes")
    equal(set(c.scan_iter(_type="string", count=500)), names)
    equal(list(c.scan_iter(_type="hash", count=5_000)), [])
    cursor, some = c.scan(0, count=10)
    assert isinstance(cursor, int) and len(some) < 5_000
    # Keys present throughout are found although others come and go.
    stable = {name for name in names if name.endswith(b"7")}
    found, cursor, step = set(), 0, 0
    while True:
        cursor, some = c.scan(cursor, count=100)
        found.update(some)
        c.mset({f"new:{step}:{i}": 1 for i in range(50)})
        c.delete(*[name for name in list(names - stable)[step * 40:step * 40 + 40]] or [b"-"])
        step += 1
        if cursor == 0:
            break
        assert step < 10_000, "the cursor does not come back to 0"
    assert stable <= found, f"{len(stable - found)} stable keys were missed"
    raises(ResponseError, "syntax error", c.execute_command, "SCAN", 0, "COUNT", 0)
    raises(ResponseError, "invalid cursor", c.execute_command, "SCAN", "x")
    raises(ResponseError, "syntax error", c.execute_command, "SCAN", 0, "NOSUCH", "x")


@check(protocols=True)
def binary_keys_and_values(node, protocol):
    c = node.client(protocol=protocol)
    seed = 20_260
    rng = random.Random(seed)
    every_byte = bytes(range(256))
    pairs = {every_byte: every_byte, b"\r\n": b"$-1\r\n", b"": b"empty key", b"\0": b"\0\0"}
    for length in (1, 15, 16, 255, 256, 1_000, 4_096, 60_000):
        pairs[rng.randbytes(length)] = rng.randbytes(length * 3)
    for key, value in pairs.items():
        equal(c.set(key, value), True)
    for key, value in pairs.items():
        equal(c.get(key), value, f"seed {seed}")
    equal(c.mget(list(pairs)), list(pairs.values()))
    equal(sorted(c.keys()), sorted(pairs))
    equal(sorted(c.scan_iter()), sorted(pairs))
    equal(c.delete(*pairs), len(pairs))


@check(protocols=True)
def large_values(node, protocol):
    c = node.client(protocol=protocol)
    value = random.Random(8).randbytes(8 << 20)
    equal(c.set("large", value), True)
    assert c.get("large") == value
    equal(c.strlen("large"), len(value))
    assert c.getrange("large", 1_000_000, 1_000_099) == value[1_000_000:1_000_100]
    assert c.set("large", value[::-1], get=True) == value
    assert c.mget("large", "nothing", "large") == [value[::-1], None, value[::-1]]
    for length in (65_535, 65_536, 1 << 20, (1 << 20) + 1):
        c.set("middle", value[:length])
        assert c.get("middle") == value[:length], length
    equal(c.append("middle", "tail"), (1 << 20) + 5)
    equal(c.getrange("middle", -5, -1), value[1 << 20:(1 << 20) + 1] + b"tail")
    with c.pipeline(transaction=False) as pipe:
        # The client sends all before it reads: the replies must fit what may stay unread.
        for i in range(6):
            pipe.set(f"large:{i}", value[: (1 << 20) - i])
            pipe.get(f"large:{i}")
        found = pipe.execute()
    assert [len(v) for v in found[1::2]] == [(1 << 20) - i for i in range(6)]
    equal(c.delete("large", "middle", *[f"large:{i}" for i in range(6)]), 8)


@check(protocols=True)
def databases_are_apart(node, protocol):
    zero, one = node.client(protocol=protocol), node.client(protocol=protocol, db=1)
    zero.set("k", "zero")
    equal(one.get("k"), None)
    equal((one.set("k", "one"), zero.get("k"), one.get("k")), (True, b"zero", b"one"))
    equal((zero.dbsize(), one.dbsize(), one.keys(), list(one.scan_iter())), (1, 1, [b"k"], [b"k"]))
    equal(node.client(db=15).dbsize(), 0)
    raises(ResponseError, "DB index is out of range", node.client(db=16, protocol=protocol).ping)
    equal((one.flushdb(), zero.get("k"), one.get("k")), (True, b"zero", None))
    one.set("k", "one")
    found = zero.info("keyspace")
    equal((found["db0"]["keys"], found["db1"]["keys"], found["db0"]["expires"]), (1, 1, 0))
    equal((zero.flushall(), one.dbsize()), (True, 0))


@check(protocols=True)
def compare_and_swap_of_valkey(node, protocol):
    c = node.client(protocol=protocol)
    c.set("k", "old")
    if not node.is_velodrome:
        raises(ResponseError, "syntax error", c.execute_command, "SET", "k", "v", "IFEQ", "old")
        return
    equal(c.execute_command("SET", "k", "new", "IFEQ", "wrong"), None)
    equal(c.execute_command("SET", "k", "new", "IFEQ", "old"), True)
    equal(c.execute_command("DELIFEQ", "k", "old"), 0)
    equal((c.execute_command("DELIFEQ", "k", "new"), c.exists("k")), (1, 0))
