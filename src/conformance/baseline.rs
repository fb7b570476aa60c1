//! Findings that are known, each with the reason why it may stand and the day until which it may.
//!
//! The list goes both ways: a finding that is not in it fails as always, and an entry that no longer occurs, or whose day
//! is over, is a finding itself. So the list can only shrink unless somebody writes down why it grows.

use super::report::Finding;
use crate::diag::{Issue, LineIndex, Severity, Span, codes};
use crate::fhirpath::Temporal;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Entries of one list.
const ENTRIES_MAX: usize = 100_000;
/// Letters that a reason has at least.
const REASON_CHARS_MIN: usize = 10;

const HEAD: &str = "\
# Known findings of `sauma validate`: each with the reason why it may stand and the last day on which it may.
# `sauma baseline write` keeps the reasons and days of entries that are still needed.
";

/// What makes a finding the same in the next run: never a line, which moves, and never a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    file: String,
    code: String,
    path: String,
    rule: String,
}

impl Key {
    fn of(finding: &Finding) -> Self {
        Self {
            file: finding.file.clone(),
            code: finding.code.to_owned(),
            path: finding.path.clone(),
            rule: finding.rule.clone().unwrap_or_default(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    finding: Vec<toml::Spanned<Row>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    file: String,
    code: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    rule: String,
    #[serde(default = "once")]
    count: usize,
    reason: String,
    expires: String,
}

const fn once() -> usize {
    1
}

#[derive(Debug, Clone)]
struct Entry {
    /// How often the finding occurs.
    count: usize,
    /// How many of them this run has met.
    met: usize,
    reason: String,
    expires: String,
    /// The line of the entry in the list.
    line: u32,
}

/// A list of known findings, and which of them a run has met.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    entries: BTreeMap<Key, Entry>,
}

/// Why a new entry may stand.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The reason.
    pub reason: &'a str,
    /// The last day, as `2026-12-31`.
    pub expires: &'a str,
}

impl Baseline {
    /// Reads a list.
    ///
    /// # Errors
    /// It is not TOML of this form, an entry stands twice, or one has no reason or no day.
    pub fn read(text: &str) -> Result<Self, Box<Issue>> {
        let refuse = |span: Span, message: &str| Box::new(Issue::error(codes::BASELINE_SHAPE, span, message));
        let table: Table = toml::from_str(text).map_err(|error| {
            let span = error.span().map_or_else(Span::default, |range| span(&range));
            refuse(span, error.message().trim_end())
        })?;
        if table.finding.len() > ENTRIES_MAX {
            return Err(refuse(Span::default(), &format!("it has over {ENTRIES_MAX} entries")));
        }
        let lines = LineIndex::new(text);
        let mut entries = BTreeMap::new();
        for row in table.finding {
            let place = span(&row.span());
            let Row { file, code, path, rule, count, reason, expires } = row.into_inner();
            let terms = Terms { reason: &reason, expires: &expires };
            terms.check().map_err(|why| refuse(place, why))?;
            if codes::find(&code).is_none() {
                return Err(refuse(place, "there is no such code"));
            }
            let line = lines.place(place.start).line;
            let entry = Entry { count, met: 0, reason, expires, line };
            if entries.insert(Key { file, code, path, rule }, entry).is_some() {
                return Err(refuse(place, "an entry stands twice; `count` says how often a finding occurs"));
            }
        }
        Ok(Self { entries })
    }

    /// True where the list knows a finding whose day is not over. Asked once for each finding of the run.
    pub fn knows(&mut self, finding: &Finding, today: &str) -> bool {
        match self.entries.get_mut(&Key::of(finding)) {
            Some(entry) if entry.met < entry.count => {
                entry.met += 1;
                entry.expires.as_str() >= today
            }
            Some(_) | None => false,
        }
    }

    /// What is wrong with the list itself after a run over `files`: entries whose day is over, and entries that occur
    /// less often than they say. Entries of other files are not judged, unless the run was over everything.
    pub fn faults(&self, list: &str, files: Option<&BTreeSet<String>>, today: &str) -> Vec<Finding> {
        let judged = |key: &&Key| files.is_none_or(|files| files.contains(&key.file));
        let mut found = Vec::new();
        for (key, entry) in self.entries.iter().filter(|(key, _)| judged(key)) {
            let about = format!("{} at {} of {}", key.code, key.path, key.file);
            if entry.met < entry.count {
                let message = format!("{about} occurs {} times, not {}", entry.met, entry.count);
                found.push(fault(codes::BASELINE_STALE, list, entry.line, message));
            } else if entry.expires.as_str() < today {
                let message = format!("{about} was to be mended by {}", entry.expires);
                found.push(fault(codes::BASELINE_EXPIRED, list, entry.line, message));
            }
        }
        found
    }

