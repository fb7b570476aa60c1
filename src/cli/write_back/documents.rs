//! The documents of a write-back: what they are now, and which of them was given out in an older version.

use crate::cli::console::{Console, Stop};
use crate::cli::files;
use crate::cli::input::{self, From, Origin};
use crate::cli::plans::contribution;
use crate::cli::report::Finding;
use crate::exchange::intake::original_of;
use crate::exchange::write_back::Original;
use crate::plan::Contribution;
use crate::tree::{Name, NodeId, Tree};
use std::path::PathBuf;

/// Documents with what they contribute.
#[derive(Default)]
pub(super) struct Documents {
    pub(super) paths: Vec<PathBuf>,
    pub(super) bytes: Vec<Vec<u8>>,
    pub(super) originals: Vec<Original>,
    pub(super) contributions: Vec<Contribution>,
}

/// Reads documents. Where one of them cannot be read there is nothing to carry an edit into.
///
/// # Errors
/// A file cannot be read. What is wrong with its content comes as findings.
pub(super) fn read_all(
    paths: &[PathBuf],
    from: From,
    console: &Console,
) -> Result<Result<Documents, Vec<Finding>>, Stop> {
    let (mut documents, mut failed) = (Documents::default(), Vec::new());
    for path in paths {
        let bytes = files::read(path)?;
        let name = path.to_string_lossy().into_owned();
        let origin = Origin::file(&name);
        match read(&bytes, from, origin, console) {
            Ok((original, contribution)) => {
                documents.paths.push(path.clone());
                documents.bytes.push(bytes);
                documents.originals.push(original);
                documents.contributions.push(contribution);
            }
            Err(findings) => failed.extend(findings),
        }
    }
    Ok(if failed.is_empty() { Ok(documents) } else { Err(failed) })
}

fn read(
    bytes: &[u8],
    from: From,
    origin: Origin<'_>,
    console: &Console,
) -> Result<(Original, Contribution), Vec<Finding>> {
    let read = input::read(bytes, from, origin, console)?;
    let original =
        original_of(&read, bytes).map_err(|issue| vec![Finding::bare(origin.file, &issue, console)])?;
    let content = input::content(read, origin, console)?;
    Ok((original, contribution(origin.file, content, bytes)))
}

/// The contributions as they were given out, in the order of the documents that they are now.
///
/// # Errors
/// An older version belongs to none of the documents.
pub(super) fn given_out(now: &Documents, was: &Documents) -> Result<Vec<Contribution>, Stop> {
    let mut given = now.contributions.clone();
    for base in &was.contributions {
        let of_key = now.contributions.iter().position(|new| new.key() == base.key());
        // Without an identifier of its own a plan is known by what it says, and that has changed.
        let of_unit = || {
            let mut same = (0..given.len()).filter(|at| now.contributions[*at].unit == base.unit);
            same.next().filter(|_| same.next().is_none())
        };
        let Some(place) = of_key.or_else(of_unit) else {
            let message = format!("`{}` is no older version of any of the documents", base.label);
            return Err(Stop::usage(message, "give --base only for documents that have changed"));
        };
        // What the documents are called is the same for both.
        given[place] = base.clone();
        given[place].label.clone_from(&now.contributions[place].label);
    }
    Ok(given)
}

/// A file name for a kept plan: that of its id.
pub(super) fn kept_name(kept: &Tree) -> String {
    let entry = kept.child(NodeId::ROOT, Name::ENTRY);
    let resource = entry.and_then(|entry| kept.child(entry, Name::RESOURCE));
    let id = resource.and_then(|resource| kept.child_text(resource, "id")).unwrap_or_default();
    format!("kept-{id}.json")
}
