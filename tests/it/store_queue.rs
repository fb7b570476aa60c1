//! The contract of the queues of the store, held against every engine, and that nothing of them is lost or done twice
//! when the process is killed.

use crate::store::{TENANT, commit, write};
use crate::store_engines::{Database, Folder, on_each, runtime};
use sauma::store::{
    Accepted, AnyStore, Class, Commit, CommitError, Depth, Message, MessageQuery, Name, NewMessage, Queue,
    QueueChange, QueueFault, Queues, Source, Sqlite, SqliteOptions, State, Store, Tenant,
};
use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const NOW: i64 = 1_000;

fn new(key: &str, lane: i64) -> NewMessage {
    NewMessage {
        queue: Queue::In,
        connection: "home-care".to_owned(),
        key: key.to_owned(),
        lane,
        unit: None,
        received: NOW,
        body: Arc::from(key.as_bytes()),
        fault: None,
    }
}

fn queue(changes: Vec<QueueChange>) -> Commit {
    Commit { queue: changes, ..commit(Vec::new()) }
}

fn fault(class: Class) -> QueueFault {
    QueueFault { class, code: "X601".to_owned() }
}

fn done(number: i64) -> QueueChange {
    QueueChange::Done { number, at: NOW, map: Some("1".to_owned()), told: Some("made".to_owned()) }
}

async fn put(store: &AnyStore, message: NewMessage) -> Accepted {
    let committed = store.commit(queue(vec![QueueChange::Put(Box::new(message))])).await.unwrap();
    committed.accepted[0]
}

async fn change(store: &AnyStore, change: QueueChange) -> Result<(), CommitError> {
    store.commit(queue(vec![change])).await.map(drop)
}

/// The keys of what is ready at a moment.
async fn ready(store: &AnyStore, now: i64) -> String {
    let found = store.ready(Queue::In, now, 100).await.unwrap();
    found.iter().map(|message| message.key.as_str()).collect::<Vec<_>>().join(" ")
}

async fn state(store: &AnyStore, number: i64) -> (State, u32) {
    let message = store.message(number).await.unwrap().unwrap();
    (message.state, message.attempts)
}

#[test]
fn a_message_is_kept_once_for_each_connection_and_key() {
    on_each(&async |store: &AnyStore| {
        let first = put(store, new("a", 1)).await;
        assert!(first.is_new);
        assert_eq!(put(store, new("a", 2)).await, Accepted { is_new: false, ..first });
        let other = put(store, NewMessage { connection: "employment".to_owned(), ..new("a", 1) }).await;
        assert!(other.is_new && other.number > first.number);
        let out = put(store, NewMessage { queue: Queue::Out, ..new("a", 1) }).await;
        assert!(out.is_new);
        let kept: Message = store.message(first.number).await.unwrap().unwrap();
        assert_eq!((kept.body.as_deref(), kept.tenant, kept.length), (Some(&b"a"[..]), TENANT, 1));
        assert_eq!(store.message(999).await, Ok(None));
        // A message that was done is known, too.
        change(store, done(first.number)).await.unwrap();
        assert_eq!(put(store, new("a", 1)).await, Accepted { is_new: false, ..first });
    });
}

