//! One thread's malloc and free, with more and more live objects.

use std::collections::HashMap;

use crate::loops::{self, Contender, MECHANISMS, Measured, Shape, floor_of};
use crate::samples::{Failure, Outcome};
use crate::table::{Cell, Table};
use crate::tool::{Bench, Tool};

const PHASES: [&str; 3] = ["pair_cpu", "grow_cpu", "drain_cpu"];

pub fn run(bench: &Bench) -> Vec<Table> {
    let live: &[usize] =
        if bench.quick { &[100, 10_000] } else { &[100, 10_000, 100_000, 1_000_000] };
    let contenders = contenders(bench);
    let mut spared: HashMap<String, Failure> = HashMap::new();
    for contender in &contenders {
        if let Contender::Tool(tool) = contender
            && let Err(failure) = bench.probe(*tool)
        {
            spared.insert(contender.name(), failure);
        }
    }
    let mut tables = Vec::new();
    for &live in live {
        eprintln!("{live} live objects");
        let shape = Shape {
            live,
            milliseconds: if bench.quick { 100 } else { 300 },
            threads: 1,
            limit_seconds: if bench.quick { 20 } else { 90 },
        };
        let measured = loops::measure(bench, &contenders, shape, &spared);
        for contender in &contenders {
            // What is too slow at one size is at the next.
            if measured.of(contender).get(PHASES[0]).is_err_and(is_too_slow) {
                spared.insert(contender.name(), Failure::Spared("too slow with fewer objects"));
            }
        }
        tables.push(table(live, &measured));
    }
    tables
}

fn contenders(bench: &Bench) -> Vec<Contender> {
    let others = [Tool::Memcheck, Tool::GwpAsan, Tool::ElectricFence, Tool::Duma];
    let tools = [Tool::Native].into_iter().chain(bench.backends()).chain(others);
    let floors = MECHANISMS.map(|(mechanism, _)| Contender::Floor(mechanism));
    tools.map(Contender::Tool).chain(floors).collect()
}

fn is_too_slow(failure: Failure) -> bool {
    matches!(failure, Failure::TooSlow { .. })
}

fn table(live: usize, measured: &Measured) -> Table {
    let mut table = Table::new(
        format!("pairs: {live} live objects of 24-87 bytes, CPU time"),
        &[
            "pair / glibc",
            "grow / glibc",
            "drain / glibc",
            "pair / kernel",
            "grow / kernel",
            "drain / kernel",
            "pair / userfaultfd",
            "ns a pair",
        ],
    );
    let native = measured.of(&Contender::Tool(Tool::Native));
    let userfaultfd = Tool::Fencepost { backend: "userfaultfd", options: &[] };
    let userfaultfd = measured.of(&Contender::Tool(userfaultfd));
    for contender in &measured.contenders {
        let outcome = measured.of(contender);
        if let Err(failure) = outcome.get(PHASES[0]) {
            table.row(contender.name(), vec![Cell::Failed(failure)]);
            continue;
        }
        let lost = measured.unguarded.get(&contender.name());
        let mut cells = ratios(outcome, native);
        match contender {
            Contender::Tool(Tool::Fencepost { .. }) if lost.is_some() => {
                cells.extend(PHASES.map(|_| Cell::text("n/a: see below")));
            }
            Contender::Tool(Tool::Fencepost { backend, .. }) => {
                let floor = measured.of(&Contender::Floor(floor_of(backend)));
                cells.extend(ratios(outcome, floor));
            }
            _ => cells.extend(PHASES.map(|_| Cell::text(""))),
        }
        cells.push(Cell::ratio(&outcome.get(PHASES[0]), &userfaultfd.get(PHASES[0])));
        cells.push(Cell::amount(&outcome.get(PHASES[0])));
        table.row(contender.name(), cells);
        if let Some(lost) = lost {
            table.note(format!("{}: {lost}", contender.name()));
        }
    }
    table
}

fn ratios(outcome: &Outcome, baseline: &Outcome) -> Vec<Cell> {
    PHASES.map(|phase| Cell::ratio(&outcome.get(phase), &baseline.get(phase))).into()
}
