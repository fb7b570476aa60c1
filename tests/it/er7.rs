//! HL7 v2 messages that others published: each is read, written back byte for byte, and written anew.

use crate::ratchet::{self, Failure};
use crate::shared;
use sauma::exchange::document::Document;
use sauma::exchange::laws::{Trial, laws_of};
use sauma::format::{encode, er7};
use sauma::mapping::units::schema;
use sauma::tree::{Kind, NodeId, Tree, equal};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

mod synthesis;

/// Messages that the folder of published documents has at least; a test that finds none tests nothing.
const MESSAGES_MIN: usize = 380;

#[test]
fn published_messages_come_back() {
    let Some(folder) = shared::folder() else { return };
    let files = messages_of(&folder);
    let outcomes = shared::in_parallel(&files, |path| check(&fs::read(path).unwrap()));
    let (mut count, mut failures) = (0, Vec::new());
    for (path, outcome) in files.iter().zip(outcomes) {
        let file = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        match outcome {
            Ok(messages) => count += messages,
            Err((check, why)) => failures.push(Failure { file, check: check.to_owned(), why }),
        }
    }
    println!("HL7 v2 messages that come back: {count} of {} files, {} not read", files.len(), failures.len());
    ratchet::check("er7", &failures);
    assert!(count >= MESSAGES_MIN, "only {count} messages");
}

/// Every file that begins like a message, whatever its name ends in.
fn messages_of(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for part in
        ["formats", "corpus", "finland"].map(|part| folder.join(part)).iter().filter(|part| part.is_dir())
    {
        files.extend(shared::files(part, &["hl7", "txt", "er7", "mllp"]));
    }
    files.retain(|path| er7::looks_like(&fs::read(path).unwrap()));
    files
}

type Outcome<T> = Result<T, (&'static str, String)>;

/// Checks all messages of a file, and says how many there are.
fn check(bytes: &[u8]) -> Outcome<usize> {
    let unread = |issue: Box<sauma::diag::Issue>| ("read", format!("{} {}", issue.code.id, issue.message));
    let (text, encoding) = er7::decode(bytes, None).map_err(unread)?;
    if encode(&text, encoding).ok().as_deref() != Some(bytes) {
        return Err(("encoding", "the bytes do not come back".to_owned()));
    }
    let several = er7::messages(&text);
    if let [_] = several.as_slice() {
        check_message(&text)?;
    } else {
        for part in &several {
            check_message(&text[part.clone()])?;
        }
    }
    Ok(several.len())
}

fn check_message(text: &str) -> Outcome<()> {
    let unread = |issue: Box<sauma::diag::Issue>| ("read", format!("{} {}", issue.code.id, issue.message));
    let lost = |what: &str| Err(("write", what.to_owned()));
    let (tree, dialect) = er7::read(text, schema().names()).map_err(unread)?;
    let written = |tree: &Tree| er7::patch(tree, &dialect).unwrap_or_default();
    if written(&tree) != text {
        return lost("an unedited message changed");
    }
    let leaves: Vec<NodeId> =
        tree.descend(NodeId::ROOT).filter(|node| tree.kind(*node) == Kind::Str).collect();
    let mut again = tree.clone();
    for leaf in &leaves {
        again.set_text(*leaf, &tree.text(*leaf));
    }
    if written(&again) != text {
        return lost("values replaced by themselves changed the message");
    }
    if let Some(leaf) = leaves.get(leaves.len() / 2) {
        let mut edited = tree.clone();
        let field = char::from(dialect.separators.field);
        edited.set_text(*leaf, &format!("å{field}new"));
        let span = tree.span(*leaf);
        let sign = dialect.separators.escape.map_or('\\', char::from);
        let expected =
            [&text[..span.start as usize], &format!("å{sign}F{sign}new"), &text[span.end as usize..]];
        if written(&edited) != expected.concat() {
            return lost("a new value changed more than its own place");
        }
    }
    let anew = er7::write(&tree).map_err(unread)?;
    match er7::read(&anew, schema().names()) {
        Ok((other, _)) if equal(&tree, NodeId::ROOT, &other, NodeId::ROOT) => Ok(()),
        Ok(_) => lost("a message that was written anew is another one"),
        Err(issue) => Err(("write", format!("what was written anew is not read: {}", issue.code.id))),
    }
}

/// Messages of each family that the synthesiser makes.
fn made() -> u64 {
    env::var("SAUMA_LAW_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

/// The laws that need one document hold for synthesised messages, and every leaf of them is accounted for.
#[test]
fn synthesised_messages_keep_the_laws() {
    for family in synthesis::FAMILIES {
        let (mut leaves, mut carried) = (0, 0);
        for seed in 0..made() {
            let bytes = synthesis::message(family, seed);
            check(&bytes).unwrap_or_else(|why| panic!("{family:?} {seed}: {why:?}"));
            let document = Document::read(&bytes, None)
                .unwrap_or_else(|unread| panic!("{family:?} {seed}: {}", unread.issue.message));
            assert_eq!(document.unit.name, "hl7-v2-care");
            assert_eq!(document.bytes(), bytes, "{family:?} {seed}");
            let program = document.unit.program().unwrap();
            let mut trial = Trial::default();
            let got = laws_of(&mut trial, program, &document).unwrap();
            assert!(trial.broken.is_empty(), "{family:?} {seed}: {:?}", trial.broken);
            let counts = program.ledger(&document.tree, &got).counts();
            leaves += counts.carried + counts.kept;
            carried += counts.carried;
            assert_eq!(counts.unexplained, 0, "{family:?} {seed}");
        }
        println!("{family:?}: {} messages, {carried} of {leaves} leaves carried", made());
        assert!(carried > 0);
    }
}

#[test]
fn a_seed_gives_one_message() {
    let message = |seed| synthesis::message(synthesis::Family::Goal, seed);
    assert_eq!(message(7), message(7));
    assert_ne!(message(7), message(8));
}
