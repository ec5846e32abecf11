//! What a completion is about, packed in its 64 bits of user data.
//!
//! ```text
//! │ kind:8 │ index:24 │ generation:32 │
//! ```

use crate::connections::ConnId;

/// Names a request, or a message from another ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Nobody waits for this one (cancellations, the probe).
    Ignored,
    Receive(ConnId),
    Send(ConnId),
    Connect(ConnId),
    /// A listener, by slot.
    Accept(u32),
    /// A file operation, by slot.
    File(u32),
    /// The eventfd became readable.
    Eventfd,
    /// Another ring woke this one.
    Message,
    /// Waking another ring failed; by index of the target.
    Wake(u32),
}

impl Token {
    #[inline]
    pub(crate) fn pack(self) -> u64 {
        match self {
            Token::Ignored => 0,
            Token::Receive(conn) => connection(1, conn),
            Token::Send(conn) => connection(2, conn),
            Token::Connect(conn) => connection(3, conn),
            Token::Accept(slot) => 4 << 56 | u64::from(slot),
            Token::File(slot) => 5 << 56 | u64::from(slot),
            Token::Eventfd => 6 << 56,
            Token::Message => 7 << 56,
            Token::Wake(target) => 8 << 56 | u64::from(target),
        }
    }

    #[inline]
    pub(crate) fn unpack(packed: u64) -> Token {
        let index = (packed >> 32) as u32 & 0xff_ffff;
        let low = packed as u32;
        match packed >> 56 {
            1 => Token::Receive(ConnId::new(low, index)),
            2 => Token::Send(ConnId::new(low, index)),
            3 => Token::Connect(ConnId::new(low, index)),
            4 => Token::Accept(low),
            5 => Token::File(low),
            6 => Token::Eventfd,
            7 => Token::Message,
            8 => Token::Wake(low),
            _ => Token::Ignored,
        }
    }
}

#[inline]
fn connection(kind: u64, conn: ConnId) -> u64 {
    kind << 56 | (conn.index() as u64) << 32 | u64::from(conn.generation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_survives_packing() {
        let conn = ConnId::new(0xffff_fffe, 0xff_fffe);
        for token in [
            Token::Ignored,
            Token::Receive(conn),
            Token::Send(conn),
            Token::Connect(ConnId::new(1, 0)),
            Token::Accept(63),
            Token::File(4095),
            Token::Eventfd,
            Token::Message,
            Token::Wake(7),
        ] {
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }
}
