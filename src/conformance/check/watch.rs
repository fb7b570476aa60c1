//! Watches every exchange of a run, whichever test made it: each answer against itself, against what was asked, and
//! against everything that the endpoint was given before.

use super::asked::Asked;
use super::compare::{Comparison, Written};
use super::fields::{FHIR_JSON, FHIR_XML, essence, field, located, of_http, seconds, tree_version, wanted};
use super::known::{Content, Given, Known, Origin, Resource, Version};
use super::rule::Rule;
use super::{Fault, Saved, bundles};
use crate::conformance::script::Method;
use crate::diag::{Issue, Severity, Span};
use crate::fhirpath::Temporal;
use crate::tree::{NodeId, Tree, fhir};
use crate::validate::{self, Validator};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Faults of one run that are kept.
const FAULTS_MAX: usize = 2_000;
/// Faults of one body that are told.
const FAULTS_OF_BODY_MAX: usize = 20;

/// What was watched.
#[derive(Debug, Default)]
pub struct Watched {
    /// What is wrong, in the order of the exchanges.
    pub faults: Vec<Fault>,
    /// How often each rule had something to look at.
    pub met: BTreeMap<Rule, usize>,
    /// Urls of profiles that resources claim.
    pub profiles: BTreeSet<String>,
}

/// The watch over one run.
#[derive(Debug)]
pub struct Watch<'a, 's> {
    validator: &'a Validator<'s>,
    /// Base urls by the number of the server, without a slash at their end.
    bases: BTreeMap<u32, String>,
    now: Temporal,
    pub(super) known: Known,
    /// Searches that go on, by the address of their next page.
    pub(super) pages: BTreeMap<String, bundles::Chain>,
    result: Watched,
}

/// One exchange as it is looked at.
pub(super) struct Sight<'e> {
    pub(super) saved: &'e Saved,
    pub(super) asked: Asked,
    /// With a slash at its end.
    pub(super) base: String,
    /// Only a part of each resource was asked for.
    pub(super) is_part: bool,
}

impl Sight<'_> {
    /// Asked by the one who makes what the run needs, not by another caller.
    const fn is_first_caller(&self) -> bool {
        self.saved.request.destination == 1
    }
}

impl<'a, 's> Watch<'a, 's> {
    /// A watch over servers by their numbers.
    pub fn new(validator: &'a Validator<'s>, bases: BTreeMap<u32, String>, now: Temporal) -> Self {
        Self {
            validator,
            bases,
            now,
            known: Known::default(),
            pages: BTreeMap::new(),
            result: Watched::default(),
        }
    }

    /// Type and id of everything that was made and not deleted, the last first.
    pub fn left(&self) -> Vec<String> {
        self.known.left()
    }

    /// What came of it.
    pub fn end(self) -> Watched {
        self.result
    }

    /// Says that something which was made is not there any more.
    pub fn gone(&mut self, key: &str) {
        self.met(Rule::Behind);
        let version = Version { token: None, content: Content::Deleted };
        self.known.take(key, Origin::Changed, version);
    }

    /// Says that something which was made is still there after the run.
    pub fn left_behind(&mut self, saved: &Saved) {
        self.met(Rule::Behind);
        if (200..300).contains(&saved.response.status) {
            let what = "what the run made is still there after it was deleted";
            self.fault(saved, Rule::Behind, None, "", what);
        }
    }

    /// Looks at one exchange. They come in the order in which they were made.
    pub fn see(&mut self, saved: &Saved) {
        let Some(base) = self.bases.get(&saved.request.destination).cloned() else { return };
        let asked = Asked::of(&saved.request, &base);
        if asked == Asked::Outside {
            return;
        }
        let query = saved.request.url.split_once('?').map_or("", |(_, query)| query);
        let is_part = query.contains("_elements=") || query.contains("_summary=");
        let sight = Sight { saved, asked, base: format!("{base}/"), is_part };
        self.met(Rule::ServerFault);
        if saved.response.status >= 500 && saved.response.status != 501 {
            self.fault(saved, Rule::ServerFault, None, "", "the server itself failed");
        }
        let body = self.body(&sight);
        self.refusal(&sight, body.as_ref());
        if saved.response.status < 300 {
            if let Some(tree) = &body {
                self.validated(&sight, tree);
                self.claims(tree);
            }
            self.answered(&sight, body.as_ref());
        } else if matches!(saved.response.status, 404 | 410) {
            self.not_there(&sight);
        }
    }

