//! Who the process is, for those who read its findings later.

use crate::finding::{Process, RUN_ID_VARIABLE, Test};
use crate::sys::{identity, loader, process, variables};

/// The most bytes kept of a command line.
const MOST_COMMAND_BYTES: usize = 4096;

/// The most bytes kept of a test's name.
const MOST_TEST_BYTES: usize = 1024;

/// Reads who the process is now.
pub fn read() -> Process {
    let parent_pid = identity::parent();
    let parent = identity::name_of(parent_pid).map(text);
    let directory = std::env::current_dir().map(|path| path.into_os_string().into_encoded_bytes());
    let program = loader::executable_path().map(|path| path.into_os_string().into_encoded_bytes());
    Process {
        run: run(),
        host: text(identity::host()),
        pid: process::pid(),
        parent_pid,
        parent,
        program: program.map(text).unwrap_or_default(),
        command: command(),
        directory: directory.map(text).unwrap_or_default(),
        test: test(),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|it| String::from_utf8_lossy(it.as_bytes()).into_owned())
}

fn command() -> Vec<String> {
    let line = identity::command_line(MOST_COMMAND_BYTES + 1);
    let is_cut = line.len() > MOST_COMMAND_BYTES;
    let whole = if is_cut { &line[..] } else { line.strip_suffix(b"\0").unwrap_or(&line) };
    let words = whole.split(|&byte| byte == 0).map(|word| text(word.to_vec()));
    let mut words: Vec<String> = words.collect();
    if is_cut {
        words.push("\u{2026}".to_owned());
    }
    words
}

/// The run's name, which is used in file names. So only a plain word is taken from the environment.
fn run() -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    process::environment(RUN_ID_VARIABLE)
        .filter(|name| (1..=64).contains(&name.len()) && name.iter().all(is_plain))
        .map(text)
        .unwrap_or_default()
}

/// Returns what test frameworks say about the test that this process belongs to. CTest and Meson say nothing, but a
/// project can set the first of these variables.
fn test() -> Option<Test> {
    let get = |name: &str| process::environment(name).filter(|value| !value.is_empty()).map(text);
    let test = |framework: &str, name: String| {
        let (framework, name) = (framework.to_owned(), cut(name));
        Some(Test { framework, name })
    };
    if let Some(name) = get("FENCEPOST_TEST") {
        let framework = if get("DASHBOARD_TEST_FROM_CTEST").is_some() {
            "ctest"
        } else if get("MESON_TEST_ITERATION").is_some() {
            "meson"
        } else {
            "test"
        };
        return test(framework, name);
    }
    if let Some(name) = get("PYTEST_CURRENT_TEST") {
        return test("pytest", without_phase(&name).to_owned());
    }
    if let Some(name) = get("NEXTEST_TEST_NAME") {
        let binary = get("NEXTEST_BINARY_ID").map_or(String::new(), |binary| binary + " ");
        return test("nextest", binary + &name);
    }
    test("bazel", get("TEST_TARGET")?)
}

fn cut(mut name: String) -> String {
    let mut end = name.len().min(MOST_TEST_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// Returns the test that pytest runs at this moment, if this is a process of pytest's. pytest changes its own
/// environment from test to test.
pub fn current_test() -> Option<Test> {
    let mut room = [0; MOST_TEST_BYTES];
    let name = variables::current(b"PYTEST_CURRENT_TEST=", &mut room)?;
    let name = String::from_utf8_lossy(name);
    Some(Test { framework: "pytest".to_owned(), name: without_phase(&name).to_owned() })
}

/// Cuts off what pytest adds: whether it sets a test up, calls it, or cleans up after it.
fn without_phase(name: &str) -> &str {
    [" (setup)", " (call)", " (teardown)"]
        .iter()
        .find_map(|phase| name.strip_suffix(phase))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_read() {
        let process = read();
        assert_eq!(process.pid, std::process::id());
        assert_eq!(process.command, std::env::args().collect::<Vec<_>>());
        assert_eq!(process.directory, std::env::current_dir().unwrap().to_str().unwrap());
        assert!(process.program.ends_with(process.command[0].rsplit('/').next().unwrap()));
    }

    #[test]
    fn a_test_has_one_name_in_all_its_phases() {
        for phase in ["", " (setup)", " (call)", " (teardown)"] {
            assert_eq!(without_phase(&format!("t.py::test_a[(x)]{phase}")), "t.py::test_a[(x)]");
        }
        assert_eq!(cut("\u{e9}".repeat(600)).len(), 1024);
    }
}
