//! The contract of the store, held against every engine.

use crate::store_engines::{Database, Folder, on_each, runtime};
use sauma::search::{Clause, Include, Key, Search, Selection, Slot, Total, reference_hash};
use sauma::store::{
    AnyStore, Commit, CommitError, DumpError, Expect, Findable, HistoryQuery, Logs, Method, Name, Note,
    NoteQuery, Noted, Record, Scope, Sqlite, SqliteOptions, Store, StoreError, Tenant, Write, dump, restore,
};
use std::sync::Arc;

pub(crate) const TENANT: Tenant = Tenant(7);
pub(crate) const SUBJECT: Slot = Slot(11);
pub(crate) const STATUS: Slot = Slot(12);
pub(crate) const DATE: Slot = Slot(13);
pub(crate) const NAME: Slot = Slot(14);
pub(crate) const PART_OF: Slot = Slot(15);

pub(crate) fn write(kind: &str, id: &str, version: u64, keys: Vec<Key>) -> Write {
    let document =
        format!("{{\"resourceType\":\"{kind}\",\"id\":\"{id}\",\"meta\":{{\"versionId\":\"{version}\"}}}}");
    Write {
        name: Name::new(kind, id),
        version,
        updated: 1_000 * i64::try_from(version).unwrap(),
        method: if version == 1 { Method::Post } else { Method::Put },
        document: Some(document.into_bytes().into()),
        client: None,
        keys,
    }
}

pub(crate) fn delete(kind: &str, id: &str, version: u64) -> Write {
    Write { document: None, method: Method::Delete, ..write(kind, id, version, Vec::new()) }
}

pub(crate) fn commit(writes: Vec<Write>) -> Commit {
    Commit { tenant: TENANT, writes, ..Commit::default() }
}

pub(crate) async fn put(store: &AnyStore, writes: Vec<Write>) {
    store.commit(commit(writes)).await.unwrap();
}

pub(crate) fn hash(slot: Slot, hash: i64) -> Key {
    Key::Hash { slot, hash }
}

pub(crate) fn refers(slot: Slot, name: &str) -> Key {
    let (kind, id) = name.split_once('/').unwrap();
    hash(slot, reference_hash(kind, id))
}

pub(crate) fn select(kind: &str, clause: Clause) -> Selection {
    Selection { types: vec![kind.to_owned()], clause, exact: None }
}

pub(crate) fn ids(records: &[Arc<Record>]) -> Vec<&str> {
    records.iter().map(|record| record.name.id.as_str()).collect()
}

pub(crate) fn with(mut search: Search, change: impl FnOnce(&mut Search)) -> Search {
    change(&mut search);
    search
}

pub(crate) async fn found(store: &AnyStore, selection: Selection) -> Vec<String> {
    let found = store.search(TENANT, &Search::of(selection)).await.unwrap();
    ids(&found.records).into_iter().map(ToOwned::to_owned).collect()
}

fn note(log: &str, entry: &[u8]) -> Note {
    Note { log: log.to_owned(), time: 0, entry: Arc::from(entry), person: None }
}

async fn notes(store: &AnyStore, log: &str, after: u64) -> Result<Vec<Noted>, StoreError> {
    store.notes(&NoteQuery::after(TENANT, log, after)).await
}

fn history(scope: Scope) -> HistoryQuery {
    HistoryQuery { scope, since: None, at: None, before: None, count: 100 }
}

#[test]
fn several_are_read_in_the_order_of_their_names() {
    on_each(&async |store: &AnyStore| {
        put(store, ["a", "b", "c"].map(|id| write("Goal", id, 1, Vec::new())).into()).await;
        put(store, vec![write("Goal", "a", 2, Vec::new()), delete("Goal", "b", 2)]).await;
        let names = ["c", "none", "a", "b", "a"].map(|id| Name::new("Goal", id));
        let check = async |tenant: Tenant, expected: [Option<(u64, bool)>; 5]| {
            let found = store.read_all(tenant, &names).await.unwrap();
            let told = found.iter().map(|record| record.as_deref().map(|it| (it.version, it.is_deleted())));
            assert_eq!(told.collect::<Vec<_>>(), expected);
        };
        let newest = Some((2, false));
        check(TENANT, [Some((1, false)), None, newest, Some((2, true)), newest]).await;
        check(Tenant(8), [None; 5]).await;
    });
}

