//! What the `log` clauses of a map said of a document.

use super::console::{Add, Console, clean};
use super::map_run::Ready;
use super::mask::Mask;
use crate::diag::LineIndex;
use crate::mapping::fml::Output;

/// What one clause said, with the place of its rule.
#[derive(Debug, serde::Serialize)]
pub(super) struct Entry {
    map: String,
    line: u32,
    rule: String,
    /// Masked, unless values are shown.
    text: String,
}

/// Everything that was logged in a run.
pub(super) fn entries(ready: &Ready, output: &Output, console: &Console) -> Vec<Entry> {
    if output.logs.is_empty() {
        return Vec::new();
    }
    let indexes: Vec<LineIndex<'_>> = ready.loaded.iter().map(|one| LineIndex::new(&one.text)).collect();
    let mask = if console.show_values { Mask::Open } else { Mask::Plain };
    let entry = |log: &crate::mapping::fml::Log| {
        let rule = ready.program.rule(log.rule)?;
        Some(Entry {
            map: clean(&ready.loaded.get(rule.map)?.file),
            line: indexes.get(rule.map)?.place(rule.span.start).line,
            rule: clean(format!("{} {}", rule.group, rule.name).trim_end()),
            text: clean(&mask.apply(log.text.reveal())),
        })
    };
    output.logs.iter().filter_map(entry).collect()
}

/// Tells people what was logged of a document.
pub(super) fn tell(document: &str, entries: &[Entry], console: &Console) {
    if entries.is_empty() || console.quiet || console.is_json() {
        return;
    }
    let mut lines = String::new();
    for Entry { map, line, rule, text } in entries {
        lines.add(format_args!("log: {}: {map}:{line} {rule}: {text}\n", clean(document)));
    }
    Console::note(&lines);
}
