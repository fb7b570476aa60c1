//! Everything together: connections that take messages, a worker that applies them, one that sends, and the lease by
//! which one of several nodes does so.

use super::directory::Directory;
use super::fhir_pull::FhirPull;
use super::http_pull::{HttpPull, Round};
use super::inbox::Inbox;
use super::maps::{Change, MapOrder, Maps, Turned};
use super::mllp::{Listening, Told};
use super::orders::{self, Carried, Handed};
use super::queue::SECOND;
use super::sender::Sender;
use super::settings::{ConnectionTable, Direction, Kind, Settings};
use super::worker::{Apply, Tally, Worker, now};
use crate::diag::codes::{self, Code};
use crate::store::{Commit, CommitError, Queue, QueueChange, Queues, Source, Store};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// For how long a node has the lease without saying that it is still there.
const LEASE: i64 = 10 * SECOND;
/// How often it says so.
const LEASE_EVERY: Duration = Duration::from_secs(3);
/// How much earlier than others a node stops, so that clocks that differ a little do no harm.
const LEASE_MARGIN: i64 = 2 * SECOND;
/// The lease of who works on the queues and asks the units.
const WORK: &str = "exchange";
/// How often messages are removed that came to their end long ago, and units looked for that have gone silent.
const HOUSEKEEPING_EVERY: Duration = Duration::from_mins(1);
/// How often orders of people are looked for.
const ORDERS_EVERY: Duration = Duration::from_secs(1);
/// Random bytes of the name of a node.
const NODE_BYTES: usize = 8;

/// An exchange that is ready to run.
pub struct Exchange<A> {
    apply: Arc<A>,
    settings: Settings,
    inbox: Arc<Inbox<A>>,
    sender: Arc<Sender<A>>,
    wake: Arc<Notify>,
    turn: Arc<Turn>,
    maps: Arc<Maps>,
    /// What was applied.
    pub applied: Arc<Tally>,
    /// What was sent.
    pub sent: Arc<Tally>,
}

/// Whether it is this node's turn.
struct Turn {
    node: String,
    until: AtomicI64,
}

impl Turn {
    fn is_ours(&self) -> bool {
        now() + LEASE_MARGIN < self.until.load(Ordering::Acquire)
    }
}

impl<A: Apply> Exchange<A> {
    /// An exchange with the connections of the settings.
    ///
    /// # Errors
    /// Which connection cannot be used, and why.
    pub fn new(apply: Arc<A>, settings: Settings) -> Result<Self, String> {
        let wake = Arc::new(Notify::new());
        let inbox = Arc::new(Inbox::new(Arc::clone(&apply), &settings, Arc::clone(&wake)));
        let sender = Arc::new(Sender::new(Arc::clone(&apply), &settings)?);
        let mut name = [0; NODE_BYTES];
        getrandom::fill(&mut name).map_err(|_| "the system gives no random bytes".to_owned())?;
        let node = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let turn = Arc::new(Turn { node, until: AtomicI64::new(0) });
        let maps = Arc::new(Maps::new(&settings.unit_dirs));
        let (applied, sent) = (Arc::default(), Arc::default());
        Ok(Self { apply, settings, inbox, sender, wake, turn, maps, applied, sent })
    }

    /// Looks at all that the settings name, and begins nothing.
    ///
    /// # Errors
    /// Which connection cannot be used, and why.
    pub fn check(settings: &Settings) -> Result<(), String> {
        Sender::<A>::targets(settings)?;
        for table in &settings.connections {
            if let Some(of) = table.http_pull.clone() {
                let pull = HttpPull::new(table.name.get_ref(), table.system(), of);
                pull.map_err(|why| format!("connection `{}`: {why}", table.name.get_ref()))?;
            }
            if let Some(of) = &table.fhir {
                let pull = FhirPull::new(table.name.get_ref(), table.system(), of);
                pull.map_err(|why| format!("connection `{}`: {why}", table.name.get_ref()))?;
            }
            if let Some(of) = &table.mllp_listen {
                of.check_files().map_err(|why| format!("connection `{}`: {why}", table.name.get_ref()))?;
            }
        }
        Ok(())
    }

    /// Where connections that others make put their messages.
    pub fn inbox(&self) -> &Arc<Inbox<A>> {
        &self.inbox
    }

