//! `sauma backup` and `sauma restore`: a store with its logs, out of a running server and back.

use super::console::{Console, Stop, Verdict};
use super::logs::{Named, Source, block_on, dump_refused, refused};
use super::serve::STORE_FILE;
use crate::diag::{Issue, Span, codes};
use crate::mapping::units;
use crate::search::Parameters;
use crate::store::{
    AnyStore, Beside, Findable, Logs, Name, Postgres, PostgresOptions, Restored, Sqlite, SqliteOptions, dump,
    restore as restore_dump, verify,
};
use crate::tree::fhir;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

const BACKUP_EXAMPLES: &str = "\
Examples:
  sauma backup /backup/sauma-monday.db
  sauma backup /backup/sauma-monday.db --data /var/lib/sauma
  sauma backup /backup/sauma-monday.ndjson --database postgresql://localhost/sauma

The server may be running. Of a folder of data the backup is a store of its own, of one moment; of a database it is a
dump. Logs are in both, and are checked before the command ends well.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  sauma restore /backup/sauma-monday.db --data /var/lib/sauma-new
  sauma restore /backup/sauma-monday.ndjson --database postgresql://localhost/sauma --base https://plans.example.org/fhir

What is restored to must be empty. Checkpoints and keys are not part of a backup: keep them elsewhere.";

/// Copy a store with its logs, while the server runs.
#[derive(Debug, clap::Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(super) struct BackupArgs {
    /// The file to write
    to: PathBuf,
    /// Folder of the embedded store
    #[arg(long, value_name = "DIR", default_value = "sauma-data")]
    data: PathBuf,
    /// PostgreSQL database, in place of the folder
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    database: Option<String>,
}

/// Bring a backup back into an empty store, and check it.
#[derive(Debug, clap::Args)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(super) struct RestoreArgs {
    /// The backup
    from: PathBuf,
    /// Folder of the embedded store
    #[arg(long, value_name = "DIR", default_value = "sauma-data")]
    data: PathBuf,
    /// PostgreSQL database, in place of the folder
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    database: Option<String>,
    /// The address of the API, by which references to this server are known
    #[arg(long, value_name = "URL")]
    base: Option<String>,
}

pub(super) fn backup(args: &BackupArgs) -> Result<Verdict, Stop> {
    block_on(async {
        if let Some(url) = &args.database {
            let store = database(url).await?;
            let versions = write_dump(&store, &args.to).await?;
            check(&Source::open(&Named::Dump(args.to.clone())).await?).await?;
            Console::note(&format!("{versions} versions and their logs are in `{}`\n", args.to.display()));
            return Ok(Verdict::Clean);
        }
        let store = Beside::open(&args.data.join(STORE_FILE)).map_err(|error| refused(&error))?;
        store.backup(&args.to).map_err(|error| refused(&error))?;
        let copy = Sqlite::open(&SqliteOptions::new(&args.to)).map_err(|error| refused(&error))?;
        copy.check().await.map_err(|error| refused(&error))?;
        check(&copy).await?;
        Console::note(&format!("the store is in `{}`, and sound\n", args.to.display()));
        Ok(Verdict::Clean)
    })
}

/// Writes a dump under another name, which becomes its own once all of it is on the disk.
async fn write_dump(store: &AnyStore, to: &Path) -> Result<u64, Stop> {
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let unwritable = |source| Stop::Unwritable { path: to.to_owned(), source };
    let mut out = BufWriter::new(File::create(&part).map_err(unwritable)?);
    let versions = dump(store, &mut out).await.map_err(|error| dump_refused(&error))?;
    let file = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
    file.sync_all().map_err(unwritable)?;
    fs::rename(&part, to).map_err(unwritable)?;
    Ok(versions)
}

pub(super) fn restore(args: &RestoreArgs) -> Result<Verdict, Stop> {
    block_on(async {
        let to = args.data.join(STORE_FILE);
        if args.database.is_none() && to.exists() {
            return Err(Stop::usage("there is a store already", "restore into another folder"));
        }
        let named = Named::of(&args.from.to_string_lossy())?;
        match (&named, &args.database) {
            (Named::Dump(path), Some(url)) => {
                let store = database(url).await?;
                told(&read_dump(&store, path, args.base.clone()).await?);
                check(&store).await?;
            }
            (Named::Dump(path), None) => {
                fs::create_dir_all(&args.data).map_err(Stop::System)?;
                let store = Sqlite::open(&SqliteOptions::new(&to)).map_err(|error| refused(&error))?;
                let store = AnyStore::Sqlite(store);
                told(&read_dump(&store, path, args.base.clone()).await?);
                check(&store).await?;
            }
            (Named::File(path), None) => {
                fs::create_dir_all(&args.data).map_err(Stop::System)?;
                let backup = Beside::open(path).map_err(|error| refused(&error))?;
                backup.backup(&to).map_err(|error| refused(&error))?;
                let store = Sqlite::open(&SqliteOptions::new(&to)).map_err(|error| refused(&error))?;
                store.check().await.map_err(|error| refused(&error))?;
                check(&store).await?;
            }
            (Named::File(_) | Named::Database(_), _) => {
                return Err(Stop::usage(
                    "a database takes a dump",
                    "write one with `sauma backup --database`",
                ));
            }
        }
        Console::note("the store is restored, and sound\n");
        Ok(Verdict::Clean)
    })
}

async fn database(url: &str) -> Result<AnyStore, Stop> {
    let options = PostgresOptions::new(url).map_err(|error| refused(&error))?;
    Postgres::open(&options).await.map(AnyStore::Postgres).map_err(|error| refused(&error))
}

fn told(restored: &Restored) {
    Console::note(&format!("{} versions, {} entries of logs\n", restored.versions, restored.notes));
}

async fn read_dump(store: &AnyStore, path: &Path, base: Option<String>) -> Result<Restored, Stop> {
    let schema = units::schema();
    let parameters = Parameters::new(schema, base.into_iter().collect::<Vec<_>>());
    let findable = |_: &Name, bytes: &[u8]| {
        let text = str::from_utf8(bytes).ok();
        let tree = text.and_then(|text| fhir::read_json(text, schema.names()).ok());
        let found = tree.and_then(|tree| {
            Some(Findable { client: parameters.client_of(&tree), keys: parameters.keys(&tree).ok()? })
        });
        found.unwrap_or_default()
    };
    let file = File::open(path).map_err(|source| Stop::Unreadable { path: path.to_owned(), source })?;
    let restored = restore_dump(store, &mut BufReader::new(file), findable).await;
    restored.map_err(|error| dump_refused(&error))
}

/// Stops where a log is not what was written.
async fn check<L: Logs>(logs: &L) -> Result<(), Stop> {
    let verdicts = verify(logs, &[]).await.map_err(|error| refused(&error))?;
    match verdicts.into_iter().find_map(|verdict| verdict.fault) {
        Some(fault) => {
            let issue = Issue::error(codes::LOG_DUMP, Span::default(), fault.to_string());
            Err(Stop::Issue(Box::new(issue)))
        }
        None => Ok(()),
    }
}
