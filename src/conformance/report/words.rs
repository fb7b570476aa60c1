//! The words of the page for people, in Finnish, Swedish and English.

use crate::diag::{Language, Severity};

/// The labels of one language.
#[derive(Debug)]
pub(super) struct Words {
    /// The language as HTML names it (BCP 47).
    pub(super) tag: &'static str,
    /// Over what failed.
    pub(super) failed: &'static str,
    /// Where nothing failed.
    pub(super) nothing_failed: &'static str,
    /// Over what was not checked.
    pub(super) not_checked: &'static str,
    /// Why something is not checked.
    pub(super) why_not_checked: &'static str,
    /// Where everything was checked.
    pub(super) all_checked: &'static str,
    /// Over the findings of each document.
    pub(super) details: &'static str,
    /// Where there is no finding.
    pub(super) no_details: &'static str,
    /// Over what the run was made with.
    pub(super) environment: &'static str,
    pub(super) document: &'static str,
    pub(super) verdict: &'static str,
    pub(super) place: &'static str,
    pub(super) severity: &'static str,
    pub(super) code: &'static str,
    pub(super) finding: &'static str,
    pub(super) what_to_do: &'static str,
    pub(super) element: &'static str,
    pub(super) rule: &'static str,
    pub(super) value: &'static str,
    pub(super) times: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    /// Version of Sauma.
    pub(super) version: &'static str,
    /// Version of a package.
    pub(super) package_version: &'static str,
    pub(super) time: &'static str,
    pub(super) against: &'static str,
    pub(super) profiles: &'static str,
    pub(super) packages: &'static str,
    pub(super) fail_on: &'static str,
    /// Verdicts of a document: pass, warn, fail, error, skip.
    pub(super) verdicts: [&'static str; 5],
    /// Verdicts of a test, in the same order.
    pub(super) verdicts_of_tests: [&'static str; 5],
    /// Severities: error, warning, information.
    severities: [&'static str; 3],
    /// Before the number of findings that the page does not list.
    pub(super) left_out: &'static str,
    /// Before the number of findings that the baseline knows.
    pub(super) known: &'static str,
    /// Over the faults of the list of known findings.
    pub(super) baseline: &'static str,
}

impl Words {
    /// The words of a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::Fi => &FI,
            Language::Sv => &SV,
            Language::En => &EN,
        }
    }

    /// The word for a severity.
    pub(super) const fn severity(&self, severity: Severity) -> &'static str {
        let [error, warning, information] = self.severities;
        match severity {
            Severity::Error => error,
            Severity::Warning => warning,
            Severity::Information => information,
        }
    }
}

const FI: Words = Words {
    tag: "fi",
    failed: "Mikä ei kelpaa",
    nothing_failed: "Mikään asiakirja ei jäänyt hyväksymättä.",
    not_checked: "Mitä ei tarkistettu",
    why_not_checked: "Näiden määritykset eivät olleet käytettävissä. Lisää paketti, jossa ne ovat.",
    all_checked: "Kaikki tarkistettiin.",
    details: "Havainnot asiakirjoittain",
    no_details: "Havaintoja ei ole.",
    environment: "Millä tarkistettiin",
    document: "Asiakirja",
    verdict: "Tulos",
    place: "Rivi ja sarake",
    severity: "Vakavuus",
    code: "Koodi",
    finding: "Havainto",
    what_to_do: "Mitä tehdä",
    element: "Elementti",
    rule: "Sääntö",
    value: "Arvo",
    times: "Kertaa",
    kind: "Laji",
    name: "Nimi",
    version: "Sauman versio",
    package_version: "Versio",
    time: "Aika",
    against: "Mitä vasten",
    profiles: "Profiilit",
    packages: "Paketit",
    fail_on: "Hylkäävä vakavuus",
    verdicts: ["kelpaa", "kelpaa, huomautettavaa", "ei kelpaa", "ei voitu lukea", "ei koske"],
    verdicts_of_tests: ["läpi", "läpi, huomautettavaa", "ei läpi", "ei voitu ajaa", "ei koske palvelinta"],
    severities: ["virhe", "varoitus", "tieto"],
    left_out: "Havaintoja, joita tällä sivulla ei luetella",
    known: "Ennalta tunnettuja havaintoja",
    baseline: "Tunnettujen havaintojen luettelon viat",
};

const SV: Words = Words {
    tag: "sv",
    failed: "Vad som inte godkänns",
    nothing_failed: "Inget dokument underkändes.",
    not_checked: "Vad som inte kontrollerades",
    why_not_checked: "Definitionerna av dessa fanns inte till hands. Lägg till paketet som innehåller dem.",
    all_checked: "Allt kontrollerades.",
    details: "Fynd per dokument",
    no_details: "Det finns inga fynd.",
    environment: "Med vad kontrollen gjordes",
    document: "Dokument",
    verdict: "Resultat",
    place: "Rad och kolumn",
    severity: "Allvarlighet",
    code: "Kod",
    finding: "Fynd",
    what_to_do: "Vad som ska göras",
    element: "Element",
    rule: "Regel",
    value: "Värde",
    times: "Gånger",
    kind: "Slag",
    name: "Namn",
    version: "Saumas version",
    package_version: "Version",
    time: "Tid",
    against: "Mot vad",
    profiles: "Profiler",
    packages: "Paket",
    fail_on: "Allvarlighet som underkänner",
    verdicts: ["godkänt", "godkänt med anmärkning", "underkänt", "kunde inte läsas", "gäller inte"],
    verdicts_of_tests: [
        "godkänt",
        "godkänt med anmärkning",
        "underkänt",
        "kunde inte köras",
        "gäller inte servern",
    ],
    severities: ["fel", "varning", "upplysning"],
    left_out: "Fynd som inte räknas upp på denna sida",
    known: "Fynd som var kända på förhand",
    baseline: "Fel i listan över kända fynd",
};

const EN: Words = Words {
    tag: "en",
    failed: "What failed",
    nothing_failed: "No document failed.",
    not_checked: "What was not checked",
    why_not_checked: "The definitions of these were not at hand. Add the package that holds them.",
    all_checked: "Everything was checked.",
    details: "Findings by document",
    no_details: "There are no findings.",
    environment: "What it was checked with",
    document: "Document",
    verdict: "Verdict",
    place: "Line and column",
    severity: "Severity",
    code: "Code",
    finding: "Finding",
    what_to_do: "What to do",
    element: "Element",
    rule: "Rule",
    value: "Value",
    times: "Times",
    kind: "Kind",
    name: "Name",
    version: "Version of Sauma",
    package_version: "Version",
    time: "Time",
    against: "Against",
    profiles: "Profiles",
    packages: "Packages",
    fail_on: "Severity that fails",
    verdicts: ["valid", "valid, with remarks", "not valid", "could not be read", "not applicable"],
    verdicts_of_tests: ["passed", "passed, with remarks", "failed", "could not be run", "not applicable"],
    severities: ["error", "warning", "information"],
    left_out: "Findings that this page does not list",
    known: "Findings that were known before",
    baseline: "Faults of the list of known findings",
};
