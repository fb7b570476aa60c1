//! `translate`: codes through concept maps.

use super::target::Product;
use super::{Outcome, Run, Var};
use crate::diag::{Severity, Span, codes};
use crate::fhirpath::{Node, Value};
use crate::mapping::fml::compile::{Argument, Output, Row, Spot};
use crate::mapping::fml::oid::to_uri;
use crate::mapping::fml::run::make::Structure;
use crate::schema::UNKNOWN;
use crate::tree::{Name, NodeId, Tree};
use std::borrow::Cow;

/// A code as data hold it.
struct Code {
    system: Option<String>,
    code: String,
}

impl<'p, 'a> Run<'p, 'a> {
    /// What a code becomes. One that the concept map does not have is a finding, never silence.
    pub(super) fn translate(
        &mut self,
        value: &'p Argument,
        table: usize,
        output: Output,
        spots: &[Spot],
        span: Span,
    ) -> Outcome<Vec<Product<'a>>> {
        let mut products = Vec::new();
        for value in self.argument(value)? {
            let found = self.codes(&value);
            if found.is_empty() {
                continue;
            }
            let row = found.iter().find_map(|code| self.row(table, code)).map(Cow::Borrowed);
            let row =
                row.or_else(|| found.iter().find_map(|code| self.unmapped(table, code)).map(Cow::Owned));
            let Some(row) = row else {
                // HL7's engine says nothing.
                if self.is_reference() {
                    continue;
                }
                let shown = found.first().map(|code| code.code.clone());
                let message = "the concept map does not have this code, so nothing is written";
                self.report_value(
                    Severity::Warning,
                    codes::FML_UNTRANSLATED,
                    span,
                    message,
                    shown.as_deref(),
                );
                continue;
            };
            products.extend(self.translated(&row, output, spots, span));
        }
        Ok(products)
    }

    /// What the code systems that are named by OIDs are called in FHIR.
    pub(super) fn uris_of(&mut self, value: &'p Argument) -> Outcome<Vec<Product<'a>>> {
        let mut products = Vec::new();
        for value in self.argument(value)? {
            let Some(oid) = self.text(&value) else { continue };
            let uri = to_uri(&oid, self.program.schema);
            self.note(&value);
            products.push(Product::Value(Var::Value(Value::String(Cow::Owned(uri)), UNKNOWN)));
        }
        Ok(products)
    }

    fn row(&self, table: usize, code: &Code) -> Option<&'p Row> {
        let rows = self.program.tables.get(table)?.rows.get(code.code.as_str())?;
        rows.iter().find(|row| {
            code.system
                .as_deref()
                .is_none_or(|system| row.source_system.is_empty() || *row.source_system == *system)
        })
    }

    /// A code that stays as it is, as no row has it and the map says so of its system.
    fn unmapped(&self, table: usize, code: &Code) -> Option<Row> {
        let systems = &self.program.tables.get(table)?.unmapped;
        let is_of = |known: &str| code.system.as_deref().is_none_or(|system| known == system);
        // HL7's engine looks at the rows alone.
        let system = systems.iter().find(|known| is_of(known)).filter(|_| !self.is_reference())?;
        Some(Row {
            source_system: system.clone(),
            system: system.clone(),
            code: code.code.as_str().into(),
            display: Box::default(),
        })
    }

    fn translated(&mut self, row: &Row, output: Output, spots: &[Spot], span: Span) -> Option<Product<'a>> {
        let name = spots.first().map_or("", |spot| self.program.schema.type_info(spot.ty).name);
        let output = match (output, name) {
            (Output::Inferred, "Coding") => Output::Coding,
            (Output::Inferred, "CodeableConcept") => Output::CodeableConcept,
            (Output::Inferred, _) => Output::Code,
            (other, _) => other,
        };
        let text = |text: &str| {
            Some(Product::Value(Var::Value(Value::String(Cow::Owned(text.to_owned())), UNKNOWN)))
        };
        match output {
            Output::Code | Output::Inferred => text(&row.code),
            Output::System => text(&row.system),
            Output::Display if row.display.is_empty() => {
                self.error(codes::FML_UNTRANSLATED, span, "it is not known what this code is called");
                None
            }
            Output::Display => text(&row.display),
            Output::Coding => {
                Some(Product::Structure(Structure::coding(&row.system, &row.code, &row.display)))
            }
            Output::CodeableConcept => {
                Some(Product::Structure(Structure::concept(&row.system, &row.code, &row.display)))
            }
        }
    }

    /// The codes of a value: of a primitive itself, of a Coding its code, of a `CodeableConcept` those of its
    /// codings.
    fn codes(&mut self, value: &Var<'a>) -> Vec<Code> {
        if let Some(text) = self.text(value) {
            self.note(value);
            return vec![Code { system: None, code: text.into_owned() }];
        }
        match value {
            Var::Node(node) => {
                let found = codings(node.tree, node.id);
                for (_, leaves) in &found {
                    for leaf in leaves {
                        self.carried(&Node { tree: node.tree, id: *leaf, ty: UNKNOWN });
                    }
                }
                found.into_iter().map(|(code, _)| code).collect()
            }
            Var::Made(id, _) => codings(&self.target, *id).into_iter().map(|(code, _)| code).collect(),
            Var::None | Var::Value(..) => Vec::new(),
        }
    }
}

/// The codes of an element, each with the leaves it was read from.
fn codings(tree: &Tree, id: NodeId) -> Vec<(Code, Vec<NodeId>)> {
    let named = |name: &str| tree.names().get(name).unwrap_or(Name::NONE);
    let (coding, system, code) = (named("coding"), named("system"), named("code"));
    let inner: Vec<NodeId> = tree.children_named(id, coding).collect();
    let all = if inner.is_empty() { vec![id] } else { inner };
    all.into_iter()
        .filter_map(|id| {
            let leaf = tree.child(id, code)?;
            let of = tree.child(id, system);
            let found =
                Code { system: of.map(|it| tree.text(it).into_owned()), code: tree.text(leaf).into_owned() };
            Some((found, of.into_iter().chain([leaf]).collect()))
        })
        .collect()
}
