//! Searches of the store, held against every engine.

use crate::store::{
    DATE, NAME, PART_OF, STATUS, SUBJECT, TENANT, commit, delete, found, hash, ids, put, refers, select,
    with, write,
};
use crate::store_engines::on_each;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sauma::search::{
    Clause, Direction, Include, Key, RangeTest, Search, Selection, Slot, Sort, SortBy, Total,
};
use sauma::store::{AnyStore, Store, StoreError, Write};
use std::collections::BTreeSet;

#[test]
fn chains_lead_both_ways() {
    on_each(&async |store: &AnyStore| {
        let patient = |id: &str, name: &str| {
            write("Patient", id, 1, vec![Key::Text { slot: NAME, text: name.to_owned() }])
        };
        let plan = |id: &str, patient: &str, status, part_of: &str| {
            let keys = vec![refers(SUBJECT, patient), hash(STATUS, status), refers(PART_OF, part_of)];
            write("CarePlan", id, 1, keys)
        };
        put(store, vec![patient("p", "virtanen"), patient("q", "virta"), patient("r", "aalto")]).await;
        put(
            store,
            vec![
                plan("a", "Patient/p", 1, "CarePlan/b"),
                plan("b", "Patient/q", 2, "CarePlan/c"),
                plan("c", "Patient/r", 1, "CarePlan/none"),
            ],
        )
        .await;
        let check = async |selection: Selection, expected: &[&str]| {
            assert_eq!(found(store, selection).await, expected);
        };
        let named = |prefix: &str| {
            Box::new(select("Patient", Clause::Text { slot: NAME, prefix: prefix.to_owned() }))
        };
        let of = |prefix: &str| Clause::Refers { slot: SUBJECT, to: named(prefix) };
        check(select("CarePlan", of("virta")), &["b", "a"]).await;
        check(select("CarePlan", of("x")), &[]).await;
        let status = |hash| Clause::Hash { slot: STATUS, hashes: vec![hash] };
        check(select("CarePlan", Clause::All(vec![of("virta"), status(1)])), &["a"]).await;
        check(select("CarePlan", Clause::Not(Box::new(of("virta")))), &["c"]).await;
        let part_of = Clause::Refers { slot: PART_OF, to: Box::new(select("CarePlan", of("virta"))) };
        check(select("CarePlan", part_of), &["a"]).await;
        let having = |clause| Clause::ReferredBy { slot: SUBJECT, by: Box::new(select("CarePlan", clause)) };
        check(select("Patient", having(status(1))), &["r", "p"]).await;
        check(select("Patient", having(Clause::Everything)), &["r", "q", "p"]).await;
        check(select("Patient", Clause::Not(Box::new(having(status(1))))), &["q"]).await;
        let text = |prefix: &str| Clause::Text { slot: NAME, prefix: prefix.to_owned() };
        check(select("Patient", Clause::All(vec![text("v"), having(status(1))])), &["p"]).await;
        let two = having(Clause::Refers { slot: PART_OF, to: Box::new(select("CarePlan", status(2))) });
        check(select("Patient", two), &["p"]).await;
        // The plan is deleted: neither end is found any more.
        put(store, vec![delete("CarePlan", "a", 2)]).await;
        check(select("Patient", having(status(1))), &["r"]).await;
        put(store, vec![delete("Patient", "q", 2)]).await;
        check(select("CarePlan", of("virta")), &[]).await;
    });
}

#[test]
fn what_is_included_comes_once() {
    on_each(&async |store: &AnyStore| {
        let plan = |id: &str, part_of: &str| {
            let keys = vec![refers(SUBJECT, "Patient/p"), refers(PART_OF, part_of), hash(STATUS, 1)];
            write("CarePlan", id, 1, keys)
        };
        put(store, vec![write("Patient", "p", 1, Vec::new()), plan("a", "CarePlan/b")]).await;
        put(store, vec![plan("b", "CarePlan/c"), plan("c", "CarePlan/a"), plan("d", "CarePlan/a")]).await;
        let include = |slot, is_iterated| Include {
            source: "CarePlan".to_owned(),
            slot,
            target: (slot == SUBJECT).then(|| "Patient".to_owned()),
            is_iterated,
        };
        let check = async |search: Search, records: &[&str], included: &[&str]| {
            let found = store.search(TENANT, &search).await.unwrap();
            assert_eq!(ids(&found.records), records);
            let mut others = ids(&found.included);
            others.sort_unstable();
            assert_eq!(others, included);
        };
        let only = |kind: &str, id: &str| Search::of(select(kind, Clause::Ids(vec![id.to_owned()])));
        let plans = || only("CarePlan", "a");
        check(with(plans(), |search| search.include = vec![include(SUBJECT, false)]), &["a"], &["p"]).await;
        check(with(plans(), |search| search.include = vec![include(PART_OF, false)]), &["a"], &["b"]).await;
        let both = vec![include(PART_OF, true), include(SUBJECT, true)];
        check(with(plans(), |search| search.include = both), &["a"], &["b", "c", "p"]).await;
        check(
            with(plans(), |search| search.reverse_include = vec![include(PART_OF, false)]),
            &["a"],
            &["c", "d"],
        )
        .await;
        let patient =
            with(only("Patient", "p"), |search| search.reverse_include = vec![include(SUBJECT, false)]);
        check(patient, &["p"], &["a", "b", "c", "d"]).await;
    });
}

