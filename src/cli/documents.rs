//! The report of a run over many documents, for people and for programs.

use super::console::{Console, Stop};
use super::report::Tally;
use serde::Serialize;

/// Tells of documents one by one: for programs as one JSON object, `documents` and then the `summary`.
pub(super) struct Documents<'a> {
    console: &'a Console,
    /// Documents go to standard output, so the report goes to standard error.
    beside: bool,
    begun: bool,
}

impl<'a> Documents<'a> {
    pub(super) const fn new(console: &'a Console, beside: bool) -> Self {
        Self { console, beside, begun: false }
    }

    /// One document, for programs.
    pub(super) fn row(&mut self, row: &impl Serialize) -> Result<(), Stop> {
        let start = self.start(",");
        self.begun = true;
        self.say(&format!("{start}\n{}", serde_json::to_string(row).unwrap_or_default()))
    }

    /// The summary; people are told where it is worth a line.
    pub(super) fn finish(&self, tally: Tally, is_many: bool) -> Result<(), Stop> {
        if self.console.is_json() {
            let summary = serde_json::to_string(&tally).unwrap_or_default();
            return self.say(&format!("{}\n],\"summary\":{summary}}}\n", self.start("")));
        }
        if (is_many || tally.errors + tally.warnings > 0) && !self.console.quiet {
            Console::note(&format!("{}\n", tally.to_human()));
        }
        Ok(())
    }

    const fn start(&self, between: &'static str) -> &'static str {
        if self.begun { between } else { "{\"documents\":[" }
    }

    fn say(&self, text: &str) -> Result<(), Stop> {
        if self.beside {
            Console::note(text);
            return Ok(());
        }
        Console::print(text)
    }
}