    pub(super) fn met(&mut self, rule: Rule) {
        *self.result.met.entry(rule).or_default() += 1;
    }

    pub(super) fn fault(&mut self, saved: &Saved, rule: Rule, span: Option<Span>, path: &str, message: &str) {
        if self.result.faults.len() < FAULTS_MAX {
            self.result.faults.push(Fault {
                rule,
                code: rule.code(),
                severity: Severity::Error,
                exchange: saved.number,
                span,
                path: path.to_owned(),
                message: message.to_owned(),
                broken: String::new(),
            });
        }
    }

    /// Looks at a rule once: it is met, and a fault where something is wrong.
    pub(super) fn hold(&mut self, saved: &Saved, rule: Rule, holds: bool, message: &str) {
        self.met(rule);
        if !holds {
            self.fault(saved, rule, None, "", message);
        }
    }

    /// The resource that an answer holds; its media type and form are looked at here.
    fn body(&mut self, sight: &Sight<'_>) -> Option<Tree> {
        let (saved, response) = (sight.saved, &sight.saved.response);
        if saved.request.method == Method::Head || response.status == 304 || response.status == 204 {
            let is_empty = response.body.is_empty();
            self.hold(saved, Rule::Readable, is_empty, "an answer that has no body by HTTP has one");
            return None;
        }
        if response.body.is_empty() {
            return None;
        }
        let accepted = wanted(&saved.request.headers);
        let media = essence(field(&response.headers, "content-type").unwrap_or_default());
        let is_fhir = matches!(media.as_str(), FHIR_JSON | FHIR_XML);
        let is_success = response.status < 300;
        if is_success && accepted.is_none() {
            return None;
        }
        let fits = if is_success { accepted == Some(media.as_str()) } else { is_fhir };
        self.hold(saved, Rule::ContentType, fits, "the media type is not the one that was asked for");
        let text = &response.body;
        let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
        let agrees = !is_fhir || (media == FHIR_XML) == is_xml;
        self.hold(saved, Rule::ContentType, agrees, "the media type is not that of the body");
        let schema = self.validator.schema();
        let read = if is_xml {
            fhir::read_xml(text, schema.names(), schema)
        } else {
            fhir::read_json(text, schema.names())
        };
        self.met(Rule::Readable);
        match read {
            Ok(tree) => Some(tree),
            Err(issue) => {
                let message = format!("the body is no resource: {}", issue.message);
                self.fault(saved, Rule::Readable, Some(issue.span), &issue.path, &message);
                None
            }
        }
    }

    /// A refusal has an `OperationOutcome` with an error in it (FHIR R4, "Status codes and Operation Outcome").
    fn refusal(&mut self, sight: &Sight<'_>, body: Option<&Tree>) {
        let (saved, status) = (sight.saved, sight.saved.response.status);
        // Whoever is not known yet may be told by HTTP alone.
        if status < 400 || status == 401 || saved.request.method == Method::Head {
            return;
        }
        let is_outcome =
            body.is_some_and(|tree| tree.resource_type(NodeId::ROOT).as_deref() == Some("OperationOutcome"));
        let tells = body.filter(|_| is_outcome).is_some_and(|tree| {
            tree.children(NodeId::ROOT)
                .filter(|id| tree.name_text(*id) == "issue")
                .any(|id| matches!(tree.child_text(id, "severity").as_deref(), Some("error" | "fatal")))
        });
        let what = if is_outcome {
            "no issue of the OperationOutcome is an error"
        } else {
            "a refusal has no OperationOutcome"
        };
        self.hold(saved, Rule::Outcome, tells, what);
    }

