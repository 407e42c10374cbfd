//! Dependencies of the package have licences that go with ours, and come from crates.io. Those that are built into it
//! have one version each. (Dependencies of tests may have two.)

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Licences of which a dependency must offer one.
const LICENCES: [&str; 8] =
    ["MIT", "MIT-0", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib", "Unicode-3.0"];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What cargo knows of the dependencies on this kind of machine.
fn metadata() -> Value {
    let said = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("JSON")
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().expect("a list")
}

/// The packages that are needed; those for the tests alone only `with_tests`.
fn packages(with_tests: bool) -> Vec<Value> {
    let metadata = metadata();
    let resolve = &metadata["resolve"];
    let mut needed = vec![&resolve["root"]];
    let mut next = 0;
    while let Some(&id) = needed.get(next) {
        next += 1;
        let node = list(resolve, "nodes").iter().find(|node| &node["id"] == id).expect("a node");
        for dependency in list(node, "deps") {
            let is_needed = |kind: &Value| with_tests || kind["kind"] != "dev";
            let is_wanted = list(dependency, "dep_kinds").iter().any(is_needed);
            if is_wanted && !needed.contains(&&dependency["pkg"]) {
                needed.push(&dependency["pkg"]);
            }
        }
    }
    assert!(needed.len() > 10, "only {} packages, so the search is broken", needed.len());
    let all = list(&metadata, "packages").iter();
    all.filter(|package| needed.contains(&&package["id"])).cloned().collect()
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

/// Whether an SPDX expression can be met by [`LICENCES`]: by all parts of an AND, and one of an OR.
fn is_permitted(expression: &str) -> bool {
    let permits = |licence: &str| {
        let plain = licence.trim().trim_matches(['(', ')']);
        LICENCES.contains(&plain)
    };
    // The form of old manifests; AND binds tighter, and around an OR has brackets.
    let expression = expression.replace('/', " OR ");
    if let Some((all, one)) = expression.split_once(" AND (") {
        return is_permitted(all) && is_permitted(one.trim_end_matches(')'));
    }
    if let Some((one, all)) = expression.strip_prefix('(').and_then(|it| it.split_once(") AND ")) {
        return is_permitted(one) && is_permitted(all);
    }
    expression.split(" OR ").any(|part| part.split(" AND ").all(permits))
}

#[test]
fn every_licence_is_permitted() {
    let wrong: Vec<String> = packages(true)
        .iter()
        .filter(|package| !is_permitted(text(package, "license")))
        .map(|package| format!("{}: {:?}", text(package, "name"), text(package, "license")))
        .collect();
    assert!(wrong.is_empty(), "of no licence on the list: {wrong:?}");
}

#[test]
fn all_come_from_crates_io() {
    let wrong: Vec<String> = packages(true)
        .iter()
        .filter(|package| text(package, "name") != env!("CARGO_PKG_NAME"))
        .filter(|package| text(package, "source") != CRATES_IO)
        .map(|package| format!("{}: {:?}", text(package, "name"), text(package, "source")))
        .collect();
    assert!(wrong.is_empty(), "from elsewhere: {wrong:?}");
}

#[test]
fn what_is_built_in_is_there_in_one_version() {
    let packages = packages(false);
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &packages {
        versions.entry(text(package, "name")).or_default().push(text(package, "version"));
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "in several versions: {versions:?}");
}

#[test]
fn an_expression_is_met_by_what_it_demands() {
    for permitted in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR X) AND Unicode-3.0"] {
        assert!(is_permitted(permitted), "{permitted}");
    }
    for forbidden in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR X) AND GPL-3.0", "0BSD OR X"] {
        assert!(!is_permitted(forbidden), "{forbidden}");
    }
}
