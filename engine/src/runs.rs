//! Runs: the memory that tables lie in.
//!
//! One reserved range of addresses, cut into chunks. A chunk has runs of one size, a number of
//! lines of 64 bytes, each a bucket; the runs of a size fill its chunks from the front. A run that
//! is given back becomes a hole, which the next one of its size takes. When holes are more than
//! their share, the last runs of a size move into its holes (`tidying.rs`), so that what is used
//! stays dense however tables grow. A hole's first words link it to others of its size.
//!
//! Invariant: the runs and holes of a size fill its chunks but for the end of the last one, whose
//! pages are given back but for a few. The range is unmapped only if every run came back. Cost:
//! some dozens of instructions a run, and a move at most for one that is given back.

#![allow(unsafe_code)]

use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use std::io;

use crate::bucket::{Bucket, Entry};
use crate::limits::STEP_BYTES_MAX;
use crate::mapping::{Mapping, PAGE_LEN};
use crate::run::Run;
use crate::sizes::{CHUNK_LINES, SIZES, lines_of, size_for};

/// Bytes of a line.
const LINE_LEN: usize = size_of::<Bucket>();
const PAGE_LINES: u32 = (PAGE_LEN / LINE_LEN) as u32;
const CHUNK_LEN: usize = CHUNK_LINES as usize * LINE_LEN;
/// Stands for chunks of no size among sizes.
const NO_SIZE: usize = SIZES;
/// No hole.
const NONE: u32 = u32::MAX;
/// Words that link holes.
const PREVIOUS: usize = 0;
const NEXT: usize = 1;
/// Holes may take this part of all lines, and some lines.
const WASTE_SHARE: u32 = 256;
const WASTE_LINES: u32 = 64;
/// Pages behind the last run of a size that stay for the next, and for as many more.
const IDLE_PAGES: u32 = 4;

#[derive(Debug)]
struct Chunk {
    /// Lines from here on are not resident.
    touched: u32,
    /// Lines at which holes begin, a bit each.
    holes: [u64; CHUNK_LINES as usize / 64],
}

/// The runs of one size.
#[derive(Debug)]
struct Size {
    chunks: Vec<u32>,
    /// Lines of the last chunk that are in runs and holes.
    used: u32,
    /// The hole that came about last.
    hole: u32,
}

/// All tables' memory of one engine.
#[derive(Debug)]
pub(crate) struct Runs {
    mapping: ManuallyDrop<Mapping>,
    /// Those of a size or with resident pages.
    chunks: Vec<Option<Box<Chunk>>>,
    sizes: [Size; SIZES],
    /// Which sizes have holes, a bit each, and which have pages to give back.
    holed: u64,
    loose: u64,
    /// Chunks of no size, with resident pages and without.
    idle: Vec<u32>,
    released: Vec<u32>,
    /// Lines of runs, and of holes.
    lent: u32,
    waste: u32,
    /// Bytes of runs, holes and what is known of chunks.
    bytes: usize,
    /// How full the buckets are of a table that is being built.
    pub(crate) lens: Vec<u8>,
}

impl Runs {
    /// Reserves addresses for tables of `bytes_max` bytes together.
    pub(crate) fn reserve(bytes_max: u64) -> io::Result<Self> {
        // Every size may have a chunk with little in it.
        let len = (bytes_max as usize).next_multiple_of(CHUNK_LEN) + SIZES * CHUNK_LEN;
        let size = |_| Size { chunks: Vec::new(), used: 0, hole: NONE };
        Ok(Self {
            mapping: ManuallyDrop::new(Mapping::reserve(len)?),
            chunks: Vec::new(),
            sizes: core::array::from_fn(size),
            holed: 0,
            loose: 0,
            idle: Vec::new(),
            released: Vec::new(),
            lent: 0,
            waste: 0,
            bytes: 0,
            lens: Vec::new(),
        })
    }

