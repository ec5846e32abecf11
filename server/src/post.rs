//! A shard's outgoing mail: parcels that wait for room, and siblings to be woken for theirs.
//!
//! To be woken costs a sibling and who wakes it more than to serve a few requests, and while a
//! shard is busy there is soon more for the sibling: so it is woken when there is nothing to do
//! here, or after `WAKE_DELAY_US_MAX`. One that does not sleep finds its mail by itself. Invariant:
//! a parcel that did not fit goes before any later one, and whoever has got mail is woken, once.
//! Cost: a look at each sibling a turn.

use crate::limits::WAKE_DELAY_US_MAX;
use crate::mailbox::Mailboxes;
use crate::shard::parcel::Parcel;

/// The outgoing mail of one shard.
#[derive(Debug)]
pub(crate) struct Post {
    from: u16,
    /// Parcels that did not fit into a mailbox.
    unposted: Vec<Option<Box<Parcel>>>,
    /// Siblings that have got mail and may sleep.
    unwoken: Vec<bool>,
    /// Since when there are any; `None` when there are none.
    unwoken_since_ns: Option<u64>,
}

impl Post {
    /// Nothing to send yet, to any of so many shards.
    pub(crate) fn new(from: u16, shards: usize) -> Self {
        let unposted = (0..shards).map(|_| None).collect();
        Self { from, unposted, unwoken: vec![false; shards], unwoken_since_ns: None }
    }

    /// Whether nothing waits for room or for its receiver to be woken.
    pub(crate) fn is_done(&self) -> bool {
        self.unwoken_since_ns.is_none() && self.unposted.iter().all(Option::is_none)
    }

    /// Sends what waits and the parcels that `take` has for siblings; false when that is nothing.
    pub(crate) fn send(
        &mut self,
        mailboxes: &Mailboxes,
        now_ns: u64,
        mut take: impl FnMut(u16) -> Option<Parcel>,
    ) -> bool {
        let mut any = false;
        for to in (0..self.unposted.len()).filter(|to| *to != usize::from(self.from)) {
            let waiting = self.unposted[to].take().map(|parcel| *parcel);
            let Some(parcel) = waiting.or_else(|| take(to as u16)) else { continue };
            any = true;
            self.unwoken[to] = true;
            let since_ns = self.unwoken_since_ns.get_or_insert(now_ns);
            if let Err(parcel) = mailboxes.post(self.from, to as u16, parcel) {
                self.unposted[to] = Some(parcel);
                // It has more than enough to do: at once.
                *since_ns = 0;
            }
        }
        any
    }

    /// The siblings that are to be woken now. `idle`: there is nothing to do here.
    pub(crate) fn take_unwoken(&mut self, idle: bool, now_ns: u64) -> impl Iterator<Item = u16> {
        let waited_ns = self.unwoken_since_ns.map(|since_ns| now_ns.saturating_sub(since_ns));
        let due = waited_ns.is_some_and(|ns| idle || ns >= WAKE_DELAY_US_MAX * 1000);
        if due {
            self.unwoken_since_ns = None;
        }
        let unwoken = self.unwoken.iter_mut().enumerate().filter(move |_| due);
        unwoken.filter_map(|(to, it)| std::mem::take(it).then_some(to as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PARCELS_PER_PAIR_MAX;

    const START_NS: u64 = 1_000_000_000;

    fn woken(post: &mut Post, idle: bool, after_us: u64) -> Vec<u16> {
        post.take_unwoken(idle, START_NS + after_us * 1000).collect()
    }

    fn send(post: &mut Post, mailboxes: &Mailboxes, to: u16) -> bool {
        post.send(mailboxes, START_NS, |shard| (shard == to).then(Parcel::default))
    }

    #[test]
    fn who_has_got_mail_is_woken_when_nothing_is_left_to_do_or_time_is_up() {
        let (mailboxes, mut post) = (Mailboxes::new(3), Post::new(1, 3));
        assert!(post.is_done() && !send(&mut post, &mailboxes, 1), "nothing is sent to oneself");
        assert!(woken(&mut post, true, 0).is_empty());
        assert!(send(&mut post, &mailboxes, 2) && !post.is_done());
        assert!(woken(&mut post, false, WAKE_DELAY_US_MAX - 1).is_empty());
        assert!(send(&mut post, &mailboxes, 0));
        assert_eq!(woken(&mut post, false, WAKE_DELAY_US_MAX), [0, 2]);
        assert!(post.is_done() && woken(&mut post, true, 2 * WAKE_DELAY_US_MAX).is_empty());
        assert!(send(&mut post, &mailboxes, 2));
        assert_eq!(woken(&mut post, true, 0), [2]);
    }

    #[test]
    fn a_parcel_that_does_not_fit_goes_first_next_time_and_wakes_at_once() {
        let (mailboxes, mut post) = (Mailboxes::new(2), Post::new(0, 2));
        for _ in 0..PARCELS_PER_PAIR_MAX {
            assert!(send(&mut post, &mailboxes, 1));
        }
        assert!(woken(&mut post, false, 0).is_empty());
        let mut last = Parcel::default();
        last.replies.extend_from_slice(b"last");
        let mut last = Some(last);
        assert!(post.send(&mailboxes, START_NS, |_| last.take()));
        assert_eq!(woken(&mut post, false, 0), [1]);
        assert!(!post.is_done() && mailboxes.take(0, 1).is_some());
        assert!(post.send(&mailboxes, START_NS, |_| unreachable!("the earlier one goes first")));
        let last = (0..PARCELS_PER_PAIR_MAX).filter_map(|_| mailboxes.take(0, 1)).last();
        assert_eq!(last.expect("all are there").replies, b"last");
        assert_eq!(woken(&mut post, true, 0), [1]);
        assert!(post.is_done());
    }
}
