//! Exchanges as files that say the same whenever the same was said: what differs from run to run has a name instead.
//!
//! Ids that an endpoint gives are `{id-1}`, `{id-2}` in the order in which they came, versions `{v1}` of each resource,
//! times `{time}`, the server `{base}`. Texts that the suite did not send may be personal data and become `***`, unless
//! values may be shown. What was said stays on its line, and [`Text::place`] finds a place of the body in the file.

mod scan;

use super::Saved;
use super::asked::{decoded, pairs};
use crate::conformance::script::{Header, Request};
use crate::diag::{LineIndex, Place};
use crate::fhirpath::{Decimal, Temporal};
use scan::{Leaf, Leaves};
use std::collections::{BTreeMap, BTreeSet};

/// Written where a value was.
const MASKED: &str = "***";
/// Header fields of answers that say the same in every run; of others nothing is kept.
const KEPT_HEADERS: &[&str] = &[
    "accept-patch",
    "allow",
    "content-location",
    "content-type",
    "etag",
    "last-modified",
    "location",
    "www-authenticate",
];
/// Parts of names of header fields whose values are secrets.
const SECRETS: &[&str] = &["authorization", "cookie", "token", "secret", "key"];
/// Elements whose texts are words of FHIR, addresses or codes.
const STRUCTURAL: &[&str] = &[
    "achievementStatus",
    "canonical",
    "clinicalStatus",
    "code",
    "comparator",
    "definition",
    "effect",
    "etag",
    "expression",
    "extension",
    "format",
    "fullUrl",
    "gender",
    "id",
    "instantiatesUri",
    "intent",
    "kind",
    "language",
    "lastModified",
    "lastUpdated",
    "lifecycleStatus",
    "location",
    "method",
    "mode",
    "name",
    "period",
    "priority",
    "profile",
    "reference",
    "relation",
    "resourceType",
    "role",
    "severity",
    "source",
    "status",
    "system",
    "type",
    "unit",
    "url",
    "use",
    "valueCode",
    "valueReference",
    "valueUri",
    "valueUrl",
    "version",
    "versionId",
    "xmlns",
];
/// Resources that tell of a server and of rules.
const IMPERSONAL: &[&str] =
    &["CapabilityStatement", "OperationDefinition", "OperationOutcome", "StructureDefinition"];
/// Letters that an id has at least to be looked for inside other texts; it has a digit too, or it could be a word.
const ID_CHARS_MIN: usize = 8;
/// Letters of a run of hexadecimal digits that is taken for an id.
const HEX_CHARS_MIN: usize = 24;

/// Whether values that the suite did not send are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// They are.
    Shown,
    /// They may be personal data.
    Masked,
}

/// Writes the exchanges of one run. They come in the order in which they were made.
#[derive(Debug)]
pub struct Evidence {
    /// Base urls, the longest first.
    bases: Vec<String>,
    values: Values,
    /// Texts that the suite sent.
    sent: BTreeSet<String>,
    ids: BTreeMap<String, usize>,
    versions: BTreeMap<String, Vec<String>>,
    /// Addresses that the endpoint gave: what stands in their queries is its own.
    links: BTreeSet<String>,
}

/// One exchange as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The whole text.
    pub text: String,
    /// Where the answer begins: its line of the status.
    pub status: usize,
    /// Where the body of the answer begins.
    body: usize,
    /// Spans of the body as it came, and how long what is written instead is.
    edits: Vec<(usize, usize, usize)>,
}

impl Text {
    /// The place of an offset of the body of the answer.
    pub fn place(&self, offset: u32) -> Place {
        let offset = offset as usize;
        let mut at = offset;
        for (start, end, written) in &self.edits {
            if *end <= offset {
                at = at + written - (end - start);
            } else if *start < offset {
                at = at + start - offset;
            }
        }
        self.at(self.body + at)
    }

    /// The place of the line of the status.
    pub fn status_place(&self) -> Place {
        self.at(self.status)
    }

    /// The place where the body of the answer begins.
    pub fn body_place(&self) -> Place {
        self.at(self.body)
    }

    fn at(&self, offset: usize) -> Place {
        LineIndex::new(&self.text).place(u32::try_from(offset).unwrap_or(u32::MAX))
    }
}

