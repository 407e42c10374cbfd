//! Two threads, each with objects of its own: what the shared page tables cost.

use std::collections::HashMap;

use crate::loops::{self, Contender, Shape, floor_of};
use crate::table::{Cell, Table};
use crate::tool::{BACKENDS, Bench, Tool};

const FIGURES: [&str; 2] = ["pair_wall", "pair_cpu"];

pub fn run(bench: &Bench) -> Vec<Table> {
    let mut tools: Vec<Tool> = bench.backends();
    tools.extend(BACKENDS.map(|backend| Tool::Fencepost { backend, options: &["--fast"] }));
    let mut contenders = vec![Contender::Tool(Tool::Native)];
    contenders.extend(tools.iter().copied().map(Contender::Tool));
    contenders.extend(BACKENDS.map(|backend| Contender::Floor(floor_of(backend))));
    let spared: HashMap<_, _> =
        tools.iter().filter_map(|&tool| Some((tool.name(), bench.probe(tool).err()?))).collect();
    let mut shape = Shape {
        live: 10_000,
        milliseconds: if bench.quick { 200 } else { 500 },
        threads: 1,
        limit_seconds: 60,
    };
    let one = loops::measure(bench, &contenders, shape, &spared);
    shape.threads = 2;
    let two = loops::measure(bench, &contenders, shape, &spared);

    let mut table = Table::new(
        "threads: two threads with 10,000 live objects each",
        &[
            "wall / glibc",
            "CPU / glibc",
            "wall / kernel",
            "CPU / kernel",
            "wall / one thread",
            "immediate / fast, wall",
            "wall ns a pair",
        ],
    );
    let native = two.of(&contenders[0]);
    for contender in &contenders {
        let outcome = two.of(contender);
        if let Err(failure) = outcome.get(FIGURES[0]) {
            table.row(contender.name(), vec![Cell::Failed(failure)]);
            continue;
        }
        let over = |baseline: &crate::samples::Outcome| {
            FIGURES.map(|figure| Cell::ratio(&outcome.get(figure), &baseline.get(figure)))
        };
        let mut cells = Vec::from(over(native));
        match contender {
            Contender::Tool(Tool::Fencepost { backend, .. }) => {
                cells.extend(over(two.of(&Contender::Floor(floor_of(backend)))));
            }
            _ => cells.extend(FIGURES.map(|_| Cell::text(""))),
        }
        let alone = one.of(contender).get(FIGURES[0]);
        cells.push(Cell::ratio(&outcome.get(FIGURES[0]), &alone));
        cells.push(match contender {
            Contender::Tool(Tool::Fencepost { backend, options }) if !options.is_empty() => {
                let immediate = Contender::Tool(Tool::Fencepost { backend, options: &[] });
                let immediate = two.of(&immediate).get(FIGURES[0]);
                Cell::ratio(&immediate, &outcome.get(FIGURES[0]))
            }
            _ => Cell::text(""),
        });
        cells.push(Cell::amount(&outcome.get(FIGURES[0])));
        table.row(contender.name(), cells);
        if let Some(lost) = two.unguarded.get(&contender.name()) {
            table.note(format!("{}: {lost}", contender.name()));
        }
    }
    vec![table]
}
