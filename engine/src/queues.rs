//! Queues: the segments of each stream in the order they were opened.
//!
//! Invariant: a segment that is not free is in exactly one queue. Cost: two links a segment;
//! putting in and taking out change four of them.

/// No segment.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    older: u32,
    newer: u32,
}

const UNLINKED: Link = Link { older: NONE, newer: NONE };

/// Segments in order of opening, by stream.
#[derive(Debug)]
pub(crate) struct Queues<const STREAMS: usize> {
    links: Vec<Link>,
    /// Oldest and newest.
    ends: [Link; STREAMS],
}

impl<const STREAMS: usize> Default for Queues<STREAMS> {
    fn default() -> Self {
        let ends = [UNLINKED; STREAMS];
        Self { links: Vec::new(), ends }
    }
}

impl<const STREAMS: usize> Queues<STREAMS> {
    /// Adds a segment behind all others of its stream.
    pub(crate) fn push(&mut self, stream: usize, number: u32) {
        if self.links.len() <= number as usize {
            self.links.resize(number as usize + 1, UNLINKED);
        }
        let newest = self.ends[stream].newer;
        self.links[number as usize] = Link { older: newest, newer: NONE };
        match newest {
            NONE => self.ends[stream].older = number,
            _ => self.links[newest as usize].newer = number,
        }
        self.ends[stream].newer = number;
    }

    /// Takes a segment out.
    pub(crate) fn remove(&mut self, stream: usize, number: u32) {
        let Link { older, newer } = self.links[number as usize];
        match older {
            NONE => self.ends[stream].older = newer,
            _ => self.links[older as usize].newer = newer,
        }
        match newer {
            NONE => self.ends[stream].newer = older,
            _ => self.links[newer as usize].older = older,
        }
    }

    /// The segment of a stream that was opened first.
    pub(crate) fn oldest(&self, stream: usize) -> Option<u32> {
        Some(self.ends[stream].older).filter(|number| *number != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_leave_from_anywhere() {
        let mut queues = Queues::<2>::default();
        [3, 1, 4, 0].iter().for_each(|number| queues.push(1, *number));
        queues.push(0, 2);
        let mut order = Vec::new();
        queues.remove(1, 1);
        queues.push(1, 1);
        while let Some(oldest) = queues.oldest(1) {
            order.push(oldest);
            queues.remove(1, oldest);
        }
        assert_eq!((order, queues.oldest(0)), (vec![3, 4, 0, 1], Some(2)));
    }
}
