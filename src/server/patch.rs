//! PATCH (FHIR R4, 3.1.0.7): a JSON Patch or a FHIRPath Patch, applied to the newest version.

use super::call::Content;
use super::document::{Document, utf8};
use super::fhirpath_patch;
use super::media::{Format, Media};
use super::refusal::{Outcome, Refusal, Why};
use crate::plan::split::json_patch;
use crate::schema::Schema;
use crate::tree::json::{self, Layout};
use crate::tree::{Kind, NodeId, Tree};

/// A patch that a client sent.
#[derive(Debug, Clone)]
pub(super) enum Patch {
    /// RFC 6902.
    Json(Tree),
    /// A `Parameters` resource.
    FhirPath(Tree),
}

impl Patch {
    /// Reads the patch of a request.
    pub(super) fn of_content(content: &Content, schema: &'static Schema) -> Outcome<Self> {
        match content.media {
            Some(Media::JsonPatch) => Self::json(&content.bytes, schema),
            Some(Media::Resource(format)) => {
                let document = Document::read(&content.bytes, format, schema)?;
                match document.kind {
                    "Parameters" => Ok(Self::FhirPath(document.tree)),
                    // In a bundle a JSON Patch travels in a Binary (FHIR R4, 3.1.0.11.2).
                    "Binary" => Self::json(&binary(&document.tree)?, schema),
                    _ => Err(Refusal::plain(Why::PatchForm)),
                }
            }
            Some(Media::Form | Media::Lines) | None => Err(Refusal::plain(Why::MediaType)),
        }
    }

    fn json(bytes: &[u8], schema: &'static Schema) -> Outcome<Self> {
        let text = utf8(bytes)?;
        let tree = json::read(text, schema.names());
        let tree = tree.map_err(|issue| Refusal::issue(Why::PatchForm, *issue, text))?;
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
            Self::Json(patch) => {
                let plain = json::read(before.tree.source(), schema.names());
                let plain = plain.map_err(|_| Refusal::plain(Why::StoreFailed))?;
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

/// The bytes of a `Binary` that holds a JSON Patch.
fn binary(tree: &Tree) -> Outcome<Vec<u8>> {
    let is_patch = tree
        .child_text(NodeId::ROOT, "contentType")
        .is_some_and(|kind| kind == "application/json-patch+json");
    let data = tree.child_text(NodeId::ROOT, "data").filter(|_| is_patch);
    data.and_then(|data| base64(&data)).ok_or_else(|| Refusal::plain(Why::PatchForm))
}

/// Decodes base64 (RFC 4648, 4); white space is passed over, as FHIR lets it stand.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xFF).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("U2F1\nbWE="), Some(b"Sauma".to_vec()));
        assert_eq!(base64("U2F1bQ=="), Some(b"Saum".to_vec()));
        assert_eq!(base64("U2*x"), None);
    }
}
