//! `sauma explain` of a code of a finding, or of a rule of our own profiles.

use super::console::{Add, Console, Ink, Stop, Verdict};
use crate::diag::{Code, Language, codes, nearest};
use crate::guide::{Example, Rule, own_examples, own_rules};
use serde_json::json;

/// What an argument of `explain` may name beside a document.
#[derive(Debug)]
pub(super) enum Named {
    /// A code of a finding.
    Code(&'static Code),
    /// A constraint of a profile.
    Rule(Box<Rule>),
}

impl Named {
    /// The code or the rule of a name; a rule also as findings write it, `URL#key`.
    pub(super) fn find(name: &str) -> Option<Self> {
        if let Some(code) = codes::find(name) {
            return Some(Self::Code(code));
        }
        let (profile, key) = name.rsplit_once('#').map_or((None, name), |(url, key)| (Some(url), key));
        let is_it = |rule: &Rule| {
            rule.key.eq_ignore_ascii_case(key)
                && profile.is_none_or(|profile| profile == rule.url || profile == rule.profile)
        };
        own_rules().into_iter().find(is_it).map(|rule| Self::Rule(Box::new(rule)))
    }

    /// Says what it means.
    ///
    /// # Errors
    /// Standard output fails.
    pub(super) fn explain(&self, console: &Console) -> Result<Verdict, Stop> {
        match self {
            Self::Code(code) => explain_code(code, console)?,
            Self::Rule(rule) => explain_rule(rule, console)?,
        }
        Ok(Verdict::Clean)
    }
}

/// What is said of a name that is neither a file nor known, where it looks like a code or a rule.
pub(super) fn unknown(name: &str) -> Option<Stop> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let looks_like_code = name.len() <= 5
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && name.chars().skip(1).any(|c| c.is_ascii_digit());
    let ends_in_number = name.rsplit_once('-').is_some_and(|(_, end)| end.parse::<u16>().is_ok());
    let looks_like_rule = name.chars().all(is_word) && ends_in_number;
    if !looks_like_code && !looks_like_rule {
        return None;
    }
    let keys: Vec<String> = own_rules().into_iter().map(|rule| rule.key).collect();
    let known = codes::ALL.iter().map(|code| code.id).chain(keys.iter().map(String::as_str));
    let help = nearest(name, known).map_or_else(
        || "codes look like M221, rules like sauma-pl-1".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Some(Stop::usage(format!("there is neither a file nor a code `{name}`"), help))
}

/// A bad example and a good one of the same profile, where there are such.
#[derive(Debug, Default)]
struct Shown {
    bad: Option<Example>,
    good: Option<Example>,
}

impl Shown {
    fn of(is_it: impl Fn(&Example) -> bool) -> Self {
        let all = own_examples();
        let bad = all.iter().find(|example| is_it(example)).cloned();
        let profile = bad.as_ref().map(|bad| bad.profile.clone());
        let is_good = |example: &&Example| example.is_good() && Some(&example.profile) == profile.as_ref();
        Self { good: all.iter().find(is_good).cloned(), bad }
    }

    fn to_json(&self) -> serde_json::Value {
        let file = |example: &Option<Example>| example.as_ref().map(path);
        json!({ "bad": file(&self.bad), "good": file(&self.good) })
    }

    fn add_to(&self, text: &mut String, words: &Words) {
        for (label, example) in [(words.bad, &self.bad), (words.good, &self.good)] {
            if let Some(example) = example {
                text.add(format_args!("  = {label}: {}\n", path(example)));
            }
        }
    }
}

/// Where an example stands in our repository.
fn path(example: &Example) -> String {
    format!("profiles/examples/{}", example.file)
}

/// The labels in one language.
struct Words {
    help: &'static str,
    profile: &'static str,
    bad: &'static str,
    good: &'static str,
    warning: &'static str,
}

const fn words(language: Language) -> Words {
    match language {
        Language::Fi => Words {
            help: "ohje",
            profile: "profiili",
            bad: "huono esimerkki",
            good: "hyvä esimerkki",
            warning: "varoitus",
        },
        Language::Sv => Words {
            help: "råd",
            profile: "profil",
            bad: "dåligt exempel",
            good: "gott exempel",
            warning: "varning",
        },
        Language::En => Words {
            help: "help",
            profile: "profile",
            bad: "bad example",
            good: "good example",
            warning: "warning",
        },
    }
}

fn explain_code(code: &Code, console: &Console) -> Result<(), Stop> {
    let (title, help) = (code.title_in(console.lang), code.help_in(console.lang));
    let shown = Shown::of(|example| example.code == code.id);
    if console.is_json() {
        return Console::print_json(&json!({
            "code": code.id,
            "language": console.lang.as_str(),
            "title": title,
            "help": help,
            "examples": shown.to_json(),
        }));
    }
    let words = words(console.lang);
    let head = console.out_paint.ink(Ink::Strong, code.id);
    let mut text = format!("{head}: {title}\n  = {}: {help}\n", words.help);
    shown.add_to(&mut text, &words);
    Console::print(&text)
}

fn explain_rule(rule: &Rule, console: &Console) -> Result<(), Stop> {
    let shown = Shown::of(|example| example.rule == rule.key);
    let [fi, sv, en] = &rule.texts;
    if console.is_json() {
        let severity = if rule.is_error { "error" } else { "warning" };
        return Console::print_json(&json!({
            "rule": rule.key,
            "code": codes::INVARIANT.id,
            "severity": severity,
            "profile": rule.url,
            "element": rule.element,
            "texts": { "fi": fi, "sv": sv, "en": en },
            "expression": rule.expression,
            "examples": shown.to_json(),
        }));
    }
    let words = words(console.lang);
    let first = match console.lang {
        Language::Fi => fi,
        Language::Sv => sv,
        Language::En => en,
    };
    let head = console.out_paint.ink(Ink::Strong, &rule.key);
    let severity = if rule.is_error { String::new() } else { format!(" ({})", words.warning) };
    let mut text = format!("{head}{severity}: {first}\n");
    for (language, words) in [("fi", fi), ("sv", sv), ("en", en)] {
        if words != first && !words.is_empty() {
            text.add(format_args!("  = {language}: {words}\n"));
        }
    }
    text.add(format_args!("  = {}: {} ({})\n", words.profile, rule.url, rule.element));
    text.add(format_args!("  = FHIRPath: {}\n", rule.expression));
    shown.add_to(&mut text, &words);
    Console::print(&text)
}
