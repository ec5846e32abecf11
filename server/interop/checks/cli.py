"""redis-cli: what a person types and pipes.

Owns the table of commands with the text redis-cli prints for their replies. Invariant: a row's
expectation is what redis-server 7.0 answers, or says where Velodrome means to differ. Cost: one
process a row.
"""

import re
import shlex
import subprocess

from harness import check, equal

ANY = re.compile(r"(?s).*")


class Differs:
    """An expectation that depends on the server."""

    def __init__(self, redis, velodrome):
        self.by_server = {False: redis, True: velodrome}


NOT_OFFERED = re.compile(r"\(error\) ERR unknown command '\w+', with args beginning with: .*")

# The keyspace is empty before the first row, and rows build on those above them.
TABLE = [
    ("PING", "PONG"),
    ("PING hello", '"hello"'),
    ("ECHO 'hello world'", '"hello world"'),
    (r"SET greeting 'hi there'", "OK"),
    ("GET greeting", '"hi there"'),
    ("GET nothing", "(nil)"),
    ("SET greeting other NX", "(nil)"),
    ("SET greeting other XX", "OK"),
    ("SET greeting third GET", '"other"'),
    ("SET fresh value NX GET", "(nil)"),
    ("SET fresh v EX 100 PX 100", "(error) ERR syntax error"),
    ("SET fresh v EX 0", "(error) ERR invalid expire time in 'set' command"),
    ("SET fresh v EX x", "(error) ERR value is not an integer or out of range"),
    ("GETSET greeting fourth", '"third"'),
    ("GETDEL greeting", '"fourth"'),
    ("EXISTS greeting fresh fresh", "(integer) 2"),
    ("SETNX fresh again", "(integer) 0"),
    ("SETEX brief 100 v", "OK"),
    ("TTL brief", re.compile(r"\(integer\) (99|100)")),
    ("PSETEX brief 100000 v", "OK"),
    ("PTTL brief", re.compile(r"\(integer\) (9\d{4}|100000)")),
    ("PERSIST brief", "(integer) 1"),
    ("TTL brief", "(integer) -1"),
    ("TTL nothing", "(integer) -2"),
    ("EXPIRE brief 100", "(integer) 1"),
    ("EXPIRE brief 50 GT", "(integer) 0"),
    ("EXPIRE brief 50 LT", "(integer) 1"),
    ("EXPIRE brief 60 NX", "(integer) 0"),
    ("EXPIRE brief 60 XX", "(integer) 1"),
    ("EXPIREAT brief 33177117420", "(integer) 1"),
    ("EXPIRETIME brief", "(integer) 33177117420"),
    ("PEXPIRETIME brief", "(integer) 33177117420000"),
    ("PEXPIREAT brief 1", "(integer) 1"),
    ("EXISTS brief", "(integer) 0"),
    ("INCR n", "(integer) 1"),
    ("INCRBY n 41", "(integer) 42"),
    ("DECR n", "(integer) 41"),
    ("DECRBY n 40", "(integer) 1"),
    ("INCR fresh", "(error) ERR value is not an integer or out of range"),
    ("INCRBY n 9223372036854775807", "(error) ERR increment or decrement would overflow"),
    ("MSET a 1 b 2 c 3", "OK"),
    ("MGET a nothing c", '1) "1"\n2) (nil)\n3) "3"'),
    ("MSETNX a 9 z 9", "(integer) 0"),
    ("MSET a", "(error) ERR wrong number of arguments for 'mset' command"),
    ("MSET a 1 b", "(error) ERR wrong number of arguments for 'mset' command"),
    ("TOUCH a b nothing", "(integer) 2"),
    ("DEL a nothing", "(integer) 1"),
    ("UNLINK b", "(integer) 1"),
    ("TYPE c", "string"),
    ("TYPE nothing", "none"),
    ("APPEND c 45", "(integer) 3"),
    ("STRLEN c", "(integer) 3"),
    ("GETRANGE c -2 -1", '"45"'),
    ("SETRANGE c 1 xy", "(integer) 3"),
    ("GET c", '"3xy"'),
    ("GETEX c EX 100", '"3xy"'),
    ("GETEX c PERSIST", '"3xy"'),
    ("TTL c", "(integer) -1"),
    ("INCRBYFLOAT n 0.5", '"1.5"'),
    ("OBJECT ENCODING n", ANY),
    ("MEMORY USAGE c", re.compile(r"\(integer\) \d+")),
    ("DBSIZE", "(integer) 3"),
    ("KEYS fres?", '1) "fresh"'),
    ("KEYS [^f]x*", "(empty array)"),
    ("RANDOMKEY", re.compile(r'"(fresh|n|c)"')),
    ("SCAN 0 MATCH fre* COUNT 1000", re.compile(r'1\) "\d+"\n2\) .*')),
    ("SCAN x", "(error) ERR invalid cursor"),
    ("SELECT 1", "OK"),
    ("SELECT 99", "(error) ERR DB index is out of range"),
    ("SELECT x", "(error) ERR value is not an integer or out of range"),
    ("GET", "(error) ERR wrong number of arguments for 'get' command"),
    ("NOSUCH a b", "(error) ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "),
    ("CLIENT NOSUCH", "(error) ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."),
    ("CLIENT GETNAME", "(nil)"),
    ("CLIENT SETNAME 'a b'", re.compile(r"\(error\) ERR Client names cannot contain spaces.*")),
    ("CLIENT ID", re.compile(r"\(integer\) [1-9]\d*")),
    ("CLIENT NO-EVICT ON", "OK"),
    ("CONFIG GET databases", '1) "databases"\n2) "16"'),
    ("CONFIG GET nosuch*", "(empty array)"),
    ("CONFIG SET nosuch 1", re.compile(r"\(error\) ERR Unknown option or number of arguments.*")),
    ("COMMAND COUNT", re.compile(r"\(integer\) [1-9]\d+")),
    ("COMMAND GETKEYS MSET a 1 b 2", '1) "a"\n2) "b"'),
    ("COMMAND GETKEYS PING x", "(error) ERR The command has no key arguments"),
    ("EXEC", "(error) ERR EXEC without MULTI"),
    ("DISCARD", "(error) ERR DISCARD without MULTI"),
    ("WAIT 0 10", "(integer) 0"),
    ("TIME", re.compile(r'1\) "\d{10}"\n2\) "\d{1,6}"')),
    ("ROLE", '1) "master"\n2) (integer) 0\n3) (empty array)'),
    ("LOLWUT", ANY),
    ("LPUSH l 1", Differs("(integer) 1", NOT_OFFERED)),
    ("ZADD z 1 m", Differs("(integer) 1", NOT_OFFERED)),
    ("SET c new IFEQ 3xy", Differs("(error) ERR syntax error", "OK")),
    ("SET c new IFEQ 3xy", Differs("(error) ERR syntax error", "(nil)")),
    ("CLUSTER KEYSLOT foo", Differs(re.compile(".*disabled"), "(integer) 12182")),
    ("CLUSTER KEYSLOT {foo}bar", Differs(re.compile(".*disabled"), "(integer) 12182")),
    ("READONLY", Differs(re.compile(".*disabled"), "OK")),
    ("FLUSHDB ASYNC", "OK"),
    ("FLUSHALL SYNC", "OK"),
    ("DBSIZE", "(integer) 0"),
]


