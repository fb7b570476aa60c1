//! Logs that cannot be changed unseen: the chain, its checkpoints, and what an intruder may try.

use crate::store_engines::{Database, Folder, on_each, runtime};
use rusqlite::Connection;
use sauma::mapping::Random;
use sauma::store::{
    AnyStore, Beside, Checkpoint, Commit, DumpError, Findable, Flaw, Head, Logs, Note, NoteQuery, Person,
    SigningKey, Sqlite, SqliteOptions, Start, Store, Tenant, VerifyingKey, client_hash, dump, notes_of,
    restore, verify,
};
use std::path::Path;
use std::sync::Arc;

const TENANT: Tenant = Tenant(3);
/// Entries of the log that is tampered with.
const ENTRIES: u64 = 60;

fn edits() -> u64 {
    std::env::var("SAUMA_AUDIT_EDITS").map_or(200, |edits| edits.parse().unwrap())
}

fn note(n: u64) -> Note {
    let client = client_hash(TENANT, &format!("pat-{}", n % 3));
    let value = format!("[{{\"what\":{{\"reference\":\"Patient/pat-{}\"}}}}]", n % 3);
    let person = (!n.is_multiple_of(5)).then(|| Person::new(client, value.into_bytes().into()).unwrap());
    let entry = format!("{{\"resourceType\":\"AuditEvent\",\"recorded\":{n}}}").into_bytes().into();
    Note { log: "audit".to_owned(), time: i64::try_from(n).unwrap() * 1_000, entry, person }
}

async fn fill<S: Store>(store: &S, entries: u64) {
    for n in 1..=entries {
        let notes = vec![note(n)];
        store.commit(Commit { tenant: TENANT, notes, ..Commit::default() }).await.unwrap();
    }
}

fn key() -> SigningKey {
    SigningKey::from_pem(&SigningKey::new_pem().unwrap()).unwrap()
}

async fn head<L: Logs>(logs: &L) -> Head {
    logs.heads().await.unwrap().into_iter().find(|head| head.tenant == TENANT).unwrap()
}

/// A checkpoint as it comes back from its file.
fn witnessed(head: Head, key: &SigningKey) -> Checkpoint {
    let line = Checkpoint { head, time: 5 }.signed(key);
    let public = VerifyingKey::from_pem(&key.verifying().to_pem()).unwrap();
    Checkpoint::read(&line, &public).unwrap()
}

#[test]
fn entries_are_chained_and_found_by_client() {
    on_each(&async |store: &AnyStore| {
        fill(store, ENTRIES).await;
        // Many at once share transactions, and still stand in one chain.
        let notes =
            |n: u64| Commit { tenant: TENANT, notes: vec![note(n), note(n + 1)], ..Commit::default() };
        let together = (100..120).map(|n| store.commit(notes(n))).collect::<Vec<_>>();
        for written in together {
            written.await.unwrap();
        }
        let checkpoint = witnessed(head(store).await, &key());
        assert_eq!(checkpoint.head.size, ENTRIES + 40);
        let verdicts = verify(store, &[checkpoint]).await.unwrap();
        assert_eq!(verdicts.len(), 1);
        assert_eq!((verdicts[0].fault.clone(), verdicts[0].checkpoints), (None, 1));
        let client = Some(client_hash(TENANT, "pat-1"));
        let start = Start::Before(None);
        let query = NoteQuery { client, start, count: 3, ..NoteQuery::after(TENANT, "audit", 0) };
        let query = NoteQuery { from: Some(10_000), until: Some(50_000), ..query };
        let found = store.notes(&query).await.unwrap();
        assert_eq!(found.iter().map(|noted| noted.time).collect::<Vec<_>>(), [49_000, 46_000, 43_000]);
        let query = NoteQuery { start: Start::Before(Some(found[2].place)), ..query };
        let found = store.notes(&query).await.unwrap();
        assert_eq!(found[0].time, 37_000);
        assert!(found.iter().all(|noted| noted.person.as_ref().unwrap().value.ends_with(b"pat-1\"}}]")));
    });
}

