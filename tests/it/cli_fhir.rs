//! The command line with documents that hold more than FHIR has.

use crate::cli::Folder;

#[test]
fn what_fhir_does_not_have_is_kept_and_told() {
    let json = r#"{
  "resourceType": "CarePlan",
  "status": "active", "intent": "plan", "subject": {"reference": "Patient/a"},
  "activity": [{"detial": {"status": "scheduled"}}, {"detail": {"status": "scheduled"}}]
}"#;
    let xml = "<CarePlan xmlns=\"http://hl7.org/fhir\">\n<status value=\"active\"/><intent value=\"plan\"/>\n\
        <subject><reference value=\"Patient/a\"/></subject>\n<activity><detial><status value=\"scheduled\"/>\
        </detial></activity>\n<activity><detail><status value=\"scheduled\"/></detail></activity></CarePlan>";
    let folder = Folder::new("unknown");
    folder.file("plan.json", json).file("plan.xml", xml);
    for (file, place) in [("plan.json", "plan.json:4:17"), ("plan.xml", "plan.xml:4:11")] {
        for from in ["fhir", "fhir-detail"] {
            let ran = folder.run(&["translate", file, "--from", from, "--to", "fhir", "--xml"]);
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert!(ran.out.contains("<detial>"), "{}", ran.out);
            assert_eq!(
                ran.err.matches("warning[F114]: there is no element of this name here").count(),
                1,
                "{}",
                ran.err
            );
            for part in [place, "at: CarePlan.activity[0]\n", "help: did you mean `detail`?"] {
                assert!(ran.err.contains(part), "{part}: {}", ran.err);
            }
        }
        let explained = folder.run(&["explain", file, "--format", "json"]);
        assert!(explained.out.contains("F114"), "{} {}", explained.out, explained.err);
    }
    folder.run(&["translate", "plan.json", "--to", "fhir", "-o", "resources.json"]);
    let changed = folder.read("resources.json").replacen("\"intent\"", "\"intnet\": \"x\", \"intent\"", 1);
    let ran = folder.file("changed.json", changed).run(&["put", "plan.json", "--changed", "changed.json"]);
    assert!(ran.err.contains("did you mean `intent`?"), "{} {}", ran.err, ran.out);
}
