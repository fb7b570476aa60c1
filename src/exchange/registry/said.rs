//! What a registry says of permissions: yes, no, or that it is not to be said, which permits nothing.

use super::{Oid, RegistryError};
use crate::mapping::units::schema;
use crate::plan::permission::{Answer, Direction, Grant, GrantKind, Moment, Provision};
use crate::tree::fhir;
use serde_json::{Value, json};

/// Whether something is permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A permission is in force.
    Yes,
    /// None is.
    No,
    /// The registry gave no answer, or one that this program cannot judge.
    NotToBeSaid,
}

impl Said {
    /// True for [`Said::Yes`] alone.
    pub const fn permits(self) -> bool {
        matches!(self, Self::Yes)
    }

    /// What an answer of a registry, or its absence, says of a disclosure to an organisation.
    pub fn of(
        asked: &Result<Permissions, RegistryError>,
        direction: Direction,
        recipient: &Oid,
        now: Moment,
    ) -> Self {
        asked.as_ref().map_or(Self::NotToBeSaid, |found| found.says(direction, recipient, now))
    }
}

/// The permissions of one client: each Consent once, in its newest version.
#[derive(Clone, PartialEq, Default)]
pub struct Permissions {
    consents: Vec<Value>,
}

impl std::fmt::Debug for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permissions").field("consents", &self.consents.len()).finish()
    }
}

impl Permissions {
    /// Of Consents about one client.
    pub(super) fn of(consents: Vec<Value>) -> Self {
        Self { consents }
    }

    /// The Consents as the registry gave them.
    pub fn consents(&self) -> &[Value] {
        &self.consents
    }

    /// What the policy of views asks ([`crate::plan::permission`]). Consents that cannot be read permit nothing.
    pub fn answer(&self) -> Answer {
        let entries: Vec<Value> =
            self.consents.iter().map(|consent| json!({ "resource": consent })).collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries }).to_string();
        fhir::read_json(&bundle, schema().names()).map_or(Answer::None, |tree| Answer::read(&tree).0)
    }

    /// Whether a disclosure in a direction to an organisation is permitted at a moment.
    pub fn says(&self, direction: Direction, recipient: &Oid, now: Moment) -> Said {
        let Answer::Grants(grants) = self.answer() else { return Said::NotToBeSaid };
        let of_direction = |grant: &&Grant| grant.active && grant.kind == GrantKind::Direction(direction);
        let said =
            grants.iter().filter(of_direction).map(|grant| of_provision(&grant.provision, recipient, now));
        let found: Vec<Said> = said.collect();
        if found.contains(&Said::Yes) {
            Said::Yes
        } else if found.contains(&Said::NotToBeSaid) {
            Said::NotToBeSaid
        } else {
            Said::No
        }
    }
}

/// A provision permits itself, or where it names parts, one of its parts does.
fn of_provision(provision: &Provision, recipient: &Oid, now: Moment) -> Said {
    let is_for = |provision: &Provision| {
        provision.actors.is_empty()
            || provision.actors.iter().any(|actor| actor.trim_start_matches("urn:oid:") == recipient.as_str())
    };
    let judged = |provision: &Provision| match provision.period.holds(now) {
        Some(false) => Said::No,
        _ if !is_for(provision) => Said::No,
        None => Said::NotToBeSaid,
        Some(true) if provision.is_limited_otherwise || !provision.tasks.is_empty() => Said::NotToBeSaid,
        Some(true) => Said::Yes,
    };
    let here = judged(provision);
    if here != Said::Yes || provision.permits == Some(true) && provision.exceptions.is_empty() {
        return here;
    }
    let parts = provision.exceptions.iter().filter(|part| part.permits == Some(true)).map(judged);
    parts.fold(Said::No, |said, part| match (said, part) {
        (Said::Yes, _) | (_, Said::Yes) => Said::Yes,
        (Said::NotToBeSaid, _) | (_, Said::NotToBeSaid) => Said::NotToBeSaid,
        (Said::No, Said::No) => Said::No,
    })
}
