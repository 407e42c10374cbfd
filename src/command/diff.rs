//! The difference between two collections.

use fencepost::finding::Bug;
use fencepost::printable::printable;

use super::collection::Collection;
use super::format::summary;
use super::known;

/// Lists new bugs, bugs that are gone, and bugs that are still there.
pub fn words(old: &Collection, new: &Collection) -> String {
    let (in_old, in_new) = (known::baseline_of(old), known::baseline_of(new));
    let (there, news): (Vec<&Bug>, Vec<&Bug>) =
        new.bugs.iter().partition(|bug| known::is_in(&in_old, bug));
    let gone: Vec<&Bug> = old.bugs.iter().filter(|bug| !known::is_in(&in_new, bug)).collect();
    let mut text =
        format!("{} new, {} gone, {} still there\n", news.len(), gone.len(), there.len());
    for (heading, bugs) in [("new", news), ("gone", gone), ("still there", there)] {
        if bugs.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{heading}:\n"));
        for bug in bugs {
            let times = summary::times(bug.count);
            let (summary, fingerprint) = (printable(&bug.summary), printable(&bug.fingerprint));
            text.push_str(&format!("  {summary} ({times}) [{fingerprint}]\n"));
        }
    }
    text
}
