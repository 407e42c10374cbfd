//! Work for real programs, a tenth of a second to a second natively: the kinds of work of
//! tests/real_programs, whose definitions live inside test functions and cannot be called.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::child::Ended;
use crate::samples::Failure;
use crate::tool::{Bench, Tool, compile};

pub struct Job {
    pub name: &'static str,
    program: PathBuf,
    /// Where to get it.
    package: &'static str,
    arguments: Vec<String>,
    variables: &'static [(&'static str, &'static str)],
    file: Option<(&'static str, String)>,
    /// That allocate at the same time, on a processor each.
    pub threads: usize,
}

impl Job {
    pub fn new(name: &'static str, package: &'static str, arguments: &[&str]) -> Job {
        Job {
            name,
            program: Path::new("/usr/bin").join(name),
            package,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            variables: &[],
            file: None,
            threads: 1,
        }
    }

    pub fn file(self, name: &'static str, content: impl Into<String>) -> Job {
        Job { file: Some((name, content.into())), ..self }
    }

    /// Has a shell run it as a script; the program is only what must be installed.
    pub fn by_shell(self) -> Job {
        let program = if self.program.exists() { PathBuf::from("/bin/sh") } else { self.program };
        Job { program, ..self }
    }

    pub fn variables(self, variables: &'static [(&'static str, &'static str)]) -> Job {
        Job { variables, ..self }
    }

