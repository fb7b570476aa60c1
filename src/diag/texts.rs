//! What the codes say in Finnish and Swedish: one table for each language, which people edit without any Rust.
//!
//! A row is a code, its title and its help, parted by tabs, in the order of the registry.

use super::{Code, Language};
use std::collections::HashMap;
use std::sync::LazyLock;

const FINNISH: &str = include_str!("texts/fi.tsv");
const SWEDISH: &str = include_str!("texts/sv.tsv");

/// Title and help by code. A table is read when its language is first asked for.
type Table = HashMap<&'static str, (&'static str, &'static str)>;

static IN_FINNISH: LazyLock<Table> = LazyLock::new(|| rows(FINNISH).collect());
static IN_SWEDISH: LazyLock<Table> = LazyLock::new(|| rows(SWEDISH).collect());

/// Title and help of a code. A test holds that no table lacks a code; English stands where one would.
pub(super) fn of(code: &Code, language: Language) -> (&'static str, &'static str) {
    let table = match language {
        Language::En => None,
        Language::Fi => Some(&IN_FINNISH),
        Language::Sv => Some(&IN_SWEDISH),
    };
    table.and_then(|table| table.get(code.id).copied()).unwrap_or((code.title, code.help))
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, (&'static str, &'static str))> {
    table.lines().skip(1).filter_map(|row| {
        let (id, texts) = row.split_once('\t')?;
        Some((id, texts.split_once('\t')?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;
    use std::collections::BTreeSet;

    const TABLES: [(&str, &str); 2] = [("fi", FINNISH), ("sv", SWEDISH)];

    /// What a translation has to take over: words in backticks, options, forms in brackets, and names, which are
    /// the only words of a text with capitals.
    fn names(text: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for (at, part) in text.split('`').enumerate() {
            if at % 2 == 1 {
                found.insert(part);
                continue;
            }
            for word in part.split_whitespace() {
                let bare = word.trim_matches([',', ';', ':', '.', '(', ')']);
                if bare.starts_with("--") || bare.starts_with('[') {
                    found.insert(bare);
                }
                let pieces = bare.split(|c: char| !c.is_alphanumeric() && c != '-');
                found.extend(pieces.filter(|piece| piece.contains(char::is_uppercase)));
            }
        }
        found
    }

    /// What is wrong with a text in another language than English.
    fn faults(english: &str, text: &str) -> Vec<String> {
        let mut faults: Vec<String> = names(english)
            .into_iter()
            .filter(|name| !text.contains(name))
            .map(|name| format!("lacks `{name}`"))
            .collect();
        if text == english {
            faults.push("is the English text".to_owned());
        }
        if text.is_empty() || text.trim() != text || text.contains("  ") || text.contains('\t') {
            faults.push("is empty or has stray blanks".to_owned());
        }
        if text.matches('`').count() != english.matches('`').count() || text.ends_with('.') {
            faults.push("has other backticks, or a full stop at its end".to_owned());
        }
        faults
    }

    #[test]
    fn every_code_says_in_each_language_what_it_says_in_english() {
        let mut found = Vec::new();
        for (language, table) in TABLES {
            let given: Vec<&str> = rows(table).map(|(id, _)| id).collect();
            let known = codes::ALL.iter().map(|code| code.id);
            found.extend(
                known.clone().filter(|id| !given.contains(id)).map(|id| format!("{language}.tsv lacks {id}")),
            );
            let known: Vec<&str> = known.collect();
            found.extend(
                given
                    .iter()
                    .filter(|id| !known.contains(id))
                    .map(|id| format!("{language}.tsv: {id} is stale")),
            );
            if found.is_empty() && given != known {
                found
                    .push(format!("{language}.tsv is not in the order of the registry, or has a code twice"));
            }
            for (id, (title, help)) in rows(table) {
                let Some(code) = codes::find(id) else { continue };
                for (english, text) in [(code.title, title), (code.help, help)] {
                    found.extend(
                        faults(english, text)
                            .iter()
                            .map(|fault| format!("{language}.tsv: {id}: “{text}” {fault}")),
                    );
                }
            }
            assert_eq!(
                table.lines().count(),
                given.len() + 1,
                "{language}.tsv has a row without three columns"
            );
        }
        assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
    }

    #[test]
    fn the_languages_are_not_mixed_up() {
        for ((id, finnish), (_, swedish)) in rows(FINNISH).zip(rows(SWEDISH)) {
            assert!(finnish.0 != swedish.0 && finnish.1 != swedish.1, "{id}");
        }
        assert_eq!(codes::UNKNOWN_CODE.title_in(Language::Fi), "koodia ei ole kooditaulukossa");
        assert_eq!(codes::UNKNOWN_CODE.title_in(Language::Sv), "en kod finns inte i kodtabellen");
        assert_eq!(codes::UNKNOWN_CODE.help_in(Language::En), codes::UNKNOWN_CODE.help);
    }

    #[test]
    fn the_check_sees_what_it_looks_for() {
        let english = "name it with --from; `sauma lens list` shows HL7's UTF-8 and [first]";
        assert_eq!(
            names(english).into_iter().collect::<Vec<_>>(),
            ["--from", "HL7", "UTF-8", "[first]", "sauma lens list"]
        );
        assert_eq!(faults("add a `keep`", "add a `keep`"), ["is the English text"]);
        assert_eq!(faults("add a `keep`", "lisää pysyvä").len(), 2);
        assert!(faults("add a `keep`", "lisää `keep`").is_empty());
    }
}
