//! The summary, a few lines: which bugs there are, how often and where, and what was not guarded.

use std::io::{self, Write};

use fencepost::finding::{
    Bug, Counted, Finding, Known, LOST_MAPPINGS, LeakTotals, NotGuarded, ObjectState, Side,
};
use fencepost::printable::printable;

use super::sentence::counted;
use crate::command::collection::{Collection, command_line};
use crate::command::ending::signal_name;

/// Most entries of a list that are named; the rest are only counted.
const MOST_LISTED: usize = 3;
const MOST_NOTICES: usize = 8;

/// Writes the summary.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", headline(collection))?;
    for (number, bug) in collection.new_bugs().enumerate() {
        write_bug(number + 1, bug, out)?;
    }
    let known: Vec<&Bug> = collection.known_bugs().collect();
    if !known.is_empty() {
        writeln!(out, "\nKnown already:")?;
        for bug in known {
            let why = match &bug.known {
                Some(Known::Suppression(name)) => format!("suppression '{}'", printable(name)),
                _ => "in the baseline".to_owned(),
            };
            writeln!(out, "  {}: {}, {why}", printable(&bug.summary), times(bug.count))?;
        }
    }
    if !collection.crashes.is_empty() {
        writeln!(out, "\nEnded by themselves:")?;
        for crash in collection.crashes.iter().take(MOST_NOTICES) {
            writeln!(out, "  {}: {}", printable(&crash.summary), times(crash.count))?;
        }
        if collection.crashes.len() > MOST_NOTICES {
            writeln!(out, "  and {} others", collection.crashes.len() - MOST_NOTICES)?;
        }
    }
    write_leaks(collection, out)?;
    write_unreported(collection, out)?;
    write_not_guarded(&collection.not_guarded(), out)?;
    let notices = &collection.totals.notices;
    if !notices.is_empty() {
        writeln!(out, "\nProcesses said:")?;
        for Counted { name, count } in notices.iter().take(MOST_NOTICES) {
            let of = if *count > 1 { format!(" ({count} processes)") } else { String::new() };
            writeln!(out, "  {}{of}", printable(name))?;
        }
        if notices.len() > MOST_NOTICES {
            writeln!(out, "  and {} other notices", notices.len() - MOST_NOTICES)?;
        }
    }
    Ok(())
}

/// What the checks for leaks have found in all, if there was any.
fn write_leaks(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let Some(LeakTotals { processes, counts }) = collection.totals.leaks else { return Ok(()) };
    let of = if processes == 1 { "process" } else { "processes" };
    writeln!(out, "\nLeaks, in {processes} {of}:")?;
    let mut lines = counts.lines().into_iter().filter(|(_, count)| count.objects > 0).peekable();
    let lost = counts.mappings;
    if lines.peek().is_none() && lost.objects == 0 {
        return writeln!(out, "  none: every object was freed");
    }
    lines.try_for_each(|(words, count)| writeln!(out, "  {words}: {count}"))?;
    match lost.objects {
        0 => Ok(()),
        _ => writeln!(out, "  {LOST_MAPPINGS}: {}", lost.of_mappings()),
    }
}

fn headline(collection: &Collection) -> String {
    let processes = match collection.totals.processes {
        0 => String::new(),
        1 => " in 1 guarded process".to_owned(),
        many => format!(" in {many} guarded processes"),
    };
    let known = collection.known_bugs().count();
    let new = collection.new_errors().count();
    let notes = match collection.new_bugs().count() - new {
        0 => String::new(),
        notes => format!(", {}", counted(notes as u64, "note")),
    };
    let bugs = match (new, known) {
        (0, 0) => "no bug found".to_owned(),
        (0, _) => format!("no new bug, {known} known"),
        (1, 0) => "1 bug".to_owned(),
        (_, 0) => format!("{new} bugs"),
        (1, _) => format!("1 new bug, {known} known"),
        _ => format!("{new} new bugs, {known} known"),
    };
    format!("fencepost: {bugs}{notes}{processes}")
}

