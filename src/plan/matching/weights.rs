//! The one table of weights. `MATCHING.md` says where the numbers come from.

/// What is compared of two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Family names, earlier ones too.
    Family,
    /// Given names.
    Given,
    /// The day of birth.
    BirthDate,
    /// Sex, as registered.
    Sex,
    /// The municipality where the person lives.
    Municipality,
    /// The postal code.
    PostalCode,
    /// Telephone numbers.
    Phone,
    /// Mail addresses.
    Email,
    /// An identifier of some system, that is neither a personal identity code nor temporary.
    Identifier,
}

/// How far two values agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Letter by letter; of several values, one of each.
    Equal,
    /// But for capitals, accents and hyphens.
    Folded,
    /// Spelt nearly the same.
    Similar,
    /// Day and month exchanged.
    Swapped,
    /// One digit differs, or two neighbours are exchanged.
    OneDigit,
    /// One states less of the date, and that agrees.
    Partial,
    /// They differ.
    Different,
}

/// How often a field agrees to a level: of two records of one person, and of two of two people.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    /// The field.
    pub field: Field,
    /// The level.
    pub level: Level,
    /// The share among records of one person.
    pub m: f64,
    /// The share among records of two people.
    pub u: f64,
}

const fn weight(field: Field, level: Level, m: f64, u: f64) -> Weight {
    Weight { field, level, m, u }
}

/// All weights. A field with no level for what is found says nothing.
pub const WEIGHTS: &[Weight] = &[
    weight(Field::Family, Level::Equal, 0.900, 0.001_0),
    weight(Field::Family, Level::Folded, 0.040, 0.000_2),
    weight(Field::Family, Level::Similar, 0.020, 0.004_0),
    weight(Field::Family, Level::Different, 0.040, 0.994_8),
    weight(Field::Given, Level::Equal, 0.910, 0.015_0),
    weight(Field::Given, Level::Folded, 0.040, 0.001_0),
    weight(Field::Given, Level::Similar, 0.030, 0.014_0),
    weight(Field::Given, Level::Different, 0.020, 0.970_0),
    weight(Field::BirthDate, Level::Equal, 0.960, 0.000_04),
    weight(Field::BirthDate, Level::Swapped, 0.010, 0.000_02),
    weight(Field::BirthDate, Level::OneDigit, 0.020, 0.000_9),
    weight(Field::BirthDate, Level::Different, 0.010, 0.999_04),
    weight(Field::BirthDate, Level::Partial, 0.980, 0.015_0),
    weight(Field::Sex, Level::Equal, 0.990, 0.500),
    weight(Field::Sex, Level::Different, 0.010, 0.500),
    weight(Field::Municipality, Level::Equal, 0.900, 0.040),
    weight(Field::Municipality, Level::Different, 0.100, 0.960),
    weight(Field::PostalCode, Level::Equal, 0.850, 0.002),
    weight(Field::PostalCode, Level::Different, 0.150, 0.998),
    weight(Field::Phone, Level::Equal, 0.700, 0.000_1),
    weight(Field::Phone, Level::Different, 0.300, 0.999_9),
    weight(Field::Email, Level::Equal, 0.700, 0.000_05),
    weight(Field::Email, Level::Different, 0.300, 0.999_95),
    weight(Field::Identifier, Level::Equal, 0.990, 0.000_02),
];

/// What an agreement says, in bits: positive for one person, negative for two.
pub(super) fn bits(field: Field, level: Level) -> f64 {
    let found = WEIGHTS.iter().find(|weight| weight.field == field && weight.level == level);
    found.map_or(0.0, |weight| (weight.m / weight.u).log2())
}

impl Field {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Family => "family name",
            Self::Given => "given name",
            Self::BirthDate => "birth date",
            Self::Sex => "sex",
            Self::Municipality => "municipality",
            Self::PostalCode => "postal code",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Identifier => "identifier",
        }
    }
}

impl Level {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Folded => "equal but for capitals and accents",
            Self::Similar => "similar",
            Self::Swapped => "day and month exchanged",
            Self::OneDigit => "one digit differs",
            Self::Partial => "agrees as far as stated",
            Self::Different => "different",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The levels of a field are all there is: their shares make a whole. A partial date is a case of its own.
    #[test]
    fn the_shares_of_each_field_add_up() {
        for field in WEIGHTS.iter().map(|weight| weight.field).filter(|field| *field != Field::Identifier) {
            let of_field = || WEIGHTS.iter().filter(|it| it.field == field && it.level != Level::Partial);
            let sums = (of_field().map(|it| it.m).sum::<f64>(), of_field().map(|it| it.u).sum::<f64>());
            assert!((sums.0 - 1.0).abs() < 1e-9 && (sums.1 - 1.0).abs() < 1e-9, "{field:?} {sums:?}");
        }
    }

    #[test]
    fn the_page_has_the_table() {
        for weight in WEIGHTS {
            let row = format!(
                "| {} | {} | {} | {} | {:+.1} |",
                weight.field.as_str(),
                weight.level.as_str(),
                weight.m,
                weight.u,
                bits(weight.field, weight.level)
            );
            assert!(include_str!("../MATCHING.md").contains(&row), "{row}");
        }
    }
}
