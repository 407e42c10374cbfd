//! JUnit XML, which CI services read: each bug is a failed test case, and each note a skipped one.
//!
//! The form is that of Jenkins' `junit-10.xsd`, which other services read, too.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::place::{Root, moment};
use super::sentence;
use crate::command::collection::Collection;
use fencepost::finding::{Bug, text};
use fencepost::printable::printable;

/// Writes a suite with a case for each bug, or with one passed case if there are no bugs.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failures = collection.new_errors().count();
    let skipped = (collection.bugs.len() - failures).to_string();
    let failures = failures.to_string();
    let tests = collection.bugs.len().max(1).to_string();
    let counts = [("tests", tests.as_str()), ("failures", &failures), ("errors", "0")];
    let suites = xml.create_element("testsuites").with_attribute(("name", "fencepost"));
    suites.with_attributes(counts).write_inner_content(|xml| {
        let mut suite = xml
            .create_element("testsuite")
            .with_attribute(("name", "fencepost"))
            .with_attributes(counts)
            .with_attribute(("skipped", skipped.as_str()));
        if let Some(told) = collection.runs.first() {
            let (time, host) = (moment(told.run.time_ms), clean(&told.run.host));
            suite = suite.with_attributes([("timestamp", time.as_str()), ("hostname", &host)]);
        }
        suite.write_inner_content(|xml| write_suite(collection, xml))?;
        Ok(())
    })?;
    xml.get_mut().write_all(b"\n")
}

fn write_suite(collection: &Collection, xml: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    let totals = &collection.totals;
    xml.create_element("properties").write_inner_content(|xml| {
        let commands = collection.runs.iter().map(|told| ("command", told.run.command.join(" ")));
        let counts = [("findings", totals.findings), ("processes", totals.processes)];
        let counts = counts.map(|(name, count)| (name, count.to_string()));
        for (name, value) in commands.chain(counts) {
            let value = clean(&value);
            xml.create_element("property")
                .with_attributes([("name", name), ("value", value.as_str())])
                .write_empty()?;
        }
        Ok(())
    })?;
    if collection.bugs.is_empty() {
        xml.create_element("testcase")
            .with_attributes([("name", "no memory errors"), ("classname", "fencepost")])
            .write_empty()?;
    }
    let root = Root::of(collection);
    let title = |bug: &Bug| clean(&format!("{} at {}", bug.kind, root.place(&bug.example)));
    let mut titles: BTreeMap<String, u64> = BTreeMap::new();
    for bug in &collection.bugs {
        *titles.entry(title(bug)).or_default() += 1;
    }
    for bug in &collection.bugs {
        let mut name = title(bug);
        // Readers take cases with the same name for one.
        if titles[&name] > 1 {
            name += &format!(" ({})", bug.fingerprint);
        }
        let class = clean(&format!("fencepost.{}", bug.kind));
        xml.create_element("testcase")
            .with_attributes([("name", name.as_str()), ("classname", class.as_str())])
            .write_inner_content(|xml| write_case(bug, xml))?;
    }
    Ok(())
}

fn write_case(bug: &Bug, xml: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    if let Some(why) = sentence::known(bug) {
        let why = clean(&why);
        xml.create_element("skipped").with_attribute(("message", why.as_str())).write_empty()?;
        return Ok(());
    }
    let (kind, message) = (clean(&bug.kind), clean(&sentence::of(&bug.example)));
    if !bug.example.is_error() {
        let why = format!("no failure: {message}");
        xml.create_element("skipped").with_attribute(("message", why.as_str())).write_empty()?;
        return Ok(());
    }
    let mut body = format!("{}\n", text::to_string(&bug.example).trim_end());
    let findings = sentence::counted(bug.count, "finding");
    body +=
        &format!("{findings}, processes: {}, fingerprint: {}\n", bug.processes, bug.fingerprint);
    for (what, list) in [("command", &bug.commands), ("test", &bug.tests)] {
        for it in list {
            body += &format!("{what}: {} ({} times)\n", clean(&it.name), it.count);
        }
    }
    xml.create_element("failure")
        .with_attributes([("message", message.as_str()), ("type", kind.as_str())])
        .write_text_content(BytesText::new(&body))?;
    Ok(())
}

/// Makes a text fit for one line, without the characters that XML does not allow.
fn clean(text: &str) -> String {
    printable(text).to_string()
}
