//! What was asked for.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, value_parser};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Pairs,
    Capture,
    Programs,
    Budget,
    Checks,
    Threads,
    Memory,
    Startup,
}

impl Section {
    const ALL: [Section; 8] = [
        Section::Pairs,
        Section::Capture,
        Section::Programs,
        Section::Budget,
        Section::Checks,
        Section::Threads,
        Section::Memory,
        Section::Startup,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Section::Pairs => "pairs",
            Section::Capture => "capture",
            Section::Programs => "programs",
            Section::Budget => "budget",
            Section::Checks => "checks",
            Section::Threads => "threads",
            Section::Memory => "memory",
            Section::Startup => "startup",
        }
    }
}

pub struct Arguments {
    pub sections: Vec<Section>,
    pub quick: bool,
    /// Times that every contender is measured.
    pub rounds: usize,
    pub json: PathBuf,
}

/// `None` when cargo did not start this as a benchmark.
pub fn parse() -> Option<Arguments> {
    let matches = Command::new("fencepost benchmarks")
        .arg(
            Arg::new("section")
                .action(ArgAction::Append)
                .value_parser(Section::ALL.map(Section::name))
                .help("What to measure; everything if none is named"),
        )
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("Fewer rounds and less work: shows that everything runs"),
        )
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .value_parser(value_parser!(u16).range(1..))
                .help("How often every contender is measured; 5, or 3 with --quick"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where the figures go; benchmarks.json in the target folder"),
        )
        // Cargo's own.
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .get_matches();
    if !matches.get_flag("bench") {
        return None;
    }
    let named: Vec<&String> = matches.get_many("section").into_iter().flatten().collect();
    let quick = matches.get_flag("quick");
    let rounds = matches.get_one::<u16>("rounds").map_or(if quick { 3 } else { 5 }, |&n| n.into());
    Some(Arguments {
        sections: Section::ALL
            .into_iter()
            .filter(|section| named.is_empty() || named.iter().any(|n| *n == section.name()))
            .collect(),
        quick,
        rounds,
        json: matches.get_one::<PathBuf>("json").cloned().unwrap_or_else(default_json),
    })
}

fn default_json() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("benchmarks.json")
}