/// Entries of a run; its clients are listed once it is full.
const RUN: u64 = 8_192;

#[test]
fn entries_of_full_runs_are_found_by_client() {
    on_each(&async |store: &AnyStore| {
        for start in (1..=RUN + 40).step_by(1_000) {
            let notes = (start..(start + 1_000).min(RUN + 41)).map(note).collect();
            store.commit(Commit { tenant: TENANT, notes, ..Commit::default() }).await.unwrap();
        }
        assert_eq!(head(store).await.size, RUN + 40);
        assert_eq!(verify(store, &[]).await.unwrap()[0].fault, None);
        let client = Some(client_hash(TENANT, "pat-1"));
        let ours = |n: &u64| n % 3 == 1 && !n.is_multiple_of(5);
        let check = async |start: Start, count: usize, expected: &mut dyn Iterator<Item = u64>| {
            let query = NoteQuery { client, start, count, ..NoteQuery::after(TENANT, "audit", 0) };
            let found = store.notes(&query).await.unwrap();
            let expected: Vec<u64> = expected.filter(ours).take(count).collect();
            assert_eq!(found.iter().map(|noted| noted.place).collect::<Vec<_>>(), expected, "{start:?}");
        };
        check(Start::Before(None), 50, &mut (1..=RUN + 40).rev()).await;
        check(Start::Before(Some(RUN + 3)), 50, &mut (1..RUN + 3).rev()).await;
        check(Start::Before(Some(30)), 50, &mut (1..30).rev()).await;
        check(Start::After(0), 50, &mut (1..=RUN + 40)).await;
        check(Start::After(RUN - 40), 50, &mut (RUN - 39..=RUN + 40)).await;
        check(Start::After(RUN + 20), 50, &mut (RUN + 21..=RUN + 40)).await;
        check(Start::After(0), 10_000, &mut (1..=RUN + 40)).await;
    });
}

#[test]
fn an_entry_that_its_client_cannot_find_is_told() {
    let folder = Folder::new();
    runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(folder.file())).unwrap();
        let notes = (1..=RUN).map(note).collect();
        store.commit(Commit { tenant: TENANT, notes, ..Commit::default() }).await.unwrap();
    });
    let delete = "DELETE FROM listed WHERE place = 77";
    assert_eq!(first_fault(&folder.file(), &[]), None);
    assert_eq!(Connection::open(folder.file()).unwrap().execute(delete, []).unwrap(), 1);
    assert_eq!(first_fault(&folder.file(), &[]), Some((77, Flaw::Unlisted)));
}

#[test]
fn a_store_of_the_fourth_format_keeps_its_clients() {
    let folder = Folder::new();
    runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(folder.file())).unwrap();
        let notes = (1..=RUN + 10).map(note).collect();
        store.commit(Commit { tenant: TENANT, notes, ..Commit::default() }).await.unwrap();
    });
    let back = "DROP TABLE listed; CREATE INDEX person_client ON person (tenant, log, client, place); \
        UPDATE setting SET value = 4 WHERE name = 'format'";
    Connection::open(folder.file()).unwrap().execute_batch(back).unwrap();
    drop(Sqlite::open(&SqliteOptions::new(folder.file())).unwrap());
    assert_eq!(first_fault(&folder.file(), &[]), None);
    let listed = "SELECT count(*), max(place) FROM listed";
    let found: (i64, i64) = Connection::open(folder.file())
        .unwrap()
        .query_row(listed, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(found, (6_554, 8_192));
}

