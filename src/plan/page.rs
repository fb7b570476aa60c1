//! Pages for people: one model of what a page says, and the forms that it is written in.
//!
//! [`client`] makes the page that the client reads, in plain Finnish, Swedish or English; [`worker`] puts the readable
//! plan of [`crate::plan::text`] into the same model. Text and HTML are written from the model alone, so that they say
//! the same.

mod client;
mod html;
mod plain;
mod reread;

pub use client::{client, language_of};
pub use html::to_html;
pub use plain::to_text;
pub use reread::reread;

use super::identity::mask_codes;
use super::join::Joined;
use super::text::words::Message;
use super::text::{IdentityCode, Style, render};
use crate::diag::Language;

/// What a page says.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    /// The language of all words that have none of their own.
    pub language: Language,
    /// The title.
    pub title: String,
    /// What stands before the first section.
    pub lead: Vec<Line>,
    /// The sections, each with its heading.
    pub sections: Vec<Section>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("language", &self.language).finish_non_exhaustive()
    }
}

/// A part of a page with a heading.
#[derive(Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// Something that a section tells of: a person, a goal, something agreed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// What it is called; the words of a section itself have no title.
    pub title: Option<Said>,
    /// What is told of it.
    pub lines: Vec<Line>,
}

/// One line of an entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// How it is to look.
    pub tone: Tone,
    /// What it is about, before a colon.
    pub label: Option<String>,
    /// What it says.
    pub said: Said,
}

/// How a line is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As text.
    Plain,
    /// In somebody's own words.
    Quote,
    /// Something to look at.
    Attention,
    /// Where it comes from.
    Source,
}

/// Words, and the language that they are in where it is known and not that of the page.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// The words.
    pub text: String,
    /// The language (BCP 47).
    pub language: Option<String>,
}

impl Said {
    /// Words in the language of the page, or in none: names, numbers, dates.
    pub fn here(text: impl Into<String>) -> Self {
        Self { text: text.into(), language: None }
    }

    /// Words as somebody wrote them.
    pub fn by_somebody(text: String, language: Option<String>) -> Self {
        Self { text, language }
    }

    /// What tells people that words are in another language: `in Finnish`.
    pub fn mark(&self, language: Language) -> Option<&'static str> {
        let message = match self.language.as_deref()? {
            "fi" => Message::InFinnish,
            "sv" => Message::InSwedish,
            "en" => Message::InEnglish,
            _ => Message::InOther,
        };
        Some(message.say(language))
    }
}

impl Line {
    /// A line without a label.
    pub fn new(tone: Tone, said: Said) -> Self {
        Self { tone, label: None, said }
    }

    /// A line with a label.
    pub fn labelled(label: impl Into<String>, said: Said) -> Self {
        Self { tone: Tone::Plain, label: Some(label.into()), said }
    }
}

impl Page {
    /// The page with each of its texts changed.
    #[must_use]
    pub fn map(mut self, change: &dyn Fn(&str) -> String) -> Self {
        let line = |line: &mut Line| line.said.text = change(&line.said.text);
        self.title = change(&self.title);
        self.lead.iter_mut().for_each(line);
        for entry in self.sections.iter_mut().flat_map(|section| &mut section.entries) {
            entry.title.iter_mut().for_each(|title| title.text = change(&title.text));
            entry.lines.iter_mut().for_each(line);
        }
        self
    }

    /// Every text of the page in its order, as both forms say it.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = vec![self.title.clone()];
        texts.extend(self.lead.iter().map(|line| line.text(self.language)));
        for section in &self.sections {
            texts.push(section.heading.clone());
            for entry in &section.entries {
                texts.extend(entry.title.as_ref().map(|title| title.marked(self.language)));
                texts.extend(entry.lines.iter().map(|line| line.text(self.language)));
            }
        }
        texts
    }
}

impl Line {
    fn text(&self, language: Language) -> String {
        let said = self.said.marked(language);
        match &self.label {
            Some(label) => format!("{label}: {said}"),
            None => said,
        }
    }
}

impl Said {
    fn marked(&self, language: Language) -> String {
        match self.mark(language) {
            Some(mark) => format!("{} ({mark})", self.text),
            None => self.text.clone(),
        }
    }
}

/// The page of the readable plan, as those who make the plan read it.
pub fn worker(joined: &Joined, language: Language, code: IdentityCode) -> Page {
    let mut page = Page { language, title: String::new(), lead: Vec::new(), sections: Vec::new() };
    for line in render(joined, language, code) {
        if line.style == Style::Heading {
            // The first part is about the client, and names the page.
            if page.title.is_empty() {
                page.title.clone_from(&line.text);
            }
            page.sections.push(Section { heading: line.text, entries: Vec::new() });
            continue;
        }
        let Some(section) = page.sections.last_mut() else { continue };
        let said = Said::here(line.text);
        let tone = match line.style {
            Style::Heading | Style::Label => {
                section.entries.push(Entry { title: Some(said), lines: Vec::new() });
                continue;
            }
            Style::Text => Tone::Plain,
            Style::Warning | Style::Contested => Tone::Attention,
            Style::Source => Tone::Source,
        };
        // A warning of a section belongs to no entry above it; what is told of it follows.
        if section.entries.is_empty() || line.style == Style::Warning {
            section.entries.push(Entry::default());
        }
        if let Some(entry) = section.entries.last_mut() {
            entry.lines.push(Line::new(tone, said));
        }
    }
    masked(page, code)
}

/// Units write identity codes into texts too.
fn masked(page: Page, code: IdentityCode) -> Page {
    match code {
        IdentityCode::Masked => page.map(&|text| mask_codes(text).into_owned()),
        IdentityCode::Shown => page,
    }
}
