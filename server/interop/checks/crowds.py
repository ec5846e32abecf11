"""Many connections at once, and connections that come and go.

Owns what only a crowd shows: counting, fairness, leaks of descriptors. Invariant: every client gets
every one of its own replies. Cost: two seconds.
"""

import os
import threading

from harness import check, equal, eventually
from wire import Wire, encode

CROWD = 1_000


@check
def a_thousand_connections(node):
    wires = [Wire(node) for _ in range(CROWD)]
    try:
        for number, wire in enumerate(wires):
            wire.send(encode("SET", f"k{number}", number) + encode("GET", f"k{number}"))
        for number, wire in enumerate(wires):
            text = str(number).encode()
            expected = [b"+OK\r\n", b"$%d\r\n%s\r\n" % (len(text), text)]
            equal([wire.reply(), wire.reply()], expected)
        assert node.client().info("clients")["connected_clients"] >= CROWD
    finally:
        for wire in wires:
            wire.close()
    clients = lambda: node.client().info("clients")["connected_clients"] < 20
    eventually(clients, 10, "closed connections are counted off")


@check
def coming_and_going_leaks_no_descriptor(node):
    folder = f"/proc/{node.process.pid}/fd"

    def visit(count):
        for _ in range(count):
            with Wire(node) as wire:
                equal(wire.call("INCR", "visits")[:1], b":")

    visit(20)
    eventually(lambda: node.client().info("clients")["connected_clients"] < 10, 10, "quiet")
    before = len(os.listdir(folder))
    visit(500)
    settled = lambda: len(os.listdir(folder)) <= before + 10
    eventually(settled, 10, f"descriptors fall back to about {before}")
    equal(node.client().get("visits"), b"520")


@check
def threads_share_counters(node):
    failures = []

    def work():
        try:
            client = node.client()
            for i in range(300):
                client.incr("n")
                client.incr(f"n:{i % 10}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a client waits for ever"
    assert not failures, failures
    client = node.client()
    equal(client.get("n"), b"6000")
    equal(sum(map(int, client.mget([f"n:{i}" for i in range(10)]))), 6_000)


@check
def a_reader_that_stops_does_not_stop_others(node):
    node.client().set("large", b"x" * (1 << 20))
    with Wire(node) as slow:
        slow.send(encode("GET", "large") * 64)
        other = node.client()
        for _ in range(50):
            equal(other.ping(), True)
        # It reads on later and gets what it asked for, or was closed at its output limit.
        try:
            for _ in range(64):
                equal(len(slow.reply()), (1 << 20) + len("$1048576\r\n") + 2)
        except (AssertionError, ConnectionError) as error:
            assert "connection closed" in str(error) or isinstance(error, ConnectionError), error
    equal(node.client().ping(), True)


@check
def over_the_limit_of_clients(node):
    client = node.client(single_connection_client=True)
    old = client.config_get("maxclients")["maxclients"]
    client.config_set("maxclients", 20)
    wires = []
    try:
        for _ in range(60):
            wires.append(Wire(node))
        refusals = []
        for wire in wires:
            try:
                wire.send(b"PING\r\n")
                found = wire.reply()
            except (AssertionError, ConnectionError):
                found = b"closed"
            if found != b"+PONG\r\n":
                refusals.append(found)
        assert refusals, "60 clients were served although 20 is the limit"
        text = b"-ERR max number of clients reached\r\n"
        assert all(found in (text, b"closed") for found in refusals), refusals[0]
        assert text in refusals, refusals[0]
    finally:
        for wire in wires:
            wire.close()
        client.config_set("maxclients", old)
    equal(client.ping(), True)
