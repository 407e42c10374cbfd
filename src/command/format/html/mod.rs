//! One page for a browser, which holds its style, script and pictures itself.
//!
//! Everything can be read without the script, which sorts, searches and changes colours. The page's policy allows no
//! other script, so a name in a finding can't run one.

mod bug;
mod escape;
mod picture;

use std::collections::BTreeSet;
use std::io::{self, Write};

use escape::escape;

use super::place::{Root, moment};
use super::sentence::counted;
use crate::command::collection::Collection;
use fencepost::finding::{Bug, Counted, LOST_MAPPINGS, LeakTotals};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Hash of [`SCRIPT`], for the policy; a test compares it.
const SCRIPT_HASH: &str = "sha256-PyIaez/0uvZRy3rM8u++8yT6MlTy4z0zumtckzT/Okw=";

/// Number of bugs that are opened at first.
const OPEN: usize = 3;

/// Writes the page.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let root = Root::of(collection);
    write_head(collection, out)?;
    write_header(collection, out)?;
    write_list(collection, &root, out)?;
    write_leaks(collection, out)?;
    write_coverage(collection, out)?;
    writeln!(
        out,
        "</main>\n<footer><p>Written by fencepost {}.</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION")
    )
}

fn headline(collection: &Collection) -> String {
    match collection.new_errors().count() {
        0 => "No new memory errors".to_owned(),
        new => counted(new as u64, "new memory error"),
    }
}

fn write_head(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src '{SCRIPT_HASH}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{} \u{2013} fencepost</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n",
        headline(collection)
    )
}

fn write_header(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    const FENCE: &str = "<svg class=\"logo\" viewBox=\"0 0 32 32\" aria-hidden=\"true\">\
        <path d=\"M4 9l3-4 3 4v19H4zM13 9l3-4 3 4v19h-6zM22 9l3-4 3 4v19h-6z\"/><path d=\"M1 13h30v3H1zM1 21h30v3H1z\"/></svg>";
    // Patterns that all pictures use.
    const PATTERNS: &str = "<svg class=\"patterns\" aria-hidden=\"true\"><defs>\
        <pattern id=\"hatch\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
        <rect class=\"ground\" width=\"8\" height=\"8\"/><rect class=\"line\" width=\"3\" height=\"8\"/></pattern>\
        <pattern id=\"dots\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
        <rect class=\"ground\" width=\"8\" height=\"8\"/><circle class=\"dot\" cx=\"4\" cy=\"4\" r=\"1.3\"/></pattern>\
        <pattern id=\"lines\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(-45)\">\
        <rect class=\"ground\" width=\"8\" height=\"8\"/><rect class=\"line\" width=\"2\" height=\"8\"/></pattern>\
        </defs></svg>";
    write!(
        out,
        "<body>\n{PATTERNS}<header class=\"top\"><div class=\"wide\"><p class=\"brand\">{FENCE}fencepost</p>\
         <button type=\"button\" id=\"theme\" class=\"needs-script\">Dark</button>\
         <h1>{}</h1>",
        headline(collection)
    )?;
    for told in collection.runs.iter().take(20) {
        let run = &told.run;
        let end = match told.end.as_ref().map(|end| (end.exit_code, end.signal)) {
            Some((Some(code), _)) => format!(", exit code {code}"),
            Some((None, Some(signal))) => format!(", ended by signal {signal}"),
            Some(_) => String::new(),
            None => ", not finished".to_owned(),
        };
        writeln!(
            out,
            "<p class=\"run\"><code>{}</code> <span>on {}, {}{end}</span></p>",
            escape(&run.command.join(" ")),
            escape(&run.host),
            moment(run.time_ms).replace('T', " ").split('.').next().unwrap_or_default(),
        )?;
    }
    if collection.runs.len() > 20 {
        writeln!(out, "<p class=\"run\">and {} more runs</p>", collection.runs.len() - 20)?;
    }
    let totals = &collection.totals;
    write!(out, "</div></header>\n<main class=\"wide\">\n<ul class=\"tiles\">")?;
    for (name, count) in [
        ("new", collection.new_errors().count() as u64),
        ("known", collection.known_bugs().count() as u64),
        ("findings", totals.findings),
        ("processes", totals.processes),
    ] {
        write!(out, "<li class=\"{name}\"><b>{count}</b> {name}</li>")?;
    }
    writeln!(out, "</ul>")
}

