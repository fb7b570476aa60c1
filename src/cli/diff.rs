//! Which lines of a text changed, shown with a few lines around them.

use super::console::{Ink, Paint, clean};
use crate::exchange::align::common;
use serde::Serialize;

/// Lines shown before and after a change.
const AROUND: usize = 2;
/// Lines that both texts may differ in for the shortest script to be looked for; beyond it the whole region
/// between the first and the last difference is shown.
const REGION_LINES_MAX: usize = 2_000;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Change {
    /// In both texts.
    Same,
    /// Only in the old one.
    Removed,
    /// Only in the new one.
    Added,
    /// Lines in both texts that are not shown.
    Gap,
}

/// One line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    change: Change,
    /// Its number in the old text, or in the new one for an added line.
    number: usize,
    text: String,
}

/// Compares two texts by lines and gives the lines to show, taken from the shown forms of the texts.
pub(super) fn lines(before: &str, after: &str, shown_before: &str, shown_after: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.split('\n').collect(), after.split('\n').collect());
    let shown =
        |text: &str| text.split('\n').map(|line| clean(line.trim_end_matches('\r'))).collect::<Vec<_>>();
    let (shown_old, shown_new) = (shown(shown_before), shown(shown_after));
    let line = |change, at: usize, texts: &[String]| Line {
        change,
        number: at + 1,
        text: texts.get(at).cloned().unwrap_or_default(),
    };
    let all = script(&old, &new).into_iter().map(|(change, at)| match change {
        Change::Added => line(change, at, &shown_new),
        Change::Same | Change::Removed | Change::Gap => line(change, at, &shown_old),
    });
    near_changes(all.collect())
}

/// The steps from the old lines to the new ones.
fn script(old: &[&str], new: &[&str]) -> Vec<(Change, usize)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let mut steps: Vec<(Change, usize)> = (0..head).map(|at| (Change::Same, at)).collect();
    let (mut i, mut j) = (head, head);
    let region = old_end - head + new_end - head;
    if region <= REGION_LINES_MAX {
        let pairs = common(&old[head..old_end], &new[head..new_end], |a, b| a == b);
        for (a, b) in pairs {
            steps.extend((i..head + a).map(|at| (Change::Removed, at)));
            steps.extend((j..head + b).map(|at| (Change::Added, at)));
            steps.push((Change::Same, head + a));
            (i, j) = (head + a + 1, head + b + 1);
        }
    }
    steps.extend((i..old_end).map(|at| (Change::Removed, at)));
    steps.extend((j..new_end).map(|at| (Change::Added, at)));
    steps.extend((old_end..old.len()).map(|at| (Change::Same, at)));
    steps
}

fn near_changes(lines: Vec<Line>) -> Vec<Line> {
    let mut near = vec![false; lines.len()];
    for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.change != Change::Same) {
        let to = (at + AROUND + 1).min(lines.len());
        near[at.saturating_sub(AROUND)..to].fill(true);
    }
    let mut out: Vec<Line> = Vec::new();
    for (line, near) in lines.into_iter().zip(near) {
        if near {
            out.push(line);
        } else if out.last().is_some_and(|last| last.change != Change::Gap) {
            out.push(Line { change: Change::Gap, number: line.number, text: String::new() });
        }
    }
    if out.last().is_some_and(|last| last.change == Change::Gap) {
        out.pop();
    }
    out
}

/// The comparison for people.
pub(super) fn to_human(name: &str, lines: &[Line], paint: Paint) -> String {
    if lines.is_empty() {
        return format!("{}: unchanged\n", clean(name));
    }
    let mut out = format!("{}\n", paint.ink(Ink::Strong, &clean(name)));
    for line in lines {
        let text = |sign: char| format!("{:>5} {sign} {}", line.number, line.text);
        out.push_str(&match line.change {
            Change::Same => text(' '),
            Change::Removed => paint.ink(Ink::Error, &text('-')),
            Change::Added => paint.ink(Ink::Good, &text('+')),
            Change::Gap => paint.ink(Ink::Faint, "      …"),
        });
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_stands_with_its_neighbours() {
        let (before, after) = ("1\n2\n3\n4\n5\n6\n7", "1\n2\n3\nfour\n5\n6\n7");
        let text = to_human("a", &lines(before, after, before, after), Paint::PLAIN);
        assert_eq!(text, "a\n    2   2\n    3   3\n    4 - 4\n    4 + four\n    5   5\n    6   6\n");
        assert_eq!(to_human("a", &lines("x", "x", "x", "x"), Paint::PLAIN), "a: unchanged\n");
    }

    #[test]
    fn changes_far_apart_have_a_gap() {
        let before: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut after = before.clone();
        after[2] = "a".to_owned();
        after.insert(15, "b".to_owned());
        let (before, after) = (before.join("\n"), after.join("\n"));
        let lines = lines(&before, &after, &before, &after);
        assert_eq!(lines.iter().filter(|line| line.change == Change::Gap).count(), 1);
        assert_eq!(lines.iter().filter(|line| line.change == Change::Added).count(), 2);
    }
}
