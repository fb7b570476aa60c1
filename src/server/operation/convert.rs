//! `$convert` (FHIR R4, "Operation convert"): a resource in another form, or a document in the format of another unit
//! system, through the lenses.

use super::input::Content;
use super::transform::resources_of;
use super::{Input, Output};
use crate::exchange::document::{Document as UnitDocument, read_resources, write_new};
use crate::mapping::units::Unit;
use crate::server::Server;
use crate::server::answer::{Answer, Body};
use crate::server::document::{Document, utf8};
use crate::server::media::Format;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::Store;
use crate::validate::{Report, outcome};
use hyper::StatusCode;

/// The name of what is no format of a unit system.
const FHIR: &str = "fhir";

impl<S: Store> Server<S> {
    /// The document in another form.
    pub(super) fn convert(&self, input: &Input) -> Outcome<Answer> {
        let (from, to) = (input.text("from"), input.text("to"));
        let mut contents = input.contents("input")?;
        let content = contents.pop().ok_or_else(|| input.refused("it needs the parameter input"))?;
        if from.is_none() && to.is_none() {
            let resource = self.resource_in(&content)?;
            return Ok(Answer::new(StatusCode::OK, Body::Resource(resource.into())));
        }
        let unknown = || input.refused("from and to are fhir or the name of a unit system");
        let unit = |name: &str| Unit::find(name).map_err(|_| unknown());
        let (resources, mut report) = match from.as_deref() {
            Some(FHIR) => (self.resource_in(&content)?, Report::default()),
            Some(name) => resources_of(unit(name)?, &content.bytes)?,
            None => {
                let document = UnitDocument::read(&content.bytes, None);
                let document = document.map_err(|it| Refusal::issue(Why::BodyForm, *it.issue, &it.text))?;
                resources_of(document.unit, &content.bytes)?
            }
        };
        let mut output = Output::default();
        match to.as_deref() {
            None | Some(FHIR) => output.resource("output", &resources),
            Some(name) => {
                let unit = unit(name)?;
                let made = made(unit, &resources, &mut report)?;
                output.value("output", "valueString", made);
            }
        }
        // Places are those of the document that came, whose text the answer does not have.
        output.resource("outcome", &outcome(&report, "").to_string());
        Ok(output.answer())
    }

    /// The resource that a content is, as JSON.
    fn resource_in(&self, content: &Content) -> Outcome<String> {
        let text = utf8(&content.bytes)?;
        let is_xml = text.trim_start().starts_with('<');
        let format = if is_xml { Format::Xml } else { Format::Json };
        let document = Document::read(text.as_bytes(), format, self.schema)?;
        Ok(String::from_utf8_lossy(&document.written()).into_owned())
    }
}

/// A new document that holds of the resources what its format has a place for; the rest is reported.
fn made(unit: &'static Unit, resources: &str, report: &mut Report) -> Outcome<String> {
    let wrong = |issue: Box<crate::diag::Issue>| Refusal::issue(Why::Untransformed, *issue, resources);
    let program = unit.program().map_err(|_| Refusal::plain(Why::StoreFailed))?;
    let is_bundle = resources.starts_with("{\"resourceType\":\"Bundle\"");
    let bundled = if is_bundle {
        resources.to_owned()
    } else {
        format!(
            "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{{\"resource\":{resources}}}]}}"
        )
    };
    let tree = read_resources(&bundled).map_err(wrong)?;
    let fitted = program.create_fitting(&tree).map_err(wrong)?;
    report.issues.extend(fitted.issues(unit.name));
    Ok(write_new(unit, program, &fitted.document))
}
