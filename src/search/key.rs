//! The keys that a resource is found by.

use super::fold::fold_code;
use super::hash::xxh64;

/// Bytes of the text of a key; a longer text is cut where a character starts.
pub const TEXT_BYTES_MAX: usize = 32;

/// The number of a search parameter of a type: the lower half of the XXH64 of `CarePlan.category`. That no two
/// parameters of R4 share one is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

impl Slot {
    /// The slot of a parameter of a type. A parameter that all types have, such as `_tag`, is one of `Resource`.
    pub fn of(kind: &str, code: &str) -> Self {
        let half = xxh64(format!("{kind}.{code}").as_bytes()) & u64::from(u32::MAX);
        Self(u32::try_from(half).unwrap_or(0))
    }
}

/// One thing that a resource can be found by. The order of keys is that of the index.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A token, a reference, an uri or an exact text, by the hash of one of the forms that a search may ask for.
    Hash {
        /// Search parameter.
        slot: Slot,
        /// Hash of the form.
        hash: i64,
    },
    /// A span of time in microseconds UTC, or of numbers in a coding that keeps their order.
    Range {
        /// Search parameter.
        slot: Slot,
        /// Hash of the unit; 0 for a date, for a number, and for a quantity whatever its unit.
        unit: i64,
        /// Least value.
        low: i64,
        /// Greatest value.
        high: i64,
    },
    /// The start of a text: of a string in lower case and without marks, of an uri as it is.
    Text {
        /// Search parameter.
        slot: Slot,
        /// At most [`TEXT_BYTES_MAX`] bytes.
        text: String,
    },
}

impl Key {
    /// The search parameter.
    pub const fn slot(&self) -> Slot {
        match self {
            Self::Hash { slot, .. } | Self::Range { slot, .. } | Self::Text { slot, .. } => *slot,
        }
    }
}

impl std::fmt::Debug for Key {
    /// Without text, date or number: they may be personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self {
            Self::Hash { .. } => "Hash",
            Self::Range { .. } => "Range",
            Self::Text { .. } => "Text",
        };
        f.debug_struct(kind).field("slot", &self.slot()).finish_non_exhaustive()
    }
}

/// The hash under which references to a resource of this server stand in the slots of reference parameters.
pub fn reference_hash(kind: &str, id: &str) -> i64 {
    Form::Reference.hash(&[kind, "/", id])
}

/// The hash under which a code of a system stands in the slots of token parameters, as `_tag` has it.
pub fn token_hash(system: &str, code: &str) -> i64 {
    Form::SystemCode.hash(&[system, "|", &fold_code(code)])
}

/// What a hash is of, so that no two forms of one parameter are taken for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `code`, whatever its system.
    Code,
    /// `|code`, without a system.
    CodeAlone,
    /// `system|code`.
    SystemCode,
    /// `system|`.
    System,
    /// `type system|type code|value` of an identifier.
    OfType,
    /// `Type/id`, or an absolute url of elsewhere.
    Reference,
    /// The identifier of a reference: value.
    Identifier,
    /// The same: `|value`.
    IdentifierAlone,
    /// The same: `system|value`.
    SystemIdentifier,
    /// The same: `system|`.
    IdentifierSystem,
    /// A canonical url without its version, any other uri whole.
    Uri,
    /// A canonical url with its version.
    Canonical,
    /// A string as it is.
    Exact,
    /// Two components of a composite.
    Pair,
    /// The first component of a composite, whatever the others.
    First,
    /// A unit: `system|code`.
    Unit,
    /// A unit by its code or its name alone.
    UnitCode,
    /// A unit by its system alone.
    UnitSystem,
    /// What a unit of UCUM measures, in base units.
    Dimension,
}

/// Bytes that are hashed without memory of their own.
const INLINE_BYTES: usize = 256;

impl Form {
    /// The hash of some text in this form.
    pub(super) fn hash(self, parts: &[&str]) -> i64 {
        let mut inline = [0_u8; INLINE_BYTES];
        let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
        let Some(room) = inline.get_mut(..length) else {
            let whole = [&[self as u8], parts.concat().as_bytes()].concat();
            return xxh64(&whole).cast_signed();
        };
        let mut rest = room;
        for part in std::iter::once([self as u8].as_slice()).chain(parts.iter().map(|part| part.as_bytes())) {
            let Some((here, after)) = rest.split_at_mut_checked(part.len()) else { break };
            here.copy_from_slice(part);
            rest = after;
        }
        xxh64(inline.get(..length).unwrap_or_default()).cast_signed()
    }

    /// The hash of two hashes in this form.
    pub(super) fn pair(self, first: i64, second: i64) -> i64 {
        let mut bytes = [self as u8; 17];
        for (place, byte) in
            bytes.iter_mut().skip(1).zip(first.to_le_bytes().iter().chain(&second.to_le_bytes()))
        {
            *place = *byte;
        }
        xxh64(&bytes).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores keep these numbers.
    #[test]
    fn hashes_never_change() {
        assert_eq!(Slot::of("CarePlan", "category"), Slot(1_764_792_411));
        assert_eq!(reference_hash("Patient", "1"), 3_521_750_102_432_915_548);
        assert_eq!(Form::SystemCode.hash(&["http://loinc.org", "|", "8867-4"]), -6_763_151_764_663_951_590);
        assert_eq!(Form::Pair.pair(1, -1), -4_191_338_640_766_128_445);
    }

    #[test]
    fn a_long_text_hashes_as_a_short_one() {
        let long = "x".repeat(INLINE_BYTES);
        let parts = [long.as_str(), "y"];
        let whole = format!("{}{long}y", char::from(Form::Uri as u8));
        assert_eq!(Form::Uri.hash(&parts), xxh64(whole.as_bytes()).cast_signed());
        let just = "z".repeat(INLINE_BYTES - 1);
        let whole = format!("{}{just}", char::from(Form::Uri as u8));
        assert_eq!(Form::Uri.hash(&[&just]), xxh64(whole.as_bytes()).cast_signed());
    }

    #[test]
    fn a_key_prints_nothing_of_the_person() {
        let key = Key::Text { slot: Slot(7), text: "meikalainen".to_owned() };
        assert_eq!(format!("{key:?}"), "Text { slot: Slot(7), .. }");
    }
}
