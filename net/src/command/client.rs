//! What CLIENT can ask.
//!
//! Owns the closed set of its sub-commands and the filters that name connections.

use crate::resp::Args;

/// `CLIENT …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the syntax above each variant")]
pub enum ClientCommand<'a> {
    /// `ID`
    Id,
    /// `INFO`
    Info,
    /// `GETNAME`
    GetName,
    /// `SETNAME name`; the name is checked, empty takes it away.
    SetName { name: &'a [u8] },
    /// `SETINFO LIB-NAME|LIB-VER value`; the value is checked.
    SetInfo { attribute: ClientAttribute, value: &'a [u8] },
    /// `LIST [TYPE type] [ID id…]`
    List(ClientList<'a>),
    /// `KILL filter value …`
    Kill(ClientFilter<'a>),
    /// `KILL addr:port`, which is an error when there is no such client.
    KillAddress { address: &'a [u8] },
    /// `REPLY ON|OFF|SKIP`
    Reply { mode: ReplyMode },
    /// `PAUSE milliseconds [WRITE|ALL]`
    Pause { timeout_ms: u64, writes_only: bool },
    /// `UNPAUSE`
    Unpause,
    /// `NO-EVICT ON|OFF`
    NoEvict { on: bool },
    /// `NO-TOUCH ON|OFF`
    NoTouch { on: bool },
    /// `HELP`
    Help,
}

/// What `CLIENT SETINFO` sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAttribute {
    /// Name of the client library.
    LibName,
    /// Version of the client library.
    LibVersion,
}

/// When a connection is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMode {
    /// Always.
    On,
    /// Never.
    Off,
    /// Not the next command.
    Skip,
}

/// Kinds of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// An ordinary client.
    Normal,
    /// A primary.
    Primary,
    /// A replica.
    Replica,
    /// A subscriber.
    PubSub,
}

/// `CLIENT LIST`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientList<'a> {
    /// Only this kind.
    pub kind: Option<ClientKind>,
    /// Only these, each a number above 0; read them with [`ClientList::ids`].
    pub(super) ids: Option<Args<'a>>,
}

impl ClientList<'_> {
    /// The identifiers asked for, `None` for everybody.
    #[must_use]
    pub fn ids(&self) -> Option<impl Iterator<Item = u64>> {
        let parse = |id: &[u8]| crate::resp::parse_i64(id).map_or(0, i64::unsigned_abs);
        self.ids.map(|ids| ids.into_iter().map(parse))
    }
}

/// Whom `CLIENT KILL` means: all of what is given must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientFilter<'a> {
    /// `ID`
    pub id: Option<u64>,
    /// `TYPE`
    pub kind: Option<ClientKind>,
    /// `USER`
    pub user: Option<&'a [u8]>,
    /// `ADDR ip:port`
    pub address: Option<&'a [u8]>,
    /// `LADDR ip:port`
    pub local_address: Option<&'a [u8]>,
    /// `MAXAGE`: only connections at least this old.
    pub age_min_s: Option<u64>,
    /// `SKIPME`: spare the caller; yes unless said otherwise.
    pub skip_me: bool,
}

impl Default for ClientFilter<'_> {
    fn default() -> Self {
        Self {
            id: None,
            kind: None,
            user: None,
            address: None,
            local_address: None,
            age_min_s: None,
            skip_me: true,
        }
    }
}
