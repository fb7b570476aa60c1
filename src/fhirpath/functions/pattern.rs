//! Regular expressions: those of PCRE and XML Schema, as far as they can be matched in linear time.

use super::super::error::{Fault, Outcome};
use super::super::eval::PATTERN_STEPS;
use super::Call;
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;

/// Bytes of a compiled regular expression.
const COMPILED_BYTES_MAX: usize = 4 << 20;

/// Compiles a regular expression: `.` matches a line end too ("single line" mode), case matters.
///
/// # Errors
/// What is wrong with it, without the expression itself.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translated(pattern))
        .dot_matches_new_line(true)
        .size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            regex::Error::Syntax(text) => {
                text.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned()
            }
            _ => "it cannot be compiled".to_owned(),
        })
}

/// The spelling that the engine knows: `\/` is `/`, and a `{` that begins no count is itself.
fn translated(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains(['\\', '[']) {
        return Cow::Borrowed(pattern);
    }
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut in_class = 0_u32;
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                // Escapes that mean the character itself, which the engine refuses.
                Some(plain) if !plain.is_ascii_alphanumeric() && !is_meta(plain) => out.push(plain),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' if in_class > 0 => {
                // A bracket within a class is a bracket, unless it begins a class by name.
                if rest.peek() == Some(&':') {
                    in_class += 1;
                } else {
                    out.push('\\');
                }
                out.push('[');
            }
            '[' => {
                in_class = 1;
                out.push('[');
                if rest.peek() == Some(&'^') {
                    out.extend(rest.next());
                }
                if rest.peek() == Some(&']') {
                    rest.next();
                    out.push_str("\\]");
                }
            }
            ']' => {
                in_class = in_class.saturating_sub(1);
                out.push(']');
            }
            // These pairs are operators between classes for the engine alone.
            '&' | '~' if in_class > 0 => out.extend(['\\', character]),
            '-' if in_class > 0 && rest.peek() == Some(&'-') => out.push_str("\\-"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

const fn is_meta(c: char) -> bool {
    matches!(
        c,
        '.' | '+'
            | '*'
            | '?'
            | '('
            | ')'
            | '|'
            | '['
            | ']'
            | '{'
            | '}'
            | '^'
            | '$'
            | '#'
            | '&'
            | '-'
            | '~'
            | '\\'
    )
}

/// The regular expression of a call: the one made before, where its text is a literal.
pub(super) fn of<'c>(call: &Call<'c, '_>) -> Outcome<Cow<'c, Regex>> {
    if let Some(regex) = call.regex {
        return Ok(Cow::Borrowed(regex));
    }
    call.machine.charge(PATTERN_STEPS, call.span)?;
    let pattern = call.text_argument(0)?;
    compile(&call.function.pattern(&pattern))
        .map(Cow::Owned)
        .map_err(|reason| call.fault(Fault::Regex(reason)))
}

/// A substitution in the spelling of the engine: `$1a` is group 1 and the letter.
pub(super) fn substitution(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            let (number, more) = after.split_at(digits);
            out.push_str(&format!("${{{number}}}"));
            rest = more;
        } else if after.starts_with('{') {
            out.push('$');
            rest = after;
        } else {
            out.push_str("$$");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(compile(pattern).map(|regex| regex.is_match(text)), Ok(expected), "{pattern}");
    }

    #[test]
    fn spellings_of_other_engines_are_understood() {
        check(r"^a\/b$", "a/b", true);
        check(r"^[^\s.,:;\'\x22\/|?![\]{}]$", "[", false);
        check(r"^[[a]$", "[", true);
        check(r"^[]a]$", "]", true);
        check(r"^[a&&b]$", "&", true);
        check(r"^[[:alpha:]]$", "x", true);
        check("A.*B", "A\nB", true);
        check(r"^\d{2}-\w+$", "12-ab", true);
        assert!(compile("(").is_err());
        assert!(compile(r"(a)\1").is_err());
        assert!(compile("((a{999}){999}){999}").is_err());
        assert_eq!(substitution("$1a ${day} $"), "${1}a ${day} $$");
    }
}
