//! Findings about data: permanent codes, severities, spans and the places they point at.
//!
//! Two kinds of fault are kept apart. An [`Issue`] says that *data* is wrong; it is collected and reported.
//! An error enum of a module says that a *run* cannot go on. Both carry a [`Code`] from [`codes`].
//!
//! Personal data: messages name elements, rules and codes, never values. A value that helps to find the
//! fault travels apart in [`Issue::value`] and is shown only to a caller who asks for it.

pub mod codes;
mod language;
mod markup;
mod message;
mod place;
mod texts;

pub use codes::Code;
pub use language::Language;
pub(crate) use markup::escape;
pub use message::{Argument, Message, translated};
pub(crate) use message::{argument, message, template};
pub use place::{CharIndex, LineIndex, Place};

use std::borrow::Cow;
use std::fmt;

/// A half-open byte range `start..end` in a source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, serde::Serialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end`.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// True where the span covers no byte, as for a node that no source text holds.
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// How much an issue matters; the order is from light to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Information,
    /// Kept and carried, but somebody should look.
    Warning,
    /// The data breaks a rule.
    Error,
}

impl Severity {
    /// The FHIR `issue-severity` code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What an issue says and advises, in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    message: Message,
    help: Option<Message>,
}

/// One finding about data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The permanent code.
    pub code: &'static Code,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in English, without any value of the data.
    pub message: String,
    /// What to do about it, in English; empty where the code's own help says it all.
    pub help: String,
    /// The same in every language, where it was said so.
    pub(crate) said: Option<Box<Said>>,
    /// Where: a path in the document (`CarePlan.activity[2].detail.status`); may be empty.
    pub path: String,
    /// Where in the source text.
    pub span: Span,
    /// The rule that is broken, as its definition names it: `http://hl7.org/fhir/StructureDefinition/CarePlan#cpl-3`;
    /// may be empty.
    pub rule: String,
    /// The offending value, shown only where the caller asks for personal data.
    pub value: Option<Redacted<String>>,
}

impl Issue {
    /// An issue of `code` at `span`.
    pub fn new(code: &'static Code, severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            help: String::new(),
            said: None,
            path: String::new(),
            span,
            rule: String::new(),
            value: None,
        }
    }

    /// An error of `code` at `span`.
    pub fn error(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, span, message)
    }

    /// A warning of `code` at `span`.
    pub fn warning(code: &'static Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, span, message)
    }

    /// An issue of `code` at `span` that speaks every language, with advice for this very case where there is any.
    pub fn said(
        code: &'static Code,
        severity: Severity,
        span: Span,
        message: Message,
        help: Option<Message>,
    ) -> Self {
        let advice = help.as_ref().map_or_else(String::new, |help| help.in_language(Language::En));
        let issue = Self::new(code, severity, span, message.in_language(Language::En)).with_help(advice);
        let is_plain = matches!(message, Message::Plain(_)) && help.is_none();
        let said = (!is_plain).then(|| Box::new(Said { message, help }));
        Self { said, ..issue }
    }

    /// What is wrong, in a language, and whether it is said in that language: in English where it is not.
    pub fn message_in(&self, language: Language) -> (Cow<'_, str>, bool) {
        in_language(&self.message, self.said.as_ref().map(|said| &said.message), language)
    }

    /// The advice to print, as [`Issue::advice`], in a language, and whether it is in that language.
    pub fn advice_in(&self, language: Language) -> (Cow<'_, str>, bool) {
        if self.help.is_empty() {
            return (Cow::Borrowed(self.code.help_in(language)), true);
        }
        in_language(&self.help, self.said.as_ref().and_then(|said| said.help.as_ref()), language)
    }

    /// The same issue with advice for this very case.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The same issue with the path of the element.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The same issue with the rule that is broken.
    #[must_use]
    pub fn of_rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = rule.into();
        self
    }

    /// The same issue with the offending value, which stays hidden unless asked for.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(Redacted(value.into()));
        self
    }

    /// The advice to print: that of this case, otherwise that of the code.
    pub fn advice(&self) -> &str {
        if self.help.is_empty() { self.code.help } else { &self.help }
    }
}

/// An English text in a language, by the message that it was made of. What somebody put before the text since then, as
/// the name of a file, stays there; a text that is another by now has no other language.
fn in_language<'a>(english: &'a str, said: Option<&Message>, language: Language) -> (Cow<'a, str>, bool) {
    if language == Language::En {
        return (Cow::Borrowed(english), true);
    }
    let before = said
        .filter(|said| said.is_in(language))
        .and_then(|said| Some((said, english.strip_suffix(&said.in_language(Language::En))?)));
    match before {
        Some((said, before)) => (Cow::Owned(format!("{before}{}", said.in_language(language))), true),
        None => (Cow::Borrowed(english), false),
    }
}

/// A value that may be personal data. `Debug` and `Display` never print it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for a caller that was asked to show personal data.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«redacted»")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«redacted»")
    }
}

/// The candidate nearest to `word`, for "did you mean": at most a third of the letters may differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate, allowed), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Optimal-string-alignment distance (an exchange of neighbours counts as one), ignoring case;
/// anything over `limit` may come back as `limit + 1`.
fn edit_distance(a: &str, b: &str, limit: usize) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_a_slip_and_nothing_far() {
        let names = ["status", "statusReason", "subject"];
        assert_eq!(nearest("stauts", names), Some("status"));
        assert_eq!(nearest("Subject", names), Some("subject"));
        assert_eq!(nearest("goal", names), None);
    }

    #[test]
    fn a_redacted_value_prints_nothing_of_itself() {
        let hidden = Redacted::new("131052-308T");
        assert_eq!(format!("{hidden} {hidden:?}"), "«redacted» «redacted»");
        assert_eq!(*hidden.reveal(), "131052-308T");
    }
}
