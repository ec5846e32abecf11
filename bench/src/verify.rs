//! The bytes each server must answer before its speed counts.
//!
//! Owns a short conversation whose replies are compared byte by byte, without any codec, so that a
//! codec's bug cannot hide. Invariant: a server that answers otherwise is not measured. Cost: a few
//! dozen requests.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::failure::Failure;
use crate::limits::{CHECK_REPLY_LEN_MAX, REPLY_WAIT_MAX};
use crate::protocol::Protocol;
use crate::server_process::ServerProcess;

/// Request and reply, as bytes. The key is cleared first and last.
const RESP: &[(&[u8], &[u8])] = &[
    (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    (b"*2\r\n$4\r\nECHO\r\n$5\r\na\r\nb\0\r\n", b"$5\r\na\r\nb\0\r\n"),
    (b"*3\r\n$3\r\nSET\r\n$7\r\nbench:a\r\n$3\r\none\r\n", b"+OK\r\n"),
    (b"*2\r\n$3\r\nGET\r\n$7\r\nbench:a\r\n", b"$3\r\none\r\n"),
    (b"*2\r\n$3\r\nGET\r\n$7\r\nbench:z\r\n", b"$-1\r\n"),
    (b"*2\r\n$4\r\nINCR\r\n$7\r\nbench:n\r\n", b":1\r\n"),
    (b"*2\r\n$4\r\nINCR\r\n$7\r\nbench:n\r\n", b":2\r\n"),
    (b"*5\r\n$4\r\nMSET\r\n$7\r\nbench:a\r\n$1\r\n1\r\n$7\r\nbench:b\r\n$1\r\n2\r\n", b"+OK\r\n"),
    (
        b"*4\r\n$4\r\nMGET\r\n$7\r\nbench:a\r\n$7\r\nbench:z\r\n$7\r\nbench:b\r\n",
        b"*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n",
    ),
    (b"*4\r\n$3\r\nDEL\r\n$7\r\nbench:a\r\n$7\r\nbench:b\r\n$7\r\nbench:n\r\n", b":3\r\n"),
];

/// The same for memcached's text protocol.
const TEXT: &[(&[u8], &[u8])] = &[
    (b"set bench:a 7 0 5\r\na\r\nb\0\r\n", b"STORED\r\n"),
    (b"get bench:a\r\n", b"VALUE bench:a 7 5\r\na\r\nb\0\r\nEND\r\n"),
    (b"get bench:z\r\n", b"END\r\n"),
    (b"set bench:n 0 0 1\r\n1\r\n", b"STORED\r\n"),
    (b"incr bench:n 4\r\n", b"5\r\n"),
    (b"incr bench:z 1\r\n", b"NOT_FOUND\r\n"),
    (b"delete bench:a\r\n", b"DELETED\r\n"),
    (b"delete bench:a\r\n", b"NOT_FOUND\r\n"),
    (b"delete bench:n\r\n", b"DELETED\r\n"),
];

/// Holds the conversation twice: request by request, then as one pipeline.
pub fn verify(server: &ServerProcess) -> Result<(), Failure> {
    let conversation = match server.protocol() {
        Protocol::Resp | Protocol::Echo => RESP,
        Protocol::MemcachedText | Protocol::MemcachedMeta | Protocol::MemcachedBinary => TEXT,
    };
    let unreachable = || Failure::system(format!("cannot talk to {}", server.name()));
    let mut stream = TcpStream::connect(server.address()).map_err(unreachable())?;
    stream.set_read_timeout(Some(REPLY_WAIT_MAX)).map_err(unreachable())?;
    for (request, expected) in conversation {
        check(server, &mut stream, request, expected)?;
    }
    let requests: Vec<u8> =
        conversation.iter().flat_map(|(request, _)| *request).copied().collect();
    let replies: Vec<u8> = conversation.iter().flat_map(|(_, reply)| *reply).copied().collect();
    check(server, &mut stream, &requests, &replies)
}

fn check(
    server: &ServerProcess,
    stream: &mut TcpStream,
    request: &[u8],
    expected: &[u8],
) -> Result<(), Failure> {
    let found = exchange(stream, request, expected.len())
        .map_err(Failure::system(format!("cannot talk to {}", server.name())))?;
    if found == expected {
        return Ok(());
    }
    Err(Failure::WrongReply {
        server: server.name().to_owned(),
        request: request.escape_ascii().to_string(),
        expected: expected.escape_ascii().to_string(),
        found: found.escape_ascii().to_string(),
    })
}

/// Sends `request` and reads until `reply_len` bytes came, or fewer when they stop coming.
fn exchange(
    stream: &mut (impl Read + Write),
    request: &[u8],
    reply_len: usize,
) -> io::Result<Vec<u8>> {
    stream.write_all(request)?;
    let mut reply = vec![0; CHECK_REPLY_LEN_MAX];
    let mut filled = 0;
    while filled < reply_len {
        match stream.read(&mut reply[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    reply.truncate(filled);
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scripted {
        pieces: Vec<&'static [u8]>,
        sent: Vec<u8>,
    }

    impl Read for Scripted {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.pieces.is_empty() {
                return Ok(0);
            }
            let piece = self.pieces.remove(0);
            into[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.sent.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn replies_in_pieces_are_joined_and_extra_bytes_are_kept() {
        let cases: [(Vec<&'static [u8]>, &[u8]); 3] = [
            (vec![b"+PO", b"NG\r\n"], b"+PONG\r\n"),
            (vec![b"+PONG\r\n-"], b"+PONG\r\n-"),
            (vec![b"+PO"], b"+PO"),
        ];
        for (pieces, expected) in cases {
            let mut stream = Scripted { pieces, sent: Vec::new() };
            assert_eq!(exchange(&mut stream, b"PING\r\n", 7).unwrap(), expected);
            assert_eq!(stream.sent, b"PING\r\n");
        }
    }

    #[test]
    fn every_request_states_its_true_length() {
        for (request, _) in RESP {
            let text = request.escape_ascii().to_string();
            let (count, mut rest) = number(&request[1..]);
            assert_eq!(request[0], b'*', "{text}");
            for _ in 0..count {
                assert_eq!(rest[0], b'$', "{text}");
                let (len, after) = number(&rest[1..]);
                assert_eq!(&after[len..len + 2], b"\r\n", "{text}");
                rest = &after[len + 2..];
            }
            assert!(rest.is_empty(), "{text}");
        }
    }

    fn number(bytes: &[u8]) -> (usize, &[u8]) {
        let end = bytes.iter().position(|&byte| byte == b'\r').unwrap();
        (std::str::from_utf8(&bytes[..end]).unwrap().parse().unwrap(), &bytes[end + 2..])
    }
}
