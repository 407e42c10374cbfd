//! The lessons about mappings: what `fencepost demo` shows of them, on every backend.

mod support;

use std::time::Duration;

use support::backend::{FENCEPOST, available_backends};
use support::process::{self, Exit};

const LIMIT: Duration = Duration::from_secs(300);

/// Each does what it says, and what it dies of is reported at the line that is marked.
#[test]
fn lessons_end_as_intended() {
    for (name, phrase) in [
        ("map-anonymous", "the first byte is 0"),
        ("map-shared", "shared: 'first second ', private: ''"),
        ("map-file", "the file says 'final', the private mapping 'draft'"),
        ("map-fixed", "the first word is fence"),
        ("map-dev-zero", "the child counted to 1, the other mapping holds 0"),
        ("map-unmapped", "first page, third page"),
        ("map-protected", "color=no"),
        ("map-dropped", "the file's page says 'fence post' again"),
        ("map-past-eof", "the sum of the first page is 525"),
        ("map-permissions", "1 write was seen, the page says 'dirty'"),
    ] {
        let file = format!("demos/{}.c", name.replace('-', "_"));
        let source = std::fs::read_to_string(&file).expect("the source of the demo");
        let line = source.lines().position(|line| line.contains("/* BUG")).expect("a marked line");
        let place = format!("{file}:{}", line + 1);
        for backend in available_backends() {
            let mut command = process::command(FENCEPOST);
            command.args(["demo", name, "--backend", backend]);
            let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
            let (said, report) = (&outcome.stdout, &outcome.stderr);
            assert_eq!(outcome.exit, Exit::Code(0), "{name} on {backend}: {said}{report}");
            assert!(said.contains(phrase), "{name} on {backend}: {said}");
            assert!(said.contains("As intended"), "{name} on {backend}: {said}");
            let is_told = report.contains("ERROR: Fencepost: ") && report.contains(&place);
            assert!(is_told, "{name} on {backend}: {report}");
        }
    }
}
