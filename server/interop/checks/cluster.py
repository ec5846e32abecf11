"""redis-py's RedisCluster and the CLUSTER commands of a node alone.

Owns what cluster clients ask and how they place keys. Invariant: the address announced is the one
the client connected to, and all 16384 slots are covered. Cost: a second.
"""

import binascii

from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import ResponseError

from harness import check, equal, raises
from wire import Wire

SLOTS = 16_384


def connect(node, protocol, **options):
    return RedisCluster(
        startup_nodes=[ClusterNode(node.host, node.port)], protocol=protocol, socket_timeout=20,
        **options,
    )


def slot_of(key):
    """CRC16 of the key or of its hash tag, as the specification of Redis Cluster counts it."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1)
    tag = key[start + 1 : end] if start >= 0 and end > start + 1 else key
    return binascii.crc_hqx(tag, 0) % SLOTS


@check(needs="cluster", protocols=True)
def a_cluster_client_finds_the_node(node, protocol):
    c = connect(node, protocol)
    nodes = c.get_nodes()
    equal([(n.host, n.port, n.server_type) for n in nodes], [(node.host, node.port, "primary")])
    equal(c.ping(target_nodes="all"), True)
    equal(c.set("k", "v"), True)
    equal(c.get("k"), b"v")
    equal(c.keyslot("k"), slot_of(b"k"))
    equal(c.dbsize(target_nodes="all"), 1)


@check(needs="cluster", protocols=True)
def single_keys_everywhere(node, protocol):
    c = connect(node, protocol)
    for i in range(500):
        equal(c.set(f"k{i}", i, ex=1_000), True)
    for i in range(500):
        equal(c.get(f"k{i}"), str(i).encode())
        assert 998 <= c.ttl(f"k{i}") <= 1_000
    equal(c.incrby("k7", 10), 17)
    equal(c.set("k7", "x", nx=True), None)
    equal((c.getset("k7", "1"), c.getex("k7", persist=True), c.getdel("k7")), (b"17", b"1", b"1"))
    equal((c.expire("k8", 5, gt=True), c.persist("k8"), c.type("k8")), (False, True, b"string"))
    equal(sorted(c.scan_iter(match="k1?", count=50)), sorted(f"k1{i}".encode() for i in range(10)))
    equal(len(c.keys()), 499)


@check(needs="cluster", protocols=True)
def many_keys_over_slots(node, protocol):
    c = connect(node, protocol)
    values = {f"k{i}": f"v{i}" for i in range(300)}
    c.mset_nonatomic(values)
    equal(c.mget_nonatomic(list(values)), [v.encode() for v in values.values()])
    equal(c.exists(*values), 300)
    equal(c.touch(*values), 300)
    equal(c.unlink(*list(values)[:100]), 100)
    equal(c.delete(*values), 200)
    equal(c.mset({"{tag}a": 1, "{tag}b": 2}), True)
    equal(c.mget("{tag}a", "{tag}b", "{tag}c"), [b"1", b"2", None])
    with Wire(node, protocol) as wire:
        found = wire.call("MSET", "a", 1, "b", 2)
        if node.is_velodrome:
            equal(found, b"+OK\r\n", "a node alone allows commands across slots")
        else:
            assert found.startswith(b"-CROSSSLOT"), found


@check(needs="cluster", protocols=True)
def pipelines_and_transactions(node, protocol):
    c = connect(node, protocol)
    with c.pipeline() as pipe:
        for i in range(200):
            pipe.set(f"k{i}", i).get(f"k{i}")
        found = pipe.execute()
    equal(found[1::2], [str(i).encode() for i in range(200)])
    with c.pipeline(transaction=True) as pipe:
        pipe.set("{t}a", 1).incr("{t}a").get("{t}a")
        equal(pipe.execute()[1:], [2, b"2"])
    with c.pipeline(transaction=True) as pipe:
        pipe.watch("{t}a")
        now = int(pipe.get("{t}a"))
        pipe.multi()
        pipe.set("{t}a", now + 1)
        equal(len(pipe.execute()), 1)
    equal(c.get("{t}a"), b"3")


@check(needs="cluster", protocols=True)
def cluster_commands(node, protocol):
    with Wire(node, protocol) as wire:
        slots = wire.call("CLUSTER", "SLOTS")
        assert slots.startswith(b"*1\r\n*3\r\n:0\r\n:16383\r\n"), slots
        assert b"$9\r\n127.0.0.1\r\n:%d\r\n$40\r\n" % node.port in slots, slots
        own_id = wire.call("CLUSTER", "MYID")[5:45]
        assert own_id in slots and len(own_id.strip()) == 40, own_id
        info = wire.call("CLUSTER", "INFO")
        for line in (b"cluster_state:ok", b"cluster_slots_assigned:16384",
                     b"cluster_slots_ok:16384", b"cluster_slots_pfail:0",
                     b"cluster_slots_fail:0", b"cluster_known_nodes:1",
                     b"cluster_size:1", b"cluster_current_epoch:", b"cluster_my_epoch:"):
            assert line in info, f"{line} is missing in {info}"
        nodes = wire.call("CLUSTER", "NODES")
        address = b"%s 127.0.0.1:%d@" % (own_id, node.port)
        assert address in nodes and b"myself,master - 0 " in nodes, nodes
        assert b" connected 0-16383\n" in nodes, nodes
        shards = wire.call("CLUSTER", "SHARDS")
        for word in (b"slots", b"nodes", b"id", b"endpoint", b"port", b"role", b"master",
                     b"replication-offset", b"health", b"online"):
            assert b"\r\n%s\r\n" % word in shards, f"{word} is missing in {shards}"
        assert b":16383\r\n" in shards and own_id in shards, shards
        equal(wire.call("CLUSTER", "REPLICAS", own_id), b"*0\r\n")
        assert wire.call("CLUSTER", "REPLICAS", "x" * 40).startswith(b"-ERR Unknown node")
        assert wire.call("CLUSTER", "NOSUCH").startswith(b"-ERR unknown subcommand 'NOSUCH'")
        equal([wire.call(name) for name in ("ASKING", "READONLY", "READWRITE")], [b"+OK\r\n"] * 3)


@check(needs="cluster", protocols=True)
def slots_of_keys(node, protocol):
    samples = [b"foo", b"", b"{user1000}.following", b"foo{}{bar}", b"foo{{bar}}zap", b"123456789",
               b"foo{bar}{zap}", b"}{", b"\xff\x00"]
    with Wire(node, protocol) as wire:
        for key in samples:
            equal(wire.call("CLUSTER", "KEYSLOT", key), b":%d\r\n" % slot_of(key), key)
        equal(slot_of(b"123456789"), 0x31C3 % SLOTS)
        slot = slot_of(b"tag")
        names = sorted(f"{{tag}}{i}".encode() for i in range(20))
        for name in names:
            wire.call("SET", name, "v")
        wire.call("SET", "elsewhere", "v")
        equal(wire.call("CLUSTER", "COUNTKEYSINSLOT", slot), b":20\r\n")
        found = wire.elements("CLUSTER", "GETKEYSINSLOT", slot, 100)
        equal(sorted(found), sorted(b"$%d\r\n%s\r\n" % (len(n), n) for n in names))
        equal(len(wire.elements("CLUSTER", "GETKEYSINSLOT", slot, 5)), 5)
        equal(wire.call("CLUSTER", "COUNTKEYSINSLOT", slot_of(b"nothing")), b":0\r\n")
        for wrong in (SLOTS, -1):
            found = wire.call("CLUSTER", "COUNTKEYSINSLOT", wrong)
            equal(found, b"-ERR Invalid slot\r\n")


@check
def a_plain_client_on_database_1_beside_a_cluster_client(node):
    one = node.client(db=1)
    one.set("k", "one")
    if not node.is_velodrome:
        raises(ResponseError, "cluster support disabled", one.execute_command, "CLUSTER SLOTS")
        return
    c = connect(node, 3)
    c.set("k", "zero")
    equal((one.get("k"), c.get("k")), (b"one", b"zero"))


@check(needs="cluster")
def every_shard_gets_keys(node):
    c = connect(node, 2)
    with c.pipeline() as pipe:
        for i in range(2_000):
            pipe.set(f"k{i}", i)
        pipe.execute()
    with Wire(node) as wire:
        counts = [int(wire.call("CLUSTER", "COUNTKEYSINSLOT", slot)[1:]) for slot in range(SLOTS)]
    equal(sum(counts), 2_000)
    expected = [0] * SLOTS
    for i in range(2_000):
        expected[slot_of(f"k{i}".encode())] += 1
    equal(counts, expected)
