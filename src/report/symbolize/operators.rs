//! Modules with C++ operators of their own that they call past the loader, and so past ours: libstdc++
//! linked in statically, or hidden definitions. What they make and take comes from `malloc` and goes to
//! `free`, although the program wrote `new` and `delete`; so a mismatch that involves them proves nothing.

use crate::report::panics;
use crate::trace::{Module, module_of};
use core::sync::atomic::{AtomicUsize, Ordering};
use object::{
    Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, Relocation, RelocationTarget,
};
use std::path::Path;

use super::store::Store;

/// Mangled beginnings of operator new, new[], delete and delete[] (Itanium C++ ABI, 5.1.3).
const PREFIXES: [&str; 4] = ["_Znw", "_Zna", "_Zdl", "_Zda"];

/// Where the symbols are stripped: the name of the exception that operator new throws, which lies
/// in the module that holds the standard library's code.
const STRIPPED_SIGN: &[u8] = b"\0St9bad_alloc\0";

/// Modules asked about: the address of the registry's entry, which is even and never freed, and in its
/// lowest bit whether it has operators of its own. When it is full, files are read anew.
static KNOWN: [AtomicUsize; 32] = [const { AtomicUsize::new(0) }; 32];

/// Whether the code at `pc` belongs to a module that calls operators of its own. Reads a file: for the
/// rare mismatch, in a runtime scope.
pub fn are_called_near(pc: usize) -> bool {
    module_of(pc).is_some_and(has_own)
}

fn has_own(module: &'static Module) -> bool {
    let entry = core::ptr::from_ref(module) as usize;
    for known in &KNOWN {
        match known.load(Ordering::Relaxed) {
            found if found & !1 == entry => return found & 1 != 0,
            0 => {
                let has_own = read(&module.path);
                let _ = known.compare_exchange(
                    0,
                    entry | usize::from(has_own),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                return has_own;
            }
            _ => {}
        }
    }
    read(&module.path)
}

fn read(path: &Path) -> bool {
    panics::catch(|| look_up(path)).flatten().unwrap_or(false)
}

const _: () = assert!(align_of::<Module>() > 1);

/// `None` where the file can't be read.
fn look_up(path: &Path) -> Option<bool> {
    let store = Store::new();
    // SAFETY: the store is dropped after all that is taken of it.
    let object = unsafe { store.open(path) }?;
    // libstdc++ itself asks the loader for its own, and gets ours.
    let table = object.dynamic_symbol_table();
    let asks_loader = |relocation: &Relocation| match (relocation.target(), &table) {
        (RelocationTarget::Symbol(index), Some(table)) => {
            table.symbol_by_index(index).is_ok_and(|symbol| is_own_operator(&symbol))
        }
        _ => false,
    };
    let mut relocations = object.dynamic_relocations().into_iter().flatten();
    if relocations.any(|(_, relocation)| asks_loader(&relocation)) {
        return Some(false);
    }
    let mut symbols = object.symbols().chain(object.dynamic_symbols());
    let defined = symbols.any(|symbol| is_own_operator(&symbol));
    let stripped_sign = || {
        let data = object.section_by_name(".rodata").and_then(|section| section.data().ok());
        data.is_some_and(|data| data.windows(STRIPPED_SIGN.len()).any(|at| at == STRIPPED_SIGN))
    };
    Some(defined || stripped_sign())
}

fn is_own_operator<'a>(symbol: &impl ObjectSymbol<'a>) -> bool {
    let is_operator = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    symbol.is_definition() && symbol.name().is_ok_and(is_operator)
}
