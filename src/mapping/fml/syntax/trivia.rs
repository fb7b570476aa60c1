//! What stands between two tokens: comments and line breaks.

use super::lexer::comment_length;

/// A comment between two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comment<'a> {
    /// With its `//` or `/* */`, without white space at its end.
    pub(crate) text: &'a str,
    /// Bytes of the gap before it.
    pub(crate) start: usize,
    /// Line breaks since the token or comment before it.
    pub(crate) lines_before: usize,
}

/// The comments of a gap, and the line breaks after the last.
pub(crate) fn comments(gap: &str) -> (Vec<Comment<'_>>, usize) {
    let mut found = Vec::new();
    let mut rest = gap;
    let mut lines_before = 0;
    while let Some(first) = rest.chars().next() {
        let length = comment_length(rest);
        if length == 0 {
            lines_before += usize::from(first == '\n');
            rest = rest.get(first.len_utf8()..).unwrap_or("");
            continue;
        }
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        found.push(Comment { text: text.trim_end(), start: gap.len() - rest.len(), lines_before });
        lines_before = 0;
        rest = after;
    }
    (found, lines_before)
}

/// The comments right before a token: those on lines of their own, with no blank line up to the token.
pub(crate) fn leading(gap: &str, is_first: bool) -> Vec<Comment<'_>> {
    let (comments, mut lines_after) = comments(gap);
    let mut found = Vec::new();
    for comment in comments.iter().rev() {
        let trails = comment.lines_before == 0 && !is_first;
        if lines_after > 1 || trails {
            break;
        }
        found.push(*comment);
        lines_after = comment.lines_before;
    }
    found.reverse();
    found
}

/// The comment that ends the line of a token.
pub(crate) fn trailing(gap: &str) -> Option<Comment<'_>> {
    let (comments, _) = comments(gap);
    comments.first().filter(|comment| comment.lines_before == 0).copied()
}

/// What comments say; nothing where there is none.
pub(crate) fn said(comments: &[Comment<'_>]) -> Option<String> {
    let texts: Vec<String> = comments.iter().map(Comment::said).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

impl Comment<'_> {
    /// True for `//`, after which nothing can stand on the line.
    pub(crate) fn is_line(&self) -> bool {
        self.text.starts_with("//")
    }

    /// The comment without its marks.
    fn said(&self) -> String {
        let inside = match self.text.strip_prefix("//") {
            Some(line) => line,
            None => self.text.trim_start_matches("/*").trim_end_matches("*/").trim_end(),
        };
        inside.strip_prefix(' ').unwrap_or(inside).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_belong_to_the_token_they_touch() {
        let check = |gap: &str, before: Option<&str>, after: Option<&str>| {
            assert_eq!(said(&leading(gap, false)).as_deref(), before, "{gap:?}");
            assert_eq!(said(trailing(gap).as_slice()).as_deref(), after, "{gap:?}");
        };
        check(" // a\n// b\n//  c\n", Some("b\n c"), Some("a"));
        check("\n// far\n\n// near\n", Some("near"), None);
        check("\n// far\n\n", None, None);
        check(" /* a */ ", None, Some("a"));
        assert_eq!(said(&leading("// first\n", true)).as_deref(), Some("first"));
    }
}