#[test]
fn a_dead_letter_or_a_wait_holds_up_its_own_lane_alone() {
    on_each(&async |store: &AnyStore| {
        let mut numbers = BTreeMap::new();
        for (key, lane) in [("a1", 1), ("b1", 2), ("a2", 1), ("c1", 3), ("b2", 2), ("a3", 1)] {
            numbers.insert(key, put(store, new(key, lane)).await.number);
        }
        assert_eq!(ready(store, NOW).await, "a1 b1 a2 c1 b2 a3");
        // Nothing is done before what came before it in its lane.
        assert_eq!(change(store, done(numbers["a2"])).await, Err(CommitError::Queue(0)));
        let again =
            QueueChange::Again { number: numbers["a1"], available: 5_000, fault: fault(Class::Transport) };
        change(store, again).await.unwrap();
        change(store, QueueChange::Dead { number: numbers["b1"], fault: fault(Class::Refused) })
            .await
            .unwrap();
        change(store, QueueChange::Dead { number: numbers["c1"], fault: fault(Class::Format) })
            .await
            .unwrap();
        put(store, new("c2", 3)).await;
        assert_eq!(ready(store, NOW).await, "c2");
        assert_eq!(ready(store, 5_000).await, "a1 a2 a3 c2");
        assert_eq!(state(store, numbers["a1"]).await, (State::Ready, 1));
        assert_eq!(state(store, numbers["b1"]).await, (State::Dead, 1));
        assert_eq!(state(store, numbers["c1"]).await, (State::Aside, 1));
        // The dead letter is no more dealt with by a worker, but by a person.
        assert_eq!(change(store, done(numbers["b1"])).await, Err(CommitError::Queue(0)));
        change(store, QueueChange::Retry { number: numbers["b1"] }).await.unwrap();
        change(store, QueueChange::Drop { number: numbers["a1"], at: NOW }).await.unwrap();
        assert_eq!(ready(store, NOW).await, "b1 a2 b2 a3 c2");
        for key in ["b1", "a2", "b2", "a3"] {
            change(store, done(numbers[key])).await.unwrap();
        }
        assert_eq!(change(store, done(numbers["b1"])).await, Err(CommitError::Queue(0)));
        let lane = MessageQuery { lane: Some((TENANT, 1)), count: 9, ..MessageQuery::default() };
        let found = store.messages(&lane).await.unwrap();
        let told: Vec<_> = found.iter().map(|message| (message.key.as_str(), message.state)).collect();
        assert_eq!(told, [("a1", State::Dropped), ("a2", State::Done), ("a3", State::Done)]);
        // Lanes of two tenants are two, whatever their number.
        let other = Commit { tenant: Tenant(8), ..queue(vec![QueueChange::Put(Box::new(new("z", 3)))]) };
        store.commit(other).await.unwrap();
        change(store, QueueChange::Dead { number: numbers["c1"] + 3, fault: fault(Class::Refused) })
            .await
            .unwrap();
        assert_eq!(ready(store, NOW).await, "z");
    });
}

#[test]
fn applying_and_saying_so_are_one() {
    on_each(&async |store: &AnyStore| {
        let number = put(store, new("a", 1)).await.number;
        let goal = |version| write("Goal", "g", version, Vec::new());
        // A write that comes too late takes the end of the message with it.
        let stale = Commit { queue: vec![done(number)], ..commit(vec![goal(5)]) };
        store.commit(commit(vec![goal(1)])).await.unwrap();
        assert_eq!(store.commit(stale).await, Err(CommitError::Stale(0)));
        assert_eq!(state(store, number).await, (State::Ready, 0));
        let out = NewMessage { queue: Queue::Out, ..new("told", 1) };
        let changes = vec![done(number), QueueChange::Put(Box::new(out))];
        let whole = Commit { queue: changes, ..commit(vec![goal(2)]) };
        store.commit(whole.clone()).await.unwrap();
        assert_eq!(state(store, number).await.0, State::Done);
        assert_eq!(store.ready(Queue::Out, NOW, 9).await.unwrap().len(), 1);
        // The end of a message that has one takes the write with it.
        let late = Commit { queue: vec![done(number)], ..commit(vec![goal(3)]) };
        assert_eq!(store.commit(late).await, Err(CommitError::Queue(0)));
        let record = store.read(TENANT, &Name::new("Goal", "g")).await.unwrap().unwrap();
        assert_eq!(record.version, 2);
        // Applied anew it is ready once more, and counts how often.
        change(store, QueueChange::Replay { number }).await.unwrap();
        let kept = store.message(number).await.unwrap().unwrap();
        assert_eq!((kept.state, kept.replays, kept.finished), (State::Ready, 1, None));
        change(store, done(number)).await.unwrap();
        change(store, QueueChange::Clear { before: NOW }).await.unwrap();
        assert!(store.message(number).await.unwrap().is_some());
        change(store, QueueChange::Clear { before: NOW + 1 }).await.unwrap();
        assert_eq!(store.message(number).await, Ok(None));
    });
}