fn write_list(collection: &Collection, root: &Root, out: &mut dyn Write) -> io::Result<()> {
    let bugs = &collection.bugs;
    if bugs.is_empty() {
        return writeln!(out, "<p class=\"clean\">Nothing was found.</p>");
    }
    write!(
        out,
        "<div class=\"controls needs-script\" role=\"search\"><label class=\"search\">Search \
         <input type=\"search\" id=\"search\" placeholder=\"kind, function, file, test \u{2026}\" autocomplete=\"off\">\
         </label><label><input type=\"checkbox\" id=\"known\" checked> Show known</label>\
         <button type=\"button\" id=\"open-all\">Open all</button>\
         <button type=\"button\" id=\"close-all\">Close all</button></div>\n\
         <div class=\"sort needs-script\" role=\"group\" aria-label=\"Sort by\">\
         <button type=\"button\" data-sort=\"kind\" aria-pressed=\"false\">Kind</button>\
         <button type=\"button\" data-sort=\"place\" aria-pressed=\"false\">Place</button>\
         <button type=\"button\" data-sort=\"first\" aria-pressed=\"false\">First found</button>\
         <button type=\"button\" data-sort=\"processes\" aria-pressed=\"false\">Processes</button>\
         <button type=\"button\" data-sort=\"count\" aria-pressed=\"false\">Findings</button></div>\n\
         <p id=\"status\" role=\"status\" class=\"needs-script\"></p>\n<ol class=\"bugs\" id=\"bugs\">\n"
    )?;
    let mut ids = BTreeSet::new();
    for (number, bug) in bugs.iter().enumerate() {
        let id = anchor(bug, number, &mut ids);
        let is_open = bugs.len() <= OPEN;
        out.write_all(bug::item(bug, &id, is_open, root).as_bytes())?;
    }
    writeln!(out, "</ol>")
}

/// The anchor of a bug: its fingerprint, so that links outlive a run, or its number if the fingerprint is unfit.
fn anchor(bug: &Bug, number: usize, taken: &mut BTreeSet<String>) -> String {
    let is_fit = (1..=64).contains(&bug.fingerprint.len())
        && bug.fingerprint.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_fit && taken.insert(bug.fingerprint.clone()) {
        return format!("bug-{}", bug.fingerprint);
    }
    format!("number-{}", number + 1)
}

/// What the checks for leaks have found in all.
fn write_leaks(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let Some(LeakTotals { processes, counts }) = collection.totals.leaks else { return Ok(()) };
    let of = if processes == 1 { "process" } else { "processes" };
    write!(
        out,
        "<section class=\"coverage\"><h2>Leaks</h2><p>in {processes} {of}</p><ul class=\"counted\">"
    )?;
    for (words, count) in counts.lines() {
        write!(out, "<li><span>{words}</span> <b>{count}</b></li>")?;
    }
    if counts.mappings.objects > 0 {
        let count = counts.mappings.of_mappings();
        write!(out, "<li><span>{LOST_MAPPINGS}</span> <b>{count}</b></li>")?;
    }
    writeln!(out, "</ul></section>")
}

/// Writes what was not guarded, and why.
fn write_coverage(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let totals = &collection.totals;
    let not_guarded = collection.not_guarded();
    let skipped = collection.skipped.words();
    let is_nothing =
        totals.notices.is_empty() && totals.unguarded.is_empty() && totals.tests.is_empty();
    if is_nothing && not_guarded.is_empty() && skipped.is_none() {
        return Ok(());
    }
    write!(out, "<section class=\"coverage\"><h2>The run</h2>")?;
    let programs = not_guarded.iter().map(|it| Counted {
        name: format!(
            "{}: {}{}",
            it.program,
            it.reason,
            if it.by_choice { " (by choice)" } else { "" }
        ),
        count: it.times,
    });
    write_counted("Programs without the guard", programs, out)?;
    write_counted("Allocations without a guard", totals.unguarded.iter().cloned(), out)?;
    write_counted("Notices", totals.notices.iter().cloned(), out)?;
    let tests = totals.tests.iter().filter(|it| it.findings > 0).map(|it| Counted {
        name: format!("{}: {}", it.test.framework, it.test.name),
        count: it.findings,
    });
    write_counted("Tests with findings", tests, out)?;
    if let Some(words) = skipped {
        write!(out, "<p>Of the records: {}.</p>", escape(&words))?;
    }
    writeln!(out, "</section>")
}

fn write_counted(
    heading: &str,
    list: impl Iterator<Item = Counted>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut list = list.peekable();
    if list.peek().is_none() {
        return Ok(());
    }
    write!(out, "<h3>{heading}</h3><ul class=\"counted\">")?;
    for it in list {
        write!(out, "<li><span>{}</span> <b>{}\u{d7}</b></li>", escape(&it.name), it.count)?;
    }
    writeln!(out, "</ul>")
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    #[test]
    fn the_policy_allows_the_script() {
        let hash = data_encoding::BASE64.encode(&sha2::Sha256::digest(super::SCRIPT));
        assert_eq!(super::SCRIPT_HASH, format!("sha256-{hash}"));
    }
}
