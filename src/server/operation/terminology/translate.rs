//! `$translate` (FHIR R4, 4.10.15): what a code becomes by a concept map.

use super::rows::{Map, Row, Unmapped};
use super::{Coded, open};
use crate::search::{Base, Handling};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::operation::definitions::Kind;
use crate::server::operation::{Input, Output};
use crate::server::query::Pair;
use crate::server::refusal::Outcome;
use crate::store::Store;
use serde_json::{Value, json};

/// Stored maps that are looked through where the request names none.
const MAPS_MAX: usize = 50;
/// Translations of one code.
const MATCHES_MAX: usize = 200;

impl<S: Store> Server<S> {
    /// What a code becomes.
    pub(in crate::server::operation) async fn translate(
        &self,
        call: &Call,
        input: &Input,
    ) -> Outcome<Answer> {
        let codes = Coded::all(input, input.text("system"))?;
        let target = input.text("targetsystem");
        let is_reverse = input.flag("reverse")?.unwrap_or(false);
        let maps = self.maps(call, input, &codes, target.as_deref(), is_reverse).await?;
        let mut output = Output::default();
        let (mut found, mut is_conditional) = (Vec::new(), false);
        for map in maps {
            let map = if is_reverse { map.reversed() } else { map };
            for coded in &codes {
                let (matches, open) = matches(&map, coded, target.as_deref());
                is_conditional |= open;
                found.extend(matches.into_iter().map(|row| (map.url.clone(), row)));
            }
        }
        found.truncate(MATCHES_MAX);
        let is_good =
            |row: &Row| !matches!(&*row.equivalence, "unmatched" | "disjoint") && !row.target.is_empty();
        let is_found = found.iter().any(|(_, row)| is_good(row));
        if !is_found && is_conditional {
            return Err(open("what the code becomes depends on more than the code"));
        }
        output.value("result", "valueBoolean", is_found);
        if !is_found {
            output.value("message", "valueString", "the map has no translation of the code");
        }
        for (url, row) in found.iter().filter(|(_, row)| !row.target.is_empty()) {
            output.group("match", &told(url, row));
        }
        Ok(output.answer())
    }

    /// The map that the request names, or the stored ones that translate from its system.
    async fn maps(
        &self,
        call: &Call,
        input: &Input,
        codes: &[Coded],
        target: Option<&str>,
        is_reverse: bool,
    ) -> Outcome<Vec<Map>> {
        let url = input.versioned("url", "conceptMapVersion");
        if let Some(map) = url.as_deref().filter(|_| call.names.id.is_none()).and_then(Map::of_table) {
            return Ok(vec![map]);
        }
        let subject = self.subject(call, input, Kind::ConceptMap, "conceptMap", url, Vec::new()).await?;
        if let Some(subject) = subject {
            let loaded = || subject.definitions.concept_map(&subject.url).map(Map::of_loaded);
            let map = subject.resource.as_ref().map(Map::of_resource).or_else(loaded);
            return Ok(vec![map.ok_or_else(|| open("the concept map is not at hand"))?]);
        }
        let system = codes.iter().find_map(|coded| coded.system.clone());
        let system =
            system.ok_or_else(|| input.refused("it needs a concept map, or the system of the code"))?;
        let (from, to) =
            if is_reverse { ("target-system", "source-system") } else { ("source-system", "target-system") };
        let escaped = |text: &str| text.replace('\\', "\\\\").replace(',', "\\,");
        let mut pairs: Vec<Pair> =
            vec![(from.to_owned(), escaped(&system)), ("_count".to_owned(), MAPS_MAX.to_string())];
        pairs.extend(target.map(|target| (to.to_owned(), escaped(target))));
        let parsed = self.parsed(Base::Type("ConceptMap"), &pairs, Handling::Strict)?;
        let found = self.sight(&call.caller).search(&parsed.search).await?;
        let read =
            |document: &[u8]| serde_json::from_slice::<Value>(document).ok().as_ref().map(Map::of_resource);
        let maps: Vec<Map> =
            found.records.iter().filter_map(|record| read(record.document.as_deref()?)).collect();
        if maps.is_empty() {
            Err(open("no concept map at hand translates from this system"))
        } else {
            Ok(maps)
        }
    }
}

/// The rows of a code, and whether there were some that hold under conditions alone, or are those of another map.
fn matches(map: &Map, coded: &Coded, target: Option<&str>) -> (Vec<Row>, bool) {
    let is_of = |of: &str| of.is_empty() || coded.system.as_deref().is_none_or(|system| system == of);
    let is_to = |of: &str| target.is_none_or(|target| of.is_empty() || target == of);
    let is_meant =
        |row: &&Row| row.source == coded.code && is_of(&row.source_system) && is_to(&row.target_system);
    let (conditional, mut found): (Vec<Row>, Vec<Row>) =
        map.rows.iter().filter(is_meant).cloned().partition(|row| row.is_conditional);
    let mut is_open = !conditional.is_empty();
    if !found.is_empty() || is_open {
        return (found, is_open);
    }
    for (from, to, unmapped) in map.unmapped.iter().filter(|(from, to, _)| is_of(from) && is_to(to)) {
        let row = Row {
            source_system: from.clone(),
            source: coded.code.clone(),
            target_system: to.clone(),
            equivalence: "relatedto".to_owned(),
            ..Row::default()
        };
        match unmapped {
            Unmapped::Provided => found.push(Row { target: coded.code.clone(), ..row }),
            Unmapped::Fixed { code, display } => {
                found.push(Row { target: code.clone(), display: display.clone(), ..row });
            }
            Unmapped::Other => is_open = true,
        }
    }
    (found, is_open)
}

fn told(url: &str, row: &Row) -> Output {
    let mut concept = json!({ "code": row.target });
    for (name, text) in [("system", &row.target_system), ("display", &row.display)] {
        if !text.is_empty() {
            concept[name] = json!(text);
        }
    }
    let mut parts = Output::default();
    parts.value("equivalence", "valueCode", &*row.equivalence);
    parts.value("concept", "valueCoding", concept);
    if !url.is_empty() && url != super::GIVEN_URL {
        parts.value("source", "valueUri", url);
    }
    parts
}
