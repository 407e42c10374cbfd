//! One bug on the page: an item of the list, which opens to show everything that is known.

use std::fmt::Write;

use fencepost::finding::{Bug, Counted, Event, Finding, Frame, Source, Thread, text};

use super::escape::{escape, escape_lines, escape_source};
use super::picture;
use crate::command::format::place::{self, Root, base, moment};
use crate::command::format::rule;
use crate::command::format::sentence::{self, counted};

/// Most frames of the project that a stack shows at once.
const FRAMES: usize = 24;

/// The item of the list; `id` is its anchor.
pub fn item(bug: &Bug, id: &str, is_open: bool, root: &Root) -> String {
    let finding = &bug.example;
    let mut html = String::with_capacity(8 * 1024);
    let place = root.place(finding);
    let state = match bug.known {
        Some(_) => "known",
        None if finding.is_error() => "new",
        None => "note",
    };
    let open = if is_open { " open" } else { "" };
    let (kind, title) = (escape(&bug.kind), escape(rule::of(&bug.kind).title));
    let _ = write!(
        html,
        "<li class=\"bug {state}\" data-kind=\"{kind}\" data-place=\"{}\" data-count=\"{}\" \
         data-processes=\"{}\" data-first=\"{}\"><details id=\"{id}\"{open}><summary><span class=\"what\">\
         <span class=\"badge {state}\">{state}</span> <strong class=\"kind\">{kind}</strong></span>\
         <span class=\"where\">{}</span><span class=\"count\"><b>{}</b> <small>{}</small></span></summary>\
         <div class=\"body\"><h2 class=\"title\">{title}</h2>",
        escape(&place),
        bug.count,
        bug.processes,
        bug.first_ms,
        position(finding, root),
        bug.count,
        if bug.count == 1 { "finding" } else { "findings" },
    );
    write_lead(bug, &mut html);
    html.extend(picture::figure(finding));
    html.extend(picture::memory(finding));
    for source in &finding.sources {
        write_source(source, root, &mut html);
    }
    write_stacks(finding, root, &mut html);
    write_occurrences(bug, &mut html);
    write_facts(bug, &mut html);
    let report = escape_lines(text::to_string(finding).trim_end());
    let _ = writeln!(
        html,
        "<details class=\"text\"><summary>Report as text</summary><pre tabindex=\"0\">{report}</pre></details>\
         </div></details></li>"
    );
    html
}

/// The function of a frame, and its position.
fn position(finding: &Finding, root: &Root) -> String {
    let Some(frame) = place::location(finding) else { return "unknown place".to_owned() };
    let position = root.position(frame).unwrap_or_else(|| place::module_place(frame));
    match &frame.function {
        Some(function) => {
            format!(
                "<code>{}</code> <span class=\"path\">{}</span>",
                escape(function),
                escape(&position)
            )
        }
        None => format!("<span class=\"path\">{}</span>", escape(&position)),
    }
}

fn write_lead(bug: &Bug, html: &mut String) {
    let finding = &bug.example;
    let _ = write!(html, "<p class=\"lead\">{}.</p>", escape(&sentence::of(finding)));
    if let Some(why) = sentence::known(bug) {
        let _ = write!(html, "<p class=\"note\">No news: {}.</p>", escape(&why));
    }
    for sentence in &finding.place {
        let _ = write!(html, "<p class=\"fact\">{}</p>", escape(sentence));
    }
    if let Some(hint) = &finding.hint {
        let _ = write!(html, "<p class=\"hint\"><b>Next:</b> {}</p>", escape(hint));
    }
    let remedy = rule::of(&bug.kind).remedy;
    let _ = write!(html, "<p class=\"remedy\">{}</p>", escape(remedy));
}

fn write_source(source: &Source, root: &Root, html: &mut String) {
    let file = escape(&root.shown(&source.file));
    let _ = write!(
        html,
        "<figure class=\"source\"><figcaption>{file}:{}</figcaption><div class=\"scroll\" tabindex=\"0\" \
         role=\"group\" aria-label=\"Source\"><pre>",
        source.line
    );
    for (number, line) in (source.first_line..).zip(&source.lines) {
        let is_it = number == source.line;
        let (tag, end) = if is_it { ("<mark>", "</mark>") } else { ("", "") };
        let _ = writeln!(
            html,
            "{tag}<span class=\"number\">{number:>5} </span>{}{end}",
            escape_source(line)
        );
    }
    html.push_str("</pre></div></figure>");
}

fn write_stacks(finding: &Finding, root: &Root, html: &mut String) {
    html.push_str("<div class=\"stacks\">");
    let heading = finding.heading.trim_end_matches(':');
    write_stack(heading, Some(&finding.stack), root, html);
    for owned in finding.leak.iter().flat_map(|leak| &leak.owned) {
        let heading = owned.heading().to_string();
        write_stack(heading.trim_end_matches(':'), owned.allocated.stack.as_deref(), root, html);
    }
    if let Some(begun) = &finding.begun {
        write_event("Begun", begun, finding, root, html);
    }
    if let Some(object) = &finding.object {
        if let Some(freed) = &object.freed {
            write_event("Freed", freed, finding, root, html);
        }
        write_event("Allocated", &object.allocated, finding, root, html);
    }
    for call in finding.mapping.iter().flat_map(|mapping| &mapping.calls) {
        write_event(call.did.title(), &call.event, finding, root, html);
    }
    for creation in &finding.threads {
        let heading =
            format!("Thread {} created by thread T{}", label(&creation.thread), creation.by);
        write_stack(&heading, creation.stack.as_deref(), root, html);
    }
    html.push_str("</div>");
}

