//! `fencepost doctor`: what about this machine and a program is good or bad for guarding, and what to do about it.

use std::ffi::OsStr;
use std::io::Write;

use serde_json::{Value, json};

use super::check::{Check, Grade};
use super::refusal::{Refusal, quoted};
use super::{elf, machine, program, script};

/// Checks the machine, and a program if one is named. Returns 1 if something is bad, else 0.
pub fn examine(name: Option<&OsStr>, as_json: bool) -> Result<u8, Refusal> {
    let machine = machine::checks();
    let program = name.map(examine_program).unwrap_or_default();
    let mut out = std::io::stdout();
    if as_json {
        let list = |checks: &[Check]| checks.iter().map(to_json).collect::<Value>();
        let all = json!({ "machine": list(&machine), "program": list(&program) });
        let _ = writeln!(out, "{all:#}");
    } else {
        tell("This machine", &machine);
        if let Some(name) = name {
            let _ = writeln!(out);
            tell(&format!("The program {}", quoted(name)), &program);
        }
    }
    let is_bad = machine.iter().chain(&program).any(|check| check.grade == Grade::Bad);
    Ok(u8::from(is_bad))
}

fn to_json(check: &Check) -> Value {
    let grade = match check.grade {
        Grade::Fact => "fact",
        grade => grade.word(),
    };
    json!({ "name": check.name, "grade": grade, "finding": check.finding, "advice": check.advice })
}

fn tell(heading: &str, checks: &[Check]) {
    let mut out = std::io::stdout();
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let _ = writeln!(out, "{heading}");
    for check in checks {
        let Check { name, grade, finding, advice } = check;
        let _ = writeln!(out, "  {name:width$}  {:4}  {finding}", grade.word());
        if let Some(advice) = advice {
            let _ = writeln!(out, "  {:width$}        -> {advice}", "");
        }
    }
}

fn examine_program(name: &OsStr) -> Vec<Check> {
    let found = match program::find(name) {
        Ok(found) => found,
        // The sentence ends with what to do.
        Err(Refusal { sentence, .. }) => return vec![Check::new("guard", Grade::Bad, sentence)],
    };
    let path = found.path.canonicalize().unwrap_or_else(|_| found.path.clone());
    let mut checks = vec![Check::new("file", Grade::Fact, path.display().to_string())];
    // For a script, its interpreter is examined.
    let mut target = path;
    if let Some(interpreter) = script::interpreter_of(&target) {
        let sought = interpreter.sought_by_env().and_then(|name| program::find(name).ok());
        target = sought.map_or(interpreter.path, |program| program.path);
        let words = format!("a script; the program that is guarded is {}", quoted(&target));
        checks.push(Check::new("kind", Grade::Fact, words));
    }
    if elf::defines(&target, "malloc") {
        let words = "nothing would be guarded: the program has a malloc of its own";
        checks.push(
            Check::new("allocator", Grade::Bad, words)
                .advise("Link it without its allocator (jemalloc, tcmalloc, …) for this."),
        );
        return checks;
    }
    checks.push(Check::new("guard", Grade::Good, "it loads the guard"));
    if let Some(owner) = elf::own_allocator(&target) {
        let words = format!(
            "only its objects from libc's malloc are guarded: it has an allocator of its own, {owner}"
        );
        checks.push(Check::new("allocator", Grade::Poor, words).advise(
            "Build it for libc's malloc, or look for bugs in the C libraries that it uses.",
        ));
    }
    checks.push(match elf::debug_information(&target) {
        elf::DebugInformation::Inside => {
            Check::new("names", Grade::Good, "it has debug information, for files and lines")
        }
        elf::DebugInformation::SymbolsOnly => {
            Check::new("names", Grade::Poor, "it has the names of functions, no files and lines")
                .advise("Compile it with -g.")
        }
        elf::DebugInformation::None => Check::new("names", Grade::Poor, "it is stripped").advise(
            "Compile it with -g, or install its debug symbols (a package that ends in -dbgsym).",
        ),
    });
    checks
}
