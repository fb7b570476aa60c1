//! What stands before the groups: metadata, concept maps, `uses`, `imports`, `let`, and the names of groups.

use super::Checker;
use crate::diag::{Issue, Severity, Span, codes};
use crate::mapping::fml::model::{ConceptMap, Literal, Map, Metadata, Origin, Text};
use crate::mapping::fml::resource::MapShape;
use crate::tree::fhir::{Form, Shape};

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
        self.distinct("alias", map.structures.iter().filter_map(|structure| structure.alias.as_ref()));
        self.structures(map);
        for import in &map.imports {
            self.import(import);
        }
        self.distinct("constant", map.constants.iter().map(|constant| &constant.name));
        for constant in &map.constants {
            self.expression(&constant.value);
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
                let known = known.map(|known| self.schema.name_text(known.name).to_owned()).collect();
                let message = format!("`{}` is no element of StructureMap", statement.path.join("."));
                self.unknown(codes::FML_METADATA, name, &statement.origin, message, known);
                return;
            };
            ty = Some(found.ty).filter(|_| found.form != Form::Resource);
        }
        let Some(element) = element else { return };
        let name = statement.path.join(".");
        if statement.path.len() == 1 && !element.list && before.iter().any(|other| other.path == statement.path) {
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
            self.error(codes::FML_METADATA, &statement.origin, format!("`{name}` has a value of another type"));
        }
        if let (true, Some(Literal::String(code))) = (name == "status", &statement.value)
            && !STATUSES.contains(&code.as_str())
        {
            let known = STATUSES.iter().map(|code| (*code).to_owned()).collect();
            let message = "`status` is `draft`, `active`, `retired` or `unknown`".to_owned();
            self.unknown(codes::FML_METADATA, code, &statement.origin, message, known);
        }
    }

    /// Reports names that are given twice.
    fn distinct(&mut self, what: &str, names: impl Iterator<Item = &'m Text>) {
        let mut seen: Vec<&str> = Vec::new();
        for name in names {
            if seen.contains(&name.as_str()) {
                let message = format!("the {what} `{}` is declared twice", name.text);
                self.error(codes::FML_DUPLICATE, &name.origin, message);
            }
            seen.push(name.as_str());
        }
    }

    fn structures(&mut self, map: &'m Map) {
        for structure in &map.structures {
            let url = structure.url.as_str();
            let known = url.strip_prefix(crate::schema::FHIR_BASE);
            if let Some(name) = known
                && self.schema.type_by_url(url).is_none()
            {
                let all = self.schema.all_types().filter(|ty| {
                    self.schema.type_info(*ty).url.starts_with(crate::schema::FHIR_BASE)
                });
                let names: Vec<String> =
                    all.map(|ty| self.schema.type_info(ty).name.to_owned()).collect();
                let message = format!("R4 has no definition `{name}`");
                if crate::diag::nearest(name, names.iter().map(String::as_str)).is_some() {
                    self.unknown(codes::FML_TYPE, name, &structure.url.origin, message, names);
                }
            }
        }
    }

    fn import(&mut self, import: &Text) {
        if self.library.import(&import.text).is_empty() {
            let message = format!("no map that was given has the url `{}`", import.text);
            let issue = Issue::new(codes::FML_IMPORT, Severity::Information, import.origin.span, message);
            self.report(issue, &import.origin);
        }
    }

    /// One code cannot become two by the same relation: `translate` refuses to choose.
    fn concept_map(&mut self, concept_map: &ConceptMap) {
        let mut seen: Vec<(&str, &str, &str)> = Vec::new();
        for row in &concept_map.mappings {
            let target = row.target.as_ref().map_or("", |target| &target.system);
            let key = (row.source.system.as_str(), row.source.code.as_str(), target);
            if seen.contains(&key) {
                let message = format!("the code `{}` is mapped twice", row.source.code.text);
                self.warning(codes::FML_CODES, &row.source.code.origin, message);
            }
            seen.push(key);
        }
    }
}
