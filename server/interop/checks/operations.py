"""What operators and monitoring tools ask: CLIENT, CONFIG, INFO, COMMAND, SHUTDOWN.

Owns the fields and texts that tools depend on. Invariant: settings are put back as they were. Cost:
a second and the restarts after SHUTDOWN.
"""

import redis
from redis.exceptions import ConnectionError, ResponseError

from harness import check, equal, eventually, raises
from wire import Wire

INFO_FIELDS = {
    "server": "redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds "
    "uptime_in_days hz executable config_file",
    "clients": "connected_clients maxclients blocked_clients cluster_connections",
    "memory": "used_memory used_memory_human used_memory_rss used_memory_peak maxmemory "
    "maxmemory_human maxmemory_policy mem_fragmentation_ratio mem_allocator total_system_memory",
    "persistence": "loading rdb_last_save_time rdb_changes_since_last_save aof_enabled "
    "rdb_bgsave_in_progress rdb_last_bgsave_status",
    "stats": "total_connections_received total_commands_processed instantaneous_ops_per_sec "
    "total_net_input_bytes total_net_output_bytes rejected_connections expired_keys evicted_keys "
    "keyspace_hits keyspace_misses pubsub_channels pubsub_patterns",
    "replication": "role connected_slaves master_replid master_repl_offset repl_backlog_active",
    "cpu": "used_cpu_sys used_cpu_user",
    "cluster": "cluster_enabled",
}

COMMANDS = """append asking auth client cluster command config copy dbsize decr decrby del echo exec
discard exists expire expireat expiretime flushall flushdb get getdel getex getrange getset hello
incr incrby incrbyfloat info keys mget mset msetnx multi object persist pexpire pexpireat
pexpiretime ping psetex pttl quit randomkey readonly readwrite reset role scan select set setex
setnx setrange shutdown strlen substr time touch ttl type unlink unwatch wait watch""".split()

# Offered by a later version.
LATER = {"copy"}


@check(protocols=True)
def info_has_what_monitoring_reads(node, protocol):
    c = node.client(protocol=protocol)
    everything = c.info()
    for section, fields in INFO_FIELDS.items():
        found = c.info(section)
        missing = [field for field in fields.split() if field not in found]
        assert not missing, f"{section}: missing {missing}"
        missing = [field for field in fields.split() if field not in everything]
        assert not missing, f"INFO without a section: missing {missing}"
    equal(everything["loading"], 0)
    equal((everything["role"], everything["cluster_enabled"]), ("master", 0))
    equal(everything["redis_mode"], "standalone")
    equal(everything["tcp_port"], node.port)
    equal(everything["process_id"], node.process.pid)
    for name in ("all", "everything", "default", "SERVER", "nosuch"):
        found = c.info(name)
        assert ("redis_version" in found) == (name != "nosuch"), name
    several = c.execute_command("INFO", "server", "memory")
    several = several if isinstance(several, dict) else redis._parsers.helpers.parse_info(several)
    assert "used_memory" in several and "redis_version" in several and "role" not in several


@check
def info_is_text_with_section_headings(node):
    with Wire(node) as wire:
        found = wire.call("INFO").split(b"\r\n", 1)[1]
        for heading in (b"# Server", b"# Clients", b"# Memory", b"# Stats", b"# Keyspace"):
            assert heading + b"\r\n" in found, heading
        for line in found.rstrip(b"\r\n").split(b"\r\n"):
            assert not line or line.startswith(b"#") or b":" in line, line
    with Wire(node, protocol=3) as wire:
        assert wire.call("INFO", "server").startswith(b"="), "RESP3 marks it as text"


