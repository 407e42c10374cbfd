//! A hash that is the same in every process and on every machine: FNV-1a, 64 bits.

/// The hash of the bytes added so far.
#[derive(Clone, Copy, Debug)]
pub struct Hash(u64);

impl Hash {
    /// The hash of no bytes.
    pub const fn new() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds a text and a zero, so that two texts and the same bytes divided otherwise have different hashes.
    pub fn add_text(&mut self, text: &str) {
        self.add(text.as_bytes());
        self.add(&[0]);
    }

    pub fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    /// The values are from FNV's reference tables. They may never change: fingerprints outlive versions.
    #[test]
    fn it_is_the_published_one() {
        let hash = |text: &str| {
            let mut hash = Hash::new();
            hash.add(text.as_bytes());
            hash.get()
        };
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }
}
