//! The loop of benches/c/loop.h: malloc and free under a tool, or the bare kernel calls.

use std::collections::HashMap;
use std::process::Command;

use crate::samples::{Failure, Figures, Outcome, parse_figures, take_turns};
use crate::tool::{BACKENDS, Bench, Tool};

/// What the loop is timed on.
#[derive(Clone, Debug, PartialEq)]
pub enum Contender {
    Tool(Tool),
    /// The bare kernel calls of one mechanism, by its name in kernel.c.
    Floor(&'static str),
}

/// Mechanisms, with what one step does.
pub const MECHANISMS: [(&str, &str); 4] = [
    ("move", "UFFDIO_MOVE, touch"),
    ("copy", "DONTNEED, UFFDIO_COPY, touch"),
    ("guard", "GUARD_INSTALL, GUARD_REMOVE, touch"),
    ("mprotect", "mmap PROT_NONE, mprotect RW, touch"),
];

/// The mechanism that a backend cannot do with less than.
pub fn floor_of(backend: &str) -> &'static str {
    let floors = ["move", "guard", "mprotect"];
    let index = BACKENDS.iter().position(|&name| name == backend);
    floors[index.expect("one of the backends")]
}

/// Size and length of the loop.
#[derive(Clone, Copy)]
pub struct Shape {
    pub live: usize,
    pub milliseconds: u64,
    pub threads: usize,
    pub limit_seconds: u64,
}

/// Outcomes by contender, and for each fencepost row how much of it was not guarded.
pub struct Measured {
    pub contenders: Vec<Contender>,
    pub outcomes: Vec<Outcome>,
    pub unguarded: HashMap<String, String>,
}

impl Measured {
    pub fn of(&self, contender: &Contender) -> &Outcome {
        let index = self.contenders.iter().position(|other| other == contender);
        &self.outcomes[index.expect("it was measured")]
    }
}

impl Contender {
    pub fn name(&self) -> String {
        match self {
            Contender::Tool(tool) => tool.name(),
            Contender::Floor(name) => {
                let known = MECHANISMS.iter().find(|(mechanism, _)| mechanism == name);
                format!("kernel: {}", known.map_or("", |(_, steps)| steps))
            }
        }
    }
}

/// `spared` says which contenders have failed already at less.
pub fn measure(
    bench: &Bench,
    contenders: &[Contender],
    shape: Shape,
    spared: &HashMap<String, Failure>,
) -> Measured {
    let mut unguarded = HashMap::new();
    let outcomes = take_turns(contenders, bench.rounds, |contender| {
        let name = contender.name();
        if let Some(failure) = spared.get(&name) {
            return Err(failure.clone());
        }
        let numbers = [shape.live as u64, shape.milliseconds, shape.threads as u64];
        let mut command = match contender {
            Contender::Tool(tool) => {
                tool.command(bench.program("pairs"), shape.live * shape.threads)
            }
            Contender::Floor(mechanism) => {
                let mut command = Command::new(bench.program("kernel"));
                command.arg(mechanism);
                command
            }
        };
        command.args(numbers.map(|number| number.to_string()));
        let ended = bench.run(&mut command, shape.limit_seconds)?;
        if ended.code() == Some(77) {
            return Err(Failure::Unavailable(format!(
                "no such call here: {}",
                ended.stdout.trim()
            )));
        }
        let ended = ended.success()?;
        if let Some(line) = ended.stderr.lines().find(is_loss) {
            unguarded.insert(name, line.trim_start_matches("fencepost: ").to_owned());
        }
        Ok::<Figures, Failure>(parse_figures(&ended.stdout))
    });
    Measured { contenders: contenders.to_vec(), outcomes, unguarded }
}

/// `fencepost: 3 of 5 allocations were not guarded: …`
fn is_loss(line: &&str) -> bool {
    line.starts_with("fencepost: ") && line.contains("were not guarded")
}
