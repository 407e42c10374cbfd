//! Tests that every format renders every kind of bug, hostile ones too.

use serde_json::Value;

use super::{FORMATS, samples};
use crate::command::collection::{Collection, RunTold};
use fencepost::finding::{
    Bug, Counted, Event, LeakCount, LeakCounts, LeakTotals, Mapping, MappingCall, MappingDeed,
    NotGuarded, Totals,
};

fn collection(bugs: Vec<Bug>) -> Collection {
    let (run, mut end) = samples::run();
    let hostile = samples::HOSTILE.to_owned();
    end.not_guarded = vec![NotGuarded {
        program: hostile.clone(),
        reason: "static".to_owned(),
        by_choice: false,
        times: 3,
    }];
    Collection {
        runs: vec![RunTold { run, end: Some(end) }],
        totals: Totals {
            processes: 31,
            findings: bugs.iter().map(|bug| bug.count).sum(),
            notices: vec![Counted { name: hostile, count: 2 }],
            ..Totals::default()
        },
        bugs,
        ..Collection::default()
    }
}

fn rendered(name: &str, collection: &Collection) -> String {
    let format = FORMATS.iter().find(|format| format.name == name).unwrap();
    let mut out = Vec::new();
    (format.render)(collection, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn all_formats_take_all_bugs_and_none() {
    for format in FORMATS {
        for bugs in [Vec::new(), samples::bugs(), samples::leaks(), vec![Bug::default()]] {
            let collection = collection(bugs);
            let text = rendered(format.name, &collection);
            assert_eq!(text, rendered(format.name, &collection), "{}", format.name);
            assert!(text.is_empty() || text.ends_with('\n'), "{}", format.name);
        }
        assert_eq!(
            rendered(format.name, &Collection::default()),
            rendered(format.name, &Collection::default())
        );
    }
}

#[test]
fn nothing_gets_out_of_a_page() {
    let page = rendered("html", &collection([samples::bugs(), samples::leaks()].concat()));
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("</script>").count(), 1);
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    assert!(!page.chars().any(|c| c.is_control() && c != '\n'));
    for outside in [" src=", "href=\"http", "url(http", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn annotations_are_one_line_each() {
    let text = rendered("github", &collection(samples::bugs()));
    assert_eq!(text.lines().count(), 10, "{text}");
    assert!(text.lines().all(|line| line.starts_with("::error ") || line.starts_with("::notice ")));
    assert!(text.starts_with(
        "::error file=src/list.c,line=55,col=7,title=heap-buffer-overflow%3A Access past the end of a heap object::\
         Write of 4 bytes right after the end of an object of 40 bytes, at src/list.c:55 in visit%0A\
         allocated at src/list.c:12%0A342 findings in 13 processes%0Ain ctest: list.append"
    ), "{text}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}

/// Memory that is lost for certain, perhaps, and with other memory; and what is still reachable.
#[test]
fn leaks_have_the_weight_of_their_class() {
    let mut collection = collection(samples::leaks());
    let counts =
        LeakCounts { definite: LeakCount { bytes: 16, objects: 1 }, ..LeakCounts::default() };
    collection.totals.leaks = Some(LeakTotals { processes: 2, counts });
    let rendered = |name: &str| rendered(name, &collection);
    let json = |name: &str| serde_json::from_str::<Value>(&rendered(name)).unwrap();
    let words = |list: &Value, key: &str| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|it| it[key].as_str().unwrap().to_owned()).collect()
    };
    let levels = words(&json("sarif")["runs"][0]["results"], "level");
    assert_eq!(levels, ["error", "warning", "note", "note", "error"]);
    let severities = words(&json("gitlab"), "severity");
    assert_eq!(severities, ["major", "minor", "info", "info", "major"]);
    let github = rendered("github");
    let commands: Vec<&str> = github.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(commands, ["::error", "::warning", "::notice", "::notice", "::error"]);
    let what = "16 bytes in 1 object are definitely lost (+ 2400 bytes in 2 objects indirectly)";
    for name in ["summary", "text", "github", "gitlab", "sarif", "junit", "html"] {
        assert!(rendered(name).contains(what), "{name}: {}", rendered(name));
    }
    for name in ["text", "sarif", "junit", "html"] {
        assert!(rendered(name).contains("make_value"), "{name}: what is lost with it");
    }
    let junit = rendered("junit");
    assert_eq!((junit.matches("<failure").count(), junit.matches("<skipped").count()), (3, 2));
    let summary = rendered("summary");
    assert!(summary.starts_with("fencepost: 3 bugs, 2 notes in 31 guarded processes\n"));
    for name in ["summary", "html", "markdown"] {
        assert!(rendered(name).contains("in 2 processes"), "{name}: {}", rendered(name));
    }
    assert!(summary.contains("\n  definitely lost: 16 bytes in 1 object\n"), "{summary}");
}

#[test]
fn sarif_says_what_services_ask_for() {
    let log: Value =
        serde_json::from_str(&rendered("sarif", &collection(samples::bugs()))).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(results.len(), 11);
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(result["message"]["text"].as_str().unwrap().len() > 10);
    }
    let first = &results[0];
    let place = &first["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "src/list.c");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
    assert_eq!(place["region"]["startLine"], 55);
    assert_eq!(run["originalUriBaseIds"]["%SRCROOT%"]["uri"], "file:///home/me/list/");
    assert_eq!(first["occurrenceCount"], 342);
    assert_eq!(first["baselineState"], "new");
    assert_eq!(first["partialFingerprints"]["fencepost/v1"], samples::bugs()[0].fingerprint);
    assert_eq!(first["relatedLocations"][0]["id"], 1);
    // Creation of the thread, allocation, free and use, each in its thread.
    let flow = &results[1]["codeFlows"][0]["threadFlows"];
    assert_eq!(flow[0]["locations"].as_array().unwrap().len(), 2);
    assert_eq!(flow[1]["locations"].as_array().unwrap().len(), 2);
    assert_eq!(results[9]["baselineState"], "unchanged");
    assert_eq!(results[10]["suppressions"][0]["justification"], "suppressed by the old parser");
}

#[test]
fn the_calls_of_a_mapping_are_told_with_their_places() {
    let mut bug = samples::bugs().swap_remove(2);
    let place = |name: &str| {
        let mut frame = bug.example.stack[0].clone();
        frame.file = Some(format!("{}/src/{name}", samples::ROOT));
        Event { thread: 0, stack: Some(vec![frame]) }
    };
    let call = |did, name| MappingCall { did, call: String::new(), event: place(name) };
    let calls = vec![call(MappingDeed::Unmapped, "gone.c"), call(MappingDeed::Mapped, "made.c")];
    bug.example.object = None;
    bug.example.mapping = Some(Mapping { place: None, calls });
    let collection = collection(vec![bug]);
    for format in ["text", "sarif", "github", "markdown", "html", "valgrind"] {
        let text = rendered(format, &collection);
        let told = ["made.c", "gone.c"].iter().all(|name| text.contains(name));
        assert!(told && text.to_lowercase().contains("unmapped"), "{format}: {text}");
    }
}

#[test]
fn what_libc_still_does_is_told_with_where_it_began() {
    let mut bug = samples::bugs().swap_remove(2);
    let mut frame = bug.example.stack[0].clone();
    frame.file = Some(format!("{}/src/begin.c", samples::ROOT));
    bug.example.begun = Some(Event { thread: 0, stack: Some(vec![frame]) });
    let collection = collection(vec![bug]);
    for format in ["text", "sarif", "github", "markdown", "html", "valgrind"] {
        let text = rendered(format, &collection);
        assert!(text.contains("begin.c") && text.to_lowercase().contains("begun"), "{text}");
    }
}

#[test]
fn gitlab_gets_the_fields_it_asks_for() {
    let list: Value =
        serde_json::from_str(&rendered("gitlab", &collection(samples::bugs()))).unwrap();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 9);
    assert_eq!(
        list[0]["location"],
        serde_json::json!({"path": "src/list.c", "lines": {"begin": 55}})
    );
    assert_eq!(list[6]["location"]["path"], "build/list", "the module");
    for entry in list {
        assert!(entry["description"].is_string() && entry["check_name"].is_string());
        assert!(entry["fingerprint"].is_string() && entry["severity"] == "critical");
    }
}

#[test]
fn the_source_root_can_be_named() {
    let mut collection = collection(samples::bugs());
    collection.source_root = Some("/home".to_owned());
    assert!(rendered("github", &collection).starts_with("::error file=me/list/src/list.c,line=55"));
}

#[test]
fn markdown_fits_a_step_summary() {
    let text = rendered("markdown", &collection(samples::many(10_000)));
    assert!(text.len() < 1024 * 1024, "{}", text.len());
    assert!(text.contains("more bugs are not shown here"));
    let text = rendered("markdown", &collection(samples::bugs()));
    assert_eq!(text.matches("<details>").count(), 9);
    let outside_reports = text.split("```").step_by(2);
    assert!(outside_reports.clone().count() > 9);
    for part in outside_reports {
        assert!(
            !part.contains("<script") && !part.contains("[link]") && !part.contains("\u{1b}"),
            "{part}"
        );
    }
}