#[test]
fn what_is_open_is_counted_and_long_bodies_come_alone() {
    on_each(&async |store: &AnyStore| {
        let long: Arc<[u8]> = Arc::from(vec![b'x'; 100_000]);
        let number = put(store, NewMessage { body: Arc::clone(&long), ..new("long", 1) }).await.number;
        let unread = NewMessage { fault: Some(fault(Class::Format)), received: 7, ..new("odd", 1) };
        put(store, unread).await;
        let found = store.ready(Queue::In, NOW, 9).await.unwrap();
        assert_eq!((found.len(), &found[0].body, found[0].length), (1, &None, 100_000));
        assert_eq!(store.message(number).await.unwrap().unwrap().body, Some(long));
        let depth = |state, oldest| Depth {
            queue: Queue::In,
            connection: "home-care".to_owned(),
            state,
            count: 1,
            oldest,
        };
        assert_eq!(store.depths().await.unwrap(), [depth(State::Ready, NOW), depth(State::Aside, 7)]);
        let dead =
            MessageQuery { states: vec![State::Dead, State::Aside], count: 9, ..MessageQuery::default() };
        let found = store.messages(&dead).await.unwrap();
        assert_eq!((found.len(), found[0].fault.clone()), (1, Some(fault(Class::Format))));
        let text = format!("{:?}", found[0]);
        assert!(!text.contains("odd"), "{text}");
    });
}

#[test]
fn connections_and_leases_are_known() {
    on_each(&async |store: &AnyStore| {
        let failed = |at| QueueChange::Failed {
            connection: "c".to_owned(),
            unit: "u".to_owned(),
            at,
            code: "X601".to_owned(),
        };
        let answered = |at, cursor: Option<&str>| QueueChange::Answered {
            connection: "c".to_owned(),
            unit: "u".to_owned(),
            at,
            cursor: cursor.map(str::to_owned),
        };
        for one in [answered(1, Some("here")), failed(2), failed(3)] {
            change(store, one).await.unwrap();
        }
        let source = Source {
            connection: "c".to_owned(),
            tenant: TENANT,
            unit: "u".to_owned(),
            answered: Some(1),
            failed: Some(2),
            code: Some("X601".to_owned()),
            cursor: Some("here".to_owned()),
        };
        assert_eq!(store.sources().await.unwrap(), std::slice::from_ref(&source));
        change(store, answered(4, None)).await.unwrap();
        let well = Source { answered: Some(4), failed: None, code: None, ..source };
        assert_eq!(store.sources().await.unwrap(), [well]);
        let lease = |owner: &str, now, until| QueueChange::Lease {
            name: "worker".to_owned(),
            owner: owner.to_owned(),
            now,
            until,
        };
        change(store, lease("one", 0, 10)).await.unwrap();
        assert_eq!(change(store, lease("two", 5, 15)).await, Err(CommitError::Queue(0)));
        change(store, lease("one", 5, 15)).await.unwrap();
        change(store, lease("two", 15, 25)).await.unwrap();
        assert_eq!(store.leases().await.unwrap()[0].owner, "two");
    });
}

