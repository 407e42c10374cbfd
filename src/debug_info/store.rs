//! The contents of the files that describe a module, kept while they are used.

use core::cell::{Cell, RefCell};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use object::{CompressionFormat, Object, ObjectSection};

use crate::sys::view::{Buffer, FileView};

/// An ELF file in a store.
pub(crate) type Image = object::File<'static>;

/// The most bytes that all compressed sections of one module's files may unpack to.
const MOST_UNPACKED_BYTES: u64 = 512 << 20;

/// Open files, and their sections that were unpacked.
pub(crate) struct Store {
    views: RefCell<Vec<FileView>>,
    buffers: RefCell<Vec<Buffer>>,
    /// How many bytes may still be unpacked.
    left: Cell<u64>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            views: RefCell::default(),
            buffers: RefCell::default(),
            left: Cell::new(MOST_UNPACKED_BYTES),
        }
    }

    /// Opens an ELF file. `None` if there is none, or it is no regular file.
    ///
    /// # Safety
    /// The store must outlive what this returns.
    pub(crate) unsafe fn open(&self, path: &Path) -> Option<Image> {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        let view = FileView::open(&path).ok()?;
        // SAFETY: the store keeps the view, and the caller promises that it outlives the image.
        let image = object::File::parse(unsafe { view.bytes() }).ok()?;
        self.views.borrow_mut().push(view);
        Some(image)
    }

    /// Keeps an ELF file that was unpacked. `None` if it is none.
    ///
    /// # Safety
    /// The store must outlive what it gives.
    pub(crate) unsafe fn keep(&self, unpacked: &[u8]) -> Option<Image> {
        let left = self.left.get().checked_sub(unpacked.len() as u64)?;
        let mut buffer = Buffer::new(unpacked.len()).ok()?;
        buffer.as_mut().copy_from_slice(unpacked);
        // SAFETY: the store keeps the buffer as it is, and outlives the image, as the caller promises.
        let image = object::File::parse(unsafe { buffer.bytes() }).ok()?;
        self.left.set(left);
        self.buffers.borrow_mut().push(buffer);
        Some(image)
    }

    /// Returns the section called `name`; empty if there is none, or if it can't be unpacked.
    ///
    /// # Safety
    /// The store must outlive what this returns, and the image must be from this store.
    pub(crate) unsafe fn section(&self, image: &Image, name: &str) -> &'static [u8] {
        let packed = image.section_by_name(name).and_then(|found| found.compressed_data().ok());
        let Some(packed) = packed else { return &[] };
        if packed.format == CompressionFormat::None {
            return packed.data;
        }
        let Some(left) = self.left.get().checked_sub(packed.uncompressed_size) else { return &[] };
        let Some(buffer) = unpack(packed.format, packed.data, packed.uncompressed_size) else {
            return &[];
        };
        self.left.set(left);
        // SAFETY: the store keeps the buffer unchanged, and the caller promises that it outlives the bytes.
        let bytes = unsafe { buffer.bytes() };
        self.buffers.borrow_mut().push(buffer);
        bytes
    }

    /// Whether a file became shorter while it was read: what was found may be wrong.
    pub(crate) fn is_damaged(&self) -> bool {
        self.views.borrow().iter().any(FileView::is_damaged)
    }
}

/// Unpacks a section that claims to hold `claimed` bytes. `None` if it can't be unpacked, or holds another number.
fn unpack(format: CompressionFormat, packed: &[u8], claimed: u64) -> Option<Buffer> {
    // The most bytes that one packed byte can stand for: 1,032 in zlib's format (a match of 258 bytes takes two bits),
    // 32 KiB in zstd's (a block of 128 KiB takes four bytes).
    let most = match format {
        CompressionFormat::Zlib => 1_032,
        CompressionFormat::Zstandard => 32 << 10,
        _ => return None,
    };
    if claimed > (packed.len() as u64).saturating_mul(most) {
        return None;
    }
    let claimed = usize::try_from(claimed).ok()?;
    let mut buffer = Buffer::new(claimed).ok()?;
    let unpacked = if format == CompressionFormat::Zlib {
        let mut inflate = flate2::Decompress::new(true);
        let end = inflate.decompress(packed, buffer.as_mut(), flate2::FlushDecompress::Finish);
        (end.ok()? == flate2::Status::StreamEnd).then_some(inflate.total_out())?
    } else {
        let mut decoder = ruzstd::decoding::FrameDecoder::new();
        decoder.decode_all(packed, buffer.as_mut()).ok()? as u64
    };
    (unpacked == claimed as u64).then_some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(bytes.len() + 1_000);
        let mut deflate = flate2::Compress::new(flate2::Compression::best(), true);
        deflate.compress_vec(bytes, &mut packed, flate2::FlushCompress::Finish).unwrap();
        packed
    }

    #[test]
    fn a_section_is_unpacked_if_it_holds_what_it_claims() {
        let zlib = CompressionFormat::Zlib;
        let zeros = vec![0; 4 << 20];
        let small = packed(&zeros);
        let mut buffer = unpack(zlib, &small, zeros.len() as u64).expect("it does");
        assert!(*buffer.as_mut() == *zeros);
        for claimed in [0, 1, zeros.len() as u64 - 1, zeros.len() as u64 + 1, 2 << 30, u64::MAX] {
            assert!(unpack(zlib, &small, claimed).is_none(), "{claimed}");
        }
        assert!(unpack(zlib, &small[..small.len() / 2], zeros.len() as u64).is_none());
        assert!(unpack(zlib, &[], 0).is_none());
    }

    #[test]
    fn zstd_is_unpacked_if_it_holds_what_it_claims() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let text: Vec<u8> = (0..100_000_u32).map(|number| (number / 700) as u8).collect();
        let small = compress_to_vec(&text[..], CompressionLevel::Fastest);
        let zstd = CompressionFormat::Zstandard;
        let mut buffer = unpack(zstd, &small, text.len() as u64).expect("it does");
        assert!(*buffer.as_mut() == *text);
        for claimed in [1, text.len() as u64 - 1, text.len() as u64 + 1, 2 << 40, u64::MAX] {
            assert!(unpack(zstd, &small, claimed).is_none(), "{claimed}");
        }
    }
}
