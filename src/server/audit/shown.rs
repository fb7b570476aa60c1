//! What a view shows of other registers: the joined plan judges by itself what it shows of all that is stored, so that no
//! sight of the store can tell of it.

use super::super::Server;
use super::super::caller::Caller;
use super::super::plans::{Known, Origin, Shown};
use crate::plan::view::View;
use crate::store::{Name, Store};
use std::collections::HashSet;

impl<S: Store> Server<S> {
    /// Leaves a trail of whose contributions a plan shows.
    pub(in crate::server) fn tell_shown(&self, caller: &Caller, known: &Known, shown: &Shown) {
        match shown {
            // Only a server that runs open shows all, and there nobody is told from anybody.
            Shown::Joined(_) => {}
            Shown::View(view) => self.tell_view(caller, known, view),
        }
    }

    /// As [`Server::tell_shown`], of a view.
    pub(in crate::server) fn tell_view(&self, caller: &Caller, known: &Known, view: &View) {
        let Some(unit) = caller.unit() else { return };
        let permitted = view.decisions.iter().filter(|(_, ruling)| ruling.permitted);
        let permitted: HashSet<&str> = permitted.map(|(label, _)| label.as_str()).collect();
        let members = known.origins.iter().zip(&known.contributions).zip(&known.clients);
        for ((origin, contribution), client) in members {
            let Some(client) = client.as_deref().filter(|_| permitted.contains(&*contribution.label)) else {
                continue;
            };
            caller.trail.concerns(client);
            let owner = origin.owner().and_then(|key| self.access.unit(unit.tenant, key));
            if owner.is_some_and(|owner| owner.shares_register(unit)) {
                continue;
            }
            match origin {
                Origin::Document(version) => {
                    let name = Name::new("DocumentReference", &version.id);
                    caller.trail.discloses(client, &name, version.stored);
                }
                Origin::Records(records) => {
                    for (name, version) in &records.names {
                        caller.trail.discloses(client, name, *version);
                    }
                }
            }
        }
    }
}