    /// What is accounted: all but the pages kept behind the last run of a size.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of runs.
    #[cfg(test)]
    pub(crate) fn lent_bytes(&self) -> usize {
        self.lent as usize * LINE_LEN
    }

    /// A run of empty buckets, of a number that fills a run.
    pub(crate) fn take(&mut self, buckets: usize) -> Run {
        if buckets == 0 {
            return Run::empty();
        }
        let size = size_for(buckets as u32);
        let lines = lines_of(size);
        debug_assert_eq!(lines as usize, buckets, "a table fills its run");
        let line = match self.sizes[size].hole {
            NONE => self.append(size),
            hole => {
                self.close(size, hole);
                hole
            }
        };
        self.lent += lines;
        let at = self.bucket(line);
        for nth in 0..buckets {
            // SAFETY: the lines were in no run, and are mapped, as `append` saw to.
            unsafe { at.add(nth).write(Bucket::EMPTY) };
        }
        Run { at, buckets: lines, taken: 0 }
    }

    /// Takes a run back.
    pub(crate) fn give_back(&mut self, run: Run) {
        if run.buckets == 0 {
            return;
        }
        let (line, size) = (self.line_of(&run), size_for(run.buckets));
        self.lent -= run.buckets;
        if self.last_of(size) == Some(line) {
            self.shorten(size);
        } else {
            self.open(size, line);
        }
    }

    /// The first line of a run.
    fn line_of(&self, run: &Run) -> u32 {
        let offset = run.at.addr().get().wrapping_sub(self.mapping.base().addr().get());
        assert!(offset < self.mapping.bytes_usable(), "a run of another engine");
        (offset / LINE_LEN) as u32
    }

    /// The bucket at a line.
    fn bucket(&self, line: u32) -> NonNull<Bucket> {
        let offset = line as usize * LINE_LEN;
        assert!(offset < self.mapping.bytes_usable());
        // SAFETY: the offset lies within the mapping.
        unsafe { self.mapping.base().add(offset).cast() }
    }

    fn word(&self, line: u32, nth: usize) -> u32 {
        // SAFETY: the line begins a hole, so it is in no run, and `open` wrote its first words.
        unsafe { self.bucket(line).cast::<u32>().add(nth).read() }
    }

    fn set_word(&mut self, line: u32, nth: usize, word: u32) {
        // SAFETY: the line begins a hole, so it is in no run, and it has more words than two.
        unsafe { self.bucket(line).cast::<u32>().add(nth).write(word) }
    }

    fn is_hole(&self, line: u32) -> bool {
        let (word, bit) = bit_of(line);
        let chunk = self.chunks[(line / CHUNK_LINES) as usize].as_ref();
        chunk.is_some_and(|chunk| chunk.holes[word] >> bit & 1 != 0)
    }

    fn mark(&mut self, line: u32) {
        let (word, bit) = bit_of(line);
        self.chunk_mut(line / CHUNK_LINES).holes[word] ^= 1 << bit;
    }

    fn chunk_mut(&mut self, number: u32) -> &mut Chunk {
        self.chunks[number as usize].as_mut().expect("a chunk of a size is known")
    }

    /// The first line of the last run of a size, which may be a hole.
    fn last_of(&self, size: usize) -> Option<u32> {
        let Size { chunks, used, .. } = &self.sizes[size];
        Some(chunks.last()? * CHUNK_LINES + used - lines_of(size))
    }

    /// Adds a run behind the last one of its size.
    fn append(&mut self, size: usize) -> u32 {
        let lines = lines_of(size);
        if self.sizes[size].chunks.is_empty() || self.sizes[size].used + lines > CHUNK_LINES {
            let chunk = self.free_chunk();
            self.sizes[size].chunks.push(chunk);
            self.sizes[size].used = 0;
            // It may have been another size's, full of pages.
            self.loose |= 1 << size;
        }
        let Size { chunks, used, .. } = &mut self.sizes[size];
        let number = *chunks.last().expect("there is one now");
        let line = number * CHUNK_LINES + *used;
        *used += lines;
        let end = used.next_multiple_of(PAGE_LINES);
        self.bytes += lines as usize * LINE_LEN;
        let chunk = self.chunk_mut(number);
        chunk.touched = chunk.touched.max(end);
        line
    }

