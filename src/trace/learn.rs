//! Keeps the registry of modules up with what the loader has loaded.

use super::modules::{self, Module, RegistryLock};
use super::{rules, walker};
use crate::sys::loader::{self, Object};

/// Registers everything loaded now. Takes the loader's lock and allocates: for start-up and for
/// the return of dlopen, not inside malloc.
pub(super) fn register_all() {
    // Before our lock: a thread that has the loader's may be waiting for ours.
    let objects = enumerate();
    let Some(lock) = RegistryLock::acquire() else {
        return;
    };
    for object in &objects {
        register(&lock, object);
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
    register(&lock, &object);
    modules::loaded_at(addr)
}

fn register(lock: &RegistryLock, object: &Object) {
    // The cache is large: it is searched only where code of the new module's addresses may have been seen before, of
    // another module, compiled at run time, or of no module that was known.
    let Some(displaced) = modules::register(lock, object) else { return };
    if let Some(module) = modules::loaded_at(object.start)
        && (displaced || rules::has_strays(module))
    {
        rules::forget(module);
    }
}

/// Forgets the unwind data of modules that are no longer loaded. For the return of dlclose.
pub(super) fn forget_unloaded() {
    let same = |now: &Object, known: &Object| {
        (now.start, now.end, now.bias) == (known.start, known.end, known.bias)
    };
    let objects = if loader::can_look_up() { Vec::new() } else { enumerate() };
    let Some(lock) = RegistryLock::acquire() else {
        return;
    };
    let is_loaded = |known: &Object| {
        if loader::can_look_up() {
            loader::object_at(known.start).is_some_and(|now| same(&now, known))
        } else {
            objects.iter().any(|now| same(now, known))
        }
    };
    modules::mark_unloaded(&lock, is_loaded, rules::forget);
}

fn enumerate() -> Vec<Object> {
    let mut objects = Vec::new();
    loader::for_each_object(|object| objects.push(object));
    objects
}

/// In the child of a fork, before any other thread of it exists.
pub(super) fn reset_after_fork() {
    RegistryLock::reset_after_fork();
    super::cfi::reset_after_fork();
    walker::reset_after_fork();
}
