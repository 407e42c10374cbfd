//! Notices: what the user must know about a process, but is no bug. Each is one line, with the process's name and id.

use crate::ledger;
use crate::printable::printable;
use crate::report::{record, sink};
use crate::runtime::Runtime;
use crate::sys::lock::Lock;
use crate::sys::scope::RuntimeScope;
use std::collections::BTreeSet;

/// Says `words`, unless this process has said the same, or under `fencepost run` another of its tree.
pub fn say(runtime: &Runtime, words: &str) {
    let _scope = RuntimeScope::enter();
    if let Some(line) = note(runtime, words) {
        sink::write(runtime, &line);
    }
}

/// Leaves a record of `words`, and returns the line that says them; `None` if that was said already.
pub fn note(runtime: &Runtime, words: &str) -> Option<String> {
    record::notice(runtime, words);
    static SAID: Lock<BTreeSet<String>> = Lock::new(BTreeSet::new());
    let is_news = match ledger::get() {
        Some(ledger) => ledger.is_news(words),
        None => SAID.lock().insert(words.to_owned()),
    };
    let name = printable(runtime.program_name());
    is_news.then(|| format!("fencepost: {name} ({}): {words}\n", runtime.pid()))
}