#[test]
fn of_two_nodes_one_applies_a_message() {
    let Some(database) = Database::new() else { return };
    runtime().block_on(async {
        let nodes = [AnyStore::Postgres(database.open().await), AnyStore::Postgres(database.open().await)];
        for n in 0..20 {
            put(&nodes[n % 2], new(&n.to_string(), 1)).await;
        }
        let mut refused = 0;
        for _ in 0..20 {
            let next = nodes[0].ready(Queue::In, NOW, 1).await.unwrap().remove(0).number;
            let both = nodes.iter().map(|node| change(node, done(next)));
            let [one, two] = both.collect::<Vec<_>>().try_into().ok().unwrap();
            let (one, two) = tokio::join!(one, two);
            refused += usize::from(one.is_err()) + usize::from(two.is_err());
            assert!(one.is_ok() != two.is_ok());
        }
        assert_eq!(refused, 20);
    });
}

/// Lanes of the child below.
const LANES: i64 = 8;
/// Messages of one lane of it, more than it comes to.
const MESSAGES: u64 = 100_000;

/// Adds one to the number of its lane for each message: what counts is that it does so once.
async fn apply_all(store: &Sqlite) {
    loop {
        let ready = store.ready(Queue::In, NOW, 64).await.unwrap();
        if ready.is_empty() {
            return;
        }
        for message in ready {
            let id = format!("lane-{}", message.lane);
            let record = store.read(TENANT, &Name::new("Goal", &id)).await.unwrap();
            let version = record.map_or(1, |record| record.version + 1);
            let applied = Commit {
                queue: vec![done(message.number)],
                ..commit(vec![write("Goal", &id, version, Vec::new())])
            };
            store.commit(applied).await.unwrap();
        }
    }
}

/// The child of the test below: takes messages and applies them until it is killed.
#[test]
fn takes_messages_until_killed() {
    let Some(path) = env::var_os("SAUMA_QUEUE_CHILD") else { return };
    let first: u64 = env::var("SAUMA_STORE_FIRST").unwrap().parse().unwrap();
    runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(Path::new(&path))).unwrap();
        let takes = async {
            for n in first..first + MESSAGES {
                let lane = i64::try_from(n).unwrap() % LANES;
                let put = QueueChange::Put(Box::new(new(&n.to_string(), lane)));
                store.commit(queue(vec![put])).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "\nack {n}").unwrap();
                out.flush().unwrap();
            }
        };
        let applies = async {
            loop {
                apply_all(&store).await;
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = takes => {}
            () = applies => {}
        }
    });
}

#[test]
fn what_was_acknowledged_is_applied_once_whenever_it_is_killed() {
    let rounds: u64 = env::var("SAUMA_STORE_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let folder = Folder::new();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["store_queue::takes_messages_until_killed", "--exact", "--nocapture", "--test-threads=1"])
            .env("SAUMA_QUEUE_CHILD", folder.file())
            .env("SAUMA_STORE_FIRST", (round * MESSAGES).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let wanted = acknowledged.len() + 50 + usize::try_from(round * 37 % 200).unwrap();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(key) = line.unwrap().strip_prefix("ack ") {
                acknowledged.push(key.to_owned());
                if acknowledged.len() == wanted {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
    }
    runtime().block_on(async {
        let store = Sqlite::open(&SqliteOptions::new(folder.file())).unwrap();
        apply_all(&store).await;
        let all = MessageQuery { count: 10_000, ..MessageQuery::default() };
        let mut kept = Vec::new();
        loop {
            let after = kept.last().map_or(0, |message: &Message| message.number);
            let page = store.messages(&MessageQuery { after, ..all.clone() }).await.unwrap();
            if page.is_empty() {
                break;
            }
            kept.extend(page);
        }
        assert!(kept.iter().all(|message| message.state == State::Done));
        let lost = acknowledged.iter().filter(|key| !kept.iter().any(|message| message.key == **key)).count();
        assert_eq!(lost, 0);
        for lane in 0..LANES {
            let count = kept.iter().filter(|message| message.lane == lane).count() as u64;
            let record = store.read(TENANT, &Name::new("Goal", format!("lane-{lane}"))).await.unwrap();
            assert_eq!(record.map_or(0, |record| record.version), count, "lane {lane}");
        }
    });
}