@check(protocols=True)
def info_counts(node, protocol):
    c = node.client(protocol=protocol)
    before = c.info()
    c.set("k", "v", ex=1_000)
    c.set("j", "v")
    c.get("k"), c.get("nothing")
    c.set("brief", "v", px=1)
    eventually(lambda: c.get("brief") is None, 5, "brief expires")
    after = c.info()
    assert after["keyspace_hits"] >= before["keyspace_hits"] + 1
    assert after["keyspace_misses"] >= before["keyspace_misses"] + 1
    assert after["expired_keys"] >= before["expired_keys"] + 1
    assert after["total_commands_processed"] >= before["total_commands_processed"] + 6
    assert after["used_memory"] > 0
    equal((after["db0"]["keys"], after["db0"]["expires"]), (2, 1))
    others = [node.client() for _ in range(5)]
    for other in others:
        other.ping()
    assert c.info("clients")["connected_clients"] >= 6
    equal(c.config_resetstat(), True)
    assert c.info("stats")["keyspace_hits"] == 0


@check(protocols=True)
def info_counts_by_command(node, protocol):
    c = node.client(protocol=protocol)
    c.config_resetstat()
    c.get("k"), c.get("k"), c.set("k", "v")
    stats = c.info("commandstats")
    equal((stats["cmdstat_get"]["calls"], stats["cmdstat_set"]["calls"]), (2, 1))
    assert stats["cmdstat_get"]["usec"] >= 0


@check(protocols=True)
def client_names_and_list(node, protocol):
    c = node.client(protocol=protocol, single_connection_client=True, client_name="first")
    equal(c.execute_command("CLIENT GETNAME"), {2: "first", 3: b"first"}[protocol])
    equal(c.client_setname("renamed"), True)
    me = c.client_id()
    assert isinstance(me, int) and me > 0
    other = node.client(protocol=protocol, client_name="second", db=2)
    other.set("k", "v")
    listed = {entry["name"]: entry for entry in c.client_list()}
    mine, theirs = listed["renamed"], listed["second"]
    fields = "id addr laddr fd name age idle flags db sub psub multi qbuf qbuf-free obl oll omem "
    fields += "tot-mem events cmd user resp"
    for field in fields.split():
        assert field in mine, f"{field} is missing in {mine}"
    equal((mine["id"], mine["db"], theirs["db"]), (str(me), "0", "2"))
    equal((mine["resp"], mine["multi"], mine["flags"]), (str(protocol), "-1", "N"))
    equal((mine["user"], mine["laddr"]), ("default", f"{node.host}:{node.port}"))
    equal(mine["cmd"], "client|list")
    equal(theirs["cmd"], "set")
    info = c.client_info()
    equal((int(info["id"]), info["name"]), (me, "renamed"))
    equal([entry["id"] for entry in c.client_list(client_id=[me])], [str(me)])
    assert len(c.client_list(_type="normal")) >= 2
    equal(c.client_list(_type="pubsub"), [])
    if node.is_velodrome:
        equal((mine["lib-name"], mine["lib-ver"]), ("redis-py", redis.__version__))


@check(protocols=True)
def client_kill(node, protocol):
    c = node.client(protocol=protocol, single_connection_client=True)

    def victim(name):
        client = node.client(single_connection_client=True, client_name=name)
        entry = next(entry for entry in c.client_list() if entry["name"] == name)
        return client, entry

    client, entry = victim("by-id")
    equal(c.client_kill_filter(_id=entry["id"]), 1)
    raises(ConnectionError, "", client.ping)
    client, entry = victim("by-addr")
    equal(c.client_kill_filter(addr=entry["addr"]), 1)
    raises(ConnectionError, "", client.ping)
    client, entry = victim("by-old-form")
    equal(c.client_kill(entry["addr"]), True)
    raises(ConnectionError, "", client.ping)
    raises(ResponseError, "No such client", c.client_kill, "1.2.3.4:5")
    equal(c.client_kill_filter(_id=2**40), 0)
    several = [victim(f"many-{i}")[0] for i in range(5)]
    assert c.client_kill_filter(laddr=f"{node.host}:{node.port}", skipme=True) >= 5
    for client in several:
        raises(ConnectionError, "", client.ping)
    equal(c.ping(), True, "SKIPME is the default")
    gone = lambda: len(c.client_list()) == 1
    eventually(gone, 5, "killed clients leave the list")


