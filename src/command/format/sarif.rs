//! SARIF 2.1.0, which code scanning services and editors read.
//!
//! The file has one run of the tool, a rule for each kind, and a result for each bug. Fingerprints are ours, so an
//! alert stays the same when lines move. As services demand, locations below the source root are relative, and the
//! texts of rules are short.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::place::{self, FilePath, Root, encode, moment};
use super::{rule, sentence, sentence::Weight};
use crate::command::collection::{Collection, RunTold};
use fencepost::finding::{Bug, Finding, Frame, Known, MappingDeed, Source};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name for the source root in locations.
const BASE: &str = "%SRCROOT%";

/// Writes one JSON document.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let root = Root::of(collection);
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [RunOf::new(collection, &root)] };
    serde_json::to_writer(&mut *out, &log)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [RunOf<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunOf<'a> {
    tool: Value,
    automation_details: Value,
    column_kind: &'static str,
    #[serde(skip_serializing_if = "Value::is_null")]
    original_uri_base_ids: Value,
    invocations: Vec<Value>,
    results: Results<'a>,
    properties: Value,
}

impl<'a> RunOf<'a> {
    fn new(collection: &'a Collection, root: &'a Root) -> RunOf<'a> {
        let kinds: std::collections::BTreeSet<&str> =
            collection.bugs.iter().map(|bug| bug.kind.as_str()).collect();
        let rules: Vec<Value> = kinds.iter().map(|kind| rule(kind)).collect();
        let places = kinds.iter().enumerate().map(|(index, kind)| (*kind, index)).collect();
        let version = env!("CARGO_PKG_VERSION");
        RunOf {
            tool: json!({"driver": {
                "name": "fencepost",
                "fullName": format!("fencepost {version}"),
                "version": version,
                "semanticVersion": version,
                "rules": rules,
            }}),
            automation_details: json!({"id": "fencepost/"}),
            column_kind: "unicodeCodePoints",
            original_uri_base_ids: root.folder().map_or(Value::Null, |folder| {
                json!({BASE: {"uri": format!("file://{}/", encode(folder.trim_end_matches('/')))}})
            }),
            invocations: invocations(collection),
            results: Results { bugs: &collection.bugs, root, rules: places },
            properties: json!({
                "newBugs": collection.new_bugs().count(),
                "knownBugs": collection.known_bugs().count(),
                "findings": collection.totals.findings,
                "processes": collection.totals.processes,
            }),
        }
    }
}

/// The results, which are made one by one while they are written.
struct Results<'a> {
    bugs: &'a [Bug],
    root: &'a Root,
    /// For each kind, the index of its rule.
    rules: BTreeMap<&'a str, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let has_baseline = self.bugs.iter().any(|bug| bug.known == Some(Known::Baseline));
        serializer.collect_seq(self.bugs.iter().map(|bug| {
            let mut result = result(bug, self.root);
            result["ruleIndex"] = self.rules[bug.kind.as_str()].into();
            if has_baseline {
                let is_in_it = bug.known == Some(Known::Baseline);
                result["baselineState"] = if is_in_it { "unchanged" } else { "new" }.into();
            }
            result
        }))
    }
}

fn rule(name: &str) -> Value {
    let rule = rule::of(name);
    let mut tags = vec!["correctness".to_owned(), "memory-safety".to_owned()];
    tags.extend(rule.cwe.map(|number| format!("external/cwe/cwe-{number}")));
    json!({
        "id": name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.meaning},
        "help": {
            "text": format!("{} {}", rule.meaning, rule.remedy),
            "markdown": format!("**{}**\n\n{}\n\n{}", rule.title, rule.meaning, rule.remedy),
        },
        "defaultConfiguration": {"level": "error"},
        "properties": {"precision": "very-high", "problem.severity": "error", "tags": tags},
    })
}

