//! Reports as they stand in logs, and which of them tell of the same bug.

/// Frames outside libc that tell one bug from another, as in a run with `keep-going`.
const FRAMES: usize = 8;

/// One report.
pub struct Finding {
    /// The whole of it.
    pub text: String,
    /// Its last line, without the words that all have.
    pub summary: String,
    /// The kind, the direction of an access, and the innermost frames by module and offset.
    key: Vec<String>,
    /// For a write beside an object.
    damage: Option<Damage>,
}

/// Which object was written beside, and where: the same whether the write or what it left was found.
#[derive(PartialEq, Eq)]
struct Damage {
    is_after: bool,
    /// Where the object was allocated, by module and offset.
    allocated: Vec<String>,
}

impl Finding {
    /// Whether two reports, even of different runs, tell of the same bug.
    pub fn is_same_as(&self, other: &Finding) -> bool {
        let is_trace_of_other = (self.is_slack() || other.is_slack())
            && self.damage.is_some()
            && self.damage == other.damage;
        self.key == other.key || is_trace_of_other
    }

    /// Whether this names the write of which the other shows the trace.
    pub fn tells_more_than(&self, other: &Finding) -> bool {
        !self.is_slack() && other.is_slack()
    }

    fn is_slack(&self) -> bool {
        self.key.first().is_some_and(|kind| kind == SLACK)
    }

    fn new(text: String, summary: &str) -> Finding {
        let mut key = Vec::new();
        let header = text.lines().find_map(|line| line.split_once("==ERROR: Fencepost: "));
        key.extend(header.and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned));
        // What is wrong with a call of libc may be said before.
        let headings = text.lines().skip_while(|line| !line.contains("==ERROR: ")).skip(1).take(2);
        let mut words = headings.filter_map(|heading| heading.split(' ').next());
        let direction = words.find(|word| ["READ", "WRITE", "EXECUTE"].contains(word));
        key.extend(direction.map(str::to_owned));
        // The access or the call; for what was found at exit, the allocation.
        let is_frame = |line: &&str| line.starts_with("    #");
        let stack = text.lines().skip_while(|line| !is_frame(line)).take_while(is_frame);
        let frames: Vec<&str> = stack.filter_map(place_of).collect();
        let outside = frames.iter().position(|frame| !is_libc_or_ours(frame)).unwrap_or(0);
        let mut frames: Vec<&str> = frames[outside..].to_vec();
        // A place has a line for each function inlined there.
        frames.dedup();
        key.extend(frames.into_iter().take(FRAMES).map(str::to_owned));
        let kind = key.first().map_or("", String::as_str);
        let writes_beside = direction == Some("WRITE")
            && ["heap-buffer-overflow", "heap-buffer-underflow"].contains(&kind);
        let damage = if writes_beside || kind == SLACK { Damage::read(&text) } else { None };
        Finding { text, summary: summary.to_owned(), key, damage }
    }
}

/// The kind of a report that shows what a write has left.
const SLACK: &str = "overwritten-slack";

impl Damage {
    fn read(report: &str) -> Option<Damage> {
        let place = report.lines().find(|line| line.contains(" is located "))?;
        let is_after = place.contains(" bytes after ");
        let mut lines = report.lines().skip_while(|line| !line.starts_with("allocated by "));
        lines.next()?;
        let frames = lines.take_while(|line| line.starts_with("    #")).filter_map(place_of);
        let allocated: Vec<String> = frames.map(str::to_owned).collect();
        (!allocated.is_empty()).then_some(Damage { is_after, allocated })
    }
}

/// `module+0xoffset` of `    #0 0x… in function file:line (module+0xoffset)`.
fn place_of(frame: &str) -> Option<&str> {
    frame.strip_suffix(')')?.rsplit_once(" (").map(|(_, place)| place)
}

fn is_libc_or_ours(place: &str) -> bool {
    let module = place.rsplit_once('+').map_or(place, |(module, _)| module);
    let file = module.rsplit('/').next().unwrap_or(module);
    file.starts_with("libc.so") || file.starts_with("libfencepost")
}

