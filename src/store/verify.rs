//! Whether logs are what was written: each chain from its first entry to its end, and against its checkpoints.

use super::{Checkpoint, Fault, Flaw, Head, Logs, NoteQuery, Start, StoreError, Verifier};

/// What was found of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The log, and where it ended when it was looked at.
    pub head: Head,
    /// Its first bad row.
    pub fault: Option<Fault>,
    /// Checkpoints that it was held against.
    pub checkpoints: usize,
}

/// Follows every chain. Entries that are added meanwhile are not looked at.
///
/// # Errors
///
/// See [`StoreError`]: that nobody knows, never that a log is bad.
pub async fn verify<L: Logs>(logs: &L, checkpoints: &[Checkpoint]) -> Result<Vec<Verdict>, StoreError> {
    let mut heads = logs.heads().await?;
    // A log of which checkpoints tell and the store knows nothing was cut off wholly.
    for checkpoint in checkpoints {
        let Head { tenant, log, .. } = &checkpoint.head;
        if !heads.iter().any(|head| head.tenant == *tenant && head.log == *log) {
            heads.push(Head::empty(*tenant, log));
        }
    }
    let mut verdicts = Vec::new();
    for head in heads {
        let of_log = |checkpoint: &&Checkpoint| {
            checkpoint.head.tenant == head.tenant && checkpoint.head.log == head.log
        };
        let checkpoints: Vec<&Checkpoint> = checkpoints.iter().filter(of_log).collect();
        let fault = of_chain(logs, &head, &checkpoints).await?;
        verdicts.push(Verdict { head, fault, checkpoints: checkpoints.len() });
    }
    if let Some(fault) = logs.stray().await? {
        stray(&mut verdicts, fault);
    }
    Ok(verdicts)
}

/// A row of no chain counts where its log has no earlier fault.
fn stray(verdicts: &mut Vec<Verdict>, fault: Fault) {
    let known = verdicts
        .iter_mut()
        .find(|verdict| verdict.head.tenant == fault.tenant && verdict.head.log == fault.log);
    match known {
        Some(verdict) => {
            if verdict.fault.as_ref().is_none_or(|other| fault.place < other.place) {
                verdict.fault = Some(fault);
            }
        }
        None => {
            let head = Head::empty(fault.tenant, &fault.log);
            verdicts.push(Verdict { head, fault: Some(fault), checkpoints: 0 });
        }
    }
}

async fn of_chain<L: Logs>(
    logs: &L,
    head: &Head,
    checkpoints: &[&Checkpoint],
) -> Result<Option<Fault>, StoreError> {
    let mut verifier = Verifier::new(head.tenant, &head.log);
    let mut query = NoteQuery::after(head.tenant, &head.log, 0);
    'log: loop {
        let page = logs.notes(&query).await?;
        let Some(last) = page.last() else { break };
        query.start = Start::After(last.place);
        for noted in &page {
            if noted.place > head.size {
                break 'log;
            }
            if let Err(fault) = verifier.take(noted) {
                return Ok(Some(fault));
            }
            let reached = verifier.head();
            let is_other = |checkpoint: &&Checkpoint| {
                checkpoint.head.size == reached.size && checkpoint.head.hash != reached.hash
            };
            if checkpoints.iter().any(is_other) {
                return Ok(Some(verifier.fault(reached.size, Flaw::Checkpoint)));
            }
        }
    }
    if let Err(fault) = verifier.end(head) {
        return Ok(Some(fault));
    }
    let is_cut = checkpoints.iter().any(|checkpoint| checkpoint.head.size > head.size);
    Ok(is_cut.then(|| verifier.fault(head.size + 1, Flaw::Missing)))
}
