//! Long expressions over several lines, so that people can read the map.

use crate::mapping::fml::model::{Group, Rule, RuleBody, Transform};

/// Characters of a line, as far as there is a place to break it.
const LINE_MAX: usize = 100;
/// Characters that stand before an expression beside its indentation: `element as variable where (`.
const BEFORE: usize = 30;
/// Characters that a line has at least, so that no line holds a lone word.
const LINE_MIN: usize = 40;
/// Spaces for each rule that a rule stands in.
const INDENT: usize = 2;

/// Breaks the long expressions of some groups.
pub(super) fn wrap(groups: &mut [Group]) {
    for group in groups {
        of_rules(&mut group.rules, 1);
    }
}

fn of_rules(rules: &mut [Rule], depth: usize) {
    // What continues a rule stands deeper than the rules inside it.
    let indent = INDENT * (depth + 2);
    for rule in rules {
        let RuleBody::Full(full) = &mut rule.body else { continue };
        for source in &mut full.sources {
            for expression in [&mut source.condition, &mut source.check].into_iter().flatten() {
                expression.text = broken(&expression.text, indent);
            }
        }
        for target in &mut full.targets {
            if let Some(Transform::Evaluate(expression)) = &mut target.transform {
                expression.text = broken(&expression.text, indent);
            }
        }
        of_rules(&mut full.rules, depth + 1);
    }
}

/// A place where a line may end.
#[derive(Clone, Copy)]
struct Break {
    /// Where the next line starts.
    at: usize,
    /// Brackets that are open there, then what kind of place it is: the lower the better.
    rank: (usize, usize),
}

/// An expression with line breaks where it is long.
fn broken(text: &str, indent: usize) -> String {
    let breaks = breaks(text);
    let mut out = String::with_capacity(text.len());
    let mut start = 0;
    let mut width = LINE_MAX.saturating_sub(indent + BEFORE).max(LINE_MIN);
    while text.len() - start > width {
        let fits = |place: &&Break| place.at > start + LINE_MIN.min(width) / 2;
        let better = |one: &Break, other: &Break| one.rank.cmp(&other.rank).then(other.at.cmp(&one.at));
        let near = breaks.iter().filter(fits).filter(|place| place.at <= start + width);
        let far =
            || breaks.iter().filter(fits).filter(|place| place.at > start + width).min_by_key(|one| one.at);
        let Some(place) = near.min_by(|one, other| better(one, other)).or_else(far) else { break };
        out.push_str(text.get(start..place.at).unwrap_or_default().trim_end());
        out.push('\n');
        out.push_str(&" ".repeat(indent));
        start = place.at;
        width = LINE_MAX.saturating_sub(indent).max(LINE_MIN);
    }
    out.push_str(text.get(start..).unwrap_or_default());
    out
}

/// The places outside of texts where a line may end.
fn breaks(text: &str) -> Vec<Break> {
    let mut found = Vec::new();
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        match (quote, character) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '`' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ' ') if [" and ", " or "].iter().any(|word| rest.starts_with(word)) => {
                found.push(Break { at: at + 1, rank: (depth, 0) });
            }
            (None, ' ') if before == ',' => found.push(Break { at: at + 1, rank: (depth, 1) }),
            // A path goes on after a call.
            (None, '.') if before == ')' => found.push(Break { at, rank: (depth, 2) }),
            (Some(_) | None, _) => {}
        }
        before = character;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(broken(text, 4).split("\n    ").collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lines_end_where_an_expression_has_its_joints() {
        check("name.exists()", &["name.exists()"]);
        let first = "(%a.reference.exists()).not() and (%a.detail.exists()).not()";
        let second = "and %a.progress.where(time > today() or text = 'this and that').exists()";
        check(&format!("{first} {second}"), &[first, second]);
        let (asked, given) = (
            "iif(%value.matches('[0-9]{4}, or so, and more of it'),",
            "%value.toString(), 'a value of another form')",
        );
        check(&format!("{asked} {given}"), &[asked, given]);
    }

    #[test]
    fn texts_stay_whole() {
        let text = format!("url = '{}'", "x and y, ".repeat(30));
        check(&text, &[&text]);
    }
}
