//! `cargo bench --bench fencepost [-- SECTION… --quick --json FILE]`: what the guard costs, as
//! ratios to baselines of the same run. docs/benchmarks.md tells what each section measures.

mod arguments;
mod budget;
mod capture;
mod checks;
mod child;
mod counters;
mod jobs;
mod loops;
mod memory;
mod more_jobs;
mod pairs;
mod programs;
mod samples;
mod startup;
mod table;
mod threads;
mod tool;

use arguments::Section;
use table::{Report, Table};
use tool::Bench;

fn main() {
    let Some(arguments) = arguments::parse() else {
        // `cargo test --all-targets` runs benchmarks too, to see that they start.
        println!("run the benchmarks with: cargo bench --bench fencepost");
        return;
    };
    let bench = Bench::new(&arguments);
    let mut report = Report::new(&bench);
    for &section in &arguments.sections {
        let tables = run(section, &bench);
        for table in tables {
            println!("{table}");
            report.add(section.name(), table);
        }
        // After each section, so that an interrupted run leaves what it has measured.
        if let Err(error) = report.write(&arguments.json) {
            eprintln!("{}: {error}", arguments.json.display());
            std::process::exit(1);
        }
    }
    println!("written to {}", arguments.json.display());
}

fn run(section: Section, bench: &Bench) -> Vec<Table> {
    eprintln!("[{}]", section.name());
    match section {
        Section::Pairs => pairs::run(bench),
        Section::Capture => capture::run(bench),
        Section::Programs => programs::run(bench),
        Section::Budget => budget::run(bench),
        Section::Checks => checks::run(bench),
        Section::Threads => threads::run(bench),
        Section::Memory => memory::run(bench),
        Section::Startup => startup::run(bench),
    }
}
