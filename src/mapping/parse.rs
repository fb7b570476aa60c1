//! The parser of lens files. After a fault it goes on with the next rule, so that one run reports them all.

use super::ast::{
    Binding, Body, Codes, Given, Group, Lens, List, Literal, Map, Path, Relate, Restating, Rule, Side, Via,
    Way, Word,
};
use super::lexer::{Lexeme, Token, lex};
use crate::diag::{Issue, Span, codes, nearest};

mod path;

/// Rules within rules.
pub const NESTING_MAX: usize = 40;
/// Bytes of one lens file.
pub const LENS_BYTES_MAX: usize = 1 << 20;
/// The base of Sauma's own extensions; `extension(word)` is one of them.
pub const EXTENSION_BASE: &str = "https://w3id.org/sauma/fhir/StructureDefinition/";

/// Words that begin a rule and so cannot name a variable.
const KEYWORDS: &[&str] = &[
    "each",
    "rest",
    "keep",
    "ignore",
    "ref",
    "as",
    "via",
    "by",
    "key",
    "default",
    "else",
    "because",
    "restating",
];

/// Parses a lens file.
///
/// # Errors
/// All faults of syntax, each with its place.
pub fn parse(text: &str) -> Result<Lens, Vec<Issue>> {
    match parse_partly(text) {
        (Some(lens), issues) if issues.is_empty() => Ok(lens),
        (_, issues) => Err(issues),
    }
}

/// Parses as much of a lens file as can be understood, for tools that help to write one; gives also all faults. There
/// is no lens where its head is not understood.
pub fn parse_partly(text: &str) -> (Option<Lens>, Vec<Issue>) {
    if text.len() > LENS_BYTES_MAX {
        let message = format!("the lens is over {LENS_BYTES_MAX} bytes");
        return (None, vec![Issue::error(codes::LIMIT, Span::default(), message)]);
    }
    let mut issues = Vec::new();
    let lexemes = lex(text, &mut issues);
    let mut parser = Parser { lexemes, at: 0, issues, depth: 0 };
    let lens = parser.lens();
    (lens, parser.issues)
}

/// True for a text that means to be a lens: its first word is `lens`, or nearly so. A text of another kind, perhaps a
/// document of a client, is no place to point at faults in.
pub fn looks_like_lens(text: &str) -> bool {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
    let first = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("");
    let end = first.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(first.len());
    let word = &first[..end];
    word == "lens" || nearest(word, ["lens"]).is_some()
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    issues: Vec<Issue>,
    depth: usize,
}

/// `None` means that the fault was reported.
type Parsed<T> = Option<T>;

impl Parser {
    fn lens(&mut self) -> Parsed<Lens> {
        self.keyword("lens")?;
        let url = self.text("the canonical URL of the lens")?;
        self.keyword("version")?;
        let version = self.text("a version")?;
        let title = if self.take_name("title") { Some(self.text("a title")?) } else { None };
        let source = self.side("source")?;
        let target = self.side("target")?;
        let mut lens = Lens {
            url,
            version,
            title,
            source,
            target,
            codes: Vec::new(),
            lists: Vec::new(),
            likely: Vec::new(),
            narratives: Vec::new(),
            maps: Vec::new(),
            groups: Vec::new(),
        };
        while self.peek() != &Token::End {
            let from = self.at;
            if self.declaration(&mut lens).is_none() {
                self.recover(from, &["codes", "list", "likely", "narrative", "map", "group"]);
            }
        }
        if lens.maps.is_empty() {
            self.fault("a lens needs at least one `map`");
        }
        Some(lens)
    }

    fn side(&mut self, keyword: &str) -> Parsed<Side> {
        self.keyword(keyword)?;
        let format = self.name("a format: json, xml, csv or fhir")?;
        let definition = self.text("the canonical URL of a definition")?;
        let root =
            if self.take_name("root") { Some(self.text("the name of the root element")?) } else { None };
        let namespace =
            if self.take_name("in") { Some(self.text("the namespace of the root element")?) } else { None };
        Some(Side { format, definition, root, namespace })
    }

