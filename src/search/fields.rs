//! Names of elements that values are read from, as numbers.

use crate::schema::Schema;
use crate::tree::{Name, NodeId, Tree};
use std::borrow::Cow;

macro_rules! fields {
    ($($field:ident $text:literal)*) => {
        /// Names of elements.
        #[derive(Debug)]
        pub(super) struct Fields {
            $(pub(super) $field: Name,)*
        }

        impl Fields {
            pub(super) fn new(schema: &Schema) -> Self {
                // A name that no definition has is one that no data have.
                let name = |text: &str| schema.names().get(text).unwrap_or(Name::NONE);
                Self { $($field: name($text),)* }
            }
        }
    };
}

fields! {
    meta "meta"
    last_updated "lastUpdated"
    system "system"
    code "code"
    display "display"
    text "text"
    coding "coding"
    kind "type"
    identifier "identifier"
    start "start"
    end "end"
    event "event"
    repeat "repeat"
    bounds_period "boundsPeriod"
    low "low"
    high "high"
    unit "unit"
    comparator "comparator"
    currency "currency"
    origin "origin"
    factor "factor"
    data "data"
    family "family"
    given "given"
    prefix "prefix"
    suffix "suffix"
    line "line"
    city "city"
    district "district"
    state "state"
    postal_code "postalCode"
    country "country"
}

/// The text of a child that has one.
pub(super) fn text(tree: &Tree, id: NodeId, name: Name) -> Option<Cow<'_, str>> {
    tree.child(id, name).filter(|child| tree.has_text(*child)).map(|child| tree.text(child))
}
