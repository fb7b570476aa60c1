//! `sauma view` and `sauma policy` as a user meets them.

use crate::cli::Folder;

const CSV: &str = include_str!("../../mappings/employment-plan/cases/multi-sector/input.csv");
const JSON: &str = include_str!("../../mappings/social-client-plan/cases/minimal/input.json");

/// 15 June 2026, noon.
const NOON: &str = "1781524800";

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.file("plan.csv", CSV).file("social.json", JSON);
    folder
}

#[test]
fn without_an_answer_on_permissions_a_view_shows_nothing() {
    let ran = folder("view-none").run_at(&["view", "plan.csv", "--as", "health", "--lang", "en"], NOON);
    let wanted = "\
View of health care

  ! Nothing of the plan is shown.

What is not shown
  employment services, plan (1): permissions are not known
      Where the source of permissions and denials does not answer, nobody knows what the client denies: nothing is disclosed, not even in an emergency.
";
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out.replace("\n\n  !", "\n  !"), wanted.replace("\n\n  !", "\n  !"));
}

#[test]
fn the_client_sees_the_plan_and_join_shows_the_same() {
    let folder = folder("view-client");
    let view = folder.run_at(&["view", "plan.csv", "--as", "client", "--lang", "fi"], NOON);
    assert!(view.out.starts_with("Asiakkaan oma näkymä\n"), "{}", view.out);
    let joined = folder.run_at(&["join", "plan.csv", "--as", "client", "--lang", "fi"], NOON);
    assert_eq!((view.code, &view.out), (joined.code, &joined.out));
    let own = |custodian: &str| {
        let request = ["view", "plan.csv", "--as", "employment", "--register", "1.2.3", "--format", "json"];
        folder.run_at(&[&request[..], &["--custodian", custodian]].concat(), NOON)
    };
    let known = own("plan.csv=1.2.3");
    assert!(known.out.contains("\"CarePlan\"") && known.code == 0, "{}", known.err);
    assert!(!own("plan.csv=4.5.6").out.contains("\"CarePlan\""));
    assert_eq!(own("other.csv=1.2.3").code, 2);
}

/// A file may be called by a person's name; who may see values sees the names of files too.
#[test]
fn a_view_names_no_files() {
    let folder = Folder::new("view-names");
    folder.file("testikoivu-aino.csv", CSV).file("aino.json", JSON);
    for format in ["text", "json"] {
        let request = ["view", "testikoivu-aino.csv", "--as", "client", "--lang", "fi", "--format", format];
        let ran = folder.run_at(&request, NOON);
        assert!(
            ran.code == 0 && !ran.out.contains("testikoivu") && !ran.err.contains("testikoivu"),
            "{}",
            ran.out
        );
        let both = ["view", "testikoivu-aino.csv", "aino.json", "--as", "client", "--format", format];
        let ran = folder.run_at(&both, NOON);
        assert!(
            !ran.out.contains("testikoivu") && !ran.err.contains("testikoivu"),
            "{}\n{}",
            ran.out,
            ran.err
        );
    }
    let shown = folder.run_at(&["view", "testikoivu-aino.csv", "--as", "client", "--show-values"], NOON);
    assert!(shown.out.contains("testikoivu-aino.csv"), "{}", shown.out);
}

#[test]
fn slips_are_named() {
    let folder = folder("view-slips");
    let check = |arguments: &[&str], wanted: &str| {
        let ran = folder.run_at(arguments, NOON);
        assert_eq!((ran.code, ran.err.as_str()), (2, wanted), "{arguments:?}");
    };
    check(
        &["view", "plan.csv", "--as", "helth"],
        "error: --as `helth` is not known\n  = did you mean `health`?\n",
    );
    check(&["view", "plan.csv"], "error: for whom is not said\n  = give --as ROLE\n");
    check(
        &["view", "plan.csv", "--as", "health", "--break-glass", "life", "--because", "kiire"],
        "error: this does not break the glass\n  = it needs a coded reason, words that say why, one client, and lasts 60 minutes\n",
    );
    assert_eq!(folder.run(&["view", "plan.csv", "--as", "health", "--break-glass", "life"]).code, 2);
}

#[test]
fn policies_are_checked_and_explained() {
    let folder = folder("policy");
    let county = include_str!("../../src/plan/policy/county.toml");
    folder
        .file("county.toml", county)
        .file("slip.toml", county.replacen("permission = \"unanswered\"", "permision = \"unanswered\"", 1));
    let sound = folder.run(&["policy", "check", "county.toml"]);
    assert_eq!((sound.code, sound.err.as_str()), (0, "the policy is sound\n"));
    let slip = folder.run(&["policy", "check", "slip.toml", "--lang", "en"]);
    assert_eq!(slip.code, 1);
    assert!(
        slip.err.contains("error[P431]: there is no `permision` here")
            && slip.err.contains("did you mean `permission`?"),
        "{}",
        slip.err
    );
    let one = folder.run(&["policy", "explain", "no-permission", "--lang", "sv"]);
    assert!(one.out.starts_with("no-permission: Det finns varken"), "{}", one.out);
    assert!(
        folder
            .run(&["policy", "explain", "--lang", "fi"])
            .out
            .contains("| `same-register` | relation: same-register | sallitaan |")
    );
}
