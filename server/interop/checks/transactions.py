"""redis-py: pipelines, MULTI, WATCH and the lock that frameworks build on it.

Owns everything that spans commands. Invariant: atomicity is checked by results, never by timing.
Cost: a second.
"""

import threading

from redis.exceptions import ResponseError, WatchError

from harness import check, equal, raises
from wire import Wire


@check(protocols=True)
def long_pipelines(node, protocol):
    c = node.client(protocol=protocol)
    with c.pipeline(transaction=False) as pipe:
        for i in range(10_000):
            pipe.set(f"k{i}", i).get(f"k{i}")
        found = pipe.execute()
    equal(found[0::2], [True] * 10_000)
    equal(found[1::2], [str(i).encode() for i in range(10_000)])


@check(protocols=True)
def an_error_inside_a_pipeline_takes_only_its_own_place(node, protocol):
    c = node.client(protocol=protocol)
    with c.pipeline(transaction=False) as pipe:
        pipe.set("k", "x").incr("k").execute_command("NOSUCH").get("k").execute_command("GET")
        pipe.set("k", "y").get("k")
        found = pipe.execute(raise_on_error=False)
    equal([type(value) for value in found[1:3]], [ResponseError, ResponseError])
    equal((found[0], found[3], found[5], found[6]), (True, b"x", True, b"y"))
    assert "unknown command 'NOSUCH'" in str(found[2]), found[2]
    assert "wrong number of arguments for 'get' command" in str(found[4]), found[4]


@check(protocols=True)
def transactions(node, protocol):
    c = node.client(protocol=protocol)
    with c.pipeline() as pipe:
        pipe.set("a", 1).incr("a").get("a").mset({"b": 2, "c": 3}).mget("a", "b", "none")
        pipe.delete("b").dbsize().expire("c", 100).exists("a", "b", "c")
        found = pipe.execute()
    equal(found, [True, 2, b"2", True, [b"2", b"2", None], 1, 2, True, 2])
    with c.pipeline() as pipe:
        equal(pipe.execute(), [])
        pipe.set("k", "x").incr("k").set("k", "y")
        found = pipe.execute(raise_on_error=False)
        equal((found[0], type(found[1]), found[2], c.get("k")), (True, ResponseError, True, b"y"))


@check(protocols=True)
def a_refused_command_aborts_the_transaction(node, protocol):
    c = node.client(protocol=protocol)
    with c.pipeline() as pipe:
        pipe.set("k", "1").execute_command("NOSUCH", "x").set("k", "2")
        raises(Exception, "unknown command", pipe.execute)
    equal(c.get("k"), None)
    with Wire(node, protocol) as wire:
        equal(wire.call("MULTI"), b"+OK\r\n")
        equal(wire.call("SET", "k", "1"), b"+QUEUED\r\n")
        assert wire.call("GET").startswith(b"-ERR wrong number of arguments for 'get' command")
        aborted = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
        equal(wire.call("EXEC"), aborted)
        equal(wire.call("EXISTS", "k"), b":0\r\n")
        equal(wire.call("MULTI"), b"+OK\r\n")
        equal(wire.call("MULTI"), b"-ERR MULTI calls can not be nested\r\n")
        equal(wire.call("WATCH", "k"), b"-ERR WATCH inside MULTI is not allowed\r\n")
        equal(wire.call("SET", "k", "1"), b"+QUEUED\r\n")
        equal(wire.call("DISCARD"), b"+OK\r\n")
        equal(wire.call("EXEC"), b"-ERR EXEC without MULTI\r\n")
        equal(wire.call("EXISTS", "k"), b":0\r\n")


