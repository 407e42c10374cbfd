//! A library with 36 test programs and three bugs, from the first run to the build that fails for the fourth bug alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::report::{bugs, name, names, render};
use super::support::backend::FENCEPOST;
use super::support::process::{Exit, Outcome};
use super::{Project, has, run};

/// Kind, function, and how many tests show it.
const BUGS: [(&str, &str, u64); 3] = [
    ("double-free", "map_free", 1),
    ("heap-buffer-overflow", "buffer_text", 2),
    ("heap-use-after-free", "list_remove", 3),
];

/// `fencepost run OPTIONS --report-dir DIR -- ctest`.
fn run_tests(project: &Project, directory: &str, options: &[&str]) -> Outcome {
    let mut words = vec![FENCEPOST, "run", "--report-dir", directory];
    words.extend(options);
    words.extend(["--", "ctest", "--test-dir", "build", "-j2"]);
    run(&mut project.command(&words))
}

fn build(project: &Project, definitions: &[&str]) {
    let configure = ["cmake", "-S", ".", "-B", "build"];
    project.must(&[&configure[..], definitions].concat());
    project.must(&["cmake", "--build", "build", "-j2"]);
}

/// Ten lines more behind each function.
fn move_functions(folder: &Path) {
    for entry in fs::read_dir(folder).expect("the sources").flatten() {
        let text = fs::read_to_string(entry.path()).expect("a source");
        let comment = "/* Another line. */\n".repeat(10);
        let moved = text.replace("\n}\n", &format!("\n}}\n{comment}"));
        fs::write(entry.path(), moved).expect("the source is writable");
    }
}

/// The line in which each bug shows.
fn lines(directory: &str) -> BTreeSet<(String, Option<u32>)> {
    let bugs = bugs(Path::new(directory));
    bugs.iter().map(|bug| (bug.kind.clone(), bug.example.stack[0].line)).collect()
}

#[test]
fn three_bugs_are_told_once_each_and_only_a_fourth_fails_the_build() {
    if !has("CTest", &["cmake", "ctest"]) {
        return;
    }
    let project = Project::new("kit", &["cmake"]);
    build(&project, &[]);
    let native = project.must(&["ctest", "--test-dir", "build", "-j2"]);
    assert!(native.stdout.contains("0 tests failed out of 36"), "{}", native.stdout);

    let first = "first";
    let outcome = run_tests(&project, first, &[]);
    assert_ne!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("6 tests failed out of 36"), "{}", outcome.stdout);
    let first = project.text(first);
    all_formats_agree(Path::new(&first), &outcome.stderr);

    let known = project.text("known.json");
    project.must(&[FENCEPOST, "report", &first, "--format", "baseline", "-o", &known]);
    let baseline = ["--baseline", &known];
    let outcome = run_tests(&project, "second", &baseline);
    assert_eq!(outcome.exit, Exit::Code(0), "{}\n{}", outcome.stdout, outcome.stderr);

    move_functions(&project.path("src"));
    build(&project, &[]);
    let outcome = run_tests(&project, "third", &baseline);
    assert_eq!(outcome.exit, Exit::Code(0), "{}\n{}", outcome.stdout, outcome.stderr);
    let third = project.text("third");
    assert_eq!(names(Path::new(&third)), names(Path::new(&first)));
    let unmoved: Vec<_> = lines(&first).intersection(&lines(&third)).cloned().collect();
    assert!(unmoved.is_empty(), "{unmoved:?}");

    build(&project, &["-DKIT_FOURTH_BUG=ON"]);
    let outcome = run_tests(&project, "fourth", &baseline);
    assert_ne!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    let all = bugs(&project.path("fourth"));
    let new: Vec<_> = all.iter().filter(|bug| bug.known.is_none()).map(name).collect();
    assert_eq!(new, [("heap-buffer-overflow".to_owned(), "text_upper".to_owned())]);
    assert_eq!(all.len(), 4);
}

/// All words of 16 hexadecimal digits.
fn fingerprints_in(text: &str) -> BTreeSet<String> {
    let is_digit = |char: char| matches!(char, '0'..='9' | 'a'..='f');
    let words = text.split(|char: char| !char.is_ascii_alphanumeric());
    words.filter(|word| word.len() == 16 && word.chars().all(is_digit)).map(str::to_owned).collect()
}

/// Exactly the three bugs, in each format.
#[track_caller]
fn all_formats_agree(directory: &Path, summary: &str) {
    let found: Vec<(String, String, u64)> = {
        let mut found: Vec<_> = bugs(directory)
            .iter()
            .map(|bug| {
                let (kind, function) = name(bug);
                (kind, function, bug.count)
            })
            .collect();
        found.sort();
        found
    };
    let expected =
        BUGS.map(|(kind, function, count)| (kind.to_owned(), function.to_owned(), count));
    assert_eq!(found, expected);
    let fingerprints: BTreeSet<String> =
        bugs(directory).into_iter().map(|bug| bug.fingerprint).collect();
    for format in ["sarif", "junit", "html", "markdown"] {
        let text = render(directory, format);
        assert_eq!(fingerprints_in(&text), fingerprints, "{format}");
        for (kind, ..) in BUGS {
            assert!(text.contains(kind), "{format} lacks {kind}");
        }
    }
    let sarif: serde_json::Value =
        serde_json::from_str(&render(directory, "sarif")).expect("SARIF is JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let mut rules: Vec<&str> = results.iter().filter_map(|it| it["ruleId"].as_str()).collect();
    rules.sort_unstable();
    assert_eq!(rules, BUGS.map(|(kind, ..)| kind));
    assert_eq!(render(directory, "junit").matches("<failure").count(), 3);
    for (kind, function, _) in BUGS {
        assert!(summary.contains(kind) && summary.contains(function), "{summary}");
    }
    assert!(summary.contains("3 bugs"), "{summary}");
}
