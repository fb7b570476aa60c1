//! What stands between two tokens: comments and line breaks.

use super::lexer::comment_length;

/// A comment between two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comment<'a> {
    /// With its `//` or `/* */`, without white space at its end.
    pub(crate) text: &'a str,
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
        found.push(Comment { text: text.trim_end(), lines_before });
        lines_before = 0;
        rest = after;
    }
    (found, lines_before)
}

/// What the comments right before a token say: those on lines of their own, with no blank line up to the token.
pub(crate) fn leading(gap: &str, is_first: bool) -> Option<String> {
    let (comments, mut lines_after) = comments(gap);
    let mut said = Vec::new();
    for comment in comments.iter().rev() {
        let trails = comment.lines_before == 0 && !is_first;
        if lines_after > 1 || trails {
            break;
        }
        said.push(comment.said());
        lines_after = comment.lines_before;
    }
    said.reverse();
    (!said.is_empty()).then(|| said.join("\n"))
}

/// What the comment that ends the line of a token says.
pub(crate) fn trailing(gap: &str) -> Option<String> {
    let (comments, _) = comments(gap);
    comments.first().filter(|comment| comment.lines_before == 0).map(Comment::said)
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
            assert_eq!(leading(gap, false).as_deref(), before, "{gap:?}");
            assert_eq!(trailing(gap).as_deref(), after, "{gap:?}");
        };
        check(" // a\n// b\n//  c\n", Some("b\n c"), Some("a"));
        check("\n// far\n\n// near\n", Some("near"), None);
        check("\n// far\n\n", None, None);
        check(" /* a */ ", None, Some("a"));
        assert_eq!(leading("// first\n", true).as_deref(), Some("first"));
    }
}
