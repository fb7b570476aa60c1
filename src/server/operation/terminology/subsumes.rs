//! `$subsumes` (FHIR R4, 4.8.16): how two codes of one system stand to each other.

use super::{Coded, open};
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::operation::definitions::Kind;
use crate::server::operation::{Input, Output};
use crate::server::refusal::Outcome;
use crate::store::Store;

impl<S: Store> Server<S> {
    /// Whether one code is the other, or stands above or below it.
    pub(in crate::server::operation) async fn subsumes(&self, call: &Call, input: &Input) -> Outcome<Answer> {
        let system = input.text("system");
        let coded = |code: &str, coding: &str| {
            let plain = input.text(code).map(|code| Coded { system: system.clone(), code, display: None });
            let found = match plain {
                Some(plain) => Some(plain),
                None => input.value(coding, "Coding")?.as_ref().and_then(Coded::of_json),
            };
            found.ok_or_else(|| input.refused("it needs two codes: codeA and codeB, or codingA and codingB"))
        };
        let (a, b) = (coded("codeA", "codingA")?, coded("codeB", "codingB")?);
        if a.system.is_some() && b.system.is_some() && a.system != b.system {
            return Err(input.refused("the two codes are of two systems"));
        }
        let url = a.system.or(b.system).map(|url| input.with_version(&url, "version"));
        let subject = self.subject(call, input, Kind::CodeSystem, "", url, Vec::new()).await?;
        let subject = subject.ok_or_else(|| input.refused("it needs the system of the codes"))?;
        let schema = &*subject.definitions;
        let system =
            schema.code_system(&subject.url).ok_or_else(|| open("the code system is not at hand"))?;
        let find = |code: &str| {
            schema
                .concept(&subject.url, code)
                .ok_or_else(|| open("the code system at hand lacks one of the codes"))
        };
        let (a, b) = (find(&a.code)?, find(&b.code)?);
        let is_above = |general: &str, special: &str| system.subsumes(general, special) == Some(true);
        let outcome = if a.code == b.code {
            "equivalent"
        } else if is_above(&a.code, &b.code) {
            "subsumes"
        } else if is_above(&b.code, &a.code) {
            "subsumed-by"
        } else if system.is_complete() {
            "not-subsumed"
        } else {
            return Err(open("the part of the code system that is at hand does not tell"));
        };
        let mut output = Output::default();
        output.value("outcome", "valueCode", outcome);
        Ok(output.answer())
    }
}
