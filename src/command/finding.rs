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
}

impl Finding {
    /// Whether two reports, even of different runs, tell of the same bug.
    pub fn is_same_as(&self, other: &Finding) -> bool {
        self.key == other.key
    }

    fn new(text: String, summary: &str) -> Finding {
        let mut key = Vec::new();
        let header = text.lines().find_map(|line| line.split_once("==ERROR: Fencepost: "));
        key.extend(header.and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned));
        // What is wrong with a call of libc may be said before.
        let headings = text.lines().skip_while(|line| !line.contains("==ERROR: ")).skip(1).take(2);
        let mut first = headings.filter_map(|heading| heading.split(' ').next());
        key.extend(
            first.find(|word| ["READ", "WRITE", "EXECUTE"].contains(word)).map(str::to_owned),
        );
        // The access or the call; for what was found at exit, the allocation.
        let is_frame = |line: &&str| line.starts_with("    #");
        let stack = text.lines().skip_while(|line| !is_frame(line)).take_while(is_frame);
        let frames: Vec<&str> = stack.filter_map(place).collect();
        let outside = frames.iter().position(|frame| !is_libc_or_ours(frame)).unwrap_or(0);
        let mut frames: Vec<&str> = frames[outside..].to_vec();
        // A place has a line for each function inlined there.
        frames.dedup();
        key.extend(frames.into_iter().take(FRAMES).map(str::to_owned));
        Finding { text, summary: summary.to_owned(), key }
    }
}

/// `module+0xoffset` of `    #0 0x… in function file:line (module+0xoffset)`.
fn place(frame: &str) -> Option<&str> {
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
    fn libc_is_left_out() {
        let one_way = one(&report("x", 1, 1, &["/lib/libc.so.6+0x1", "/bin/a+0x20"]));
        let another = one(&report("x", 1, 1, &["/lib/libc.so.6+0x9", "/bin/a+0x20"]));
        assert!(one_way.is_same_as(&another));
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