/// The reports in a log, and the lines between them that begin with `fencepost: `, without that.
pub fn read(log: &str) -> (Vec<Finding>, Vec<&str>) {
    const SUMMARY: &str = "SUMMARY: Fencepost: ";
    let (mut findings, mut notes) = (Vec::new(), Vec::new());
    let mut report = String::new();
    for line in log.lines() {
        if report.is_empty() && !line.starts_with("=====") {
            notes.extend(line.strip_prefix("fencepost: "));
            continue;
        }
        report += line;
        report.push('\n');
        if let Some(summary) = line.strip_prefix(SUMMARY) {
            findings.push(Finding::new(std::mem::take(&mut report), summary));
        }
    }
    (findings, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kind: &str, pid: u32, base: u64, frames: &[&str]) -> String {
        let mut text = format!("=====\n=={pid}==ERROR: Fencepost: {kind} on address {base:#x}\n");
        text += &format!("WRITE of size 4 at {base:#x} thread T0\n");
        for (number, frame) in frames.iter().enumerate() {
            text += &format!("    #{number} {:#x} in f a.c:1 ({frame})\n", base + 1);
        }
        text + &format!("\n0x1 is located\n\nSUMMARY: Fencepost: {kind} a.c:1 in f\n")
    }

    fn one(log: &str) -> Finding {
        read(log).0.pop().unwrap()
    }

    #[test]
    fn the_same_bug_is_known_in_another_run() {
        let first = one(&report("double-free", 1, 0x1000, &["/bin/a+0x10", "/bin/a+0x20"]));
        let again = one(&report("double-free", 2, 0x7000, &["/bin/a+0x10", "/bin/a+0x20"]));
        assert!(first.is_same_as(&again));
        let elsewhere = one(&report("double-free", 2, 0x7000, &["/bin/a+0x11", "/bin/a+0x20"]));
        let other = one(&report("bad-free", 2, 0x7000, &["/bin/a+0x10", "/bin/a+0x20"]));
        assert!(!first.is_same_as(&elsewhere) && !first.is_same_as(&other));
        assert_eq!(first.summary, "double-free a.c:1 in f");
    }

    #[test]
    fn a_sentence_before_the_access_hides_no_direction() {
        let write = report("x", 1, 1, &["/bin/a+0x10"]);
        let read = write.replace("WRITE of", "memcpy would read 4 bytes\nREAD of");
        let explained = write.replace("WRITE of", "memcpy would write 4 bytes\nWRITE of");
        assert!(one(&write).is_same_as(&one(&explained)));
        assert!(!one(&write).is_same_as(&one(&read)));
    }

    #[test]
    fn libc_is_left_out() {
        let one_way = one(&report("x", 1, 1, &["/lib/libc.so.6+0x1", "/bin/a+0x20"]));
        let another = one(&report("x", 1, 1, &["/lib/libc.so.6+0x9", "/bin/a+0x20"]));
        assert!(one_way.is_same_as(&another));
    }

    fn beside(kind: &str, heading: &str, side: &str, frame: &str) -> Finding {
        let mut text = format!("=====\n==1==ERROR: Fencepost: {kind} on address 0x1\n{heading}\n");
        text += &format!(
            "    #0 0x1 in f a.c:1 ({frame})\n\n0x1 is located 0 bytes {side} 13-byte region\n"
        );
        text += "allocated by thread T0 here:\n    #0 0x2 in g a.c:9 (/bin/a+0x99)\n\n";
        one(&format!("{text}SUMMARY: Fencepost: {kind} a.c:1 in f\n"))
    }

    #[test]
    fn a_write_and_its_trace_are_one_finding() {
        let trace = beside("overwritten-slack", "found by free here:", "after", "/bin/a+0x10");
        let write = |side| {
            let kind =
                if side == "after" { "heap-buffer-overflow" } else { "heap-buffer-underflow" };
            beside(kind, "WRITE of size 1 at 0x1 thread T0", side, "/bin/a+0x20")
        };
        assert!(trace.is_same_as(&write("after")) && write("after").is_same_as(&trace));
        assert!(write("after").tells_more_than(&trace) && !trace.tells_more_than(&write("after")));
        // The other end, a read, another write to the same object.
        assert!(!trace.is_same_as(&write("before")));
        let read = beside("heap-buffer-overflow", "READ of size 1", "after", "/bin/a+0x20");
        let elsewhere = beside("heap-buffer-overflow", "WRITE of size 1", "after", "/bin/a+0x30");
        assert!(!trace.is_same_as(&read) && !write("after").is_same_as(&elsewhere));
    }

    #[test]
    fn a_log_holds_several_reports_and_notes() {
        let log = format!(
            "fencepost: backend\n{}{}fencepost: 2 errors in 2 contexts\n",
            report("a", 1, 1, &["m+1"]),
            report("b", 1, 1, &["m+1"])
        );
        let (findings, notes) = read(&log);
        assert_eq!(findings.len(), 2);
        assert_eq!(notes, ["backend", "2 errors in 2 contexts"]);
        assert!(findings[1].text.starts_with("=====\n==1==ERROR: Fencepost: b "));
    }
}
