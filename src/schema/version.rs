//! Canonical urls with versions (FHIR R4, `canonical`).

/// True where a definition of the version `found` can stand for one of the version `wanted`. A patch changes no rule; an
/// empty version is any.
pub(super) fn is_compatible(found: &str, wanted: &str) -> bool {
    let mut both = found.split('.').zip(wanted.split('.'));
    found.is_empty() || wanted.is_empty() || both.by_ref().take(2).all(|(found, wanted)| found == wanted)
}

/// True for a version of FHIR whose definitions R4 can use: R4 itself and R4B; one that is not stated is taken to be.
/// Versions 4.4 and later were drafts of R5.
pub(super) fn is_r4(version: &str) -> bool {
    let mut parts = version.split(['.', '-']);
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    version.is_empty() || (major == "4" && matches!(minor, "" | "0" | "1" | "2" | "3"))
}

/// True where a version names a line of versions: `1.2` and `1.2.x`.
pub(super) fn is_open(version: &str) -> bool {
    version.rsplit('.').next() == Some("x") || version.split('.').count() < 3
}

/// The url and the version of a canonical; the version is empty where there is none.
pub(super) fn split(canonical: &str) -> (&str, &str) {
    canonical.split_once('|').unwrap_or((canonical, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_for_r4_and_r4b_are_used() {
        let check = |version, expected| assert_eq!(is_r4(version), expected, "{version}");
        for version in ["", "4.0.1", "4.0", "4.1.0", "4.3.0", "4.3.0-snapshot1"] {
            check(version, true);
        }
        for version in ["5.0.0", "4.6.0", "3.0.2", "40.1", "6.0.0-ballot3"] {
            check(version, false);
        }
    }

    #[test]
    fn a_patch_is_compatible() {
        let check =
            |found, wanted, expected| assert_eq!(is_compatible(found, wanted), expected, "{found} {wanted}");
        check("4.0.1", "4.0.1", true);
        check("4.0.1", "4.0.0", true);
        check("4.0.1", "4.0", true);
        check("4.0.1", "", true);
        check("", "1", true);
        check("4.0.1", "4.3.0", false);
        check("2018-08-12", "2019-07-31", false);
        check("2", "3", false);
    }
}
