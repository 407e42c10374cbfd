//! Modules that call their own C++ operators, not through the loader, and so not ours: libstdc++ linked in statically,
//! or hidden definitions. Their objects come from `malloc` and go to `free`, although the program wrote `new` and
//! `delete`. So a mismatch that involves them proves nothing.

use crate::report::panics;
use crate::trace::{Module, module_of};
use core::sync::atomic::{AtomicUsize, Ordering};
use object::{
    Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, Relocation, RelocationTarget,
};
use std::path::Path;

use crate::debug_info::store::Store;

/// How the mangled names of operator new, new[], delete and delete[] begin (Itanium C++ ABI, 5.1.3).
const PREFIXES: [&str; 4] = ["_Znw", "_Zna", "_Zdl", "_Zda"];

/// Searched if the symbols are stripped: the name of the exception that operator new throws. It lies in the module that
/// holds the standard library's code.
const STRIPPED_SIGN: &[u8] = b"\0St9bad_alloc\0";

/// Modules that were looked up: the address of the registry's entry, which is even and never freed. Its lowest bit says
/// whether the module has its own operators. When the table is full, files are read each time.
static KNOWN: [AtomicUsize; 32] = [const { AtomicUsize::new(0) }; 32];

/// Whether the code at `pc` belongs to a module that calls its own operators. Reads a file, so this is for the rare
/// mismatch, in a runtime scope.
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

/// Returns whether the module has its own operators; `None` if the file can't be read.
fn look_up(path: &Path) -> Option<bool> {
    let store = Store::new();
    // SAFETY: the store is dropped after everything that is taken from it.
    let object = unsafe { store.open(path) }?;
    // libstdc++ itself asks the loader for its operators, and gets ours.
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