def cli(node, *args, stdin=b"", protocol=2):
    """Runs redis-cli and returns what it printed, without the last line feed."""
    own = ["redis-cli", "-h", node.host, "-p", str(node.port)] + (["-3"] if protocol == 3 else [])
    done = subprocess.run(own + list(args), input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout.decode(errors="surrogateescape").rstrip("\n")


def matches(found, expected, node, what):
    if isinstance(expected, Differs):
        expected = expected.by_server[node.is_velodrome]
    if isinstance(expected, re.Pattern):
        assert expected.fullmatch(found), f"{what}: found {found!r}, expected {expected.pattern!r}"
    else:
        # An error's line may end in a blank, which redis-cli prints as it came.
        equal(found, expected, what)


@check(protocols=True)
def table(node, protocol):
    wrong = []
    for command, expected in TABLE:
        found = cli(node, "--no-raw", *shlex.split(command), protocol=protocol)
        # RESP3 tells maps, sets and null apart in print only where the reply has those types.
        if protocol == 3 and command.startswith("CONFIG GET"):
            expected = ANY
        try:
            matches(found, expected, node, command)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, f"{len(wrong)} of {len(TABLE)} rows:\n" + "\n".join(wrong)


@check
def resp3_maps_are_printed_as_maps(node):
    hello = cli(node, "--no-raw", "HELLO", "3", protocol=3)
    for field in ("server", "version", "proto", "id", "mode", "role", "modules"):
        assert re.search(rf'\d+# "{field}" => ', hello), hello
    assert '"proto" => (integer) 3' in hello, hello
    found = cli(node, "--no-raw", "CONFIG", "GET", "databases", protocol=3)
    equal(found, '1# "databases" => "16"')


@check
def quotes_and_escapes_reach_the_server(node):
    cli(node, "SET", "k", "a\r\nb\x01c")
    equal(cli(node, "--no-raw", "GET", "k"), r'"a\r\nb\x01c"')
    script = 'SET q "two words\\x41\\n"\nGET q\nSET \'single quoted\' 1\nEXISTS "single quoted"\n'
    found = cli(node, "--no-raw", stdin=script.encode())
    equal(found, 'OK\n"two wordsA\\n"\nOK\n(integer) 1')


@check
def transactions_from_standard_input(node):
    script = b"MULTI\nSET a 1\nINCR a\nGET a\nEXEC\nMULTI\nSET a 9\nDISCARD\nGET a\n"
    found = cli(node, "--no-raw", stdin=script)
    expected = 'OK\nQUEUED\nQUEUED\nQUEUED\n1) OK\n2) (integer) 2\n3) "2"\nOK\nQUEUED\nOK\n"2"'
    equal(found, expected)


@check
def options_x_n_r_and_raw(node):
    equal(cli(node, "-x", "SET", "from-stdin", stdin=b"\x00\xff bytes\n"), "OK")
    done = cli(node, "--raw", "GET", "from-stdin")
    equal(done.encode(errors="surrogateescape"), b"\x00\xff bytes")
    equal(cli(node, "-n", "3", "SET", "three", "3"), "OK")
    equal(cli(node, "-n", "3", "DBSIZE"), "1")
    equal(cli(node, "-n", "0", "EXISTS", "three"), "0")
    equal(cli(node, "-r", "3", "INCR", "counter"), "1\n2\n3")


@check
def pipe_mode_loads_many_keys(node):
    requests = b"".join(
        b"*3\r\n$3\r\nSET\r\n$%d\r\nkey:%d\r\n$3\r\n%03d\r\n" % (4 + len(str(i)), i, i % 1000)
        for i in range(20_000)
    )
    found = cli(node, "--pipe", stdin=requests)
    assert "errors: 0, replies: 20000" in found, found
    equal(cli(node, "DBSIZE"), "20000")


@check
def scan_walks_every_key_once(node):
    client = node.client()
    client.mset({f"user:{i}": i for i in range(3_000)})
    client.mset({f"other:{i}": i for i in range(500)})
    everything = cli(node, "--scan").split("\n")
    equal((len(everything), len(set(everything))), (3_500, 3_500))
    some = cli(node, "--scan", "--pattern", "user:*9").split("\n")
    equal(sorted(some), sorted(f"user:{i}" for i in range(3_000) if i % 10 == 9))
    found = cli(node, "--scan", "--pattern", "user:1?").split("\n")
    equal(len(found), 10)


@check
def big_keys_and_mem_keys(node):
    node.client().mset({"small": "1", "large": "x" * 5_000})
    found = cli(node, "--bigkeys")
    assert re.search(r"Biggest string found .*large.* has 5000 bytes", found), found
    found = cli(node, "--memkeys")
    assert re.search(r"Biggest string found .*large.* has \d+ bytes", found), found


@check
def stat_prints_its_columns(node):
    command = ["redis-cli", "-h", node.host, "-p", str(node.port), "-i", "0.01", "--stat"]
    node.client().set("k", "v")
    # It runs until it is stopped.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(4)]
        process.kill()
    assert "keys" in lines[1] and "clients" in lines[1], lines
    assert lines[2].split()[0] == "1", lines


@check
def over_the_unix_socket(node):
    done = subprocess.run(
        ["redis-cli", "-s", str(node.unix_socket), "PING"], capture_output=True, timeout=60
    )
    equal(done.stdout, b"PONG\n", done.stderr)
    mode = node.unix_socket.stat().st_mode & 0o777
    assert mode == 0o600 or not node.is_velodrome, oct(mode)


@check(needs="password")
def with_a_password(node):
    equal(cli(node, "--no-raw", "GET", "k"), "(error) NOAUTH Authentication required.")
    equal(cli(node, "--no-auth-warning", "-a", node.shape.password, "SET", "k", "v"), "OK")
    with_user = ["--no-auth-warning", "--user", "default", "--pass", node.shape.password]
    for protocol in (2, 3):
        equal(cli(node, *with_user, "GET", "k", protocol=protocol), "v")
    found = cli(node, "--no-raw", "AUTH", "wrong")
    expected = "(error) WRONGPASS invalid username-password pair or user is disabled."
    equal(found, expected)
