//! Mapped files: only the pages that are read cost time and memory, even of gigabytes of debug information.
//!
//! If a file gets shorter meanwhile, reading its missing pages raises SIGBUS. [`mend`] puts zeros there, and the view
//! is [damaged](FileView::is_damaged).

use super::file::File;
use super::{Errno, PAGE_BYTES, memory, round_up_to_page};
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Most views at one time. If one report needs more, some names are missing in it.
const SLOTS: usize = 1024;

struct ViewPlace {
    /// Start of the mapping; 0 for a free place.
    start: AtomicUsize,
    bytes: AtomicUsize,
    is_damaged: AtomicBool,
}

static TABLE: [ViewPlace; SLOTS] = [const {
    ViewPlace {
        start: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
        is_damaged: AtomicBool::new(false),
    }
}; SLOTS];

/// Stands in `start` of a place that is being filled.
const CLAIMED: usize = 1;

/// A regular file, mapped.
pub struct FileView {
    start: usize,
    bytes: usize,
    slot: &'static ViewPlace,
}

impl FileView {
    /// Maps the regular file at `path`.
    pub fn open(path: &CStr) -> Result<FileView, Errno> {
        let (file, status) = File::regular(path)?;
        let bytes = usize::try_from(status.bytes).map_err(|_| Errno(libc::EFBIG))?;
        let claim = |slot: &&ViewPlace| {
            let (relaxed, order) = (Ordering::Relaxed, Ordering::Acquire);
            slot.start.compare_exchange(0, CLAIMED, order, relaxed).is_ok()
        };
        let slot = TABLE.iter().find(claim).ok_or(Errno(libc::ENOMEM))?;
        match memory::map_file(file.descriptor(), bytes) {
            Ok(start) => {
                slot.is_damaged.store(false, Ordering::Relaxed);
                slot.bytes.store(round_up_to_page(bytes), Ordering::Relaxed);
                slot.start.store(start, Ordering::Release);
                Ok(FileView { start, bytes, slot })
            }
            Err(error) => {
                slot.start.store(0, Ordering::Release);
                Err(error)
            }
        }
    }

    /// The file's contents. Other processes may change them: nothing may depend on reading the same bytes twice.
    ///
    /// # Safety
    /// The view must outlive every use of the slice.
    pub unsafe fn bytes(&self) -> &'static [u8] {
        // SAFETY: the bytes are readable while the view lives, as the caller promises; if the file gets shorter, `mend`
        // keeps them so.
        unsafe { core::slice::from_raw_parts(self.start as *const u8, self.bytes) }
    }

    /// Whether a page of the file was missing when it was read. Then some bytes that were read are not the file's.
    pub fn is_damaged(&self) -> bool {
        self.slot.is_damaged.load(Ordering::Relaxed)
    }
}

impl Drop for FileView {
    fn drop(&mut self) {
        // SAFETY: the callers of `bytes` promise that the view outlives their slices, so nobody uses the mapping.
        unsafe { memory::unmap(self.start, round_up_to_page(self.bytes)) };
        self.slot.start.store(0, Ordering::Release);
    }
}

/// For the handler of SIGBUS: if `fault` lies in a view, replaces its page by zeros and returns true.
pub fn mend(fault: usize) -> bool {
    let is_hit = |slot: &&ViewPlace| {
        let start = slot.start.load(Ordering::Acquire);
        start > CLAIMED && fault.wrapping_sub(start) < slot.bytes.load(Ordering::Relaxed)
    };
    let Some(slot) = TABLE.iter().find(is_hit) else { return false };
    slot.is_damaged.store(true, Ordering::Relaxed);
    // SAFETY: the page belongs to a view, which is ours alone and read-only.
    unsafe { memory::lay_zeros(fault & !(PAGE_BYTES - 1)) }.is_ok()
}

/// Zeroed memory of its own mapping, which is unmapped when dropped.
pub struct Buffer {
    start: usize,
    bytes: usize,
}

impl Buffer {
    pub fn new(bytes: usize) -> Result<Buffer, Errno> {
        if bytes == 0 {
            return Err(Errno(libc::EINVAL));
        }
        memory::map(bytes).map(|start| Buffer { start, bytes })
    }

    pub fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is ours, readable and writable, and is borrowed with the buffer.
        unsafe { core::slice::from_raw_parts_mut(self.start as *mut u8, self.bytes) }
    }

    /// The buffer's contents.
    ///
    /// # Safety
    /// The buffer must outlive every use of the slice, and nobody may change it any more.
    pub unsafe fn bytes(&self) -> &'static [u8] {
        // SAFETY: the mapping is ours and readable. The caller promises that nobody changes or drops the buffer while
        // the slice is used.
        unsafe { core::slice::from_raw_parts(self.start as *const u8, self.bytes) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the callers of `bytes` promise that the buffer outlives their slices, so nobody uses the mapping.
        unsafe { memory::unmap(self.start, round_up_to_page(self.bytes)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    fn scratch(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("fencepost-view-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    fn c_string(path: &Path) -> CString {
        CString::new(path.as_os_str().as_bytes()).unwrap()
    }

    #[test]
    fn a_file_is_seen_and_one_cut_short_reads_as_zeros() {
        let path = scratch("short");
        std::fs::write(&path, vec![7; 3 * PAGE_BYTES]).unwrap();
        let view = FileView::open(&c_string(&path)).unwrap();
        // SAFETY: used while the view lives.
        let bytes = unsafe { view.bytes() };
        assert_eq!((bytes.len(), bytes[0], bytes[3 * PAGE_BYTES - 1]), (3 * PAGE_BYTES, 7, 7));
        let second = bytes.as_ptr() as usize + PAGE_BYTES + 5;
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1).unwrap();
        assert!(!mend(16) && !view.is_damaged());
        assert!(mend(second) && view.is_damaged());
        assert_eq!(bytes[PAGE_BYTES + 5], 0);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let path = scratch("fifo");
        // SAFETY: a valid C string.
        assert_eq!(unsafe { libc::mkfifo(c_string(&path).as_ptr(), 0o600) }, 0);
        for odd in [path.as_path(), Path::new("/dev/null"), Path::new("/"), Path::new("/nowhere")] {
            assert!(FileView::open(&c_string(odd)).is_err(), "{odd:?}");
        }
        std::fs::remove_file(&path).unwrap();
        let empty = scratch("empty");
        std::fs::write(&empty, "").unwrap();
        assert!(FileView::open(&c_string(&empty)).is_err());
        std::fs::remove_file(&empty).unwrap();
    }
}
