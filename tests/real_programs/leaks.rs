//! Leaks of programs that people use: each that is definitely or indirectly lost is one to Memcheck, too, and the other way round.
//! `cargo test --release --test real_programs leaks -- --nocapture` prints the numbers side by side.
//!
//! What is possibly lost may differ: the two see other values on stacks, and other environments.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::job::is_installed;
use crate::support::backend::fencepost_run;
use crate::support::compile::{build_folder, map_in_parallel};
use crate::support::leaks::{self, Class, Count, Told};
use crate::support::{process, say_skipped};

const LIMIT: Duration = Duration::from_secs(300);

/// A name, the program, and its arguments. Each is one process.
const JOBS: [(&str, &str, &[&str]); 16] = [
    ("true", "true", &[]),
    ("ls", "ls", &["-l", "/usr"]),
    ("grep", "grep", &["-c", "root", "/etc/passwd"]),
    ("sed", "sed", &["s/root/admin/", "/etc/passwd"]),
    (
        "awk",
        "awk",
        &["{ seen[$1]++ } END { for (word in seen) print word, seen[word] }", "/etc/passwd"],
    ),
    ("sort", "sort", &["/etc/passwd"]),
    ("tar", "tar", &["cf", "list.tar", "/etc/hostname"]),
    ("xz", "xz", &["-c", "/etc/passwd"]),
    ("find", "find", &["/etc", "-maxdepth", "1"]),
    (
        "bash",
        "bash",
        &["-c", "for number in 1 2 3; do list[$number]=x$number; done; echo ${list[@]}"],
    ),
    (
        "perl",
        "perl",
        &["-e", "my %lists; $lists{$_} = [1..10] for 1..100; print scalar keys %lists"],
    ),
    ("jq", "jq", &["-n", "[range(1000)] | add"]),
    (
        "sqlite",
        "sqlite3",
        &[":memory:", "create table t(a); insert into t values (1); select * from t;"],
    ),
    ("git", "git", &["--version"]),
    ("openssl", "openssl", &["version", "-a"]),
    ("curl", "curl", &["--version"]),
];

/// Perl has another order in its tables at each start, unless told otherwise.
const SETTLED: [(&str, &str); 1] = [("PERL_HASH_SEED", "0")];

fn fencepost(name: &str, program: &str, arguments: &[&str], folder: &Path) -> Told {
    let mut command = fencepost_run("auto", ["--leaks=summary"], program);
    command.args(arguments).envs(SETTLED).current_dir(folder);
    let outcome = process::run(&mut command, LIMIT);
    let text = outcome.expect("it starts").stderr;
    assert_eq!(text.matches("LEAK SUMMARY").count(), 1, "{name}: {text}");
    leaks::of_fencepost(&text, "")
}

fn memcheck(program: &str, arguments: &[&str], folder: &Path) -> Told {
    let log = folder.join("memcheck.log");
    let mut command = process::command("valgrind");
    command.arg("--leak-check=summary").arg(format!("--log-file={}", log.display()));
    command.arg(program).args(arguments).envs(SETTLED).current_dir(folder);
    process::run(&mut command, LIMIT).expect("valgrind starts");
    let mut told = Told::default();
    leaks::add_memcheck(&mut told, &fs::read_to_string(log).expect("it writes its log"), "");
    told
}

fn total(told: &Told, class: Class) -> Count {
    told.totals.as_ref().and_then(|totals| totals.get(&class)).copied().unwrap_or_default()
}

#[test]
fn leaks_are_those_of_memcheck() {
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|it| it.status.success()) {
        return say_skipped("leaks of real programs: valgrind is not installed");
    }
    let differences = map_in_parallel(&JOBS, |&(name, program, arguments)| {
        if !is_installed(program) {
            say_skipped(&format!("leaks of {name}: it is not installed"));
            return None;
        }
        let folder = build_folder("real_programs").join(format!("leaks-{name}"));
        fs::create_dir_all(&folder).expect("the folder can be made");
        let ours = fencepost(name, program, arguments, &folder);
        let theirs = memcheck(program, arguments, &folder);
        let row = |told: &Told| Class::ALL.map(|class| total(told, class).to_string()).join(" | ");
        println!("{name:<8} fencepost {}\n{:<8} Memcheck  {}", row(&ours), "", row(&theirs));
        let differs = |class| total(&ours, class) != total(&theirs, class);
        let is_other = differs(Class::Definite) || differs(Class::Indirect);
        is_other.then(|| format!("{name}: {} instead of {}", row(&ours), row(&theirs)))
    });
    let differences: Vec<String> = differences.into_iter().flatten().collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
