//! `$lookup` (FHIR R4, 4.8.14): what a code system says of a code.

use super::{Coded, open};
use crate::schema::CodeSystem;
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::operation::definitions::Kind;
use crate::server::operation::{Input, Output};
use crate::server::refusal::Outcome;
use crate::store::Store;
use std::collections::BTreeSet;

/// Children of one code that are told.
const CHILDREN_MAX: usize = 1_000;

impl<S: Store> Server<S> {
    /// What is at hand about a code.
    pub(in crate::server::operation) async fn lookup(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let coded = Coded::one(input, input.text("system"))?;
        let url = coded.system.clone().ok_or_else(|| input.refused("it needs the system of the code"))?;
        let url = input.with_version(&url, "version");
        let subject = self.subject(call, input, Kind::CodeSystem, "", Some(url), Vec::new()).await?;
        let subject = subject.ok_or_else(|| input.refused("it needs the system of the code"))?;
        let schema = &*subject.definitions;
        let system =
            schema.code_system(&subject.url).ok_or_else(|| open("the code system is not at hand"))?;
        let concept = schema.concept(&subject.url, &coded.code).ok_or_else(|| {
            open(if system.is_complete() {
                "the code system has no such code"
            } else {
                "the part of the code system that is at hand has no such code"
            })
        })?;
        let language = input.text("displayLanguage").unwrap_or_default();
        let mut output = Output::default();
        let name = subject.resource.as_ref().and_then(|resource| resource["name"].as_str());
        output.value("name", "valueString", name.unwrap_or(&system.url));
        if !system.version.is_empty() {
            output.value("version", "valueString", &*system.version);
        }
        // A code that nobody named is called by itself.
        let display = schema.display(&system.url, &concept.code, &language).filter(|text| !text.is_empty());
        output.value("display", "valueString", display.unwrap_or(&concept.code));
        let wanted: BTreeSet<String> = input.texts("property").into_iter().collect();
        let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(name);
        if is_wanted("designation") {
            for (language, text) in
                schema.displays(&system.url, &concept.code).iter().filter(|(_, text)| !text.is_empty())
            {
                let mut parts = Output::default();
                if !language.is_empty() {
                    parts.value("language", "valueCode", *language);
                }
                parts.value("value", "valueString", *text);
                output.group("designation", &parts);
            }
        }
        for (name, key, value) in properties(system, &concept.code) {
            if is_wanted(name) {
                let mut parts = Output::default();
                parts.value("code", "valueCode", name);
                parts.value("value", key, value);
                output.group("property", &parts);
            }
        }
        Ok(output.answer())
    }
}

/// The properties of a code: name, kind of the value, value.
fn properties<'a>(system: &'a CodeSystem, code: &str) -> Vec<(&'a str, &'static str, &'a str)> {
    let Some(at) = system.concepts.iter().position(|concept| &*concept.code == code) else {
        return Vec::new();
    };
    let code_at = |at: u32| system.concepts.get(at as usize).map(|concept| &*concept.code);
    let is_it = |number: u32| number as usize == at;
    let concept = system.concepts.get(at);
    let more = system.more_parents.iter();
    let parents = concept
        .and_then(|concept| concept.parent)
        .into_iter()
        .chain(more.clone().filter(|(child, _)| is_it(*child)).map(|(_, parent)| *parent));
    let mut found: Vec<(&str, &str, &str)> =
        parents.filter_map(code_at).map(|parent| ("parent", "valueCode", parent)).collect();
    let nested = system
        .concepts
        .iter()
        .filter(|concept| concept.parent.is_some_and(is_it))
        .map(|concept| &*concept.code);
    let others = more.filter(|(_, parent)| is_it(*parent)).filter_map(|(child, _)| code_at(*child));
    found.extend(nested.chain(others).take(CHILDREN_MAX).map(|child| ("child", "valueCode", child)));
    let own = system.values.iter().filter(|(number, ..)| is_it(*number));
    found.extend(own.filter_map(|(_, property, value)| {
        Some((&**system.properties.get(*property as usize)?, "valueString", &**value))
    }));
    found
}
