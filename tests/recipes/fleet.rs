//! The question of docs/fleet.md, asked by DuckDB: it must get the answer of `fencepost merge`.

use std::path::Path;

use super::report::bugs;
use super::support::backend::FENCEPOST;
use super::support::compile::build_program;
use super::support::process::Exit;
use super::support::{say_skipped, source};
use super::{Project, run, source_folder};

/// Where `.ci/run` puts Python modules that Debian has no package of.
const MODULES: &str = "target/python";

#[test]
fn duckdb_counts_as_merge_does() {
    const ASK: &str = "
import duckdb, sys
for row in duckdb.sql(sys.argv[1]).fetchall():
    print(row[0], row[2], row[3])
";
    let modules = source::package().join(MODULES);
    let project = Project::new("fleet", &[]);
    let has_duckdb = {
        let mut command = project.command(&["/usr/bin/python3", "-c", "import duckdb"]);
        run(command.env("PYTHONPATH", &modules)).exit == Exit::Code(0)
    };
    if !has_duckdb {
        return say_skipped(&format!(
            "the question of docs/fleet.md: no duckdb; pip install --target {MODULES} duckdb"
        ));
    }
    let findings = project.text("findings");
    for (name, times) in [("overrun", 3), ("sound", 1)] {
        let program = project.path(name);
        let source = source_folder().join(format!("programs/{name}.c"));
        build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
        let program = project.text(name);
        for _ in 0..times {
            run(&mut project.command(&[FENCEPOST, "run", "--report-dir", &findings, &program]));
        }
    }
    let (_, text) = source::read(&source::package().join("docs/fleet.md"));
    let query = text.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next());
    let query = query.expect("the query for DuckDB").replace("DIR", &findings);
    let mut command = project.command(&["/usr/bin/python3", "-c", ASK, &query]);
    let answer = run(command.env("PYTHONPATH", &modules));
    assert_eq!(answer.exit, Exit::Code(0), "{}", answer.stderr);
    let merged = bugs(Path::new(&findings));
    assert_eq!((merged.len(), merged[0].count), (1, 3), "{merged:#?}");
    assert_eq!(answer.stdout.trim(), format!("{} 3 1", merged[0].fingerprint));
}
