//! Whole programs: CPU time of the process tree, against the same work natively.

use std::collections::HashMap;

use crate::counters::{self, BareCosts};
use crate::jobs::{self, Job};
use crate::loops::{self, Contender, Shape, floor_of};
use crate::samples::{Failure, Figures, Samples, geometric_mean, take_turns};
use crate::table::{Cell, Table};
use crate::tool::{BACKENDS, Bench, Tool};

const LIMIT_SECONDS: u64 = 120;

/// What one program took.
struct Measured {
    name: &'static str,
    /// CPU seconds, by tool.
    seconds: Vec<Result<Samples, Failure>>,
    /// What the page operations that were counted cost bare, in seconds, by backend.
    floors: [Option<f64>; BACKENDS.len()],
}

/// Natively, on each backend, and under Valgrind.
fn tools() -> Vec<Tool> {
    let options: &'static [&'static str] = &["--stats=1"];
    let backends = BACKENDS.map(|backend| Tool::Fencepost { backend, options });
    [Tool::Native].into_iter().chain(backends).chain([Tool::Memcheck]).collect()
}

pub fn run(bench: &Bench) -> Vec<Table> {
    let tools = tools();
    let unavailable: Vec<Option<Failure>> = tools
        .iter()
        .map(|&tool| match tool {
            Tool::Memcheck if bench.quick => Some(Failure::Spared("left out by --quick")),
            _ => bench.probe(tool).err(),
        })
        .collect();
    let costs = [1, 2].map(|threads| bare_costs(bench, threads));
    let jobs = jobs::all(bench, bench.quick).into_iter();
    let measured: Vec<Measured> = jobs
        .map(|job| measure(bench, &job, &tools, &unavailable, &costs[job.threads - 1]))
        .collect();
    let mut against_native = against_native(&measured);
    for (tool, failure) in tools.iter().zip(&unavailable) {
        if let Some(detail) = failure.as_ref().and_then(Failure::detail) {
            against_native.note(format!("{}: {detail}", tool.name()));
        }
    }
    vec![against_native, against_floor(&measured)]
}

fn measure(
    bench: &Bench,
    job: &Job,
    tools: &[Tool],
    unavailable: &[Option<Failure>],
    costs: &HashMap<&'static str, BareCosts>,
) -> Measured {
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
    Measured {
        name: job.name,
        seconds: outcomes.iter().map(|outcome| outcome.get("cpu")).collect(),
        floors: BACKENDS.map(|backend| costs.get(backend)?.seconds(counters.get(backend)?)),
    }
}

/// CPU time as multiples of the native one, with the kernel's floor beside each backend.
fn against_native(measured: &[Measured]) -> Table {
    let title = "programs: CPU time (user + system, whole tree) / native, by backend";
    let columns = [
        "native CPU s",
        "userfaultfd",
        "userfaultfd's floor",
        "madvise",
        "madvise's floor",
        "mprotect",
        "mprotect's floor",
        "Valgrind memcheck",
    ];
    with_means(Table::new(title, &columns), measured, |program| {
        let (native, others) = program.seconds.split_first().expect("the native time is first");
        let mut cells = vec![Cell::amount(native)];
        for (index, seconds) in others.iter().enumerate() {
            cells.push(Cell::ratio_or_word(seconds, native));
            if let Some(&floor) = program.floors.get(index) {
                cells.push(match (native, floor) {
                    (Ok(native), Some(s)) => Cell::Ratio(native.with(native, |n, _| (n + s) / n)),
                    _ => Cell::text("n/a"),
                });
            }
        }
        cells
    })
}

/// What goes beyond the native time, as multiples of what the counted operations cost bare; and Valgrind
/// against fencepost.
fn against_floor(measured: &[Measured]) -> Table {
    let title = "programs: the extra over native / the bare cost of the page operations";
    let columns = ["userfaultfd", "madvise", "mprotect", "Valgrind / userfaultfd"];
    with_means(Table::new(title, &columns), measured, |program| {
        let (native, others) = program.seconds.split_first().expect("the native time is first");
        let (memcheck, backends) = others.split_last().expect("Valgrind is last");
        let extra = |(seconds, floor): (&Result<Samples, Failure>, &Option<f64>)| match (
            seconds, native, floor,
        ) {
            (Ok(seconds), Ok(native), Some(floor)) => {
                Cell::Ratio(seconds.with(native, |s, native| (s - native) / floor))
            }
            _ => Cell::text("n/a"),
        };
        let extras = backends.iter().zip(&program.floors).map(extra);
        extras.chain([Cell::ratio_or_word(memcheck, &backends[0])]).collect()
    })
}

/// A row for each program, and one with the geometric means of the ratios.
fn with_means(
    mut table: Table,
    measured: &[Measured],
    row: impl Fn(&Measured) -> Vec<Cell>,
) -> Table {
    let mut medians: Vec<Vec<f64>> = Vec::new();
    for program in measured {
        let cells = row(program);
        medians.resize(cells.len(), Vec::new());
        for (medians, cell) in medians.iter_mut().zip(&cells) {
            if let Cell::Ratio(samples) = cell {
                medians.push(samples.median());
            }
        }
        table.row(program.name, cells);
    }
    let mean = |medians: &Vec<f64>| match medians.len() {
        0 => Cell::text(""),
        // An extra that noise has made negative.
        _ if geometric_mean(medians).is_nan() => Cell::text("n/a"),
        count if count < measured.len() => {
            Cell::text(format!("{:.2} x (of {count})", geometric_mean(medians)))
        }
        _ => Cell::text(format!("{:.2} x", geometric_mean(medians))),
    };
    table.row("geometric mean", medians.iter().map(mean).collect());
    table
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
