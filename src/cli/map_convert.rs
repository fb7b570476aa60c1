//! `sauma map convert`: between FML text and `StructureMap`, in the forms of R4 and R5.

use super::console::{Console, Stop, Verdict};
use super::map::Loaded;
use super::report::{self, Finding};
use crate::diag::{Issue, codes};
use crate::mapping::fml::resource::{MapShape, Release, write};
use crate::mapping::fml::{Dialect, Map, print};
use crate::mapping::units::schema;
use crate::tree::json::Layout;
use crate::tree::{NodeId, fhir};
use std::path::Path;

/// The form that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum To {
    /// FML text.
    Fml,
    /// A `StructureMap` in JSON.
    Json,
    /// A `StructureMap` in XML.
    Xml,
}

/// The release whose form is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Fhir {
    /// 4.0.1.
    R4,
    /// 5.0.0 and the mapping language guide.
    R5,
}

pub(super) fn run(path: &Path, to: To, release: Fhir, console: &Console) -> Result<Verdict, Stop> {
    let one = Loaded::read(path)?;
    let read = one.findings(&one.issues, console);
    report::print(&read, read.len(), console);
    if read.iter().any(Finding::is_error) {
        return Ok(Verdict::Findings);
    }
    let (text, mut lost) = match converted(&one, to, release) {
        Ok(converted) => converted,
        Err(issues) => {
            let found = one.findings(&issues, console);
            report::print(&found, found.len(), console);
            return Ok(Verdict::Findings);
        }
    };
    lost.extend(one.loose_comments.iter().map(|span| {
        let message = "this comment is about no rule, group or `uses`, so it is left out";
        let issue = Issue::warning(codes::FML_LOST, *span, message);
        issue.with_help("put it on lines right before a rule or group, or at the end of its line")
    }));
    let found = one.findings(&lost, console);
    report::print(&found, found.len(), console);
    Console::print(&text)?;
    Ok(Verdict::Clean)
}

impl Fhir {
    /// The forms of text and of resources.
    const fn forms(self) -> (Dialect, Release) {
        match self {
            Self::R4 => (Dialect::R4, Release::R4),
            Self::R5 => (Dialect::R5, Release::R5),
        }
    }
}

fn converted(one: &Loaded, to: To, release: Fhir) -> Result<(String, Vec<Issue>), Vec<Issue>> {
    match to {
        To::Fml => Ok((text(&one.map, release)?, Vec::new())),
        To::Json => Ok(json(&one.map, release)),
        To::Xml => {
            let (tree, lost) = write(&one.map, release.forms().1, schema());
            let mut text = String::new();
            let shape = MapShape::new(schema());
            let written = fhir::write_xml(&tree, NodeId::ROOT, &shape, Layout::Pretty, &mut text);
            written.map_err(|issue| vec![*issue])?;
            text.push('\n');
            Ok((text, lost))
        }
    }
}

/// A map as FML text.
///
/// # Errors
/// What text cannot hold.
pub(super) fn text(map: &Map, release: Fhir) -> Result<String, Vec<Issue>> {
    print(map, release.forms().0)
}

/// A map as a `StructureMap` in JSON, and what that cannot hold.
pub(super) fn json(map: &Map, release: Fhir) -> (String, Vec<Issue>) {
    let (tree, lost) = write(map, release.forms().1, schema());
    let mut text = String::new();
    fhir::write_json(&tree, NodeId::ROOT, Some(&MapShape::new(schema())), Layout::Pretty, &mut text);
    text.push('\n');
    (text, lost)
}