    fn declaration(&mut self, lens: &mut Lens) -> Parsed<()> {
        if self.take_name("codes") {
            let name = self.name("a name for the code table")?;
            let file = self.text("the file of the code table")?;
            lens.codes.push(Codes { name, file, many_to_one: self.take_name("many-to-one") });
        } else if self.take_name("list") {
            let file = self.text("the file of the list")?;
            self.keyword("of")?;
            lens.lists.push(List { file, system: self.text("the code system")? });
        } else if self.take_name("likely") {
            lens.likely.push(self.path()?);
        } else if self.take_name("narrative") {
            lens.narratives.push(self.path()?);
        } else if self.take_name("map") {
            let source = self.path()?;
            self.sign("<->")?;
            let target = self.path()?;
            lens.maps.push(Map { source, target, rules: self.block()? });
        } else if self.take_name("group") {
            lens.groups.push(self.group()?);
        } else {
            self.unexpected("`codes`, `list`, `likely`, `narrative`, `map` or `group`");
            return None;
        }
        Some(())
    }

    fn group(&mut self) -> Parsed<Group> {
        let name = self.name("a name for the group")?;
        self.sign("(")?;
        let source = self.name("a variable")?;
        self.sign("<->")?;
        let target = self.name("a variable")?;
        let mut parameters = Vec::new();
        while self.take_sign(",") {
            parameters.push(self.name("a parameter")?);
        }
        self.sign(")")?;
        Some(Group { name, source, target, parameters, rules: self.block()? })
    }

    fn block(&mut self) -> Parsed<Vec<Rule>> {
        self.sign("{")?;
        if self.depth >= NESTING_MAX {
            self.fault(format!("rules are nested over {NESTING_MAX} deep"));
            return None;
        }
        self.depth += 1;
        let mut rules = Vec::new();
        while !self.take_sign("}") {
            if self.peek() == &Token::End {
                self.unexpected("`}`");
                return None;
            }
            let from = self.at;
            match self.rule() {
                Some(rule) => rules.push(rule),
                None => self.recover(from, KEYWORDS),
            }
        }
        self.depth -= 1;
        Some(rules)
    }

    fn rule(&mut self) -> Parsed<Rule> {
        let start = self.span().start;
        if self.take_sign("->") {
            let path = self.path()?;
            self.sign("=")?;
            let given = self.given()?;
            return Some(Rule::Target(path, given, self.since(start)));
        }
        if self.take_sign("<-") {
            let path = self.path()?;
            self.sign("=")?;
            let value = self.literal()?;
            return Some(Rule::Source(path, value, self.since(start)));
        }
        if self.take_name("rest") {
            let source = self.name("a variable")?;
            self.sign("<->")?;
            let target = self.name("a variable")?;
            return Some(Rule::Rest(source, target, self.since(start)));
        }
        if self.take_name("keep") {
            let (path, below) = self.path_or_below()?;
            return Some(Rule::Keep(path, below, self.since(start)));
        }
        if self.take_name("ignore") {
            let (path, below) = self.path_or_below()?;
            self.keyword("because")?;
            let reason = self.text("the reason, in quotes")?;
            return Some(Rule::Ignore(path, below, reason, self.since(start)));
        }
        self.relate(start)
    }

    fn given(&mut self) -> Parsed<Given> {
        match self.peek() {
            Token::Name(name) if name == "ref" => {
                self.at += 1;
                Some(Given::Reference(self.name("the variable of a resource")?))
            }
            Token::Name(name) if !is_constant(name) => Some(Given::Same(self.path()?)),
            _ => {
                let literal = self.literal()?;
                if !self.take_name("or") {
                    return Some(Given::Literal(literal));
                }
                self.keyword("nothing")?;
                Some(Given::Optional(literal))
            }
        }
    }

