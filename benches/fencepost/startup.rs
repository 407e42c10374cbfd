//! What a program pays for being guarded at all, and what sampling leaves of it.

use crate::jobs;
use crate::samples::{Figures, take_turns};
use crate::table::{Cell, Table};
use crate::tool::{Bench, Tool};

/// Starts a round, of which the mean counts.
const STARTS: u32 = 20;

pub fn run(bench: &Bench) -> Vec<Table> {
    vec![empty_program(bench), sampling(bench)]
}

fn empty_program(bench: &Bench) -> Table {
    let mut tools = vec![Tool::Native];
    tools.extend(bench.backends());
    tools.push(Tool::Memcheck);
    let outcomes = take_turns(&tools, bench.rounds, |&tool| {
        bench.probe(tool)?;
        let (mut wall, mut cpu) = (0.0, 0.0);
        for _ in 0..STARTS {
            let ended = bench.run(&mut tool.command("/bin/true", 0), 60)?.success()?;
            wall += ended.wall_seconds;
            cpu += ended.cpu_seconds;
        }
        let milliseconds = |sum: f64| sum * 1e3 / f64::from(STARTS);
        let figures = [("wall", milliseconds(wall)), ("cpu", milliseconds(cpu))];
        Ok(figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect())
    });
    let mut table = Table::new(
        "startup: /bin/true",
        &["wall / native", "wall ms more", "CPU ms more", "wall ms"],
    );
    for (tool, outcome) in tools.iter().zip(&outcomes) {
        let name = if *tool == Tool::Native { "native".to_owned() } else { tool.name() };
        let (wall, native) = (outcome.get("wall"), outcomes[0].get("wall"));
        if let Err(failure) = wall {
            table.row(name, vec![Cell::Failed(failure)]);
            continue;
        }
        let more = |figure: &str| {
            let baseline = outcomes[0].get(figure);
            Cell::amount(
                &outcome.get(figure).and_then(|own| Ok(own.with(&baseline?, |a, b| a - b))),
            )
        };
        let cells =
            vec![Cell::ratio(&wall, &native), more("wall"), more("cpu"), Cell::amount(&wall)];
        table.row(name, cells);
    }
    table
}

fn sampling(bench: &Bench) -> Table {
    const SAMPLED: &[&str] = &["--sample", "5000"];
    let mut table = Table::new(
        "startup: the perl job with one allocation in 5,000 guarded",
        &["CPU / native", "CPU s"],
    );
    let tools = [Tool::Native, Tool::Fencepost { backend: "auto", options: SAMPLED }];
    let job = jobs::perl(bench.quick);
    let outcomes = take_turns(&tools, bench.rounds, |&tool| {
        let ended = job.run(bench, tool, 120)?;
        Ok(Figures::from([("cpu".to_owned(), ended.cpu_seconds)]))
    });
    for (tool, outcome) in tools.iter().zip(&outcomes) {
        let cpu = outcome.get("cpu");
        let cells = vec![Cell::ratio(&cpu, &outcomes[0].get("cpu")), Cell::amount(&cpu)];
        table.row(tool.name(), cells);
    }
    table
}
