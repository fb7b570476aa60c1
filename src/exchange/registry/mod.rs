//! What a county holds, told to a registry in the registry's own terms: the national one ([`kanta`]) or any FHIR server
//! ([`fhir_server`]). `simulator` plays a registry for those who write clients.
//!
//! A registry is asked and told; whatever it is told either is recorded there, or the caller is told that it is not, or
//! that this is not known ([`RegistryError::Uncertain`]). What may have been recorded is looked for before it is sent
//! again, and goes under the identifiers that it had, so that nothing is lost and nothing doubled. Where a registry gives
//! no answer about a permission, there is none ([`Said::NotToBeSaid`]).

mod calling;
mod fault;
pub mod fhir_server;
pub mod kanta;
pub mod link;
pub mod oid;
mod retry;
mod said;
pub mod simulator;
mod token;

pub use fault::{Broken, Garbled, RegistryError};
pub use link::LinkSettings;
pub use oid::{Oid, OidFault};
pub use retry::Retry;
pub use said::{Permissions, Said};
pub use token::TokenSettings;

use crate::plan::identity::Hetu;
use kanta::{ArchiveDocument, Change, Disclosure};
use std::future::Future;

/// What became of something that a registry was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where it stands now, one for each thing told: `Consent/1`. Empty where the registry does not say.
    pub places: Vec<String>,
    /// False where it was there already, as after an answer that was lost.
    pub is_new: bool,
}

/// A registry.
pub trait Registry {
    /// The permissions of a client that the registry knows.
    ///
    /// # Errors
    /// It gives no answer that can be believed; then nothing is permitted.
    fn permissions(&self, client: &Hetu) -> impl Future<Output = Result<Permissions, RegistryError>> + Send;

    /// Tells of permissions that a client gave or withdrew.
    ///
    /// # Errors
    /// They are not recorded, or that is not known. To tell them again with the same identifiers doubles nothing.
    fn tell_permission(
        &self,
        change: &Change,
    ) -> impl Future<Output = Result<Recorded, RegistryError>> + Send;

    /// Tells of a disclosure.
    ///
    /// # Errors
    /// As for [`Registry::tell_permission`].
    fn tell_disclosure(
        &self,
        disclosure: &Disclosure,
    ) -> impl Future<Output = Result<Recorded, RegistryError>> + Send;

    /// Gives a client document to the archive.
    ///
    /// # Errors
    /// As for [`Registry::tell_permission`].
    fn put_document(
        &self,
        document: &ArchiveDocument,
    ) -> impl Future<Output = Result<Recorded, RegistryError>> + Send;

    /// A client document by its identifier; none where the registry says that it has none.
    ///
    /// # Errors
    /// It gives no answer that can be believed.
    fn document(
        &self,
        id: &Oid,
    ) -> impl Future<Output = Result<Option<ArchiveDocument>, RegistryError>> + Send;
}