@check(protocols=True)
def client_pause(node, protocol):
    c, other = node.client(protocol=protocol), node.client(protocol=protocol)
    other.ping()
    equal(c.client_pause(60_000, all=False), True)
    equal(other.get("k"), None, "reads go on while writes are paused")
    with Wire(node, protocol) as wire:
        wire.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
        equal(other.get("k"), None)
        equal(c.client_unpause(), b"OK")
        equal(wire.reply(), b"+OK\r\n")
    equal(other.get("k"), b"v")
    equal(c.client_pause(1), True)
    equal(other.set("k", "after"), True)


@check(protocols=True)
def client_switches(node, protocol):
    c = node.client(protocol=protocol)
    equal(c.client_no_evict("ON"), b"OK")
    equal(c.client_no_evict("OFF"), b"OK")
    raises(ResponseError, "syntax error", c.execute_command, "CLIENT", "NO-EVICT", "MAYBE")
    if node.is_velodrome:
        equal(c.client_no_touch("ON"), b"OK")
        equal(c.client_setinfo("LIB-NAME", "mine"), True)
    assert c.execute_command("CLIENT HELP")


@check(protocols=True)
def config_get_and_set(node, protocol):
    c = node.client(protocol=protocol)
    found = c.config_get("*")
    names = "maxmemory maxmemory-policy maxclients timeout databases save appendonly port bind "
    names += "replica-read-only"
    for name in names.split():
        assert name in found, f"CONFIG GET * has no {name}"
    equal((found["databases"], found["port"]), ("16", str(node.port)))
    equal((found["save"], found["appendonly"]), ("", "no"))
    equal(c.config_get("maxclients", "timeout", "nosuch").keys(), {"maxclients", "timeout"})
    equal(c.config_get("MAXMEM*ICY").keys(), {"maxmemory-policy"})
    old = {name: found[name] for name in ("maxmemory", "timeout")}
    equal(c.config_set("timeout", 300), True)
    equal(c.config_get("timeout"), {"timeout": "300"})
    equal(c.config_set("maxmemory", "512mb"), True)
    equal(c.config_get("maxmemory"), {"maxmemory": str(512 << 20)})
    equal(c.info("memory")["maxmemory"], 512 << 20)
    equal(c.config_set("timeout", 0, "maxmemory", 1 << 29), True)
    for name, value in old.items():
        equal(c.config_set(name, value), True)
    unknown = "Unknown option or number of arguments for CONFIG SET - 'nosuch'"
    raises(ResponseError, unknown, c.config_set, "nosuch", 1)
    failed = "CONFIG SET failed (possibly related to argument 'maxclients')"
    raises(ResponseError, failed, c.config_set, "maxclients", "many")
    raises(ResponseError, "CONFIG SET failed", c.config_set, "databases", 32)


@check
def eviction_keeps_memory_below_its_limit(node):
    c = node.client()
    old = c.config_get("maxmemory", "maxmemory-policy")
    limit = 64 << 20 if node.is_velodrome else 32 << 20
    try:
        c.config_set("maxmemory", limit)
        c.config_set("maxmemory-policy", "allkeys-lru")
        before = c.info("stats")["evicted_keys"]
        value = b"x" * 10_000
        for batch in range(12):
            with c.pipeline(transaction=False) as pipe:
                for i in range(1_000):
                    pipe.set(f"k:{batch}:{i}", value)
                equal(pipe.execute(), [True] * 1_000)
        assert c.info("stats")["evicted_keys"] > before
        assert c.dbsize() < 12_000
        equal(c.get("k:11:999"), value, "the newest stays")
        equal(c.get("k:0:0"), None, "the oldest goes")
        if node.is_velodrome:
            memory = c.info("memory")
            # The limit is on data: buffers of clients have a limit of their own.
            data = memory["used_memory"] - memory["mem_clients_normal"]
            assert data <= limit, f"{data} bytes of data, {limit} allowed"
    finally:
        for name, setting in old.items():
            c.config_set(name, setting)


