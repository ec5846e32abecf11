"""The same requests to this server and to Debian's redis-server: the bytes must be the same.

Owns an oracle beside the server under test, a list of awkward requests and a generator of random
ones. Invariant: only replies that may differ (order of keys, clocks, random choice) are compared
loosely. Cost: two seconds.
"""

import atexit
import os
import random
import secrets
import shlex

from harness import check, equal
from node import Node, Shape
from wire import Wire, encode

STEPS = 4_000

# Requests whose replies are compared exactly, one line each; the keyspace is empty at the start.
EXACT = r"""
SET k v EX 10 KEEPTTL | SET k v PXAT 0 | SET k v EXAT -5 | SET k v PX 9223372036854775807
SET k v EX 9223372036854775 | SET k v NX XX | SET k v XX NX GET | SET k v GET GET | SET k v FOO
SET k v PERSIST | SET k v EX 10 EX 10 | SET k v KEEPTTL KEEPTTL | SET k v EX | SET k | SET
SET k 10 | SET k 11 GET | SET k 12 XX GET | SET k 13 NX GET | GET k | SET k 1 NX | GETSET k 5
SETEX k 0 v | SETEX k -1 v | SETEX k x v | PSETEX k 0 v | SETEX k 10 | SETNX k | SETNX k v
GETEX k EX 0 | GETEX k FOO | GETEX k EX 10 PX 10 | GETEX k PERSIST EX 10 | GETEX nothing EX 10
GETEX k EX x | GETEX k PXAT 0 | GET k | SET k 10 | GETDEL k | GETDEL k | GETDEL | GETRANGE k 0
GETRANGE k x 1 | SUBSTR k 0 -1 | SETRANGE k 5 abc | GETRANGE k 0 -1 | SETRANGE k -1 x
SETRANGE k 536870912 x | SETRANGE k x y | STRLEN k | STRLEN | APPEND k | APPEND j "" | EXISTS j
INCR s | INCRBY s x | INCRBY s 9223372036854775807 | INCRBY s 1.5 | DECRBY s -9223372036854775808
DECRBY s 9223372036854775807 | INCRBY s "" | INCRBY s " 1" | INCRBY s +1 | INCRBY s 01 | DECR s
SET s " 5" | INCR s | SET s 9223372036854775807 | INCR s | SET s -9223372036854775808 | DECR s
INCRBYFLOAT f 3.0e3 | INCRBYFLOAT f -3000 | INCRBYFLOAT f 0.1 | INCRBYFLOAT f x | GET f
INCRBYFLOAT f nan | INCRBYFLOAT f inf | SET f abc | INCRBYFLOAT f 1 | INCRBYFLOAT g 1e20
INCRBYFLOAT h 0.30000000000000004 | INCRBYFLOAT h 5.0 | INCRBYFLOAT h 1e-9 | GET h
MSET | MSET a | MSET a 1 b | MSET a 1 a 2 | GET a | MSETNX a 1 | MSETNX c 1 d 2 | MSETNX e 1 f
MGET | MGET a b c d | DEL | DEL a a | UNLINK c nothing | EXISTS d d d | TOUCH | TOUCH d a
EXPIRE d | EXPIRE d x | EXPIRE d 9223372036854775807 | EXPIRE d -9223372036854775808 | GET d
EXPIRE d 10 FOO | EXPIRE d 10 NX XX | EXPIRE d 10 NX GT | EXPIRE d 10 GT LT | EXPIRE d 10 XX GT
EXPIRE nothing 10 NX GT | SET d 1 | PEXPIREAT d 33177117420000 | PEXPIRETIME d | EXPIRETIME d
EXPIREAT d 33177117421 XX GT | EXPIREAT d 33177117420 GT | EXPIRETIME d | PEXPIREAT d x | PERSIST d
PERSIST d | TTL d | PTTL d | TTL nothing | PTTL nothing | EXPIRETIME nothing | EXPIRETIME d
EXPIREAT d 9223372036854775 | PEXPIRE d 9223372036854775807 | EXPIRE d 0 | EXISTS d | TTL
TYPE k | TYPE nothing | TYPE | OBJECT | OBJECT ENCODING nothing | OBJECT FOO k | OBJECT REFCOUNT
SCAN | SCAN x | SCAN 0 COUNT | SCAN 0 COUNT 0 | SCAN 0 COUNT x | SCAN 0 FOO 1 | SCAN 1e3
KEYS | KEYS nothing | SET n 5 | OBJECT ENCODING n | SET n 12345678901234567890 | OBJECT ENCODING n
SELECT | SELECT x | SELECT -1 | SELECT 16 | SELECT 99999999999 | SELECT 2 | DBSIZE | SELECT 0
FLUSHDB FOO | FLUSHALL FOO | FLUSHDB SYNC ASYNC | DBSIZE x | RANDOMKEY x | ECHO | ECHO a b
PING a b | PING "" | MULTI x | EXEC | DISCARD | WATCH | UNWATCH | MULTI | GET | EXEC | MULTI
SET m 1 | INCR m | GET m | NOSUCH | EXEC | MULTI | SET m 1 | INCR m | APPEND m x | INCR m | GET m
EXEC | MULTI | MULTI | WATCH k | DISCARD | MULTI | EXEC | WATCH m | SET m 5 | MULTI | GET m | EXEC
MULTI | SELECT 3 | SET inside 3 | DBSIZE | EXEC | DBSIZE | SELECT 0 | MULTI | PING | ECHO x | EXEC
WATCH m | UNWATCH | SET m 6 | MULTI | GET m | EXEC | MULTI | RESET | EXEC | DBSIZE
nosuch | NOSUCH "a b" 'c' | CLIENT | CLIENT FOO | CLIENT SETNAME | CLIENT SETNAME "a b"
CLIENT SETNAME ok | CLIENT GETNAME | CLIENT SETNAME "" | CLIENT GETNAME | CLIENT GETNAME x
CLIENT KILL | CLIENT KILL 1.2.3.4:5 | CLIENT KILL ID x | CLIENT KILL ID 99999 | CLIENT KILL FOO BAR
CLIENT KILL TYPE foo | CLIENT LIST TYPE foo | CLIENT LIST ID x | CLIENT LIST FOO | CLIENT REPLY FOO
CLIENT PAUSE | CLIENT PAUSE x | CLIENT PAUSE -1 | CLIENT PAUSE 1 FOO | CLIENT UNPAUSE x
CLIENT NO-EVICT | CLIENT NO-EVICT FOO | CLIENT UNPAUSE | CLIENT LIST TYPE pubsub | CLIENT ID x
CONFIG | CONFIG FOO | CONFIG GET | CONFIG SET | CONFIG SET nosuch 1 | CONFIG SET timeout
CONFIG GET databases | CONFIG GET nosuch | CONFIG SET timeout x | CONFIG RESETSTAT x
CONFIG SET timeout 0 timeout 0 | CONFIG RESETSTAT | COMMAND FOO | COMMAND INFO nosuch
COMMAND GETKEYS | COMMAND GETKEYS nosuch k | COMMAND GETKEYS get | COMMAND GETKEYS get k
COMMAND GETKEYS ping x | COMMAND GETKEYS mset a 1 b 2 | COMMAND LIST FILTERBY FOO x
COMMAND COUNT x
COMMAND GETKEYSANDFLAGS get k | COMMAND GETKEYSANDFLAGS set k v | COMMAND DOCS nosuch
COMMAND LIST FILTERBY PATTERN xyz* | COMMAND LIST FILTERBY PATTERN mset | INFO nosuch
HELLO x | HELLO 4 | HELLO 0 | HELLO 2 FOO | HELLO 2 AUTH x | HELLO 2 SETNAME | AUTH | AUTH a b c
AUTH x | MEMORY | MEMORY FOO | MEMORY USAGE | MEMORY USAGE nothing | MEMORY USAGE k SAMPLES x
SLOWLOG | SLOWLOG FOO | SLOWLOG GET x | SLOWLOG GET -2 | SLOWLOG RESET | SLOWLOG GET | SLOWLOG LEN
LATENCY FOO | LATENCY LATEST | LATENCY RESET | WAIT | WAIT x 1 | WAIT 0 x | WAIT 0 -1 | WAIT 0 1
TIME x | ROLE x | ROLE | SHUTDOWN FOO | SHUTDOWN ABORT | RESET x | QUIT x | READONLY x
"""

