"""What client libraries send on connect, as bytes, for those that are not installed here.

Owns one conversation a library, read from its source. Invariant: each request gets exactly one
reply, in order, and where the library insists on a kind of reply, it is that kind. Cost: none.
"""

from harness import check, equal
from wire import Wire, encode

# A reply's first byte: "%" map, "*" array, "+" simple, "$" bulk, "=" verbatim, ":" integer, "-"
# error; several are alternatives, "" is anything. A second text is for Velodrome where it differs.
LIBRARIES = {
    "go-redis": [
        ("HELLO 3", "%"),
        ("SELECT 1", "+"),
        ("CLIENT SETNAME mine", "+"),
        ("CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip", "-"),
        ("CLIENT SETINFO LIB-NAME go-redis(,go1.25)", "-", "+"),
        ("CLIENT SETINFO LIB-VER 9.22.0", "-", "+"),
        ("PING", "+"),
    ],
    "go-redis cluster": [
        ("HELLO 3", "%"),
        ("READONLY", "-", "+"),
        ("CLUSTER SLOTS", "-", "*"),
        ("COMMAND", "*"),
        ("GET k", "_"),
    ],
    "Lettuce": [
        ("HELLO 3 SETNAME mine", "%"),
        ("CLIENT SETINFO lib-name Lettuce", "-", "+"),
        ("CLIENT SETINFO lib-ver 7.0", "-", "+"),
        ("CLIENT MAINT_NOTIFICATIONS on", "-"),
        ("CLUSTER NODES", "-", "=$"),
        ("INFO", "=$"),
        ("GET k", "_"),
    ],
    "Jedis": [
        ("HELLO 3", "%"),
        ("CLIENT SETNAME mine", "+"),
        ("CLIENT SETINFO LIB-NAME jedis", "-", "+"),
        ("CLUSTER SLOTS", "-", "*"),
        ("GET k", "_"),
    ],
    "StackExchange.Redis": [
        ("HELLO 3", "%"),
        ("CLIENT SETNAME machine", "+"),
        ("CLIENT SETINFO lib-name SE.Redis", "-", "+"),
        ("CLIENT ID", ":"),
        ("CONFIG GET timeout", "%"),
        ("CONFIG GET replica-read-only", "%"),
        ("CONFIG GET databases", "%"),
        ("SENTINEL MASTERS", "-"),
        ("INFO replication", "=$"),
        ("INFO server", "=$"),
        ("CLUSTER NODES", "-", "=$"),
        ("GET __Booksleeve_TieBreak", "_"),
        ("ECHO 0123456789abcdef", "$"),
    ],
    "redis-rs": [
        ("HELLO 3", "%"),
        ("SELECT 2", "+"),
        ("CLIENT SETINFO LIB-NAME redis-rs", "-", "+"),
        ("READONLY", "-", "+"),
        ("ASKING", "-", "+"),
        ("GET k", "_"),
    ],
    "hiredis of old": [("PING", "+"), ("SELECT 0", "+"), ("GET k", "$"), ("INFO", "$")],
    "redis_exporter": [
        ("CLIENT SETNAME redis_exporter", "+"),
        ("CONFIG GET *", "*"),
        ("INFO ALL", "$"),
        ("CLIENT LIST", "$"),
        ("SLOWLOG LEN", ":"),
        ("SLOWLOG GET 1", "*"),
        ("LATENCY LATEST", "*"),
        ("LATENCY HISTOGRAM", ""),
        ("CLUSTER INFO", "-", "$"),
        ("MEMORY USAGE k", "$"),
        ("DBSIZE", ":"),
    ],
}


def converse(node, library, rows, whole):
    """Sends the rows one by one, or `whole` as one pipeline, and names each wrong reply."""
    with Wire(node) as wire:
        if whole:
            wire.send(b"".join(encode(*row[0].split()) for row in rows))
        for request, *kinds in rows:
            if not whole:
                wire.send(encode(*request.split()))
            kind = kinds[-1] if node.is_velodrome else kinds[0]
            found = wire.reply()
            assert not kind or found[:1].decode() in kind, (
                f"{library}: {request} is answered {found[:100]!r}, expected one of {kind!r}"
            )
        equal(wire.call("ECHO", "still in step"), b"$13\r\nstill in step\r\n", library)


@check
def libraries_connect(node):
    for library, rows in LIBRARIES.items():
        converse(node, library, rows, whole=False)
        converse(node, library, rows, whole=True)


@check(needs="password")
def a_failed_auth_inside_a_batch_answers_each(node):
    with Wire(node) as wire:
        requests = ["AUTH wrong", "CLIENT ID", "HELLO 3", "CONFIG GET timeout", "GET k"]
        wire.send(b"".join(encode(*request.split()) for request in requests))
        for request in requests:
            assert wire.reply().startswith((b"-NOAUTH", b"-WRONGPASS")), request
        equal(wire.call("AUTH", node.shape.password), b"+OK\r\n")
