//! The keys of a command that may have many, with their values where it writes them.
//!
//! Owns the step from argument to key. Invariant: the arguments are whole rows of the step.

use crate::resp::{Args, ArgsIter};

/// Keys one after the other, or keys and values in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys<'a> {
    args: Args<'a>,
    with_values: bool,
}

impl<'a> Keys<'a> {
    /// Every argument is a key.
    #[must_use]
    pub fn plain(args: Args<'a>) -> Self {
        Self { args, with_values: false }
    }

    /// Keys and values in turn.
    ///
    /// # Panics
    /// When the last key has no value.
    #[must_use]
    pub fn with_values(args: Args<'a>) -> Self {
        assert!(args.len().is_multiple_of(2), "decoding checks that every key has a value");
        Self { args, with_values: true }
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.args.len() / self.step()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// The key at `index`.
    ///
    /// # Panics
    /// When `index` is not below `len()`.
    #[must_use]
    pub fn key(&self, index: usize) -> &'a [u8] {
        self.args.get(index * self.step())
    }

    /// The value of the key at `index`, when the command writes values.
    ///
    /// # Panics
    /// When it writes values and `index` is not below `len()`.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&'a [u8]> {
        self.with_values.then(|| self.args.get(index * 2 + 1))
    }

    /// Keys and, where the command writes them, values, in the request's order.
    #[must_use]
    pub fn iter(&self) -> KeysIter<'a> {
        KeysIter { args: self.args.iter(), with_values: self.with_values }
    }

    fn step(&self) -> usize {
        1 + usize::from(self.with_values)
    }
}

impl<'a> IntoIterator for Keys<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);
    type IntoIter = KeysIter<'a>;

    fn into_iter(self) -> KeysIter<'a> {
        self.iter()
    }
}

/// Iterates over [`Keys`].
#[derive(Clone, Debug)]
pub struct KeysIter<'a> {
    args: ArgsIter<'a>,
    with_values: bool,
}

impl<'a> Iterator for KeysIter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let key = self.args.next()?;
        let value = if self.with_values { self.args.next() } else { None };
        Some((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Span;

    #[test]
    fn pairs_and_keys() {
        let spans = [0, 1, 2, 3].map(|start| Span::of_request(start, 1));
        let args = Args::new(b"abcd", &spans);
        let keys = Keys::plain(args);
        assert_eq!((keys.len(), keys.key(3), keys.value(3)), (4, &b"d"[..], None));
        let pairs = Keys::with_values(args);
        assert_eq!((pairs.len(), pairs.key(1), pairs.value(1)), (2, &b"c"[..], Some(&b"d"[..])));
        let both: Vec<_> = pairs.iter().collect();
        assert_eq!(both, [(&b"a"[..], Some(&b"b"[..])), (b"c", Some(b"d"))]);
    }
}
