//! The search for a serial order of what clients did at the same time.
//!
//! A history is fine when its deeds, done one after the other by a model, give every answer that
//! was heard, and no deed comes before one that had been answered when it was asked for. Deeds
//! without an answer may have happened at any later time, or never. Cost: exponential at worst,
//! kept small by remembering what was tried; histories have at most 64 deeds.

use std::collections::HashSet;

use super::actor::Answer;

/// Small numbers under few keys.
pub(super) type State = Vec<Option<i64>>;

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Get(usize),
    Set(usize, i64),
    Increment(usize),
    GetMany(Vec<usize>),
    SetMany(Vec<(usize, i64)>),
    SetIfNone(Vec<(usize, i64)>),
    Delete(Vec<usize>),
    Count,
    Flush,
    Exec(Vec<Deed>),
}

/// One deed of a history.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) deed: Deed,
    pub(super) asked_at: u64,
    /// When and what its client heard, if it heard anything.
    pub(super) heard: Option<(u64, Answer)>,
}

impl Deed {
    /// Does it in the model.
    fn apply(&self, state: &mut State) -> Answer {
        let value = |value: Option<i64>| {
            value.map_or(Answer::Null, |number| Answer::Bulk(number.to_string()))
        };
        match self {
            Self::Get(key) => value(state[*key]),
            Self::Set(key, number) => {
                state[*key] = Some(*number);
                Answer::ok()
            }
            Self::Increment(key) => {
                let sum = state[*key].unwrap_or(0) + 1;
                state[*key] = Some(sum);
                Answer::Integer(sum)
            }
            Self::GetMany(keys) => {
                Answer::Array(keys.iter().map(|key| value(state[*key])).collect())
            }
            Self::SetMany(pairs) => {
                pairs.iter().for_each(|(key, number)| state[*key] = Some(*number));
                Answer::ok()
            }
            Self::SetIfNone(pairs) => {
                let free = pairs.iter().all(|(key, _)| state[*key].is_none());
                if free {
                    pairs.iter().for_each(|(key, number)| state[*key] = Some(*number));
                }
                Answer::Integer(free.into())
            }
            Self::Delete(keys) => {
                let gone = keys.iter().filter(|key| state[**key].take().is_some()).count();
                Answer::Integer(gone as i64)
            }
            Self::Count => Answer::Integer(state.iter().flatten().count() as i64),
            Self::Flush => {
                state.fill(None);
                Answer::ok()
            }
            Self::Exec(deeds) => {
                Answer::Array(deeds.iter().map(|deed| deed.apply(state)).collect())
            }
        }
    }
}

/// Whether the history has a serial order.
pub(super) fn is_serializable(events: &[Event], keys: usize) -> bool {
    // What was refused has not happened.
    let refused = |event: &&Event| !matches!(&event.heard, Some((_, answer)) if answer.is_error());
    let events: Vec<&Event> = events.iter().filter(refused).collect();
    assert!(events.len() <= 64, "a history is short");
    search(&events, 0, vec![None; keys], &mut HashSet::new())
}

fn search(events: &[&Event], done: u64, state: State, tried: &mut HashSet<(u64, State)>) -> bool {
    let open = || events.iter().enumerate().filter(|(at, _)| done >> at & 1 == 0);
    let Some(first_heard) = open().filter_map(|(_, event)| event.heard.as_ref()).map(|h| h.0).min()
    else {
        return true;
    };
    if !tried.insert((done, state.clone())) {
        return false;
    }
    open().filter(|(_, event)| event.asked_at <= first_heard).any(|(at, event)| {
        let mut next = state.clone();
        let answer = event.deed.apply(&mut next);
        let fits = event.heard.as_ref().is_none_or(|(_, heard)| *heard == answer);
        fits && search(events, done | 1 << at, next, tried)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(deed: Deed, asked_at: u64, heard: Option<(u64, Answer)>) -> Event {
        Event { deed, asked_at, heard }
    }

    fn seen(values: &[i64]) -> Answer {
        let bulk = |value: &i64| match value {
            0 => Answer::Null,
            value => Answer::Bulk(value.to_string()),
        };
        Answer::Array(values.iter().map(bulk).collect())
    }

    #[test]
    fn half_a_write_is_found_out() {
        let write = event(Deed::SetMany(vec![(0, 1), (1, 1)]), 1, Some((9, Answer::ok())));
        let read = |values: &[i64]| event(Deed::GetMany(vec![0, 1]), 2, Some((8, seen(values))));
        for (values, fine) in [([0, 0], true), ([1, 1], true), ([1, 0], false), ([0, 1], false)] {
            assert_eq!(is_serializable(&[write.clone(), read(&values)], 2), fine, "{values:?}");
        }
    }

    #[test]
    fn time_counts_and_the_unheard_may_have_happened() {
        let write = event(Deed::Set(0, 1), 1, Some((2, Answer::ok())));
        let late = event(Deed::Get(0), 3, Some((4, Answer::Null)));
        assert!(!is_serializable(&[write, late.clone()], 1), "it was written before");
        let unheard = event(Deed::Set(0, 1), 1, None);
        let one = event(Deed::Get(0), 3, Some((4, Answer::Bulk("1".into()))));
        assert!(is_serializable(&[unheard.clone(), late], 1));
        assert!(is_serializable(&[unheard, one], 1));
    }
}
