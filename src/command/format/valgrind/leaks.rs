//! Leaks in Memcheck's words: a loss record each, the largest last, and the summary.

use std::io::{self, Write};

use fencepost::finding::{Bug, Leak, LeakClass, LeakTotals};

use super::lines::{stack, write};
use crate::command::collection::Collection;
use crate::command::format::place::stack_of;

/// Writes the leaks that are news.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let leak = |bug: &Bug| bug.example.leak.clone().unwrap_or_default();
    let mut bugs: Vec<&Bug> =
        collection.new_bugs().filter(|bug| bug.example.leak.is_some()).collect();
    bugs.sort_by_key(|bug| leak(bug).all_bytes());
    let count = bugs.len();
    for (number, bug) in bugs.iter().enumerate() {
        let leak = leak(bug);
        let mut lines = vec![heading(&leak, number + 1, count)];
        lines.extend(stack(&bug.example.stack));
        for owned in &leak.owned {
            lines.push(format!(
                " {} bytes in {} blocks are indirectly lost with them",
                grouped(owned.bytes),
                grouped(owned.objects)
            ));
            lines.extend(stack(stack_of(&owned.allocated)));
        }
        lines.push(format!(" Fencepost: {}", bug.summary));
        lines.push(String::new());
        write(bug.example.process.pid, &lines, out)?;
    }
    Ok(())
}

/// Writes what the checks have found in all.
pub fn summarize(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let Some(LeakTotals { counts, .. }) = collection.totals.leaks else { return Ok(()) };
    let pid = collection.bugs.first().map(|bug| bug.example.process.pid);
    let pid = pid.unwrap_or_else(std::process::id);
    let lines = counts.lines();
    let mut text = if lines.iter().all(|(_, count)| count.objects == 0) {
        vec!["All heap blocks were freed -- no leaks are possible".to_owned()]
    } else {
        let line = |(words, count): &(&str, fencepost::finding::LeakCount)| {
            let (bytes, blocks) = (grouped(count.bytes), grouped(count.objects));
            format!("{words:>18}: {bytes} bytes in {blocks} blocks")
        };
        let heading = std::iter::once("LEAK SUMMARY:".to_owned());
        heading.chain(lines.iter().map(line)).collect()
    };
    text.push(String::new());
    write(pid, &text, out)
}

/// The line by which readers of Memcheck know a loss record. It has `blocks` of one, too.
fn heading(leak: &Leak, number: usize, count: usize) -> String {
    let Leak { class, objects, bytes, indirect_bytes, .. } = *leak;
    let direct = grouped(bytes);
    let bytes = match (class, indirect_bytes) {
        (LeakClass::DefinitelyLost | LeakClass::PossiblyLost, 1..) => format!(
            "{} ({direct} direct, {} indirect)",
            grouped(leak.all_bytes()),
            grouped(indirect_bytes)
        ),
        _ => direct,
    };
    let (blocks, class) = (grouped(objects), class.words());
    format!("{bytes} bytes in {blocks} blocks are {class} in loss record {number} of {count}")
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use fencepost::finding::{Event, Finding, Frame, LeakCount, LeakCounts, LeakOwned, Totals};

    fn bug(leak: Leak) -> Bug {
        let frame = |function: &str| Frame {
            function: Some(function.to_owned()),
            file: Some("/src/a.c".to_owned()),
            line: Some(7),
            ..Frame::default()
        };
        let mut example = Finding { leak: Some(leak), ..Finding::default() };
        example.process.pid = 7;
        example.stack = vec![frame("make")];
        Bug { example, summary: "leak a.c:7 in make".to_owned(), ..Bug::default() }
    }

    fn text(bugs: Vec<Bug>, leaks: Option<LeakTotals>) -> String {
        let totals = Totals { leaks, ..Totals::default() };
        let collection = Collection { bugs, totals, ..Collection::default() };
        let mut out = Vec::new();
        render(&collection, &mut out).unwrap();
        summarize(&collection, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn loss_records_read_as_memcheck_writes_them() {
        let owned = LeakOwned {
            objects: 2,
            bytes: 2400,
            allocated: Event { thread: 0, stack: Some(Vec::new()) },
        };
        let owner = Leak {
            objects: 1,
            bytes: 16,
            indirect_objects: 2,
            indirect_bytes: 2400,
            owned: vec![owned],
            ..Leak::default()
        };
        let class = LeakClass::StillReachable;
        let kept = Leak { class, objects: 3, bytes: 48, ..Leak::default() };
        let counts = LeakCounts {
            definite: LeakCount { bytes: 16, objects: 1 },
            indirect: LeakCount { bytes: 2400, objects: 2 },
            reachable: LeakCount { bytes: 48, objects: 3 },
            ..LeakCounts::default()
        };
        let leaks = LeakTotals { processes: 1, counts };
        let expected = "\
==7== 48 bytes in 3 blocks are still reachable in loss record 1 of 2
==7==    at 0x0: make (a.c:7)
==7==  Fencepost: leak a.c:7 in make
==7== 
==7== 2,416 (16 direct, 2,400 indirect) bytes in 1 blocks are definitely lost in loss record 2 of 2
==7==    at 0x0: make (a.c:7)
==7==  2,400 bytes in 2 blocks are indirectly lost with them
==7==  Fencepost: leak a.c:7 in make
==7== 
==7== LEAK SUMMARY:
==7==    definitely lost: 16 bytes in 1 blocks
==7==    indirectly lost: 2,400 bytes in 2 blocks
==7==      possibly lost: 0 bytes in 0 blocks
==7==    still reachable: 48 bytes in 3 blocks
==7==         suppressed: 0 bytes in 0 blocks
==7== \n";
        assert_eq!(text(vec![bug(owner), bug(kept)], Some(leaks)), expected);
    }

    #[test]
    fn where_all_was_freed_it_says_so() {
        let said = text(Vec::new(), Some(LeakTotals::default()));
        let pid = std::process::id();
        let wanted = "All heap blocks were freed -- no leaks are possible";
        assert_eq!(said, format!("=={pid}== {wanted}\n=={pid}== \n"));
        assert_eq!(text(Vec::new(), None), "");
    }
}
