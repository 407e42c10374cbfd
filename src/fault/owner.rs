//! Who owns an address that the heap does not know.

use crate::diagnose::Owner;
use crate::sys::address_map;
use crate::sys::scope::RuntimeScope;
use crate::trace;

/// Looks an address up in the mappings and the modules of the process.
pub fn owner_of(address: usize) -> Owner {
    let local = 0u8;
    seen_from(&raw const local as usize, address)
}

/// Does the work of [`owner_of`] for the thread on whose stack `here` is.
pub fn seen_from(here: usize, address: usize) -> Owner {
    let _scope = RuntimeScope::enter();
    let Some(mapping) = address_map::mapping_at(address) else {
        return Owner::Unmapped;
    };
    if (mapping.start..mapping.end).contains(&here) {
        return Owner::Stack { own: true };
    }
    if mapping.name == "[stack]" {
        return Owner::Stack { own: false };
    }
    if let Some(module) = trace::module_of(address) {
        return Owner::Module(module.path.to_string_lossy().into_owned());
    }
    Owner::Mapped(mapping.name)
}
