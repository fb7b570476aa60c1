//! Code tables as concept maps.

use super::draft::text;
use crate::mapping::fml::model::{CodeRef, ConceptMap, Mapping, Origin, Relation};

/// The concept maps of one map.
#[derive(Debug, Default)]
pub(super) struct Codes {
    tables: Vec<(String, Vec<(String, String)>)>,
}

impl Codes {
    /// The id of the concept map with these rows, which is named after the element that it is for.
    pub(super) fn id(&mut self, element: &str, rows: &[(String, String)]) -> String {
        if let Some((id, _)) = self.tables.iter().find(|(_, known)| known == rows) {
            return id.clone();
        }
        let alike = self.tables.iter().filter(|(id, _)| id.starts_with(element)).count();
        let id = if alike == 0 { element.to_owned() } else { format!("{element}{}", alike + 1) };
        self.tables.push((id.clone(), rows.to_vec()));
        id
    }

    /// All of them; the codes are of systems below the url of the lens.
    pub(super) fn concept_maps(&self, url: &str) -> Vec<ConceptMap> {
        let code = |side: &str, id: &str, code: &str| CodeRef {
            system: format!("{url}/{id}-{side}"),
            code: text(code),
            display: None,
        };
        let table = |(id, rows): &(String, Vec<(String, String)>)| ConceptMap {
            id: text(id),
            mappings: rows
                .iter()
                .map(|(from, to)| Mapping {
                    source: code("source", id, from),
                    relation: Relation::Equivalent,
                    target: Some(code("target", id, to)),
                    origin: Origin::default(),
                })
                .collect(),
            unmapped: Vec::new(),
            metadata: Vec::new(),
            origin: Origin::default(),
        };
        self.tables.iter().map(table).collect()
    }
}
