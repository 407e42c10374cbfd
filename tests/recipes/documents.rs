//! What docs/ci.md gives to be copied: it is well-formed, and matches what the command says.

use super::support::backend::fencepost_run;
use super::support::compile::build_program;
use super::support::process::Exit;
use super::support::source;
use super::{Project, has, run, source_folder};

/// The blocks of docs/ci.md in this language.
fn blocks(language: &str) -> Vec<String> {
    let (_, text) = source::read(&source::package().join("docs/ci.md"));
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn workflows_are_yaml_and_name_what_they_make() {
    const CHECK: &str = "
import sys, yaml
github, gitlab = (yaml.safe_load(open(name)) for name in sys.argv[1:])
steps = github['jobs']['guard']['steps']
made = ' '.join(step.get('run', '') for step in steps)
(sarif,) = (step['with']['sarif_file'] for step in steps if 'sarif' in step.get('uses', ''))
assert sarif in made, made
made = ' '.join(gitlab['guard']['after_script'])
assert gitlab['guard']['artifacts']['paths'][0] in made, made
for report in gitlab['guard']['artifacts']['reports'].values():
    assert report in made, made
";
    let project = Project::new("workflows", &[]);
    let blocks = blocks("yaml");
    assert_eq!(blocks.len(), 2, "of GitHub and of GitLab");
    for (name, block) in ["github.yml", "gitlab.yml"].iter().zip(&blocks) {
        std::fs::write(project.path(name), block).expect("the folder is writable");
    }
    if run(&mut project.command(&["/usr/bin/python3", "-c", "import yaml"])).exit != Exit::Code(0) {
        return super::support::say_skipped("workflows: no package python3-yaml");
    }
    project.must(&["/usr/bin/python3", "-c", CHECK, "github.yml", "gitlab.yml"]);
}

/// The expression is one for JavaScript; it uses nothing that Python has not.
#[test]
fn the_problem_matcher_finds_the_line_of_a_bug() {
    const MATCH: &str = "
import re, sys
expression, report = sys.argv[1:]
(found,) = (match for match in map(re.compile(expression).match, report.splitlines()) if match)
print('|'.join(found.groups()))
";
    if !has("the problem matcher", &["python3"]) {
        return;
    }
    let project = Project::new("problems", &[]);
    let source = source_folder().join("programs/overrun.c");
    let program = project.path("overrun");
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    let report = run(&mut fencepost_run("auto", [], &program)).stderr;
    let blocks = blocks("json");
    let tasks: serde_json::Value = serde_json::from_str(&blocks[0]).expect("tasks.json is JSON");
    let pattern = &tasks["tasks"][0]["problemMatcher"]["pattern"];
    let expression = pattern["regexp"].as_str().expect("an expression");
    let found = project.must(&["python3", "-c", MATCH, expression, &report]).stdout;
    let groups: Vec<&str> = found.trim().split('|').collect();
    let group = |name: &str| {
        let number = pattern[name].as_u64().expect("the number of a group");
        groups[usize::try_from(number).expect("a small number") - 1]
    };
    assert_eq!(group("code"), "heap-buffer-overflow");
    assert!(group("file").ends_with("programs/overrun.c"), "{found}");
    let text = std::fs::read_to_string(&source).expect("the source");
    let line = text.lines().position(|line| line.contains("/* BUG")).expect("it is marked") + 1;
    assert_eq!(group("line"), line.to_string());
    assert!(group("message").starts_with("sum"), "{found}");
}