    fn validated(&mut self, sight: &Sight<'_>, tree: &Tree) {
        if sight.is_part {
            return;
        }
        self.met(Rule::Valid);
        let options = validate::Options { profiles: &[], now: Some(self.now) };
        let report = self.validator.validate(tree, &options);
        // That a narrative would be good to have (dom-6) is no fault of an exchange between programs.
        let is_told =
            |issue: &&Issue| issue.severity != Severity::Information && !issue.rule.ends_with("#dom-6");
        let told = report.issues.iter().filter(is_told);
        for issue in told.take(FAULTS_OF_BODY_MAX) {
            self.result.faults.push(Fault {
                rule: Rule::Valid,
                code: issue.code,
                severity: issue.severity,
                exchange: sight.saved.number,
                span: Some(issue.span),
                path: issue.path.clone(),
                message: issue.message.clone(),
                broken: issue.rule.clone(),
            });
        }
    }

    /// The profiles that the resources of a body claim.
    fn claims(&mut self, tree: &Tree) {
        for id in tree.descend(NodeId::ROOT).filter(|id| tree.name_text(*id) == "profile") {
            let is_meta = tree.parent(id).is_some_and(|parent| tree.name_text(parent) == "meta");
            if is_meta {
                let url = tree.text(id);
                self.result.profiles.insert(url.split('|').next().unwrap_or("").to_owned());
            }
        }
    }

    /// A resource that was made and not deleted is not there, for the caller who made it.
    fn not_there(&mut self, sight: &Sight<'_>) {
        let (Asked::Read { kind, id } | Asked::InstanceHistory { kind, id, .. }) = &sight.asked else {
            return;
        };
        if !sight.is_first_caller() {
            return;
        }
        let latest = self.known.get(&format!("{kind}/{id}")).and_then(Resource::latest);
        let Some(latest) = latest else { return };
        let is_deleted = matches!(latest.content, Content::Deleted);
        let is_gone = is_deleted || matches!(sight.asked, Asked::InstanceHistory { .. });
        self.hold(sight.saved, Rule::Current, is_gone, "what was made is not given out");
    }

    /// An answer of success, by what was asked.
    fn answered(&mut self, sight: &Sight<'_>, body: Option<&Tree>) {
        match &sight.asked {
            Asked::Read { kind, id } => self.read(sight, body, (kind, id), None),
            Asked::VersionRead { kind, id, version } => self.read(sight, body, (kind, id), Some(version)),
            Asked::Create { kind } => self.created(sight, body, kind),
            Asked::Update { kind, id } => self.updated(sight, body, kind, id),
            Asked::Patch { kind, id } => {
                let (key, token) = (format!("{kind}/{id}"), self.token(sight, body));
                if let Some(tree) =
                    body.filter(|tree| tree.resource_type(NodeId::ROOT).as_deref() == Some(kind))
                {
                    let content = Content::Given(Given::whole(tree.clone()));
                    self.known.take(&key, Origin::Changed, Version { token, content });
                } else {
                    self.known.resources.remove(&key);
                }
            }
            Asked::Delete { kind, id } => {
                let version = Version { token: self.token(sight, None), content: Content::Deleted };
                let key = format!("{kind}/{id}");
                // To whom it is withheld a success says that there was nothing: a deletion may be asked for again.
                if sight.is_first_caller() && self.known.get(&key).is_some() {
                    self.known.take(&key, Origin::Changed, version);
                }
            }
            Asked::Search { .. } => {
                if let Some(tree) = body {
                    self.search(sight, tree);
                }
            }
            Asked::InstanceHistory { kind, id, is_whole } => {
                if let Some(tree) = body {
                    self.history(sight, tree, &format!("{kind}/{id}"), *is_whole);
                }
            }
            Asked::Bundle => self.transaction(sight, body),
            Asked::Other => self.operation(sight, body),
            Asked::Outside => {}
        }
    }

