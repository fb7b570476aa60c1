//! The canonical layout of a text: one declaration or rule on a line, two spaces a level, every comment kept.

use super::syntax::lexer::{Lexeme, Token};
use super::syntax::trivia::comments;
use super::syntax::{Gap, Parsed, parse};
use crate::diag::Issue;

const INDENT: &str = "  ";
/// Characters of a line; a longer rule is broken before `->`, before `then` and after the commas of its parts.
const LINE_CHARS_MAX: usize = 110;

/// A text in the canonical layout. Laid out again, it stays as it is.
///
/// # Errors
/// What is wrong with the text; a text with errors is not laid out.
pub fn format(text: &str) -> Result<String, Vec<Issue>> {
    let parsed = parse(text);
    if !parsed.issues.is_empty() {
        return Err(parsed.issues);
    }
    Ok(Layout::new(text, &parsed).write())
}

struct Layout<'a> {
    text: &'a str,
    lexemes: &'a [Lexeme],
    gaps: &'a [Gap],
    out: String,
    /// Depth of the line that is being written; what a comment breaks off goes on one deeper.
    depth: usize,
    /// The last thing written was a comment that ends its line, or nothing.
    at_line_start: bool,
    /// The line that is being written is too long and is broken.
    is_broken: bool,
}

impl<'a> Layout<'a> {
    fn new(text: &'a str, parsed: &'a Parsed) -> Self {
        let out = String::with_capacity(text.len() + text.len() / 8);
        Self {
            text,
            lexemes: &parsed.lexemes,
            gaps: &parsed.gaps,
            out,
            depth: 0,
            at_line_start: true,
            is_broken: false,
        }
    }

    fn write(mut self) -> String {
        let mut before: Option<Lexeme> = None;
        for (at, (lexeme, gap)) in self.lexemes.iter().zip(self.gaps).enumerate() {
            let start = before.map_or(0, |before| before.end);
            let between = self.text.get(start..lexeme.start).unwrap_or("");
            match gap {
                Gap::Kept => self.out.push_str(between),
                Gap::Line(depth) => {
                    self.line(before, *lexeme, between, *depth, false);
                    self.is_broken = self.is_long(at);
                }
                Gap::Apart(depth) => {
                    self.line(before, *lexeme, between, *depth, true);
                    self.is_broken = self.is_long(at);
                }
                Gap::Soft(deeper) if self.is_broken && comments(between).0.is_empty() => {
                    self.new_line(self.depth + deeper, false);
                }
                Gap::Space | Gap::Tight | Gap::Soft(_) => self.within(before, *lexeme, between, *gap),
            }
            self.out.push_str(self.text.get(lexeme.start..lexeme.end).unwrap_or(""));
            self.at_line_start = false;
            before = Some(*lexeme);
        }
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    /// The gap before a token that starts a line: comments, blank lines, the line itself.
    fn line(&mut self, before: Option<Lexeme>, lexeme: Lexeme, between: &str, depth: usize, apart: bool) {
        let (comments, lines_after) = comments(between);
        let closes = lexeme.token == Token::Sign("}");
        // What stands before a closing brace is part of the block.
        let inside = if closes { depth + 1 } else { depth };
        // Nothing stands in the block yet.
        let mut opened = before.is_some_and(|before| before.token == Token::Sign("{"));
        let blank_inside = comments.iter().any(|comment| comment.lines_before > 1) || lines_after > 1;
        let mut apart = apart && !blank_inside && before.is_some();
        for (at, comment) in comments.iter().enumerate() {
            let trails = at == 0 && comment.lines_before == 0 && before.is_some();
            if trails {
                self.out.push(' ');
            } else {
                let blank = comment.lines_before > 1 || std::mem::take(&mut apart);
                self.new_line(inside, blank && !opened);
                opened = false;
            }
            self.out.push_str(comment.text);
            self.at_line_start = false;
        }
        let blank = (lines_after > 1 || apart) && !closes && !opened;
        self.depth = depth;
        self.new_line(depth, blank);
    }

    /// True where the line that starts with a token would be too long in one piece. Comments do not count, so that
    /// the answer is the same when the text is laid out again.
    fn is_long(&self, first: usize) -> bool {
        let mut length = self.depth * INDENT.len();
        let mut before: Option<Lexeme> = None;
        for (lexeme, gap) in self.lexemes.iter().zip(self.gaps).skip(first) {
            let start = match (gap, before) {
                (Gap::Line(_) | Gap::Apart(_), Some(_)) => break,
                (Gap::Kept, Some(before)) => before.end,
                _ => lexeme.start,
            };
            length += usize::from(matches!(gap, Gap::Space | Gap::Soft(_)) && is_spaced(before, *lexeme));
            length += self.text.get(start..lexeme.end).map_or(0, |part| part.chars().count());
            if length > LINE_CHARS_MAX {
                return true;
            }
            before = Some(*lexeme);
        }
        false
    }

    fn new_line(&mut self, depth: usize, blank: bool) {
        if self.out.is_empty() {
            return;
        }
        self.out.push_str(if blank { "\n\n" } else { "\n" });
        self.out.extend(std::iter::repeat_n(INDENT, depth));
        self.at_line_start = true;
    }

    /// The gap before a token in the midst of a line.
    fn within(&mut self, before: Option<Lexeme>, lexeme: Lexeme, between: &str, gap: Gap) {
        let (comments, lines_after) = comments(between);
        for comment in &comments {
            if comment.lines_before > 0 {
                self.new_line(self.depth + 1, false);
            } else if !self.at_line_start {
                self.out.push(' ');
            }
            self.out.push_str(comment.text);
            self.at_line_start = false;
        }
        match comments.last() {
            Some(last) if last.is_line() || lines_after > 0 => self.new_line(self.depth + 1, false),
            Some(_) => self.out.push(' '),
            None if gap != Gap::Tight && !self.at_line_start && is_spaced(before, lexeme) => {
                self.out.push(' ');
            }
            None => {}
        }
    }
}

/// True where a space stands between two tokens of a line.
fn is_spaced(before: Option<Lexeme>, lexeme: Lexeme) -> bool {
    let Some(before) = before else { return false };
    let closes = matches!(lexeme.token, Token::Sign("," | ";" | ")" | "."));
    let opened = matches!(before.token, Token::Sign("(" | "."));
    !closes && !opened
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let laid_out = format(text);
        assert_eq!(laid_out.as_deref(), Ok(expected));
        assert_eq!(format(expected).as_deref(), Ok(expected));
    }