#[test]
fn versions_follow_each_other_and_stay() {
    on_each(&async |store: &AnyStore| {
        let name = Name::new("CarePlan", "a");
        assert_eq!(store.read(TENANT, &name).await, Ok(None));
        for version in 1..=3 {
            put(store, vec![write("CarePlan", "a", version, vec![hash(STATUS, 1)])]).await;
            let record = store.read(TENANT, &name).await.unwrap().unwrap();
            assert_eq!((record.version, record.updated), (version, 1_000 * i64::try_from(version).unwrap()));
            assert_eq!(record.document, write("CarePlan", "a", version, Vec::new()).document);
        }
        put(store, vec![delete("CarePlan", "a", 4)]).await;
        let newest = store.read(TENANT, &name).await.unwrap().unwrap();
        assert!(newest.is_deleted() && newest.version == 4 && newest.method == Method::Delete);
        for version in 1..=4 {
            let record = store.version(TENANT, &name, version).await.unwrap().unwrap();
            let expected =
                if version == 4 { None } else { write("CarePlan", "a", version, Vec::new()).document };
            assert_eq!((record.version, &record.document), (version, &expected));
        }
        assert_eq!(store.version(TENANT, &name, 5).await, Ok(None));
        assert!(found(store, select("CarePlan", Clause::Everything)).await.is_empty());
        put(store, vec![write("CarePlan", "a", 5, vec![hash(STATUS, 2)])]).await;
        assert_eq!(found(store, select("CarePlan", Clause::Everything)).await, ["a"]);
    });
}

#[test]
fn who_writes_second_is_told_and_nothing_of_it_is_written() {
    on_each(&async |store: &AnyStore| {
        put(store, vec![write("CarePlan", "a", 1, Vec::new())]).await;
        let check = async |commit: Commit, error: CommitError| {
            assert_eq!(store.commit(commit).await, Err(error));
            assert_eq!(store.read(TENANT, &Name::new("Goal", "b")).await, Ok(None));
            assert_eq!(notes(store, "audit", 0).await.unwrap().len(), 0);
        };
        let other = || write("Goal", "b", 1, vec![hash(STATUS, 1)]);
        let note = || note("audit", b"x");
        for version in [0, 1, 3, u64::MAX] {
            let writes = vec![other(), write("CarePlan", "a", 1, Vec::new())];
            let mut late = commit(writes);
            late.writes[1].version = version;
            late.notes.push(note());
            check(late, CommitError::Stale(1)).await;
        }
        let expecting =
            |expect| Commit { expects: vec![expect], notes: vec![note()], ..commit(vec![other()]) };
        let a = || Name::new("CarePlan", "a");
        for version in [None, Some(0), Some(2)] {
            check(expecting(Expect::Version(a(), version)), CommitError::Expectation(0)).await;
        }
        check(expecting(Expect::Version(Name::new("CarePlan", "z"), Some(1))), CommitError::Expectation(0))
            .await;
        let everything = || select("CarePlan", Clause::Everything);
        check(expecting(Expect::Matches(everything(), Vec::new())), CommitError::Expectation(0)).await;
        let double = vec![other(), other()];
        check(commit(double), CommitError::Store(StoreError::Limit("one write of each resource"))).await;
        let met = Commit {
            expects: vec![
                Expect::Version(a(), Some(1)),
                Expect::Version(Name::new("CarePlan", "z"), None),
                Expect::Matches(everything(), vec![a()]),
            ],
            ..expecting(Expect::Version(a(), Some(1)))
        };
        store.commit(met).await.unwrap();
        assert_eq!(notes(store, "audit", 0).await.unwrap().len(), 1);
        // A commit that expects what the one before it in the same transaction made.
        assert_eq!(found(store, select("Goal", Clause::Hash { slot: STATUS, hashes: vec![1] })).await, ["b"]);
    });
}

