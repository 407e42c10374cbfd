//! Symbols: the preload library exports libc's names; a program that links the crate does not.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use support::backend::FENCEPOST;
use support::built;
use support::elf::{self, ElfFile};
use support::source;

/// `exports.list`: each name that the library exports, and the function behind it.
fn exports() -> Vec<(String, String)> {
    let (_, text) = source::read(&source::package().join("src/interpose/exports.list"));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        let (name, function) = line.split_once(' ').expect("a name and its function");
        (name.to_owned(), function.trim().to_owned())
    };
    let pairs: Vec<(String, String)> = lines.map(pair).collect();
    assert!(pairs.len() > 60 && pairs.iter().any(|(name, _)| name == "malloc"), "{pairs:?}");
    pairs
}

#[test]
fn the_library_answers_to_every_name_of_the_list() {
    let library = elf::read(&built::preload_library());
    for (name, function) in exports() {
        let exported = library.dynamic.get(&name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(exported.is_function && exported.is_global, "{name}: {exported:?}");
        let target = library.all.get(&function);
        let target = target.unwrap_or_else(|| panic!("{function} is missing"));
        assert!(target.is_function, "{function}: {target:?}");
        // A few names are jumps, so that our own calls can be led elsewhere.
        let is_it = exported.address == target.address
            || library.jump_at(exported.address) == Some(target.address);
        assert!(is_it, "{name} is not {function}");
    }
}

/// The names whose operands are checked.
fn checked() -> Vec<String> {
    let names: Vec<String> =
        source::checked_functions().into_iter().flat_map(|(_, names)| names).collect();
    assert!(names.len() > 500 && names.iter().any(|name| name == "memcpy"), "{names:?}");
    names
}

/// Each is a jump to its check.
#[test]
fn the_library_answers_to_every_checked_name() {
    let library = elf::read(&built::preload_library());
    for name in checked() {
        let exported = library.dynamic.get(&name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(exported.is_function && exported.is_global, "{name}: {exported:?}");
        let check = &library.all[&format!("fencepost_check_{name}")];
        assert_eq!(library.jump_at(exported.address), Some(check.address), "{name}");
    }
}

/// Without the feature `command`, too: the library alone.
#[test]
fn the_library_without_the_command_has_the_checks() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("second-build");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "--locked", "--lib", "--no-default-features"]);
    cargo.arg("--target-dir").arg(&target).current_dir(source::package());
    let output = cargo.output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let library = elf::read(&target.join("debug/libfencepost.so"));
    for name in checked() {
        let exported = library.dynamic.get(&name).unwrap_or_else(|| panic!("{name} is missing"));
        let check = &library.all[&format!("fencepost_check_{name}")];
        assert_eq!(library.jump_at(exported.address), Some(check.address), "{name}");
    }
}

/// The runtime itself calls libc's functions, or it would look at its own operands, and for ever.
#[test]
fn nothing_in_the_library_enters_a_check() {
    let library = elf::read(&built::preload_library());
    let mut entries = std::collections::BTreeMap::new();
    for name in checked() {
        entries.insert(library.all[&name].address, name.clone());
        entries.insert(library.all[&format!("fencepost_check_{name}")].address, name);
    }
    let jumps: BTreeSet<u64> = checked().iter().map(|name| library.all[name].address).collect();
    let mut found = 0;
    for (from, to) in library.branches() {
        found += 1;
        let is_export = jumps.contains(&from);
        assert!(is_export || !entries.contains_key(&to), "{from:#x} enters {}", entries[&to]);
    }
    assert!(found > 10_000, "only {found} branches were found, so the search is broken");
    for address in &library.relocated {
        assert!(!entries.contains_key(address), "a pointer to {}", entries[address]);
    }
    for name in &library.imported {
        assert!(!checked().contains(name), "{name} is called through the loader: by our own name");
    }
    // The search would see one.
    assert!(library.relocated.contains(&library.all["__wrap_memcpy"].address));
}