# Differences that are meant, with the reason.
MEANT = {
    "QUIT x": "closes the connection on both; compared elsewhere",
    "READONLY x": "a node alone answers cluster commands",
}

# Replies whose elements come in no particular order.
UNORDERED = {"KEYS", "SCAN"}


class Oracle:
    """One redis-server for all shapes, started when first needed."""

    node = None

    @classmethod
    def get(cls):
        if cls.node is None or not cls.node.alive():
            cls.node = Node(Shape())
            atexit.register(cls.node.close)
        with Wire(cls.node) as wire:
            wire.call("FLUSHALL")
        return cls.node


def exact_requests():
    rows = [row for line in EXACT.strip().splitlines() for row in line.split(" | ")]
    return [row.strip() for row in rows if row.strip() not in MEANT]


@check(protocols=True)
def awkward_requests(node, protocol):
    wrong = []
    with Wire(node, protocol) as ours, Wire(Oracle.get(), protocol) as theirs:
        for row in exact_requests():
            found, expected = ours.call(*shlex.split(row)), theirs.call(*shlex.split(row))
            if found != expected:
                wrong.append(f"{row}: found {found!r}, Redis {expected!r}")
    assert not wrong, f"{len(wrong)} of {len(exact_requests())} differ:\n" + "\n".join(wrong)