@check(protocols=True)
def watch(node, protocol):
    c, other = node.client(protocol=protocol), node.client(protocol=protocol)
    touches = {
        "set": lambda: other.set("w", "2"), "delete": lambda: other.delete("w"),
        "same value": lambda: other.set("w", "1"), "incr": lambda: other.incr("w"),
        "mset": lambda: other.mset({"x": 1, "w": 3}), "flushall": lambda: other.flushall(),
        "expire": lambda: other.expire("w", 100), "append": lambda: other.append("w", "1"),
        "past": lambda: other.expireat("w", 1), "flushdb": lambda: other.flushdb(),
        "transaction": lambda: other.pipeline().set("w", 5).execute(),
    }
    for name, touch in touches.items():
        c.set("w", "1")
        with c.pipeline() as pipe:
            pipe.watch("unrelated", "w")
            touch()
            pipe.multi()
            pipe.set("done", name)
            raises(WatchError, "", pipe.execute)
        equal(c.get("done"), None, name)
    quiet = {
        "get": lambda: other.get("w"), "other key": lambda: other.set("z", 1),
        "other database": lambda: node.client(db=3).set("w", 1),
        "failed nx": lambda: other.set("w", "2", nx=True), "touch": lambda: other.touch("w"),
        "delete nothing": lambda: other.delete("nothing"),
    }
    for name, act in quiet.items():
        c.set("w", "1")
        with c.pipeline() as pipe:
            pipe.watch("w")
            act()
            pipe.multi()
            pipe.set("done", name)
            equal(pipe.execute(), [True], name)
    with c.pipeline() as pipe:
        pipe.watch("w")
        other.set("w", "changed")
        pipe.unwatch()
        pipe.multi()
        pipe.set("done", "unwatched")
        equal(pipe.execute(), [True])
    with c.pipeline() as pipe:
        pipe.watch("absent")
        other.set("absent", "here now")
        pipe.multi()
        pipe.get("absent")
        raises(WatchError, "", pipe.execute)


@check(protocols=True)
def optimistic_counters_lose_nothing(node, protocol):
    clients = [node.client(protocol=protocol) for _ in range(4)]
    failures = []

    def add(client):
        try:
            for _ in range(50):
                client.transaction(
                    lambda pipe: (lambda now: (pipe.multi(), pipe.set("n", now + 1)))(
                        int(pipe.get("n") or 0)
                    ),
                    "n",
                )
        except Exception as error:
            failures.append(error)

    run_all([threading.Thread(target=add, args=(client,)) for client in clients])
    assert not failures, failures
    equal(clients[0].get("n"), b"200")


@check(protocols=True)
def transactions_over_many_keys_are_atomic(node, protocol):
    keys = [f"account:{i}" for i in range(16)]
    node.client().mset({key: 100 for key in keys})
    failures = []

    def move(offset):
        client = node.client(protocol=protocol)
        for i in range(150):
            source, target = keys[(i * 7 + offset) % 16], keys[(i * 3 + 5 * offset + 1) % 16]
            # Opposing orders must neither block one another nor be seen half done.
            client.pipeline().decrby(source, 3).incrby(target, 3).execute()

    def look():
        client = node.client(protocol=protocol)
        for i in range(150):
            order = keys if i % 2 else keys[::-1]
            if i % 3:
                values = client.mget(order)
            else:
                pipe = client.pipeline()
                for key in order:
                    pipe.get(key)
                values = pipe.execute()
            if sum(map(int, values)) != 1_600:
                failures.append(values)

    threads = [threading.Thread(target=move, args=(n,)) for n in range(3)]
    run_all(threads + [threading.Thread(target=look) for _ in range(2)])
    assert not failures, f"{len(failures)} torn reads, first {failures[0]}"
    equal(sum(map(int, node.client().mget(keys))), 1_600)


@check(protocols=True)
def a_client_that_leaves_inside_a_transaction_leaves_nothing(node, protocol):
    for _ in range(20):
        with Wire(node, protocol) as wire:
            wire.call("WATCH", "k")
            wire.call("MULTI")
            wire.call("SET", "k", "never")
    equal(node.client().get("k"), None)
    equal(node.client().set("k", "v"), True)


@check(protocols=True)
def lock(node, protocol):
    c = node.client(protocol=protocol)
    first, second = c.lock("l", timeout=100), c.lock("l", timeout=100)
    equal(first.acquire(blocking=False), True)
    equal(second.acquire(blocking=False), False)
    equal((first.locked(), first.owned(), second.owned()), (True, True, False))
    assert 98 <= c.ttl("l") <= 100
    if node.is_velodrome:
        # The release is a script, and there is no script engine: the client must be told clearly
        # and the lock must stay as it is.
        raises(ResponseError, "scripting is not offered", first.release)
        equal(c.exists("l"), 1)
        c.delete("l")
    else:
        first.release()
    equal(second.acquire(blocking=False), True)


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a client waits for ever"