@check(protocols=True)
def command_metadata(node, protocol):
    c = node.client(protocol=protocol)
    known = c.command()
    count = c.command_count()
    equal(len(known), count)
    missing = [name for name in COMMANDS if name not in known and name not in LATER]
    assert not missing, f"COMMAND has no {missing}"
    mset = known["mset"]
    equal((mset["arity"], mset["first_key_pos"], mset["last_key_pos"], mset["step_count"]),
          (-3, 1, -1, 2))
    assert {"write", "denyoom"} <= set(mset["flags"]), mset
    equal((known["get"]["arity"], set(known["get"]["flags"])), (2, {"readonly", "fast"}))
    listed = {name.decode() for name in c.command_list()}
    assert set(COMMANDS) - LATER <= listed
    some = {name.decode() for name in c.command_list(category="transaction")}
    equal(some & {"multi", "exec", "get"}, {"multi", "exec"})
    for args, expected in [
        (("GET", "k"), ["k"]), (("MGET", "a", "b"), ["a", "b"]),
        (("MSET", "a", 1, "b", 2), ["a", "b"]), (("DEL", "x", "y", "z"), ["x", "y", "z"]),
        (("SET", "k", "v", "EX", 5), ["k"]), (("OBJECT", "ENCODING", "k"), ["k"]),
    ]:
        # The client decodes the names in RESP2 only.
        found = [k if isinstance(k, str) else k.decode() for k in c.command_getkeys(*args)]
        equal(found, expected, args)
    raises(ResponseError, "Invalid command specified", c.command_getkeys, "X", 1)
    with Wire(node, protocol) as wire:
        docs = wire.call("COMMAND", "DOCS", "get", "nosuch")
        for word in (b"summary", b"since", b"group", b"complexity", b"arguments"):
            assert word in docs, f"{word} is missing in {docs}"
        null = {2: (b"*-1\r\n", b"$-1\r\n"), 3: b"_\r\n"}[protocol]
        assert wire.call("COMMAND", "INFO", "get", "nosuch").endswith(null)


@check(protocols=True)
def slow_log_latency_memory_object(node, protocol):
    c = node.client(protocol=protocol)
    c.set("k", "value")
    assert isinstance(c.slowlog_len(), int)
    assert isinstance(c.slowlog_get(), list)
    equal(c.slowlog_reset(), True)
    assert isinstance(c.execute_command("LATENCY", "LATEST"), list)
    assert c.memory_usage("k") > 5
    equal(c.memory_usage("nothing"), None)
    assert c.object("encoding", "k") in (b"embstr", b"raw"), c.object("encoding", "k")
    c.set("n", 12)
    equal(c.object("encoding", "n"), b"int")
    if node.is_velodrome:
        # Recency is known by the order of accesses there, not by the clock.
        assert c.object("idletime", "k") in (0, 1)
    else:
        assert c.object("idletime", "k") in (0, 1)
    assert c.object("refcount", "k") >= 1
    equal(c.object("encoding", "nothing"), None)
    equal(c.wait(0, 1), 0)
    role = c.role()
    equal((role[0], role[1], role[2]), (b"master", 0, []))
    seconds, microseconds = c.time()
    assert seconds > 1_700_000_000 and 0 <= microseconds < 1_000_000


@check(needs="own")
def shutdown_ends_the_process(node):
    waiting = node.client(single_connection_client=True)
    waiting.ping()
    with Wire(node) as wire:
        wire.send(b"SHUTDOWN NOSAVE\r\n")
        assert wire.is_closed() and wire.buffer == b"", wire.buffer
    equal(node.wait_for_exit(), 0)
    raises(ConnectionError, "", waiting.ping)


@check(needs="own")
def terminate_signal_ends_the_process(node):
    client = node.client(single_connection_client=True)
    client.set("k", "v")
    node.process.terminate()
    equal(node.wait_for_exit(), 0)
    assert not node.unix_socket.exists(), "the socket file is left behind"
