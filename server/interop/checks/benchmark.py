"""redis-benchmark: it must run to its end without an error.

Owns the invocations people paste. Invariant: figures are not judged here. Cost: a second or two.
"""

import re
import subprocess

from harness import check

TESTS = {"ping": ["PING_INLINE", "PING_MBULK"], "set": ["SET"], "get": ["GET"]}
TESTS |= {"incr": ["INCR"], "mset": ["MSET (10 keys)"]}


def benchmark(node, *args):
    own = ["redis-benchmark", "-h", node.host, "-p", str(node.port), "-q", "-n", "20000"]
    done = subprocess.run(own + list(args), capture_output=True, timeout=120)
    text = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0 and "rror" not in text, text
    return text


def completes(node, *args):
    found = benchmark(node, "-t", ",".join(TESTS), *args)
    for names in TESTS.values():
        for name in names:
            assert re.search(rf"{re.escape(name)}: [\d.]+ requests per second", found), found


@check
def one_by_one(node):
    completes(node, "-P", "1")


@check
def pipelined(node):
    completes(node, "-P", "16")


@check
def deep_pipelines_random_keys_and_long_values(node):
    completes(node, "-P", "64", "-r", "10000", "-d", "1000")


@check
def resp3(node):
    completes(node, "-3", "-P", "16")


@check
def a_command_of_ones_own_and_another_database(node):
    benchmark(node, "--dbnum", "5", "-r", "1000", "SET", "k:__rand_int__", "v")
    assert 0 < node.client(db=5).dbsize() <= 1000