#[test]
fn nodes_write_one_chain() {
    let Some(database) = Database::new() else { return };
    runtime().block_on(async {
        let nodes = [database.open().await, database.open().await, database.open().await];
        let writes = (0..90_usize).map(|n| {
            let node = &nodes[n % 3];
            async move {
                let notes = vec![note(u64::try_from(n).unwrap())];
                node.commit(Commit { tenant: TENANT, notes, ..Commit::default() }).await.unwrap();
            }
        });
        let mut open: Vec<_> = writes.map(Box::pin).collect();
        std::future::poll_fn(|context| {
            open.retain_mut(|write| write.as_mut().poll(context).is_pending());
            if open.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        let verdicts = verify(&nodes[0], &[]).await.unwrap();
        assert_eq!((verdicts[0].head.size, verdicts[0].fault.clone()), (90, None));
    });
}

/// One edit of a stored log, and the first row that it spoils.
fn edit(connection: &Connection, dice: &mut Random) -> (String, u64) {
    let place = 1 + dice.next() % ENTRIES;
    let other = 1 + (place + dice.next() % (ENTRIES - 1)) % ENTRIES;
    let run = |sql: String| {
        connection.execute_batch(&sql).unwrap();
        sql
    };
    let has_person = !place.is_multiple_of(5);
    match dice.next() % 9 {
        0 => (flip(connection, "note", "entry", place, dice), place),
        1 => (flip(connection, "note", "hash", place, dice), place),
        2 if has_person => {
            let column = ["salt", "value"][usize::try_from(dice.next() % 2).unwrap()];
            (flip(connection, "person", column, place, dice), place)
        }
        2 | 3 => {
            let flipped = 1_i64 << (dice.next() % 40);
            (
                run(format!(
                    "UPDATE note SET time = (time | {flipped}) - (time & {flipped}) WHERE place = {place}"
                )),
                place,
            )
        }
        4 => (run(format!("DELETE FROM note WHERE place = {place}")), place),
        5 => {
            let swap = format!(
                "UPDATE note SET place = 9999 WHERE place = {place}; \
                 UPDATE note SET place = {place} WHERE place = {other}; \
                 UPDATE note SET place = {other} WHERE place = 9999"
            );
            (run(swap), place.min(other))
        }
        6 => {
            let cut = format!(
                "DELETE FROM person WHERE place >= {place}; DELETE FROM note WHERE place >= {place}; \
                 INSERT OR REPLACE INTO chain SELECT tenant, log, place, hash FROM note WHERE place = {place} - 1; \
                 DELETE FROM chain WHERE {place} = 1"
            );
            (run(cut), place)
        }
        7 => {
            let make_room = format!(
                "UPDATE note SET place = -place WHERE place >= {place}; \
                 UPDATE note SET place = 1 - place WHERE place < 0; \
                 INSERT INTO note SELECT tenant, log, {place}, time, x'7B7D', NULL, hash FROM note \
                 WHERE place = {place} + 1; UPDATE chain SET size = size + 1"
            );
            (run(make_room), place)
        }
        _ if has_person && dice.chance(50) => {
            (run(format!("DELETE FROM person WHERE place = {place}")), place)
        }
        _ if has_person => {
            (run(format!("UPDATE person SET client = client + 1 WHERE place = {place}")), place)
        }
        // What was nobody's becomes somebody's.
        _ => (
            run(format!(
                "INSERT INTO person SELECT tenant, log, {place}, client, salt, value FROM person LIMIT 1"
            )),
            place,
        ),
    }
}

fn flip(connection: &Connection, table: &str, column: &str, place: u64, dice: &mut Random) -> String {
    let mut bytes: Vec<u8> = connection
        .query_row(&format!("SELECT {column} FROM {table} WHERE place = {place}"), [], |row| row.get(0))
        .unwrap();
    let at = usize::try_from(dice.next() % bytes.len() as u64).unwrap();
    bytes[at] ^= 1 << (dice.next() % 8);
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE place = {place}");
    connection.execute(&sql, [bytes]).unwrap();
    sql
}

#[test]
fn every_edit_of_a_log_is_found() {
    let folder = Folder::new();
    let path = folder.file();
    let key = key();
    let checkpoint = runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(&path)).unwrap();
        fill(&store, ENTRIES).await;
        witnessed(head(&store).await, &key)
    });
    let clean = std::fs::read(&path).unwrap();
    let mut dice = Random::new(0x5A_17_A0);
    for number in 0..edits() {
        let copy = folder.path().join("edited.db");
        std::fs::write(&copy, &clean).unwrap();
        let connection = Connection::open(&copy).unwrap();
        let (told, place) = edit(&connection, &mut dice);
        drop(connection);
        let found = first_fault(&copy, std::slice::from_ref(&checkpoint));
        assert_eq!(found.map(|(at, _)| at), Some(place), "edit {number}: {told}");
    }
    // And none is found where there is none.
    std::fs::write(folder.path().join("edited.db"), &clean).unwrap();
    assert_eq!(first_fault(&folder.path().join("edited.db"), &[checkpoint]), None);
}

