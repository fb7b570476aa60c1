//! Answers that are to be one of the options of their item, or a code of its value set.

use super::super::report::{Fault, Subject};
use super::super::terminology::Bound;
use super::answer::{Amount, Coding, Type, Typed, Value};
use super::form::{Codes, Item, Kind, ValueSet};
use super::response::Response;
use crate::diag::{codes, message};
use crate::schema::{self, Binding, Strength};
use crate::tree::NodeId;

/// Options that the answers of one response are compared with.
const OPTIONS_MAX: usize = 5_000_000;

impl Response<'_, '_, '_, '_> {
    /// Checks an answer of a type that its item takes against what may be chosen. `count` is how many answers the item
    /// has.
    pub(super) fn choice(&mut self, item: &Item, answer: NodeId, given: &Typed, count: usize) {
        if !item.choices.is_empty() {
            self.options_read += item.choices.len();
            if self.options_read > OPTIONS_MAX {
                return self.walk.not_checked(Subject::Questionnaire, &self.form.url);
            }
            self.option(item, answer, given, count);
        } else if let Some(set) = &item.value_set {
            self.code(item, given, set);
        }
    }

    fn option(&mut self, item: &Item, answer: NodeId, given: &Typed, count: usize) {
        let is_it = |option: &&super::form::Choice| {
            option.value.ty == given.ty && option.value.value.is_same(&given.value) == Some(true)
        };
        if let Some(found) = item.choices.iter().find(is_it) {
            if found.is_exclusive && count > 1 {
                let message = message!("this option excludes all others, and another is chosen beside it");
                self.tell(item, Fault::error(codes::ANSWER_EXCLUSIVE, answer, message));
            }
            return;
        }
        match &given.value {
            Value::Text(text) if item.kind == Kind::OpenChoice && given.ty == Type::Text => {
                let is_word =
                    |coding: &Coding| [&coding.display, &coding.code].iter().any(|word| is_same(word, text));
                if item.codings().any(is_word) {
                    let message = message!("the words are those of an option, which is a Coding");
                    self.tell(item, Fault::warning(codes::ANSWER_OPTION, given.node, message));
                }
            }
            Value::Other => {}
            _ if item.kind == Kind::OpenChoice && is_words(&given.value) => {}
            _ => {
                let message = message!(
                    "the answer is none of the options of the item `{link_id}`",
                    link_id = item.link_id
                );
                self.tell(item, Fault::error(codes::ANSWER_OPTION, given.node, message));
            }
        }
    }

    fn code(&mut self, item: &Item, given: &Typed, set: &ValueSet) {
        let open = item.kind == Kind::OpenChoice;
        let (system, code) = match &given.value {
            Value::Coding(_) if open && is_words(&given.value) => return,
            Value::Coding(coding) => (Some(&*coding.system), &*coding.code),
            Value::Text(_) if open => return,
            // Free text where no options are: the words are to be a code of the value set.
            Value::Text(text) if item.kind == Kind::Text => (None, &**text),
            _ if matches!(item.kind, Kind::Choice | Kind::OpenChoice) => {
                let message = message!("the answer is to be a Coding of a value set, and is none");
                return self.tell(item, Fault::error(codes::ANSWER_OPTION, given.node, message));
            }
            _ => return,
        };
        let is_listed = self.is_listed(set, system, code);
        let says_other = matches!(&given.value, Value::Coding(coding) if self.says_other(coding));
        match is_listed {
            None => self.walk.not_checked(Subject::ValueSet, &set.url),
            Some(true) if !says_other => {}
            Some(true) => {
                let message =
                    message!("the answer shows other words than those of its code, so it is not the option");
                self.tell(item, Fault::error(codes::ANSWER_OPTION, given.node, message));
            }
            Some(false) => {
                let message = message!("the answer is not in the value set {url}", url = set.url);
                self.tell(item, Fault::error(codes::ANSWER_OPTION, given.node, message));
            }
        }
    }

    /// The unit of a quantity is one of those that may be chosen.
    pub(super) fn unit(&mut self, item: &Item, node: NodeId, amount: &Amount) {
        let is_it = |unit: &Coding| {
            if unit.code.is_empty() {
                return unit.display == amount.unit;
            }
            unit.code == amount.code && (unit.system.is_empty() || unit.system == amount.system)
        };
        let limits = &item.limits;
        if !limits.units.is_empty() && !limits.units.iter().any(is_it) {
            let message = message!(
                "the unit is none of those that the item `{link_id}` offers",
                link_id = item.link_id
            );
            self.tell(item, Fault::error(codes::ANSWER_UNIT, node, message));
        }
        let Some(url) = &limits.unit_set else { return };
        let set = ValueSet { url: url.clone(), codes: Codes::ByUrl };
        match self.is_listed(&set, Some(&amount.system), &amount.code) {
            Some(true) => {}
            None => self.walk.not_checked(Subject::ValueSet, url),
            Some(false) => {
                let message = message!("the unit is not in the value set {url}", url);
                self.tell(item, Fault::error(codes::ANSWER_UNIT, node, message));
            }
        }
    }

    fn is_listed(&self, set: &ValueSet, system: Option<&str>, code: &str) -> Option<bool> {
        match &set.codes {
            Codes::Contained(codes) => codes.contains(system, code),
            Codes::Missing => None,
            Codes::ByUrl => {
                let binding = Binding {
                    strength: Strength::Required,
                    value_set: set.url.clone(),
                    greatest: Box::default(),
                };
                let schema = self.walk.validator.schema();
                let listed = Bound::new(&binding).holds(system, code, schema);
                listed
                    .or_else(|| schema.value_set(&set.url).filter(|set| !may_hold(set, code)).map(|_| false))
            }
        }
    }

    /// True where an answer shows other words than its code has in any language at hand. What was shown is what was
    /// answered, so such an answer says two things.
    fn says_other(&self, coding: &Coding) -> bool {
        let known = self.walk.validator.schema().displays(&coding.system, &coding.code);
        !coding.display.is_empty()
            && !known.is_empty()
            && known.iter().all(|(_, text)| !text.is_empty() && !is_same(text, &coding.display))
            && self.is_in_language()
    }

    /// True for a response that does not say that it is in another language than English, as which code systems have
    /// their displays unless they say otherwise.
    fn is_in_language(&self) -> bool {
        let language = self.walk.tree.child_text(self.root, "language");
        language.is_none_or(|language| language == "en" || language.starts_with("en-"))
    }
}

/// False where no system of a value set has codes of the form of a code; true also where their form is not known.
fn may_hold(set: &schema::ValueSet, code: &str) -> bool {
    let is_upper = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    let is_number = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    let fits = |part: &schema::Include| match &*part.system {
        // ISO 3166-1: two letters, three letters or three digits.
        "urn:iso:std:iso:3166" => is_upper(code, 2..=3) || is_number,
        // ISO 3166-2: the country, and one to three letters or digits of a part of it.
        "urn:iso:std:iso:3166:-2" => code.split_once('-').is_some_and(|(country, part)| {
            is_upper(country, 2..=2)
                && (1..=3).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }),
        // UN M.49: three digits.
        "http://unstats.un.org/unsd/methods/m49/m49.htm" => is_number,
        _ => true,
    };
    set.include.is_empty() || set.include.iter().any(fits)
}

/// True for a Coding that is words alone.
fn is_words(value: &Value) -> bool {
    matches!(value, Value::Coding(coding) if coding.code.is_empty() && coding.system.is_empty() && !coding.display.is_empty())
}

/// The same words, without regard to case and white space.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(one) == words(other)
}
