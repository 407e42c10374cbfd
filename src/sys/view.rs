//! Files seen through memory, as far as they are looked at: debug information of gigabytes costs what
//! is read of it.
//!
//! A file that gets shorter meanwhile raises SIGBUS where its pages are missing. [`mend`] puts zeros
//! there, and the view is [damaged](FileView::is_damaged).

use super::file::File;
use super::{Errno, PAGE_BYTES, memory, round_up_to_page};
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Views at one time; a program with more libraries in one report goes without some names.
const SLOTS: usize = 1024;

struct ViewPlace {
    /// 0: free.
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

/// Stands for an address in a slot that is being filled.
const CLAIMED: usize = 1;

/// A regular file, mapped.
pub struct FileView {
    start: usize,
    bytes: usize,
    slot: &'static ViewPlace,
}

impl FileView {
    /// Maps the regular file at `path`, whatever it is called.
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

    /// What is in the file. Others may change it meanwhile: nothing may depend on reading the same twice.
    ///
    /// # Safety
    /// The view must outlive every use of the slice.
    pub unsafe fn bytes(&self) -> &'static [u8] {
        // SAFETY: readable while the view lives; where the file ends early, `mend` sees to that.
        unsafe { core::slice::from_raw_parts(self.start as *const u8, self.bytes) }
    }

    /// Whether some of it was missing when it was looked at: what was read then is not the file's.
    pub fn is_damaged(&self) -> bool {
        self.slot.is_damaged.load(Ordering::Relaxed)
    }
}

impl Drop for FileView {
    fn drop(&mut self) {
        // SAFETY: the promise of `bytes`: nobody looks at it any more.
        unsafe { memory::unmap(self.start, round_up_to_page(self.bytes)) };
        self.slot.start.store(0, Ordering::Release);
    }
}

/// For the handler of SIGBUS: whether `fault` lies in a view, whose missing page is then one of zeros.
pub fn mend(fault: usize) -> bool {
    let is_hit = |slot: &&ViewPlace| {
        let start = slot.start.load(Ordering::Acquire);
        start > CLAIMED && fault.wrapping_sub(start) < slot.bytes.load(Ordering::Relaxed)
    };
    let Some(slot) = TABLE.iter().find(is_hit) else { return false };
    slot.is_damaged.store(true, Ordering::Relaxed);
    // SAFETY: a page of a view, which is ours alone, and read-only.
    unsafe { memory::lay_zeros(fault & !(PAGE_BYTES - 1)) }.is_ok()
}

/// Zeroed memory for as long as it is needed: given back when dropped, unlike the private heap's.
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
        // SAFETY: ours, readable and writable, and borrowed as the buffer is.
        unsafe { core::slice::from_raw_parts_mut(self.start as *mut u8, self.bytes) }
    }

    /// # Safety
    /// The buffer must outlive every use of the slice, and not be changed any more.
    pub unsafe fn bytes(&self) -> &'static [u8] {
        // SAFETY: as above, and as this function demands nobody changes the buffer or ends it while the slice is
        // used.
        unsafe { core::slice::from_raw_parts(self.start as *const u8, self.bytes) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the promise of `bytes`: nobody looks at it any more.
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