    fn read(
        &mut self,
        sight: &Sight<'_>,
        body: Option<&Tree>,
        (kind, id): (&str, &str),
        version: Option<&str>,
    ) {
        let saved = sight.saved;
        let Some(tree) = body else {
            let is_allowed = saved.response.status == 304 || saved.request.method == Method::Head;
            self.hold(saved, Rule::Readable, is_allowed, "a read has no body");
            return;
        };
        let is_it = tree.resource_type(NodeId::ROOT).as_deref() == Some(kind)
            && tree.child_text(NodeId::ROOT, "id").as_deref() == Some(id);
        self.hold(saved, Rule::Identity, is_it, "the resource is another one than was asked for");
        let token = self.token(sight, Some(tree));
        self.modified(sight, tree, &format!("{kind}/{id}"), version.is_none());
        if let (Some(version), Some(token)) = (version, &token) {
            self.hold(
                saved,
                Rule::Version,
                version == token,
                "the version is another one than was asked for",
            );
        }
        self.against_known(
            sight,
            (tree, NodeId::ROOT),
            &format!("{kind}/{id}"),
            token.as_deref(),
            version.is_none(),
        );
    }

    /// A resource that came against the version that was given.
    pub(super) fn against_known(
        &mut self,
        sight: &Sight<'_>,
        (tree, at): (&Tree, NodeId),
        key: &str,
        token: Option<&str>,
        must_be_latest: bool,
    ) {
        let saved = sight.saved;
        let Some(resource) = self.known.get(key) else { return };
        let Some(latest) = resource.latest() else { return };
        let is_other = matches!((&latest.token, token), (Some(a), Some(b)) if a != b);
        let version = match token.and_then(|token| resource.version(token)) {
            Some(version) => version.clone(),
            None if must_be_latest || !resource.is_whole => latest.clone(),
            None => return,
        };
        if must_be_latest {
            let is_gone = matches!(latest.content, Content::Deleted);
            self.hold(saved, Rule::Gone, !is_gone, "what was deleted is given out");
            self.hold(saved, Rule::Current, !is_other || is_gone, "a version before the newest is given out");
        }
        let Content::Given(given) = &version.content else { return };
        self.met(Rule::Kept);
        self.met(Rule::Invented);
        let comparison = Comparison { base: &sight.base, written: &given.written, is_part: sight.is_part };
        if let Some(found) = comparison.resources((&given.tree, given.at), (tree, at)) {
            self.fault(saved, found.rule, Some(found.span), &found.path, found.what);
        }
    }

    fn created(&mut self, sight: &Sight<'_>, body: Option<&Tree>, kind: &str) {
        let saved = sight.saved;
        if saved.response.status != 201 {
            return;
        }
        let token = self.token(sight, body);
        let location = field(&saved.response.headers, "location").unwrap_or_default().to_owned();
        let (key, version) = located(&location, &sight.base);
        let is_named = key.split('/').next() == Some(kind) && key.contains('/');
        self.hold(saved, Rule::Location, is_named, "Location does not name what was made");
        if let (Some(version), Some(token)) = (&version, &token) {
            self.hold(saved, Rule::Location, version == token, "Location names another version");
        }
        let told = body.filter(|tree| tree.resource_type(NodeId::ROOT).as_deref() == Some(kind));
        let told_id = told.and_then(|tree| tree.child_text(NodeId::ROOT, "id"));
        if let Some(id) = &told_id {
            let is_it = key == format!("{kind}/{id}");
            self.hold(saved, Rule::Location, is_it, "Location names another resource than the body");
        }
        let key = match (&told_id, is_named) {
            (Some(id), _) => format!("{kind}/{id}"),
            (None, true) => key,
            (None, false) => return,
        };
        self.taken(sight, &key, Origin::Made, token.or(version));
        if let Some(tree) = told {
            self.modified(sight, tree, &key, true);
            let token = tree_version(tree, NodeId::ROOT);
            self.against_known(sight, (tree, NodeId::ROOT), &key, token.as_deref(), true);
        }
    }