#[test]
fn conditional_creates_at_once_make_one() {
    on_each(&async |store: &AnyStore| {
        let wanted = || select("CarePlan", Clause::Hash { slot: STATUS, hashes: vec![5] });
        let attempts = (0..20).map(|n| {
            store.commit(Commit {
                expects: vec![Expect::Matches(wanted(), Vec::new())],
                ..commit(vec![write("CarePlan", &format!("n{n}"), 1, vec![hash(STATUS, 5)])])
            })
        });
        let mut written = 0;
        for outcome in together(attempts).await {
            match outcome {
                Ok(_) => written += 1,
                Err(error) => assert_eq!(error, CommitError::Expectation(0)),
            }
        }
        assert_eq!(written, 1);
        assert_eq!(found(store, wanted()).await.len(), 1);
    });
}

#[test]
fn nobody_who_counts_up_is_lost() {
    on_each(&async |store: &AnyStore| {
        put(store, vec![write("Goal", "count", 1, vec![hash(STATUS, 1)])]).await;
        let name = Name::new("Goal", "count");
        let counters = (0..8).map(|_| async {
            for _ in 0..10 {
                loop {
                    let version = store.read(TENANT, &name).await.unwrap().unwrap().version + 1;
                    let key = hash(STATUS, i64::try_from(version).unwrap());
                    match store.commit(commit(vec![write("Goal", "count", version, vec![key])])).await {
                        Ok(_) => break,
                        Err(error) => assert_eq!(error, CommitError::Stale(0)),
                    }
                }
            }
        });
        together(counters).await;
        assert_eq!(store.read(TENANT, &name).await.unwrap().unwrap().version, 81);
        let all = store.history(TENANT, &history(Scope::Instance(name))).await.unwrap();
        assert_eq!((all.total, all.records.len()), (Some(81), 81));
        for hashes in [vec![80], vec![1]] {
            assert!(found(store, select("Goal", Clause::Hash { slot: STATUS, hashes })).await.is_empty());
        }
        assert_eq!(
            found(store, select("Goal", Clause::Hash { slot: STATUS, hashes: vec![81] })).await,
            ["count"]
        );
    });
}

/// Polls some futures in turn until all are done.
async fn together<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut open: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in open.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *answer = Some(value);
            }
        }
        if open.iter().all(|(_, answer)| answer.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    open.into_iter().filter_map(|(_, answer)| answer).collect()
}

