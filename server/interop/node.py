"""A server started for the checks.

Owns one child process on a free loopback port, its folder and its output. Invariant: `close` ends
exactly the process it started. Cost: the server's own start.
"""

import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import equal, eventually
from wire import Wire

START_WAIT_MAX_S = 15
STOP_WAIT_MAX_S = 15
REPLY_WAIT_MAX_S = 20


@dataclasses.dataclass(frozen=True)
class Shape:
    """How a server is started."""

    velodrome: str | None = None  # path of the binary; None starts redis-server
    shards: int = 1
    driver: str = "auto"
    password: str | None = None
    cluster: bool = False  # Redis needs to be told; Velodrome answers cluster clients anyway

    def __str__(self):
        if self.velodrome:
            return f"velodrome, {self.driver}, {self.shards} shard(s)"
        return "redis-server" + (", cluster" if self.cluster else "")


class Node:
    """A running server."""

    def __init__(self, shape, extra_args=()):
        self.shape = shape
        self.is_velodrome = shape.velodrome is not None
        self.host = "127.0.0.1"
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="velodrome-interop-"))
        self.unix_socket = self.folder / "socket"
        self.output_path = self.folder / "output"
        with open(self.output_path, "wb") as output:
            self.process = subprocess.Popen(
                self._args() + list(extra_args),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={k: v for k, v in os.environ.items() if not k.startswith("VELODROME")},
            )
        try:
            eventually(self._started, START_WAIT_MAX_S, "the server answers")
            if shape.cluster and not self.is_velodrome:
                self._take_all_slots()
        except BaseException:
            self.close()
            raise

    def _args(self):
        shape = self.shape
        if self.is_velodrome:
            args = [
                shape.velodrome,
                f"--shards={shape.shards}",
                f"--driver={shape.driver}",
                f"--bind={self.host}",
                f"--resp-port={self.port}",
                "--memcached-port=0",
                "--http-port=0",
                f"--unix-socket={self.unix_socket}",
                f"--data-dir={self.folder}",
            ]
            return args + ([f"--requirepass={shape.password}"] if shape.password else [])
        args = ["redis-server", "--bind", self.host, "--port", str(self.port), "--save", ""]
        args += ["--unixsocket", str(self.unix_socket), "--dir", str(self.folder)]
        if shape.password:
            args += ["--requirepass", shape.password]
        if shape.cluster:
            args += ["--cluster-enabled", "yes", "--cluster-announce-ip", self.host]
        return args

    def _started(self):
        if not self.alive():
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.tail()}")
        return self.answers()

    def answers(self):
        """Whether a new connection gets a reply."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as stream:
                stream.sendall(b"PING\r\n")
                return stream.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _take_all_slots(self):
        with Wire(self) as wire:
            equal(wire.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383), b"+OK\r\n")
            ready = lambda: b"cluster_state:ok" in wire.call("CLUSTER", "INFO")
            eventually(ready, START_WAIT_MAX_S, "the cluster is ready")

    def client(self, **options):
        """A redis-py client of its own connection pool."""
        # Imported here, as the soak does without it.
        import redis

        options.setdefault("password", self.shape.password)
        options.setdefault("protocol", 2)
        options.setdefault("socket_timeout", REPLY_WAIT_MAX_S)
        # A retried command would hide a dropped connection.
        options.setdefault("retry", None)
        return redis.Redis(host=self.host, port=self.port, **options)

    def alive(self):
        return self.process.poll() is None

    def tail(self):
        """The end of what the server printed."""
        return self.output_path.read_bytes()[-2000:].decode(errors="replace")

    def wait_for_exit(self):
        return self.process.wait(timeout=STOP_WAIT_MAX_S)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.wait_for_exit()
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    """A port that was free a moment ago, with its cluster-bus sibling still in range."""
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        if port + 10_000 < 65_536:
            return port
