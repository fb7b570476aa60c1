//! `FHIRPath` expressions as texts that know where they need parentheses.

/// An expression. Nothing here depends on the order in which an engine binds operators that a reader may mix up:
/// only equal ones stand beside each other without parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expr {
    text: String,
    binds: Binds,
}

/// The outermost operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binds {
    /// None: a path, a literal, a call.
    Term,
    /// `.not()`, of the text before it.
    Not,
    /// `&`.
    Joined,
    /// `=` and `in`.
    Compared,
    /// `and`.
    Both,
    /// `or`.
    Either,
}

const NOT: &str = ".not()";

impl Expr {
    /// A path, a variable or a call as it is written.
    pub(super) fn term(text: &str) -> Self {
        Self { text: text.to_owned(), binds: Binds::Term }
    }

    /// A text (`FHIRPath` 2.0.0, "String").
    pub(super) fn literal(text: &str) -> Self {
        let mut out = String::with_capacity(text.len() + 2);
        out.push('\'');
        for character in text.chars() {
            match character {
                '\'' | '\\' => out.extend(['\\', character]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if control.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(control))),
                other => out.push(other),
            }
        }
        out.push('\'');
        Self { text: out, binds: Binds::Term }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn call(&self, function: &str, arguments: &[Self]) -> Self {
        let arguments: Vec<&str> = arguments.iter().map(|argument| argument.text.as_str()).collect();
        let text = format!("{}.{function}({})", self.within(Binds::Term), arguments.join(", "));
        Self { text, binds: Binds::Term }
    }

    /// True where the regular expression, which is tied to both ends, describes the text.
    pub(super) fn matches(&self, pattern: &str) -> Self {
        self.call("matches", &[Self::literal(pattern)])
    }

    pub(super) fn starts_with(&self, text: &str) -> Self {
        self.call("startsWith", &[Self::literal(text)])
    }

    pub(super) fn replace(&self, text: &str, by: &str) -> Self {
        self.call("replace", &[Self::literal(text), Self::literal(by)])
    }

    pub(super) fn replace_matches(&self, pattern: &str, by: &str) -> Self {
        self.call("replaceMatches", &[Self::literal(pattern), Self::literal(by)])
    }

    /// In small letters.
    pub(super) fn lower(&self) -> Self {
        self.call("lower", &[])
    }

    pub(super) fn converts_to_integer(&self) -> Self {
        self.call("convertsToInteger", &[])
    }

    /// The text of a value of another type.
    pub(super) fn to_text(&self) -> Self {
        self.call("toString", &[])
    }

    pub(super) fn exists(&self) -> Self {
        self.call("exists", &[])
    }

    pub(super) fn is_empty(&self) -> Self {
        self.call("empty", &[])
    }

    pub(super) fn not(&self) -> Self {
        if self.binds == Binds::Not {
            let text = self.text.strip_suffix(NOT).unwrap_or(&self.text).to_owned();
            return Self { text, binds: Binds::Term };
        }
        Self { text: format!("{}{NOT}", self.within(Binds::Term)), binds: Binds::Not }
    }

    pub(super) fn joined(&self, other: &Self) -> Self {
        self.beside("&", other, Binds::Joined)
    }

    pub(super) fn equals(&self, other: &Self) -> Self {
        let text = format!("{} = {}", self.within(Binds::Joined), other.within(Binds::Joined));
        Self { text, binds: Binds::Compared }
    }

    /// True for one of these texts; there is at least one.
    pub(super) fn is_one_of<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let literals: Vec<Self> = texts.into_iter().map(Self::literal).collect();
        if let [literal] = literals.as_slice() {
            return self.equals(literal);
        }
        let list: Vec<String> = literals.into_iter().map(Self::into_text).collect();
        let text = format!("{} in ({})", self.within(Binds::Joined), list.join(" | "));
        Self { text, binds: Binds::Compared }
    }

    /// `iif`: `yes` where it is true, else `no`.
    pub(super) fn choose(&self, yes: &Self, no: &Self) -> Self {
        Self::term(&format!("iif({}, {}, {})", self.text, yes.text, no.text))
    }

    /// True where all are; `None` for none, which is always true.
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().reduce(|all, part| all.beside("and", &part, Binds::Both))
    }

    /// True where one is; `None`, always true, where one of them always is. There is at least one.
    pub(super) fn any(parts: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let parts: Option<Vec<Self>> = parts.into_iter().collect();
        parts?.into_iter().reduce(|any, part| any.beside("or", &part, Binds::Either))
    }

    fn beside(&self, operator: &str, other: &Self, binds: Binds) -> Self {
        let text = format!("{} {operator} {}", self.within(binds), other.within(binds));
        Self { text, binds }
    }

    /// The text as an operand, in parentheses where it needs them.
    fn within(&self, outer: Binds) -> String {
        let is_plain = match self.binds {
            Binds::Term | Binds::Not => true,
            Binds::Compared => matches!(outer, Binds::Both | Binds::Either),
            Binds::Joined | Binds::Both | Binds::Either => self.binds == outer,
        };
        if is_plain { self.text.clone() } else { format!("({})", self.text) }
    }
}

/// A character as a regular expression of any engine.
pub(super) fn escaped(character: char) -> String {
    match character {
        '.' | '+' | '*' | '?' | '(' | ')' | '{' | '}' | '|' | '$' => format!("[{character}]"),
        '[' | ']' | '^' | '\\' => format!("\\{character}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_stand_where_operators_differ() {
        let check = |expr: Option<Expr>, expected: &str| {
            assert_eq!(expr.map(Expr::into_text).as_deref(), Some(expected));
        };
        let (a, b) = (Expr::term("%a"), Expr::literal("it's \\ \n"));
        check(Some(a.joined(&b).joined(&a).matches("^x$")), r"(%a & 'it\'s \\ \n' & %a).matches('^x$')");
        check(Some(a.is_one_of(["x", "y"]).not()), "(%a in ('x' | 'y')).not()");
        check(Some(a.is_one_of(["x"]).not().not()), "(%a = 'x')");
        let both = Expr::all([a.exists(), a.equals(&b)]);
        check(both.clone(), r"%a.exists() and %a = 'it\'s \\ \n'");
        check(
            Expr::any([both.clone(), both]),
            r"(%a.exists() and %a = 'it\'s \\ \n') or (%a.exists() and %a = 'it\'s \\ \n')",
        );
        assert_eq!(Expr::any([Some(a), None]), None);
        assert_eq!(escaped('.') + &escaped('^'), r"[.]\^");
    }
}