    fn free_chunk(&mut self) -> u32 {
        if let Some(number) = self.idle.pop() {
            return number;
        }
        let number = self.released.pop().unwrap_or_else(|| {
            let number = self.chunks.len();
            let grown = self.mapping.extend_usable((number + 1) * CHUNK_LEN);
            grown.expect("the system has memory for the index");
            self.chunks.push(None);
            number as u32
        });
        self.bytes += size_of::<Chunk>();
        let chunk = Chunk { touched: 0, holes: [0; CHUNK_LINES as usize / 64] };
        self.chunks[number as usize] = Some(Box::new(chunk));
        number
    }

    /// Takes the last run of a size away, which is in use no more.
    fn shorten(&mut self, size: usize) {
        let lines = lines_of(size);
        let Size { chunks, used, .. } = &mut self.sizes[size];
        let number = *chunks.last().expect("a run has a chunk");
        *used -= lines;
        let end = *used;
        self.bytes -= lines as usize * LINE_LEN;
        if end == 0 {
            chunks.pop();
            *used = CHUNK_LINES / lines * lines;
            self.idle.push(number);
            self.loose |= 1 << NO_SIZE;
        } else if self.chunk_mut(number).touched > end + 2 * IDLE_PAGES * PAGE_LINES {
            self.loose |= 1 << size;
        }
    }

    /// A run becomes a hole.
    fn open(&mut self, size: usize, line: u32) {
        let next = core::mem::replace(&mut self.sizes[size].hole, line);
        self.set_word(line, PREVIOUS, NONE);
        self.set_word(line, NEXT, next);
        if next != NONE {
            self.set_word(next, PREVIOUS, line);
        }
        self.mark(line);
        self.holed |= 1 << size;
        self.waste += lines_of(size);
    }

    /// A hole is one no more.
    fn close(&mut self, size: usize, line: u32) {
        let (previous, next) = (self.word(line, PREVIOUS), self.word(line, NEXT));
        if previous == NONE {
            self.sizes[size].hole = next;
        } else {
            self.set_word(previous, NEXT, next);
        }
        if next != NONE {
            self.set_word(next, PREVIOUS, previous);
        }
        if self.sizes[size].hole == NONE {
            self.holed &= !(1 << size);
        }
        self.mark(line);
        self.waste -= lines_of(size);
    }

    /// Whether holes are more than their share.
    #[inline]
    fn is_wasteful(&self) -> bool {
        self.waste > self.lent / WASTE_SHARE + WASTE_LINES.min(self.lent)
    }

    /// Whether runs are to be moved or pages to be given back.
    #[inline]
    pub(crate) fn is_untidy(&self) -> bool {
        self.is_wasteful() || self.loose != 0
    }

    /// Some entry of a run that is to `fill` a hole, while holes are more than their share. Up to
    /// `holes` behind the last run of a size are taken away on the way to it.
    pub(crate) fn displaced(&mut self, holes: &mut usize) -> Option<Entry> {
        while *holes > 0 && self.is_wasteful() {
            let size = self.holed.trailing_zeros() as usize;
            let last = self.last_of(size).expect("a hole is in a chunk");
            if self.is_hole(last) {
                *holes -= 1;
                self.close(size, last);
                self.shorten(size);
                continue;
            }
            let entry = |line: u32| {
                // SAFETY: the line is one of a run, and a bucket is plain words. Nobody writes to
                // it now: the run's owner is owned by the owner of `self`, and that one is here.
                let bucket = unsafe { self.bucket(line).read() };
                bucket.get(0)
            };
            let entry = (last..last + lines_of(size)).find_map(entry);
            return Some(entry.expect("a table without entries has no buckets"));
        }
        None
    }

