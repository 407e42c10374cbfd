//! Memory that libraries keep on purpose as long as the process lives, where they can't be asked to free it: in a process with
//! several threads, which may be using it, and where `_exit` ends the process, so that streams must not be flushed.
//!
//! libc keeps the buffers of streams; libstdc++ keeps memory for exceptions that are thrown when there is no other. Both are
//! left out of the count, as if they had been freed.

use super::objects::{Objects, Reach};
use crate::sys::streams;
use crate::trace::{self, Frames, TraceId};
use std::os::unix::ffi::OsStrExt;

/// Objects of libstdc++'s constructors that are smaller are none of these (`libsupc++/eh_alloc.cc`).
const LEAST_POOL_BYTES: usize = 16 << 10;

/// Leaves what libraries keep out of the count.
pub fn leave_out(objects: &mut Objects<'_>) {
    streams::visit_buffers(|buffer| {
        if let Some(number) = objects.find(buffer)
            && objects.entries()[number].start() == buffer
        {
            objects.leave_out(number);
        }
    });
    for number in 0..objects.entries().len() {
        let entry = objects.entries()[number];
        if entry.size() >= LEAST_POOL_BYTES
            && entry.reach() == Reach::Reachable
            && is_of_cxx_alone(TraceId::from_raw(entry.trace))
        {
            objects.leave_out(number);
        }
    }
}

/// Whether only libstdc++ and the loader, which calls its constructors, have led to an allocation.
fn is_of_cxx_alone(trace: TraceId) -> bool {
    let mut frames = Frames::new();
    trace::frames(trace, &mut frames);
    let is_theirs = |at: usize, begin: &[u8]| {
        let module = trace::module_of(at);
        let name = module.and_then(|module| module.path.file_name());
        name.is_some_and(|name| name.as_bytes().starts_with(begin))
    };
    let mut frames = frames.as_slice().iter().map(|pc| pc.lookup_address());
    frames.next().is_some_and(|at| is_theirs(at, b"libstdc++"))
        && frames.all(|at| is_theirs(at, b"libstdc++") || is_theirs(at, b"ld-linux"))
}