#[test]
fn pages_are_stable_while_others_write() {
    on_each(&async |store: &AnyStore| {
        let plan = |n: i64| {
            let keys = vec![
                hash(STATUS, 1),
                hash(STATUS, 2 + n % 2),
                Key::Range { slot: DATE, unit: 0, low: n % 5, high: n % 5 + 1 },
                Key::Text { slot: NAME, text: format!("name{}", n % 3) },
            ];
            let keys = if n % 7 == 0 { vec![hash(STATUS, 1)] } else { keys };
            write("CarePlan", &format!("{n:03}"), 1, keys)
        };
        put(store, (0..30).map(plan).collect()).await;
        let by = |by, direction| Sort { by, direction };
        let up = Direction::Ascending;
        let down = Direction::Descending;
        let sorts = [
            vec![],
            vec![by(SortBy::Id, up)],
            vec![by(SortBy::Range(vec![DATE]), up), by(SortBy::Text(vec![NAME]), down)],
            vec![by(SortBy::Range(vec![DATE]), down), by(SortBy::Id, down)],
            vec![by(SortBy::Text(vec![NAME]), up), by(SortBy::Updated, down)],
        ];
        for (turn, sort) in sorts.into_iter().enumerate() {
            for hashes in [vec![1], vec![2, 3], vec![1, 2, 3]] {
                let clause = Clause::Hash { slot: STATUS, hashes };
                let whole = with(Search::of(select("CarePlan", clause)), |search| {
                    search.sort.clone_from(&sort);
                    search.count = Some(100);
                });
                let expected = store.search(TENANT, &whole).await.unwrap();
                let expected: Vec<&str> =
                    ids(&expected.records).into_iter().filter(|id| id.len() == 3).collect();
                let mut paged = Vec::new();
                let mut search = with(whole.clone(), |search| {
                    search.count = Some(4);
                    search.total = Total::Accurate;
                });
                loop {
                    let page = store.search(TENANT, &search).await.unwrap();
                    assert!(page.records.len() <= 4 && page.total.is_some());
                    paged.extend(
                        ids(&page.records).into_iter().filter(|id| id.len() == 3).map(ToOwned::to_owned),
                    );
                    search.page = page.next;
                    if search.page.is_none() {
                        break;
                    }
                    let id = format!("new{turn}{}", paged.len() + 100 * usize::from(sort.is_empty()));
                    drop(store.commit(commit(vec![write("CarePlan", &id, 1, vec![hash(STATUS, 1)])])).await);
                }
                assert_eq!(paged, expected, "{sort:?}");
            }
        }
        let bad = with(Search::of(select("CarePlan", Clause::Everything)), |search| {
            search.page = Some(sauma::search::Cursor("zz".to_owned()));
        });
        assert_eq!(store.search(TENANT, &bad).await, Err(StoreError::Cursor));
    });
}

#[test]
fn sorted_as_asked_for() {
    on_each(&async |store: &AnyStore| {
        let date = |low, high| Key::Range { slot: DATE, unit: 0, low, high };
        let text = |text: &str| Key::Text { slot: NAME, text: text.to_owned() };
        put(
            store,
            vec![
                write("Goal", "none", 1, Vec::new()),
                write("Goal", "early", 1, vec![date(1, 2), date(50, 60), text("b")]),
                write("Goal", "middle", 1, vec![date(10, 20), text("a"), text("z")]),
                write("Goal", "late", 1, vec![date(30, 40), text("ä")]),
            ],
        )
        .await;
        let check = async |by: SortBy, direction, expected: &[&str]| {
            let sort = vec![Sort { by, direction }];
            let search = with(Search::of(select("Goal", Clause::Everything)), |search| search.sort = sort);
            let found = store.search(TENANT, &search).await.unwrap();
            assert_eq!(ids(&found.records), expected);
        };
        let (up, down) = (Direction::Ascending, Direction::Descending);
        check(SortBy::Range(vec![DATE]), up, &["early", "middle", "late", "none"]).await;
        check(SortBy::Range(vec![DATE]), down, &["early", "late", "middle", "none"]).await;
        check(SortBy::Text(vec![NAME]), up, &["middle", "early", "late", "none"]).await;
        check(SortBy::Text(vec![NAME]), down, &["late", "middle", "early", "none"]).await;
        check(SortBy::Id, up, &["early", "late", "middle", "none"]).await;
        check(SortBy::Updated, down, &["late", "middle", "early", "none"]).await;
    });
}

