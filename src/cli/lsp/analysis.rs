//! What is known of one text: its faults, its outline, the definitions behind it.

use super::text::Text;
use super::workspace::{Document, Language};
use crate::cli::lens::LensFile;
use crate::diag::{Issue, Severity, Span, codes};
use crate::fhirpath::{self, Options};
use crate::mapping::fml::{self, Library};
use crate::mapping::outline::{self, Outline};
use crate::mapping::parse::{looks_like_lens, parse_partly};
use crate::mapping::units::schema;
use crate::schema::Schema;
use std::rc::Rc;

/// What is known of a text.
#[derive(Debug)]
pub(super) struct Analysis {
    /// Its faults.
    pub(super) issues: Vec<Issue>,
    /// Its names.
    pub(super) outline: Outline,
    /// The definitions behind it.
    pub(super) schema: Schema,
    /// Of a map it and those beside it.
    pub(super) maps: Vec<Rc<MapFile>>,
}

/// A map with its text.
#[derive(Debug)]
pub(super) struct MapFile {
    /// Its file.
    pub(super) uri: String,
    /// Its text.
    pub(super) text: Text,
    /// What it says, as far as it was understood.
    pub(super) map: fml::Map,
    /// Faults of its syntax.
    pub(super) issues: Vec<Issue>,
}

impl Analysis {
    /// Nothing but a fault.
    pub(super) fn bare(schema: Schema, issue: Issue) -> Self {
        Self { issues: vec![issue], outline: Outline::default(), schema, maps: Vec::new() }
    }

    /// Of a lens. A text that is no lens is not looked into: it may be of a client.
    pub(super) fn lens(file: &LensFile, definitions: Result<Schema, Box<Issue>>) -> Self {
        let text = &file.text;
        let (definitions, wrong) = match definitions {
            Ok(definitions) => (definitions, None),
            Err(issue) => (schema().clone(), Some(*issue)),
        };
        if text.trim().is_empty() {
            let (issues, outline) = (wrong.into_iter().collect(), Outline::default());
            return Self { issues, outline, schema: definitions, maps: Vec::new() };
        }
        if !looks_like_lens(text) {
            let issue = Issue::error(codes::LENS_SYNTAX, Span::default(), "this is no lens")
                .with_help("a lens begins with the word `lens`");
            return Self::bare(definitions, issue);
        }
        let mut issues = file.compile(&definitions).err().unwrap_or_default();
        issues.extend(wrong);
        let outline = match parse_partly(text) {
            (Some(lens), _) => outline::outline(text, &lens, &definitions),
            (None, _) => Outline::default(),
        };
        Self { issues, outline, schema: definitions, maps: Vec::new() }
    }

    /// Of a map, which is the first of these.
    pub(super) fn map(maps: Vec<Rc<MapFile>>) -> Self {
        let schema = schema().clone();
        let Some(own) = maps.first() else {
            return Self { issues: Vec::new(), outline: Outline::default(), schema, maps };
        };
        let library = Library::new(maps.iter().map(|it| &it.map));
        let mut issues = own.issues.clone();
        // What a map that was not understood lacks would be reported as faults of others.
        if !issues.iter().any(|issue| issue.severity == Severity::Error) {
            issues.extend(fml::check(&own.map, &library, &schema));
        }
        let outline = fml::outline(own.text.as_str(), &own.map, &library, &schema);
        drop(library);
        Self { issues, outline, schema, maps }
    }

    /// Of an expression.
    pub(super) fn path(text: &str) -> Self {
        let schema = schema().clone();
        let (mut issues, mut outline) = (Vec::new(), Outline::default());
        let options = path_options(text, &schema);
        match fhirpath::parse(text) {
            Ok(parsed) => {
                issues = parsed.check(&schema, &options).1;
                outline = outline::expression(&parsed, &schema, &options);
            }
            // Nothing is written yet.
            Err(_) if text.trim().is_empty() => {}
            Err(issue) => issues.push(*issue),
        }
        Self { issues, outline, schema, maps: Vec::new() }
    }

    /// The outline of another text in the place of this one.
    pub(super) fn outline_of(&self, document: &Document, text: &str) -> Outline {
        match document.language {
            Language::Lens => match parse_partly(text) {
                (Some(lens), _) => outline::outline(text, &lens, &self.schema),
                (None, _) => Outline::default(),
            },
            Language::Map => {
                let own = fml::parse(text).map;
                let others = self.maps.iter().skip(1).map(|it| &it.map);
                fml::outline(text, &own, &Library::new(std::iter::once(&own).chain(others)), &self.schema)
            }
            Language::Path => match fhirpath::parse(text) {
                Ok(parsed) => outline::expression(&parsed, &self.schema, &path_options(text, &self.schema)),
                Err(_) => Outline::default(),
            },
        }
    }
}

fn path_options(text: &str, schema: &Schema) -> Options {
    let options = Options::new().strict();
    match context_of(text).and_then(|name| schema.resolve(name).ok()) {
        Some(ty) => options.on(ty),
        None => options,
    }
}

/// The type that an expression is about, where its first line says so: `// context: CarePlan`.
fn context_of(text: &str) -> Option<&str> {
    let first = text.trim_start_matches('\u{feff}').lines().next()?;
    Some(first.trim().strip_prefix("//")?.trim_start().strip_prefix("context:")?.trim())
}
