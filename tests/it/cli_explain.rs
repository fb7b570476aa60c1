//! What a code means, in the language of the reader.

use crate::cli::Folder;

#[test]
fn a_code_is_explained_in_the_language_that_is_asked_for() {
    let folder = Folder::new("explain-code");
    assert_eq!(
        folder.run(&["explain", "m221", "--lang", "fi"]).out,
        "M221: koodia ei ole kooditaulukossa\n  = ohje: koodi siirtyy sellaisena kuin yksikkö sen kirjoitti; lisää se kooditaulukkoon\n"
    );
    for (language, title) in [
        ("fi", "pakollinen elementti puuttuu"),
        ("sv", "ett obligatoriskt element saknas"),
        ("en", "a required element is missing"),
    ] {
        let ran = folder.run(&["explain", "V315", "--lang", language, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((report["code"].as_str(), report["language"].as_str()), (Some("V315"), Some(language)));
        assert_eq!(report["title"].as_str(), Some(title));
        assert!(report["help"].as_str().is_some_and(|help| !help.is_empty()), "{}", ran.out);
    }
    let refused = folder.run(&["explain", "V315", "--lang", "de"]);
    assert_eq!(refused.code, 2);
}
