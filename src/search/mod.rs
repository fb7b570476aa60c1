//! What a FHIR search means (FHIR R4, "Search"), without any database.
//!
//! A resource is found by its *keys*: [`Parameters::keys`] works them out, and a store keeps them. A request becomes a
//! [`Search`], whose [`Clause`] asks for keys alone. Where keys cannot decide, as of a text that is longer than its
//! key, [`Selection::exact`] says of one document whether it is meant; [`matches()`] says so of any search.
//!
//! Keys are the same on each node and after each update: their hashes are XXH64 of normalised text, their numbers keep
//! the order of what they stand for.

mod clause;
mod compartment;
mod condition;
mod data;
mod extract;
mod fields;
mod fold;
mod hash;
mod identity;
mod key;
mod range;
mod request;
mod table;
mod test;
mod value;

pub use clause::{Clause, Cursor, Direction, Include, Search, Selection, Sort, SortBy, Summary, Total};
pub use condition::Exact;
pub use extract::KEYS_MAX;
pub use identity::tells_identity;
pub use key::{Key, Slot, TEXT_BYTES_MAX, reference_hash, token_hash};
pub use range::RangeTest;
pub use request::{
    Base, CHAIN_MAX, CHAIN_STEPS_MAX, CODES_MAX, FILTER_DEPTH_MAX, Handling, INCLUDES_MAX, PAIRS_MAX, Parsed,
    VALUE_BYTES_MAX, VALUES_MAX, is_offered, matches, parse,
};
pub use table::{Parameter, ParameterKind, Parameters};