impl Evidence {
    /// Of servers at these base urls, without a slash at their end.
    pub fn new(mut bases: Vec<String>, values: Values) -> Self {
        bases.sort_by_key(|base| std::cmp::Reverse(base.len()));
        bases.dedup();
        Self {
            bases,
            values,
            sent: BTreeSet::new(),
            ids: BTreeMap::new(),
            versions: BTreeMap::new(),
            links: BTreeSet::new(),
        }
    }

    /// Writes an exchange.
    pub fn write(&mut self, saved: &Saved) -> Text {
        let Saved { request, response, .. } = saved;
        let is_own = !self.links.contains(&decoded(&request.url));
        self.note_sent(request, is_own);
        let url = self.address(&request.url, is_own);
        let about = self.key_of(&request.url);
        let mut out = format!("{} {url}\n", request.method.as_str());
        for header in &request.headers {
            let value = self.header(header, &about);
            out.push_str(&format!("{}: {value}\n", header.name));
        }
        let body = request.body.as_deref().unwrap_or("");
        out.push_str(&format!("\n{}\n\n", self.body(body, true).0));
        let status = out.len();
        out.push_str(&format!("{}\n", response.status));
        let location = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("location"));
        let about = location.map_or(about, |location| self.key_of(&location.value));
        let mut kept: Vec<&Header> = response.headers.iter().filter(|header| is_kept(header)).collect();
        kept.sort_by_key(|header| header.name.to_ascii_lowercase());
        for header in kept {
            let value = self.header(header, &about);
            out.push_str(&format!("{}: {value}\n", header.name.to_ascii_lowercase()));
        }
        out.push('\n');
        let start = out.len();
        let (text, edits) = self.body(&response.body, false);
        out.push_str(&text);
        out.push('\n');
        Text { text: out, status, body: start, edits }
    }

    /// A text of a report with the names that the files have for what differs from run to run.
    pub fn in_words(&mut self, text: &str) -> String {
        let named = self.with_bases(text);
        self.with_ids(&named)
    }

    fn note_sent(&mut self, request: &Request, is_own: bool) {
        let query = request.url.split_once('?').map_or("", |(_, query)| query);
        for (_, value) in pairs(query).into_iter().filter(|_| is_own) {
            self.sent.insert(value);
        }
        let body = request.body.as_deref().unwrap_or("");
        for leaf in Leaves::of(body).unwrap_or_default() {
            self.sent.insert(leaf.text);
        }
    }

    fn header(&mut self, header: &Header, about: &str) -> String {
        let name = header.name.to_ascii_lowercase();
        if SECRETS.iter().any(|secret| name.contains(secret)) {
            return MASKED.to_owned();
        }
        match name.as_str() {
            "etag" | "if-match" | "if-none-match" => {
                let token = header.value.trim_start_matches("W/").trim_matches('"').to_owned();
                let version = self.version(about, &token);
                header.value.replace(&token, &version)
            }
            "last-modified" => "{time}".to_owned(),
            _ => self.address(&header.value, true),
        }
    }

    /// A body, and what of it is written in another way.
    fn body(&mut self, body: &str, is_own: bool) -> (String, Vec<(usize, usize, usize)>) {
        let Some(leaves) = Leaves::of(body) else {
            let is_shown = is_own || self.values == Values::Shown || body.is_empty();
            let text = if is_shown {
                let named = self.with_bases(body);
                self.with_ids(&named)
            } else {
                "(a body that is neither JSON nor XML)".to_owned()
            };
            return (text, vec![(0, body.len(), 0)]);
        };
        let (mut out, mut edits, mut from) = (String::with_capacity(body.len()), Vec::new(), 0);
        for leaf in leaves {
            let text = self.leaf(&leaf, is_own);
            if text == leaf.text {
                continue;
            }
            let written = if leaf.is_xml { text.clone() } else { scan::escaped(&text) };
            out.push_str(body.get(from..leaf.start).unwrap_or(""));
            out.push_str(&written);
            edits.push((leaf.start, leaf.end, written.len()));
            from = leaf.end;
        }
        out.push_str(body.get(from..).unwrap_or(""));
        (out, edits)
    }

    fn leaf(&mut self, leaf: &Leaf, is_own: bool) -> String {
        let is_sent = self.sent.contains(&leaf.text);
        match leaf.name.as_str() {
            "versionId" => return self.version(&leaf.resource, &leaf.text),
            "id" if leaf.is_resource_id => return self.id(&leaf.text),
            "lastUpdated" => return "{time}".to_owned(),
            // What a page is found again by is the endpoint's own.
            "url" if leaf.is_link => {
                self.links.insert(decoded(&leaf.text));
                return self.address(&leaf.text, false);
            }
            _ => {}
        }
        if !is_sent && leaf.text.contains('T') && Temporal::date_time(&leaf.text).is_some() {
            return "{time}".to_owned();
        }
        let is_structural =
            STRUCTURAL.contains(&leaf.name.as_str()) || IMPERSONAL.contains(&leaf.kind.as_str());
        // Numbers stand unmasked in JSON, where they are no texts.
        let is_number = leaf.is_xml && Decimal::parse(&leaf.text).is_some();
        let is_open = is_own || is_sent || is_structural || is_number || self.values == Values::Shown;
        if !is_open {
            return MASKED.to_owned();
        }
        let named = self.address(&leaf.text, true);
        if is_own || is_sent { named } else { without_codes(&named) }
    }

    /// A text in which addresses of the servers, ids and versions have their names.
    fn address(&mut self, text: &str, keeps_query: bool) -> String {
        let named = self.with_bases(text);
        let (path, query) = match named.split_once('?') {
            Some((path, query)) if named.starts_with("{base}") => (path.to_owned(), Some(query.to_owned())),
            _ => (named, None),
        };
        let key = self.key_of(text);
        let mut path = path;
        if let Some((before, version)) = path.clone().split_once("/_history/") {
            let version = self.version(&key, version);
            path = format!("{before}/_history/{version}");
        }
        if let Some((_, id)) = key.split_once('/').filter(|_| path.contains(&key)) {
            let written = self.id(id);
            path = path.replacen(&format!("/{id}"), &format!("/{written}"), 1);
        }
        let path = self.with_ids(&path);
        let Some(query) = query else { return path };
        let parts = query.split('&').map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let is_known = keeps_query || self.sent.contains(&decoded(value));
            let value = if is_known { self.with_ids(value) } else { "{value}".to_owned() };
            format!("{name}={value}")
        });
        let query: Vec<String> = parts.collect();
        format!("{path}?{}", query.join("&"))
    }

    fn with_bases(&self, text: &str) -> String {
        self.bases.iter().fold(text.to_owned(), |text, base| {
            if base.is_empty() { text } else { text.replace(base.as_str(), "{base}") }
        })
    }

    /// Type and id that an address names; empty where it names none.
    fn key_of(&self, text: &str) -> String {
        let named = self.with_bases(text);
        let below = named.strip_prefix("{base}").unwrap_or(&named).trim_start_matches('/');
        let mut steps = below.split(['/', '?']);
        let is_type = |step: &&str| {
            step.starts_with(|c: char| c.is_ascii_uppercase())
                && step.chars().all(|c| c.is_ascii_alphabetic())
        };
        let is_id = |step: &&str| {
            !step.is_empty() && step.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        };
        match (steps.next().filter(is_type), steps.next().filter(is_id)) {
            (Some(kind), Some(id)) => format!("{kind}/{id}"),
            _ => String::new(),
        }
    }

    /// Ids that are known, and what looks like one wherever it stands.
    fn with_ids(&mut self, text: &str) -> String {
        for run in scan::long_runs(text, HEX_CHARS_MIN) {
            self.id(&run);
        }
        let mut known: Vec<(&String, &usize)> =
            self.ids.iter().filter(|(id, _)| is_no_word(id) && text.contains(id.as_str())).collect();
        known.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
        known.iter().fold(text.to_owned(), |text, (id, number)| {
            text.replace(id.as_str(), &format!("{{id-{number}}}"))
        })
    }

    fn id(&mut self, id: &str) -> String {
        let next = self.ids.len() + 1;
        let number = self.ids.entry(id.to_owned()).or_insert(next);
        format!("{{id-{number}}}")
    }

    fn version(&mut self, key: &str, token: &str) -> String {
        let known = self.versions.entry(key.to_owned()).or_default();
        let at = known.iter().position(|known| known == token).unwrap_or_else(|| {
            known.push(token.to_owned());
            known.len() - 1
        });
        format!("{{v{}}}", at + 1)
    }
}

