//! The page that the client reads after the last step of a journey, in three languages.

use super::{Told, golden};
use sauma::diag::Language;
use sauma::plan::page::{client, language_of, to_text};
use sauma::plan::text::IdentityCode;

#[test]
fn the_client_reads_the_plan_in_plain_words() {
    super::of_each(|journey| {
        let told = Told::of(journey);
        let language = language_of(&told.joined);
        let mut faults = Vec::new();
        if Language::find(&journey.language) != Some(language) {
            faults.push(format!("the page is in {language:?}, not in `{}`", journey.language));
        }
        for (word, language) in [("fi", Language::Fi), ("sv", Language::Sv), ("en", Language::En)] {
            let page = to_text(&client(&told.joined, language, IdentityCode::Masked));
            faults.extend(golden(&journey.folder.join(format!("page.{word}.txt")), &page));
        }
        faults
    });
}