#[test]
fn histories_are_told_newest_first_and_in_pages() {
    on_each(&async |store: &AnyStore| {
        put(store, vec![write("CarePlan", "a", 1, Vec::new()), write("Goal", "b", 1, Vec::new())]).await;
        put(store, vec![write("CarePlan", "a", 2, Vec::new())]).await;
        put(store, vec![delete("CarePlan", "a", 3), write("CarePlan", "c", 1, Vec::new())]).await;
        let told = |records: &[Arc<Record>]| -> Vec<String> {
            let one = |record: &Arc<Record>| format!("{}{}", record.name.id, record.version);
            records.iter().map(one).collect()
        };
        let check = async |query: HistoryQuery, expected: &[&str]| {
            let mut all = Vec::new();
            let mut before = query.before;
            loop {
                let page = HistoryQuery { before, count: 2, ..query.clone() };
                let page = store.history(TENANT, &page).await.unwrap();
                assert!(page.records.len() <= 2);
                all.extend(told(&page.records));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(all, expected, "{query:?}");
            let whole = store.history(TENANT, &query).await.unwrap();
            assert_eq!(told(&whole.records), expected);
        };
        let instance = || Scope::Instance(Name::new("CarePlan", "a"));
        check(history(Scope::System), &["c1", "a3", "a2", "b1", "a1"]).await;
        check(history(Scope::Type("CarePlan".to_owned())), &["c1", "a3", "a2", "a1"]).await;
        check(history(instance()), &["a3", "a2", "a1"]).await;
        check(HistoryQuery { since: Some(2_000), ..history(Scope::System) }, &["a3", "a2"]).await;
        // Version 1 was current from 1,000 to 2,000, version 2 to 3,000.
        let at = |from, to| HistoryQuery { at: Some((from, to)), ..history(instance()) };
        check(at(1_500, 1_600), &["a1"]).await;
        check(at(1_500, 2_000), &["a2", "a1"]).await;
        check(at(2_000, 2_500), &["a2"]).await;
        check(at(3_500, 9_000), &["a3"]).await;
        check(at(1, 500), &[]).await;
        let system = HistoryQuery { at: Some((1_500, 1_600)), ..history(Scope::System) };
        check(system, &["c1", "b1", "a1"]).await;
        let changes = store.changes(0, 100).await.unwrap();
        assert!(changes.windows(2).all(|pair| pair[0].seq < pair[1].seq));
        let last = changes.last().unwrap();
        assert_eq!((&last.name.id, last.version, last.tenant), (&"c".to_owned(), 1, TENANT));
        assert_eq!(store.changes(changes[2].seq, 1).await.unwrap(), changes[3..4]);
        assert!(store.changes(last.seq, 10).await.unwrap().is_empty());
    });
}

#[test]
fn tenants_see_nothing_of_each_other() {
    on_each(&async |store: &AnyStore| {
        let plan =
            |version| write("CarePlan", "a", version, vec![hash(STATUS, 1), refers(SUBJECT, "Patient/p")]);
        put(store, vec![plan(1), write("Patient", "p", 1, Vec::new())]).await;
        let other = Tenant(8);
        let name = Name::new("CarePlan", "a");
        assert_eq!(store.read(other, &name).await, Ok(None));
        assert_eq!(store.version(other, &name, 1).await, Ok(None));
        assert!(store.history(other, &history(Scope::System)).await.unwrap().records.is_empty());
        let own = Commit { tenant: other, ..commit(vec![plan(1), write("Patient", "q", 1, Vec::new())]) };
        store.commit(own).await.unwrap();
        let mut search = Search::of(select("CarePlan", Clause::Hash { slot: STATUS, hashes: vec![1] }));
        search.total = Total::Accurate;
        search.include =
            vec![Include { source: "CarePlan".to_owned(), slot: SUBJECT, target: None, is_iterated: false }];
        let theirs = store.search(other, &search).await.unwrap();
        assert_eq!((theirs.total, theirs.records.len(), theirs.included.len()), (Some(1), 1, 0));
        let ours = store.search(TENANT, &search).await.unwrap();
        assert_eq!((ours.total, ids(&ours.included)), (Some(1), vec!["p"]));
        store.commit(Commit { tenant: other, ..commit(vec![delete("CarePlan", "a", 2)]) }).await.unwrap();
        assert!(!store.read(TENANT, &name).await.unwrap().unwrap().is_deleted());
    });
}

#[test]
fn a_resource_moves_with_its_client() {
    on_each(&async |store: &AnyStore| {
        for version in 1..=20 {
            let client = (version % 3 > 0).then(|| format!("p{}", version % 5));
            let keys = vec![hash(STATUS, 1), Key::Range { slot: DATE, unit: 0, low: 1, high: 2 }];
            put(store, vec![Write { client, ..write("CarePlan", "a", version, keys) }]).await;
        }
        let all = store.history(TENANT, &history(Scope::Instance(Name::new("CarePlan", "a")))).await.unwrap();
        assert_eq!(all.records.len(), 20);
        let all = store.history(TENANT, &history(Scope::System)).await.unwrap();
        assert_eq!(all.records.len(), 20);
        assert!(all.records.iter().all(|record| record.document.is_some()));
        assert_eq!(
            found(store, select("CarePlan", Clause::Hash { slot: STATUS, hashes: vec![1] })).await,
            ["a"]
        );
        assert_eq!(store.changes(0, 100).await.unwrap().len(), 20);
    });
}

#[test]
fn logs_keep_their_order_and_their_bytes() {
    on_each(&async |store: &AnyStore| {
        for n in 0..5 {
            let notes = vec![note("audit", &[n, 0, 255]), note("other", &[n])];
            store.commit(Commit { notes, ..commit(Vec::new()) }).await.unwrap();
        }
        let audit = notes(store, "audit", 0).await.unwrap();
        assert_eq!(audit.iter().map(|noted| noted.entry[0]).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(audit.iter().map(|noted| noted.place).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        let rest = notes(store, "audit", audit[2].place).await.unwrap();
        assert_eq!(
            rest.iter().map(|noted| noted.entry.to_vec()).collect::<Vec<_>>(),
            [[3, 0, 255], [4, 0, 255]]
        );
        assert!(notes(store, "none", 0).await.unwrap().is_empty());
        assert!(rest.iter().all(|noted| noted.tenant == TENANT));
    });
}

#[test]
fn a_file_opens_again_with_all_it_held() {
    let folder = Folder::new();
    let options = SqliteOptions::new(folder.file());
    runtime().block_on(async {
        for version in 1..=3 {
            let store = AnyStore::Sqlite(Sqlite::open(&options).unwrap());
            put(&store, vec![write("CarePlan", "a", version, vec![hash(STATUS, 1)])]).await;
            assert_eq!(store.changes(0, 10).await.unwrap().len(), usize::try_from(version).unwrap());
            let second = Sqlite::open(&options);
            assert!(matches!(second, Err(StoreError::Held)), "two processes may not have one file");
        }
    });
}

#[test]
fn a_backup_is_a_store_of_one_moment() {
    let folder = Folder::new();
    let copy = folder.path().join("copy.db");
    runtime().block_on(async {
        let store = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(folder.file())).unwrap());
        let two = |n: u64| {
            let of = |kind: &str| write(kind, &n.to_string(), 1, vec![hash(STATUS, 1)]);
            vec![of("CarePlan"), of("Goal")]
        };
        for n in 0..100 {
            put(&store, two(n)).await;
        }
        let AnyStore::Sqlite(sqlite) = &store else { panic!("it was opened as one") };
        let writing = async {
            for n in 100..200 {
                put(&store, two(n)).await;
            }
        };
        // Both at once, on one thread of ours and several of the store.
        let both: Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>> =
            vec![Box::pin(writing), Box::pin(async { sqlite.backup(&copy).await.unwrap() })];
        together(both.into_iter()).await;
        let restored = Sqlite::open(&SqliteOptions::new(&copy)).unwrap();
        restored.check().await.unwrap();
        let changes = restored.changes(0, 1_000).await.unwrap();
        assert!(changes.len() >= 200 && changes.len() % 2 == 0, "a commit is whole: {}", changes.len());
        let restored = AnyStore::Sqlite(restored);
        for kind in ["CarePlan", "Goal"] {
            let clause = Clause::Hash { slot: STATUS, hashes: vec![1] };
            let all = with(Search::of(select(kind, clause)), |search| search.count = Some(1_000));
            let found = restored.search(TENANT, &all).await.unwrap();
            assert_eq!(found.records.len(), changes.len() / 2);
        }
    });
}

#[test]
fn another_programs_file_is_left_alone() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "a text, no database, but long enough to be taken for one at first sight")
        .unwrap();
    assert!(Sqlite::open(&SqliteOptions::new(folder.file())).is_err());
    assert!(std::fs::read_to_string(folder.file()).unwrap().starts_with("a text"));
}

