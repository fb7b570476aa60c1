//! PATCH (FHIR R4, 3.1.0.7): a JSON Patch, a FHIRPath Patch or a JSON Merge Patch, applied to the newest version.
//!
//! Clients send patches as plain JSON too. What it is shows: an array is a JSON Patch, an object without
//! `resourceType` a Merge Patch.

use super::call::Content;
use super::document::{Document, utf8};
use super::fhirpath_patch;
use super::media::{Format, Media};
use super::merge_patch;
use super::refusal::{Outcome, Refusal, Why};
use crate::plan::split::json_patch;
use crate::schema::{Schema, base64};
use crate::tree::json::{self, Layout};
use crate::tree::{Kind, NodeId, Tree};

/// A patch that a client sent.
#[derive(Debug, Clone)]
pub(super) enum Patch {
    /// RFC 6902.
    Json(Tree),
    /// RFC 7396.
    Merge(Tree),
    /// A `Parameters` resource.
    FhirPath(Tree),
}

impl Patch {
    /// Reads the patch of a request.
    pub(super) fn of_content(content: &Content, schema: &'static Schema) -> Outcome<Self> {
        match content.media {
            Some(Media::JsonPatch) => Self::json(&content.bytes, schema),
            Some(Media::MergePatch) => Self::merge(&content.bytes, schema),
            Some(Media::Resource(Format::Json)) if is_bare(&content.bytes, schema) => {
                Self::json(&content.bytes, schema).or_else(|_| Self::merge(&content.bytes, schema))
            }
            Some(Media::Resource(format)) => {
                let document = Document::read(&content.bytes, format, schema)?;
                match document.kind {
                    "Parameters" => Ok(Self::FhirPath(document.tree)),
                    // In a bundle a JSON Patch travels in a Binary (FHIR R4, 3.1.0.11.2).
                    "Binary" => Self::json(&binary(&document.tree)?, schema),
                    _ => Err(Refusal::plain(Why::PatchForm)),
                }
            }
            Some(Media::Form | Media::Other) | None => Err(Refusal::plain(Why::MediaType)),
        }
    }

    fn merge(bytes: &[u8], schema: &'static Schema) -> Outcome<Self> {
        let tree = plain(bytes, schema)?;
        if tree.kind(NodeId::ROOT) == Kind::Object {
            Ok(Self::Merge(tree))
        } else {
            Err(Refusal::plain(Why::PatchForm))
        }
    }

    fn json(bytes: &[u8], schema: &'static Schema) -> Outcome<Self> {
        let tree = plain(bytes, schema)?;
        if matches!(tree.kind(NodeId::ROOT), Kind::Array | Kind::EmptyList) {
            Ok(Self::Json(tree))
        } else {
            Err(Refusal::plain(Why::PatchForm))
        }
    }

    /// The resource with the patch applied; its type and id are as before.
    pub(super) fn apply(&self, document: &[u8], schema: &'static Schema) -> Outcome<Document> {
        let before = Document::stored(document, schema)?;
        let after = match self {
            Self::Merge(patch) => {
                let text =
                    json::to_string(&merge_patch::apply(&before.plain(schema)?, patch), Layout::Compact);
                Document::read(text.as_bytes(), Format::Json, schema)?
            }
            Self::Json(patch) => {
                let plain = before.plain(schema)?;
                let edited = json_patch::apply(&plain, patch).map_err(|issue| {
                    let message = format!("operation {}: {}", issue.path, issue.message);
                    Refusal::new(Why::PatchUnfit, message)
                })?;
                let text = json::to_string(&edited, Layout::Compact);
                Document::read(text.as_bytes(), Format::Json, schema)?
            }
            Self::FhirPath(patch) => {
                let tree = fhirpath_patch::apply(&before.tree, patch, schema)?;
                let text = json::to_string(&tree, Layout::Compact);
                Document::read(text.as_bytes(), Format::Json, schema)?
            }
        };
        if after.kind == before.kind && after.id() == before.id() {
            Ok(after)
        } else {
            Err(Refusal::new(Why::PatchUnfit, "the id and the type of a resource cannot be changed"))
        }
    }
}

fn plain(bytes: &[u8], schema: &'static Schema) -> Outcome<Tree> {
    let text = utf8(bytes)?;
    json::read(text, schema.names()).map_err(|issue| Refusal::issue(Why::PatchForm, *issue, text))
}

/// True for JSON that is no resource.
fn is_bare(bytes: &[u8], schema: &'static Schema) -> bool {
    plain(bytes, schema).is_ok_and(|tree| tree.child_str(NodeId::ROOT, "resourceType").is_none())
}

/// The bytes of a `Binary` that holds a JSON Patch.
fn binary(tree: &Tree) -> Outcome<Vec<u8>> {
    let is_patch = tree
        .child_text(NodeId::ROOT, "contentType")
        .is_some_and(|kind| kind == "application/json-patch+json");
    let data = tree.child_text(NodeId::ROOT, "data").filter(|_| is_patch);
    data.and_then(|data| base64::decode(&data)).ok_or_else(|| Refusal::plain(Why::PatchForm))
}
