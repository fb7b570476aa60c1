//! What findings say, in several languages: an English template with named places, and what stands in them.
//!
//! The English template is the key of its translations, as gettext has it, so code reads as if there were English
//! alone. `message!` makes a message, `template!` marks a text that is translated elsewhere; a test finds both in the
//! sources and demands each template in the tables `texts/messages.*.tsv`.

use super::Language;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// A message of a template: `message!("`{name}` is required and missing", name = element.name)`. A place that has the
/// name of a variable needs the name alone; what is put there is shown as it stands, or is a message itself.
macro_rules! message {
    ($template:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        $crate::diag::Message::new(
            $template,
            vec![$((stringify!($name), $crate::diag::argument!($name $(= $value)?))),*],
        )
    };
}

/// One argument of [`message!`].
macro_rules! argument {
    ($name:ident) => {
        $crate::diag::Argument::from(&$name)
    };
    ($name:ident = $value:expr) => {
        $crate::diag::Argument::from(&$value)
    };
}

/// A text that is shown in other languages by [`translated`](crate::diag::translated).
macro_rules! template {
    ($template:literal) => {
        $template
    };
}

pub(crate) use {argument, message, template};

/// Something that is said to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// What exists in one language only, such as the words of a definition.
    Plain(String),
    /// What exists in every language.
    Template {
        /// In English, with places as `{name}`.
        template: &'static str,
        /// What stands in the places.
        arguments: Vec<(&'static str, Argument)>,
    },
}

/// What stands in a place of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A name, a number, an url: the same in every language.
    Text(String),
    /// Words of a language.
    Words(Message),
}

impl<T: fmt::Display> From<T> for Argument {
    fn from(text: T) -> Self {
        Self::Text(text.to_string())
    }
}

impl From<&Self> for Argument {
    fn from(argument: &Self) -> Self {
        argument.clone()
    }
}

impl From<&Message> for Argument {
    fn from(words: &Message) -> Self {
        Self::Words(words.clone())
    }
}

impl Message {
    /// A message of a template and what stands in its places.
    pub const fn new(template: &'static str, arguments: Vec<(&'static str, Argument)>) -> Self {
        Self::Template { template, arguments }
    }

    /// A message of a template that has no places.
    pub const fn words(template: &'static str) -> Self {
        Self::new(template, Vec::new())
    }

    /// True where there is a text in a language. What stands in the places counts: one word in another language makes
    /// the message one that is not in this language.
    pub fn is_in(&self, language: Language) -> bool {
        match self {
            Self::Plain(_) => language == Language::En,
            Self::Template { template, arguments } => {
                let is_in = |argument: &Argument| match argument {
                    Argument::Text(_) => true,
                    Argument::Words(words) => words.is_in(language),
                };
                find(template, language).is_some() && arguments.iter().all(|(_, argument)| is_in(argument))
            }
        }
    }

    /// The text in a language; in English where it has no other.
    pub fn in_language(&self, language: Language) -> String {
        let (template, arguments) = match self {
            Self::Plain(text) => return text.clone(),
            Self::Template { template, arguments } => (translated(template, language), arguments),
        };
        let mut out = String::with_capacity(template.len());
        let mut parts = template.split('{');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            // A test holds that templates have no braces but those of places.
            let (name, after) = part.split_once('}').unwrap_or(("", part));
            match arguments.iter().find(|(known, _)| *known == name) {
                Some((_, Argument::Text(text))) => out.push_str(text),
                Some((_, Argument::Words(words))) => out.push_str(&words.in_language(language)),
                None => {}
            }
            out.push_str(after);
        }
        out
    }
}

/// A template in a language; the template itself where the table of the language lacks it.
pub fn translated(template: &'static str, language: Language) -> &'static str {
    find(template, language).unwrap_or(template)
}

const FINNISH: &str = include_str!("texts/messages.fi.tsv");
const SWEDISH: &str = include_str!("texts/messages.sv.tsv");

/// Translations by template. A table is read when its language is first asked for.
type Table = HashMap<&'static str, &'static str>;

static IN_FINNISH: LazyLock<Table> = LazyLock::new(|| rows(FINNISH).collect());
static IN_SWEDISH: LazyLock<Table> = LazyLock::new(|| rows(SWEDISH).collect());

fn find(template: &'static str, language: Language) -> Option<&'static str> {
    match language {
        Language::En => Some(template),
        Language::Fi => IN_FINNISH.get(template).copied(),
        Language::Sv => IN_SWEDISH.get(template).copied(),
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().skip(1).filter_map(|row| row.split_once('\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_speaks_each_language() {
        let check = |message: &Message, language: Language, expected: &str| {
            assert_eq!(message.in_language(language), expected);
        };
        let name = "status";
        let missing = message!("`{name}` is required and missing", name);
        check(&missing, Language::En, "`status` is required and missing");
        check(&missing, Language::Fi, "pakollinen elementti `status` puuttuu");
        check(&missing, Language::Sv, "det obligatoriska elementet `status` saknas");
        assert!(missing.is_in(Language::Sv));
        let plain = Message::Plain("cpl-3: {a} or b".to_owned());
        check(&plain, Language::Fi, "cpl-3: {a} or b");
        assert!(!plain.is_in(Language::Fi) && plain.is_in(Language::En));
    }

    #[test]
    fn words_within_a_message_are_translated_too() {
        let message = message!("`{name}` is {wanted}", name = "part", wanted = message!("an object"));
        assert_eq!(message.in_language(Language::En), "`part` is an object");
        assert_eq!(message.in_language(Language::Fi), "elementin `part` pitää olla objekti");
        let plain =
            message!("`{name}` is {wanted}", name = "part", wanted = Message::Plain("odd".to_owned()));
        assert!(!plain.is_in(Language::Fi));
    }
}