    /// In a fresh folder, so that no run finds what another one left.
    pub fn run(&self, bench: &Bench, tool: Tool, limit_seconds: u64) -> Result<Ended, Failure> {
        if !self.program.exists() {
            let reason = format!("not installed: Debian package {}", self.package);
            return Err(Failure::Unavailable(reason));
        }
        let folder = bench.scratch();
        if let Some((name, content)) = &self.file {
            fs::write(folder.join(name), content).expect("the scratch folder is writable");
        }
        let mut command = tool.command(&self.program, 2_000_000);
        command.args(&self.arguments).envs(self.variables.iter().copied());
        command.current_dir(&folder).env("HOME", &folder);
        bench.run(&mut command, limit_seconds)?.success()
    }
}

/// All jobs. `quick` makes most of them some ten times smaller.
pub fn all(bench: &Bench, quick: bool) -> Vec<Job> {
    vec![
        perl(quick),
        python3(quick),
        tclsh(quick),
        bash(quick),
        jq(quick),
        sqlite3(quick),
        gcc(quick),
        git(quick),
        xz(quick),
        cpp(bench),
    ]
}

pub fn scaled(quick: bool, count: u32) -> u32 {
    if quick { count / 10 } else { count }
}

/// The script with its size filled in.
pub fn with_count(script: &str, quick: bool, count: u32) -> String {
    script.replace("COUNT", &scaled(quick, count).to_string())
}

pub fn perl(quick: bool) -> Job {
    const SCRIPT: &str = r#"
my %all;
$all{"key $_"} = [$_, $_ * 2, "value $_"] for 1 .. COUNT;
my $sum = 0;
$sum += $_->[0] + $_->[1] + length $_->[2] for values %all;
delete $all{"key $_"} for grep { $_ % 2 } 1 .. COUNT;
my @sorted = sort { $all{$a}[0] <=> $all{$b}[0] } keys %all;
print "$sum ", scalar(@sorted), "\n";
"#;
    Job::new("perl", "perl", &["-e", &with_count(SCRIPT, quick, 200_000)])
        .variables(&[("PERL_HASH_SEED", "0")])
}

/// Without PYTHONMALLOC=malloc python would carve its objects out of large blocks of its own.
fn python3(quick: bool) -> Job {
    const SCRIPT: &str = r#"
import collections, json, re
records = [{"id": i, "name": "name %d" % (i * 7919 % 10007), "tags": ["t%d" % (i % k) for k in (2, 3, 5)],
            "nested": {"x": i / 3, "y": None, "z": [True, False]}} for i in range(COUNT)]
text = json.dumps(records, sort_keys=True)
assert json.loads(text) == records
found = re.findall(r'"name": "name (\d+)"', text)
counted = collections.Counter(tag for record in records for tag in record["tags"])
print(len(text), sum(map(int, found)), sorted(counted.items()))
"#;
    Job::new("python3", "python3", &["-c", &with_count(SCRIPT, quick, 20_000)])
        .variables(&[("PYTHONMALLOC", "malloc"), ("PYTHONHASHSEED", "0")])
}

fn tclsh(quick: bool) -> Job {
    const SCRIPT: &str = r#"
for {set i 0} {$i < COUNT} {incr i} {
    lappend words "word[expr {$i * 7919 % 10007}]"
    dict set lengths "key$i" [string length [lindex $words end]]
}
set total 0
dict for {key length} $lengths { incr total $length }
regsub -all {word(\d)} [join [lsort -unique $words] " "] {<\1>} text
puts "$total [string length $text]"
"#;
    Job::new("tclsh", "tcl", &["job.tcl"]).file("job.tcl", with_count(SCRIPT, quick, 100_000))
}

fn bash(quick: bool) -> Job {
    const SCRIPT: &str = r#"
declare -A squares
for ((i = 0; i < COUNT; i++)); do
    squares[n$i]=$((i * i))
    words+=("item-$i")
done
sum=0
for key in "${!squares[@]}"; do ((sum += squares[$key])); done
for word in "${words[@]}"; do [[ ${word//item/thing} == thing* ]] && ((sum++)); done
for i in {1..20}; do sum=$(echo $((sum + i))); done
echo "$sum"
"#;
    Job::new("bash", "bash", &["-c", &with_count(SCRIPT, quick, 30_000)])
}

fn jq(quick: bool) -> Job {
    const FILTER: &str =
        "[.[] | select(.number % 3 == 0) | {tag: .tags[], number}] | group_by(.tag)
        | map({tag: .[0].tag, count: length, sum: (map(.number) | add)})";
    let records: Vec<String> = (0..scaled(quick, 45_000))
        .map(|number| {
            let (tag, other) = (number % 7, number % 11);
            format!(
                r#"{{"number": {number}, "tags": ["t{tag}", "u{other}"], "nested": {{"half": {number}.5}}}}"#
            )
        })
        .collect();
    Job::new("jq", "jq", &["-c", FILTER, "records.json"])
        .file("records.json", format!("[{}]", records.join(",\n")))
}

fn sqlite3(quick: bool) -> Job {
    const SQL: &str = "
CREATE TABLE sales(id INTEGER PRIMARY KEY, region TEXT, item TEXT, amount INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < COUNT)
INSERT INTO sales SELECT i, 'region ' || (i % 17), 'item ' || (i * 7919 % 1009), i * 31 % 997 FROM n;
CREATE INDEX by_item ON sales(item, amount);
SELECT region, count(*), sum(amount), group_concat(DISTINCT amount % 5) FROM sales GROUP BY region;
UPDATE sales SET item = upper(item) WHERE id % 10 = 0;
DELETE FROM sales WHERE amount < 100;
SELECT count(*), count(DISTINCT item), total(length(item)) FROM sales;
";
    let sql = with_count(SQL, quick, 200_000);
    Job::new("sqlite3", "sqlite3", &["-batch", "sales.db", &sql])
}

/// The driver starts cc1, which does the work: children inherit the tool.
fn gcc(quick: bool) -> Job {
    let mut source = String::from("struct pair { int first; long second; };\n");
    for number in 0..scaled(quick, 200) {
        write!(
            source,
            "long step{number}(struct pair *p, int n)\n{{\n    long sum = {number};\n    \
             for (int i = 0; i < n; i++) {{\n        switch ((p->first + i) % 4) {{\n        \
             case 0: sum += p->second * {number}; break;\n        case 1: sum ^= i << {shift}; break;\n        \
             default: sum -= p[i % 3].second;\n        }}\n    }}\n    return sum;\n}}\n",
            shift = number % 13,
        )
        .expect("writing to a string");
    }
    Job::new("gcc", "gcc", &["-O2", "-S", "-o", "-", "generated.c"]).file("generated.c", source)
}

fn git(quick: bool) -> Job {
    const SCRIPT: &str = "
        git init --quiet --initial-branch=main repository
        cd repository
        git fast-import --quiet < ../history
        git log --stat --format='%H %s' -- folder1 | tail -n 20
        git -c gc.auto=0 gc --quiet
        git fsck --full --strict";
    let mut stream = String::new();
    for commit in 0..u64::from(scaled(quick, 600)) {
        let content: String =
            (0..commit % 50 + 5).map(|line| format!("line {}\n", commit * 31 + line)).collect();
        write!(
            stream,
            "commit refs/heads/main\ncommitter One <one@example.org> {date} +0000\ndata 2\nc\n\
             M 644 inline folder{folder}/file{file}\ndata {bytes}\n{content}\n",
            date = 1_600_000_000 + commit * 60,
            folder = commit % 4,
            file = commit % 40,
            bytes = content.len(),
        )
        .expect("writing to a string");
    }
    let job = Job::new("git", "git", &["-ec", SCRIPT]).file("history", stream);
    let job = job.variables(&[("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")]);
    job.by_shell()
}

/// Few and large objects: what the guard costs a program that hardly allocates.
fn xz(quick: bool) -> Job {
    let mut state = 1_u64;
    let words: String = (0..scaled(quick, 200_000))
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            format!("word{} ", state >> 52)
        })
        .collect();
    Job::new("xz", "xz-utils", &["-T2", "--block-size=1MiB", "--keep", "data"]).file("data", words)
}

/// Four threads of C++, the program of tests/real_programs, on two processors.
fn cpp(bench: &Bench) -> Job {
    let program = bench.program("tasks");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_programs/tasks.cpp");
    compile("g++", &source, &program);
    Job { program, threads: 2, ..Job::new("cpp", "g++", &[]) }
}
