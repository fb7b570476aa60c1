//! What a definition says in Finnish, Swedish and English.

use serde_json::Value;

/// FHIR's extension that holds a text in another language.
const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";

/// A text in three languages; empty where it is not translated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Words {
    pub(super) fi: String,
    pub(super) sv: String,
    pub(super) en: String,
}

impl Words {
    /// The text of a property; its translations stand beside it.
    pub(super) fn of(owner: &Value, name: &str) -> Self {
        let beside = &owner[&*format!("_{name}")];
        Self {
            fi: translation(beside, "fi"),
            sv: translation(beside, "sv"),
            en: owner[name].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The display of a concept; its designations hold the other languages.
    pub(super) fn of_concept(concept: &Value) -> Self {
        let designations = concept["designation"].as_array();
        let find = |language: &str| {
            let mut all = designations.into_iter().flatten();
            let found = all.find(|it| it["language"].as_str() == Some(language));
            found.and_then(|it| it["value"].as_str()).unwrap_or_default().to_owned()
        };
        Self {
            fi: concept["display"].as_str().unwrap_or_default().to_owned(),
            sv: find("sv"),
            en: find("en"),
        }
    }
}

fn translation(beside: &Value, language: &str) -> String {
    let all = beside["extension"].as_array().into_iter().flatten();
    let translations = all.filter(|it| it["url"].as_str() == Some(TRANSLATION));
    let part = |translation: &Value, url: &str, value: &str| {
        let parts = translation["extension"].as_array().into_iter().flatten();
        parts
            .filter(|part| part["url"].as_str() == Some(url))
            .find_map(|part| part[value].as_str().map(str::to_owned))
    };
    translations
        .filter(|it| part(it, "lang", "valueCode").as_deref() == Some(language))
        .find_map(|it| part(it, "content", "valueString"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translations_stand_beside_a_text() {
        let owner = serde_json::json!({
            "title": "Goal",
            "_title": { "extension": [
                { "url": TRANSLATION, "extension": [
                    { "url": "lang", "valueCode": "fi" }, { "url": "content", "valueString": "Tavoite" } ] },
                { "url": TRANSLATION, "extension": [ { "url": "lang", "valueCode": "sv" } ] },
            ] },
        });
        let check = |name: &str, fi: &str, sv: &str, en: &str| {
            let expected = Words { fi: fi.to_owned(), sv: sv.to_owned(), en: en.to_owned() };
            assert_eq!(Words::of(&owner, name), expected);
        };
        check("title", "Tavoite", "", "Goal");
        check("description", "", "", "");
    }
}
