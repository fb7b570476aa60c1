//! What a validation gives: faults at their places, and what could not be checked.

use super::Walk;
use crate::diag::{Code, Issue, Message, Redacted, Severity, template};
use crate::tree::NodeId;
use std::collections::BTreeMap;

/// Errors of one document that are told one by one, and as many issues that are none; the rest are counted.
pub const ISSUES_MAX: usize = 10_000;

/// The outcome of a validation.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was found, in the order of the document.
    pub issues: Vec<Issue>,
    /// Issues beyond [`ISSUES_MAX`].
    pub issues_left_out: usize,
    /// What could not be checked, and how often it was asked for.
    pub not_checked: BTreeMap<NotChecked, usize>,
}

impl Report {
    /// True where nothing of error severity was found.
    pub fn is_valid(&self) -> bool {
        self.issues.iter().all(|issue| issue.severity != Severity::Error)
    }
}

/// Something that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotChecked {
    /// What it is.
    pub subject: Subject,
    /// Its url, or of an invariant its key.
    pub name: String,
}

/// What could not be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Codes against a value set that is not at hand, or not enumerable.
    ValueSet,
    /// Codes of a code system that is not at hand, or not complete.
    CodeSystem,
    /// A profile that is not at hand.
    Profile,
    /// An extension without a definition at hand.
    Extension,
    /// An invariant whose expression has no answer.
    Invariant,
    /// Slices that nothing tells apart.
    Slicing,
    /// A questionnaire that is not at hand.
    Questionnaire,
    /// The condition of an item, which asks for what is not at hand.
    Condition,
    /// A regular expression that cannot be matched in bounded time.
    Pattern,
    /// A measure that is not at hand.
    Measure,
}

impl Subject {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValueSet => template!("value set"),
            Self::CodeSystem => template!("code system"),
            Self::Profile => template!("profile"),
            Self::Extension => template!("extension"),
            Self::Invariant => template!("invariant"),
            Self::Slicing => template!("slicing"),
            Self::Questionnaire => template!("questionnaire"),
            Self::Condition => template!("condition of an item"),
            Self::Pattern => template!("regular expression"),
            Self::Measure => template!("measure"),
        }
    }
}

/// A fault at a node, before it has its path.
#[derive(Debug)]
pub(super) struct Fault {
    code: &'static Code,
    severity: Severity,
    id: NodeId,
    message: Message,
    help: Option<Message>,
    rule: String,
    value: Option<String>,
}

impl Fault {
    pub(super) fn new(code: &'static Code, severity: Severity, id: NodeId, message: Message) -> Self {
        Self { code, severity, id, message, help: None, rule: String::new(), value: None }
    }

    pub(super) fn error(code: &'static Code, id: NodeId, message: Message) -> Self {
        Self::new(code, Severity::Error, id, message)
    }

    pub(super) fn warning(code: &'static Code, id: NodeId, message: Message) -> Self {
        Self::new(code, Severity::Warning, id, message)
    }

    /// What the document has there, which is shown to those alone who ask for values.
    pub(super) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    pub(super) fn help(mut self, help: Message) -> Self {
        self.help = Some(help);
        self
    }

    pub(super) fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = rule.into();
        self
    }
}

impl Walk<'_, '_> {
    /// Tells a fault, or while something is only tried, that there is one.
    pub(super) fn tell(&mut self, fault: Fault) {
        if fault.severity == Severity::Error {
            self.errors += 1;
        }
        if self.is_trial {
            return;
        }
        // What is no error must not keep an error from being told.
        let is_error = fault.severity == Severity::Error;
        let told = if is_error { self.told_errors } else { self.report.issues.len() - self.told_errors };
        if told >= ISSUES_MAX {
            self.report.issues_left_out += 1;
            return;
        }
        let span = self.tree.head_span(fault.id);
        let mut issue = Issue::said(fault.code, fault.severity, span, fault.message, fault.help)
            .of_rule(fault.rule)
            .at(self.tree.known_path_after(fault.id, &mut self.counted));
        issue.value = fault.value.map(Redacted::new);
        // Two profiles that say the same of one element say it once.
        let is_same = |known: &Issue| {
            known.code == issue.code && known.span == issue.span && known.message == issue.message
        };
        if !self.report.issues.iter().rev().take(SAME_MAX).any(is_same) {
            self.report.issues.push(issue);
            self.told_errors += usize::from(is_error);
        }
    }

    /// Notes that something could not be checked.
    pub(super) fn not_checked(&mut self, subject: Subject, name: &str) {
        if !self.is_trial {
            let entry = NotChecked { subject, name: name.to_owned() };
            *self.report.not_checked.entry(entry).or_default() += 1;
        }
    }

    /// As [`Walk::not_checked`], of what the document names.
    pub(super) fn named_not_checked(&mut self, subject: Subject, name: &str) {
        self.not_checked(subject, shown_name(name));
    }

    /// True where it was noted before that something could not be checked.
    pub(super) fn is_noted(&self, subject: Subject, name: &str) -> bool {
        self.report.not_checked.contains_key(&NotChecked { subject, name: name.to_owned() })
    }
}

/// What could not be checked is found by its canonical url, so that is told; a text that is no plain url may be anything.
fn shown_name(name: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'@' | b'<' | b'>' | b'"');
    let is_url = ["http://", "https://", "urn:"].iter().any(|scheme| name.starts_with(scheme));
    if is_url && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain) { name } else { "(not shown)" }
}

/// Bytes of an url that is told.
const NAME_BYTES_MAX: usize = 512;

/// Issues that are looked back through for one that says the same.
const SAME_MAX: usize = 200;