class Requests:
    """Random requests over few keys, so that they meet."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def key(self):
        rng = self.rng
        return rng.choice(["a", "b", "c", "{t}1", "{t}2", "", "long" * 50, f"k{rng.randrange(40)}"])

    def value(self):
        rng = self.rng
        numbers = [str(rng.randrange(-50, 50)), str(2**63 - 1), str(-(2**63)), "1.5", "007", ""]
        return rng.choice(numbers + ["text", "x" * rng.randrange(300), "x" * rng.randrange(20_000)])

    def number(self):
        return self.rng.choice([0, 1, -1, 7, -300, 2**63 - 1, -(2**63), "x", 2**31])

    def deadline(self):
        rng = self.rng
        far_s = 33_177_117_420 + rng.randrange(5)
        return rng.choice([[], [], ["EXAT", far_s], ["PXAT", far_s * 1000 + 5], ["KEEPTTL"]])

    def some_keys(self):
        return [self.key() for _ in range(self.rng.randrange(1, 6))]

    def some_pairs(self):
        return [part for key in self.some_keys() for part in (key, self.value())]

    def one(self):
        rng, key = self.rng, self.key()
        far_s = 33_177_117_420 + rng.randrange(5)
        makers = [
            lambda: ["GET", key],
            lambda: ["SET", key, self.value(), *self.deadline()],
            lambda: ["SET", key, self.value(), rng.choice(["NX", "XX"]), *self.deadline()],
            lambda: ["SET", key, self.value(), "GET", *rng.choice([[], ["NX"], ["XX"]])],
            lambda: ["SETNX", key, self.value()],
            lambda: ["GETSET", key, self.value()],
            lambda: ["GETDEL", key],
            lambda: ["GETEX", key, *rng.choice([[], ["PERSIST"], ["EXAT", far_s]])],
            lambda: [rng.choice(["INCR", "DECR"]), key],
            lambda: [rng.choice(["INCRBY", "DECRBY"]), key, self.number()],
            lambda: ["APPEND", key, self.value()],
            lambda: ["SETRANGE", key, rng.randrange(100), self.value()],
            lambda: ["GETRANGE", key, rng.randrange(-20, 20), rng.randrange(-20, 20)],
            lambda: ["STRLEN", key],
            lambda: [rng.choice(["DEL", "UNLINK", "EXISTS", "TOUCH", "MGET"]), *self.some_keys()],
            lambda: [rng.choice(["MSET", "MSET", "MSETNX"]), *self.some_pairs()],
            lambda: ["EXPIREAT", key, far_s, *rng.choice([[], ["NX"], ["XX"], ["GT"], ["LT"]])],
            lambda: ["PEXPIREAT", key, rng.choice([far_s * 1000, 1])],
            lambda: [rng.choice(["EXPIRETIME", "PEXPIRETIME", "PERSIST", "TYPE"]), key],
            lambda: ["DBSIZE"],
            lambda: ["KEYS", rng.choice(["*", "k*", "{t}*", "?", "[a-b]"])],
            lambda: ["SELECT", rng.choice([0, 0, 1])],
        ]
        rare = [["FLUSHDB"], ["MULTI"], ["EXEC"], ["EXEC"], ["DISCARD"], ["UNWATCH"]]
        rare.append(["WATCH", key])
        return rng.choice(rare) if rng.random() < 0.04 else rng.choice(makers)()


class Transaction:
    """Follows MULTI and EXEC, and leaves out what is compared in a check of its own."""

    def __init__(self):
        self.open = False

    def admits(self, args):
        """Whether to send a request now; takes note of those that open and close."""
        name = args[0]
        if self.open and (name in UNORDERED or name == "MSETNX"):
            return False
        if self.open and name in ("INCRBY", "DECRBY") and args[2] in ("x", -(2**63)):
            return False
        self.open = name == "MULTI" or self.open and name not in ("EXEC", "DISCARD")
        return True


def seed():
    return int(os.environ.get("INTEROP_SEED") or secrets.randbits(32))


def comparable(wire, args):
    """A reply, with the elements of unordered ones sorted."""
    return sorted(wire.elements(*args)) if args[0] in UNORDERED else wire.call(*args)


# Requests whose mistake Redis finds when it runs them, not when it queues them.
LATE_REFUSALS = r"""
SET k v EX x | SET k v EX 0 | SETEX k 0 v | EXPIRE k x | EXPIRE k 1 FOO | INCRBY k x | SELECT x
DECRBY k -9223372036854775808 | GETRANGE k x 1 | SCAN x | SET k v NX XX | HELLO 4 | MSET a 1 b
CLIENT SETNAME "a b" | CONFIG SET timeout x | SELECT 99 | OBJECT FOO k | GETEX k EX 0 | FLUSHDB FOO
"""


@check(protocols=True)
def a_late_refusal_leaves_the_rest_of_a_transaction(node, protocol):
    wrong = []
    rows = [row for line in LATE_REFUSALS.strip().splitlines() for row in line.split(" | ")]
    with Wire(node, protocol) as ours, Wire(Oracle.get(), protocol) as theirs:
        for row in rows:
            script = [["SET", "n", 1], ["MULTI"], ["INCR", "n"], shlex.split(row), ["INCR", "n"]]
            script += [["EXEC"], ["GET", "n"], ["DISCARD"], ["DEL", "k"]]
            found = [ours.call(*args) for args in script][2:-2]
            expected = [theirs.call(*args) for args in script][2:-2]
            if found != expected:
                wrong.append(f"{row}: found {found}, Redis {expected}")
    assert not wrong, f"{len(wrong)} of {len(rows)} differ:\n" + "\n".join(wrong)


@check(protocols=True)
def many_keys_inside_a_transaction(node, protocol):
    # Over shards see set_if_none_over_shards_inside_a_transaction.
    keys = ["{t}a", 1, "{t}b", 2, "{t}c", 3, "{t}d", 4]
    scripts = [
        [["MULTI"], ["MSETNX", *keys], ["EXEC"], ["DBSIZE"]],
        [["SET", "{t}n", 1], ["MULTI"], ["MSETNX", "{t}n", 2, "{t}z", 2], ["EXEC"]],
        [["MULTI"], ["MSETNX", "{t}y", 2, "{t}n", 2], ["EXEC"], ["MGET", "{t}n", "{t}y"]],
        [["MULTI"], ["UNWATCH"], ["EXEC"]],
        [["MULTI"], ["FLUSHDB"], ["SET", "k", 1], ["DBSIZE"], ["RANDOMKEY"], ["EXEC"]],
        [["MULTI"], ["MSET", "a", 1, "b", 2], ["DEL", "a", "k"], ["KEYS", "*"], ["EXEC"]],
        [["MULTI"], ["INCR", "k"], ["DISCARD"], ["GET", "k"]],
        [["MULTI"], ["QUIT"]],
    ]
    with Wire(node, protocol) as ours, Wire(Oracle.get(), protocol) as theirs:
        for script in scripts:
            found, expected = [[wire.call(*a) for a in script] for wire in (ours, theirs)]
            equal(found, expected, script)


@check(protocols=True)
def set_if_none_over_shards_inside_a_transaction(node, protocol):
    """As Redis where the keys share a shard; else refused before anything is queued."""
    script = [["MULTI"], ["MSETNX", "a", 1, "b", 2, "c", 3, "d", 4], ["EXEC"], ["DBSIZE"]]
    with Wire(node, protocol) as ours, Wire(Oracle.get(), protocol) as theirs:
        found, expected = [[wire.call(*a) for a in script] for wire in (ours, theirs)]
        if not found[1].startswith(b"-CROSSSLOT"):
            return equal(found, expected, script)
        assert node.shape.shards > 1, "one shard has every key"
        assert found[2].startswith(b"-EXECABORT") and found[3] == b":0\r\n", found


@check(protocols=True)
def a_lost_watch_undoes_select(node, protocol):
    for server in (node, Oracle.get()):
        with Wire(server, protocol) as wire:
            script = [["WATCH", "w"], ["SET", "w", 1], ["MULTI"], ["SELECT", 1], ["SET", "k", 1]]
            for args in script + [["EXEC"]]:
                wire.call(*args)
            equal(wire.call("GET", "w"), b"$1\r\n1\r\n", "still in database 0")


@check(protocols=True)
def random_requests(node, protocol):
    chosen = seed()
    requests = Requests(chosen)
    transaction = Transaction()
    with Wire(node, protocol) as ours, Wire(Oracle.get(), protocol) as theirs:
        for step in range(STEPS):
            args = requests.one()
            if not transaction.admits(args):
                continue
            found, expected = comparable(ours, args), comparable(theirs, args)
            equal(found, expected, f"INTEROP_SEED={chosen} step {step}: {args}"[:500])


@check(protocols=True)
def random_pipelines(node, protocol):
    chosen = seed()
    requests, transaction = Requests(chosen), Transaction()
    with Wire(node, protocol) as ours, Wire(Oracle.get(), protocol) as theirs:
        for number in range(60):
            batch = [requests.one() for _ in range(requests.rng.randrange(1, 200))]
            batch = [args for args in batch if args[0] not in UNORDERED]
            batch = [args for args in batch if transaction.admits(args)]
            data = b"".join(encode(*args) for args in batch)
            ours.send(data)
            theirs.send(data)
            for args in batch:
                what = f"INTEROP_SEED={chosen} batch {number}: {args}"[:500]
                equal(ours.reply(), theirs.reply(), what)
