"""Bytes on the wire: handshakes, inline requests, protocol errors, every way to cut a request.

Owns what no client library shows. Invariant: replies are compared byte by byte. Cost: a second.
"""

import random
import re

from harness import check, equal
from wire import Wire, encode

# A request that breaks the protocol, and what is answered before the connection is closed.
BROKEN = [
    (b"*1x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*99999999999\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*1\r\nPING\r\n", b"-ERR Protocol error: expected '$', got 'P'\r\n"),
    (b"*1\r\n:4\r\n", b"-ERR Protocol error: expected '$', got ':'\r\n"),
    (b"*1\r\n$x\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n$-2\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n$99999999999\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b'SET k "open\r\n', b"-ERR Protocol error: unbalanced quotes in request\r\n"),
    (b"a" * 70_000, b"-ERR Protocol error: too big inline request\r\n"),
    (b"*" + b"1" * 70_000, b"-ERR Protocol error: too big mbulk count string\r\n"),
    (b"*1\r\n$" + b"1" * 70_000, b"-ERR Protocol error: too big bulk count string\r\n"),
]

# Inline requests with their replies; empty lines are answered by silence.
INLINE = [
    (b"PING\r\n", b"+PONG\r\n"),
    (b"\r\n\r\nPING\n", b"+PONG\r\n"),
    (b"  ping   \r\n", b"+PONG\r\n"),
    (b'SET k "a\\x00b\\r\\n"\r\n', b"+OK\r\n"),
    (b"GET k\r\n", b"$5\r\na\0b\r\n\r\n"),
    (b"SET k 'it\\'s'\r\n", b"+OK\r\n"),
    (b"GET 'k'\r\n", b"$4\r\nit's\r\n"),
    (b'ECHO ""\r\n', b"$0\r\n\r\n"),
    (b"*0\r\n*-1\r\nPING\r\n", b"+PONG\r\n"),
    (b"GET\r\n", b"-ERR wrong number of arguments for 'get' command\r\n"),
]


@check
def inline_requests(node):
    with Wire(node) as wire:
        for request, expected in INLINE:
            wire.send(request)
            equal(wire.reply(), expected, request)
        wire.send(b"".join(request for request, _ in INLINE))
        for request, expected in INLINE:
            equal(wire.reply(), expected, request)


@check
def protocol_errors_are_answered_and_close(node):
    for request, expected in BROKEN:
        with Wire(node) as wire:
            # What stands before the mistake is answered first.
            try:
                wire.send(encode("PING") + request)
            except ConnectionError:
                pass
            assert wire.is_closed(), f"{request[:40]}: the connection stays open"
            found, whole = wire.buffer, b"+PONG\r\n" + expected
            # A reset may overtake the reply when the peer had more to read.
            assert found == whole or len(request) > 60_000 and whole.startswith(found), (
                f"{request[:40]}: found {found!r}, expected {whole!r}"
            )


@check
def every_split_point(node):
    request = encode("SET", "key", "value\r\n$3") + encode("GET", "key") + b"PING\r\n"
    expected = [b"+OK\r\n", b"$9\r\nvalue\r\n$3\r\n", b"+PONG\r\n"]
    with Wire(node) as wire:
        for cut in range(len(request) + 1):
            wire.send(request[:cut])
            # A second connection's round trip lets the first part arrive on its own.
            if cut % 8 == 0:
                with Wire(node) as other:
                    other.call("PING")
            wire.send(request[cut:])
            equal([wire.reply() for _ in range(3)], expected, f"cut at {cut}")
        for byte in range(len(request)):
            wire.send(request[byte : byte + 1])
        equal([wire.reply() for _ in range(3)], expected, "byte by byte")


@check
def hello(node):
    with Wire(node) as wire:
        assert wire.call("HELLO").startswith(b"*14\r\n$6\r\nserver\r\n")
        assert wire.call("HELLO", 2).startswith(b"*14\r\n$6\r\nserver\r\n")
        found = wire.call("HELLO", 3)
        assert found.startswith(b"%7\r\n$6\r\nserver\r\n"), found
        parts = found.split(b"\r\n")
        for field in (b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"):
            assert field in parts, f"{field} is missing in {found}"
        assert b"$5\r\nproto\r\n:3\r\n" in found, found
        assert b"$10\r\nstandalone\r\n" in found and b"$6\r\nmaster\r\n" in found, found
        # Clients switch features on by the version of Redis that they read here.
        version = re.search(rb"\$7\r\nversion\r\n\$\d+\r\n([\d.]+)\r\n", found)[1]
        assert b"redis_version:%s\r\n" % version in wire.call("INFO", "server"), version
        for version in (1, 4, 99):
            found = wire.call("HELLO", version)
            equal(found, b"-NOPROTO unsupported protocol version\r\n")
        found = wire.call("HELLO", "x")
        not_a_number = b"-ERR Protocol version is not an integer or out of range\r\n"
        equal(found, not_a_number)
        assert wire.call("HELLO", 3, "NOSUCH").startswith(b"-ERR Syntax error in HELLO option")
        assert wire.call("HELLO", 3, "SETNAME", "a b").startswith(b"-ERR Client names cannot")
        assert wire.call("HELLO", 3, "SETNAME", "me").startswith(b"%7")
        equal(wire.call("CLIENT", "GETNAME"), b"$2\r\nme\r\n")
        equal(wire.call("GET", "nothing"), b"_\r\n")
        assert wire.call("HELLO", 2).startswith(b"*14")
        equal(wire.call("GET", "nothing"), b"$-1\r\n")


@check
def reset_and_quit(node):
    with Wire(node, protocol=3) as wire:
        wire.call("SELECT", 3)
        wire.call("CLIENT", "SETNAME", "x")
        wire.call("MULTI")
        equal(wire.call("RESET"), b"+RESET\r\n")
        equal(wire.call("EXEC"), b"-ERR EXEC without MULTI\r\n")
        equal(wire.call("CLIENT", "GETNAME"), b"$-1\r\n", "back to RESP2 and nameless")
        found = wire.call("CLIENT", "INFO")
        assert b" db=0 " in found, found
        wire.send(encode("SET", "k", "v") + encode("QUIT") + encode("SET", "k", "after"))
        equal((wire.reply(), wire.reply()), (b"+OK\r\n", b"+OK\r\n"))
        assert wire.is_closed()
        equal(wire.buffer, b"", "nothing is executed after QUIT")
    equal(node.client().get("k"), b"v")


@check(protocols=True)
def client_reply_modes(node, protocol):
    with Wire(node, protocol) as wire:
        wire.send(encode("CLIENT", "REPLY", "OFF") + encode("SET", "k", "1") + encode("NOSUCH"))
        equal(wire.call("CLIENT", "REPLY", "ON"), b"+OK\r\n")
        wire.send(encode("CLIENT", "REPLY", "SKIP") + encode("INCR", "k"))
        equal(wire.call("GET", "k"), b"$1\r\n2\r\n")


@check
def garbage_never_breaks_the_server(node):
    seed = 77
    rng = random.Random(seed)
    alphabet = [b"*", b"$", b"\r\n", b"\n", b"1", b"3", b"-1", b"SET", b"k", b"\0", b'"', b" "]
    for number in range(150):
        with Wire(node) as wire:
            wire.stream.settimeout(5)
            garbage = b"".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 200)))
            try:
                wire.send(garbage)
            except ConnectionError:
                pass
    equal(node.client().ping(), True, f"seed {seed}")


