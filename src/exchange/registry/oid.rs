//! Object identifiers of the Finnish social and health services, made of a y-tunnus by JHS 159: organisation, units,
//! registrar, service events and documents.

use std::fmt;

/// The arc of Finnish organisations.
const ORGANISATIONS: &str = "1.2.246.10";
/// Weights of the digits of a y-tunnus.
const WEIGHTS: [u32; 7] = [7, 9, 10, 5, 8, 4, 2];
/// Characters of an identifier.
const OID_CHARACTERS_MAX: usize = 128;

/// An object identifier, without `urn:oid:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(String);

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OidFault {
    /// Not numbers with dots between them, of the three roots that there are.
    #[error("it is no object identifier")]
    Form,
    /// Not seven digits, a hyphen and a check digit.
    #[error("it is not of the form of a y-tunnus")]
    BusinessForm,
    /// The check digit does not belong to the rest.
    #[error("the check digit does not belong to the rest of the y-tunnus")]
    BusinessCheck,
}

impl Oid {
    /// Reads an identifier, with or without `urn:oid:`.
    ///
    /// # Errors
    /// It is none (ITU-T X.660: three roots, arcs without leading zeros).
    pub fn parse(text: &str) -> Result<Self, OidFault> {
        let text = text.strip_prefix("urn:oid:").unwrap_or(text);
        let is_arc = |arc: &str| {
            !arc.is_empty()
                && arc.bytes().all(|byte| byte.is_ascii_digit())
                && (arc == "0" || !arc.starts_with('0'))
        };
        let is_form = text.len() <= OID_CHARACTERS_MAX
            && text.split('.').all(is_arc)
            && text.split('.').count() > 1
            && matches!(text.split('.').next(), Some("0" | "1" | "2"));
        if is_form { Ok(Self(text.to_owned())) } else { Err(OidFault::Form) }
    }

    /// The node of an organisation by its y-tunnus: leading zeros and the hyphen fall away (JHS 159; `0204819-8` is
    /// `1.2.246.10.2048198`).
    ///
    /// # Errors
    /// It is no y-tunnus.
    pub fn of_business(id: &str) -> Result<Self, OidFault> {
        let (number, check) = id.split_once('-').ok_or(OidFault::BusinessForm)?;
        let digit = |text: &str| text.chars().next().and_then(|c| c.to_digit(10));
        let digits: Option<Vec<u32>> = number.chars().map(|c| c.to_digit(10)).collect();
        let digits = digits.filter(|digits| digits.len() == WEIGHTS.len()).ok_or(OidFault::BusinessForm)?;
        let check = digit(check).filter(|_| check.len() == 1).ok_or(OidFault::BusinessForm)?;
        let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
        let expected = match sum % 11 {
            0 => 0,
            // Nobody is given such a number.
            1 => return Err(OidFault::BusinessCheck),
            rest => 11 - rest,
        };
        if check != expected {
            return Err(OidFault::BusinessCheck);
        }
        let text = format!("{number}{check}");
        Ok(Self(format!("{ORGANISATIONS}.{}", text.trim_start_matches('0'))))
    }

    /// The organisation itself: `.10.0`.
    #[must_use]
    pub fn organisation(&self) -> Self {
        self.below("10.0")
    }

    /// A unit of the organisation: `.10.n`.
    #[must_use]
    pub fn unit(&self, number: u32) -> Self {
        self.below(&format!("10.{number}"))
    }

    /// The registrar: `.19.0`.
    #[must_use]
    pub fn registrar(&self) -> Self {
        self.below("19.0")
    }

    /// A service event: `.14.<year>.<n>`.
    #[must_use]
    pub fn service_event(&self, year: u16, number: u64) -> Self {
        self.below(&format!("14.{year}.{number}"))
    }

    /// A document: `.93.<year>.<n>`.
    #[must_use]
    pub fn document(&self, year: u16, number: u64) -> Self {
        self.below(&format!("93.{year}.{number}"))
    }

    /// True for the node of an organisation, or what stands below one.
    pub fn is_of_organisation(&self) -> bool {
        self.0.strip_prefix(ORGANISATIONS).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The year that a code system or a document structure was adopted in: its last arc, or of a date the year before
    /// month and day (JHS 159: small changes keep the identifier).
    pub fn year_of_version(&self) -> Option<u16> {
        let is_year = |arc: &&str| arc.len() == 4 && (arc.starts_with("19") || arc.starts_with("20"));
        let mut arcs = self.0.rsplit('.');
        let last = arcs.next()?;
        let year = match last.len() {
            4 => Some(last).filter(is_year),
            // `2015` with a month behind it: `201501`.
            6 => last.get(..4).filter(is_year),
            1 | 2 => arcs.nth(1).filter(is_year),
            _ => None,
        };
        year.and_then(|year| year.parse().ok())
    }

    /// As a URI: `urn:oid:…`.
    pub fn urn(&self) -> String {
        format!("urn:oid:{}", self.0)
    }

    /// As it stands in a message: numbers and dots.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn below(&self, rest: &str) -> Self {
        Self(format!("{}.{rest}", self.0))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_id_makes_the_identifiers_of_its_organisation() {
        let check = |id: &str, expected: Result<&str, OidFault>| {
            assert_eq!(
                Oid::of_business(id).as_ref().map(Oid::as_str).map_err(|fault| *fault),
                expected,
                "{id}"
            );
        };
        check("0204819-8", Ok("1.2.246.10.2048198"));
        check("3221308-6", Ok("1.2.246.10.32213086"));
        check("0204819-7", Err(OidFault::BusinessCheck));
        check("204819-8", Err(OidFault::BusinessForm));
        check("02048198", Err(OidFault::BusinessForm));
        check("0204819-88", Err(OidFault::BusinessForm));
        check("0204x19-8", Err(OidFault::BusinessForm));
        let Ok(node) = Oid::of_business("0204819-8") else { unreachable!("checked above") };
        assert_eq!(node.organisation().as_str(), "1.2.246.10.2048198.10.0");
        assert_eq!(node.unit(7).as_str(), "1.2.246.10.2048198.10.7");
        assert_eq!(node.registrar().urn(), "urn:oid:1.2.246.10.2048198.19.0");
        assert_eq!(node.service_event(2026, 4).as_str(), "1.2.246.10.2048198.14.2026.4");
        assert_eq!(node.document(2026, 11).as_str(), "1.2.246.10.2048198.93.2026.11");
    }

    #[test]
    fn an_identifier_has_its_form_and_its_year() {
        let check = |text: &str, is_oid: bool, year: Option<u16>| {
            let oid = Oid::parse(text);
            assert_eq!(oid.is_ok(), is_oid, "{text}");
            assert_eq!(oid.ok().and_then(|oid| oid.year_of_version()), year, "{text}");
        };
        check("urn:oid:1.2.246.537.6.40174.2009", true, Some(2009));
        check("1.2.246.537.6.881.201501", true, Some(2015));
        check("1.2.246.537.6.1506.15020.2024.11.28", true, Some(2024));
        check("1.2.246.537.6.1", true, None);
        check("1.2.246.10.2048198.10.0", true, None);
        check("1", false, None);
        check("3.1", false, None);
        check("1.02", false, None);
        check("1..2", false, None);
        check("", false, None);
    }
}