fn result(bug: &Bug, root: &Root) -> Value {
    let finding = &bug.example;
    let events = Event::all(finding);
    let related: Vec<Value> = events
        .iter()
        .filter(|event| !matches!(event.what, What::Bug | What::Lost))
        .enumerate()
        .filter_map(|(index, event)| {
            let mut location = location(event.frame()?, finding, root);
            location["id"] = (index + 1).into();
            location["message"] = json!({"text": event.title()});
            Some(location)
        })
        .collect();
    let mut text = format!("{}.", escaped(&sentence::of(finding)));
    for location in &related {
        let (id, title) = (&location["id"], location["message"]["text"].as_str());
        text += &format!(" [{}]({id}).", escaped(title.unwrap_or_default()));
    }
    text.extend(finding.hint.iter().map(|hint| format!(" Hint: {}.", escaped(hint))));
    let mut result = json!({
        "ruleId": bug.kind,
        "kind": "fail",
        "level": match Weight::of(finding) {
            Weight::Error => "error",
            Weight::Warning => "warning",
            Weight::Note => "note",
        },
        "message": {"text": text},
        // GitHub's code scanning uses only the second one.
        "partialFingerprints": {
            "fencepost/v1": bug.fingerprint,
            "primaryLocationLineHash": format!("{}:1", bug.fingerprint),
        },
        "occurrenceCount": bug.count.clamp(1, i64::MAX as u64),
        "locations": place::location(finding)
            .map(|frame| location(frame, finding, root))
            .into_iter()
            .collect::<Vec<Value>>(),
        "stacks": events
            .iter()
            .filter(|event| !event.stack.is_empty())
            .map(|event| stack(event, finding, root))
            .collect::<Vec<Value>>(),
        "provenance": {
            "firstDetectionTimeUtc": moment(bug.first_ms),
            "lastDetectionTimeUtc": moment(bug.last_ms),
        },
        "properties": {
            "summary": bug.summary,
            "findings": bug.count,
            "processes": bug.processes,
            "alsoFingerprints": bug.also,
            "places": bug.places,
            "commands": bug.commands,
            "tests": bug.tests,
            "late": finding.late,
        },
    });
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    let flows = thread_flows(&events, finding, root);
    if !flows.is_empty() {
        result["codeFlows"] = json!([{
            "message": {"text": "How the object was used"},
            "threadFlows": flows,
        }]);
    }
    if let Some(why) = sentence::known(bug) {
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": why}]);
    }
    result
}

/// The bug, or an event before it.
struct Event<'a> {
    what: What,
    thread: u32,
    stack: &'a [Frame],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The thread with this number was created.
    Thread(u32),
    Allocation,
    /// The call that began an operation of libc on the object.
    Beginning,
    Free,
    Mapping(MappingDeed),
    Bug,
    /// The later discovery of the bug.
    Discovery,
    /// Of what leaks.
    Lost,
    /// Of what is lost with it.
    Owned,
}

impl<'a> Event<'a> {
    /// All events of a finding, in their order as far as it is known.
    fn all(finding: &'a Finding) -> Vec<Event<'a>> {
        let mut events = Vec::new();
        for creation in &finding.threads {
            let stack = creation.stack.as_deref().unwrap_or_default();
            events.push(Event {
                what: What::Thread(creation.thread.id),
                thread: creation.by,
                stack,
            });
        }
        if let Some(object) = &finding.object {
            let stack = place::stack_of(&object.allocated);
            events.push(Event { what: What::Allocation, thread: object.allocated.thread, stack });
        }
        if let Some(begun) = &finding.begun {
            let stack = place::stack_of(begun);
            events.push(Event { what: What::Beginning, thread: begun.thread, stack });
        }
        if let Some(freed) = finding.object.as_ref().and_then(|object| object.freed.as_ref()) {
            let stack = place::stack_of(freed);
            events.push(Event { what: What::Free, thread: freed.thread, stack });
        }
        // The latest comes first.
        for call in finding.mapping.iter().flat_map(|mapping| mapping.calls.iter().rev()) {
            let (thread, stack) = (call.event.thread, place::stack_of(&call.event));
            events.push(Event { what: What::Mapping(call.did), thread, stack });
        }
        for owned in finding.leak.iter().flat_map(|leak| &leak.owned) {
            let stack = place::stack_of(&owned.allocated);
            events.push(Event { what: What::Owned, thread: owned.allocated.thread, stack });
        }
        let what = match finding.leak {
            Some(_) => What::Lost,
            None if finding.late => What::Discovery,
            None => What::Bug,
        };
        events.push(Event { what, thread: finding.thread.id, stack: &finding.stack });
        events
    }

    /// The frame where it happened.
    fn frame(&self) -> Option<&'a Frame> {
        match self.what {
            What::Allocation | What::Lost | What::Owned => place::allocation(self.stack),
            _ => place::innermost(self.stack),
        }
    }

    fn title(&self) -> String {
        let by = self.thread;
        match self.what {
            What::Thread(number) => format!("Thread T{number} created by thread T{by} here"),
            What::Allocation => format!("Allocated by thread T{by} here"),
            What::Beginning => format!("Begun by thread T{by} here"),
            What::Free => format!("Freed by thread T{by} here"),
            What::Mapping(did) => format!("{} by thread T{by} here", did.title()),
            What::Bug => format!("Reported in thread T{by} here"),
            What::Discovery => format!("Found in thread T{by} here"),
            What::Lost => format!("Allocated by thread T{by} here"),
            What::Owned => format!("Lost with it, allocated by thread T{by} here"),
        }
    }
}

