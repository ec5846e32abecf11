"""RESP as bytes over a socket.

Owns a client without opinions: what it sends and receives is exact. Invariant: one call to `reply`
takes exactly one reply. Cost: for checks only, not fast.
"""

import socket

WAIT_MAX_S = 20


def encode(*args):
    """A request as an array of bulk strings."""
    out = b"*%d\r\n" % len(args)
    for arg in args:
        arg = arg if isinstance(arg, bytes) else str(arg).encode()
        out += b"$%d\r\n%s\r\n" % (len(arg), arg)
    return out


class Wire:
    """One connection."""

    def __init__(self, node, protocol=2, path=None):
        if path is None:
            self.stream = socket.create_connection((node.host, node.port), timeout=WAIT_MAX_S)
            self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.stream = socket.socket(socket.AF_UNIX)
            self.stream.settimeout(WAIT_MAX_S)
            self.stream.connect(str(path))
        self.buffer = b""
        if protocol == 3:
            assert self.call("HELLO", 3).startswith(b"%")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()

    def send(self, data):
        self.stream.sendall(data)

    def call(self, *args):
        """Sends one command and returns its reply's exact bytes."""
        self.send(encode(*args))
        return self.reply()

    def reply(self):
        """One reply's exact bytes; pushes count as replies."""
        line = self.line()
        kind, rest = line[:1], line[1:-2]
        if kind in (b"$", b"=", b"!"):
            length = int(rest)
            return line if length < 0 else line + self._exactly(length + 2)
        if kind in (b"*", b"~", b">", b"%", b"|"):
            count = int(rest) * (2 if kind in (b"%", b"|") else 1)
            parts = [self.reply() for _ in range(max(count, 0))]
            out = line + b"".join(parts)
            return out + self.reply() if kind == b"|" else out
        assert kind in b"+-:_#,(", f"not the start of a reply: {line!r}"
        return line

    def elements(self, *args):
        """Sends a command whose reply is a flat array or set and returns its elements' bytes."""
        self.send(encode(*args))
        line = self.line()
        assert line[:1] in (b"*", b"~"), f"{args}: not an array: {line!r}"
        return [self.reply() for _ in range(int(line[1:-2]))]

    def is_closed(self):
        """Waits for the peer to close; what it still sends is kept in `buffer`."""
        try:
            while True:
                piece = self.stream.recv(65536)
                if not piece:
                    return True
                self.buffer += piece
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def line(self):
        """Bytes up to and with the next line end: a reply without its elements."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            self._receive()
        line, self.buffer = self.buffer[: end + 2], self.buffer[end + 2 :]
        return line

    def _exactly(self, length):
        pieces = [self.buffer]
        have = len(self.buffer)
        while have < length:
            piece = self.stream.recv(1 << 20)
            assert piece, "connection closed inside a reply"
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        self.buffer = data[length:]
        return data[:length]

    def _receive(self):
        piece = self.stream.recv(65536)
        assert piece, f"connection closed; unread: {self.buffer[:200]!r}"
        self.buffer += piece
