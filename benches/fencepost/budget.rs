//! Whole programs on a budget: CPU time and peak memory, against the same work natively.

use crate::jobs::{self, Job};
use crate::more_jobs;
use crate::samples::{Failure, Figures, Samples, geometric_mean, take_turns};
use crate::table::{Cell, Table};
use crate::tool::{Bench, Tool};

const LIMIT_SECONDS: u64 = 120;

/// Small programs may take so much more memory whatever they do.
const FREE_BYTES: f64 = 64.0 * 1024.0 * 1024.0;

const TOOLS: [Tool; 3] = [
    Tool::Native,
    Tool::Fencepost { backend: "auto", options: &["--budget", "100%"] },
    Tool::Fencepost { backend: "auto", options: &[] },
];

pub fn run(bench: &Bench) -> Vec<Table> {
    vec![
        table(bench, "budget: the programs of the section programs", jobs::all(bench, bench.quick)),
        table(bench, "budget: programs that mostly allocate", more_jobs::all(bench.quick)),
    ]
}

fn table(bench: &Bench, title: &str, jobs: Vec<Job>) -> Table {
    let columns = [
        "native CPU s",
        "CPU / native, budget 100%",
        "CPU / native, by default",
        "native peak MB",
        "peak / (native + 64 MB), budget 100%",
        "peak / (native + 64 MB), by default",
    ];
    let mut table = Table::new(title, &columns);
    let mut medians = vec![Vec::new(); columns.len()];
    for job in jobs {
        eprintln!("{}", job.name);
        let indices: Vec<usize> = (0..TOOLS.len()).collect();
        let outcomes = take_turns(&indices, bench.rounds, |&index| {
            let ended = job.run(bench, TOOLS[index], LIMIT_SECONDS)?;
            let figures = [("cpu", ended.cpu_seconds), ("peak", ended.peak_bytes)];
            Ok(Figures::from(figures.map(|(name, figure)| (name.to_owned(), figure))))
        });
        let [native, budget, default] =
            [0, 1, 2].map(|index| ["cpu", "peak"].map(|figure| outcomes[index].get(figure)));
        let cells = vec![
            Cell::amount(&native[0]),
            Cell::ratio(&budget[0], &native[0]),
            Cell::ratio(&default[0], &native[0]),
            Cell::amount(&scaled(&native[1], |bytes| bytes / 1e6)),
            Cell::ratio(&budget[1], &scaled(&native[1], |bytes| bytes + FREE_BYTES)),
            Cell::ratio(&default[1], &scaled(&native[1], |bytes| bytes + FREE_BYTES)),
        ];
        for (medians, cell) in medians.iter_mut().zip(&cells) {
            if let Cell::Ratio(samples) = cell {
                medians.push(samples.median());
            }
        }
        table.row(job.name, cells);
    }
    let worst = |ratios: &Vec<f64>| ratios.iter().copied().fold(f64::NAN, f64::max);
    let summary = |of: &dyn Fn(&Vec<f64>) -> f64| {
        let cell = |ratios: &Vec<f64>| match ratios.is_empty() {
            true => Cell::text(""),
            false => Cell::text(format!("{:.2} x", of(ratios))),
        };
        medians.iter().map(cell).collect::<Vec<Cell>>()
    };
    let (means, worsts) = (summary(&|ratios| geometric_mean(ratios)), summary(&worst));
    table.row("geometric mean", means);
    table.row("worst", worsts);
    table
}

fn scaled(
    samples: &Result<Samples, Failure>,
    change: impl Fn(f64) -> f64,
) -> Result<Samples, Failure> {
    samples.clone().map(|samples| samples.with(&samples, |value, _| change(value)))
}
