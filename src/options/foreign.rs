//! Options of Valgrind and AddressSanitizer: tells users of those what to use here instead.

/// Names of such options, and what their users need to know.
const FOREIGN: &[(&[&str], &str)] = &[
    (
        &["leak-check", "detect-leaks"],
        "leaks=summary looks for leaks when the process ends, and leaks=full tells of each",
    ),
    (
        &["show-leak-kinds", "show-reachable", "show-possibly-lost"],
        "leak-kinds=LIST says which of definite, indirect, possible and reachable are told",
    ),
    (
        &["errors-for-leak-kinds"],
        "what is definitely or possibly lost fails a run, and nothing else",
    ),
    (&["leak-resolution"], "leaks are told apart by their whole stacks; see stack-depth"),
    (&["leak-check-heuristics"], "leak-heuristics=LIST says which pointers into objects count"),
    (
        &["use-registers", "use-stacks", "use-globals", "use-tls", "use-root-regions"],
        "all memory that the program can reach is searched for pointers",
    ),
    (&["use-unaligned"], "only aligned pointers are seen, as by Memcheck"),
    (
        &["log-file", "log-fd", "log-socket", "output"],
        "log-path=PATH writes the reports of each process to PATH.PID",
    ),
    (
        &["suppressions", "gen-suppressions", "default-suppressions"],
        "known bugs are named by the flags --suppressions and --baseline of fencepost run",
    ),
    (
        &["quiet"],
        "without a bug only notices are printed, and summary=never leaves out those of the end",
    ),
    (
        &["track-origins", "undef-value-errors", "poison-heap"],
        "the use of uninitialised memory is not looked for; alloc-fill=BYTE makes it visible",
    ),
    (
        &["halt-on-error", "exit-on-first-error", "continue-on-error"],
        "a report ends the program, and keep-going=yes goes on",
    ),
    (&["abort-on-error"], "a bad call ends by abort, a bad access by SIGSEGV; see error-exitcode"),
    (&["exitcode", "exit-code"], "error-exitcode=N is the exit code after a report"),
    (&["error-limit", "max-errors"], "max-reports=N limits the reports with keep-going=yes"),
    (&["num-callers", "malloc-context-size"], "stack-depth=N sets the frames of each stack"),
    (
        &["fast-unwind-on-malloc", "fast-unwind-on-fatal"],
        "unwinder=tables|system chooses who walks the stack",
    ),
    (
        &["trace-children", "trace-children-skip", "child-silent-after-fork"],
        "children are guarded; follow=PROGRAMS says which",
    ),
    (&["tool"], "there is one tool, which guards the heap"),
    (&["verbosity"], "verbose=yes says which backend was taken"),
    (&["malloc-fill", "max-malloc-fill-size"], "alloc-fill=BYTE fills fresh objects"),
    (&["max-free-fill-size"], "free-fill=BYTE fills freed objects"),
    (
        &["redzone", "redzone-size"],
        "canary-bytes=N sets the bytes beside an object that are checked",
    ),
    (
        &[
            "quarantine-size-mb",
            "thread-local-quarantine-size-kb",
            "freelist-vol",
            "freelist-big-blocks",
        ],
        "freed addresses are never used again; history=MIB sets how much is remembered of them",
    ),
    (
        &["handle-segv", "handle-sigbus", "handle-abort", "handle-sigill", "handle-sigfpe"],
        "report-crashes=yes|no says whether other crashes are reported",
    ),
    (
        &["allocator-may-return-null", "max-allocation-size-mb"],
        "what can't be granted returns NULL, and bad-requests=report reports it",
    ),
    (
        &["detect-stack-use-after-return", "check-initialization-order", "detect-odr-violation"],
        "only the heap is guarded",
    ),
    (
        &["strict-string-checks", "replace-str", "replace-intrin", "intercept-strlen"],
        "check-calls=yes|no says whether libc calls are checked",
    ),
    (
        &["vgdb", "vgdb-error", "db-attach", "sleep-before-dying"],
        "docs/debugging.md shows the use of gdb",
    ),
    (&["xml", "xml-file", "json"], "reports are plain text"),
];

/// What to tell a user of the option `name`; `None` if no such tool has that option.
pub fn words(name: &str) -> Option<&'static str> {
    let name = name.replace('_', "-");
    let found = FOREIGN.iter().find(|(names, _)| names.contains(&name.as_str()));
    found.map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::OPTIONS;

    #[test]
    fn no_name_of_another_tool_is_ours_or_there_twice() {
        let names: Vec<&str> = FOREIGN.iter().flat_map(|(names, _)| *names).copied().collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!OPTIONS.iter().any(|spec| spec.is_named(name)), "{name} is ours");
            assert!(!names[..at].contains(name), "{name} is there twice");
        }
    }

    #[test]
    fn what_is_named_for_users_exists() {
        for (_, words) in FOREIGN {
            for (at, _) in words.match_indices('=') {
                let name = words[..at].rsplit([' ', ';']).next().unwrap();
                assert!(OPTIONS.iter().any(|spec| spec.is_named(name)), "{name} in: {words}");
            }
        }
        assert_eq!(words("halt_on_error"), words("halt-on-error"));
        assert_eq!(words("leak"), None);
    }
}