fn first_fault(path: &Path, checkpoints: &[Checkpoint]) -> Option<(u64, Flaw)> {
    let logs = Beside::open(path).unwrap();
    let verdicts = runtime().block_on(verify(&logs, checkpoints)).unwrap();
    verdicts.into_iter().find_map(|verdict| verdict.fault).map(|fault| (fault.place, fault.flaw))
}

#[test]
fn a_log_made_anew_is_not_the_one_that_was_witnessed() {
    let folder = Folder::new();
    let witnessed = runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(folder.file())).unwrap();
        fill(&store, 10).await;
        witnessed(head(&store).await, &key())
    });
    let other = folder.path().join("other.db");
    runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(&other)).unwrap();
        fill(&store, 12).await;
    });
    // Its chain holds, and yet it is another.
    assert_eq!(first_fault(&other, &[]), None);
    assert_eq!(first_fault(&other, &[witnessed]), Some((10, Flaw::Checkpoint)));
}

#[test]
fn logs_are_dumped_and_restored_as_they_are() {
    on_each(&async |store: &AnyStore| {
        fill(store, 20).await;
        let raw = Note { entry: Arc::from([0, 255, 1]), ..note(5) };
        store.commit(Commit { tenant: TENANT, notes: vec![raw], ..Commit::default() }).await.unwrap();
        let mut text = Vec::new();
        dump(store, &mut text).await.unwrap();
        let folder = Folder::new();
        let other = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(folder.file())).unwrap());
        let findable = |_: &_, _: &[u8]| Findable::default();
        let restored = restore(&other, &mut text.as_slice(), findable).await.unwrap();
        assert_eq!(restored.notes, 21);
        assert_eq!(head(&other).await, head(store).await);
        let mut again = Vec::new();
        dump(&other, &mut again).await.unwrap();
        assert_eq!(again, text);
        assert_eq!(notes_of(&mut text.as_slice()).count(), 21);
        // A dump that was changed on its way is not taken for the log.
        let text = String::from_utf8(text).unwrap().replace("\"time\":7000", "\"time\":7001");
        let folder = Folder::new();
        let third = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(folder.file())).unwrap());
        let restored = restore(&third, &mut text.as_bytes(), findable).await;
        assert!(matches!(restored, Err(DumpError::Log { line: 7, flaw: Flaw::Altered })), "{restored:?}");
    });
}

#[test]
fn a_store_of_the_first_format_gets_its_logs() {
    let folder = Folder::new();
    {
        let connection = Connection::open(folder.file()).unwrap();
        connection.execute_batch(include_str!("../../src/store/sqlite/1.sql")).unwrap();
        connection.pragma_update(None, "application_id", 0x5341_554D).unwrap();
        connection
            .execute_batch("UPDATE setting SET value = 1 WHERE name = 'format'; INSERT INTO setting VALUES ('partitions', 1)")
            .unwrap();
    }
    runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(folder.file())).unwrap();
        fill(&store, 3).await;
        assert_eq!(verify(&store, &[]).await.unwrap()[0].head.size, 3);
    });
}
