//! What tells one finding from another over many runs.

use super::Finding;
use crate::schema::sha256;
use std::collections::HashMap;

/// Gives fingerprints: the same finding has the same one in the next run, also where lines above it have come or gone.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    seen: HashMap<String, usize>,
}

impl Fingerprints {
    /// From code, rule, element and file, never from a value. Alike findings of one run are counted.
    pub(super) fn of(&mut self, finding: &Finding) -> String {
        let rule = finding.rule.as_deref().unwrap_or("");
        let key = [finding.code, rule, &finding.path, &finding.file].join("\n");
        let before = self.seen.entry(key.clone()).or_insert(0);
        *before += 1;
        if *before == 1 {
            return sha256::hex(key.as_bytes());
        }
        sha256::hex(format!("{key}\n{before}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::finding;
    use super::*;
    use crate::diag::Severity;

    #[test]
    fn a_finding_is_known_again_wherever_its_line_has_gone() {
        let first = finding("a.json", Severity::Error);
        let moved = Finding { line: Some(90), value: Some("Aino".to_owned()), ..first.clone() };
        let (mut now, mut later) = (Fingerprints::default(), Fingerprints::default());
        assert_eq!(now.of(&first), later.of(&moved));
        assert_ne!(now.of(&first), later.of(&finding("b.json", Severity::Error)));
    }

    #[test]
    fn findings_that_are_alike_have_two() {
        let mut prints = Fingerprints::default();
        let alike = finding("a.json", Severity::Error);
        assert_ne!(prints.of(&alike), prints.of(&alike));
    }
}
