//! What stands before the groups: metadata, `map`, `uses`, `imports`, `let`.

use super::expression::Within;
use super::lexer::Token;
use super::{Gap, Parser, Part};
use crate::diag::{Issue, codes};
use crate::mapping::fml::model::{Constant, Literal, Map, Metadata, Origin, Structure, StructureMode, Text};

const DECLARATIONS: &[&str] = &["map", "conceptmap", "uses", "imports", "let", "group"];

impl Parser<'_> {
    /// The whole map. The order of the declarations is not checked: nothing depends on it.
    pub(super) fn map(&mut self) -> Map {
        let mut map = Map::default();
        while self.here().token != Token::End {
            let from = self.at;
            if self.declaration(&mut map).is_err() {
                self.skip_declaration(from);
            }
        }
        if map.groups.is_empty() && self.issues.is_empty() {
            self.gap(Gap::Line(0));
            self.report_expected("a group");
        }
        self.gap(Gap::Line(0));
        map
    }

    fn declaration(&mut self, map: &mut Map) -> Part<()> {
        let is_block = matches!(self.word(), "group" | "conceptmap");
        self.gap(if is_block { Gap::Apart(0) } else { Gap::Line(0) });
        if self.here().token == Token::Metadata {
            return self.metadata(map);
        }
        match self.word() {
            "map" => self.header(map)?,
            "conceptmap" => {
                let concept_map = self.concept_map()?;
                map.concept_maps.push(concept_map);
            }
            "uses" => {
                let structure = self.structure()?;
                map.structures.push(structure);
            }
            "imports" => {
                self.next();
                let url = self.string("the url of a map in quotes")?;
                self.take_sign(";");
                map.imports.push(url);
            }
            "let" => {
                let constant = self.constant()?;
                map.constants.push(constant);
            }
            "group" => {
                let group = self.group()?;
                map.groups.push(group);
            }
            _ => {
                return Err(
                    self.expected_one_of("`uses`, `imports`, `let`, `conceptmap` or `group`", DECLARATIONS)
                );
            }
        }
        Ok(())
    }

    /// Goes on with the next line that starts a declaration.
    fn skip_declaration(&mut self, from: usize) {
        if self.at == from {
            self.next();
        }
        loop {
            let starts = self.here().token == Token::Metadata || DECLARATIONS.contains(&self.word());
            if self.here().token == Token::End || (starts && self.starts_line()) {
                return;
            }
            self.next();
        }
    }

    fn header(&mut self, map: &mut Map) -> Part<()> {
        self.next();
        let url = self.string("the url of the map in quotes")?;
        self.expect_sign("=")?;
        let name = if self.is_string() { self.string("")? } else { self.name("the name of the map")? };
        self.set_once(&mut map.url, url, "url");
        self.set_once(&mut map.name, name, "name");
        Ok(())
    }

    fn set_once(&mut self, place: &mut Option<Text>, text: Text, what: &str) {
        if place.is_some() {
            let message = format!("the {what} of the map is given twice");
            self.report(Issue::error(codes::FML_DUPLICATE, text.origin.span, message));
            return;
        }
        *place = Some(text);
    }

    /// `/// name.part = value`; the value stands on the line of its name (IG, "Metadata").
    fn metadata(&mut self, map: &mut Map) -> Part<()> {
        let first = self.next();
        let mut path = vec![self.name("the name of an element of StructureMap")?.text];
        while self.take_sign(".") {
            path.push(self.name("the name of an element after the point")?.text);
        }
        self.expect_sign("=")?;
        let value = if self.starts_line() || self.here().token == Token::End {
            None
        } else {
            let start = self.here();
            let value = self.literal()?;
            if !self.starts_line() && self.here().token != Token::End {
                return Err(self.expected("the end of the line"));
            }
            Some((value, self.origin_from(start)))
        };
        match (path.as_slice(), value) {
            ([name], Some((Literal::String(text), origin))) if name == "url" => {
                self.set_once(&mut map.url, Text::new(text, origin), "url");
            }
            ([name], Some((Literal::String(text), origin))) if name == "name" => {
                self.set_once(&mut map.name, Text::new(text, origin), "name");
            }
            (_, value) => {
                let value = value.map(|(value, _)| value);
                map.metadata.push(Metadata { path, value, origin: self.origin_from(first) });
            }
        }
        Ok(())
    }

    fn structure(&mut self) -> Part<Structure> {
        let before = self.remark_before();
        let first = self.next();
        let url = self.string("the url of a definition in quotes")?;
        let alias =
            if self.take_word("alias") { Some(self.name("a name for the definition")?) } else { None };
        if !self.take_word("as") {
            let keywords = ["alias", "as"];
            return Err(self.expected_one_of("`as` and what the definition is used for", &keywords));
        }
        let Some(mode) = StructureMode::of_word(self.word()) else {
            let modes = StructureMode::ALL.iter().map(|(_, word)| *word).collect::<Vec<_>>();
            return Err(self.expected_one_of("`source`, `queried`, `target` or `produced`", &modes));
        };
        self.next();
        self.take_sign(";");
        let origin = self.origin_from(first);
        let documentation = joined(before, self.remark_behind());
        Ok(Structure { url, alias, mode, documentation, origin })
    }

    fn constant(&mut self) -> Part<Constant> {
        let first = self.next();
        let name = self.name("the name of a constant")?;
        self.expect_sign("=")?;
        let value = self.expression(Within::Constant)?;
        if !self.take_sign(";") {
            self.missing_end("constant");
        }
        Ok(Constant { name, value, origin: self.origin_from(first) })
    }
}

/// Two remarks on one thing.
pub(super) fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}\n{second}")),
        (first, second) => first.or(second),
    }
}

/// Where a literal or name of the text stands.
pub(super) fn place(lexeme: super::Lexeme) -> Origin {
    Origin::text(lexeme.span())
}
