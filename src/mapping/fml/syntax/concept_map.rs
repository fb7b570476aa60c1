//! `conceptmap "id" { prefix s = "url" … unmapped for s = provided s:code == t:code … }`.

use super::declaration::place;
use super::lexer::{Token, unquote};
use super::{Gap, Parser, Part};
use crate::diag::{Issue, codes, nearest};
use crate::mapping::fml::model::{CodeRef, ConceptMap, Mapping, Relation, Text, Unmapped};

/// Prefixes that were declared: name, url.
type Prefixes = Vec<(Text, Text)>;

impl Parser<'_> {
    pub(super) fn concept_map(&mut self) -> Part<ConceptMap> {
        let first = self.next();
        let mut id = self.string("the id of the concept map in quotes")?;
        if id.text.starts_with('#') {
            id.text.remove(0);
        }
        self.expect_sign("{")?;
        let mut prefixes = Prefixes::new();
        let (mut mappings, mut unmapped) = (Vec::new(), Vec::new());
        loop {
            if self.is_sign("}") {
                self.gap(Gap::Line(0));
                self.next();
                break;
            }
            if self.here().token == Token::End || self.at_declaration() {
                return Err(self.expected("`}` at the end of the concept map"));
            }
            self.gap(Gap::Line(1));
            let line = self.at;
            let row = if self.word() == "prefix" && !self.is_sign_at(1, ":") {
                self.prefix(&mut prefixes)
            } else if self.word() == "unmapped" && !self.is_sign_at(1, ":") {
                self.unmapped(&prefixes).map(|row| unmapped.push(row))
            } else {
                self.mapping(&prefixes).map(|mapping| mappings.push(mapping))
            };
            if row.is_err() {
                self.skip_line(line);
            }
        }
        Ok(ConceptMap { id, mappings, unmapped, metadata: Vec::new(), origin: self.origin_from(first) })
    }

    /// True at a line that starts a declaration, so that a brace is missing before it.
    pub(super) fn at_declaration(&self) -> bool {
        let declares = match self.word() {
            "group" => self.ahead(1).token == Token::Word && self.is_sign_at(2, "("),
            "uses" | "imports" | "conceptmap" => {
                matches!(self.ahead(1).token, Token::Double | Token::Single)
            }
            _ => false,
        };
        declares && self.starts_line()
    }

    fn skip_line(&mut self, from: usize) {
        if self.at == from {
            self.next();
        }
        while self.here().token != Token::End && !self.starts_line() && !self.is_sign("}") {
            self.next();
        }
    }

    fn prefix(&mut self, prefixes: &mut Prefixes) -> Part<()> {
        self.next();
        let name = self.name("a prefix")?;
        if prefixes.iter().any(|(known, _)| known.text == name.text) {
            let message = format!("the prefix `{}` is declared twice", name.text);
            self.report(Issue::error(codes::FML_DUPLICATE, name.origin.span, message));
        }
        // Its rows are no faults where only the url is wrong.
        let at = prefixes.len();
        prefixes.push((name, Text::default()));
        self.expect_sign("=")?;
        let url = self.string("the url of a code system in quotes")?;
        if let Some((_, place)) = prefixes.get_mut(at) {
            *place = url;
        }
        Ok(())
    }

    /// `unmapped for s = provided`, the one way that the language has (R4, "Embedded Concept Maps").
    fn unmapped(&mut self, prefixes: &Prefixes) -> Part<Unmapped> {
        let first = self.next();
        if !self.take_word("for") {
            return Err(self.expected("`for` and a prefix"));
        }
        let prefix = self.name("a prefix")?;
        self.expect_sign("=")?;
        let system = self.system(prefixes, &prefix);
        if !self.take_word("provided") {
            return Err(self.expected_one_of("`provided`", &["provided"]));
        }
        Ok(Unmapped { system, origin: self.origin_from(first) })
    }

    fn mapping(&mut self, prefixes: &Prefixes) -> Part<Mapping> {
        let first = self.here();
        let source = self.code(prefixes)?;
        let relation = match self.here().token {
            Token::Sign(sign) => Relation::of_word(sign),
            _ => None,
        };
        let Some(relation) = relation else {
            return Err(self.expected("a relation (`-`, `=`, `==`, `!=`, `~`, `<=`, `>=`, `<-`, `>-`, `--`)"));
        };
        self.next();
        let bare = relation == Relation::Unmatched && self.at_row_end();
        let target = if bare { None } else { Some(self.code(prefixes)?) };
        Ok(Mapping { source, relation, target, origin: self.origin_from(first) })
    }

    /// True where no target follows: at a new line, the end, or the start of another row.
    fn at_row_end(&self) -> bool {
        let another = self.is_sign_at(1, ":")
            && matches!(self.ahead(3).token, Token::Sign(sign) if Relation::of_word(sign).is_some());
        self.starts_line() || self.is_sign("}") || another
    }

    /// `s:code`, the code as a word, a number or in quotes.
    fn code(&mut self, prefixes: &Prefixes) -> Part<CodeRef> {
        let prefix = self.name("a prefix, `:` and a code")?;
        self.gap(Gap::Tight);
        self.expect_sign(":")?;
        self.gap(Gap::Tight);
        let lexeme = self.here();
        let code = match lexeme.token {
            Token::Word | Token::Number => self.slice(lexeme).to_owned(),
            Token::Single | Token::Double | Token::Delimited => unquote(self.slice(lexeme)),
            _ => return Err(self.expected("a code")),
        };
        self.next();
        let system = self.system(prefixes, &prefix);
        Ok(CodeRef { system, code: Text::new(code, place(lexeme)), display: None })
    }

    /// The url of a prefix; one that is not declared is reported.
    fn system(&mut self, prefixes: &Prefixes, prefix: &Text) -> String {
        match prefixes.iter().find(|(known, _)| known.text == prefix.text) {
            Some((_, url)) => url.text.clone(),
            None => {
                let message = format!("the prefix `{}` is not declared", prefix.text);
                let issue = Issue::error(codes::FML_CODES, prefix.origin.span, message);
                let known = prefixes.iter().map(|(known, _)| known.text.as_str());
                self.report(match nearest(&prefix.text, known) {
                    Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
                    None => issue.with_help("declare it: `prefix s = \"url of the code system\"`"),
                });
                String::new()
            }
        }
    }
}
