//! Whole programs: CPU time of the process tree, against the same work natively.

use std::collections::HashMap;

use crate::counters::{self, BareCosts};
use crate::jobs;
use crate::loops::{self, Contender, Shape, floor_of};
use crate::samples::{Failure, Figures, geometric_mean, take_turns};
use crate::table::{Cell, Table};
use crate::tool::{BACKENDS, Bench, Tool};

const LIMIT_SECONDS: u64 = 120;

pub fn run(bench: &Bench) -> Vec<Table> {
    let options: &'static [&'static str] = &["--stats=1"];
    let mut tools = vec![Tool::Native];
    tools.extend(BACKENDS.map(|backend| Tool::Fencepost { backend, options }));
    tools.push(Tool::Memcheck);
    let unavailable: Vec<Option<Failure>> = tools
        .iter()
        .map(|&tool| match tool {
            Tool::Memcheck if bench.quick => Some(Failure::Spared("left out by --quick")),
            _ => bench.probe(tool).err(),
        })
        .collect();
    let costs = [1, 2].map(|threads| bare_costs(bench, threads));

    let columns = [
        "native CPU s",
        "userfaultfd",
        "its kernel floor",
        "madvise",
        "its kernel floor",
        "mprotect",
        "its kernel floor",
        "Valgrind memcheck",
    ];
    let title = "programs: CPU time (user + system, whole tree) / native, by backend";
    let mut table = Table::new(title, &columns);
    // Medians by column, for the geometric means.
    let mut medians: Vec<Vec<f64>> = vec![Vec::new(); columns.len()];
    let mut jobs_counted = 0;
    for job in jobs::all(bench) {
        eprintln!("{}", job.name);
        let mut counters: HashMap<&str, Figures> = HashMap::new();
        let indices: Vec<usize> = (0..tools.len()).collect();
        let outcomes = take_turns(&indices, bench.rounds, |&index| {
            if let Some(failure) = &unavailable[index] {
                return Err(failure.clone());
            }
            let ended = job.run(bench, tools[index], LIMIT_SECONDS)?;
            if let Tool::Fencepost { backend, .. } = tools[index]
                && let Some(counted) = counters::parse(&ended.stderr)
            {
                counters.insert(backend, counted);
            }
            Ok(Figures::from([("cpu".to_owned(), ended.cpu_seconds)]))
        });
        let native = outcomes[0].get("cpu");
        let mut cells = vec![Cell::amount(&native)];
        for (index, tool) in tools.iter().enumerate().skip(1) {
            cells.push(match &unavailable[index] {
                // The reason is said once for all jobs.
                Some(failure) => Cell::text(failure.to_string()),
                None => Cell::ratio(&outcomes[index].get("cpu"), &native),
            });
            if let Tool::Fencepost { backend, .. } = tool {
                let costs = costs[job.threads - 1].get(backend);
                let floor = costs.zip(counters.get(backend));
                let seconds = floor.and_then(|(costs, counters)| costs.seconds(counters));
                cells.push(match (&native, seconds) {
                    (Ok(native), Some(s)) => Cell::Ratio(native.with(native, |n, _| (n + s) / n)),
                    _ => Cell::text("n/a"),
                });
            }
        }
        jobs_counted += 1;
        for (column, cell) in cells.iter().enumerate() {
            if let Cell::Ratio(samples) = cell {
                medians[column].push(samples.median());
            }
        }
        table.row(job.name, cells);
    }
    let means = medians.iter().enumerate().map(|(column, medians)| match medians.len() {
        0 => Cell::text(if column == 0 { "" } else { "n/a" }),
        count if count < jobs_counted => {
            Cell::text(format!("{:.2} x (of {count})", geometric_mean(medians)))
        }
        _ => Cell::text(format!("{:.2} x", geometric_mean(medians))),
    });
    table.row("geometric mean", means.collect());
    for (tool, failure) in tools.iter().zip(&unavailable) {
        if let Some(detail) = failure.as_ref().and_then(Failure::detail) {
            table.note(format!("{}: {detail}", tool.name()));
        }
    }
    vec![table]
}

/// What the page operations cost bare, in this run, with 10,000 live pages in each of so many threads: with
/// two the kernel must tell the other's processor of each page that is revoked.
fn bare_costs(bench: &Bench, threads: usize) -> HashMap<&'static str, BareCosts> {
    let floors = BACKENDS.map(|backend| Contender::Floor(floor_of(backend)));
    let shape = Shape { live: 10_000, milliseconds: 200, threads, limit_seconds: 60 };
    let measured = loops::measure(bench, &floors, shape, &HashMap::new());
    let costs = |backend| {
        let outcome = measured.of(&Contender::Floor(floor_of(backend)));
        let get = |figure| outcome.get(figure).ok();
        Some(BareCosts {
            populate: get("grow_cpu")?,
            replace: get("pair_cpu")?,
            drop: get("drain_cpu")?,
        })
    };
    BACKENDS.into_iter().filter_map(|backend| Some((backend, costs(backend)?))).collect()
}
