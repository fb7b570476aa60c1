//! What is watched in every exchange of a check, whichever test made it.

use crate::diag::{Code, codes};

/// One thing that is watched. Each is a check of its own in every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The media type of an answer.
    ContentType,
    /// A refusal tells why.
    Outcome,
    /// Nothing fails within the server.
    ServerFault,
    /// A body is FHIR JSON or XML.
    Readable,
    /// A resource fits FHIR R4 and the profiles that it claims.
    Valid,
    /// An answer is about what was asked for.
    Identity,
    /// `ETag`, `meta.versionId` and the address of a version agree.
    Version,
    /// `Last-Modified` and `meta.lastUpdated` agree, and time does not go back.
    Modified,
    /// `Location` names what was made.
    Location,
    /// What was given comes back.
    Kept,
    /// Nothing comes back that nobody gave.
    Invented,
    /// The newest version is the one that is given out.
    Current,
    /// What was deleted is not given out.
    Gone,
    /// A searchset agrees with itself.
    Searchset,
    /// The total of a search.
    Total,
    /// A search finds all that matches, and nothing else.
    Found,
    /// The pages of a search make one whole.
    Paging,
    /// A history tells what happened, the newest first.
    History,
    /// Nothing is left behind.
    Behind,
}

impl Rule {
    /// Every rule, in the order of reports.
    pub const ALL: [Self; 19] = [
        Self::ContentType,
        Self::Outcome,
        Self::ServerFault,
        Self::Readable,
        Self::Valid,
        Self::Identity,
        Self::Version,
        Self::Modified,
        Self::Location,
        Self::Kept,
        Self::Invented,
        Self::Current,
        Self::Gone,
        Self::Searchset,
        Self::Total,
        Self::Found,
        Self::Paging,
        Self::History,
        Self::Behind,
    ];

    /// Its name, as requirements and reports have it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::ContentType => "content-type",
            Self::Outcome => "outcome",
            Self::ServerFault => "server-fault",
            Self::Readable => "readable",
            Self::Valid => "valid",
            Self::Identity => "identity",
            Self::Version => "version",
            Self::Modified => "modified",
            Self::Location => "location",
            Self::Kept => "kept",
            Self::Invented => "invented",
            Self::Current => "current",
            Self::Gone => "gone",
            Self::Searchset => "searchset",
            Self::Total => "total",
            Self::Found => "found",
            Self::Paging => "paging",
            Self::History => "history",
            Self::Behind => "behind",
        }
    }

    /// What it says, as a sentence about endpoints that pass.
    pub const fn says(self) -> &'static str {
        match self {
            Self::ContentType => "an answer has the media type that was asked for",
            Self::Outcome => "a refusal tells why in an OperationOutcome",
            Self::ServerFault => "no request makes the server itself fail",
            Self::Readable => "a body is FHIR JSON or FHIR XML",
            Self::Valid => "a resource fits FHIR R4 and the profiles that it claims",
            Self::Identity => "an answer is about what was asked for",
            Self::Version => "ETag, versionId and the address of a version agree",
            Self::Modified => "Last-Modified and lastUpdated agree, and never go back",
            Self::Location => "Location names the resource and the version that were made",
            Self::Kept => "what was given comes back, value by value",
            Self::Invented => "nothing comes back that nobody gave",
            Self::Current => "the newest version is the one that is given out",
            Self::Gone => "what was deleted is not given out",
            Self::Searchset => "a searchset agrees with itself",
            Self::Total => "the total of a search is the number of its matches",
            Self::Found => "a search by client or identifier finds all that matches, and nothing else",
            Self::Paging => "the pages of a search make one whole",
            Self::History => "a history tells each version once, the newest first",
            Self::Behind => "everything that was made can be deleted again",
        }
    }

    /// The code of its findings; those of [`Rule::Valid`] have the code of what is wrong.
    pub const fn code(self) -> &'static Code {
        match self {
            Self::ContentType | Self::Version | Self::Modified | Self::Location => codes::CHECK_HEADERS,
            Self::Outcome => codes::CHECK_OUTCOME,
            Self::ServerFault => codes::CHECK_SERVER_FAULT,
            Self::Readable | Self::Valid => codes::CHECK_BODY,
            Self::Identity => codes::CHECK_IDENTITY,
            Self::Kept => codes::CHECK_KEPT,
            Self::Invented => codes::CHECK_INVENTED,
            Self::Current | Self::Gone => codes::CHECK_CURRENT,
            Self::Searchset | Self::Total | Self::Paging => codes::CHECK_BUNDLE,
            Self::Found => codes::CHECK_FOUND,
            Self::History => codes::CHECK_HISTORY,
            Self::Behind => codes::CHECK_BEHIND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_rule_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        let sentences: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.says()).collect();
        assert_eq!((names.len(), sentences.len()), (Rule::ALL.len(), Rule::ALL.len()));
    }
}