fn is_no_word(id: &str) -> bool {
    id.len() >= ID_CHARS_MIN && id.contains(|c: char| c.is_ascii_digit())
}

fn is_kept(header: &Header) -> bool {
    KEPT_HEADERS.iter().any(|kept| header.name.eq_ignore_ascii_case(kept))
}

/// A text without what has the form of a Finnish personal identity code.
fn without_codes(text: &str) -> String {
    let is_code = |word: &str| {
        let bytes = word.as_bytes();
        bytes.len() == 11
            && bytes.iter().take(6).all(u8::is_ascii_digit)
            && bytes.get(6).is_some_and(|sign| !sign.is_ascii_digit())
            && bytes.iter().skip(7).take(3).all(u8::is_ascii_digit)
    };
    let is_between = |c: char| !(c.is_ascii_alphanumeric() || "+-".contains(c));
    if !text.split(is_between).any(is_code) {
        return text.to_owned();
    }
    let words = text.split_inclusive(is_between);
    words.map(|word| if is_code(word.trim_end_matches(is_between)) { MASKED } else { word }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::script::{Method, Response};

    fn saved(url: &str, version: &str, body: &str) -> Saved {
        let field = |name: &str, value: String| Header { name: name.to_owned(), value };
        let request = Request {
            destination: 1,
            method: Method::Get,
            url: url.to_owned(),
            headers: vec![field("Authorization", "Bearer abc".to_owned())],
            body: Some(r#"{"resourceType":"Goal","description":{"text":"Ours"}}"#.to_owned()),
        };
        let headers = vec![field("ETag", format!("W/\"{version}\"")), field("date", "now".to_owned())];
        Saved {
            number: 1,
            request,
            response: Response { status: 200, headers, body: body.to_owned(), number: 1 },
        }
    }

    fn goal(id: &str, version: &str, time: &str) -> String {
        format!(
            r#"{{"resourceType":"Goal","id":"{id}","meta":{{"versionId":"{version}","lastUpdated":"{time}"}},"description":{{"text":"Ours"}},"note":[{{"text":"Somebody's"}}]}}"#
        )
    }

    #[test]
    fn two_runs_that_say_the_same_give_the_same_bytes() {
        let write = |base: &str, id: &str, version: &str, time: &str| {
            let mut evidence = Evidence::new(vec![base.to_owned()], Values::Masked);
            evidence.write(&saved(&format!("{base}/Goal/{id}"), version, &goal(id, version, time))).text
        };
        let first = write("http://a:1/fhir", "7", "1", "2026-11-23T10:00:00Z");
        assert_eq!(first, write("https://b:22/x", "0f3c", "44", "2026-11-24T10:00:00.123+02:00"));
        assert!(first.contains("GET {base}/Goal/{id-1}\nAuthorization: ***\n"), "{first}");
        assert!(
            first.contains("200\netag: W/\"{v1}\"\n\n{\"resourceType\":\"Goal\",\"id\":\"{id-1}\""),
            "{first}"
        );
        assert!(first.contains("Ours") && !first.contains("Somebody"), "{first}");
        assert!(!first.contains("date: now"), "{first}");
    }

    #[test]
    fn a_place_of_the_body_is_found_in_the_file() {
        let mut evidence = Evidence::new(vec!["http://h".to_owned()], Values::Masked);
        let body = goal("7", "1", "2026-11-23T10:00:00Z");
        let text = evidence.write(&saved("http://h/Goal/7", "1", &body));
        let at = body.find("\"note\"").and_then(|at| u32::try_from(at).ok()).unwrap_or_default();
        let place = text.place(at);
        let line = text.text.lines().nth(place.line as usize - 1).unwrap_or_default();
        let rest: String = line.chars().skip(place.column as usize - 1).collect();
        assert!(rest.starts_with("\"note\""), "{rest}");
    }

    #[test]
    fn a_code_of_a_person_is_masked_wherever_it_stands() {
        assert_eq!(without_codes("no (131052-308T), yes"), "no (***, yes");
        assert_eq!(without_codes("2026-11-23T10:00"), "2026-11-23T10:00");
    }
}
