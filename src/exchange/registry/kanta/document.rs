//! A client document as the archive of client data takes it: XHTML for people, JSON for programs, and its metadata on
//! three levels (asia, asiakkuusasiakirja, asiakasasiakirja). Made of the social unit's own document, which goes along
//! byte for byte.

use super::super::Oid;
use super::consent::URI;
use crate::diag::escape;
use crate::plan::identity::{HETU_SYSTEM, Hetu};
use crate::schema::base64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Objects and lists below each other that are shown.
const DEPTH_MAX: usize = 32;
/// What a label stands beside in the XHTML.
const XHTML_HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"fi\">"
);

/// The level of a document in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A matter (asia).
    Asia,
    /// A document about the client relationship (asiakkuusasiakirja).
    Asiakkuusasiakirja,
    /// A client document (asiakasasiakirja).
    Asiakasasiakirja,
}

/// What the archive must know of a document without reading it. Names are ours: those of the archive's own messages are
/// not at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The level.
    pub level: Level,
    /// The identifier of the document.
    pub id: String,
    /// Its version, from 1.
    pub version: u64,
    /// The structure, whose last arcs are the date of its version.
    pub structure: String,
    /// The identifier of the plan, which stays over its versions.
    pub set: Option<String>,
    /// The personal identity code of the client.
    pub client: String,
    /// The registrar.
    pub registrar: String,
    /// The service task: its code.
    pub task: Option<String>,
    /// When it was made.
    pub time: String,
    /// SHA-256 of the JSON.
    pub json_sha256: String,
    /// SHA-256 of the XHTML.
    pub xhtml_sha256: String,
}

/// A document with its metadata. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ArchiveDocument {
    /// What the archive must know of it.
    pub metadata: Metadata,
    /// The structured form: the unit's own bytes.
    pub json: String,
    /// The form to read.
    pub xhtml: String,
}

impl std::fmt::Debug for ArchiveDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveDocument").field("level", &self.metadata.level).finish_non_exhaustive()
    }
}

/// Why a document cannot be given to the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// It is no JSON.
    #[error("the document is no JSON")]
    Json,
    /// It has no such field, or not of its kind.
    #[error("the document has no `{0}`")]
    Missing(&'static str),
    /// It is about several clients, and a client document is about one.
    #[error("the document names several clients")]
    Clients,
    /// It names its client by no valid personal identity code.
    #[error("the document names its client by no valid personal identity code")]
    Client,
    /// An identifier of it is no OID.
    #[error("`{0}` is no object identifier")]
    Oid(&'static str),
    /// What was kept beside the document is not of it.
    #[error("the parts of the document do not belong together")]
    Parts,
}

impl ArchiveDocument {
    /// Of the document of the social unit (`mappings/social-client-plan`).
    ///
    /// # Errors
    /// What it lacks.
    pub fn of_client_plan(bytes: &[u8]) -> Result<Self, DocumentFault> {
        let json = std::str::from_utf8(bytes).map_err(|_| DocumentFault::Json)?.to_owned();
        let read: Value = serde_json::from_str(&json).map_err(|_| DocumentFault::Json)?;
        let head = &read["asiakirja"];
        let text =
            |name: &'static str| head[name].as_str().map(str::to_owned).ok_or(DocumentFault::Missing(name));
        let oid = |name: &'static str| {
            Oid::parse(&text(name)?).map(|oid| oid.urn()).map_err(|_| DocumentFault::Oid(name))
        };
        let clients = read["asiakas"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [client] = clients else {
            return Err(if clients.is_empty() {
                DocumentFault::Missing("asiakas")
            } else {
                DocumentFault::Clients
            });
        };
        let code = client["henkilotunnus"].as_str().ok_or(DocumentFault::Client)?;
        let client = Hetu::parse(code).map_err(|_| DocumentFault::Client)?;
        let xhtml = xhtml(&read);
        let sum = |text: &str| crate::schema::sha256::hex(text.as_bytes());
        let metadata = Metadata {
            level: Level::Asiakasasiakirja,
            id: oid("tunniste")?,
            version: head["versio"].as_u64().ok_or(DocumentFault::Missing("versio"))?,
            structure: oid("rakenneOid")?,
            set: head["suunnitelmaTunniste"].as_str().map(str::to_owned),
            client: client.as_str().to_owned(),
            registrar: oid("rekisterinpitaja")?,
            task: head["palvelutehtava"]["koodi"].as_str().map(str::to_owned),
            time: text("aika")?,
            json_sha256: sum(&json),
            xhtml_sha256: sum(&xhtml),
        };
        Ok(Self { metadata, json, xhtml })
    }

    /// Puts a document together again from its parts.
    ///
    /// # Errors
    /// They do not belong together.
    pub fn of_parts(metadata: Metadata, json: String, xhtml: String) -> Result<Self, DocumentFault> {
        let is = |sum: &str, text: &str| sum == crate::schema::sha256::hex(text.as_bytes());
        let fits = is(&metadata.json_sha256, &json) && is(&metadata.xhtml_sha256, &xhtml);
        fits.then_some(Self { metadata, json, xhtml }).ok_or(DocumentFault::Parts)
    }
}

/// The document as XHTML: every value that it holds, under the names that it has there.
fn xhtml(document: &Value) -> String {
    let mut out = format!("{XHTML_HEAD}\n<head><title>Asiakirja</title></head>\n<body>\n");
    shown(document, 0, &mut out);
    out.push_str("</body>\n</html>\n");
    out
}

fn shown(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(members) if depth < DEPTH_MAX => fields(members, depth, out),
        Value::Array(items) if depth < DEPTH_MAX => {
            out.push_str("<ol>\n");
            for item in items {
                out.push_str("<li>");
                shown(item, depth + 1, out);
                out.push_str("</li>\n");
            }
            out.push_str("</ol>\n");
        }
        Value::String(text) => out.push_str(&escape(text)),
        other => out.push_str(&escape(&other.to_string())),
    }
}

