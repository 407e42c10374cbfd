//! The calls of the program that make, change and end its mappings, noted for reports (`mappings`).
//!
//! What is noted of a call is asked of the kernel at the call: a file's length and path may be others later. Nothing here
//! changes errno.

use crate::heap::record::Event;
use crate::mappings::{self, Call, Claim, FileFacts, PathId, Step};
use crate::runtime;
use crate::sys::errno::{self, Errno};
use crate::sys::file;
use crate::sys::scope::RuntimeScope;
use crate::trace::Caller;
use core::ffi::c_int;

/// Who calls, from where; `None` where nothing is to be noted: calls of the runtime's own, or before it has begun.
pub fn caller(caller: Caller) -> Option<Event> {
    if RuntimeScope::is_active() || !mappings::is_open() {
        return None;
    }
    runtime::get().map(|runtime| runtime.event(caller))
}

/// Notes what a call is about to end or to change; see [`settle`].
pub fn claim(step: Option<Step>) -> Option<Claim> {
    step.map(mappings::record)
}

/// Takes back what was noted of a call that failed.
pub fn settle(claim: Option<Claim>, is_done: bool) {
    if let Some(claim) = claim {
        if is_done { claim.keep() } else { claim.take_back() }
    }
}

/// Notes a call that has made something.
pub fn note(step: Step) {
    mappings::record(step).keep();
}

/// Notes that a call has failed, with errno.
pub fn note_failure(step: Option<Step>) {
    let Errno(error) = errno::get();
    if let Some(step) = step.filter(|_| error != 0) {
        note(Step { error, ..step });
    }
}

/// What is known of the file that is mapped by `descriptor` from `offset` on.
#[inline(never)]
pub fn file_of(descriptor: c_int, offset: u64) -> Option<FileFacts> {
    const MOST_PATH_BYTES: usize = 512;
    let open = file::open_file(descriptor)?;
    let mut room = [0; MOST_PATH_BYTES];
    Some(FileFacts {
        device: open.device,
        inode: open.inode,
        offset,
        bytes: open.bytes,
        path: mappings::keep_path(file::path_of(descriptor, &mut room)),
        access: file::access_of(descriptor).unwrap_or_default(),
    })
}

/// Notes that a file is about to be cut to `bytes` bytes, by a call with these `flags`; `before` says what it is now. One that grows
/// is none.
pub fn claim_cut(
    (call, flags): (Call, c_int),
    event: Option<Event>,
    descriptor: c_int,
    before: Option<file::OpenFile>,
    bytes: i64,
) -> Option<Claim> {
    let bytes = u64::try_from(bytes).ok()?;
    let before = before.filter(|before| bytes < before.bytes)?;
    let file = FileFacts {
        device: before.device,
        inode: before.inode,
        bytes,
        path: PathId::default(),
        ..FileFacts::default()
    };
    let step = Step::new(call, 0, 0, event?);
    claim(Some(Step { descriptor, flags, from: before.bytes as usize, file: Some(file), ..step }))
}
