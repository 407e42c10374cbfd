//! Man pages and completions, made from the description of the command.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::refusal::{Refusal, quoted};

/// The name of the command.
const NAME: &str = "fencepost";

/// The date on the pages: when they were last checked for this version.
const DATE: &str = "2026-11-26";

/// Prints the completions for a shell.
pub fn print(shell: Shell, command: Command) -> Result<u8, Refusal> {
    let _ = io::stdout().write_all(&completions(shell, command));
    Ok(0)
}

/// The completions for a shell.
pub fn completions(shell: Shell, mut command: Command) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut text);
    text
}

/// Writes a page for the command and one for each subcommand.
pub fn write_pages(folder: &Path, command: &Command) -> Result<u8, Refusal> {
    let failed = |error| Refusal::new(1, format!("{} cannot be written: {error}", quoted(folder)));
    fs::create_dir_all(folder).map_err(failed)?;
    for (name, text) in pages(command).map_err(failed)? {
        fs::write(folder.join(name), text).map_err(failed)?;
    }
    Ok(0)
}

/// The pages, by the names of their files.
pub fn pages(command: &Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = vec![(format!("{NAME}.1"), page(command.clone())?)];
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        let name = format!("{NAME}-{}", subcommand.get_name());
        let described = subcommand.clone().version(env!("CARGO_PKG_VERSION"));
        let described = described.display_name(&name).bin_name(&name);
        pages.push((format!("{name}.1"), page(described)?));
    }
    Ok(pages)
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let man = Man::new(command.disable_help_subcommand(true)).date(DATE).manual("fencepost");
    man.source(concat!("fencepost ", env!("CARGO_PKG_VERSION"))).render(&mut text)?;
    Ok(tidied(&String::from_utf8_lossy(&text)).into_bytes())
}

/// The page with unfilled examples, and without line breaks beside vertical space, where they have no effect.
fn tidied(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_space =
        |line: Option<&&str>| line.is_some_and(|line| line.is_empty() || line.starts_with(".sp"));
    let mut tidied = String::new();
    let mut is_example = false;
    for (at, &line) in lines.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| lines.get(before));
        if line == ".br" && (is_space(before) || is_space(lines.get(at + 1))) {
            continue;
        }
        if is_example && line.starts_with(".SH") {
            tidied += ".fi\n";
            is_example = false;
        }
        if line == ".SH EXTRA" {
            tidied += ".SH NOTES\n.nf\n";
            is_example = true;
            continue;
        }
        tidied += line;
        tidied.push('\n');
    }
    tidied
}
