//! What is known around an address that is not the heap's: the kernel's mappings there, and their history.

use crate::diagnose::Scene;
use crate::heap::threads;
use crate::mappings::{self, Step, guarded};
use crate::sys::fixed_text::FixedText;
use crate::sys::{address_map, file, memory};
use crate::trace;

/// Looks around `address`. Waits for nobody; asks the kernel for its list of mappings, and for the length of one file.
pub fn around(address: usize) -> Scene {
    let is_ours = |start| memory::own_range(start).is_some();
    let mut around = address_map::around(address, is_ours);
    if let Some(around) = around.as_mut()
        && guarded::inaccessible_at(address).is_some()
    {
        // For the program nothing is there.
        around.here = None;
    }
    let story = mappings::story_at(address);
    let mapping = |it: &Option<address_map::Mapping>, edge: fn(&address_map::Mapping) -> usize| {
        it.as_ref().map(|it| mappings::story_at(edge(it))).unwrap_or_default()
    };
    let known = around.clone().unwrap_or_default();
    Scene {
        before: mapping(&known.before, |it| it.end - 1),
        after: mapping(&known.after, |it| it.start),
        file_bytes: story.origin.as_ref().and_then(file_bytes),
        failed: mappings::last_failure(threads::current().0),
        was_module: trace::module_of(address).is_some_and(|module| !module.is_loaded()),
        is_own: memory::own_range(address).is_some(),
        origin: None,
        is_in_libc: false,
        around,
        story,
    }
}

/// How long the file of a mapping, which `origin` made, is now, if it is still there under its path or its descriptor.
pub fn file_bytes(origin: &Step) -> Option<u64> {
    let mapped = origin.file?;
    let is_it = |it: &file::OpenFile| (it.device, it.inode) == (mapped.device, mapped.inode);
    let by_descriptor = || file::open_file(origin.descriptor).filter(is_it);
    let by_path = || {
        let mut path = FixedText::<1024>::new();
        path.push(mapped.path.text());
        let path = path.as_c_str()?;
        // SAFETY: a valid C string.
        unsafe { file::file_at(path.as_ptr() as usize) }.filter(is_it)
    };
    by_descriptor().or_else(by_path).map(|it| it.bytes)
}