    /// Runs until `stop` is done. What is under way then is finished, or done again by whoever runs next.
    ///
    /// # Errors
    /// Which connection cannot be used, and why.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) -> Result<(), String> {
        let mut tasks = JoinSet::new();
        let (stopping, stopped) = watch::channel(false);
        self.connect(&mut tasks)?;
        let mut listening = self.listen(&stopped)?;
        let worker = |queue| Work { queue, lanes_max: self.settings.worker.lanes_max, idle: self.idle() };
        let (applying, sending) = (worker(Queue::In), worker(Queue::Out));
        let (turn, wake) = (Arc::clone(&self.turn), Arc::clone(&self.wake));
        let (apply, tally) = (Arc::clone(&self.apply), Arc::clone(&self.applied));
        tasks.spawn(async move { applying.of(apply, tally).run(&wake, || turn.is_ours()).await });
        let (turn, sender, tally) =
            (Arc::clone(&self.turn), Arc::clone(&self.sender), Arc::clone(&self.sent));
        tasks.spawn(async move { sending.of(sender, tally).run(&Notify::new(), || turn.is_ours()).await });
        let (apply, turn) = (Arc::clone(&self.apply), Arc::clone(&self.turn));
        tasks.spawn(async move { keep_lease(&*apply, &turn).await });
        let (apply, turn) = (Arc::clone(&self.apply), Arc::clone(&self.turn));
        let settings = self.settings.clone();
        tasks.spawn(async move { keep_house(&*apply, &settings, &turn).await });
        if self.settings.database.is_none() {
            let (apply, data) = (Arc::clone(&self.apply), self.settings.data.clone());
            let (wake, maps) = (Arc::clone(&self.wake), Arc::clone(&self.maps));
            tasks.spawn(async move { obey(&*apply, &data, &wake, &maps).await });
        }
        let every = Duration::from_secs(self.settings.worker.maps_every_seconds);
        if self.maps.is_any() && !every.is_zero() {
            let maps = Arc::clone(&self.maps);
            tasks.spawn(async move { watch_maps(&maps, every).await });
        }
        stop.await;
        stopping.send_replace(true);
        while listening.join_next().await.is_some() {}
        tasks.shutdown().await;
        self.give_back().await;
        Ok(())
    }

    fn idle(&self) -> Duration {
        Duration::from_millis(self.settings.worker.idle_ms.max(1))
    }

    /// Begins every connection that asks or looks by itself.
    fn connect(&self, tasks: &mut JoinSet<()>) -> Result<(), String> {
        for table in self.settings.connections.iter().filter(|table| table.direction() == Direction::In) {
            let told = |why: &dyn std::fmt::Display| format!("connection `{}`: {why}", table.name.get_ref());
            let link = Link::of(self, table);
            match table.kind.get_ref() {
                Kind::Directory => {
                    let Some(of) = table.directory.clone() else { continue };
                    let directory = Directory::new(table.name.get_ref(), table.system(), of);
                    let directory = directory.map_err(|error| told(&error))?;
                    tasks.spawn(async move { link.watch(directory).await });
                }
                Kind::HttpPull => {
                    let Some(of) = table.http_pull.clone() else { continue };
                    let pull = HttpPull::new(table.name.get_ref(), table.system(), of);
                    let pull = pull.map_err(|why| told(&why))?;
                    tasks.spawn(async move { link.ask(pull).await });
                }
                Kind::Fhir => {
                    let Some(of) = &table.fhir else { continue };
                    let pull = FhirPull::new(table.name.get_ref(), table.system(), of);
                    let pull = pull.map_err(|why| told(&why))?;
                    tasks.spawn(async move { link.follow(pull).await });
                }
                Kind::HttpPush | Kind::MllpListen | Kind::MllpSend => {}
            }
        }
        Ok(())
    }

    /// Begins every connection that units call, on each node: the inbox is the same for all.
    fn listen(&self, stopped: &watch::Receiver<bool>) -> Result<JoinSet<()>, String> {
        let mut listening = JoinSet::new();
        for table in &self.settings.connections {
            let Some(of) = table.mllp_listen.clone() else { continue };
            let name = table.name.get_ref();
            let told = |why: &dyn std::fmt::Display| format!("connection `{name}`: {why}");
            let listener = bound(of.listen).map_err(|error| told(&error))?;
            let counts = Arc::new(Told::new(name.clone()));
            let mllp = Listening::new(of, table.system(), Arc::clone(&self.inbox), counts);
            let mllp = Arc::new(mllp.map_err(|why| told(&why))?);
            let mut stopped = stopped.clone();
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            listening.spawn(mllp.run(listener, stop));
        }
        Ok(listening)
    }

    /// Gives the lease back, so that the next node need not wait for its end.
    async fn give_back(&self) {
        if self.turn.until.swap(0, Ordering::AcqRel) > 0 {
            // Where it fails, the lease ends by itself.
            drop(lease(&*self.apply, &self.turn, 0).await);
        }
    }
}

