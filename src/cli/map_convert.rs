//! `sauma map convert`: between FML text and `StructureMap`, in the forms of R4 and R5.

use super::console::{Console, Stop, Verdict};
use super::map::Loaded;
use super::report::{self, Finding};
use crate::diag::Issue;
use crate::mapping::fml::resource::{MapShape, Release, write};
use crate::mapping::fml::{Dialect, print};
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
    let (text, lost) = match converted(&one, to, release) {
        Ok(converted) => converted,
        Err(issues) => {
            let found = one.findings(&issues, console);
            report::print(&found, found.len(), console);
            return Ok(Verdict::Findings);
        }
    };
    let found = one.findings(&lost, console);
    report::print(&found, found.len(), console);
    Console::print(&text)?;
    Ok(Verdict::Clean)
}

fn converted(one: &Loaded, to: To, release: Fhir) -> Result<(String, Vec<Issue>), Vec<Issue>> {
    let (dialect, release) = match release {
        Fhir::R4 => (Dialect::R4, Release::R4),
        Fhir::R5 => (Dialect::R5, Release::R5),
    };
    if to == To::Fml {
        return Ok((print(&one.map, dialect)?, Vec::new()));
    }
    let (tree, lost) = write(&one.map, release, schema());
    let shape = MapShape::new(schema());
    let mut text = String::new();
    if to == To::Json {
        fhir::write_json(&tree, NodeId::ROOT, Some(&shape), Layout::Pretty, &mut text);
    } else {
        fhir::write_xml(&tree, NodeId::ROOT, &shape, Layout::Pretty, &mut text).map_err(|it| vec![*it])?;
    }
    text.push('\n');
    Ok((text, lost))
}
