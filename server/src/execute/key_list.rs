//! Many keys in one buffer.
//!
//! Owns copies of keys that outlive the step which found them. Cost: two growing buffers, no
//! allocation of its own a key.

/// Keys, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyList {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl KeyList {
    /// Adds a key.
    pub(crate) fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_in_order() {
        let mut keys = KeyList::default();
        for key in [&b"a"[..], b"", b"long one"] {
            keys.push(key);
        }
        assert_eq!(keys.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"long one"]);
        assert_eq!(keys.len(), 3);
    }
}
