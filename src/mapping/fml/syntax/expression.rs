//! Where an embedded `FHIRPath` expression ends.
//!
//! FML text has expressions without parentheses around them, as old maps do, so its parser must know where one
//! ends: at a sign or keyword of FML that no expression can go on with.

use super::lexer::{Lexeme, Token};

/// What an expression is part of, which says what may follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// `where`, `check`, `log`.
    Clause,
    /// The same of a source that has no variable yet, which may follow: `where a = b as v ->`.
    ClauseUnnamed,
    /// `default`, which stands before the variable of a source.
    Default,
    /// Parentheses, the opening one of which was taken.
    Parentheses,
    /// The arguments of a call.
    Arguments,
    /// `let`.
    Constant,
}

/// The first token after the expression that starts at `at`. It is the end of the text, or one that cannot be
/// part of the expression; inside brackets that are never closed it is a sign that no expression has.
pub(super) fn expression_span(text: &str, lexemes: &[Lexeme], at: usize, within: Within) -> usize {
    let mut depth = 0_usize;
    let mut operand_before = false;
    let rest = lexemes.get(at..).unwrap_or(&[]);
    for (offset, lexeme) in rest.iter().enumerate() {
        let word = word(text, *lexeme);
        match lexeme.token {
            Token::End | Token::Metadata | Token::Sign("->" | ";") => return at + offset,
            Token::Sign("(" | "[" | "{") => depth += 1,
            Token::Sign(")" | "]" | "}") => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return at + offset,
            },
            Token::Sign(",") if depth == 0 => return at + offset,
            Token::Word if depth == 0 && operand_before && ends(word, within) => return at + offset,
            // A constant whose `;` is missing must not swallow the group that follows.
            Token::Word
                if operand_before && within == Within::Constant && declares(text, lexemes, at + offset) =>
            {
                return at + offset;
            }
            Token::Word if depth == 0 && within == Within::ClauseUnnamed && names(text, rest, offset) => {
                return at + offset;
            }
            // After an operand no expression has a string, but a rule has its name there.
            Token::Double if depth == 0 && operand_before && is_clause(within) => return at + offset,
            _ => {}
        }
        operand_before = is_operand(lexeme.token, word);
    }
    lexemes.len().saturating_sub(1)
}

/// The bracket that closes the one at `at`.
pub(super) fn closing(lexemes: &[Lexeme], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, lexeme) in lexemes.get(at..)?.iter().enumerate() {
        match lexeme.token {
            Token::Sign("(" | "[" | "{") => depth += 1,
            Token::Sign(")" | "]" | "}") => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + offset);
                }
            }
            Token::Sign("->" | ";") => return None,
            _ => {}
        }
    }
    None
}

fn is_operator(word: &str) -> bool {
    matches!(word, "and" | "or" | "xor" | "implies" | "in" | "contains" | "is" | "as" | "div" | "mod")
}

fn word(text: &str, lexeme: Lexeme) -> &str {
    text.get(lexeme.start..lexeme.end).unwrap_or("")
}

/// Keywords that end an expression where it has an operand and could go on only with an operator.
fn ends(word: &str, within: Within) -> bool {
    match within {
        Within::Clause | Within::ClauseUnnamed => {
            matches!(word, "then" | "where" | "check" | "log" | "default")
        }
        Within::Default => matches!(
            word,
            "then"
                | "where"
                | "check"
                | "log"
                | "as"
                | "first"
                | "not_first"
                | "last"
                | "not_last"
                | "only_one"
        ),
        Within::Parentheses | Within::Arguments | Within::Constant => false,
    }
}

fn is_clause(within: Within) -> bool {
    matches!(within, Within::Clause | Within::ClauseUnnamed)
}

/// True for an `as` that names the variable of a source: right after its name the source ends. In an expression it
/// would give the condition a type, which no map needs.
fn names(text: &str, rest: &[Lexeme], offset: usize) -> bool {
    let at = |ahead: usize| rest.get(offset + ahead).copied();
    let is_name = at(1).is_some_and(|name| matches!(name.token, Token::Word | Token::Delimited));
    let ends = at(2).is_some_and(|after| match after.token {
        Token::Sign(sign) => matches!(sign, "->" | "," | ";"),
        Token::Word => matches!(word(text, after), "then" | "check" | "log"),
        _ => false,
    });
    at(0).is_some_and(|here| word(text, here) == "as") && is_name && ends
}

/// True for a keyword that starts a declaration on a line of its own.
fn declares(text: &str, lexemes: &[Lexeme], at: usize) -> bool {
    let Some(lexeme) = lexemes.get(at) else { return false };
    let before = at.checked_sub(1).and_then(|before| lexemes.get(before)).map_or(0, |before| before.end);
    let starts_line = text.get(before..lexeme.start).is_some_and(|gap| gap.contains('\n'));
    starts_line && matches!(word(text, *lexeme), "group" | "let" | "uses" | "imports" | "conceptmap")
}

/// True for a token after which an operator follows.
fn is_operand(token: Token, word: &str) -> bool {
    match token {
        Token::Word => !is_operator(word),
        Token::Delimited
        | Token::Single
        | Token::Double
        | Token::Markdown
        | Token::Number
        | Token::Date
        | Token::Variable
        | Token::Wrong => true,
        Token::Sign(sign) => matches!(sign, ")" | "]" | "}"),
        Token::Metadata | Token::End => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lex;
    use super::*;

    #[test]
    fn an_expression_ends_where_the_map_goes_on() {
        let check = |text: &str, within: Within, expected: &str| {
            let lexemes = lex(text, &mut Vec::new());
            let end = expression_span(text, &lexemes, 0, within);
            let last = end.checked_sub(1).and_then(|last| lexemes.get(last)).map_or(0, |last| last.end);
            assert_eq!(text.get(..last), Some(expected), "{text}");
        };
        check("linkId.value in ('a', 'b') -> tgt", Within::Clause, "linkId.value in ('a', 'b')");
        check("(a = 1) check b", Within::Clause, "(a = 1)");
        check("log = 'x' log (y)", Within::Clause, "log = 'x'");
        check("a and check then G(a)", Within::Clause, "a and check");
        check("a.where(b) then", Within::Clause, "a.where(b)");
        check("a = \"x\" \"name\";", Within::Clause, "a = \"x\"");
        check("value as Quantity -> t", Within::Clause, "value as Quantity");
        check("a.all(b = 'c') as s -> t", Within::ClauseUnnamed, "a.all(b = 'c')");
        check("a as Coding = b -> t", Within::ClauseUnnamed, "a as Coding = b");
        check("'x' as v", Within::Default, "'x'");
        check("iif(a, b, c), d)", Within::Arguments, "iif(a, b, c)");
        check("a + {} ) as v", Within::Parentheses, "a + {}");
        check("a + (b ; c", Within::Constant, "a + (b");
    }
}
