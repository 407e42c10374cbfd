//! Finds out which file of the crate imports from which, by their source text.

use super::source::{self, code_only, line_of, without_tests};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A module that is a file of its own: `["fault", "step"]`.
pub type Module = Vec<String>;

/// The files that one file uses, each with the line of the first use.
pub type Imports = BTreeMap<Module, usize>;

/// The code of the crate's files, without tests, by module.
pub struct Files(BTreeMap<Module, String>);

impl Files {
    /// Reads all files of the crate.
    pub fn read() -> Files {
        let texts = source::files_in("src", &["rs"]).into_iter().map(|file| source::read(&file));
        Files::from_texts(texts)
    }

    /// Takes files by name (`src/fault/step.rs`) and text.
    pub fn from_texts(texts: impl IntoIterator<Item = (String, String)>) -> Files {
        let code =
            |(name, text): (String, String)| (module_of(&name), without_tests(&code_only(&text)));
        let all: BTreeMap<Module, String> = texts.into_iter().map(code).collect();
        // A file that its parent declares only for tests does not count.
        let is_declared = |module: &Module| {
            let (name, parent) = module.split_last().expect("a path");
            let parent = all.get(parent).map(|parent| parent.split_whitespace().collect());
            parent.is_none_or(|parent: Vec<_>| {
                parent.windows(2).any(|pair| pair[0] == "mod" && pair[1] == format!("{name};"))
            })
        };
        let kept = all.iter().filter(|(module, _)| is_declared(module));
        Files(kept.map(|(module, code)| (module.clone(), code.clone())).collect())
    }

    /// Modules of `folder` and below.
    pub fn within<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Module> {
        self.0.keys().filter(move |module| module[0] == folder)
    }

    /// The files that `module` uses.
    pub fn imports_of(&self, module: &Module) -> Imports {
        let code = &self.0[module];
        let mut found = Imports::new();
        let mut names = BTreeMap::new();
        for used in use_declarations(code) {
            let Some(path) = self.absolute(module, &used.path, &BTreeMap::new()) else { continue };
            // An imported module is only a name; the items that are used by this name count.
            if self.0.contains_key(&path) && !used.is_glob {
                names.insert(used.name, path);
            } else {
                self.note(module, &path, used.line, &mut found);
            }
        }
        for (path, line) in paths(code) {
            if let Some(path) = self.absolute(module, &path, &names) {
                self.note(module, &path, line, &mut found);
            }
        }
        found
    }

    /// The path from the crate's root, for `path` as written in `module`; `None` if it leads to another crate.
    fn absolute(
        &self,
        module: &Module,
        path: &[String],
        names: &BTreeMap<String, Module>,
    ) -> Option<Module> {
        let mut from = match path[0].as_str() {
            "crate" => Module::new(),
            "self" => module.clone(),
            "super" => module[..module.len() - 1].to_vec(),
            name => {
                let child = [module.as_slice(), &[name.to_owned()]].concat();
                if self.0.contains_key(&child) { child } else { names.get(name)?.clone() }
            }
        };
        for segment in &path[1..] {
            if segment == "super" {
                from.pop();
            } else {
                from.push(segment.clone());
            }
        }
        Some(from)
    }

    /// Notes a use of the innermost file on the way of `path`.
    fn note(&self, module: &Module, path: &[String], line: usize, found: &mut Imports) {
        let files = (1..=path.len()).rev().map(|length| path[..length].to_vec());
        if let Some(used) = files.into_iter().find(|prefix| self.0.contains_key(prefix))
            && used != *module
        {
            let first = found.entry(used).or_insert(line);
            *first = line.min(*first);
        }
    }

    /// Rings of imports among the files of `folder`; for each file, the shortest ring through it. Each is written
    /// once, as `a (line 3) -> b (line 7) -> a`.
    pub fn rings_within(&self, folder: &str) -> Vec<String> {
        let imports: BTreeMap<&Module, Imports> =
            self.within(folder).map(|module| (module, self.imports_of(module))).collect();
        let mut rings = BTreeMap::new();
        for module in imports.keys() {
            if let Some(ring) = shortest_ring(module, &imports) {
                let members: BTreeSet<&Module> = ring.iter().copied().collect();
                rings.entry(members).or_insert_with(|| written(&ring, &imports));
            }
        }
        rings.into_values().collect()
    }
}