    fn updated(&mut self, sight: &Sight<'_>, body: Option<&Tree>, kind: &str, id: &str) {
        let saved = sight.saved;
        let key = format!("{kind}/{id}");
        let token = self.token(sight, body);
        let before = self.known.get(&key).and_then(Resource::latest).cloned();
        let origin = if saved.response.status == 201 { Origin::Made } else { Origin::Changed };
        if let (Some(Version { token: Some(old), content: Content::Given(given) }), Some(new), Some(sent)) =
            (&before, &token, self.sent(sight))
        {
            let comparison = Comparison { base: &sight.base, written: &given.written, is_part: false };
            let sent = (&*sent.tree, sent.at);
            let is_same = comparison.resources((&given.tree, given.at), sent).is_none()
                && comparison.resources(sent, (&given.tree, given.at)).is_none();
            let what = "a change has the version of what was there before";
            self.hold(saved, Rule::Version, is_same || old != new, what);
        }
        self.taken(sight, &key, origin, token);
        let told = body.filter(|tree| tree.resource_type(NodeId::ROOT).as_deref() == Some(kind));
        if let Some(tree) = told {
            let is_it = tree.child_text(NodeId::ROOT, "id").as_deref() == Some(id);
            self.hold(saved, Rule::Identity, is_it, "the resource is another one than was put");
            self.modified(sight, tree, &key, true);
            let token = tree_version(tree, NodeId::ROOT);
            self.against_known(sight, (tree, NodeId::ROOT), &key, token.as_deref(), true);
        }
    }

    /// The resource that was sent.
    fn sent(&self, sight: &Sight<'_>) -> Option<Given> {
        let text = sight.saved.request.body.as_deref()?;
        let schema = self.validator.schema();
        let read = if text.trim_start().starts_with('<') {
            fhir::read_xml(text, schema.names(), schema)
        } else {
            fhir::read_json(text, schema.names())
        };
        read.ok().map(Given::whole)
    }

    fn taken(&mut self, sight: &Sight<'_>, key: &str, origin: Origin, token: Option<String>) {
        match self.sent(sight) {
            Some(given) => {
                self.known.take(key, origin, Version { token, content: Content::Given(given) });
            }
            None if origin == Origin::Made => self.known.note_made(key),
            None => {}
        }
    }

    /// What a batch or transaction made, entry by entry.
    fn transaction(&mut self, sight: &Sight<'_>, body: Option<&Tree>) {
        let (Some(sent), Some(came)) = (self.sent(sight), body) else { return };
        let (asked, answers) = (bundles::entries(&sent.tree), bundles::entries(came));
        let is_whole = asked.len() == answers.len();
        self.hold(sight.saved, Rule::Searchset, is_whole, "an entry of the Bundle has no answer");
        let pairs = asked.into_iter().zip(answers);
        let made: Vec<Entered> =
            pairs.filter_map(|pair| Entered::of((&sent, came), pair, &sight.base)).collect();
        let written = made.iter().filter(|entered| entered.temporary.starts_with("urn:uuid:"));
        let written: Written =
            written.map(|entered| (entered.temporary.clone(), entered.key.clone())).collect();
        let written = Rc::new(written);
        for Entered { key, version, resource, is_made, .. } in made {
            let content = match resource {
                Some(at) => {
                    Content::Given(Given { tree: sent.tree.clone(), at, written: Rc::clone(&written) })
                }
                None if self.known.get(&key).is_some() => Content::Deleted,
                None => continue,
            };
            let origin = if is_made { Origin::Made } else { Origin::Changed };
            self.known.take(&key, origin, Version { token: version, content });
        }
    }

    /// What an operation says that it made: `made` of our own operations, with a reference.
    fn operation(&mut self, sight: &Sight<'_>, body: Option<&Tree>) {
        let Some(tree) = body.filter(|_| sight.saved.request.method == Method::Post) else { return };
        if !sight.saved.request.url.contains("$contribute")
            && !sight.saved.request.url.contains("$write-back")
        {
            return;
        }
        for id in tree.descend(NodeId::ROOT).filter(|id| tree.name_text(*id) == "part") {
            if tree.child_text(id, "name").as_deref() != Some("resource") {
                continue;
            }
            let beside = tree.parent(id).into_iter().flat_map(|group| tree.children(group));
            let is_made =
                beside.into_iter().any(|it| tree.child_text(it, "valueCode").as_deref() == Some("created"));
            let reference =
                tree.child_str(id, "valueReference").and_then(|at| tree.child_text(at, "reference"));
            if let Some(reference) = reference.filter(|_| is_made) {
                self.known.note_made(&reference);
            }
        }
    }

