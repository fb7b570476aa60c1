//! From a request to its caller.

use super::{Access, Client};
use crate::plan::Sector;
use crate::plan::permission::{Purpose, Word};
use crate::server::call::field;
use crate::server::caller::{Caller, Known, Proof};
use crate::server::query::tells_identity;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::trail::Trail;
use crate::server::{Scopes, moment};
use hyper::HeaderMap;
use hyper::header::{self, HeaderName};
use std::net::IpAddr;
use std::sync::Arc;

/// The user for whom a client asks; it must be allowed to name one.
const USER: HeaderName = HeaderName::from_static("x-sauma-user");
/// What the data are asked for, in a word of the policy: `care`, `social-service`.
const PURPOSE: HeaderName = HeaderName::from_static("x-sauma-purpose");
/// The id of a statute of the policy.
const STATUTE: HeaderName = HeaderName::from_static("x-sauma-statute");
/// What a proxy tells of who asks it.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Bytes of a header field of ours.
const FIELD_BYTES_MAX: usize = 200;

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Peer {
    /// Its address.
    pub(in crate::server) address: IpAddr,
    /// The registered client whose certificate it showed.
    pub(in crate::server) certified: Option<Arc<Client>>,
}

impl Access {
    /// The client whose name a certificate has.
    pub(in crate::server) fn certified(&self, is_named: impl Fn(&str) -> bool) -> Option<Arc<Client>> {
        let mut found =
            self.clients.values().filter(|client| client.certificate.as_deref().is_some_and(&is_named));
        // A certificate with the names of two clients is that of neither.
        found.next().filter(|_| found.next().is_none()).map(Arc::clone)
    }

    /// The address that a request comes from: of the connection, or what a trusted proxy tells.
    pub(in crate::server) fn address(&self, peer: &Peer, headers: &HeaderMap) -> IpAddr {
        if !self.proxies.contains(&peer.address) {
            return peer.address;
        }
        // The last is what the proxy itself saw; those before it are what it was told.
        let told = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|value| value.to_str().ok());
        let last = told.and_then(|list| list.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
        last.unwrap_or(peer.address)
    }

    /// True where a connection may come from an address: where proxies are trusted, from these alone.
    pub(in crate::server) fn admits(&self, address: IpAddr) -> bool {
        self.proxies.is_empty() || self.proxies.contains(&address) || address.is_loopback()
    }

    /// Refuses who asks too often from one address.
    pub(in crate::server) fn limit_address(&self, address: IpAddr) -> Outcome<()> {
        let may = self.is_open() || self.of_address.take(address, moment::now());
        if may { Ok(()) } else { Err(Refusal::plain(Why::TooMany)) }
    }

    /// Who asks.
    ///
    /// # Errors
    /// 401 where nobody shows who it is, or a token does not hold; 403 where it says more of itself than it may; 429
    /// where it asks too often.
    pub(in crate::server) fn caller(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
        trail: Trail,
    ) -> Outcome<Caller> {
        if self.is_open() {
            return Ok(Caller::open(Some(self.address(peer, headers)), trail));
        }
        let (client, scopes, proof) = self.shown(headers, peer)?;
        if !self.of_client.take(client.id.clone(), moment::now()) {
            return Err(Refusal::plain(Why::TooMany));
        }
        let user = own_field(headers, USER)?;
        if user.is_some() && !client.names_users {
            return Err(Refusal::new(Why::CallerField, "this client may not name a user"));
        }
        let purpose = match own_field(headers, PURPOSE)? {
            Some(word) => Purpose::find(&word).ok_or_else(|| Refusal::plain(Why::CallerField))?,
            None => usual_purpose(client.unit.sector),
        };
        let statute = own_field(headers, STATUTE)?;
        let tenant = client.unit.tenant;
        let address = Some(self.address(peer, headers));
        let known = Known { client, scopes, proof, user, purpose, statute, emergency: None };
        Ok(Caller { tenant, known: Some(known), address, trail })
    }

    /// The client that shows who it is, what it may do, and by what it showed it.
    fn shown(&self, headers: &HeaderMap, peer: &Peer) -> Outcome<(Arc<Client>, Scopes, Proof)> {
        let refused = || Refusal::plain(Why::NotKnown);
        let mut fields = headers.get_all(header::AUTHORIZATION).iter();
        let (shown, others) = (fields.next(), fields.next());
        let Some(shown) = shown else {
            let client = peer.certified.clone().ok_or_else(refused)?;
            let scopes = client.scopes.clone();
            return Ok((client, scopes, Proof::Certificate));
        };
        let text = shown.to_str().map_err(|_| refused())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(refused)?;
        if others.is_some() || !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(refused());
        }
        let (grant, scopes) = self.tokens.open(token, moment::now() / 1_000_000).ok_or_else(refused)?;
        let client = self.clients.get(&grant.client).map(Arc::clone).ok_or_else(refused)?;
        let is_bound = client.certificate.is_some() || peer.certified.is_some();
        if is_bound && peer.certified.as_ref() != Some(&client) {
            return Err(refused());
        }
        // What was taken from a client since is taken from its tokens too.
        let scopes = client.scopes.granted(&scopes.text());
        Ok((client, scopes, Proof::Token(grant.jti)))
    }
}

/// A header field of ours: short, plain, without an identity code, once.
fn own_field(headers: &HeaderMap, name: HeaderName) -> Outcome<Option<String>> {
    let refused = || Refusal::plain(Why::CallerField);
    if headers.get_all(&name).iter().count() > 1 {
        return Err(refused());
    }
    let Some(text) = field(headers, name)? else { return Ok(None) };
    let is_plain = !text.is_empty() && text.len() <= FIELD_BYTES_MAX && !tells_identity(text);
    if is_plain { Ok(Some(text.to_owned())) } else { Err(refused()) }
}

impl Known {
    /// A client that asks for nobody but itself, for what its unit usually asks for, with all that it is registered for.
    pub(in crate::server) fn of_client(client: &Arc<Client>, proof: Proof) -> Self {
        Self {
            client: Arc::clone(client),
            scopes: client.scopes.clone(),
            proof,
            user: None,
            purpose: usual_purpose(client.unit.sector),
            statute: None,
            emergency: None,
        }
    }
}

/// What a unit of a sector asks for where it does not say.
const fn usual_purpose(sector: Sector) -> Purpose {
    match sector {
        Sector::Health => Purpose::Care,
        Sector::Employment => Purpose::EmploymentService,
        Sector::Social | Sector::ThirdSector | Sector::Education | Sector::Other => Purpose::SocialService,
    }
}