fn bound(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// How a worker works.
struct Work {
    queue: Queue,
    lanes_max: usize,
    idle: Duration,
}

impl Work {
    fn of<A>(&self, apply: Arc<A>, tally: Arc<Tally>) -> Worker<A> {
        Worker { apply, queue: self.queue, lanes_max: self.lanes_max, idle: self.idle, tally }
    }
}

/// One connection that takes messages.
struct Link<A> {
    apply: Arc<A>,
    inbox: Arc<Inbox<A>>,
    turn: Arc<Turn>,
    name: String,
    unit: String,
    table: ConnectionTable,
}

impl<A: Apply> Link<A> {
    fn of(exchange: &Exchange<A>, table: &ConnectionTable) -> Self {
        Self {
            apply: Arc::clone(&exchange.apply),
            inbox: Arc::clone(&exchange.inbox),
            turn: Arc::clone(&exchange.turn),
            name: table.name.get_ref().clone(),
            unit: table.unit.get_ref().clone(),
            table: table.clone(),
        }
    }

    async fn watch(&self, mut directory: Directory) {
        let mut has_failed = false;
        let mut tick = tokio::time::interval(directory.every());
        loop {
            tick.tick().await;
            let mut has_more = true;
            while has_more && self.turn.is_ours() {
                let looked = directory.look(&*self.inbox).await;
                has_more = looked.as_ref().is_ok_and(|looked| looked.has_more);
                match looked {
                    Err(_) => {
                        self.failed(codes::FILE).await;
                        has_failed = true;
                    }
                    // The folder can be used again, whether or not there is anything in it.
                    Ok(_) if std::mem::take(&mut has_failed) => self.answered(None).await,
                    Ok(_) => {}
                }
            }
        }
    }

    async fn ask(&self, pull: HttpPull) {
        let mut tick = tokio::time::interval(pull.every());
        loop {
            tick.tick().await;
            if !self.turn.is_ours() {
                continue;
            }
            let round = pull.round(&*self.inbox).await;
            match round.failed {
                None => self.answered(None).await,
                Some(code) => self.failed(code).await,
            }
        }
    }

    async fn follow(&self, pull: FhirPull) {
        let mut tick = tokio::time::interval(pull.every());
        loop {
            tick.tick().await;
            if !self.turn.is_ours() {
                continue;
            }
            let Ok(sources) = self.apply.store().sources().await else { continue };
            let own = sources.into_iter().find(|source| source.connection == self.name);
            let cursor = own.and_then(|source| source.cursor);
            match pull.round(&*self.inbox, cursor.as_deref()).await {
                (Round { failed: Some(code), .. }, _) => self.failed(code).await,
                (_, cursor) => self.answered(cursor).await,
            }
        }
    }

    /// Writes down that the connection answered in full, also where it had nothing new, and from where it goes on.
    async fn answered(&self, cursor: Option<String>) {
        let (connection, unit) = (self.name.clone(), self.unit.clone());
        self.note(QueueChange::Answered { connection, unit, at: now(), cursor }).await;
    }

    /// Writes down that the connection failed, so that the plan can say so.
    async fn failed(&self, code: &'static Code) {
        tracing::warn!(connection = self.name, code = code.id, "a connection failed");
        note_failure(&*self.apply, &self.table, code).await;
    }

    async fn note(&self, change: QueueChange) {
        let commit = Commit { tenant: self.table.tenant(), queue: vec![change], ..Commit::default() };
        // What is not written down now is written down the next time.
        drop(self.apply.store().commit(commit).await);
    }
}

async fn note_failure<A: Apply>(apply: &A, table: &ConnectionTable, code: &'static Code) {
    let (connection, unit) = (table.name.get_ref().clone(), table.unit.get_ref().clone());
    let failed = QueueChange::Failed { connection, unit, at: now(), code: code.id.to_owned() };
    let commit = Commit { tenant: table.tenant(), queue: vec![failed], ..Commit::default() };
    // What is not written down now is written down the next time.
    drop(apply.store().commit(commit).await);
}

async fn lease<A: Apply>(apply: &A, turn: &Turn, until: i64) -> Result<(), CommitError> {
    let (name, owner) = (WORK.to_owned(), turn.node.clone());
    let change = QueueChange::Lease { name, owner, now: now(), until };
    apply.store().commit(Commit { queue: vec![change], ..Commit::default() }).await.map(drop)
}

/// Takes the lease as soon as it is free, and keeps it.
async fn keep_lease<A: Apply>(apply: &A, turn: &Turn) {
    let mut tick = tokio::time::interval(LEASE_EVERY);
    loop {
        tick.tick().await;
        let until = now() + LEASE;
        if lease(apply, turn, until).await.is_ok() {
            turn.until.store(until, Ordering::Release);
        }
    }
}

/// Carries out what people ordered from beside the store.
async fn obey<A: Apply>(apply: &A, data: &Path, wake: &Notify, maps: &Arc<Maps>) {
    let mut tick = tokio::time::interval(ORDERS_EVERY);
    loop {
        tick.tick().await;
        for (path, order) in orders::handed_over(data).unwrap_or_default() {
            let carried = match order {
                Some(Handed::Messages(order)) => orders::carry_out(apply.store(), &order).await,
                Some(Handed::Maps(order)) => {
                    let turned = turn_maps(maps, order).await;
                    // Who ordered gives up waiting where nothing is said.
                    drop(orders::answer(&path, &turned));
                    drop(std::fs::remove_file(path));
                    continue;
                }
                None => Ok(Carried::default()),
            };
            match carried {
                Ok(Carried { changed, refused }) => {
                    tracing::info!(changed, refused, "an order about messages was carried out");
                    // An order that stays is carried out once more, which does no harm.
                    drop(std::fs::remove_file(path));
                    wake.notify_one();
                }
                Err(error) => tracing::warn!(code = error.code().id, "an order about messages waits"),
            }
        }
    }
}

/// Maps are compiled and tried beside the messages, which go on by the map in force meanwhile.
async fn turn_maps(maps: &Arc<Maps>, order: MapOrder) -> Vec<Turned> {
    let maps = Arc::clone(maps);
    let turned = tokio::task::spawn_blocking(move || maps.obey(&order)).await.unwrap_or_default();
    tell_maps(&turned);
    turned
}

/// Takes maps whose folders changed.
async fn watch_maps(maps: &Arc<Maps>, every: Duration) {
    let mut tick = tokio::time::interval(every);
    loop {
        tick.tick().await;
        let maps = Arc::clone(maps);
        tell_maps(&tokio::task::spawn_blocking(move || maps.look()).await.unwrap_or_default());
    }
}

fn tell_maps(turned: &[Turned]) {
    for Turned { unit, change, version, findings } in turned {
        match change {
            Change::Unchanged => {}
            Change::Taken => tracing::info!(unit, version, "another map is in force"),
            Change::Refused => {
                let first = findings.first();
                let (code, findings) = (first.map(|first| &*first.code), findings.len());
                tracing::warn!(
                    unit,
                    code = codes::MAP_REFUSED.id,
                    first = code,
                    findings,
                    "a map is refused"
                );
            }
        }
    }
}

/// Removes what came to its end long ago, and tells of units that have gone silent.
async fn keep_house<A: Apply>(apply: &A, settings: &Settings, turn: &Turn) {
    let mut tick = tokio::time::interval(HOUSEKEEPING_EVERY);
    loop {
        tick.tick().await;
        if !turn.is_ours() {
            continue;
        }
        let clear = QueueChange::Clear { before: now() - settings.worker.retention() };
        // What is not removed now is removed the next time.
        drop(apply.store().commit(Commit { queue: vec![clear], ..Commit::default() }).await);
        let Ok(sources) = apply.store().sources().await else { continue };
        for table in settings.connections.iter().filter(|table| is_silent(table, &sources, now())) {
            note_failure(apply, table, codes::UNIT_SILENT).await;
        }
    }
}

/// True of a connection that has given nothing for longer than its settings allow, and of which that is not known yet.
fn is_silent(table: &ConnectionTable, sources: &[Source], now: i64) -> bool {
    let Some(hours) = table.silent_after_hours else { return false };
    let source = sources.iter().find(|source| source.connection == *table.name.get_ref());
    let Some(answered) = source.filter(|source| source.failed.is_none()).and_then(|source| source.answered)
    else {
        return false;
    };
    answered + i64::from(hours) * 3_600 * SECOND < now
}