fn fields(members: &Map<String, Value>, depth: usize, out: &mut String) {
    out.push_str("<dl>\n");
    for (name, value) in members {
        out.push_str(&format!("<dt>{}</dt><dd>", escape(name)));
        shown(value, depth + 1, out);
        out.push_str("</dd>\n");
    }
    out.push_str("</dl>\n");
}

/// The document as a `DocumentReference`, for a FHIR server.
pub(in crate::exchange::registry) fn to_document_reference(document: &ArchiveDocument) -> Value {
    let Metadata { id, client, time, registrar, .. } = &document.metadata;
    let content = |kind: &str, text: &str| json!({ "attachment": { "contentType": kind, "data": base64::encode(text.as_bytes()) } });
    let metadata = serde_json::to_string(&document.metadata).unwrap_or_default();
    json!({
        "resourceType": "DocumentReference",
        "masterIdentifier": { "system": URI, "value": id },
        "identifier": [{ "system": URI, "value": id }],
        "status": "current",
        "date": time,
        "subject": { "identifier": { "system": HETU_SYSTEM, "value": client } },
        "custodian": { "identifier": { "system": "urn:oid:1.2.246.537.6.40174", "value": registrar } },
        "content": [
            content("application/json", &document.json),
            content("application/xhtml+xml", &document.xhtml),
            content("application/vnd.sauma.metadata+json", &metadata),
        ],
    })
}

/// The document of a `DocumentReference` that [`to_document_reference`] made.
///
/// # Errors
/// Its parts are not all there, or do not belong together.
pub(in crate::exchange::registry) fn of_document_reference(
    reference: &Value,
) -> Result<ArchiveDocument, DocumentFault> {
    let contents = reference["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let part = |kind: &str| {
        let content = contents.iter().find(|content| content["attachment"]["contentType"] == *kind)?;
        let bytes = base64::decode(content["attachment"]["data"].as_str()?)?;
        String::from_utf8(bytes).ok()
    };
    let part = |kind: &str| part(kind).ok_or(DocumentFault::Parts);
    let metadata = serde_json::from_str(&part("application/vnd.sauma.metadata+json")?);
    let metadata = metadata.map_err(|_| DocumentFault::Parts)?;
    ArchiveDocument::of_parts(metadata, part("application/json")?, part("application/xhtml+xml")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"{ "asiakirja": { "rakenneOid": "1.2.246.537.6.1506.15020.2024.11.28",
        "tunniste": "urn:oid:1.2.246.10.99999999.93.2025.23", "versio": 1, "aika": "2025-06-03T11:00:00+03:00",
        "rekisterinpitaja": "1.2.246.10.99999999.19.0" },
        "asiakas": [{ "henkilotunnus": "050768-973T", "sukunimi": "A & <B>" }] }"#;

    #[test]
    fn a_plan_becomes_a_document_of_the_archive() {
        let Ok(document) = ArchiveDocument::of_client_plan(PLAN.as_bytes()) else {
            unreachable!("it is whole")
        };
        assert_eq!(document.metadata.level, Level::Asiakasasiakirja);
        assert_eq!(document.metadata.structure, "urn:oid:1.2.246.537.6.1506.15020.2024.11.28");
        assert_eq!(document.json, PLAN);
        assert!(document.xhtml.contains("A &amp; &lt;B&gt;"));
        let back = of_document_reference(&to_document_reference(&document));
        assert_eq!(back.as_ref(), Ok(&document));
        let mut other = document.clone();
        other.json.push(' ');
        assert_eq!(
            ArchiveDocument::of_parts(other.metadata, other.json, other.xhtml),
            Err(DocumentFault::Parts)
        );
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let check = |from: &str, to: &str, expected: DocumentFault| {
            let found = ArchiveDocument::of_client_plan(PLAN.replace(from, to).as_bytes());
            assert_eq!(found.err(), Some(expected));
        };
        check("050768-973T", "050768-973U", DocumentFault::Client);
        check("\"versio\": 1, ", "", DocumentFault::Missing("versio"));
        check("}] }", "}, {}] }", DocumentFault::Clients);
        check("1.2.246.10.99999999.19.0", "y-tunnus", DocumentFault::Oid("rekisterinpitaja"));
        check("{ \"asiakirja\"", "\"asiakirja\"", DocumentFault::Json);
    }
}
