//! In which language a source is written: what its plan states, otherwise what its other resources state, otherwise
//! what the words of its texts are. Documents without a plan and forms that have no place for it state nothing, and
//! words of another language must not be read as those of the page.

use super::Page;
use crate::plan::read::text;
use crate::tree::{Kind, NodeId};
use std::collections::BTreeSet;

/// Words that texts of a language have and texts of the others have not.
const WORDS: &[(&str, &[&str])] = &[
    (
        "fi",
        &[
            "ja",
            "ei",
            "että",
            "hän",
            "joka",
            "jonka",
            "mutta",
            "kun",
            "myös",
            "tai",
            "ovat",
            "oli",
            "kanssa",
            "sekä",
            "jos",
            "vielä",
            "ole",
            "kuin",
            "minä",
            "mukaan",
            "jälkeen",
            "kertaa",
            "viikossa",
            "kerran",
            "päivässä",
            "vain",
            "nyt",
            "enää",
            "tarvitsee",
            "haluaa",
            "haluan",
            "apua",
            "itse",
        ],
    ),
    (
        "sv",
        &[
            "och", "att", "är", "inte", "på", "som", "för", "med", "ett", "till", "av", "det", "har", "jag",
            "vill", "hon", "när", "från", "eller", "efter", "också", "kan", "ska", "gång", "gånger",
            "veckan", "hemma", "den", "själv",
        ],
    ),
    (
        "en",
        &[
            "the", "and", "to", "of", "is", "with", "not", "are", "was", "has", "that", "be", "by", "this",
            "will", "she", "from", "or", "my", "a", "who", "would", "patient", "week",
        ],
    ),
];
/// Endings that only long words of Finnish have.
const FINNISH_ENDINGS: &[&str] = &["ssä", "llä", "stä", "ltä", "ään", "ksi", "ista", "een", "iden", "inen"];
/// Letters of such a word at least.
const LONG: usize = 6;
/// Words that must speak for a language, so that a name or a loan word decides nothing.
const WORDS_MIN: usize = 3;
/// How many times as many as for any other language.
const TIMES_MIN: usize = 3;
/// Elements whose text is a name or comes from a code system or a register.
const NO_PROSE: &[&str] =
    &["display", "family", "given", "line", "city", "name", "unit", "url", "system", "reference", "div"];

/// The language of each source of the joined plan.
pub(super) fn of_sources(page: &Page<'_>) -> Vec<Option<String>> {
    (0..page.joined.sources.len()).map(|at| of_source(page, at)).collect()
}

fn of_source(page: &Page<'_>, at: usize) -> Option<String> {
    let plan = page.joined.sources.get(at).and_then(|source| page.resources.get(&source.plan));
    if let Some(stated) = plan.and_then(|plan| page.resource_language(*plan)) {
        return Some(stated);
    }
    let own: Vec<NodeId> = page
        .origins
        .iter()
        .filter(|(_, sources)| sources.len() == 1 && sources.contains(&at))
        .filter_map(|(target, _)| page.resources.get(*target).copied())
        .collect();
    let stated: BTreeSet<String> =
        own.iter().filter_map(|node| text(page.tree, *node, &["language"])).map(Into::into).collect();
    if !stated.is_empty() {
        return stated.first().filter(|_| stated.len() == 1).cloned();
    }
    let tree = page.tree;
    let leaves = own.into_iter().flat_map(|node| tree.descend(node)).filter(|leaf| {
        tree.kind(*leaf) == Kind::Str && tree.has_text(*leaf) && !NO_PROSE.contains(&tree.name_text(*leaf))
    });
    guess(leaves.map(|leaf| tree.text(leaf).into_owned())).map(str::to_owned)
}

/// The language that far more words are of than of any other.
fn guess(texts: impl Iterator<Item = String>) -> Option<&'static str> {
    let mut counts = vec![0_usize; WORDS.len()];
    for text in texts.filter(|text| text.contains(' ')) {
        for word in text.split(|letter: char| !letter.is_alphabetic()) {
            let word = word.to_lowercase();
            let is_long = word.chars().count() >= LONG;
            let ends = is_long && FINNISH_ENDINGS.iter().any(|ending| word.ends_with(ending));
            for (count, (language, words)) in counts.iter_mut().zip(WORDS) {
                *count += usize::from(words.contains(&word.as_str()) || *language == "fi" && ends);
            }
        }
    }
    let best = counts.iter().copied().max().filter(|best| *best >= WORDS_MIN)?;
    let others: usize = counts.iter().copied().filter(|count| *count < best).max().unwrap_or_default();
    let is_alone = counts.iter().filter(|count| **count == best).count() == 1;
    let found = counts.iter().position(|count| *count == best)?;
    (is_alone && best >= others * TIMES_MIN).then_some(WORDS.get(found)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_only_where_words_are_clear() {
        let check = |texts: &[&str], expected: Option<&str>| {
            assert_eq!(guess(texts.iter().map(|text| (*text).to_owned())), expected, "{texts:?}");
        };
        check(&["Velat ja laskut listataan, ja niistä tehdään maksusuunnitelma."], Some("fi"));
        check(&["Jag vill bo kvar hemma. Hjälp en gång i veckan räcker."], Some("sv"));
        check(&["The client and the nurse agree on a walk each week."], Some("en"));
        check(&["Yhteinen tapaaminen ja kotikäynti", "puhelinaika kerran viikossa"], Some("fi"));
        check(&["Vertaistupa ry"], None);
        check(&["och", "ja", "Verenpaine 148"], None);
        check(&["Hän soittaa ja kysyy, jos ei tule.", "Jag vill att det är hemma och inte på jobbet."], None);
        check(&[], None);
    }
}
