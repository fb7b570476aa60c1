//! Files in a folder.

use super::bench::{Bench, case, files, in_file, on_each, until};
use sauma::exchange::inbox::content_key;
use sauma::store::{Queues, State};
use std::fs;

const SETTINGS: &str = "[[connection]]\nname = \"files\"\nkind = \"directory\"\n\
    [connection.directory]\nfolder = \"FOLDER/in\"\nevery_ms = 20\nsettle_ms = 60\n";

/// Hands a file over as a unit should: under another name first.
fn hand_over(bench: &Bench, name: &str, bytes: &[u8]) {
    let folder = bench.folder.join("in");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!(".{name}")), bytes).unwrap();
    fs::rename(folder.join(format!(".{name}")), folder.join(name)).unwrap();
}

#[test]
fn a_file_is_applied_and_moved_to_the_archive() {
    on_each(SETTINGS, &async |bench| {
        hand_over(bench, "plan.json", &case("social-client-plan/cases/full"));
        until("the plan", async || bench.count(State::Done).await == 1).await;
        let folder = bench.folder.join("in");
        until("the archive", async || files(&folder).is_empty()).await;
        let number = bench.messages().await[0].number;
        assert_eq!(files(&folder.join("archive")), [format!("{number}-plan.json")]);
        assert!(bench.messages().await[0].told.as_deref().unwrap().starts_with("created DocumentReference/"));
        let found = bench.get("/fhir/DocumentReference?status=current").await;
        assert!(found.contains("\"total\":1"), "{found}");
        // The same file once more is the same message, and is moved away, too.
        hand_over(bench, "again.json", &case("social-client-plan/cases/full"));
        until("the archive", async || files(&folder.join("archive")).len() == 2).await;
        assert_eq!(bench.messages().await.len(), 1);
        let source = &bench.store().sources().await.unwrap()[0];
        assert!(source.answered.is_some() && source.failed.is_none());
    });
}

#[test]
fn half_a_file_is_never_taken() {
    in_file(SETTINGS, &async |bench| {
        let folder = bench.folder.join("in");
        until("the folder", async || folder.join("archive").exists()).await;
        let whole = case("social-client-plan/cases/full");
        for name in [".plan.json", "plan.json.part", "plan.tmp"] {
            fs::write(folder.join(name), &whole).unwrap();
        }
        // Somebody writes in place, slowly: the file is taken once it stays as it is.
        let mut written = 0;
        while written < whole.len() {
            written = (written + whole.len() / 20).min(whole.len());
            fs::write(folder.join("slow.json"), &whole[..written]).unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        }
        until("the slow file", async || files(&folder.join("archive")).len() == 1).await;
        until("the plan", async || bench.count(State::Done).await == 1).await;
        assert_eq!(bench.messages().await.len(), 1);
        assert_eq!(files(&folder), [".plan.json", "plan.json.part", "plan.tmp"]);
        assert!(files(&folder.join("errors")).is_empty());
    });
}

#[test]
fn what_cannot_be_read_is_set_aside_with_the_reason_and_holds_up_nothing() {
    in_file(SETTINGS, &async |bench| {
        hand_over(bench, "a.json", b"{\"half\":");
        hand_over(bench, "b.json", &case("social-client-plan/cases/full"));
        until("the plan", async || bench.count(State::Done).await == 1).await;
        until("the error", async || bench.count(State::Aside).await == 1).await;
        let errors = bench.folder.join("in").join("errors");
        until("the file", async || files(&errors).len() == 2).await;
        assert_eq!(files(&errors), ["a.json", "a.json.why.txt"]);
        let why = fs::read_to_string(errors.join("a.json.why.txt")).unwrap();
        assert!(why.starts_with('F') && !why.contains("half"), "{why}");
    });
}

#[test]
fn more_files_than_one_look_takes_come_in_their_order() {
    in_file(SETTINGS, &async |bench| {
        let half = |n: usize| format!("{{\"half\": {n}").into_bytes();
        for n in 0..150 {
            hand_over(bench, &format!("{n:03}.json"), &half(n));
        }
        until("all files", async || bench.count(State::Aside).await == 150).await;
        let keys: Vec<String> = bench.messages().await.into_iter().map(|message| message.key).collect();
        let expected: Vec<String> = (0..150).map(|n| content_key(&half(n))).collect();
        assert_eq!(keys, expected);
        until("the folder", async || files(&bench.folder.join("in")).is_empty()).await;
    });
}

#[test]
fn a_marker_says_when_a_file_is_whole() {
    let settings = format!("{SETTINGS}marker = \".ok\"\n");
    in_file(&settings, &async |bench| {
        hand_over(bench, "plan.json", &case("social-client-plan/cases/full"));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(bench.messages().await.is_empty());
        hand_over(bench, "plan.json.ok", b"");
        until("the plan", async || bench.count(State::Done).await == 1).await;
        until("the folder", async || files(&bench.folder.join("in")).is_empty()).await;
    });
}
