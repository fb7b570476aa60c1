//! Urls of the code systems that documents of HL7 version 3 name by an OID.

use crate::schema::Schema;

/// The concept map of HL7's engine that is none: `translate` with it gives the url of an OID.
pub(super) const OID_TO_URI: &str = "http://hl7.org/fhir/ConceptMap/special-oid2uri";

/// Tables of HL7 version 2 stand below this OID by their number.
const V2_TABLES: &str = "2.16.840.1.113883.12.";
const V2_URL: &str = "http://terminology.hl7.org/CodeSystem/v2-";
const V3_URL: &str = "http://terminology.hl7.org/CodeSystem/v3-";

/// FHIR R4, "Using Codes in resources", "Code systems", and the identifier systems of the same page.
const KNOWN: &[(&str, &str)] = &[
    ("1.0.3166.1.2.2", "urn:iso:std:iso:3166"),
    ("1.2.840.10008.2.16.4", "http://dicom.nema.org/resources/ontology/DCM"),
    ("2.16.840.1.113883.12.292", "http://hl7.org/fhir/sid/cvx"),
    ("2.16.840.1.113883.3.26.1.2", "http://ncimeta.nci.nih.gov"),
    ("2.16.840.1.113883.4.1", "http://hl7.org/fhir/sid/us-ssn"),
    ("2.16.840.1.113883.4.6", "http://hl7.org/fhir/sid/us-npi"),
    ("2.16.840.1.113883.4.9", "http://fdasis.nlm.nih.gov"),
    ("2.16.840.1.113883.6.1", "http://loinc.org"),
    ("2.16.840.1.113883.6.101", "http://nucc.org/provider-taxonomy"),
    ("2.16.840.1.113883.6.12", "http://www.ama-assn.org/go/cpt"),
    ("2.16.840.1.113883.6.121", "urn:ietf:bcp:47"),
    ("2.16.840.1.113883.6.209", "http://hl7.org/fhir/ndfrt"),
    ("2.16.840.1.113883.6.256", "http://www.radlex.org"),
    ("2.16.840.1.113883.6.3", "http://hl7.org/fhir/sid/icd-10"),
    ("2.16.840.1.113883.6.42", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("2.16.840.1.113883.6.69", "http://hl7.org/fhir/sid/ndc"),
    ("2.16.840.1.113883.6.73", "http://www.whocc.no/atc"),
    ("2.16.840.1.113883.6.8", "http://unitsofmeasure.org"),
    ("2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
];

/// Code systems of HL7 version 3: the last part of their OID below `2.16.840.1.113883.5.`, and their name.
const V3: &[(&str, &str)] = &[
    ("1", "AdministrativeGender"),
    ("2", "MaritalStatus"),
    ("4", "ActCode"),
    ("6", "ActClass"),
    ("7", "ActPriority"),
    ("8", "ActReason"),
    ("14", "ActStatus"),
    ("25", "Confidentiality"),
    ("45", "EntityNameUse"),
    ("60", "LanguageAbilityMode"),
    ("61", "LanguageAbilityProficiency"),
    ("83", "ObservationInterpretation"),
    ("84", "ObservationMethod"),
    ("88", "ParticipationFunction"),
    ("90", "ParticipationType"),
    ("110", "RoleClass"),
    ("111", "RoleCode"),
    ("112", "RouteOfAdministration"),
    ("1001", "ActMood"),
    ("1002", "ActRelationshipType"),
    ("1008", "NullFlavor"),
    ("1063", "ObservationValue"),
    ("1064", "ParticipationMode"),
    ("1119", "AddressUse"),
];

/// The url of a code system that is known by an OID; one that nobody gave a url keeps its OID.
pub(super) fn to_uri(oid: &str, schema: &Schema) -> String {
    if let Ok(at) = KNOWN.binary_search_by_key(&oid, |row| row.0) {
        return KNOWN.get(at).map_or("", |row| row.1).to_owned();
    }
    let v2 = || {
        let number: u32 = oid.strip_prefix(V2_TABLES)?.parse().ok()?;
        Some(format!("{V2_URL}{number:04}"))
    };
    let v3 = || {
        let part = oid.strip_prefix("2.16.840.1.113883.5.")?;
        let row = V3.iter().find(|row| row.0 == part)?;
        Some(format!("{V3_URL}{}", row.1))
    };
    let found = v2().or_else(v3).filter(|url| schema.code_system(url).is_some());
    found.unwrap_or_else(|| format!("urn:oid:{oid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_has_the_url_that_fhir_gives_it() {
        let check = |oid: &str, expected: &str| assert_eq!(to_uri(oid, Schema::r4()), expected);
        check("2.16.840.1.113883.6.96", "http://snomed.info/sct");
        check("2.16.840.1.113883.12.1", "http://terminology.hl7.org/CodeSystem/v2-0001");
        check("2.16.840.1.113883.12.9999", "urn:oid:2.16.840.1.113883.12.9999");
        check("2.16.840.1.113883.5.1", "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender");
        check("1.2.246.537.6.1221", "urn:oid:1.2.246.537.6.1221");
    }

    #[test]
    fn the_tables_are_in_order_and_name_code_systems_of_the_definitions() {
        assert!(KNOWN.is_sorted_by_key(|row| row.0));
        for (_, name) in V3 {
            let url = format!("{V3_URL}{name}");
            assert!(Schema::r4().code_system(&url).is_some(), "{url}");
        }
    }
}
