//! Which clients CLIENT LIST and CLIENT KILL mean.

use velodrome_net::command::{ClientFilter, ClientKind, ClientList};

use crate::shard::session::Session;

/// The user every connection acts as.
pub(super) const DEFAULT_USER: &[u8] = b"default";

/// Whether a session is to be listed; the only kind there is are ordinary ones.
pub(super) fn lists(list: &ClientList<'_>, session: &Session) -> bool {
    list.kind.is_none_or(|kind| kind == ClientKind::Normal)
        && list.ids().is_none_or(|mut ids| ids.any(|id| id == session.id))
}

/// Whether a session is to be ended for the client `caller`.
pub(super) fn kills(
    filter: &ClientFilter<'_>,
    session: &Session,
    caller: u64,
    now_ms: u64,
) -> bool {
    let profile = &session.profile;
    let age_s = now_ms.saturating_sub(profile.connected_ms) / 1000;
    filter.id.is_none_or(|id| id == session.id)
        && filter.kind.is_none_or(|kind| kind == ClientKind::Normal)
        && filter.user.is_none_or(|user| user == DEFAULT_USER)
        && filter.address.is_none_or(|address| address == profile.peer.as_bytes())
        && filter.local_address.is_none_or(|address| address == profile.local.as_bytes())
        && filter.age_min_s.is_none_or(|least_s| age_s >= least_s)
        && !(filter.skip_me && session.id == caller)
}
