//! Which bugs fail a run.

use clap::{Arg, ArgMatches};

use super::collection::Collection;

/// Which bugs fail a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// New bugs, which are neither in a baseline nor suppressed.
    New,
    Any,
    Never,
}

/// The flag `--fail-on`, without help.
pub fn flag() -> Arg {
    Arg::new("fail-on")
        .long("fail-on")
        .value_name("new|any|never")
        .value_parser(["new", "any", "never"])
}

/// The value of the flag, if it was given.
pub fn given(matches: &ArgMatches) -> Option<FailOn> {
    Some(match matches.get_one::<String>("fail-on")?.as_str() {
        "new" => FailOn::New,
        "any" => FailOn::Any,
        _ => FailOn::Never,
    })
}

impl FailOn {
    /// Whether the bugs of a collection fail a run. Notes on memory that is still reachable do not.
    pub fn fails(self, collection: &Collection) -> bool {
        match self {
            FailOn::New => collection.new_errors().next().is_some(),
            FailOn::Any => collection.bugs.iter().any(|bug| bug.example.is_error()),
            FailOn::Never => false,
        }
    }
}
