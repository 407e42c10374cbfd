//! What a program pays for being guarded at all, what sampling leaves of it, and how long a report takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::jobs;
use crate::samples::{Failure, Figures, take_turns};
use crate::table::{Cell, Table};
use crate::tool::{Bench, Tool};

/// Starts a round, of which the mean counts.
const STARTS: u32 = 20;

pub fn run(bench: &Bench) -> Vec<Table> {
    vec![empty_program(bench), sampling(bench), reports(bench)]
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

/// Units of debug information in the larger program: 51 MB in all.
const UNITS: usize = 60;

/// A report's time is that of a run with a report, less that of a run without.
fn reports(bench: &Bench) -> Table {
    let tool = Tool::Fencepost { backend: "auto", options: &[] };
    let programs = [2, UNITS].map(|units| debug_info(bench, units));
    let outcomes = take_turns(&programs, bench.rounds, |program| {
        let time = |arguments: &[&str], ends: Option<i32>| {
            let ended = bench.run(tool.command(program, 0).args(arguments), 60)?;
            match ended.code() == ends {
                true => Ok((ended.wall_seconds * 1e3, ended.cpu_seconds * 1e3)),
                false => Err(Failure::Died(ended.stderr)),
            }
        };
        let (wall, cpu) = time(&[], Some(0))?;
        let (reported_wall, reported_cpu) = time(&["report"], None)?;
        let figures = [("wall", reported_wall - wall), ("cpu", reported_cpu - cpu)];
        Ok(figures.into_iter().map(|(name, figure)| (name.to_owned(), figure)).collect())
    });
    let mut table = Table::new(
        "startup: the first report, on a stack of 32 functions",
        &["wall / little", "CPU / little", "wall ms", "CPU ms"],
    );
    for (name, outcome) in ["little debug information", "51 MB of it"].iter().zip(&outcomes) {
        let ratio = |figure| Cell::ratio(&outcome.get(figure), &outcomes[0].get(figure));
        let amount = |figure| Cell::amount(&outcome.get(figure));
        let cells = vec![ratio("wall"), ratio("cpu"), amount("wall"), amount("cpu")];
        table.row((*name).to_owned(), cells);
    }
    table
}

/// Compiles the program with so many units.
fn debug_info(bench: &Bench, units: usize) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/c/debug_info.c");
    let (unit, program) = (bench.program("unit.o"), bench.program(&format!("debug-info-{units}")));
    let compile = |command: &mut Command| {
        let status = command.args(["-w", "-g", "-O0"]).arg(&source).status().expect("gcc");
        assert!(status.success(), "{} does not compile", source.display());
    };
    if !unit.exists() {
        compile(Command::new("gcc").args(["-c", "-DUNIT", "-o"]).arg(&unit));
    }
    compile(Command::new("gcc").arg("-o").arg(&program).args(vec![&unit; units]));
    program
}