@check
def replies_keep_the_order_of_requests(node):
    # Keys of many slots: with several shards most of them live on a sibling core.
    seed = 5
    rng = random.Random(seed)
    with Wire(node) as wire:
        for _ in range(20):
            keys = [f"k{rng.randrange(10_000)}" for _ in range(500)]
            wire.send(b"".join(encode("ECHO", k) + encode("SET", k, k) + encode("GET", k)
                               + encode("MGET", k, "none") for k in keys))
            for k in keys:
                bulk = b"$%d\r\n%s\r\n" % (len(k), k.encode())
                both = b"*2\r\n" + bulk + b"$-1\r\n"
                found = [wire.reply() for _ in range(4)]
                equal(found, [bulk, b"+OK\r\n", bulk, both], f"seed {seed}")


@check(needs="password")
def before_authentication(node):
    with Wire(node) as wire:
        needed = b"-NOAUTH Authentication required.\r\n"
        for args in (["GET", "k"], ["PING"], ["MULTI"], ["INFO"], ["CLIENT", "ID"], ["SHUTDOWN"]):
            equal(wire.call(*args), needed, args)
        found = wire.call("HELLO", 3)
        assert found.startswith(b"-NOAUTH HELLO must be called with the client already auth"), found
        wrong = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
        equal(wire.call("AUTH", "wrong"), wrong)
        equal(wire.call("AUTH", "default", "wrong"), wrong)
        equal(wire.call("AUTH", "nobody", node.shape.password), wrong)
        equal(wire.call("HELLO", 3, "AUTH", "default", "wrong"), wrong)
        equal(wire.call("GET", "k"), needed)
        found = wire.call("HELLO", 3, "AUTH", "default", node.shape.password)
        assert found.startswith(b"%7\r\n"), found
        equal(wire.call("GET", "k"), b"_\r\n")
        equal(wire.call("RESET"), b"+RESET\r\n")
        equal(wire.call("GET", "k"), needed)
        equal(wire.call("AUTH", node.shape.password), b"+OK\r\n")
        equal(wire.call("SET", "k", "v"), b"+OK\r\n")
    too_much = [
        (b"*11\r\n", b"-ERR Protocol error: unauthenticated multibulk length\r\n"),
        (b"*2\r\n$16385\r\n", b"-ERR Protocol error: unauthenticated bulk length\r\n"),
    ]
    for request, expected in too_much:
        with Wire(node) as wire:
            wire.send(request)
            assert wire.is_closed(), request
            equal(wire.buffer, expected)
    with Wire(node) as wire:
        wire.send(encode("AUTH", node.shape.password) + encode("SET", "k", "x" * 20_000))
        equal((wire.reply(), wire.reply()), (b"+OK\r\n", b"+OK\r\n"), "in one batch")


@check
def without_a_password_auth_says_so(node):
    with Wire(node) as wire:
        found = wire.call("AUTH", "something")
        assert found.startswith(b"-ERR AUTH <password> called without any password"), found
        equal(wire.call("AUTH", "default", "anything"), b"+OK\r\n")
        equal(wire.call("PING"), b"+PONG\r\n")
