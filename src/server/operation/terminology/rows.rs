//! Concept maps as rows, wherever they come from: resources, loaded definitions, the code tables of unit systems.

use crate::mapping::units;
use crate::schema::{CodeTable, ConceptMap};
use serde_json::Value;

/// Where the code tables of unit systems are found: the name of the unit system and of its table follow.
pub(super) const TABLES: &str = "https://w3id.org/sauma/fhir/ConceptMap/";

/// One pair of codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Empty in a code table, which fits every system.
    pub(super) source_system: String,
    pub(super) source: String,
    pub(super) target_system: String,
    /// Empty where there is none.
    pub(super) target: String,
    pub(super) display: String,
    pub(super) equivalence: String,
    /// It holds where other elements have certain values, which a request does not tell.
    pub(super) is_conditional: bool,
}

/// What a map says of codes that it does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unmapped {
    /// They stay as they are.
    Provided,
    /// They become this one.
    Fixed { code: String, display: String },
    /// Another map has them.
    Other,
}

/// One concept map.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    pub(super) url: String,
    pub(super) rows: Vec<Row>,
    /// Source system, target system, and what is said of its other codes.
    pub(super) unmapped: Vec<(String, String, Unmapped)>,
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

impl Map {
    /// Reads a `ConceptMap` resource.
    pub(super) fn of_resource(resource: &Value) -> Self {
        let mut map = Self { url: text(resource, "url"), ..Self::default() };
        for group in list(resource, "group") {
            let (source_system, target_system) = (text(group, "source"), text(group, "target"));
            let row = Row { source_system, target_system, ..Row::default() };
            for element in list(group, "element") {
                map.rows.extend(list(element, "target").map(|target| Row {
                    source: text(element, "code"),
                    target: text(target, "code"),
                    display: text(target, "display"),
                    equivalence: text(target, "equivalence"),
                    is_conditional: list(target, "dependsOn").next().is_some(),
                    ..row.clone()
                }));
            }
            let unmapped = group.get("unmapped").and_then(|unmapped| match &*text(unmapped, "mode") {
                "provided" => Some(Unmapped::Provided),
                "fixed" => {
                    Some(Unmapped::Fixed { code: text(unmapped, "code"), display: text(unmapped, "display") })
                }
                "other-map" => Some(Unmapped::Other),
                _ => None,
            });
            map.unmapped.extend(unmapped.map(|unmapped| (row.source_system, row.target_system, unmapped)));
        }
        map
    }

    /// A map that is loaded.
    pub(super) fn of_loaded(loaded: &ConceptMap) -> Self {
        let rows = loaded.groups.iter().flat_map(|group| {
            group.rows.iter().map(|row| Row {
                source_system: group.source.to_string(),
                source: row.source.to_string(),
                target_system: group.target.to_string(),
                target: row.target.to_string(),
                equivalence: row.equivalence.to_string(),
                ..Row::default()
            })
        });
        Self { url: loaded.url.to_string(), rows: rows.collect(), unmapped: Vec::new() }
    }

    /// The code table of a unit system. It says what a code becomes, not how near the two are.
    pub(super) fn of_table(url: &str) -> Option<Self> {
        let (unit, table) = url.strip_prefix(TABLES)?.split_once('/')?;
        let unit = units::all().find(|known| known.name == unit)?;
        let path = format!("codes/{table}.tsv");
        let (_, text) = unit.files.iter().find(|(name, _)| *name == path)?;
        let table = CodeTable::parse(text).ok()?;
        let rows = table.rows().iter().map(|row| Row {
            source: row.source.to_string(),
            target: row.target.to_string(),
            equivalence: "relatedto".to_owned(),
            ..Row::default()
        });
        Some(Self { url: url.to_owned(), rows: rows.collect(), unmapped: Vec::new() })
    }

    /// The same map the other way round.
    pub(super) fn reversed(mut self) -> Self {
        for row in &mut self.rows {
            std::mem::swap(&mut row.source, &mut row.target);
            std::mem::swap(&mut row.source_system, &mut row.target_system);
            row.display.clear();
            let opposite = match &*row.equivalence {
                "wider" => "narrower",
                "narrower" => "wider",
                "subsumes" => "specializes",
                "specializes" => "subsumes",
                _ => continue,
            };
            opposite.clone_into(&mut row.equivalence);
        }
        self.rows.retain(|row| !row.source.is_empty());
        self.unmapped.clear();
        self
    }
}