    /// Moves a run into a hole, if it is the last one of its size. Returns the bytes moved.
    pub(crate) fn fill(&mut self, run: &mut Run) -> usize {
        let size = size_for(run.buckets);
        let hole = self.sizes[size].hole;
        if hole == NONE || self.last_of(size) != Some(self.line_of(run)) {
            return 0;
        }
        self.close(size, hole);
        let target = self.bucket(hole);
        // SAFETY: both are mapped and as long as the run, which is ours alone; the target is in no
        // run, so they do not overlap.
        unsafe { run.at.copy_to_nonoverlapping(target, run.buckets as usize) };
        run.at = target;
        self.shorten(size);
        run.buckets as usize * LINE_LEN
    }

    /// Gives pages back that no run needs, a bounded step's worth. Returns the bytes.
    pub(crate) fn release_step(&mut self) -> usize {
        if self.loose == 0 {
            return 0;
        }
        let size = self.loose.trailing_zeros() as usize;
        if size == NO_SIZE {
            return self.release_idle();
        }
        let Size { chunks, used, .. } = &self.sizes[size];
        let kept = used.next_multiple_of(PAGE_LINES) + IDLE_PAGES * PAGE_LINES;
        let released = chunks.last().copied().map_or(0, |number| self.release(number, kept));
        if released == 0 {
            self.loose &= !(1 << size);
        }
        released
    }

    /// Gives pages of a chunk back that has no size, and forgets it if it has none left.
    fn release_idle(&mut self) -> usize {
        let Some(number) = self.idle.last().copied() else {
            self.loose = 0;
            return 0;
        };
        let released = self.release(number, 0);
        if released == 0 {
            self.idle.pop();
            self.released.push(number);
            self.chunks[number as usize] = None;
            self.bytes -= size_of::<Chunk>();
        }
        released
    }

    /// Gives the last pages of a chunk back, but for its first `kept` lines.
    fn release(&mut self, number: u32, kept: u32) -> usize {
        let touched = &mut self.chunk_mut(number).touched;
        let step = (STEP_BYTES_MAX / LINE_LEN) as u32;
        let from = kept.max(touched.saturating_sub(step));
        if *touched <= from {
            return 0;
        }
        let lines = core::mem::replace(touched, from) - from;
        let start = number as usize * CHUNK_LEN + from as usize * LINE_LEN;
        let len = lines as usize * LINE_LEN;
        self.mapping.release(start..start + len);
        len
    }
}

/// The word and the bit of a line within its chunk.
fn bit_of(line: u32) -> (usize, u32) {
    ((line % CHUNK_LINES / u64::BITS) as usize, line % u64::BITS)
}

