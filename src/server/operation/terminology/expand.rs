//! `$expand` (FHIR R4, 4.9.16): the codes of a value set.

use super::{Subject, open};
use crate::schema::Schema;
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::operation::Input;
use crate::server::operation::definitions::Kind;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::{ids, moment};
use crate::store::Store;
use hyper::StatusCode;
use serde_json::{Value, json};

/// Codes of one answer.
const CODES_MAX: usize = 10_000;
/// What an expansion repeats of its value set.
const REPEATED: [&str; 8] =
    ["url", "identifier", "version", "name", "title", "status", "experimental", "immutable"];

/// One code of an expansion.
struct Listed<'a> {
    system: &'a str,
    code: &'a str,
    display: &'a str,
}

impl<S: Store> Server<S> {
    /// The codes of a value set, or a page of them.
    pub(in crate::server::operation) async fn expand(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let url = input.versioned("url", "valueSetVersion");
        let subject = self.subject(call, input, Kind::ValueSet, "valueSet", url, Vec::new()).await?;
        let subject = subject.ok_or_else(|| input.refused("it needs a value set: url or valueSet"))?;
        let language = input.text("displayLanguage").unwrap_or_default();
        let mut codes = codes(&subject, &language)?;
        if input.flag("activeOnly")? == Some(true) {
            codes.retain(|listed| !is_inactive(&subject.definitions, listed));
        }
        let filter = input.text("filter").unwrap_or_default().to_lowercase();
        codes.retain(|listed| is_meant(listed, &filter));
        let (offset, count) = (input.number("offset")?.unwrap_or(0), input.number("count")?);
        if count.unwrap_or(codes.len()) > CODES_MAX && codes.len() > CODES_MAX {
            let message = format!(
                "the value set has over {CODES_MAX} codes: ask with filter, or with offset and count"
            );
            return Err(Refusal::new(Why::OperationLimit, message));
        }
        let page = codes.iter().skip(offset).take(count.unwrap_or(CODES_MAX));
        let contains: Vec<Value> = page.map(told).collect();
        let mut expansion = json!({
            "identifier": format!("urn:uuid:{}", ids::uuid()),
            "timestamp": moment::instant(moment::now()),
            "total": codes.len(),
            "offset": offset,
        });
        let parameters = asked(input)?;
        if !parameters.is_empty() {
            expansion["parameter"] = json!(parameters);
        }
        if !contains.is_empty() {
            expansion["contains"] = json!(contains);
        }
        let mut answer = head(&subject);
        answer["expansion"] = expansion;
        Ok(Answer::resource(StatusCode::OK, &answer))
    }
}

/// The codes of a value set, in its order.
fn codes<'a>(subject: &'a Subject, language: &str) -> Outcome<Vec<Listed<'a>>> {
    let schema = &*subject.definitions;
    let definition = schema.value_set(&subject.url).ok_or_else(|| open("the value set is not at hand"))?;
    let expansion = || {
        let parts = definition.expansion.as_deref()?.iter();
        let listed = parts.flat_map(|part| {
            part.concepts.iter().map(|(code, display)| Listed { system: &part.system, code, display })
        });
        Some(listed.collect())
    };
    let by_rule = || {
        let listed = schema.codes(&subject.url)?.into_iter();
        Some(
            listed
                .map(|code| Listed { system: code.system, code: code.code, display: code.display })
                .collect(),
        )
    };
    let found = if definition.include.is_empty() { expansion() } else { by_rule().or_else(expansion) };
    let mut found: Vec<Listed<'a>> = found
        .ok_or_else(|| open("the value set cannot be expanded from the code systems that are at hand"))?;
    // The membership knows what the list does not: codes that are no longer active.
    if let Some(set) = schema.membership(&subject.url).filter(|_| definition.is_active_only) {
        found.retain(|listed| set.contains(Some(listed.system), listed.code) != Some(false));
    }
    for listed in &mut found {
        if listed.display.is_empty() || !language.is_empty() {
            listed.display = schema.display(listed.system, listed.code, language).unwrap_or(listed.display);
        }
    }
    Ok(found)
}

fn is_inactive(schema: &Schema, listed: &Listed<'_>) -> bool {
    schema.concept(listed.system, listed.code).is_some_and(|concept| concept.is_inactive)
}

/// True where the code or its display has each word of the filter.
fn is_meant(listed: &Listed<'_>, filter: &str) -> bool {
    let (code, display) = (listed.code.to_lowercase(), listed.display.to_lowercase());
    filter.split_whitespace().all(|word| code.contains(word) || display.contains(word))
}

fn told(listed: &Listed<'_>) -> Value {
    let mut told = json!({ "code": listed.code });
    for (name, text) in [("system", listed.system), ("display", listed.display)] {
        if !text.is_empty() {
            told[name] = json!(text);
        }
    }
    told
}

/// What was asked for, as the expansion tells it.
fn asked(input: &Input) -> Outcome<Vec<Value>> {
    let mut told = Vec::new();
    for name in ["filter", "displayLanguage"] {
        told.extend(input.text(name).map(|text| json!({ "name": name, "valueString": text })));
    }
    for name in ["offset", "count"] {
        told.extend(input.number(name)?.map(|number| json!({ "name": name, "valueInteger": number })));
    }
    told.extend(input.flag("activeOnly")?.map(|flag| json!({ "name": "activeOnly", "valueBoolean": flag })));
    Ok(told)
}

/// What the value set says of itself; of a loaded one its url and version are at hand.
fn head(subject: &Subject) -> Value {
    let mut head = json!({ "resourceType": "ValueSet" });
    match &subject.resource {
        Some(resource) => {
            for name in REPEATED {
                if let Some(value) = resource.get(name).filter(|value| *value != super::GIVEN_URL) {
                    head[name] = value.clone();
                }
            }
        }
        None => {
            let known = subject.definitions.value_set(&subject.url);
            head["url"] = json!(known.map_or(&*subject.url, |known| &known.url));
            if let Some(known) = known.filter(|known| !known.version.is_empty()) {
                head["version"] = json!(known.version);
            }
        }
    }
    if head.get("status").is_none() {
        head["status"] = json!("unknown");
    }
    head
}