/// The shortest way of imports from `start` back to itself.
fn shortest_ring<'a>(
    start: &'a Module,
    imports: &'a BTreeMap<&'a Module, Imports>,
) -> Option<Vec<&'a Module>> {
    let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(module) = next.pop_front() {
        for used in imports[module].keys() {
            if used == start {
                let mut ring = vec![module];
                while let Some(&earlier) = before.get(ring[ring.len() - 1]) {
                    ring.push(earlier);
                }
                ring.reverse();
                return Some(ring);
            }
            if imports.contains_key(used) && !before.contains_key(used) {
                before.insert(used, module);
                next.push_back(used);
            }
        }
    }
    None
}

fn written(ring: &[&Module], imports: &BTreeMap<&Module, Imports>) -> String {
    let mut text = String::new();
    for (at, module) in ring.iter().enumerate() {
        let used = ring[(at + 1) % ring.len()];
        text += &format!("{} (line {}) -> ", module.join("::"), imports[module][used]);
    }
    text + &ring[0].join("::")
}

/// The module of a file: `heap::slot` for `src/heap/slot.rs`, `heap` for `src/heap/mod.rs`.
pub fn module_of(name: &str) -> Module {
    let inner = name.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').map(str::to_owned).collect()
}

/// One name that a `use` brings in.
struct Used {
    path: Vec<String>,
    name: String,
    is_glob: bool,
    line: usize,
}

/// All names that `use` declarations bring in.
fn use_declarations(code: &str) -> Vec<Used> {
    let mut found = Vec::new();
    let tokens: Vec<(usize, &str)> = tokens(code).collect();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.1 == "use") {
        // `use<'a>` is not a declaration: it says what a type captures.
        if tokens.get(at + 1).is_some_and(|next| next.1 != "<") {
            let line = line_of(code, tokens[at].0);
            expand(&tokens[at + 1..], &[], code, line, &mut found);
        }
    }
    found
}

/// Expands the tree of a `use` at the beginning of `tokens`; returns how many tokens it has.
fn expand(
    tokens: &[(usize, &str)],
    prefix: &[String],
    code: &str,
    line: usize,
    found: &mut Vec<Used>,
) -> usize {
    let mut path = prefix.to_vec();
    let mut name = None;
    let mut at = 0;
    let mut is_done = false;
    while let Some(&(_, token)) = tokens.get(at) {
        match token {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.1 != "}") {
                    at += expand(&tokens[at..], &path, code, line_of(code, tokens[at].0), found);
                    at += usize::from(tokens.get(at).is_some_and(|token| token.1 == ","));
                }
                at += 1;
                is_done = true;
            }
            "*" => {
                found.push(Used { path: path.clone(), name: "*".into(), is_glob: true, line });
                is_done = true;
                at += 1;
            }
            "as" => {
                name = tokens.get(at + 1).map(|next| next.1.to_owned());
                at += 2;
            }
            "self" if !path.is_empty() => at += 1,
            "::" => at += 1,
            _ if token.starts_with(is_name) => {
                path.push(token.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if let (false, Some(last)) = (is_done, path.last()) {
        let name = name.unwrap_or_else(|| last.clone());
        found.push(Used { path, name, is_glob: false, line });
    }
    at
}

/// Paths with several segments outside of `use` declarations, and their lines.
fn paths(code: &str) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    let tokens: Vec<(usize, &str)> = tokens(code).collect();
    let mut at = 0;
    let mut in_use = false;
    while at < tokens.len() {
        let (start, token) = tokens[at];
        in_use = (in_use || token == "use") && token != ";";
        let begins = token.starts_with(is_name) && (at == 0 || tokens[at - 1].1 != "::");
        let mut path = vec![token.to_owned()];
        at += 1;
        if !begins || in_use {
            continue;
        }
        while tokens.get(at).is_some_and(|next| next.1 == "::") {
            match tokens.get(at + 1) {
                Some(next) if next.1.starts_with(is_name) => path.push(next.1.to_owned()),
                _ => break,
            }
            at += 2;
        }
        if path.len() > 1 {
            found.push((path, line_of(code, start)));
        }
    }
    found
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Splits code into words, `::`, and single other characters, each with its offset.
fn tokens(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += code[at..].len() - code[at..].trim_start().len();
        let rest = &code[at..];
        let first = rest.chars().next()?;
        let length = match first {
            ':' if rest.starts_with("::") => 2,
            _ if is_name(first) => rest.find(|char| !is_name(char)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        at += length;
        Some((at - length, &code[at - length..at]))
    })
}
