//! What stands before the groups: metadata, concept maps, `uses`, `imports`, `let`, and the names of groups.

use super::Checker;
use crate::diag::{Issue, Severity, Span, codes, nearest};
use crate::mapping::fml::model::{ConceptMap, Literal, Map, Metadata, Origin, Structure, Text};
use crate::mapping::fml::resource::MapShape;
use crate::schema::FHIR_BASE;
use crate::tree::fhir::{Form, Shape};
use std::collections::HashSet;

/// Codes of `publication-status`.
const STATUSES: &[&str] = &["draft", "active", "retired", "unknown"];

impl<'m> Checker<'m, '_> {
    pub(super) fn declarations(&mut self) {
        let map = self.map;
        self.identity(map);
        for (at, statement) in map.metadata.iter().enumerate() {
            self.metadata(statement, map.metadata.get(..at).unwrap_or(&[]));
        }
        self.distinct("concept map", map.concept_maps.iter().map(|concept_map| &concept_map.id));
        for concept_map in &map.concept_maps {
            self.concept_map(concept_map);
        }
        for (at, structure) in map.structures.iter().enumerate() {
            self.structure(structure, map.structures.get(..at).unwrap_or(&[]));
        }
        for import in &map.imports {
            self.import(import);
        }
        self.distinct("constant", map.constants.iter().map(|constant| &constant.name));
        for constant in &map.constants {
            self.expression(&constant.value, None);
        }
        self.distinct("group", map.groups.iter().map(|group| &group.name));
    }

    /// "Values for url and name SHALL be provided" (IG, "Metadata").
    fn identity(&mut self, map: &Map) {
        let first = map.groups.first().map_or(Span::default(), |group| group.name.origin.span);
        for (what, text) in [("url", &map.url), ("name", &map.name)] {
            if text.as_ref().is_none_or(|text| text.text.is_empty()) {
                let place = map.url.as_ref().or(map.name.as_ref()).map_or(first, |text| text.origin.span);
                let origin = Origin::text(place);
                self.error(codes::FML_METADATA, &origin, format!("the map states no {what}"));
            }
        }
    }

    fn metadata(&mut self, statement: &Metadata, before: &[Metadata]) {
        let shape = MapShape::new(self.schema);
        let mut ty = shape.type_named("StructureMap");
        let mut element = None;
        for name in &statement.path {
            let Some(here) = ty else { return };
            element = shape.element(here, name);
            let Some(found) = element else {
                let known = self.schema.elements(here).iter();
                let known: Vec<String> =
                    known.map(|known| self.schema.name_text(known.name).to_owned()).collect();
                let message = format!("`{}` is no element of StructureMap", statement.path.join("."));
                self.unknown(codes::FML_METADATA, name, &statement.origin, message, &known);
                return;
            };
            ty = Some(found.ty).filter(|_| found.form != Form::Resource);
        }
        let Some(element) = element else { return };
        let name = statement.path.join(".");
        if statement.path.len() == 1
            && !element.list
            && before.iter().any(|other| other.path == statement.path)
        {
            let message = format!("`{name}` is given twice");
            self.error(codes::FML_DUPLICATE, &statement.origin, message);
        }
        let fits = match (&statement.value, element.form) {
            (None, _)
            | (Some(Literal::Boolean(_)), Form::Bool)
            | (Some(Literal::Integer(_) | Literal::Decimal(_)), Form::Number) => true,
            (Some(_), Form::Object | Form::Resource | Form::Bool | Form::Number) => false,
            (Some(value), Form::Str | Form::Xhtml) => {
                !matches!(value, Literal::Boolean(_) | Literal::Integer(_) | Literal::Decimal(_))
            }
        };
        if !fits {
            self.error(
                codes::FML_METADATA,
                &statement.origin,
                format!("`{name}` has a value of another type"),
            );
        }
        if let (true, Some(Literal::String(code))) = (name == "status", &statement.value)
            && !STATUSES.contains(&code.as_str())
        {
            let known: Vec<String> = STATUSES.iter().map(|code| (*code).to_owned()).collect();
            let message = "`status` is `draft`, `active`, `retired` or `unknown`".to_owned();
            self.unknown(codes::FML_METADATA, code, &statement.origin, message, &known);
        }
    }

    /// Reports names that are given twice.
    fn distinct(&mut self, what: &str, names: impl Iterator<Item = &'m Text>) {
        let mut seen = HashSet::new();
        for name in names {
            if !seen.insert(name.as_str()) {
                let message = format!("the {what} `{}` is declared twice", name.text);
                self.error(codes::FML_DUPLICATE, &name.origin, message);
            }
        }
    }

    fn structure(&mut self, structure: &Structure, before: &[Structure]) {
        let taken = |other: &&Structure| {
            other.alias.is_some() && other.alias == structure.alias && other.url != structure.url
        };
        if let (Some(alias), Some(_)) = (&structure.alias, before.iter().find(taken)) {
            let message = format!("the alias `{}` stands for two definitions", alias.text);
            self.error(codes::FML_DUPLICATE, &alias.origin, message);
        }
        if before.iter().any(|other| other.url == structure.url && other.mode == structure.mode) {
            let message = format!("this definition is used twice as {}", structure.mode.word());
            self.warning(codes::FML_DUPLICATE, &structure.url.origin, message);
        }
        self.definition(&structure.url);
    }

    /// A definition of FHIR itself that R4 does not have may be one of another release, or misspelt.
    fn definition(&mut self, url: &Text) {
        let Some(name) = url.text.strip_prefix(FHIR_BASE) else { return };
        if self.schema.type_by_url(&url.text).is_some() {
            return;
        }
        let infos = self.schema.all_types().map(|ty| self.schema.type_info(ty));
        let names = infos.filter(|info| info.url.starts_with(FHIR_BASE)).map(|info| info.name);
        let Some(meant) = nearest(name, names) else { return };
        let message = format!("R4 has no definition `{name}`");
        let issue = Issue::warning(codes::FML_TYPE, url.origin.span, message);
        let issue =
            issue.with_help(format!("did you mean `{meant}`? Types of other releases are not judged"));
        self.report(issue, &url.origin);
    }

    fn import(&mut self, import: &Text) {
        if self.library.import(&import.text).into_iter().all(|map| std::ptr::eq(map, self.map)) {
            let message = format!("no map that was given has the url `{}`", import.text);
            let issue = Issue::new(codes::FML_IMPORT, Severity::Information, import.origin.span, message);
            self.report(issue, &import.origin);
        }
    }

    /// One code cannot become two by the same relation: `translate` refuses to choose.
    fn concept_map(&mut self, concept_map: &ConceptMap) {
        let mut seen = HashSet::new();
        for row in &concept_map.mappings {
            let target = row.target.as_ref().map_or("", |target| &target.system);
            let key = (row.source.system.as_str(), row.source.code.as_str(), target);
            if !seen.insert(key) {
                let message = format!("the code `{}` is mapped twice", row.source.code.text);
                self.warning(codes::FML_CODES, &row.source.code.origin, message);
            }
        }
    }
}
