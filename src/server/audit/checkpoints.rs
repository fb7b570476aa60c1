//! Signs where the chains of the logs end, now and then, and writes it to a second place.

use super::super::{Server, moment};
use super::AuditSettings;
use crate::store::{Checkpoint, CheckpointError, Head, SigningKey, Store, Tenant};
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the ends of the chains are looked at.
const TICK: Duration = Duration::from_secs(1);

/// The key that signs, and the file that is added to.
#[derive(Debug)]
pub struct CheckpointFiles {
    key: SigningKey,
    path: PathBuf,
    entries: u64,
    interval: Duration,
}

impl CheckpointFiles {
    /// The files that the settings name; the key is made where there is none.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or written, or holds no key.
    pub fn open(settings: &AuditSettings, data: &Path) -> io::Result<Self> {
        let path = settings.checkpoints_path(data);
        // What cannot be added to is found now, not after a thousand entries.
        drop(OpenOptions::new().create(true).append(true).open(&path)?);
        Ok(Self {
            key: key(&settings.key_path(data))?,
            path,
            entries: settings.checkpoint_entries.max(1),
            interval: Duration::from_secs(settings.checkpoint_seconds),
        })
    }

    /// Adds a line, and answers when it is on the disk.
    fn add(&self, head: Head) -> io::Result<()> {
        let line = Checkpoint { head, time: moment::now() }.signed(&self.key);
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }
}

/// The key of a file, which is made for its owner's eyes alone where there is none.
fn key(path: &Path) -> io::Result<SigningKey> {
    let odd = |error: CheckpointError| io::Error::new(io::ErrorKind::InvalidData, error);
    match fs::read_to_string(path) {
        Ok(text) => SigningKey::from_pem(&text).map_err(odd),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = SigningKey::new_pem().map_err(odd)?;
            let key = SigningKey::from_pem(&text).map_err(odd)?;
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::write(path.with_extension("pub"), key.verifying().to_pem())?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

/// The last checkpoint of a chain.
struct Last {
    size: u64,
    at: Instant,
}

/// Writes checkpoints until `stop` is done, then a last one of each chain that grew.
pub async fn keep_checkpoints<S: Store>(
    server: Arc<Server<S>>,
    files: CheckpointFiles,
    stop: impl Future<Output = ()>,
) {
    let files = Arc::new(files);
    let mut last = HashMap::new();
    let mut stop = pin!(stop);
    loop {
        let is_over = tokio::select! {
            () = &mut stop => true,
            () = tokio::time::sleep(TICK) => false,
        };
        match server.store.heads().await {
            Ok(heads) => {
                for head in heads {
                    sign(&files, head, &mut last, is_over).await;
                }
            }
            Err(error) => tracing::error!(code = error.code().id, "the ends of the logs cannot be read"),
        }
        if is_over {
            break;
        }
    }
}

/// Signs a head where it is due.
async fn sign(
    files: &Arc<CheckpointFiles>,
    head: Head,
    last: &mut HashMap<(Tenant, String), Last>,
    is_over: bool,
) {
    let key = (head.tenant, head.log.clone());
    let size = head.size;
    let last = last.entry(key).or_insert_with(|| Last { size: 0, at: Instant::now() });
    let grown = size.saturating_sub(last.size);
    if grown == 0 || !(is_over || grown >= files.entries || last.at.elapsed() >= files.interval) {
        return;
    }
    let files = Arc::clone(files);
    match tokio::task::spawn_blocking(move || files.add(head)).await {
        Ok(Ok(())) => *last = Last { size, at: Instant::now() },
        Ok(Err(_)) | Err(_) => tracing::error!("a checkpoint of the audit cannot be written"),
    }
}