    fn relate(&mut self, start: u32) -> Parsed<Rule> {
        let each = self.take_name("each");
        let source = self.path()?;
        let source_as = self.binding()?;
        let way = if self.take_sign("->") {
            Way::Forward
        } else {
            self.sign("<->")?;
            Way::Both
        };
        let target = self.path()?;
        let target_as = self.binding()?;
        let mut relate = Relate {
            each,
            way,
            source,
            source_as,
            target,
            target_as,
            via: Vec::new(),
            default: None,
            key: Vec::new(),
            restating: None,
            body: None,
            span: Span::default(),
        };
        while self.take_name("via") {
            relate.via.push(self.via()?);
        }
        if self.take_name("default") {
            relate.default = Some(self.literal()?);
        }
        if self.take_name("key") {
            relate.key.push(self.path()?);
            while self.take_sign(",") {
                relate.key.push(self.path()?);
            }
        }
        if self.take_name("restating") {
            relate.restating = Some(Restating { reference: self.path()?, otherwise: Vec::new() });
        }
        relate.span = self.since(start);
        if self.take_name("by") {
            let group = self.name("the name of a group")?;
            relate.body = Some(Body::Call(group, self.arguments()?));
        } else if self.peek() == &Token::Sign("{") {
            relate.body = Some(Body::Rules(self.block()?));
        }
        if let Some(restating) = &mut relate.restating
            && self.take_name("else")
        {
            restating.otherwise = self.block()?;
        }
        Some(Rule::Relate(Box::new(relate)))
    }

    fn binding(&mut self) -> Parsed<Option<Binding>> {
        if !self.take_name("as") {
            return Some(None);
        }
        let first = self.name("a variable or a resource type")?;
        let conditions = self.conditions()?;
        let second = match self.peek() {
            Token::Name(name) if !KEYWORDS.contains(&name.as_str()) => Some(self.name("a variable")?),
            _ => None,
        };
        Some(Some(match second {
            Some(variable) => Binding { resource: Some(first), conditions, variable },
            None => Binding { resource: None, conditions, variable: first },
        }))
    }

    fn via(&mut self) -> Parsed<Via> {
        let name = self.name("the name of a conversion")?;
        if name.text == "codes" {
            let table = self.name("the name of a code table")?;
            let mut arguments = vec![Literal::Text(table)];
            if self.take_name("else") {
                arguments.push(self.literal()?);
            }
            return Some(Via { name, arguments });
        }
        let arguments = self.arguments()?;
        Some(Via { name, arguments })
    }

    /// `(a, b)`, or nothing at all.
    fn arguments(&mut self) -> Parsed<Vec<Literal>> {
        let mut arguments = Vec::new();
        if self.take_sign("(") && !self.take_sign(")") {
            loop {
                arguments.push(self.literal()?);
                if !self.take_sign(",") {
                    break;
                }
            }
            self.sign(")")?;
        }
        Some(arguments)
    }

    fn path_or_below(&mut self) -> Parsed<(Path, bool)> {
        let path = self.path()?;
        let below = self.take_sign("*");
        Some((path, below))
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let span = self.span();
        let literal = match self.peek().clone() {
            Token::Text(text) => Literal::Text(Word { text, span }),
            Token::Parameter(text) => Literal::Parameter(Word { text, span }),
            Token::Name(text) if is_constant(&text) => Literal::Text(Word { text, span }),
            _ => {
                self.unexpected("a constant: text in quotes, a number, true, false or a $parameter");
                return None;
            }
        };
        self.at += 1;
        Some(literal)
    }

    fn text(&mut self, expected: &str) -> Parsed<Word> {
        let span = self.span();
        match self.peek().clone() {
            Token::Text(text) => {
                self.at += 1;
                Some(Word { text, span })
            }
            _ => {
                self.unexpected(expected);
                None
            }
        }
    }

    fn name(&mut self, expected: &str) -> Parsed<Word> {
        let span = self.span();
        match self.peek().clone() {
            Token::Name(text) => {
                self.at += 1;
                Some(Word { text, span })
            }
            _ => {
                self.unexpected(expected);
                None
            }
        }
    }

    fn keyword(&mut self, word: &str) -> Parsed<()> {
        if self.take_name(word) {
            return Some(());
        }
        let meant = match self.peek() {
            Token::Name(name) => nearest(name, [word]),
            _ => None,
        };
        self.unexpected(&format!("`{word}`"));
        if let (Some(meant), Some(issue)) = (meant, self.issues.last_mut()) {
            issue.help = format!("did you mean `{meant}`?");
        }
        None
    }

