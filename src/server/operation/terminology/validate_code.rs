//! `$validate-code` of a value set and of a code system (FHIR R4, 4.9.17 and 4.8.15).

use super::{Coded, open};
use crate::schema::Schema;
use crate::server::Server;
use crate::server::answer::Answer;
use crate::server::call::Call;
use crate::server::operation::definitions::Kind;
use crate::server::operation::{Input, Output};
use crate::server::refusal::Outcome;
use crate::store::Store;

/// What is said of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Valid,
    /// The code is not there.
    Absent,
    /// The code is there and is called otherwise.
    Misnamed,
    /// What is at hand does not tell.
    Open,
}

impl<S: Store> Server<S> {
    /// Whether a code is in a value set.
    pub(in crate::server::operation) async fn validate_code_in_set(
        &self,
        call: &Call,
        input: &Input,
    ) -> Outcome<Answer> {
        let codes = Coded::all(input, input.text("system"))?;
        let url = input.versioned("url", "valueSetVersion");
        let systems =
            codes.iter().filter_map(|coded| Some((Kind::CodeSystem, coded.system.clone()?))).collect();
        let subject = self.subject(call, input, Kind::ValueSet, "valueSet", url, systems).await?;
        let subject = subject.ok_or_else(|| input.refused("it needs a value set: url or valueSet"))?;
        let schema = &*subject.definitions;
        let set = schema.membership(&subject.url).ok_or_else(|| open("the value set is not at hand"))?;
        let verdict = |coded: &Coded| match set.contains(coded.system.as_deref(), &coded.code) {
            Some(true) => named(schema, coded),
            Some(false) => Verdict::Absent,
            None => Verdict::Open,
        };
        told(schema, input, &codes, verdict, "the code is not in the value set")
    }

    /// Whether a code is in a code system.
    pub(in crate::server::operation) async fn validate_code_in_system(
        &self,
        call: &Call,
        input: &Input,
    ) -> Outcome<Answer> {
        let url = input.text("url").or_else(|| input.text("system"));
        let mut codes = Coded::all(input, url.clone())?;
        let asked = url.or_else(|| codes.first().and_then(|coded| coded.system.clone()));
        let asked = asked.map(|url| input.with_version(&url, "version"));
        let subject = self.subject(call, input, Kind::CodeSystem, "codeSystem", asked, Vec::new()).await?;
        let subject = subject.ok_or_else(|| input.refused("it needs a code system: url or codeSystem"))?;
        let schema = &*subject.definitions;
        let plain = subject.url.split('|').next().unwrap_or_default().to_owned();
        let system =
            schema.code_system(&subject.url).ok_or_else(|| open("the code system is not at hand"))?;
        for coded in &mut codes {
            coded.system.get_or_insert_with(|| plain.clone());
        }
        let verdict = |coded: &Coded| {
            if coded.system.as_deref() != Some(&*plain) {
                Verdict::Absent
            } else if schema.concept(&subject.url, &coded.code).is_some() {
                named(schema, coded)
            } else if system.is_complete() {
                Verdict::Absent
            } else {
                Verdict::Open
            }
        };
        told(schema, input, &codes, verdict, "the code is not in the code system")
    }
}

/// Whether a code that is there is called as it is given; where no display is at hand, any is taken.
fn named(schema: &Schema, coded: &Coded) -> Verdict {
    let (Some(display), Some(system)) = (&coded.display, &coded.system) else { return Verdict::Valid };
    let displays = schema.displays(system, &coded.code);
    let mut known = displays.iter().map(|(_, text)| text).filter(|text| !text.is_empty()).peekable();
    let is_same = |text: &&str| text.to_lowercase() == display.trim().to_lowercase();
    if known.peek().is_none() || known.any(is_same) { Verdict::Valid } else { Verdict::Misnamed }
}

/// The answer: true where one of the codes is valid.
fn told(
    schema: &Schema,
    input: &Input,
    codes: &[Coded],
    verdict: impl Fn(&Coded) -> Verdict,
    absent: &str,
) -> Outcome<Answer> {
    let verdicts: Vec<(&Coded, Verdict)> = codes.iter().map(|coded| (coded, verdict(coded))).collect();
    let of =
        |wanted: Verdict| verdicts.iter().find(|(_, verdict)| *verdict == wanted).map(|(coded, _)| *coded);
    let (found, message) = match (of(Verdict::Valid), of(Verdict::Misnamed), of(Verdict::Open)) {
        (Some(coded), ..) => (Some((coded, true)), None),
        (None, Some(coded), _) => (Some((coded, false)), Some("the display is none that the code has")),
        (None, None, Some(_)) => {
            return Err(open("whether the code is valid cannot be said from what is at hand"));
        }
        (None, None, None) => (None, Some(absent)),
    };
    let mut output = Output::default();
    output.value("result", "valueBoolean", found.is_some_and(|(_, is_valid)| is_valid));
    if let Some(message) = message {
        output.value("message", "valueString", message);
    }
    let language = input.text("displayLanguage").unwrap_or_default();
    let display =
        found.and_then(|(coded, _)| schema.display(coded.system.as_deref()?, &coded.code, &language));
    if let Some(display) = display {
        output.value("display", "valueString", display);
    }
    Ok(output.answer())
}
