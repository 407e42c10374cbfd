//! Gives the preload library its libc names, and compiles the demo programs of the command.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    export_libc_names();
    compile_demos();
}

/// Makes the linker alias the functions of `exports.list` in the cdylib, and only there.
fn export_libc_names() {
    const LIST: &str = "src/interpose/exports.list";
    println!("cargo:rerun-if-changed={LIST}");
    let list = std::fs::read_to_string(LIST).expect("the list of exports is part of the package");
    // The runtime allocates from its own heap even in a program that has a malloc of its own.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions");
    // What every malloc and free runs lies together: the kernel call among it empties the TLB, so each
    // page of code and data counts.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,keep-text-section-prefix");
    println!("cargo:rustc-cdylib-link-arg=-Wl,--defsym=fencepost_preload_marker=fencepost_malloc");
    let mut script = "{\n  global:\n".to_owned();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, target) = line.split_once(' ').expect("each line is a name and its function");
        if name == target.trim() {
            // Functions of our own keep their names, which rustc exports.
            continue;
        }
        println!("cargo:rustc-cdylib-link-arg=-Wl,--defsym={name}={}", target.trim());
        script += &format!("    {name};\n");
    }
    let path =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("exports.map");
    std::fs::write(&path, script + "};\n").expect("OUT_DIR is writable");
    println!("cargo:rustc-cdylib-link-arg=-Wl,--version-script={}", path.display());
}

/// Compiles `demos/*.c` and links them into the command alone, neither into the preload library nor into
/// programs that use the crate. The profile does not matter: a demo needs its lines and plain, slow code.
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
        // Later flags win over CFLAGS, which may ask for optimisation.
        .flag("-O0")
        .flag("-U_FORTIFY_SOURCE")
        // The bugs are meant, so the compiler need not warn of them.
        .flag("-w")
        .flag(format!("-ffile-prefix-map={root}=."))
        .compile("fencepost_demos");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rustc-link-arg-bins={}", out.join("libfencepost_demos.a").display());
}
