//! What a map leaves out, for those who read it.

use super::{Direction, Exporter};
use crate::mapping::program::{Block, Fate};

/// Characters of a line of a comment.
const LINE_MAX: usize = 100;

impl Exporter<'_> {
    /// What a block keeps in the document or ignores, in the words of the lens; a map makes nothing of it.
    pub(super) fn left_out(&self, block: &Block) -> Option<String> {
        if self.direction == Direction::Backward {
            return None;
        }
        let mut lines = Vec::new();
        for (fate, word, heading) in
            [(Fate::Kept, "keep ", "Stays in the document:"), (Fate::Ignored, "ignore ", "Left out:")]
        {
            let marks = block.marks.iter().filter(|(_, mark)| mark.fate == fate);
            let rules = marks.filter_map(|(rule, _)| self.program.rules().get(*rule));
            let named: Vec<&str> =
                rules.map(|rule| rule.text.strip_prefix(word).unwrap_or(&rule.text)).collect();
            if !named.is_empty() {
                lines.extend(wrapped(&format!("{heading} {}", named.join(", "))));
            }
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + word.len() < LINE_MAX {
            line.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_broken_between_words() {
        let check = |text: &str, expected: usize| {
            let lines = wrapped(text);
            assert_eq!(lines.len(), expected, "{text}");
            assert_eq!(lines.join(" "), text);
        };
        check("Stays in the document: p.writer", 1);
        check(&["word"; 60].join(" "), 3);
        check(&"x".repeat(LINE_MAX * 2), 1);
    }
}