impl Drop for Runs {
    fn drop(&mut self) {
        if self.lent == 0 {
            // SAFETY: no run points into the mapping, and it is not used again.
            unsafe { ManuallyDrop::drop(&mut self.mapping) };
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::bucket::Address;
    use crate::sizes::block;

    /// A run whose buckets all hold an entry that names it.
    fn named(runs: &mut Runs, buckets: usize, name: u64) -> Run {
        let mut run = runs.take(block(buckets));
        assert!(run.len() >= buckets && run.iter().all(|bucket| bucket.get(0).is_none()));
        run.iter_mut().for_each(|bucket| bucket.push(Entry::new(Address(name), 5)));
        run
    }

    /// Asserts that runs are what they were, and that runs and holes of a size fill its chunks.
    fn check(runs: &Runs, held: &[(u64, Run)]) {
        let mut lines: Vec<Vec<u32>> = vec![Vec::new(); SIZES];
        for (name, run) in held {
            let named = Some(Entry::new(Address(*name), 5));
            assert!(run.iter().all(|it| it.get(0) == named && it.get(1).is_none()));
            lines[size_for(run.buckets)].push(runs.line_of(run));
        }
        let mut waste = 0;
        for (size, of_size) in runs.sizes.iter().enumerate() {
            let (lines, step) = (&mut lines[size], lines_of(size));
            let mut hole = of_size.hole;
            while hole != NONE {
                assert!(runs.is_hole(hole));
                lines.push(hole);
                waste += step;
                hole = runs.word(hole, NEXT);
            }
            lines.sort_unstable();
            let mut expected = Vec::new();
            for (nth, number) in of_size.chunks.iter().enumerate() {
                let is_last = nth + 1 == of_size.chunks.len();
                let used = if is_last { of_size.used } else { CHUNK_LINES / step * step };
                expected.extend((0..used / step).map(|run| number * CHUNK_LINES + run * step));
                assert!(used <= touched(runs, *number));
            }
            expected.sort_unstable();
            assert_eq!(*lines, expected);
            assert_eq!(runs.holed >> size & 1 != 0, of_size.hole != NONE);
        }
        let bytes = (runs.waste + runs.lent) as usize * LINE_LEN;
        let known = runs.chunks.iter().flatten().count();
        assert_eq!(runs.bytes, bytes + known * size_of::<Chunk>());
        assert_eq!((runs.waste, runs.lent), (waste, held.iter().map(|it| it.1.buckets).sum()));
    }

    fn touched(runs: &Runs, chunk: u32) -> u32 {
        runs.chunks[chunk as usize].as_ref().expect("is known").touched
    }

    fn pack_one(runs: &mut Runs, held: &mut [(u64, Run)]) -> bool {
        let Some(entry) = runs.displaced(&mut { usize::MAX }) else { return false };
        let owner = held.iter_mut().find(|it| it.0 == entry.address().0).expect("is held");
        assert!(runs.fill(&mut owner.1) > 0);
        true
    }

    #[test]
    fn runs_keep_what_they_hold_and_stay_dense() {
        for seed in 0..6 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut runs = Runs::reserve(64 << 20).expect("reserves");
            let mut held: Vec<(u64, Run)> = Vec::new();
            for name in 0..30_000 {
                // Fewer and more, shorter and longer in turn.
                let wanted = [20, 900, 300][name as usize / 3000 % 3];
                if rng.random_range(0..2 * wanted) >= held.len() {
                    let longest = [8, 60, 200][name as usize / 1000 % 3];
                    let run = named(&mut runs, rng.random_range(1..longest), name);
                    held.push((name, run));
                } else {
                    let at = rng.random_range(0..held.len());
                    runs.give_back(held.swap_remove(at).1);
                }
                if rng.random_bool(0.1) {
                    pack_one(&mut runs, &mut held);
                    runs.release_step();
                }
                if name % 100 == 0 {
                    check(&runs, &held);
                }
            }
            while pack_one(&mut runs, &mut held) {}
            check(&runs, &held);
            while runs.is_untidy() {
                runs.release_step();
            }
            let idle = |size: &Size| {
                let last = size.chunks.last();
                last.map_or(0, |number| touched(&runs, *number) - size.used)
            };
            let idle_max = (2 * IDLE_PAGES + 1) * PAGE_LINES;
            assert!(runs.sizes.iter().all(|size| idle(size) <= idle_max));
            held.into_iter().for_each(|(_, run)| runs.give_back(run));
            while pack_one(&mut runs, &mut []) {}
            while runs.is_untidy() {
                runs.release_step();
            }
            assert!(runs.lent == 0 && runs.bytes() == 0 && runs.chunks.iter().all(Option::is_none));
        }
    }

    #[test]
    fn a_run_that_is_lost_keeps_the_memory() {
        let mut runs = Runs::reserve(1 << 20).expect("reserves");
        let run = named(&mut runs, 3, 9);
        drop(runs);
        assert!(run.iter().all(|bucket| bucket.get(0).is_some()));
    }

    #[test]
    #[should_panic(expected = "a run of another engine")]
    fn a_run_of_another_engine_is_refused() {
        let [mut one, mut other] = [0; 2].map(|_| Runs::reserve(1 << 20).expect("reserves"));
        let (run, _kept) = (one.take(4), other.take(4));
        other.give_back(run);
    }
}
