//! Tests the option table and its reader, with good and bad text.

use super::*;

fn error(text: &str) -> String {
    Options::parse(text).expect_err(text).to_string()
}

#[test]
fn nothing_given_is_the_defaults() {
    let options = Options::parse("").unwrap();
    assert_eq!(options, Options::default());
    assert_eq!(options.backend, BackendChoice::Auto);
    assert_eq!(options.placement, Placement::Right);
    assert_eq!(options.stack_depth, 32);
    assert_eq!(options.canary_bytes, 128);
    assert_eq!(options.error_exitcode, None);
    assert!(options.symbolize && options.check_calls && options.check_at_exit && !options.verbose);
    assert_eq!(options.encode(), "");
}

#[test]
fn every_default_fits_its_own_form() {
    for spec in OPTIONS {
        let mut options = Options::default();
        options.set(spec.name, &spec.default_text()).expect(spec.name);
        assert_eq!(options, Options::default(), "{}", spec.name);
    }
}

#[test]
fn table_is_consistent() {
    for (index, spec) in OPTIONS.iter().enumerate() {
        assert!(OPTIONS[..index].iter().all(|other| other.name != spec.name), "{}", spec.name);
        assert!(spec.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        let first = OPTIONS.iter().position(|other| other.group == spec.group).unwrap();
        assert!(
            OPTIONS[first..index].iter().all(|other| other.group == spec.group),
            "{}",
            spec.name
        );
        assert!(spec.help().ends_with('.') && !spec.help().contains("  "), "{}", spec.name);
    }
}

#[test]
fn values_are_stored() {
    let options = Options::parse(
        "backend=userfaultfd:placement=random:seed=18446744073709551615:error-exitcode=255:keep-going=yes:max-reports=5:\
         log-path=/tmp/a:report-dir=/tmp/b:known=/tmp/c:stack-depth=256:unwinder=system:memory-limit=64:follow=a*,!b:canary-bytes=0:\
         alloc-fill=170:free-fill=165:revoke=batch:8:confine=yes:sample=50:budget=70%:budget-memory=0%:focus=a*,24:history=7:quarantine=9:mappings=guard,check:alloc-dealloc-mismatch=no:new-delete-type-mismatch=no:\
         free-size-mismatch=no:bad-requests=report:report-crashes=no:symbolize=no:all-frames=yes:color=never:check-calls=no:check-at-exit=off:\
         leaks=full:leak-kinds=all:leak-heuristics=none:leak-pointer-mask=0x7:leak-signal=USR2:leaks-at-quick-exit=yes:leak-mappings=yes:verbose=1:stats=on:summary=never",
    )
    .unwrap();
    let expected = Options {
        backend: BackendChoice::Userfaultfd,
        placement: Placement::Random,
        seed: u64::MAX,
        error_exitcode: Some(255),
        keep_going: true,
        max_reports: 5,
        log_path: Some("/tmp/a".to_string()),
        report_dir: Some("/tmp/b".to_string()),
        known: Some("/tmp/c".to_string()),
        stack_depth: 256,
        unwinder: Unwinder::System,
        memory_limit_mib: 64,
        follow: Options::parse("follow=a*,!b").unwrap().follow,
        canary_bytes: 0,
        alloc_fill: Some(170),
        free_fill: Some(165),
        revoke: Revocation::Batch(8),
        confine: ConfineChoice::Yes,
        sample: 50,
        budget: Some(Percent(70)),
        budget_memory: Percent(0),
        focus: Options::parse("focus=a*,24").unwrap().focus,
        history_mib: 7,
        quarantine_mib: 9,
        mappings: MappingsChoice::GUARD.and(MappingsChoice::CHECK),
        alloc_dealloc_mismatch: false,
        new_delete_type_mismatch: false,
        free_size_mismatch: false,
        bad_requests: BadRequests::Report,
        report_crashes: false,
        symbolize: false,
        all_frames: true,
        color: ColorChoice::Never,
        check_calls: false,
        check_at_exit: false,
        verbose: true,
        stats: true,
        summary: SummaryChoice::Never,
        leaks: LeakCheck::Full,
        leak_kinds: LeakKinds::ALL,
        leak_heuristics: Heuristics::NONE,
        leak_pointer_mask: Options::parse("leak-pointer-mask=7").unwrap().leak_pointer_mask,
        leak_signal: Options::parse("leak-signal=12").unwrap().leak_signal,
        leak_mappings: true,
        leaks_at_quick_exit: true,
    };
    assert_eq!(options, expected);
}

#[test]
fn a_batch_may_have_a_size() {
    let read = |text| Options::parse(text).map(|options| options.revoke);
    assert_eq!(read("revoke=batch"), Ok(Revocation::Batch(64)));
    assert_eq!(read("revoke=batch:2:seed=1"), Ok(Revocation::Batch(2)));
    assert_eq!(read(r"revoke=batch\:512"), Ok(Revocation::Batch(512)));
    assert_eq!(read("revoke=immediate"), Ok(Revocation::Immediate));
    for wrong in ["revoke=batch:1", "revoke=batch:513", "revoke=batches", "revoke="] {
        let result = read(wrong);
        assert!(result.is_err(), "{wrong}: {result:?}");
    }
    assert!(read("seed=1:8").is_err());
}

#[test]
fn dash_and_underscore_are_the_same_in_names() {
    for text in ["error-exitcode=9", "error_exitcode=9"] {
        assert_eq!(Options::parse(text).unwrap().error_exitcode, Some(9));
    }
}

#[test]
fn last_value_counts_and_empty_parts_are_skipped() {
    let options = Options::parse(":seed=1::seed=2:").unwrap();
    assert_eq!(options.seed, 2);
}

#[test]
fn empty_value_unsets() {
    let options = Options::parse("log-path=x:log-path=:error-exitcode=3:error-exitcode=").unwrap();
    assert_eq!(options, Options::default());
}

#[test]
fn values_hold_escaped_colons_and_equals_signs() {
    let options = Options::parse(r"log-path=/a\:b\\c=d:seed=3").unwrap();
    assert_eq!(options.log_path.as_deref(), Some(r"/a:b\c=d"));
    assert_eq!(options.seed, 3);
}

#[test]
fn errors_are_one_clear_sentence() {
    assert_eq!(error("placment=left"), "unknown option 'placment'; did you mean 'placement'?");
    assert_eq!(error("stack_dept=3"), "unknown option 'stack_dept'; did you mean 'stack-depth'?");
    assert_eq!(error("walrus=3"), "unknown option 'walrus'");
    assert_eq!(error("verbose"), "option 'verbose' has no value; write it as name=value");
    assert_eq!(
        error("stack-depth=257"),
        "option 'stack-depth' takes a whole number from 1 to 256, not '257'"
    );
    assert_eq!(
        error("placement=middle"),
        "option 'placement' takes one of right, left, exact, random, not 'middle'"
    );
    assert_eq!(error("symbolize=maybe"), "option 'symbolize' takes yes or no, not 'maybe'");
    assert_eq!(error("seed=-1"), "option 'seed' takes a whole number below 2^64, not '-1'");
    assert_eq!(
        error(r"log-path=C\x"),
        r"a backslash in the options must be followed by ':' or '\'"
    );
}

#[test]
fn ranges_are_checked_at_both_ends() {
    for (text, valid) in [
        ("error-exitcode=0", false),
        ("error-exitcode=1", true),
        ("error-exitcode=256", false),
        ("stack-depth=0", false),
        ("canary-bytes=4096", true),
        ("canary-bytes=4097", false),
        ("seed=18446744073709551616", false),
        ("seed=", false),
        ("seed=+1", false),
        ("seed= 1", false),
        ("placement=", false),
    ] {
        assert_eq!(Options::parse(text).is_ok(), valid, "{text}");
    }
}

/// A small generator (xorshift), so that the loops below are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn text(&mut self) -> String {
        const ALPHABET: [char; 12] = [':', '\\', '=', '-', '_', ' ', '\n', 'é', '0', '9', 's', '/'];
        (0..self.below(12)).map(|_| ALPHABET[self.below(12) as usize]).collect()
    }

    fn value(&mut self, form: &Form) -> String {
        match form {
            Form::Choice(choices) => {
                choices[self.below(choices.len() as u64) as usize].name.to_string()
            }
            Form::Number { min, max } => {
                (min + self.below((max - min).saturating_add(1))).to_string()
            }
            Form::Bool => ["yes", "no"][self.below(2) as usize].to_string(),
            Form::Path => self.text(),
            Form::Words(choices) => match self.below(3) {
                0 => ["all", "none"][self.below(2) as usize].to_string(),
                _ => choices[self.below(choices.len() as u64) as usize].name.to_string(),
            },
            Form::Bits => format!("{:#x}", self.below(u64::MAX)),
            Form::Signal => ["HUP", "10", "64"][self.below(3) as usize].to_string(),
            Form::Programs => {
                ["all", "none", "a,!b*", "!/a:b/*"][self.below(4) as usize].to_string()
            }
            Form::Focus => ["a*", "24-40,a.c", ""][self.below(3) as usize].to_string(),
            Form::Percent { min, max } => {
                format!("{}%", u64::from(*min) + self.below(u64::from(max - min)))
            }
            Form::Revocation { min, max } => match self.below(2) {
                0 => "immediate".to_string(),
                _ => format!("batch:{}", u64::from(*min) + self.below(u64::from(max - min))),
            },
        }
    }
}

#[test]
fn parse_inverts_encode() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..5_000 {
        let mut options = Options::default();
        for spec in OPTIONS {
            if random.below(2) == 0 {
                let value = random.value(&spec.form);
                options.set(spec.name, &value).unwrap();
            }
        }
        let text = options.encode();
        assert_eq!(Options::parse(&text), Ok(options), "{text}");
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let mut text = random.text();
        for _ in 0..random.below(4) {
            let spec = &OPTIONS[random.below(OPTIONS.len() as u64) as usize];
            text.push_str(&spec.name[..random.below(spec.name.len() as u64 + 1) as usize]);
            text.push_str(&random.text());
        }
        if let Err(error) = Options::parse(&text) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