fn some_key() -> impl Strategy<Value = Key> {
    let slot = (0_u32..3).prop_map(Slot);
    prop_oneof![
        (slot.clone(), 0_i64..4).prop_map(|(slot, hash)| Key::Hash { slot, hash }),
        (slot.clone(), 0_i64..2, 0_i64..10, 0_i64..5).prop_map(|(slot, unit, low, more)| Key::Range {
            slot,
            unit,
            low,
            high: low + more
        }),
        (slot, "[abå]{0,3}").prop_map(|(slot, text)| Key::Text { slot, text }),
    ]
}

fn some_test() -> impl Strategy<Value = RangeTest> {
    let two = || (0_i64..10, 0_i64..5).prop_map(|(low, more)| (low, low + more));
    prop_oneof![
        two().prop_map(|(low, high)| RangeTest::Within { low, high }),
        two().prop_map(|(low, high)| RangeTest::NotWithin { low, high }),
        two().prop_map(|(low, high)| RangeTest::Overlaps { low, high }),
        (0_i64..12).prop_map(RangeTest::HighAbove),
        (0_i64..12).prop_map(RangeTest::LowBelow),
        (0_i64..12).prop_map(RangeTest::LowAbove),
        (0_i64..12).prop_map(RangeTest::HighBelow),
    ]
}

fn some_clause() -> impl Strategy<Value = Clause> {
    let slot = (0_u32..3).prop_map(Slot);
    let leaf = prop_oneof![
        Just(Clause::Everything),
        slot.clone().prop_map(Clause::Present),
        (slot.clone(), proptest::collection::vec(0_i64..5, 0..3))
            .prop_map(|(slot, hashes)| Clause::Hash { slot, hashes }),
        (slot.clone(), 0_i64..2, some_test()).prop_map(|(slot, unit, test)| Clause::Range {
            slot,
            unit,
            test
        }),
        (slot, "[abå]{0,2}").prop_map(|(slot, prefix)| Clause::Text { slot, prefix }),
        proptest::collection::vec("[0-9]", 0..4).prop_map(Clause::Ids),
        ("(Goal|CarePlan)", "[0-9]").prop_map(|(kind, id)| Clause::Is { kind, id }),
        some_test().prop_map(Clause::Updated),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            some().prop_map(Clause::All),
            some().prop_map(Clause::Any),
            inner.clone().prop_map(|part| Clause::Not(Box::new(part))),
        ]
    })
}

/// Any clause over any keys, also after updates and deletions, gives what it gives in memory.
#[test]
fn the_index_says_what_the_keys_say() {
    const CLAUSES: usize = 400;
    on_each(&async |store: &AnyStore| {
        let mut runner = TestRunner::default();
        let mut draw_keys =
            || proptest::collection::vec(some_key(), 0..8).new_tree(&mut runner).unwrap().current();
        let mut now: Vec<(String, i64, Vec<Key>)> = Vec::new();
        for n in 0..10 {
            let first = Write { updated: n, ..write("Goal", &n.to_string(), 1, draw_keys()) };
            let second = Write { updated: n / 2, ..write("Goal", &n.to_string(), 2, draw_keys()) };
            put(store, vec![first]).await;
            if n % 4 == 3 {
                put(store, vec![delete("Goal", &n.to_string(), 2)]).await;
            } else {
                now.push((n.to_string(), n / 2, second.keys.clone()));
                put(store, vec![second]).await;
            }
        }
        let mut runner = TestRunner::default();
        for _ in 0..CLAUSES {
            let clause = some_clause().new_tree(&mut runner).unwrap().current();
            let expected: BTreeSet<&str> = now
                .iter()
                .filter(|(id, updated, keys)| clause.holds(keys, "Goal", id, *updated) == Some(true))
                .map(|(id, ..)| id.as_str())
                .collect();
            let mut search = Search::of(select("Goal", clause.clone()));
            search.total = Total::Accurate;
            let found = store.search(TENANT, &search).await.unwrap();
            let got = ids(&found.records);
            assert_eq!(got.iter().copied().collect::<BTreeSet<_>>(), expected, "{clause:?}");
            assert_eq!((got.len(), found.total), (expected.len(), Some(expected.len() as u64)), "{clause:?}");
            search.count = Some(1);
            let page = store.search(TENANT, &search).await.unwrap();
            assert_eq!(page.total, Some(expected.len() as u64), "{clause:?}");
            assert_eq!(page.next.is_some(), expected.len() > 1, "{clause:?}");
        }
    });
}
