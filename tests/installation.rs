//! `fencepost install` and the Debian package: which files they install, and that these work.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::backend::FENCEPOST;
use support::compile::{build_folder, build_program};
use support::source;

/// An empty folder.
fn empty_folder(name: &str) -> PathBuf {
    let folder = build_folder("installation").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is there works, with nothing of the place where it was built.
fn assert_works(prefix: &Path) {
    let text = "#include <fencepost.h>\n#include <stdlib.h>\nint main(void)\n{\n    char *volatile p = malloc(32);\n    \
                fencepost_check_heap();\n    p[32] = 1;\n}\n";
    let source = build_folder("installation").join("overrun.c");
    let program = build_folder("installation").join("overrun");
    std::fs::write(&source, text).expect("the folder is writable");
    let include = format!("-I{}", prefix.join("include").display());
    build_program(&source, &program, &[include, "-g".to_owned()], &[]).expect("it compiles");
    let mut command = Command::new(prefix.join("bin/fencepost"));
    command.arg("--error-exitcode=9").arg(&program).env_clear().current_dir("/");
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(9), "{said}");
    assert!(said.contains("heap-buffer-overflow") && said.contains("overrun.c:7"), "{said}");
    let mut command = Command::new(prefix.join("bin/fencepost"));
    command.args(["run", "--", "/usr/bin/printenv", "LD_PRELOAD"]).env_clear().current_dir("/");
    let library = prefix.canonicalize().expect("there").join("lib/libfencepost.so");
    assert_eq!(succeed(&mut command).trim(), library.display().to_string());
}

const FILES: [&str; 9] = [
    "bin/fencepost",
    "bin/fencepost-valgrind",
    "lib/libfencepost.so",
    "include/fencepost.h",
    "share/man/man1/fencepost.1",
    "share/man/man1/fencepost-run.1",
    "share/bash-completion/completions/fencepost",
    "share/zsh/site-functions/_fencepost",
    "share/fish/vendor_completions.d/fencepost.fish",
];

#[test]
fn a_prefix_has_all_that_is_needed() {
    let prefix = empty_folder("prefix");
    for _ in ["first", "over what is there"] {
        succeed(Command::new(FENCEPOST).args(["install", "--prefix"]).arg(&prefix));
        for file in FILES {
            assert!(prefix.join(file).is_file(), "{file}");
        }
        let front = std::fs::read_link(prefix.join("bin/fencepost-valgrind"));
        assert_eq!(front.expect("a link"), Path::new("fencepost"));
    }
    assert_works(&prefix);
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let output = Command::new(FENCEPOST).args(["install", "--prefix", "/dev/null/x"]).output();
    let output = output.expect("fencepost starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.starts_with("fencepost: '/dev/null/x/bin/fencepost' cannot be written: "),
        "{said}"
    );
}

#[test]
fn the_debian_package_is_installed_and_works() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return support::say_skipped("dpkg-deb is not installed");
    }
    let (folder, root) = (empty_folder("deb"), empty_folder("root"));
    let script = source::package().join("packaging/deb");
    // What is packed is of 40 MB.
    let mut pack = Command::new(script);
    succeed(pack.arg(&folder).arg(FENCEPOST).env("DPKG_DEB_COMPRESSOR_LEVEL", "1"));
    let name = format!("fencepost_{}_amd64.deb", env!("CARGO_PKG_VERSION"));
    let package = folder.join(name);
    // SAFETY: the call has no arguments, touches no memory and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    if is_root {
        std::fs::create_dir_all(root.join("var/lib/dpkg/updates")).expect("the folder is writable");
        std::fs::create_dir_all(root.join("var/lib/dpkg/info")).expect("as above");
        std::fs::write(root.join("var/lib/dpkg/status"), "").expect("as above");
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("--root").arg(&root).args(["--force-depends", "--install"]).arg(&package);
        succeed(&mut dpkg);
        let mut query = Command::new("dpkg");
        let listed = succeed(query.arg("--root").arg(&root).args(["--listfiles", "fencepost"]));
        assert!(listed.contains("/usr/share/man/man1/fencepost.1.gz\n"), "{listed}");
    } else {
        support::say_skipped("dpkg --install needs root; the package is unpacked");
        succeed(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root));
    }
    for file in FILES.iter().filter(|file| !file.contains("/man/")) {
        assert!(root.join("usr").join(file).is_file(), "{file}");
    }
    assert_works(&root.join("usr"));
}

#[test]
fn the_package_for_cargo_is_whole() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--quiet", "--offline", "--list", "--allow-dirty"]);
    let listed = succeed(cargo.current_dir(source::package()));
    let has = |name: &str| listed.lines().any(|line| line == name);
    for name in ["build.rs", "build/calls.rs", "src/main.rs", "include/fencepost.h", "LICENSE-MIT"]
    {
        assert!(has(name), "{name} is not packed");
    }
    let strays =
        listed.lines().filter(|line| line.starts_with("docs/results/") || line.starts_with(".ci"));
    assert_eq!(strays.collect::<Vec<_>>(), [""; 0]);
}
