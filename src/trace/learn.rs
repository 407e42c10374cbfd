//! Keeps the registry of modules up to date with what the loader has loaded.

use super::modules::{self, Module, RegistryLock};
use super::rules;
use crate::sys::loader::{self, Object};
use crate::sys::{memory, round_up_to_page};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Registers all modules loaded now. Takes the loader's lock and allocates, so it is for start-up and the return of
/// dlopen, not for malloc.
pub(super) fn register_all() {
    // Before our lock: a thread that has the loader's lock may be waiting for ours.
    let objects = enumerate();
    let Some(lock) = RegistryLock::acquire() else {
        return;
    };
    for object in &objects {
        register(&lock, object);
    }
}

/// Returns the loaded module that `addr` is in, and registers it if it is new. Async-signal-safe, except that a
/// module's first sight allocates.
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
    // The cache is large. Search it only if rules may be cached for the new module's addresses: of another module, of
    // code compiled at run time, or of no known module.
    let Some(displaced) = modules::register(lock, object) else { return };
    if let Some(module) = modules::loaded_at(object.start)
        && (displaced || rules::has_strays(module))
    {
        rules::forget(module);
    }
}

/// Forgets the unwind data of modules that are no longer loaded. Called when dlclose returns.
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
    modules::mark_unloaded(&lock, is_loaded, |module| {
        rules::forget(module);
        retire_addresses(module);
    });
}

/// How many unloaded modules keep their addresses reserved. Each costs a mapping.
pub const MOST_RETIRED: usize = 256;

/// Reserves an unloaded module's addresses, so that no other is loaded there: a stored stack names code by address
/// only. If a program unloads more than [`MOST_RETIRED`], or its address space is limited, a frame of an unloaded
/// module may get the name of a later one.
fn retire_addresses(module: &Module) {
    static RETIRED: AtomicUsize = AtomicUsize::new(0);
    let bytes = round_up_to_page(module.end - module.start);
    if bytes <= memory::address_space_share(1024)
        && RETIRED.load(Ordering::Relaxed) < MOST_RETIRED
        && memory::reserve_at(module.start, bytes).is_ok()
    {
        RETIRED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns the loaded objects, as many as there is memory for. Others are registered when they are seen.
fn enumerate() -> Vec<Object> {
    let mut objects = Vec::new();
    loader::for_each_object(|object| {
        if objects.try_reserve(1).is_ok() {
            objects.push(object);
        }
    });
    objects
}
