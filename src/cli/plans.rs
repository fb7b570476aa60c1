//! The documents of one client on a command line, and what people have decided about them.

use super::console::{Console, Stop};
use super::input::{self, Content, From, Origin};
use super::mask::Mask;
use super::report::{self, Finding, Source};
use super::{bulk, files};
use crate::diag::codes;
use crate::exchange::intake;
use crate::plan::{Contribution, Decision, Joined, decision};
use std::path::{Path, PathBuf};

/// Documents with their names.
pub(super) type Documents = Vec<(String, Vec<u8>)>;

/// The documents that are joined.
#[derive(Debug, clap::Args)]
pub(super) struct Plans {
    /// Documents of one client: files and folders
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The unit system that all of them come from, or `fhir`; by default each is recognised
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    #[command(flatten)]
    decided: Decided,
}

/// What people have decided about the documents.
#[derive(Debug, clap::Args)]
pub(super) struct Decided {
    /// A person has decided that the documents named so concern one client; give it for each of them
    #[arg(long, value_name = "FILE")]
    same_client: Vec<String>,
    /// What people have decided about the plans: a file that `sauma decide` writes
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
}

/// What there is to join.
pub(super) struct Given {
    pub(super) contributions: Vec<Contribution>,
    pub(super) decisions: Vec<Decision>,
    /// What the documents are found to be, none of which keeps them from being joined.
    pub(super) findings: Vec<Finding>,
}

impl Plans {
    /// The documents that were named.
    pub(super) fn documents(&self) -> Result<Documents, Stop> {
        bulk::documents(&self.files)
    }

    /// What the documents contribute and people have decided; findings alone where one of them cannot be read. A plan
    /// that silently lacks a unit would pass for the whole.
    pub(super) fn read(
        &self,
        documents: &Documents,
        console: &Console,
    ) -> Result<Result<Given, Vec<Finding>>, Stop> {
        let decisions = match self.decided.read(|name| names(documents, name), console)? {
            Ok(decisions) => decisions,
            Err(findings) => return Ok(Err(findings)),
        };
        let from = From::named(self.from.as_deref()).map_err(Stop::Issue)?;
        let (contributions, findings) = contributions(documents, from, console);
        Ok(match contributions {
            Some(contributions) => Ok(Given { contributions, decisions, findings }),
            None => Err(findings),
        })
    }
}

impl Decided {
    /// The decisions about documents whose names `is_there` knows, or what is wrong with their file.
    pub(super) fn read(
        &self,
        is_there: impl Fn(&str) -> bool,
        console: &Console,
    ) -> Result<Result<Vec<Decision>, Vec<Finding>>, Stop> {
        known("--same-client", &self.same_client, is_there)?;
        let mut decisions =
            match self.decisions.as_deref().map(|path| decisions(path, console)).transpose()? {
                None => Vec::new(),
                Some(Ok(decisions)) => decisions,
                Some(Err(findings)) => return Ok(Err(findings)),
            };
        if !self.same_client.is_empty() {
            decisions.push(Decision::same_client(self.same_client.clone()));
        }
        Ok(Ok(decisions))
    }
}

/// True where one of the documents has this name.
pub(super) fn names(documents: &Documents, name: &str) -> bool {
    documents.iter().any(|(file, _)| file == name)
}

/// Stops where an option names what is not among the documents.
pub(super) fn known<'a>(
    option: &str,
    names: impl IntoIterator<Item = &'a String>,
    is_there: impl Fn(&str) -> bool,
) -> Result<(), Stop> {
    match names.into_iter().find(|name| !is_there(name)) {
        None => Ok(()),
        Some(name) => {
            Err(Stop::usage(format!("{option} names `{name}`, which is not joined"), "name one of the FILEs"))
        }
    }
}

/// The decisions of a file, or what is wrong with them.
///
/// # Errors
/// The file cannot be read.
pub(super) fn decisions(path: &Path, console: &Console) -> Result<Result<Vec<Decision>, Vec<Finding>>, Stop> {
    let text = files::read_text(path)?;
    Ok(decision::read(&text).map_err(|issues| {
        let file = path.to_string_lossy();
        let source = Source { file: &file, text: &text, mask: Mask::guess(&text), lines_before: 0 };
        report::findings(source, &issues, console)
    }))
}

/// What the documents contribute; nothing where one of them cannot be read.
pub(super) fn contributions(
    documents: &[(String, Vec<u8>)],
    from: From,
    console: &Console,
) -> (Option<Vec<Contribution>>, Vec<Finding>) {
    let (mut contributions, mut found, mut failed) = (Vec::new(), Vec::new(), false);
    for (file, bytes) in documents {
        let origin = Origin::file(file);
        match input::read(bytes, from, origin, console).and_then(|read| input::content(read, origin, console))
        {
            Ok(mut content) => {
                found.append(&mut content.findings);
                contributions.push(contribution(file, content, bytes));
            }
            Err(findings) => {
                failed = true;
                found.extend(findings);
            }
        }
    }
    ((!failed).then_some(contributions), found)
}

/// A joined plan, with what is to be said of it among the findings.
pub(super) fn said(joined: Joined, console: &Console, found: &mut Vec<Finding>) -> Joined {
    // Identity codes were looked at with their places when the documents were read.
    let known = [codes::HETU_FORMAT.id, codes::HETU_CHECK.id];
    let issues = joined.issues.iter().filter(|issue| !known.contains(&issue.code.id));
    found.extend(issues.map(|issue| Finding::bare("the joined plan", issue, console)));
    joined
}

/// What a document contributes. By its hash an edited plan is known to be of this version of it.
pub(super) fn contribution(file: &str, content: Content, bytes: &[u8]) -> Contribution {
    intake::contribution((file, content.unit), content.resources, content.names_further_clients, bytes)
}
