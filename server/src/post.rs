//! A shard's outgoing mail: parcels that wait for room, and siblings to be woken for theirs.
//!
//! Invariant: a parcel that did not fit goes before any later one, and whoever has got mail is
//! woken if it sleeps. Cost: a look at each sibling a turn.

use crate::mailbox::Mailboxes;
use crate::shard::parcel::Parcel;

/// The outgoing mail of one shard.
#[derive(Debug)]
pub(crate) struct Post {
    from: u16,
    /// Parcels that did not fit into a mailbox.
    unposted: Vec<Option<Box<Parcel>>>,
}

impl Post {
    /// Nothing to send yet, to any of so many shards.
    pub(crate) fn new(from: u16, shards: usize) -> Self {
        Self { from, unposted: (0..shards).map(|_| None).collect() }
    }

    /// Whether nothing waits for room.
    pub(crate) fn is_done(&self) -> bool {
        self.unposted.iter().all(Option::is_none)
    }

    /// Sends what waits and the parcels that `take` has for siblings, and has each `woken` that
    /// has got something.
    pub(crate) fn send(
        &mut self,
        mailboxes: &Mailboxes,
        mut take: impl FnMut(u16) -> Option<Parcel>,
        mut woken: impl FnMut(u16),
    ) {
        for to in (0..self.unposted.len()).filter(|to| *to != usize::from(self.from)) {
            let waiting = self.unposted[to].take().map(|parcel| *parcel);
            let Some(parcel) = waiting.or_else(|| take(to as u16)) else { continue };
            if let Err(parcel) = mailboxes.post(self.from, to as u16, parcel) {
                self.unposted[to] = Some(parcel);
            }
            woken(to as u16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PARCELS_PER_PAIR_MAX;

    /// Who is woken when shard `to` is sent a parcel.
    fn send(post: &mut Post, mailboxes: &Mailboxes, to: u16) -> Vec<u16> {
        let mut woken = Vec::new();
        let take = |shard| (shard == to).then(Parcel::default);
        post.send(mailboxes, take, |shard| woken.push(shard));
        woken
    }

    #[test]
    fn who_has_got_mail_is_woken() {
        let (mailboxes, mut post) = (Mailboxes::new(3), Post::new(1, 3));
        assert!(send(&mut post, &mailboxes, 1).is_empty(), "nothing is sent to oneself");
        assert_eq!(send(&mut post, &mailboxes, 2), [2]);
        assert_eq!(send(&mut post, &mailboxes, 0), [0]);
        assert!(post.is_done() && mailboxes.take(1, 2).is_some() && mailboxes.take(1, 0).is_some());
    }

    #[test]
    fn a_parcel_that_does_not_fit_goes_first_next_time() {
        let (mailboxes, mut post) = (Mailboxes::new(2), Post::new(0, 2));
        for _ in 0..PARCELS_PER_PAIR_MAX {
            assert_eq!(send(&mut post, &mailboxes, 1), [1]);
        }
        let mut last = Parcel::default();
        last.replies.extend_from_slice(b"last");
        let mut last = Some(last);
        post.send(&mailboxes, |_| last.take(), |_| {});
        assert!(!post.is_done() && mailboxes.take(0, 1).is_some());
        post.send(&mailboxes, |_| unreachable!("the earlier one goes first"), |_| {});
        let last = (0..PARCELS_PER_PAIR_MAX).filter_map(|_| mailboxes.take(0, 1)).last();
        assert_eq!(last.expect("all are there").replies, b"last");
        assert!(post.is_done());
    }
}
