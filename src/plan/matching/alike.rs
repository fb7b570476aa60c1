//! How far two values agree.

use super::Level;
use std::collections::BTreeSet;

/// From this Jaro-Winkler similarity on two names are spelt nearly the same.
const SIMILAR: f64 = 0.92;
/// Letters of a name that are compared.
const LETTERS_MAX: usize = 64;
/// Letters at the start of a name that count more (Winkler 1990).
const PREFIX_MAX: usize = 4;

/// The best agreement between any two names; nothing where one side has none.
pub(super) fn names(a: &BTreeSet<String>, b: &BTreeSet<String>) -> Option<Level> {
    let pairs = a.iter().flat_map(|left| b.iter().map(move |right| name(left, right)));
    pairs.min()
}

fn name(a: &str, b: &str) -> Level {
    if a == b {
        return Level::Equal;
    }
    let (a, b) = (fold(a), fold(b));
    if a == b {
        Level::Folded
    } else if jaro_winkler(&a, &b) >= SIMILAR {
        Level::Similar
    } else {
        Level::Different
    }
}

/// Whether any value is common; nothing where one side has none.
pub(super) fn sets(a: &BTreeSet<String>, b: &BTreeSet<String>) -> Option<Level> {
    let both = !a.is_empty() && !b.is_empty();
    both.then(|| if a.is_disjoint(b) { Level::Different } else { Level::Equal })
}

/// How far two FHIR dates agree.
pub(super) fn dates(a: &str, b: &str) -> Option<Level> {
    let (Some(left), Some(right)) = (a.get(..10), b.get(..10)) else {
        let agree = a.starts_with(b) || b.starts_with(a);
        return (a.len() >= 4 && b.len() >= 4).then_some(if agree {
            Level::Partial
        } else {
            Level::Different
        });
    };
    let day_first = |date: &str| Some(format!("{}-{}-{}", date.get(..4)?, date.get(8..10)?, date.get(5..7)?));
    Some(if left == right {
        Level::Equal
    } else if day_first(left).as_deref() == Some(right) {
        Level::Swapped
    } else if is_one_slip(left.as_bytes(), right.as_bytes()) {
        Level::OneDigit
    } else {
        Level::Different
    })
}

/// One character differs, or two neighbours are exchanged.
fn is_one_slip(a: &[u8], b: &[u8]) -> bool {
    let torn: Vec<usize> = (0..a.len().min(b.len())).filter(|at| a[*at] != b[*at]).collect();
    match torn[..] {
        [_] => true,
        [first, second] => second == first + 1 && a[first] == b[second] && a[second] == b[first],
        _ => false,
    }
}

/// A telephone number without the country's code or the zero in its place.
pub(super) fn digits(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let rest = ["00358", "358", "0"].iter().find_map(|prefix| digits.strip_prefix(prefix));
    rest.map_or(digits.clone(), str::to_owned)
}

/// Lower case without accents, hyphens and apostrophes: the letters that systems lose.
fn fold(name: &str) -> Vec<char> {
    let plain = |letter: char| match letter {
        'å' | 'ä' | 'á' | 'à' | 'â' | 'ã' => 'a',
        'ö' | 'ø' | 'ó' | 'ò' | 'ô' | 'õ' => 'o',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'ü' | 'ú' | 'ù' | 'û' => 'u',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'š' | 'ś' => 's',
        'ž' | 'ź' | 'ż' => 'z',
        'ç' | 'č' | 'ć' => 'c',
        'ñ' => 'n',
        other => other,
    };
    let lower = name.chars().flat_map(char::to_lowercase);
    lower.map(plain).filter(|letter| letter.is_alphanumeric()).take(LETTERS_MAX).collect()
}

/// The Jaro-Winkler similarity (Winkler 1990, with a weight of 0.1 for each common letter at the start).
fn jaro_winkler(a: &[char], b: &[char]) -> f64 {
    let jaro = jaro(a, b);
    let prefix = a.iter().zip(b).take(PREFIX_MAX).take_while(|(left, right)| left == right).count();
    jaro + share(prefix, 10) * (1.0 - jaro)
}

fn jaro(a: &[char], b: &[char]) -> f64 {
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; b.len()];
    let mut common = Vec::new();
    for (at, letter) in a.iter().enumerate() {
        let near = at.saturating_sub(window)..(at + window + 1).min(b.len());
        if let Some(found) = near.into_iter().find(|there| !taken[*there] && b[*there] == *letter) {
            taken[found] = true;
            common.push(*letter);
        }
    }
    if common.is_empty() {
        return 0.0;
    }
    let other = b.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(letter, _)| letter);
    let moved = common.iter().zip(other).filter(|(left, right)| left != right).count() / 2;
    let m = common.len();
    (share(m, a.len()) + share(m, b.len()) + share(m - moved, m)) / 3.0
}

/// A share of two small counts.
fn share(part: usize, whole: usize) -> f64 {
    let small = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    small(part) / small(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_by_levels() {
        let check = |a: &str, b: &str, level: Level| {
            assert_eq!((name(a, b), name(b, a)), (level, level), "{a} {b}");
        };
        check("Virtanen", "Virtanen", Level::Equal);
        check("Mäki-Räsänen", "MAKIRASANEN", Level::Folded);
        check("Virtanen", "Virtannen", Level::Similar);
        check("Korhonen", "Korohnen", Level::Similar);
        check("Virtanen", "Korhonen", Level::Different);
        check("", "Korhonen", Level::Different);
    }

    #[test]
    fn jaro_winkler_gives_the_published_values() {
        let check = |a: &str, b: &str, expected: f64| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert!((jaro_winkler(&letters(a), &letters(b)) - expected).abs() < 0.001, "{a} {b}");
        };
        check("MARTHA", "MARHTA", 0.961);
        check("DWAYNE", "DUANE", 0.840);
        check("DIXON", "DICKSONX", 0.813);
    }

    #[test]
    fn dates_agree_by_levels() {
        let check = |a: &str, b: &str, level: Option<Level>| {
            assert_eq!((dates(a, b), dates(b, a)), (level, level), "{a} {b}");
        };
        check("1979-03-14", "1979-03-14", Some(Level::Equal));
        check("1979-03-04", "1979-04-03", Some(Level::Swapped));
        check("1979-03-14", "1979-03-15", Some(Level::OneDigit));
        check("1979-03-14", "1997-03-14", Some(Level::OneDigit));
        check("1979-03-14", "1979", Some(Level::Partial));
        check("1979-03-14", "1980", Some(Level::Different));
        check("1979-03-14", "1985-11-02", Some(Level::Different));
        check("1979-03-14", "x", None);
    }

    #[test]
    fn numbers_agree_with_and_without_the_country() {
        assert_eq!(digits("+358 40 123 4567"), digits("040-1234567"));
    }
}
