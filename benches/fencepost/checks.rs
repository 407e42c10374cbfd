//! What the checks of libc calls cost real programs, beside the engine alone.

use crate::jobs;
use crate::samples::{Figures, take_turns};
use crate::table::{Cell, Table};
use crate::tool::{Bench, Tool};

/// Rounds for each that was asked for: a few in a hundred are looked for, in many small jobs.
const TIMES: usize = 5;

pub fn run(bench: &Bench) -> Vec<Table> {
    const ALONE: &[&str] = &["--check-calls=no"];
    let tool = |options| Tool::Fencepost { backend: "auto", options };
    let tools = [tool(ALONE), tool(&[]), tool(ALONE)];
    let mut table = Table::new(
        "checks: CPU time (user + system, whole tree) / that with check-calls=no",
        &["check-calls=no, CPU s", "default", "check-calls=no once more"],
    );
    let rounds = if bench.quick { bench.rounds } else { TIMES * bench.rounds };
    for job in jobs::all(bench, true) {
        eprintln!("{}", job.name);
        let outcomes = take_turns(&tools, rounds, |&tool| {
            let ended = job.run(bench, tool, 120)?;
            Ok(Figures::from([("cpu".to_owned(), ended.cpu_seconds)]))
        });
        let [alone, checked, again] = [0, 1, 2].map(|index| outcomes[index].get("cpu"));
        let cells =
            vec![Cell::amount(&alone), Cell::ratio(&checked, &alone), Cell::ratio(&again, &alone)];
        table.row(job.name, cells);
    }
    table.note("the last column is the noise");
    vec![table]
}
