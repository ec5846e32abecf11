"""A long run of everything at once: no leak, no wrong answer.

    python3 server/interop/soak.py --velodrome target/release/velodrome --seconds 600

Owns workers that each check the server against a model of their own keys, workers that misbehave
(cut requests, killed connections, readers that do not read), and the sampling of the server's
memory and descriptors. Invariant: exits non-zero on a wrong answer, a dead server, or memory or
descriptors that keep growing. Cost: needs only Python's standard library, and both cores.
"""

import argparse
import multiprocessing
import os
import pathlib
import random
import re
import secrets
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from node import Node, Shape
from wire import Wire, encode

KEYS_PER_WORKER = 1_500
RECONNECTS_MAX = 20
SAMPLE_EVERY_S = 5
# A deadline may be met by the server's clock a little before or after the worker's.
CLOCK_SLACK_MS = 50


class Wrong(Exception):
    """A reply that the model does not allow."""


class Model:
    """One worker's keys: what the server must answer for them."""

    def __init__(self, address, prefix, rng):
        self.address, self.prefix, self.rng = address, prefix, rng
        self.wire = Wire(address)
        self.values = {}  # key -> (value, deadline in ms or None)

    def key(self):
        return b"%s:%d" % (self.prefix, self.rng.randrange(KEYS_PER_WORKER))

    def value(self):
        rng = self.rng
        return rng.randbytes(rng.choice([1, 8, 32, 32, 32, 300, 2_000, 20_000]))

    def batch(self):
        """One pipeline of random commands, each with what it must answer: exact bytes, a value
        and deadline, or None for any integer."""
        rng, requests = self.rng, []
        for _ in range(rng.choice([1, 1, 1, 16, 64])):
            key, value = self.key(), self.value()
            kind = rng.randrange(10)
            if kind < 5:
                # Later requests of this batch change the model: what is due is fixed here.
                requests.append((["GET", key], self.values.get(key, (None, None))))
            elif kind < 7:
                requests.append((["SET", key, value], b"+OK\r\n"))
                self.values[key] = (value, None)
            elif kind < 8:
                life_ms = rng.choice([1, 10, 200, 5_000])
                requests.append((["SET", key, value, "PX", life_ms], b"+OK\r\n"))
                self.values[key] = (value, now() + life_ms)
            elif kind < 9:
                requests.append((["DEL", key], None))
                self.values.pop(key, None)
            else:
                keys = list({self.key() for _ in range(8)})
                pairs = [part for k in keys for part in (k, value)]
                requests.append((["MSET", *pairs], b"+OK\r\n"))
                self.values.update({k: (value, None) for k in keys})
        return requests

    def run(self):
        requests = self.batch()
        transaction = len(requests) < 20 and self.rng.random() < 0.2
        data = b"".join(encode(*args) for args, _ in requests)
        if transaction:
            data = encode("MULTI") + data + encode("EXEC")
        self.wire.send(data)
        if transaction:
            for _ in range(len(requests) + 1):
                self.wire.reply()
            self.wire.line()  # the array that EXEC answers with
            replies = [self.wire.reply() for _ in requests]
        else:
            replies = [self.wire.reply() for _ in requests]
        after_ms = now()
        for (args, expected), reply in zip(requests, replies):
            judge(args, expected, reply, after_ms)
        return len(requests)

    def reconnect(self):
        """After a lost connection the last batch may or may not have happened: start anew."""
        names = [b"%s:%d" % (self.prefix, i) for i in range(KEYS_PER_WORKER)]
        for _ in range(RECONNECTS_MAX):
            try:
                self.wire.close()
                self.wire = Wire(self.address)
                self.wire.call("DEL", *names)
                self.values.clear()
                return
            except (ConnectionError, AssertionError):
                pass  # killed again
        raise Wrong("no connection lasts")


def judge(args, expected, reply, after_ms):
    if isinstance(expected, bytes):
        if reply != expected:
            raise Wrong(f"{args[:2]}: {reply[:200]}")
    elif isinstance(expected, tuple):
        value, deadline_ms = expected
        found = None if reply == b"$-1\r\n" else reply.split(b"\r\n", 1)[1][:-2]
        gone_ok = value is None or deadline_ms and after_ms > deadline_ms - CLOCK_SLACK_MS
        if not (found == value or found is None and gone_ok):
            raise Wrong(f"{args}: found {str(found)[:200]}, expected {str(value)[:200]}")
        # The batch took a while: only a deadline well before it can be judged.
        if found is not None and deadline_ms and deadline_ms < after_ms - 10_000:
            raise Wrong(f"{args}: answered {after_ms - deadline_ms} ms after its deadline")
    elif not reply.startswith(b":"):
        raise Wrong(f"{args[:2]}: {reply[:200]}")


def now():
    return time.time_ns() // 1_000_000


def check_model(address, number, rng, stop, tally):
    """Talks to its own keys and compares every reply."""
    model = Model(address, b"w%d" % number, rng)
    while not stop.is_set():
        try:
            for _ in range(50):
                tally.value += model.run()
        except (ConnectionError, AssertionError):
            # Killed by a sibling worker; anything else shows up when the server is looked at.
            model.reconnect()
        if rng.random() < 0.02:
            model.wire.close()
            model.wire = Wire(address)


