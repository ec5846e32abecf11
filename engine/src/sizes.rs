//! Sizes: how many lines a run may have.
//!
//! Invariant: a chunk holds a run of any size. Cost: some shifts.

/// Lines of a chunk. So long, sizes up to a table's maximum leave less than a page of it unused.
pub(crate) const CHUNK_LINES: u32 = 1 << 12;
/// Sizes: every number up to eight, then four a doubling, up to a whole chunk.
pub(crate) const SIZES: usize = 44;

const _: () = assert!(lines_of(SIZES - 1) == CHUNK_LINES, "a chunk holds a run of any size");

/// The lines of a run of a size: every number up to eight, then four sizes a doubling.
#[inline]
pub(crate) const fn lines_of(size: usize) -> u32 {
    if size < 8 { size as u32 + 1 } else { (5 + (size as u32 & 3)) << (size / 4 - 1) }
}

/// The smallest size of at least `lines` lines.
#[inline]
pub(crate) const fn size_for(lines: u32) -> usize {
    if lines <= 8 {
        return lines as usize - 1;
    }
    let shift = (lines - 1).ilog2() - 2;
    4 * (shift as usize + 1) + ((lines - 1) >> shift) as usize - 4
}

/// The number of buckets, `buckets` or more, that fills a run.
pub(crate) fn block(buckets: usize) -> usize {
    if buckets == 0 { 0 } else { lines_of(size_for(buckets as u32)) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_each_other() {
        let sizes: Vec<u32> = (0..SIZES).map(lines_of).collect();
        assert_eq!(sizes[..14], [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24]);
        for lines in 1..=CHUNK_LINES {
            let size = size_for(lines);
            assert!(sizes[size] >= lines && (size == 0 || sizes[size - 1] < lines), "{lines}");
        }
    }
}
