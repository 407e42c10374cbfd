//! Man pages and completions are made from the command's own description, and the tools that read them accept them.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use fencepost::options::OPTIONS;
use support::backend::FENCEPOST;
use support::compile::build_folder;

fn fencepost(words: &[&str]) -> Output {
    let output = Command::new(FENCEPOST).args(words).output().expect("fencepost starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The folder with the pages.
static PAGES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = build_folder("manual").join("man");
    let _ = fs::remove_dir_all(&folder);
    fencepost(&["man", folder.to_str().expect("a plain path")]);
    folder
});

fn page(name: &str) -> String {
    fs::read_to_string(PAGES.join(name)).expect("the page is there")
}

fn is_installed(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let is_there = found.expect("there is a shell").status.success();
    if !is_there {
        support::say_skipped(&format!("{program} is not installed"));
    }
    is_there
}

#[test]
fn each_command_has_a_page_and_each_option_is_on_one() {
    let help = String::from_utf8(fencepost(&["--help"]).stdout).expect("text");
    let (_, commands) = help.split_once("Commands:\n").expect("the commands");
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.filter(|&name| name != "help").collect();
    assert!(names.len() > 6, "{names:?}");
    let whole = page("fencepost.1");
    for name in names {
        assert!(page(&format!("fencepost-{name}.1")).starts_with(".ie"), "{name}");
        assert!(whole.contains(&format!("fencepost\\-{name}(1)")), "{name}");
    }
    let run = page("fencepost-run.1");
    for spec in OPTIONS {
        let flag = format!("\\-\\-{}", spec.name.replace('-', "\\-"));
        assert!(run.contains(&flag), "{flag}");
    }
    // Nothing that is hidden.
    let hidden = fs::read_dir(&*PAGES).expect("a folder").flatten();
    assert!(
        hidden.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().contains("child"))
    );
}

#[test]
fn mandoc_has_no_complaint() {
    if !is_installed("mandoc") {
        return;
    }
    let mut count = 0;
    for entry in fs::read_dir(&*PAGES).expect("a folder").flatten() {
        let mut lint = Command::new("mandoc");
        lint.args(["-T", "lint", "-W", "warning"]).arg(entry.path());
        let output = lint.output().expect("mandoc starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        count += 1;
    }
    assert!(count > 6);
}

#[test]
fn shells_can_read_their_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let text = fencepost(&["completions", shell]).stdout;
        assert!(String::from_utf8_lossy(&text).contains("placement"), "{shell}");
        if !is_installed(shell) {
            continue;
        }
        let path = build_folder("manual").join(shell);
        fs::write(&path, text).expect("the folder is writable");
        let output = Command::new(shell).arg("-n").arg(&path).output().expect("the shell starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{shell}: {said}");
    }
}

/// What bash would offer.
#[test]
fn bash_completes_commands_and_values() {
    if !is_installed("bash") {
        return;
    }
    let path = build_folder("manual").join("for-bash");
    fs::write(&path, fencepost(&["completions", "bash"]).stdout).expect("the folder is writable");
    let offered = |words: &str| {
        let last = words.split(' ').next_back().expect("a word");
        let script = format!(
            "source {}; COMP_WORDS=({words} ''); COMP_CWORD={}; _fencepost fencepost '{last}' x; \
             echo ${{COMPREPLY[@]}}",
            path.display(),
            words.split(' ').count() - 1
        );
        let output = Command::new("bash").args(["-c", &script]).output().expect("bash starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(offered("fencepost d").contains("doctor"), "{}", offered("fencepost d"));
    assert!(offered("fencepost run --pl").contains("--placement"));
}