def misbehave(address, number, rng, stop, tally):
    """Cuts requests short, sends garbage, kills connections."""
    while not stop.is_set():
        wire = Wire(address)
        kind = rng.randrange(6)
        try:
            if kind == 0:
                wire.send(encode("SET", "cut", b"x" * 100_000)[: rng.randrange(1, 100_000)])
            elif kind == 1:
                wire.send(rng.randbytes(rng.randrange(1, 500)))
            elif kind == 2:
                wire.send(encode("WATCH", "w0:1") + encode("MULTI") + encode("SET", "cut", 1))
            elif kind == 3:
                others = [Wire(address) for _ in range(rng.randrange(1, 50))]
                for other in others:
                    other.call("PING")
                    other.close()
            elif kind == 4 and rng.random() < 0.05:
                ids = re.findall(rb"(?m)^(?:\$\d+\r\n)?id=(\d+)", wire.call("CLIENT", "LIST"))
                wire.call("CLIENT", "KILL", "ID", rng.choice(ids))
            else:
                wire.call("INCRBY", "shared", 1)
        except (ConnectionError, AssertionError):
            pass
        wire.close()
        tally.value += 1


def read_slowly(address, number, rng, stop, tally):
    """Asks for much and does not read it for a while, or ever."""
    value = rng.randbytes(1 << 20)
    while not stop.is_set():
        wire = Wire(address)
        try:
            name = f"slow:{number}"
            wire.call("SET", name, value)
            wire.send(encode("GET", name) * rng.choice([4, 16, 64]))
            stop.wait(rng.random() * 3)
            if rng.random() < 0.5:
                for _ in range(4):
                    if not wire.reply().endswith(value + b"\r\n"):
                        raise Wrong(f"{name}: wrong bytes")
        except (ConnectionError, AssertionError):
            pass
        wire.close()
        tally.value += 1


def worker(function, address, number, seed, stop, tally, failures):
    try:
        function(address, number, random.Random(f"{seed}:{number}"), stop, tally)
    except BaseException as error:
        failures.put(f"{function.__name__} {number}: {type(error).__name__}: {error}")
        stop.set()


class Address:
    """What workers need to know of the node."""

    def __init__(self, node):
        self.host, self.port = node.host, node.port


def sample(node):
    """Resident memory in MiB, open descriptors and threads of the server."""
    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
    rss_mib = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024
    threads = int(re.search(r"Threads:\s+(\d+)", status)[1])
    return rss_mib, len(os.listdir(f"/proc/{node.process.pid}/fd")), threads


def cpu_s(node):
    """Seconds of processor time of all the server's threads so far."""
    tasks = pathlib.Path(f"/proc/{node.process.pid}/task")
    return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks.iterdir()) / 1e9


def grew(samples):
    """Compares the last quarter with the second: the first warms up."""
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[3 * quarter :]
    if not early or not late:
        return []
    rss_early, rss_late = max(s[0] for s in early), max(s[0] for s in late)
    wrong = []
    if rss_late > rss_early * 1.1 + 32:
        wrong.append(f"resident memory grew from {rss_early:.0f} to {rss_late:.0f} MiB")
    return wrong


def soak(node, options, seed):
    context = multiprocessing.get_context("fork")
    stop, failures = context.Event(), context.Queue()
    roles = [check_model] * options.workers + [misbehave] * 2 + [read_slowly] * 3
    tallies = [context.Value("Q", 0, lock=False) for _ in roles]
    workers = [
        context.Process(target=worker, args=(f, Address(node), n, seed, stop, tallies[n], failures))
        for n, f in enumerate(roles)
    ]
    before = sample(node)
    for process in workers:
        process.start()
    samples, started, wrong = [], time.monotonic(), []
    done_before, cpu_before = 0, cpu_s(node)
    while time.monotonic() - started < options.seconds and not stop.wait(SAMPLE_EVERY_S):
        if not node.alive():
            wrong.append(f"the server ended with {node.process.returncode}:\n{node.tail()}")
            break
        samples.append(sample(node))
        rss_mib, descriptors, threads = samples[-1]
        done, cpu = sum(tally.value for tally in tallies), cpu_s(node)
        us_each = (cpu - cpu_before) * 1e6 / max(done - done_before, 1)
        print(f"{time.monotonic() - started:6.0f} s  {done:>12,} requests  {us_each:5.1f} us CPU "
              f"each  {rss_mib:7.1f} MiB  {descriptors:4} descriptors  {threads} threads",
              flush=True)
        done_before, cpu_before = done, cpu
    stop.set()
    for process in workers:
        process.join(timeout=30)
        if process.is_alive():
            wrong.append(f"{process.name} waits for ever")
            process.kill()
    while not failures.empty():
        wrong.append(failures.get())
    return wrong + grew(samples) + (after(node, before) if node.alive() else [])


def after(node, before):
    """Empty again: descriptors must fall back to where they began."""
    with Wire(node) as wire:
        wire.call("FLUSHALL")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and sample(node)[1] > before[1] + 5:
        time.sleep(0.1)
    now_mib, descriptors, threads = sample(node)
    print(f"before: {before[0]:.1f} MiB, {before[1]} descriptors; after FLUSHALL: "
          f"{now_mib:.1f} MiB, {descriptors} descriptors, {threads} threads")
    if descriptors > before[1] + 5:
        return [f"descriptors went from {before[1]} to {descriptors}"]
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--velodrome", help="path of the binary; without it redis-server runs")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--driver", default="auto")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    options = parser.parse_args()
    velodrome = options.velodrome and os.path.realpath(options.velodrome)
    node = Node(Shape(velodrome=velodrome, shards=options.shards, driver=options.driver))
    print(f"seed {options.seed}, {node.shape}, pid {node.process.pid}", flush=True)
    try:
        wrong = soak(node, options, options.seed)
    finally:
        node.close()
    for line in wrong:
        print(f"WRONG: {line}")
    print("nothing wrong" if not wrong else f"{len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
