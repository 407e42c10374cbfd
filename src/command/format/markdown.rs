//! A summary in Markdown, for `$GITHUB_STEP_SUMMARY` and merge requests: a table, then folded reports.

use std::io::{self, Write};

use super::place::Root;
use super::sentence::{self, counted};
use crate::command::collection::{Collection, command_line};
use crate::command::ending;
use fencepost::finding::{Bug, LOST_MAPPINGS, LeakTotals, text};
use fencepost::printable::printable;

/// Most bytes of the page. GitHub does not show step summaries of more than 1 MiB.
const LIMIT_BYTES: usize = 1000 * 1000;

/// Most bytes of the table.
const TABLE_BYTES: usize = LIMIT_BYTES / 3;

/// Writes headings, table and reports.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let root = Root::of(collection);
    let mut page = headline(collection);
    let mut rows = 0;
    if !collection.bugs.is_empty() {
        page += "| | Kind | Where | What | Found |\n|---|---|---|---|---|\n";
        rows = fill(&mut page, TABLE_BYTES, &collection.bugs, |bug| row(bug, &root));
        say_left_out(&mut page, collection.bugs.len() - rows, "bugs");
    }
    page += &leaks(collection);
    page += &coverage(collection);
    let new: Vec<&Bug> = collection.new_bugs().collect();
    if !new.is_empty() && rows > 0 {
        page += "### Reports\n\n";
        let shown = fill(&mut page, LIMIT_BYTES, &new, |bug| details(bug, &root));
        say_left_out(&mut page, new.len() - shown, "reports");
    }
    out.write_all(page.as_bytes())
}

/// Appends a text for each bug while there is room, and returns the number of bugs for which there was.
fn fill<T>(page: &mut String, limit: usize, bugs: &[T], text_of: impl Fn(&T) -> String) -> usize {
    for (number, bug) in bugs.iter().enumerate() {
        let text = text_of(bug);
        if page.len() + text.len() > limit {
            return number;
        }
        *page += &text;
    }
    bugs.len()
}

fn say_left_out(page: &mut String, count: usize, what: &str) {
    page.push('\n');
    if count > 0 {
        *page += &format!(
            "{count} more {what} are not shown here: a summary may not be longer. Other formats have all.\n\n"
        );
    }
}

fn headline(collection: &Collection) -> String {
    let (new, known) = (collection.new_errors().count(), collection.known_bugs().count());
    let mut text = match new {
        0 => "## fencepost: no new memory errors\n\n".to_owned(),
        new => format!("## fencepost: {}\n\n", counted(new as u64, "new memory error")),
    };
    let totals = &collection.totals;
    let known = if known > 0 { format!(", {known} known") } else { String::new() };
    let processes = if totals.processes == 1 { "process" } else { "processes" };
    text += &format!(
        "{new} new{known}; {} in {} {processes}.\n\n",
        counted(totals.findings, "finding"),
        totals.processes
    );
    text
}

fn row(bug: &Bug, root: &Root) -> String {
    let mark = match bug.known {
        Some(_) => "known",
        None if bug.example.is_error() => "**new**",
        None => "note",
    };
    let found = match bug.tests.first() {
        Some(test) => format!("{}\u{d7}, {}", bug.count, code(&test.name)),
        None => format!("{}\u{d7}", bug.count),
    };
    format!(
        "| {mark} | {} | {} | {} | {found} |\n",
        code(&bug.kind),
        code(&root.place(&bug.example)),
        plain(&sentence::of(&bug.example)),
    )
}

/// What the checks for leaks have found in all.
fn leaks(collection: &Collection) -> String {
    let Some(LeakTotals { processes, counts }) = collection.totals.leaks else {
        return String::new();
    };
    let of = if processes == 1 { "process" } else { "processes" };
    let lost = Some((LOST_MAPPINGS, counts.mappings)).filter(|(_, lost)| lost.objects > 0);
    let rows: String = (counts.lines().into_iter().chain(lost))
        .map(|(words, count)| format!("| {words} | {} | {} |\n", count.bytes, count.objects))
        .collect();
    format!("### Leaks, in {processes} {of}\n\n| | Bytes | Objects |\n|---|---|---|\n{rows}\n")
}

/// What was not guarded, and why.
fn coverage(collection: &Collection) -> String {
    let not_guarded = collection.not_guarded();
    let killed = collection.unreported().map(|(run, signal)| {
        let command = code(&command_line(&run.command));
        format!("- {command} {}\n", plain(&ending::unreported_words(signal)))
    });
    let mut lines: Vec<String> = killed.collect();
    lines.extend(not_guarded.iter().map(|it| {
        format!("- {} ran {}\u{d7}: {}\n", code(&it.program), it.times, plain(&it.reason))
    }));
    let reason = |it: &fencepost::finding::Counted| {
        format!("- {}: {}\n", counted(it.count, "allocation"), plain(&it.name))
    };
    lines.extend(collection.totals.unguarded.iter().map(reason));
    lines.extend(
        collection
            .totals
            .notices
            .iter()
            .map(|it| format!("- {} ({}\u{d7})\n", plain(&it.name), it.count)),
    );
    lines.extend(collection.skipped.words().map(|words| format!("- {words}\n")));
    if lines.is_empty() {
        return String::new();
    }
    let left_out = lines.len().saturating_sub(100);
    lines.truncate(100);
    let mut text = format!("### Not guarded, and notices\n\n{}", lines.concat());
    if left_out > 0 {
        text += &format!("- {left_out} more\n");
    }
    text.push('\n');
    text
}

fn details(bug: &Bug, root: &Root) -> String {
    let report = text::to_string(&bug.example);
    let report = report.trim_end();
    // The fence is longer than any row of backticks in the report, so that none of these ends the block.
    let longest = report.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!(
        "<details><summary>{} at {}</summary>\n\n{fence}text\n{report}\n{fence}\n\nFingerprint {}\n\n</details>\n\n",
        code(&bug.kind),
        code(&root.place(&bug.example)),
        code(&bug.fingerprint)
    )
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}

/// Makes a text fit for one line, and escapes everything that could be markup.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).to_string().chars() {
        match c {
            _ if c.is_alphanumeric() => safe.push(c),
            ' ' | '/' | '.' | ',' | ':' | ';' | '-' | '+' | '=' | '(' | ')' | '%' | '?' => {
                safe.push(c)
            }
            c if c.is_ascii() && !c.is_ascii_control() => safe += &format!("&#{};", u32::from(c)),
            c => safe.push(c),
        }
    }
    safe
}
