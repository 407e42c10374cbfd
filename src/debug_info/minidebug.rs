//! The small symbol table that some distributions leave in stripped files: `.gnu_debugdata`, an ELF file packed by xz
//! (gdb's manual, "Debugging information in a special section").

use std::io::{self, Write};

use object::{Object, ObjectSection};

use super::store::{Image, Store};

/// Most bytes that it may hold. That of a browser's largest library holds some 10 MB.
const MOST_BYTES: usize = 64 << 20;

/// It, if there is one that can be unpacked.
///
/// # Safety
/// As [`Store::open`]; the image must be of that store.
pub(super) unsafe fn table(store: &Store, image: &Image) -> Option<Image> {
    let mut packed = image.section_by_name(".gnu_debugdata")?.data().ok()?;
    let mut unpacked = Bounded(Vec::new());
    lzma_rs::xz_decompress(&mut packed, &mut unpacked).ok()?;
    // SAFETY: the store outlives what it gives, as the caller promises.
    unsafe { store.keep(&unpacked.0) }
}

/// Takes a limited number of bytes: a small file may claim to hold any.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MOST_BYTES - self.0.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_may_be() {
        let mut bounded = Bounded(vec![0; MOST_BYTES - 4]);
        assert!(bounded.write(&[1; 5]).is_err());
        assert_eq!(bounded.write(&[1; 4]).unwrap(), 4);
        assert!(bounded.write(&[1]).is_err());
    }
}