/// A name beyond the list would stand before the program's own of that name.
#[test]
fn the_library_exports_nothing_beyond_the_list() {
    let library = elf::read(&built::preload_library());
    let mut listed: BTreeSet<String> = exports().into_iter().map(|(name, _)| name).collect();
    listed.extend(checked());
    let targets: BTreeSet<String> = exports().into_iter().map(|(_, function)| function).collect();
    let others = library.dynamic.iter().filter(|(_, symbol)| symbol.is_global);
    let others: Vec<&String> =
        others.map(|(name, _)| name).filter(|n| !listed.contains(*n)).collect();
    for name in others {
        assert!(name.starts_with("fencepost_"), "{name} is exported and not listed");
        let is_early = name.starts_with("fencepost_early_");
        assert!(
            targets.contains(name) || is_early,
            "{name} is exported, but stands behind no name"
        );
    }
}

/// Made by build.rs: by it the code knows that it is the preload library.
const MARKER: &str = "fencepost_preload_marker";

/// The functions behind the list carry no second, unlisted set of names.
#[test]
fn every_function_of_the_face_is_listed() {
    let library = elf::read(&built::preload_library());
    let targets: BTreeSet<String> = exports().into_iter().map(|(_, function)| function).collect();
    // Thread-local variables of ours have such names too.
    let functions = library.all.iter().filter(|(_, symbol)| symbol.is_function);
    let hidden = [
        "fencepost_check_",
        "fencepost_next_",
        "fencepost_entry_",
        "fencepost_early_",
        "fencepost_own_",
    ];
    let is_face = |name: &&String| {
        let is_hidden = hidden.iter().any(|prefix| name.starts_with(prefix));
        name.starts_with("fencepost_") && *name != MARKER && (!is_hidden || targets.contains(*name))
    };
    let defined: BTreeSet<String> =
        functions.map(|(name, _)| name).filter(is_face).cloned().collect();
    assert_eq!(defined, targets);
}

#[test]
fn the_command_keeps_the_names_of_libc() {
    assert_defines_no_listed_name(Path::new(FENCEPOST));
}

/// A program that has the crate for its allocator keeps malloc, sigaction and the others.
#[test]
fn programs_that_link_the_crate_keep_the_names_of_libc() {
    for example in ["rust_overrun", "rust_use_after_free", "rust_clean"] {
        assert_defines_no_listed_name(&built::example(example));
    }
}

fn assert_defines_no_listed_name(path: &Path) {
    let file = elf::read(path);
    assert!(file.all.contains_key("main"), "{} has no symbols to look at", path.display());
    let is_defined = |file: &ElfFile, name: &String| {
        file.all.contains_key(name) || file.dynamic.contains_key(name)
    };
    // What has its own name in the list is no name of libc's.
    let of_libc = exports().into_iter().filter(|(name, function)| name != function);
    let names = of_libc.map(|(name, _)| name).chain(checked());
    let taken: Vec<String> = names.filter(|name| is_defined(&file, name)).collect();
    assert!(taken.is_empty(), "{} defines {taken:?}", path.display());
}

/// Anything more would be loaded into every program under the guard.
#[test]
fn the_library_needs_only_what_every_program_has() {
    let library = elf::read(&built::preload_library());
    let allowed = [
        "libc.so.6",
        // The unwinder, for the option `unwinder=system` and for panics.
        "libgcc_s.so.1",
        "ld-linux-x86-64.so.2",
        // Parts of libc until glibc 2.34.
        "libm.so.6",
        "libdl.so.2",
        "libpthread.so.0",
    ];
    assert!(library.needed.iter().any(|name| name == "libc.so.6"), "{:?}", library.needed);
    for name in &library.needed {
        assert!(allowed.contains(&name.as_str()), "needs {name}");
    }
}

/// Strict systems (SELinux) refuse to load a library whose code the loader must write to.
#[test]
fn the_library_has_no_text_relocations() {
    assert!(!elf::read(&built::preload_library()).has_text_relocations);
}
