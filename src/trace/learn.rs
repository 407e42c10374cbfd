//! Keeps the registry of modules up with what the loader has loaded.

use super::modules::{self, Module, RegistryLock};
use super::{rules, walker};
use crate::sys::loader;

/// Registers everything loaded now. Takes the loader's lock and allocates: for start-up and for
/// the return of dlopen, not inside malloc.
pub(super) fn register_all() {
    let Some(lock) = RegistryLock::acquire() else { return };
    let mut objects = Vec::new();
    loader::for_each_object(|object| objects.push(object));
    for object in &objects {
        // SAFETY: enumerated a moment ago. A concurrent dlclose could unload it meanwhile; its
        // memory is only probed, but for the name, which is copied first.
        if unsafe { modules::register(&lock, object) }
            && let Some(module) = modules::loaded_at(object.start)
        {
            rules::forget(module);
        }
    }
}

/// The loaded module that `addr` is in, registered if it is new. Async-signal-safe but for the
/// first sight of a module, which allocates.
pub(super) fn module_at(addr: usize) -> Option<&'static Module> {
    if let Some(module) = modules::loaded_at(addr) {
        return Some(module);
    }
    let object = loader::object_at(addr)?;
    let lock = RegistryLock::acquire()?;
    // SAFETY: the loader has it, and code in it is on a stack or about to run.
    if unsafe { modules::register(&lock, &object) } {
        let module = modules::loaded_at(addr)?;
        rules::forget(module);
        return Some(module);
    }
    modules::loaded_at(addr)
}

/// Forgets the unwind data of modules that are no longer loaded. For the return of dlclose.
pub(super) fn forget_unloaded() {
    let Some(lock) = RegistryLock::acquire() else { return };
    modules::mark_unloaded(&lock, rules::forget);
}

/// In the child of a fork, before any other thread of it exists.
pub(super) fn reset_after_fork() {
    RegistryLock::reset_after_fork();
    super::cfi::reset_after_fork();
    walker::reset_after_fork();
}