    #[test]
    fn one_rule_on_a_line_and_no_comment_lost() {
        check(
            "/* head */map \"u\"=\"n\" // what\n\n\n\nuses \"x\"alias X as source\ngroup G( source a:X,target b ){// in\n\na.c  as  v where(v  = 1)->b.d=create('T')as t then{v->t.e;}\"n\"; // out\n\n// last\n}",
            "/* head */\nmap \"u\" = \"n\" // what\n\nuses \"x\" alias X as source\n\ngroup G(source a : X, target b) { // in\n  a.c as v where (v  = 1) -> b.d = create('T') as t then {\n    v -> t.e;\n  } \"n\"; // out\n\n  // last\n}\n",
        );
    }

    #[test]
    fn a_comment_in_a_rule_breaks_the_line() {
        check(
            "map \"u\" = \"n\"\n\ngroup G(source a, target b) {\n  a.c as v, // one\n    // two\n    a.d as w /* three */ -> b.e = v;\n}\n",
            "map \"u\" = \"n\"\n\ngroup G(source a, target b) {\n  a.c as v, // one\n    // two\n    a.d as w /* three */ -> b.e = v;\n}\n",
        );
    }

    #[test]
    fn concept_maps_and_metadata_have_a_line_for_each_statement() {
        check(
            "/// url='u'\n/// name = \"\"\"\nn\n\"\"\"\nconceptmap \"c\"{prefix s=\"a\" prefix t=\"b\" s:x==t:\"y z\"\ns:w--\n}\ngroup G(source a,target b)<<type+>>{ a -> b : c,d; a.x 0..* -> b.y; }",
            "/// url = 'u'\n/// name = \"\"\"\nn\n\"\"\"\n\nconceptmap \"c\" {\n  prefix s = \"a\"\n  prefix t = \"b\"\n  s:x == t:\"y z\"\n  s:w --\n}\n\ngroup G(source a, target b) <<type+>> {\n  a -> b : c, d;\n  a.x 0..* -> b.y;\n}\n",
        );
    }

    #[test]
    fn a_rule_that_is_too_long_is_broken_at_its_parts() {
        let long = "a_name_that_is_long_enough_to_fill_more_than_a_third_of_a_line";
        let broken = format!(
            "map \"u\" = \"n\"\n\ngroup G(source a, target b) {{\n  a.{long} as v,\n    a.y as w\n    \
             -> b.{long} = v,\n      b.z = w\n    then {{\n    v -> b.c;\n  }} \"n\";\n}}\n"
        );
        check(&broken.replace('\n', " ").replace("\"n\"  group", "\"n\"\ngroup"), &broken);
    }

    #[test]
    fn a_text_with_errors_is_refused() {
        assert!(format("group G(source a, target b) { a.c -> }").is_err());
    }
}
