//! What live objects take, and what objects leave behind that were freed.

use crate::samples::{Failure, Figures, Samples, parse_figures};
use crate::table::{Cell, Table};
use crate::tool::{Bench, Tool};

pub fn run(bench: &Bench) -> Vec<Table> {
    vec![live(bench), churn(bench)]
}

/// Runs memory.c: bytes and mappings before and after, and how it ended.
fn measure(
    bench: &Bench,
    tool: Tool,
    mode: &str,
    count: usize,
) -> Result<(Figures, String), Failure> {
    if tool != Tool::Native {
        bench.probe(tool)?;
    }
    let mut command = tool.command(bench.program("memory"), 0);
    command.arg(mode).arg(count.to_string());
    let ended = bench.run(&mut command, 1800)?;
    let figures = parse_figures(&ended.stdout);
    if !figures.contains_key("after_mappings") {
        ended.success()?;
        return Err(Failure::Died("nothing printed".to_owned()));
    }
    Ok((figures, ended.stderr))
}

fn tools(bench: &Bench) -> Vec<Tool> {
    [Tool::Native].into_iter().chain(bench.backends()).collect()
}

/// One measurement: sizes do not vary from run to run.
fn figure(value: f64) -> Cell {
    Cell::Amount(Samples::new(vec![value]))
}

fn live(bench: &Bench) -> Table {
    let wanted = if bench.quick { 200_000 } else { 2_000_000 };
    // A page each, and as much again for the rest of the machine.
    let count = wanted.min(available_bytes() / 2 / 4096 / 10_000 * 10_000);
    let mut table = Table::new(
        format!("memory: {count} live objects of 40 bytes"),
        &["RSS B/object", "page tables B/object", "mappings", "not guarded"],
    );
    if count < wanted {
        table.note(format!("Memory available here allows no more than {count} objects."));
    }
    for tool in tools(bench) {
        eprintln!("live, {}", tool.name());
        match measure(bench, tool, "live", count) {
            Err(failure) => table.row(tool.name(), vec![Cell::Failed(failure)]),
            Ok((figures, stderr)) => {
                let grown = |name: &str| {
                    let of = |prefix: &str| figures.get(&format!("{prefix}_{name}")).copied();
                    of("after").unwrap_or(f64::NAN) - of("before").unwrap_or(f64::NAN)
                };
                let mappings = figures["after_mappings"];
                table.row(
                    tool.name(),
                    vec![
                        figure(grown("rss") / count as f64),
                        figure(grown("page_tables") / count as f64),
                        Cell::text(format!("{mappings}")),
                        Cell::text(loss(tool, &stderr)),
                    ],
                );
            }
        }
    }
    table
}

fn loss(tool: Tool, stderr: &str) -> String {
    let line = stderr.lines().find(|line| line.contains("were not guarded"));
    match (tool, line) {
        (Tool::Native, _) => "all".to_owned(),
        (_, None) => "none".to_owned(),
        (_, Some(line)) => line.trim_start_matches("fencepost: ").to_owned(),
    }
}

fn churn(bench: &Bench) -> Table {
    let pairs = if bench.quick { 10_000_000 } else { 100_000_000 };
    let mut table = Table::new(
        format!("memory: after {pairs} pairs with 100 live objects"),
        &[
            "RSS B/pair",
            "page tables B/pair",
            "RSS MiB",
            "page tables MiB",
            "mappings",
            "use of the first object",
        ],
    );
    for tool in tools(bench) {
        eprintln!("churn, {}", tool.name());
        match measure(bench, tool, "churn", pairs) {
            Err(failure) => table.row(tool.name(), vec![Cell::Failed(failure)]),
            Ok((figures, stderr)) => {
                let after = |name: &str| figures.get(&format!("after_{name}")).copied();
                let before = |name: &str| figures.get(&format!("before_{name}")).copied();
                let of = |name| after(name).unwrap_or(f64::NAN);
                let grown = |name| of(name) - before(name).unwrap_or(f64::NAN);
                let mib = |name| figure(of(name) / f64::from(1 << 20));
                let reported = stderr.contains("heap-use-after-free");
                table.row(
                    tool.name(),
                    vec![
                        figure(grown("rss") / pairs as f64),
                        figure(grown("page_tables") / pairs as f64),
                        mib("rss"),
                        mib("page_tables"),
                        Cell::text(format!("{}", of("mappings"))),
                        Cell::text(if reported { "reported" } else { "not reported" }),
                    ],
                );
            }
        }
    }
    table
}

fn available_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: Option<usize> = text.lines().find_map(|line| {
        line.strip_prefix("MemAvailable:")?.trim().trim_end_matches(" kB").parse().ok()
    });
    kib.map_or(0, |kib| kib * 1024)
}
