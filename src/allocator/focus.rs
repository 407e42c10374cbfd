//! What the option `focus` names, looked up in the files of the modules that are loaded at the start.

use crate::choice::Choice;
use crate::options::Focus;
use crate::report::{panics, symbolize};
use crate::runtime::Runtime;
use crate::trace::{Module, modules};
use core::ops::Range;

/// Looks up what the user named, and tells the choice where that code is. For the start, while there is one thread:
/// it reads files and takes stack.
pub fn look_up(runtime: &Runtime) {
    let Some(choice) = &runtime.choice else { return };
    let focus = &runtime.options.focus;
    if focus.names().next().is_some() {
        tell(choice, focus);
    }
}

fn tell(choice: &Choice, focus: &Focus) {
    let loaded = modules::all().filter(|module| module.is_loaded());
    let code = loaded.flat_map(|module| {
        if focus.has_path(&module.path.to_string_lossy()) {
            let whole = module.start..module.end;
            vec![whole]
        } else {
            panics::catch(|| code_in(module, focus)).unwrap_or_default()
        }
    });
    choice.focus_on(code.collect());
}

/// The code of the functions of a module that are meant.
fn code_in(module: &Module, focus: &Focus) -> Vec<Range<usize>> {
    let Some(file) = symbolize::open(module) else { return Vec::new() };
    let has_files = focus.may_have_files();
    let mut code = Vec::new();
    file.visit_functions(|name, addresses| {
        let is_meant = focus.has_function(name)
            || has_files
                && file.source_of(addresses.start).is_some_and(|path| focus.has_path(&path));
        if is_meant {
            let loaded = |stated: u64| (stated as usize).wrapping_sub(module.stated_address(0));
            code.push(loaded(addresses.start)..loaded(addresses.end));
        }
    });
    code
}