/// The events as a path through each thread: allocation, free, use.
fn thread_flows(events: &[Event], finding: &Finding, root: &Root) -> Vec<Value> {
    let mut threads: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    for (order, event) in events.iter().enumerate() {
        let Some(frame) = event.frame() else { continue };
        let mut location = location(frame, finding, root);
        location["message"] = json!({"text": event.title()});
        threads.entry(event.thread).or_default().push(json!({
            "executionOrder": order + 1,
            "importance": "essential",
            "location": location,
        }));
    }
    // A path needs two places, and the allocations of a leak are no path.
    if threads.values().map(Vec::len).sum::<usize>() < 2 || finding.leak.is_some() {
        return Vec::new();
    }
    let flow = |(thread, locations): (u32, Vec<Value>)| json!({"id": format!("T{thread}"), "locations": locations});
    threads.into_iter().map(flow).collect()
}

fn stack(event: &Event, finding: &Finding, root: &Root) -> Value {
    let frame = |frame: &Frame| {
        json!({
            "location": location(frame, finding, root),
            "module": frame.module,
            "threadId": event.thread,
        })
    };
    json!({
        "message": {"text": event.title()},
        "frames": event.stack.iter().map(frame).collect::<Vec<Value>>(),
    })
}

/// The location of a frame: in the source, or if that is not known, in the module.
fn location(frame: &Frame, finding: &Finding, root: &Root) -> Value {
    let mut physical = match &frame.file {
        Some(file) => {
            let mut physical = json!({"artifactLocation": artifact(file, root)});
            if let Some(line) = frame.line.filter(|line| *line > 0) {
                physical["region"] = region(frame, line, finding);
            }
            physical
        }
        None => json!({"artifactLocation": artifact(&frame.module, root)}),
    };
    if frame.offset.0 <= i64::MAX as u64 {
        physical["address"] = json!({
            "relativeAddress": frame.offset.0,
            "kind": "instruction",
            "fullyQualifiedName": place::module_place(frame),
        });
    }
    let mut location = json!({"physicalLocation": physical});
    if let Some(function) = &frame.function {
        location["logicalLocations"] =
            json!([{"fullyQualifiedName": function, "kind": "function"}]);
    }
    location
}

fn region(frame: &Frame, line: u32, finding: &Finding) -> Value {
    let mut region = json!({"startLine": line});
    if let Some(column) = frame.column.filter(|column| *column > 0) {
        region["startColumn"] = column.into();
    }
    let is_it = |source: &&Source| Some(&source.file) == frame.file.as_ref() && source.line == line;
    if let Some(source) = finding.sources.iter().find(is_it) {
        let text = line.checked_sub(source.first_line).and_then(|at| source.lines.get(at as usize));
        if let Some(text) = text {
            region["snippet"] = json!({"text": text});
        }
    }
    region
}

fn artifact(file: &str, root: &Root) -> Value {
    match root.path(file) {
        FilePath::Relative(path) if root.folder().is_some() => {
            json!({"uri": encode(&path), "uriBaseId": BASE})
        }
        FilePath::Relative(path) => json!({"uri": encode(&path)}),
        FilePath::Absolute(path) => json!({"uri": format!("file://{}", encode(&path))}),
    }
}

fn invocations(collection: &Collection) -> Vec<Value> {
    let notice = |level: &'static str, text: String| json!({"level": level, "message": {"text": escaped(&text)}});
    let mut notices: Vec<Value> = collection
        .totals
        .notices
        .iter()
        .map(|it| notice("warning", format!("{} ({} times)", it.name, it.count)))
        .collect();
    notices.extend(collection.not_guarded().into_iter().map(|it| {
        let level = if it.by_choice { "note" } else { "warning" };
        let text = format!("not guarded, {} times: {}: {}", it.times, it.program, it.reason);
        notice(level, text)
    }));
    notices.extend(collection.skipped.words().map(|words| notice("warning", words)));
    let mut invocations: Vec<Value> = collection.runs.iter().map(invocation).collect();
    if !notices.is_empty() {
        if invocations.is_empty() {
            invocations.push(json!({"executionSuccessful": true}));
        }
        invocations[0]["toolExecutionNotifications"] = notices.into();
    }
    invocations
}

fn invocation(told: &RunTold) -> Value {
    let RunTold { run, end } = told;
    let mut invocation = json!({
        // This is about the tool: whether the run came to its end.
        "executionSuccessful": end.is_some(),
        "commandLine": run.command.join(" "),
        "arguments": run.command.get(1..).unwrap_or_default(),
        "startTimeUtc": moment(run.time_ms),
        "machine": run.host,
        "workingDirectory": {"uri": format!("file://{}", encode(&run.directory))},
        "properties": {"system": run.system, "options": run.options, "run": run.run},
    });
    if let Some(end) = end {
        invocation["endTimeUtc"] = moment(end.time_ms).into();
        if let Some(code) = end.exit_code {
            invocation["exitCode"] = code.into();
        }
        if let Some(signal) = end.signal {
            invocation["exitSignalNumber"] = signal.into();
        }
    }
    invocation
}

/// Escapes a text for a message, where brackets make links.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}
