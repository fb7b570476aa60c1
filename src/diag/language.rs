//! The languages that people are answered in.

/// A language of texts for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
    /// English, in which every text is first written.
    #[default]
    En,
}

impl Language {
    /// Every language there is.
    pub const ALL: [Self; 3] = [Self::Fi, Self::Sv, Self::En];

    /// The BCP 47 code, as FHIR and HTML write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fi => "fi",
            Self::Sv => "sv",
            Self::En => "en",
        }
    }

    /// The language of a code, `fi`, `sv-FI`, `en_GB.UTF-8`.
    pub fn find(code: &str) -> Option<Self> {
        let start = code.get(..2)?;
        Self::ALL.into_iter().find(|language| language.as_str().eq_ignore_ascii_case(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_by_its_code() {
        assert_eq!(Language::find("sv-FI"), Some(Language::Sv));
        assert_eq!(Language::find("EN"), Some(Language::En));
        assert_eq!(Language::find("de"), None);
        assert_eq!(Language::find("ääk"), None);
    }
}