    /// The version that an answer names: by its body and by its `ETag`, which must agree.
    fn token(&mut self, sight: &Sight<'_>, body: Option<&Tree>) -> Option<String> {
        let of_body = body
            .filter(|tree| {
                !matches!(tree.resource_type(NodeId::ROOT).as_deref(), Some("OperationOutcome" | "Bundle"))
            })
            .and_then(|tree| tree_version(tree, NodeId::ROOT));
        let etag = field(&sight.saved.response.headers, "etag");
        let of_etag = etag.map(|etag| etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned());
        if let Some(etag) = etag {
            let is_form = etag.starts_with("W/\"") && etag.ends_with('"') && etag.len() > 4;
            self.hold(sight.saved, Rule::Version, is_form, "ETag is not of the form W/\"version\"");
        }
        if let (Some(a), Some(b)) = (&of_body, &of_etag) {
            self.hold(sight.saved, Rule::Version, a == b, "ETag names another version than the body");
        }
        of_body.or(of_etag)
    }

    fn modified(&mut self, sight: &Sight<'_>, tree: &Tree, key: &str, is_latest: bool) {
        let saved = sight.saved;
        let meta = tree.child_str(NodeId::ROOT, "meta");
        let Some(updated) = meta.and_then(|meta| tree.child_text(meta, "lastUpdated")) else { return };
        if let Some(modified) = field(&saved.response.headers, "last-modified") {
            let is_same = seconds(&updated)
                .zip(of_http(modified))
                .is_some_and(|(a, b)| a.compare(b) == Some(Ordering::Equal));
            self.hold(saved, Rule::Modified, is_same, "Last-Modified is not the time of meta.lastUpdated");
        }
        let Some(resource) = self.known.resources.get_mut(key).filter(|_| is_latest) else { return };
        let before = resource.updated.replace(updated.clone().into_owned());
        let order = before.as_deref().and_then(Temporal::date_time).zip(Temporal::date_time(&updated));
        if let Some((before, after)) = order {
            let goes_on = after.compare(before) != Some(Ordering::Less);
            self.hold(saved, Rule::Modified, goes_on, "meta.lastUpdated is before that of an earlier answer");
        }
    }
}

/// What became of an entry of a batch or a transaction that made, changed or deleted something.
struct Entered {
    /// The address by which other entries name it.
    temporary: String,
    key: String,
    version: Option<String>,
    /// What was given; none where it was deleted.
    resource: Option<NodeId>,
    is_made: bool,
}

impl Entered {
    fn of((sent, came): (&Given, &Tree), (asked, answer): (NodeId, NodeId), base: &str) -> Option<Self> {
        let request = sent.tree.child_str(asked, "request")?;
        let text = |name| sent.tree.child_text(request, name).unwrap_or_default();
        let response = came.child_str(answer, "response")?;
        let told = |name| came.child_text(response, name).unwrap_or_default();
        if !told("status").starts_with('2') {
            return None;
        }
        let is_made = told("status").starts_with("201");
        let (key, version) = match text("method").as_ref() {
            // A conditional create that found something made nothing.
            "POST" if is_made => located(&told("location"), base),
            "PUT" => located(&told("location"), base),
            "DELETE" => (text("url").into_owned(), None),
            _ => return None,
        };
        let resource = sent.tree.child_str(asked, "resource");
        let temporary = sent.tree.child_text(asked, "fullUrl").unwrap_or_default().into_owned();
        key.contains('/').then_some(Self { temporary, key, version, resource, is_made })
    }
}
