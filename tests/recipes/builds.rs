//! Recipes of build systems: each runs one test without a bug and one with.

use super::report::shows_the_overrun;
use super::support::backend::FENCEPOST;
use super::support::process::Exit;
use super::{Project, has, run, source_folder};

/// `fencepost run --report-dir DIR --`, as one word of a shell.
fn wrapper(directory: &str) -> String {
    format!("{FENCEPOST} run --report-dir {directory} --")
}

#[test]
fn ctest_runs_each_test_by_an_emulator() {
    if !has("CMAKE_CROSSCOMPILING_EMULATOR", &["cmake", "ctest"]) {
        return;
    }
    let project = Project::new("emulator", &["ctest", "programs"]);
    let findings = project.path("findings");
    let emulator = wrapper(&project.text("findings")).replace(' ', ";");
    let emulator = format!("-DCMAKE_CROSSCOMPILING_EMULATOR={emulator}");
    project.must(&["cmake", "-S", ".", "-B", "build", &emulator]);
    project.must(&["cmake", "--build", "build"]);
    let outcome = run(&mut project.command(&["ctest", "--test-dir", "build"]));
    assert_eq!(outcome.exit, Exit::Code(8), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("1 tests failed out of 2"), "{}", outcome.stdout);
    shows_the_overrun(&findings);
}

#[test]
fn ctest_takes_the_front_for_valgrind() {
    if !has("ctest -T memcheck", &["cmake", "ctest"]) {
        return;
    }
    let project = Project::new("memcheck", &["ctest", "programs"]);
    let front = project.text("fencepost-valgrind");
    std::os::unix::fs::symlink(FENCEPOST, &front).expect("a link");
    let command = format!("-DMEMORYCHECK_COMMAND={front}");
    project.must(&["cmake", "-S", ".", "-B", "build", &command]);
    project.must(&["cmake", "--build", "build"]);
    let memcheck = ["ctest", "--test-dir", "build", "-T", "memcheck"];
    let outcome = run(&mut project.command(&memcheck));
    let defects = outcome.stdout.lines().find(|line| line.contains("Defects: "));
    let defects = defects.unwrap_or_else(|| panic!("{}", outcome.stdout));
    assert!(defects.contains("overrun") && defects.ends_with("Defects: 1"), "{defects}");
    assert_eq!(outcome.stdout.matches("Defects: ").count(), 1, "{}", outcome.stdout);
    let log = std::fs::read_to_string(project.path("build/Testing/Temporary/MemoryChecker.2.log"));
    let log = log.expect("a log of the second test");
    assert!(log.contains("Invalid read of size 4") && log.contains(": sum (overrun.c:"), "{log}");
    let clean =
        std::fs::read_to_string(project.path("build/Testing/Temporary/MemoryChecker.1.log"));
    assert_eq!(clean.expect("a log of the first test"), "");
}

#[test]
fn meson_has_a_wrapper() {
    if !has("Meson", &["meson", "ninja"]) {
        return;
    }
    let project = Project::new("meson", &["meson", "programs"]);
    project.must(&["meson", "setup", "build"]);
    project.must(&["meson", "compile", "-C", "build"]);
    let wrapper = wrapper(&project.text("findings"));
    let test = ["meson", "test", "-C", "build", "--wrapper", &wrapper];
    let outcome = run(&mut project.command(&test));
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stdout);
    shows_the_overrun(&project.path("findings"));
}

#[test]
fn automake_has_a_log_compiler() {
    if !has("Automake", &["automake", "autoconf", "make"]) {
        return;
    }
    let project = Project::new("automake", &["automake", "programs"]);
    project.must(&["autoreconf", "-i"]);
    project.must(&["./configure", "--quiet"]);
    let compiler = format!("LOG_COMPILER={}", wrapper(&project.text("findings")));
    let outcome = run(&mut project.command(&["make", "check", &compiler]));
    assert_eq!(outcome.exit, Exit::Code(2), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("# FAIL:  1"), "{}", outcome.stdout);
    shows_the_overrun(&project.path("findings"));
    let log = std::fs::read_to_string(project.path("overrun.log")).expect("Automake's log");
    assert!(log.contains("SUMMARY: Fencepost: heap-buffer-overflow"), "{log}");
}

/// Debian's Bazel, with as much of its rules as a test in C needs: others would be downloaded.
#[test]
fn bazel_runs_under() {
    const JAVA_RULES: &str = "/usr/share/bazel/rules/java";
    if !has("Bazel", &["bazel"]) {
        return;
    }
    if !std::path::Path::new(JAVA_RULES).exists() {
        return super::support::say_skipped("the recipe for Bazel: no package bazel-rules-java");
    }
    let project = Project::new("bazel", &["bazel/project", "programs"]);
    let findings = project.text("findings");
    std::fs::create_dir(&findings).expect("a folder");
    let rules = source_folder().join("bazel/external");
    let instead = |name: &str, path: &str| format!("--override_repository={name}={path}");
    let local = |name: &str| rules.join(name).to_str().expect("a path in UTF-8").to_owned();
    let outcome = run(&mut project.command(&[
        "bazel",
        "--batch",
        &format!("--output_user_root={}", project.text("root")),
        "test",
        "//:all",
        &instead("rules_cc", &local("rules_cc")),
        &instead("remote_coverage_tools", &local("coverage")),
        &instead("rules_java", JAVA_RULES),
        // The recipe.
        &format!("--run_under={}", wrapper(&findings)),
        &format!("--sandbox_writable_path={findings}"),
        "--strip=never",
        "--copt=-g",
    ]));
    assert_eq!(outcome.exit, Exit::Code(3), "{}\n{}", outcome.stdout, outcome.stderr);
    let bug = shows_the_overrun(&project.path("findings"));
    assert_eq!(bug.tests[0].name, "bazel: //:overrun");
}
