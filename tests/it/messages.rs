//! What findings say has a translation into every language, and no translation is stale.

use sauma::diag::{Argument, Language, Message};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The macros that mark a text for translation.
const MARKS: [&str; 2] = ["message!", "template!"];
/// Where the macros are made.
const MAKER: &str = "src/diag/message.rs";

/// One use of a macro: the template, and what stands behind it within the parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Used {
    template: String,
    rest: String,
}

/// The uses of the macros in a source text.
fn used(source: &str) -> Vec<Used> {
    let mut found = Vec::new();
    for mark in MARKS {
        for (at, _) in source.match_indices(mark) {
            let behind = source[at + mark.len()..].trim_start_matches('(').trim_start();
            let Some(text) = behind.strip_prefix('"') else { continue };
            let (template, behind) = literal(text);
            found.push(Used { template, rest: until_closed(behind).to_owned() });
        }
    }
    found
}

/// A string literal behind its opening quote, and what stands behind it.
fn literal(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut rest = text.char_indices();
    while let Some((at, character)) = rest.next() {
        match character {
            '"' => return (out, &text[at + 1..]),
            '\\' => match rest.next() {
                Some((_, '\n')) => {
                    let left = rest.as_str().trim_start();
                    rest = text.char_indices();
                    rest.nth(text[..text.len() - left.len()].chars().count() - 1);
                }
                Some((_, escaped)) => out.push(escaped),
                None => {}
            },
            other => out.push(other),
        }
    }
    (out, "")
}

/// The text up to the parenthesis that closes what is open at its start.
fn until_closed(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return &text[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// The names of the places of a template.
fn places(template: &str) -> BTreeSet<&str> {
    template.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect()
}

/// The names that a macro is given: `name`, or `name = value`, parted by commas outside of parentheses.
fn given(rest: &str) -> BTreeSet<String> {
    let mut depth = 0;
    let parts = rest.split(|character: char| {
        depth += i32::from("([{".contains(character)) - i32::from(")]}".contains(character));
        character == ',' && depth == 0
    });
    parts
        .map(|part| part.split('=').next().unwrap_or_default().trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && path != Path::new(MAKER) {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

fn all_used() -> Vec<(PathBuf, Used)> {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    files.sort();
    files.iter().flat_map(|(path, text)| used(text).into_iter().map(|used| (path.clone(), used))).collect()
}

fn table(language: Language) -> (String, Vec<(String, String)>) {
    let path = format!("src/diag/texts/messages.{}.tsv", language.as_str());
    let text = fs::read_to_string(&path).unwrap();
    let rows = text.lines().skip(1).map(|row| {
        let (template, translation) = row.split_once('\t').unwrap_or_else(|| panic!("{path}: {row}"));
        (template.to_owned(), translation.to_owned())
    });
    let rows = rows.collect();
    (path, rows)
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_template_has_a_translation_and_every_translation_a_template() {
    let wanted: BTreeSet<String> = all_used().into_iter().map(|(_, used)| used.template).collect();
    assert!(wanted.len() > 200, "only {} templates were found", wanted.len());
    let mut faults = Vec::new();
    for language in [Language::Fi, Language::Sv] {
        let (path, rows) = table(language);
        let mut known: BTreeMap<&str, &str> = BTreeMap::new();
        for (template, translation) in &rows {
            if known.insert(template, translation).is_some() {
                faults.push(format!("{path}: twice: {template}"));
            }
        }
        faults.extend(
            wanted
                .iter()
                .filter(|it| !known.contains_key(it.as_str()))
                .map(|it| format!("{path} lacks: {it}")),
        );
        faults.extend(
            known.keys().filter(|it| !wanted.contains(**it)).map(|it| format!("{path}: stale: {it}")),
        );
    }
    assert_none(&faults);
}

#[test]
fn a_translation_keeps_what_is_no_word() {
    let mut faults = Vec::new();
    for language in [Language::Fi, Language::Sv] {
        let (path, rows) = table(language);
        for (template, translation) in &rows {
            faults.extend(faulty(template, translation).map(|why| format!("{path}: {template}: {why}")));
        }
    }
    assert_none(&faults);
}

/// What a translation may not change: its places, what stands in backticks, and the key of a rule before it.
fn faulty(template: &str, translation: &str) -> Option<&'static str> {
    let quoted =
        |text: &str| -> BTreeSet<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let key = |text: &str| {
        let (key, _) = text.split_once(": ")?;
        key.contains('-').then(|| key.to_owned()).filter(|key| !key.contains(' '))
    };
    if translation.is_empty() || translation.trim() != translation || translation.contains("  ") {
        Some("is empty or has stray blanks")
    } else if places(template) != places(translation) {
        Some("has other places")
    } else if quoted(template) != quoted(translation) {
        Some("has other words in backticks")
    } else if key(template) != key(translation) {
        Some("has another key of a rule")
    } else if translation.ends_with('.') {
        Some("ends with a full stop")
    } else {
        None
    }
}

#[test]
fn a_message_is_given_what_stands_in_its_places() {
    let mut faults = Vec::new();
    for (path, used) in all_used() {
        let given = given(&used.rest);
        // A mark alone has places that are filled elsewhere.
        let is_message = !given.is_empty() || places(&used.template).is_empty();
        let wanted: BTreeSet<String> = places(&used.template).into_iter().map(str::to_owned).collect();
        if is_message && given != wanted {
            faults.push(format!("{}: {} is given {given:?}", path.display(), used.template));
        }
    }
    assert_none(&faults);
}

/// A template is a key: two languages with one text for it would mean that one was copied.
#[test]
fn the_languages_are_not_mixed_up() {
    let (_, finnish) = table(Language::Fi);
    let (_, swedish) = table(Language::Sv);
    let same: Vec<&str> = finnish
        .iter()
        .zip(&swedish)
        .filter(|((one, finnish), (other, swedish))| one != other || finnish == swedish)
        .map(|((template, _), _)| template.as_str())
        .collect();
    assert!(same.is_empty(), "{same:?}");
    let message = Message::new("{count} times", vec![("count", Argument::from(3))]);
    assert_eq!(
        Language::ALL.map(|language| message.in_language(language)),
        ["3 kertaa", "3 gånger", "3 times"]
    );
}

#[test]
fn the_checks_see_what_they_look_for() {
    let source = "message!(\n  \"a `{b}` \\\"c\\\" \\\n    d\",\n  b = f(x, y),\n  e\n); template!(\"g\")";
    let found = used(source);
    assert_eq!(found[0].template, "a `{b}` \"c\" d");
    assert_eq!(given(&found[0].rest).into_iter().collect::<Vec<_>>(), ["b", "e"]);
    assert_eq!((found[1].template.as_str(), found[1].rest.as_str()), ("g", ""));
    assert_eq!(faulty("a {b}", "a {c}"), Some("has other places"));
    assert_eq!(faulty("a `b`", "a b"), Some("has other words in backticks"));
    assert_eq!(faulty("txt-1: a", "a"), Some("has another key of a rule"));
    assert_eq!(faulty("txt-1: a `b` {c}", "txt-1: {c} `b`"), None);
}
