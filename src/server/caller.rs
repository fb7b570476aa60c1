//! Who asks.

use super::access::{Client, Scopes};
use super::trail::Trail;
use crate::plan::Sector;
use crate::plan::permission::{BreakGlass, Capacity, Purpose, Recorder, Request, Requester};
use crate::store::Tenant;
use std::net::IpAddr;
use std::sync::Arc;

/// The one who sent a request. Whatever reads or writes the store does it for a caller, through its `Sight`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// Whose data the caller works with.
    pub(super) tenant: Tenant,
    /// The registered caller; nobody where the server runs open.
    pub(super) known: Option<Known>,
    /// From where the request came; none within the server.
    pub(super) address: Option<IpAddr>,
    /// What this request saw and wrote; so each request has a caller of its own.
    pub(super) trail: Trail,
}

/// A caller that is registered, with what it says of this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// The registered program, with its unit.
    pub(super) client: Arc<Client>,
    /// What it may do: of its token, or all that it was registered for.
    pub(super) scopes: Scopes,
    /// How it showed who it is.
    pub(super) proof: Proof,
    /// The user for whom it asks, as it says.
    pub(super) user: Option<String>,
    /// What the data are asked for.
    pub(super) purpose: Purpose,
    /// The statute that gives the right, by its id in the policy.
    pub(super) statute: Option<String>,
    /// An emergency, declared by the client and in its time.
    pub(super) emergency: Option<BreakGlass>,
}

/// How a caller showed who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// By an access token of this server with this id.
    Token(String),
    /// By its certificate alone.
    Certificate,
    /// It is a connection of the settings.
    Connection,
}

/// A unit of care or service that callers belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its key in the settings; the tag that what it writes has.
    pub(super) key: String,
    /// What people call it.
    pub(super) name: String,
    /// The sector of its register.
    pub(super) sector: Sector,
    /// OID of the custodian of its register.
    pub(super) register: String,
    /// Names and identifiers by which documents and consents know it.
    pub(super) organisations: Vec<String>,
    /// What it records of permissions counts for every register.
    pub(super) is_permission_source: bool,
    /// Whose data it works with.
    pub(super) tenant: Tenant,
}

impl Unit {
    /// The unit as who recorded a permission.
    pub(super) fn recorder(&self) -> Recorder {
        if self.is_permission_source {
            return Recorder::PermissionSource;
        }
        Recorder::Register { sector: self.sector, custodian: Some(self.register.clone()) }
    }

    /// The unit as the policy knows a requester: a professional of its sector, in its register.
    pub(super) fn requester(&self) -> Requester {
        Requester {
            registers: vec![self.register.clone()],
            organisations: std::iter::once(self.name.clone()).chain(self.organisations.clone()).collect(),
            ..Requester::new(Capacity::Professional(self.sector))
        }
    }

    /// True where two units keep one register: of one custodian in one sector.
    pub(super) fn shares_register(&self, other: &Self) -> bool {
        self.tenant == other.tenant && self.register == other.register && self.sector == other.sector
    }
}

impl Caller {
    /// Everybody who reaches a server that runs open, on loopback alone.
    pub(super) fn open(address: Option<IpAddr>, trail: Trail) -> Self {
        Self { tenant: Tenant(0), known: None, address, trail }
    }

    /// A connection of the settings that brings a unit's documents; of a server that runs open it is as everybody.
    pub(super) fn connection(client: Option<&Arc<Client>>, trail: Trail) -> Self {
        let Some(client) = client else { return Self::open(None, trail) };
        let known = Known::of_client(client, Proof::Connection);
        Self { tenant: client.unit.tenant, known: Some(known), address: None, trail }
    }

    /// The unit that asks; none where the server runs open.
    pub(super) fn unit(&self) -> Option<&Unit> {
        self.known.as_ref().map(|known| &*known.client.unit)
    }

    /// The requester as the policy knows it; none where the server runs open and everything is seen.
    pub(super) fn requester(&self) -> Option<Requester> {
        self.unit().map(Unit::requester)
    }

    /// The key of the unit that what the caller writes belongs to; empty of a server that runs open, where nobody is
    /// told from anybody.
    pub(super) fn owner(&self) -> &str {
        self.unit().map_or("", |unit| &unit.key)
    }

    /// What is asked for, where the caller is known: by whom, what for, by what right.
    pub(super) fn request(&self) -> Option<Request> {
        let known = self.known.as_ref()?;
        let mut request = Request::read(self.requester()?, known.purpose);
        request.statute.clone_from(&known.statute);
        request.break_glass.clone_from(&known.emergency);
        Some(request)
    }
}
