//! Lists of the codes of code systems.

use super::Compiler;
use crate::diag::codes;
use std::collections::HashSet;

impl Compiler<'_> {
    /// Reads the lists. One without codes, of a national system that was not filled in, says nothing.
    pub(super) fn code_lists(&mut self, file: &dyn Fn(&str) -> Option<String>) {
        let lens = self.lens;
        for list in &lens.lists {
            let Some(text) = file(&list.file.text) else {
                let message = format!("the file `{}` is not there", list.file.text);
                self.fault(codes::LENS_FILE, list.file.span, message, "");
                continue;
            };
            let rows = text.trim_start_matches('\u{feff}').lines().skip(1);
            let first = rows.map(|row| row.split('\t').next().unwrap_or("").trim().to_owned());
            let known: HashSet<String> = first.filter(|code| !code.is_empty()).collect();
            if !known.is_empty() {
                self.lists.insert(list.system.text.clone(), known);
            }
        }
    }
}
