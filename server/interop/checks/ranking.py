"""Hot keys, big keys and memory: HOTKEYS, BIGKEYS, MEMORY.

Owns what redis-py and redis-cli see of them; the first two are Velodrome's own. Invariant: a key
is hot by its traffic, and large by what MEMORY USAGE says. Cost: some ten thousand requests.
"""

from redis.exceptions import ResponseError

from checks.cli import cli
from harness import check, equal, raises


def as_map(entry):
    """A map as RESP3 gives it, or the flat list that RESP2 has instead."""
    if isinstance(entry, dict):
        return {as_text(name): value for name, value in entry.items()}
    return {as_text(name): value for name, value in zip(entry[::2], entry[1::2])}


def as_text(name):
    return name.decode() if isinstance(name, bytes) else name


@check(needs="own", protocols=True)
def hot_keys_are_named(node, protocol):
    if not node.is_velodrome:
        return
    c = node.client(protocol=protocol)
    for batch in range(50):
        with c.pipeline(transaction=False) as pipe:
            for i in range(100):
                pipe.set(f"warm:{i}:{batch}", "v")
            for i in range(60):
                pipe.get("hot")
            for i in range(30):
                pipe.incr("counter")
            pipe.execute()
    found = [as_map(entry) for entry in c.execute_command("HOTKEYS", "COUNT", 2)]
    equal([as_text(entry["key"]) for entry in found], ["hot", "counter"])
    equal({entry["db"] for entry in found}, {0})
    assert float(found[0]["percent"]) > float(found[1]["percent"]) > 1, found
    assert 1_000 < found[0]["accesses"] < 6_000, found
    raises(ResponseError, "syntax error", c.execute_command, "HOTKEYS", "NONSENSE")
    raises(ResponseError, "COUNT must be greater than 0", c.execute_command, "HOTKEYS", "COUNT", 0)


@check(protocols=True)
def big_keys_are_named(node, protocol):
    if not node.is_velodrome:
        return
    c = node.client(protocol=protocol)
    c.mset({f"small:{i}": "v" for i in range(2_000)})
    c.mset({"huge": "x" * 3_000_000, "large": "x" * 200_000, "medium": "x" * 20_000})
    found = [as_map(entry) for entry in c.execute_command("BIGKEYS", "COUNT", 3)]
    equal([as_text(entry["key"]) for entry in found], ["huge", "large", "medium"])
    for entry in found:
        equal(entry["bytes"], c.memory_usage(entry["key"]))
    c.delete("huge", "large")
    found = [as_map(entry) for entry in c.execute_command("BIGKEYS")]
    equal((as_text(found[0]["key"]), len(found)), ("medium", 10))


@check
def memory_answers(node):
    c = node.client()
    c.set("k", "x" * 1_000)
    assert 1_000 <= c.memory_usage("k") <= 1_500
    equal(c.memory_usage("k", samples=5), c.memory_usage("k"))
    equal(c.memory_usage("nothing"), None)
    stats = c.memory_stats()
    assert stats["total.allocated"] > 0 and stats["keys.count"] == 1, stats
    assert len(c.execute_command("MEMORY", "DOCTOR")) > 10
    assert len(c.execute_command("MEMORY", "MALLOC-STATS")) > 10
    assert c.memory_purge()


@check
def used_memory_counts_clients(node):
    """The limit is about what is used without what is not counted for eviction."""
    c = node.client()
    memory = c.info("memory")
    assert memory["used_memory"] >= memory["mem_not_counted_for_evict"], memory
    if node.is_velodrome:
        assert memory["maxmemory_clients"] > 0, memory
        data = memory["used_memory"] - memory["mem_not_counted_for_evict"]
        assert data <= memory["maxmemory"], memory
        equal(memory["used_memory_overhead"] >= memory["mem_clients_normal"], True)


@check
def redis_cli_scans_for_big_keys(node):
    node.client().mset({f"key:{i}": "v" * (i + 1) for i in range(300)})
    for option in ("--bigkeys", "--memkeys"):
        found = cli(node, option)
        assert 'key:299' in found and "Sampled 300 keys" in found, found
