//! `cargo install`.

use std::path::Path;
use std::process::Command;

use super::{Scratch, text};

#[test]
fn what_cargo_installs_guards_without_the_source_tree() {
    let scratch = Scratch::new();
    let root = scratch.path("root");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["install", "--quiet", "--offline", "--locked", "--debug", "--path", "."]);
    cargo.arg("--root").arg(&root).current_dir(env!("CARGO_MANIFEST_DIR"));
    // Not where this test was built: its dependencies have other features, so the library would be replaced
    // under the tests to come.
    cargo.arg("--target-dir").arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("second-build"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));

    let source =
        "#include <stdlib.h>\nint main(void) { char *volatile p = malloc(32); return p[32]; }";
    let program = scratch.compile("overrun", source, &["-g"]);
    let fencepost = |words: &[&str]| {
        let mut command = Command::new(root.join("bin/fencepost"));
        command.args(words).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin");
        command.output().unwrap()
    };
    let output = fencepost(&["run", "--error-exitcode=9", "--", program.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(9), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("heap-buffer-overflow"), "{}", text(&output.stderr));
    // Nothing of the place where it was built is used.
    let output = fencepost(&["run", "--", "printenv", "LD_PRELOAD"]);
    let library = text(&output.stdout);
    assert!(Path::new(library.trim()).starts_with(root.join("bin")), "{library}");
    assert_eq!(fencepost(&["demo"]).status.code(), Some(0));
}