    fn sign(&mut self, sign: &'static str) -> Parsed<()> {
        if self.take_sign(sign) {
            return Some(());
        }
        self.unexpected(&format!("`{sign}`"));
        None
    }

    fn take_name(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Name(name) if name == word);
        self.at += usize::from(found);
        found
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(other) if *other == sign);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> &Token {
        // The last lexeme is always `End`, and nothing moves past it.
        self.lexemes.get(self.at).map_or(&Token::End, |lexeme| &lexeme.token)
    }

    fn span(&self) -> Span {
        let last = self.lexemes.len().saturating_sub(1);
        self.lexemes.get(self.at.min(last)).map_or_else(Span::default, |lexeme| lexeme.span)
    }

    fn since(&self, start: u32) -> Span {
        let end = self
            .at
            .checked_sub(1)
            .and_then(|at| self.lexemes.get(at))
            .map_or(start, |lexeme| lexeme.span.end);
        Span::new(start, end)
    }

    fn unexpected(&mut self, expected: &str) {
        let found = match self.peek() {
            Token::End => "the end of the file".to_owned(),
            Token::Name(name) => format!("`{name}`"),
            Token::Parameter(name) => format!("`${name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Text(_) => "a text in quotes".to_owned(),
        };
        self.fault(format!("expected {expected}, found {found}"));
    }

    fn fault(&mut self, message: impl Into<String>) {
        let span = self.span();
        self.issues.push(Issue::error(codes::LENS_SYNTAX, span, message));
    }

    /// Passes over tokens up to one after `from` that can begin the next rule or end the block.
    fn recover(&mut self, from: usize, starts: &[&str]) {
        loop {
            let stop = match self.peek() {
                Token::End | Token::Sign("}" | "->" | "<-") => true,
                Token::Name(name) => starts.contains(&name.as_str()),
                _ => false,
            };
            if stop && self.at > from {
                return;
            }
            if self.peek() == &Token::End {
                return;
            }
            self.at += 1;
        }
    }
}

fn is_constant(word: &str) -> bool {
    matches!(word, "true" | "false") || word.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        let text =
            format!("lens \"u\" version \"1\" source json \"s\" target fhir \"t\" map p <-> b {{ {body} }}");
        let offset = text.find(body).unwrap_or(0);
        let found = match parse(&text) {
            Ok(lens) => format!("{} rules", lens.maps[0].rules.len()),
            Err(issues) => issues
                .iter()
                .map(|issue| {
                    format!("{}: {}", (issue.span.start as usize).saturating_sub(offset), issue.message)
                })
                .collect::<Vec<_>>()
                .join("; "),
        };
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn every_rule_parses() {
        check("p.a <-> b.x via date(\"dd.MM.yyyy\") default \"x\"", "1 rules");
        check("-> b.x = \"a\" -> b.y = true -> b.z = c.d.e -> b.r = ref pat", "4 rules");
        check(
            "each p.a[k = \"1\", has n.m, no o] as i <-> b.extension(word).valueString as e key e.x, e.y { keep i.* }",
            "1 rules",
        );
        check("p.a as d <-> b.c as T r restating d.e { d.f <-> r.f } else { p.a <-> b.c }", "1 rules");
        check("p[no a].b as i <-> b.subject as Patient pat by Person(\"urn\", $q)", "1 rules");
        check(
            "rest p <-> b keep p.x ignore p.y because \"no\" <- p.z = \"1\" p.\"odd name\".@xsi:type.text() -> b.q",
            "5 rules",
        );
    }

    #[test]
    fn a_lens_is_told_by_its_first_word() {
        let check = |text: &str, expected: bool| assert_eq!(looks_like_lens(text), expected, "{text}");
        check("\u{feff}# a comment\n\n  lens \"u\"", true);
        check("lnes \"u\"", true);
        check("{\"sukunimi\":\"Testilehto\"}", false);
        check("henkilotunnus;sukunimi\n", false);
        check("", false);
    }

    #[test]
    fn faults_are_placed_and_the_rest_is_read() {
        check("p.a <-> \"x\"", "8: expected a variable, found a text in quotes");
        check(
            "ignore p.a because ignore p.b",
            "19: expected the reason, in quotes, found `ignore`; 30: expected `because`, found `}`",
        );
    }
}
