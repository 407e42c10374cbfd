//! Exports libc's names from the preload library, and compiles the demo programs of the command.

#[path = "build/calls.rs"]
mod calls;
#[path = "build/declarations.rs"]
mod declarations;
#[path = "build/entries.rs"]
mod entries;

use declarations::Declaration;
use std::env;
use std::fmt::Write;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    let checked = read_checked_functions();
    export_libc_names(&checked);
    compile_jumps(&checked);
    write_output("checked_entries.rs", &entries::write(&checked));
    write_output("checked_calls.h", &calls::write(&checked));
    write_output("checked_names.txt", &list_names(&checked));
    compile_demos();
}

/// The declarations of the checked functions.
fn read_checked_functions() -> Vec<Declaration> {
    const LIST: &str = "src/checked/functions.list";
    println!("cargo:rerun-if-changed={LIST}");
    let list = std::fs::read_to_string(LIST).expect("the declarations are part of the package");
    declarations::parse(&list).unwrap_or_else(|wrong| panic!("{LIST}: {wrong}"))
}

/// Lists the checked functions for the tests and the documents: `[Subject]`, then one name on each line.
fn list_names(checked: &[Declaration]) -> String {
    let mut text = String::new();
    let mut section = "";
    for declaration in checked {
        if declaration.section != section {
            section = &declaration.section;
            let _ = writeln!(text, "[{section}]");
        }
        text += &declaration.names.join("\n");
        text.push('\n');
    }
    text
}

/// Writes a file for the compilation, and returns its path.
fn write_output(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join(name);
    std::fs::write(&path, text).expect("OUT_DIR is writable");
    path
}

/// Name of the library as a file that `cargo install` installs; see `src/preload.rs`.
const INSTALLED: &str = "libfencepost-preload";

/// Passes an argument to the linker for both files of the library.
fn link(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg={argument}");
    link_installed(argument);
}

fn link_installed(argument: &str) {
    // Without the feature `command` there is no such file.
    if env::var_os("CARGO_FEATURE_COMMAND").is_some() {
        println!("cargo:rustc-link-arg-bin={INSTALLED}={argument}");
    }
}

/// Has the linker make aliases for the functions of `exports.list`, in the cdylib only.
fn export_libc_names(checked: &[Declaration]) {
    const LIST: &str = "src/interpose/exports.list";
    println!("cargo:rerun-if-changed={LIST}");
    let list = std::fs::read_to_string(LIST).expect("the list of exports is part of the package");
    // So the runtime calls its own functions even in a program that has functions of these names.
    link("-Wl,-Bsymbolic-functions");
    // Keeps the code that every malloc and free runs together: the system call within empties the TLB, so each
    // page of code and data costs time.
    link("-Wl,-z,keep-text-section-prefix");
    link("-Wl,--defsym=fencepost_preload_marker=fencepost_malloc");
    let mut script = "{\n  global:\n".to_owned();
    let mut targets = Vec::new();
    for name in names(checked) {
        script += &format!("    {name};\n");
    }
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, target) = line.split_once(' ').expect("each line is a name and its function");
        targets.push(target.trim().to_owned());
        script += &format!("    {name};\n");
        // rustc exports functions under their own names already.
        if name != target.trim() && !OWN_ALLOCATOR.contains(&name) {
            link(&format!("-Wl,--defsym={name}={}", target.trim()));
        }
    }
    let path = write_output("exports.map", &(script.clone() + "};\n"));
    println!("cargo:rustc-cdylib-link-arg=-Wl,--version-script={}", path.display());
    // For a program, rustc exports no names and links only the functions that are called.
    let path = write_output("exports-installed.map", &(script + "  local: *;\n};\n"));
    link_installed("-shared");
    link_installed(&format!("-Wl,--version-script={}", path.display()));
    for target in targets {
        link_installed(&format!("-Wl,-u,{target}"));
    }
}

fn names(checked: &[Declaration]) -> impl Iterator<Item = &String> {
    checked.iter().flat_map(|declaration| &declaration.names)
}

/// The functions by which Rust's standard library allocates. In the cdylib the runtime's own calls go to its private
/// heap: a program may have these functions itself, and may just be inside of them.
const OWN_ALLOCATOR: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "free"];

/// Exports the checked names in the cdylib, and has the runtime's own calls of them skip the checks; the same for
/// [`OWN_ALLOCATOR`]. Aliases can't be used: the runtime's calls would go to them, and `--wrap`, which redirects these
/// calls, does not work with aliases. So each name is a jump in an object file of its own.
fn compile_jumps(checked: &[Declaration]) {
    let mut source = ".text\n".to_owned();
    for name in names(checked) {
        source += &jumps(name, &format!("check_{name}"), &format!("next_{name}"));
    }
    // Beside what they jump to: another page of code would cost each call time.
    source += ".section .text.hot, \"ax\", @progbits\n";
    for name in OWN_ALLOCATOR {
        source += &jumps(name, name, &format!("own_{name}"));
    }
    source += ".section .note.GNU-stack, \"\", @progbits\n";
    let path = write_output("jumps.s", &source);
    for object in cc::Build::new().file(&path).cargo_metadata(false).compile_intermediates() {
        link(&object.display().to_string());
    }
}

/// Assembler for the exported function `name`, which jumps to ours `exported`; calls from within go to `own`.
fn jumps(name: &str, exported: &str, own: &str) -> String {
    link(&format!("-Wl,--wrap={name}"));
    let mut source = format!(".hidden __wrap_{name}\n");
    for (from, to) in [(name.to_owned(), exported), (format!("__wrap_{name}"), own)] {
        source += &format!(".globl {from}\n.type {from}, @function\n");
        source += &format!("{from}:\njmp fencepost_{to}\n.size {from}, . - {from}\n");
    }
    source
}

/// Compiles `demos/*.c` and links them into the command only, not into the preload library or programs that use the
/// crate. In every profile the demos have line numbers and no optimisation.
fn compile_demos() {
    println!("cargo:rerun-if-changed=demos");
    if env::var_os("CARGO_FEATURE_COMMAND").is_none() {
        return;
    }
    let mut sources: Vec<PathBuf> = std::fs::read_dir("demos")
        .expect("the directory demos is part of the package")
        .map(|entry| entry.expect("demos can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    cc::Build::new()
        .files(sources)
        .cargo_metadata(false)
        .opt_level(0)
        .debug(true)
        .force_frame_pointer(true)
        // These flags come after CFLAGS, which may ask for optimisation, and win.
        .flag("-O0")
        .flag("-U_FORTIFY_SOURCE")
        // The bugs are intended, so warnings are not needed.
        .flag("-w")
        .flag(format!("-ffile-prefix-map={root}=."))
        .compile("fencepost_demos");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rustc-link-arg-bin=fencepost={}", out.join("libfencepost_demos.a").display());
}