fn write_event(done: &str, event: &Event, finding: &Finding, root: &Root, html: &mut String) {
    let known = finding.threads.iter().map(|creation| &creation.thread);
    let thread = known.chain([&finding.thread]).find(|thread| thread.id == event.thread);
    let thread = thread.map_or_else(|| format!("T{}", event.thread), label);
    write_stack(&format!("{done} by thread {thread}"), event.stack.as_deref(), root, html);
}

fn label(thread: &Thread) -> String {
    match &thread.name {
        Some(name) => format!("T{} ({name})", thread.id),
        None => format!("T{}", thread.id),
    }
}

fn write_stack(heading: &str, stack: Option<&[Frame]>, root: &Root, html: &mut String) {
    let _ = write!(html, "<section><h3>{}</h3>", escape(heading));
    match stack {
        None => html.push_str("<p class=\"none\">The stack was not kept.</p>"),
        Some([]) => html.push_str("<p class=\"none\">There is no stack.</p>"),
        Some(frames) => {
            html.push_str("<ol class=\"stack\">");
            write_frames(frames, root, html);
            html.push_str("</ol>");
        }
    }
    html.push_str("</section>");
}

/// A stack. Frames of libc and of runtimes are folded, and all frames after many frames of the project.
fn write_frames(frames: &[Frame], root: &Root, html: &mut String) {
    let shows_all = !frames.iter().any(place::is_own);
    let mut shown = 0;
    let mut at = 0;
    while at < frames.len() {
        if shows_all || (place::is_own(&frames[at]) && shown < FRAMES) {
            write_frame(at, &frames[at], root, html);
            shown += 1;
            at += 1;
            continue;
        }
        let first = at;
        while at < frames.len() && (shown >= FRAMES || !place::is_own(&frames[at])) {
            at += 1;
        }
        let folded = &frames[first..at];
        let of = match base(&folded[0].module) {
            module if folded.iter().all(|frame| base(&frame.module) == module) => {
                format!(" of {}", escape(module))
            }
            _ => String::new(),
        };
        let count = counted(folded.len() as u64, "frame");
        let _ = write!(
            html,
            "<li class=\"fold\"><details><summary>{count}{of}</summary><ol class=\"stack\">"
        );
        for (number, frame) in (first..).zip(folded) {
            write_frame(number, frame, root, html);
        }
        html.push_str("</ol></details></li>");
    }
}

fn write_frame(number: usize, frame: &Frame, root: &Root, html: &mut String) {
    let function = frame.function.as_deref().map_or_else(|| "??".to_owned(), escape);
    let _ = write!(html, "<li><span class=\"nr\">#{number}</span> <code>{function}</code>");
    if let Some(position) = root.position(frame) {
        let column = frame.column.filter(|column| *column > 0 && frame.line.is_some());
        let column = column.map_or(String::new(), |column| format!(":{column}"));
        let _ = write!(html, " <span class=\"path\">{}{column}</span>", escape(&position));
    }
    if frame.inlined {
        html.push_str(" <span class=\"tag\">inlined</span>");
    }
    let _ =
        write!(html, " <span class=\"module\">{}</span></li>", escape(&place::module_place(frame)));
}

fn write_occurrences(bug: &Bug, html: &mut String) {
    let lists = [("Tests", &bug.tests), ("Commands", &bug.commands), ("Places", &bug.places)];
    let wanted = |(name, list): &(&str, &Vec<Counted>)| {
        !list.is_empty() && (*name != "Places" || list.len() > 1)
    };
    let lists: Vec<_> = lists.into_iter().filter(wanted).collect();
    if lists.is_empty() {
        return;
    }
    html.push_str("<section class=\"occurrences\"><h3>Where it showed</h3>");
    for (name, list) in lists {
        let _ = write!(html, "<h4>{name}</h4><ul class=\"counted\">");
        for it in list {
            let _ = write!(
                html,
                "<li><code>{}</code> <b>{}\u{d7}</b></li>",
                escape(&it.name),
                it.count
            );
        }
        html.push_str("</ul>");
    }
    html.push_str("</section>");
}

fn write_facts(bug: &Bug, html: &mut String) {
    let finding = &bug.example;
    let process = &finding.process;
    html.push_str(
        "<details class=\"facts\"><summary>Process, fingerprint and modules</summary><dl>",
    );
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = write!(html, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
        }
    };
    fact("Command", process.command.join(" "));
    fact("Program", process.program.clone());
    fact("Directory", process.directory.clone());
    let parent = process.parent.as_deref().unwrap_or("unknown");
    fact("Process", format!("{} on {}", process.pid, process.host));
    fact("Parent", format!("{} ({parent})", process.parent_pid));
    fact("Thread", label(&finding.thread));
    fact("First found", moment(bug.first_ms));
    fact("Last found", moment(bug.last_ms));
    fact("Processes", bug.processes.to_string());
    fact("Fingerprint", bug.fingerprint.clone());
    fact("Also known as", bug.also.join(", "));
    if let Some(object) = &finding.object {
        fact(
            "Object",
            format!("{}, {} bytes, made by {}", object.start, object.bytes, object.family),
        );
    }
    if let Some(registers) = &finding.registers {
        fact("Registers", format!("pc {} bp {} sp {}", registers.pc, registers.bp, registers.sp));
    }
    let modules: Vec<String> = finding
        .modules
        .iter()
        .map(|module| {
            let id = if module.build_id.is_empty() { "no build id" } else { &module.build_id };
            format!("{} ({id})", module.path)
        })
        .collect();
    fact("Modules", modules.join(", "));
    fact("Names", finding.names_missing.clone().unwrap_or_default());
    html.push_str("</dl></details>");
}
