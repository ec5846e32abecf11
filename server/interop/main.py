"""Runs every check against every shape of server and prints the tally.

Owns the order of shapes and the servers' lives. Invariant: checks share a server but not its keys:
it is flushed before each. Cost: some tens of seconds a shape.
"""

import argparse
import importlib
import os
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import harness
from node import Node, Shape

PASSWORD = "correct horse"


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    server = parser.add_mutually_exclusive_group(required=True)
    server.add_argument("--velodrome", help="path of the velodrome binary")
    server.add_argument("--against-redis", action="store_true", help="check the checks")
    parser.add_argument("--only", default="", help="only checks whose name contains this")
    parser.add_argument("--quick", action="store_true", help="one shape instead of four")
    parser.add_argument("--seed", type=int, help="seed of the random checks")
    return parser.parse_args()


def shapes(options):
    if options.against_redis:
        return [Shape()]
    pairs = [("io_uring", 1), ("io_uring", 2), ("epoll", 1), ("epoll", 2)]
    pairs = pairs[1:2] if options.quick else pairs
    return [Shape(velodrome=options.velodrome, driver=d, shards=n) for d, n in pairs]


class Servers:
    """The servers of one shape, started when first needed and again when they died."""

    def __init__(self, shape):
        self.shape = shape
        self.running = {}

    def get(self, needs):
        # A node of Velodrome's serves plain and cluster clients alike.
        needs = "plain" if self.shape.velodrome and needs == "cluster" else needs
        node = self.running.get(needs)
        if node is None or not node.alive() or needs == "own":
            if node is not None:
                node.close()
            node = self.running[needs] = self._start(needs)
        return node

    def _start(self, needs):
        changes = {
            "plain": {},
            "own": {},
            "cluster": {"cluster": True},
            "password": {"password": PASSWORD},
        }
        return Node(Shape(**{**vars(self.shape), **changes[needs]}))

    def close(self):
        for node in self.running.values():
            node.close()


def flush(node):
    """FLUSHALL without a client library, so that a bug there cannot hide."""
    with socket.create_connection((node.host, node.port), timeout=20) as stream:
        auth = f'AUTH "{node.shape.password}"\r\n' if node.shape.password else ""
        stream.sendall(f"{auth}FLUSHALL\r\n".encode())
        want = b"+OK\r\n" * (2 if auth else 1)
        found = b""
        while len(found) < len(want):
            piece = stream.recv(256)
            assert piece, f"connection closed after {found}"
            found += piece
        assert found == want, found


def run_one(servers, check, arguments):
    node = servers.get(check.needs)
    try:
        flush(node)
    except (OSError, AssertionError) as error:
        # One shard may have died while another still answers.
        node.kill()
        raise AssertionError(f"the server cannot be flushed:\n{node.tail()}") from error
    try:
        check.function(node, *arguments)
    except harness.Skipped:
        raise
    except Exception as error:
        if check.needs != "own":
            assert_serves(node, error)
        raise
    if check.needs != "own":
        assert_serves(node, None)


def assert_serves(node, cause):
    """Ends a server that no longer answers, so that the next check gets a new one."""
    if node.alive() and node.answers():
        return
    state = "hangs" if node.alive() else f"ended with {node.process.returncode}"
    text = f"the server {state}:\n{node.tail()}"
    node.kill()
    raise AssertionError(text) from cause


def main():
    options = parse_args()
    if options.seed is not None:
        os.environ["INTEROP_SEED"] = str(options.seed)
    folder = pathlib.Path(__file__).parent / "checks"
    for path in sorted(folder.glob("*.py")):
        importlib.import_module(f"checks.{path.stem}")
    tally = harness.Tally()
    for shape in shapes(options):
        print(f"== {shape}", flush=True)
        servers = Servers(shape)
        try:
            for check in harness.CHECKS:
                for name, arguments in check.variants():
                    if options.only in name:
                        full_name = f"{name} ({shape})"
                        tally.run(full_name, run_one, servers, check, arguments)
        finally:
            servers.close()
    tally.close()


if __name__ == "__main__":
    main()