#[test]
fn nothing_of_a_person_is_printed() {
    let secret =
        Write { client: Some("131052-308T".to_owned()), ..write("Patient", "131052-308T", 1, Vec::new()) };
    let text = format!("{:?}", commit(vec![secret]));
    assert!(!text.contains("131052"), "{text}");
}

#[test]
fn a_dump_is_restored_byte_for_byte() {
    on_each(&async |store: &AnyStore| {
        let lines = Write {
            document: Some(Arc::from(*b"{\n  \"resourceType\": \"Goal\"\r\n}\n")),
            ..write("Goal", "lines", 1, Vec::new())
        };
        put(store, vec![write("CarePlan", "a", 1, Vec::new()), lines]).await;
        put(store, vec![write("CarePlan", "a", 2, Vec::new())]).await;
        put(store, vec![delete("CarePlan", "a", 3)]).await;
        put(store, vec![write("CarePlan", "a", 4, Vec::new())]).await;
        let mut text = Vec::new();
        assert_eq!(dump(store, &mut text).await.unwrap(), 5);
        let findable = |name: &Name, _: &[u8]| Findable {
            client: None,
            keys: vec![hash(STATUS, if name.kind == "Goal" { 1 } else { 2 })],
        };
        let folder = Folder::new();
        let other = AnyStore::Sqlite(Sqlite::open(&SqliteOptions::new(folder.file())).unwrap());
        let restored = restore(&other, &mut text.as_slice(), findable).await.unwrap();
        assert_eq!(restored.versions, 5);
        let all = async |store: &AnyStore| {
            let history = store.history(TENANT, &history(Scope::System)).await.unwrap();
            let one = |record: &Arc<Record>| Record { seq: 0, ..(**record).clone() };
            history.records.iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(all(&other).await, all(store).await);
        assert_eq!(
            found(&other, select("Goal", Clause::Hash { slot: STATUS, hashes: vec![1] })).await,
            ["lines"]
        );
        // It is never restored over what is there.
        let again = restore(&other, &mut text.as_slice(), findable).await;
        assert!(matches!(again, Err(DumpError::Refused { .. })), "{again:?}");
        let broken = restore(&other, &mut b"{}\n".as_slice(), findable).await;
        assert!(matches!(broken, Err(DumpError::Line(1))), "{broken:?}");
    });
}

#[test]
fn nodes_on_one_database_see_and_refuse_alike() {
    let Some(database) = Database::new() else { return };
    runtime().block_on(async {
        let first = AnyStore::Postgres(database.open().await);
        let second = AnyStore::Postgres(database.open().await);
        put(&first, vec![write("Goal", "count", 1, Vec::new())]).await;
        let name = Name::new("Goal", "count");
        let nodes = [&first, &second];
        let counters = (0..8).map(|n| {
            let (node, name) = (nodes[n % 2], &name);
            async move {
                for _ in 0..10 {
                    loop {
                        let version = node.read(TENANT, name).await.unwrap().unwrap().version + 1;
                        match node.commit(commit(vec![write("Goal", "count", version, Vec::new())])).await {
                            Ok(_) => break,
                            Err(error) => assert_eq!(error, CommitError::Stale(0)),
                        }
                    }
                }
            }
        });
        together(counters).await;
        assert_eq!(second.read(TENANT, &name).await.unwrap().unwrap().version, 81);
        let wanted = || select("CarePlan", Clause::Hash { slot: STATUS, hashes: vec![5] });
        let attempts = (0..20).map(|n| {
            let expects = vec![Expect::Matches(wanted(), Vec::new())];
            let one = commit(vec![write("CarePlan", &format!("n{n}"), 1, vec![hash(STATUS, 5)])]);
            nodes[n % 2].commit(Commit { expects, ..one })
        });
        let written = together(attempts).await.into_iter().flatten().count();
        assert_eq!(written, 1);
        // The log has no gaps in what it tells: whoever reads on from where it was misses nothing.
        let changes = first.changes(0, 1_000).await.unwrap();
        assert_eq!(changes, second.changes(0, 1_000).await.unwrap());
        assert_eq!(changes.len(), 82);
    });
}
