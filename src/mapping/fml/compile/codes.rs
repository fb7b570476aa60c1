//! Concept maps as hash tables.

use super::{Compiler, Row, Table};
use crate::diag::codes;
use crate::mapping::fml::model::{self, Map, Origin, Relation};
use crate::schema::Schema;

impl Compiler<'_, '_, '_> {
    /// The table of a concept map: `#id` of this map, `url#id` of another, or the url of one of the definitions.
    pub(super) fn table(&mut self, reference: &str, origin: &Origin) -> Option<usize> {
        let key = (self.here, reference.to_owned());
        if let Some(known) = self.tables.get(&key) {
            return Some(*known);
        }
        let Some(table) = self.embedded(reference).or_else(|| of_definitions(self.schema, reference)) else {
            let message = format!("no concept map `{reference}` is known");
            self.error(codes::FML_CODES, origin, message);
            return None;
        };
        let number = self.program.tables.len();
        self.program.tables.push(table);
        self.tables.insert(key, number);
        Some(number)
    }

    fn embedded(&self, reference: &str) -> Option<Table> {
        let (url, id) = reference.split_once('#')?;
        let of_url = |map: &&&Map| map.url.as_ref().is_some_and(|known| known.text == url);
        let map = if url.is_empty() { self.maps.get(self.here) } else { self.maps.iter().find(of_url) }?;
        let found = map.concept_maps.iter().find(|known| known.id.text == id)?;
        Some(of_model(self.schema, found))
    }
}

fn of_model(schema: &Schema, map: &model::ConceptMap) -> Table {
    let mut table = Table::default();
    for mapping in &map.mappings {
        let Some(target) = &mapping.target else { continue };
        if matches!(mapping.relation, Relation::Disjoint | Relation::Unmatched) {
            continue;
        }
        let display = target.display.clone();
        let display = display.unwrap_or_else(|| display_of(schema, &target.system, &target.code.text));
        add(
            &mut table,
            (&mapping.source.system, &mapping.source.code.text),
            (&target.system, &target.code.text),
            display,
        );
    }
    table.unmapped = map.unmapped.iter().map(|row| row.system.as_str().into()).collect();
    table
}

fn of_definitions(schema: &Schema, url: &str) -> Option<Table> {
    let map = schema.concept_map(url)?;
    let mut table = Table::default();
    for group in &map.groups {
        for row in &group.rows {
            if row.target.is_empty()
                || matches!(&*row.equivalence, "unmatched" | "disjoint" | "not-related-to")
            {
                continue;
            }
            let display = display_of(schema, &group.target, &row.target);
            add(&mut table, (&group.source, &row.source), (&group.target, &row.target), display);
        }
    }
    Some(table)
}

fn add(table: &mut Table, source: (&str, &str), target: (&str, &str), display: String) {
    let row = Row {
        source_system: source.0.into(),
        system: target.0.into(),
        code: target.1.into(),
        display: display.into(),
    };
    table.rows.entry(source.1.into()).or_default().push(row);
}

fn display_of(schema: &Schema, system: &str, code: &str) -> String {
    let concept = schema.code_system(system).and_then(|system| system.concept(code));
    concept.map_or_else(String::new, |concept| concept.display.to_string())
}