fn write_bug(number: usize, bug: &Bug, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{number}. {}", printable(&bug.summary))?;
    if let Some(words) = what(&bug.example) {
        writeln!(out, "   {}", printable(&words))?;
    }
    let processes = match bug.processes {
        0 | 1 => String::new(),
        many => format!(" in {many} processes"),
    };
    writeln!(out, "   found {}{processes}", times(bug.count))?;
    let others: Vec<&Counted> = bug.places.iter().filter(|it| it.name != bug.summary).collect();
    for place in others.iter().take(MOST_LISTED) {
        writeln!(out, "   also as {}", printable(&place.name))?;
    }
    if others.len() > MOST_LISTED {
        writeln!(out, "   and in {} other places", others.len() - MOST_LISTED)?;
    }
    write_list("test", &bug.tests, out)?;
    write_list("command", &bug.commands, out)
}

fn write_list(what: &str, list: &[Counted], out: &mut dyn Write) -> io::Result<()> {
    const WIDTH: usize = 100;
    let Some(first) = list.first() else { return Ok(()) };
    if list.len() == 1 {
        return writeln!(out, "   {what}: {}", cut(&first.name, WIDTH));
    }
    writeln!(out, "   {} {what}s:", list.len())?;
    for one in list.iter().take(MOST_LISTED) {
        writeln!(out, "     {} ({})", cut(&one.name, WIDTH), times(one.count))?;
    }
    if list.len() > MOST_LISTED {
        writeln!(out, "     and {} more", list.len() - MOST_LISTED)?;
    }
    Ok(())
}

fn cut(text: &str, most: usize) -> String {
    let text = printable(text).to_string();
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// A count in words: `once`, `2 times`.
pub fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// What happened, in one line.
fn what(example: &Finding) -> Option<String> {
    if let Some(leak) = &example.leak {
        return Some(leak.words().to_string());
    }
    let object = example.object.as_ref()?;
    let bytes = |count| counted(count, "byte");
    let where_ = match object.side {
        Side::Before => format!("{} before", bytes(object.distance)),
        Side::Inside => format!("{} into", bytes(object.distance)),
        Side::After if object.distance == 0 => "right behind".to_owned(),
        Side::After => format!("{} behind", bytes(object.distance)),
    };
    let state = match object.state {
        ObjectState::Live => "an object",
        ObjectState::Freed | ObjectState::Forgotten => "a freed object",
    };
    let access = match example.access {
        Some(access) => {
            let direction = format!("{:?}", access.direction).to_lowercase();
            let size = access.bytes.map(|count| format!(" of {}", bytes(count)));
            format!("{direction}{}, ", size.unwrap_or_default())
        }
        None if example.late => "found late: a write ".to_owned(),
        None => return None,
    };
    let stack = object.allocated.stack.as_deref().unwrap_or_default();
    let own = fencepost::finding::fingerprint::innermost(stack, true);
    let maker = own.and_then(|at| stack[at].function.as_ref());
    let maker = maker.map(|name| format!(", allocated in {name}")).unwrap_or_default();
    Some(format!("{access}{where_} {state} of {}{maker}", bytes(object.bytes)))
}

fn write_unreported(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let all: Vec<_> = collection.unreported().collect();
    if !all.is_empty() {
        writeln!(out, "\nKilled without a report:")?;
    }
    for (run, signal) in all.iter().take(MOST_NOTICES) {
        let command = cut(&command_line(&run.command), 100);
        writeln!(out, "  {command}: {}", signal_name(*signal))?;
    }
    if all.len() > MOST_NOTICES {
        writeln!(out, "  and {} other runs", all.len() - MOST_NOTICES)?;
    }
    Ok(())
}

fn write_not_guarded(programs: &[NotGuarded], out: &mut dyn Write) -> io::Result<()> {
    for (by_choice, heading) in [(false, "Not guarded"), (true, "Left alone, as you asked")] {
        let of = |program: &&NotGuarded| program.by_choice == by_choice;
        let mut headed = false;
        for NotGuarded { program, reason, times: count, .. } in programs.iter().filter(of) {
            if !std::mem::replace(&mut headed, true) {
                writeln!(out, "\n{heading}:")?;
            }
            writeln!(out, "  {}: {}, {}", printable(program), times(*count), printable(reason))?;
        }
    }
    Ok(())
}