    /// The list of these findings. What this list knows keeps its reason and its day.
    ///
    /// # Errors
    /// What is wrong with the terms of the new entries, where there are any.
    pub fn rewritten<'f>(
        &self,
        findings: impl Iterator<Item = &'f Finding>,
        terms: Terms<'_>,
    ) -> Result<Self, &'static str> {
        let mut entries: BTreeMap<Key, Entry> = BTreeMap::new();
        for finding in findings {
            let key = Key::of(finding);
            if let Some(entry) = entries.get_mut(&key) {
                entry.count += 1;
                continue;
            }
            let known = self.entries.get(&key);
            if known.is_none() {
                terms.check()?;
            }
            let (reason, expires) = known.map_or((terms.reason, terms.expires), |known| {
                (known.reason.as_str(), known.expires.as_str())
            });
            let entry =
                Entry { count: 1, met: 0, reason: reason.to_owned(), expires: expires.to_owned(), line: 0 };
            entries.insert(key, entry);
        }
        Ok(Self { entries })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where nothing is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// As TOML.
    pub fn to_toml(&self) -> String {
        let mut out = HEAD.to_owned();
        for (key, entry) in &self.entries {
            out.push_str("\n[[finding]]\n");
            let texts = [
                ("file", &key.file),
                ("code", &key.code),
                ("path", &key.path),
                ("rule", &key.rule),
                ("reason", &entry.reason),
                ("expires", &entry.expires),
            ];
            for (name, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
                out.push_str(&format!("{name} = {}\n", quoted(text)));
            }
            if entry.count > 1 {
                out.push_str(&format!("count = {}\n", entry.count));
            }
        }
        out
    }
}

impl Terms<'_> {
    fn check(self) -> Result<(), &'static str> {
        if self.reason.trim().chars().count() < REASON_CHARS_MIN {
            return Err("an entry needs a reason in words");
        }
        let is_day = self.expires.len() == "2026-12-31".len() && Temporal::date(self.expires).is_some();
        if is_day { Ok(()) } else { Err("an entry needs the last day on which it may stand, as 2026-12-31") }
    }
}

fn span(range: &std::ops::Range<usize>) -> Span {
    let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(byte(range.start), byte(range.end))
}

fn fault(code: &'static crate::diag::Code, list: &str, line: u32, message: String) -> Finding {
    Finding {
        code: code.id,
        severity: Severity::Error,
        title: code.title,
        message,
        help: code.help.to_owned(),
        file: list.to_owned(),
        line: Some(line),
        column: Some(1),
        end_line: None,
        end_column: None,
        path: String::new(),
        rule: None,
        value: None,
        source: None,
        mark: (0, 0),
        shows_values: false,
        spoken: None,
    }
}

/// A basic string of TOML (1.0, String), which has the escapes of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::super::report::samples::finding;
    use super::*;

    const TERMS: Terms<'_> = Terms { reason: "the unit mends it in its next version", expires: "2026-12-31" };

    fn list() -> Baseline {
        let (a, b) = (finding("a.json", Severity::Error), finding("b \"å\".json", Severity::Error));
        let written = Baseline::default().rewritten([&a, &b, &a].into_iter(), TERMS);
        let text = written.map(|list| list.to_toml()).unwrap_or_default();
        Baseline::read(&text).unwrap_or_default()
    }

    #[test]
    fn what_is_known_is_known_as_often_as_it_was() {
        let (mut list, a) = (list(), finding("a.json", Severity::Error));
        let known: Vec<bool> = (0..3).map(|_| list.knows(&a, "2026-12-31")).collect();
        assert_eq!(known, [true, true, false]);
        let faults = list.faults("known.toml", None, "2026-12-31");
        let said: Vec<_> = faults.iter().map(|fault| (fault.code, fault.line)).collect();
        assert_eq!(said, [("C711", Some(13))], "{faults:?}");
        let files = BTreeSet::from(["a.json".to_owned()]);
        assert!(list.faults("known.toml", Some(&files), "2026-12-31").is_empty());
    }

    #[test]
    fn a_day_that_is_over_makes_the_finding_count_again() {
        let (mut list, a) = (list(), finding("a.json", Severity::Error));
        assert!(!list.knows(&a, "2027-01-01") && !list.knows(&a, "2027-01-01"));
        let codes: Vec<_> = list.faults("known.toml", None, "2027-01-01").iter().map(|f| f.code).collect();
        assert_eq!(codes, ["C712", "C711"]);
    }

    #[test]
    fn what_stays_keeps_its_reason() {
        let (list, a) = (list(), finding("a.json", Severity::Error));
        let terms = Terms { reason: "another reason altogether", expires: "2027-06-30" };
        let new = finding("c.json", Severity::Error);
        let text =
            list.rewritten([&a, &new].into_iter(), terms).map(|list| list.to_toml()).unwrap_or_default();
        assert_eq!(text.matches("2026-12-31").count(), 1);
        assert_eq!(text.matches("2027-06-30").count(), 1);
        assert!(!text.contains("count"), "{text}");
    }

    #[test]
    fn a_list_without_reasons_is_none() {
        let check = |text: &str| {
            let entry = format!("[[finding]]\nfile = \"a\"\ncode = \"V325\"\n{text}\n");
            assert_eq!(Baseline::read(&entry).err().map(|issue| issue.code.id), Some("C710"), "{text}");
        };
        check("reason = \"later\"\nexpires = \"2026-12-31\"");
        check("reason = \"the unit mends it\"\nexpires = \"soon\"");
        check("reason = \"the unit mends it\"\nexpires = \"2026-02-30\"");
        check("reason = \"the unit mends it\"");
        check("reason = \"the unit mends it\"\nexpires = \"2026-12-31\"\nwho = \"me\"");
        assert!(
            Baseline::default()
                .rewritten([&finding("a", Severity::Error)].into_iter(), Terms { reason: "", expires: "" })
                .is_err()
        );
    }
}
