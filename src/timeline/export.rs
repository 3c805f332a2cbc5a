//! Everything people signed, as files that stock tools check: one text and one signature each.
//!
//! `ssh-keygen -Y verify` and the Python of the README need nothing of this program. Never changes a byte of what
//! was signed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::codec::{self, Malformed};
use super::evidence::{Evidence, EvidenceError};
use super::walk::{Break, Item, Walk};
use crate::core::event::Event;

/// Name of the packed record inside an export.
pub const EVIDENCE: &str = "evidence.backout";

/// Why nothing, or not everything, was written out.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The record cannot be read, or packed.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The record breaks before its end. Verify it first.
    #[error("the record does not hold: {0}")]
    Broken(#[from] Break),
    /// An event that cannot be read.
    #[error("event {seq}: {why}")]
    Malformed {
        /// Which.
        seq: u64,
        /// What is wrong.
        why: Malformed,
    },
    /// A file cannot be written.
    #[error("{path}: {why}")]
    Write {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: io::Error,
    },
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// How many statements.
    pub statements: usize,
    /// The one file that `backout verify` reads.
    pub evidence: PathBuf,
}

/// A signed statement of the record.
struct Statement {
    file: String,
    principal: String,
    namespace: String,
    at: String,
}

/// Writes a new folder (refused if it is there): statements and signatures, `allowed_signers`, a README with the exact
/// command for each, and the packed record.
///
/// # Errors
/// See [`ExportError`].
pub fn export(evidence: &Evidence, target: &Path) -> Result<Exported, ExportError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |why| ExportError::Write { path, why }
    };
    DirBuilder::new().mode(0o700).create(target).map_err(failed(target))?;
    let statements = statements(evidence, target)?;
    for name in ["allowed_signers", "revoked_keys"] {
        write(&target.join(name), &evidence.bytes(name)?.unwrap_or_default())?;
    }
    write(&target.join("README"), readme(&statements).as_bytes())?;
    let packed = target.join(EVIDENCE);
    evidence.pack(io::BufWriter::new(create(&packed)?))?;
    Ok(Exported { statements: statements.len(), evidence: packed })
}

fn statements(evidence: &Evidence, target: &Path) -> Result<Vec<Statement>, ExportError> {
    let mut walk = Walk::new(BufReader::with_capacity(256 * 1024, evidence.whole_record()?));
    let mut all = Vec::new();
    while let Some(item) = walk.next()? {
        let Item::Event { seq, parts, .. } = item else { continue };
        let event = codec::decode_parts(&parts).map_err(|why| ExportError::Malformed { seq, why })?;
        all.extend(statement(&event, target)?);
    }
    Ok(all)
}

fn statement(event: &Event, target: &Path) -> Result<Option<Statement>, ExportError> {
    let Some(auth) = &event.auth else { return Ok(None) };
    let (Some(person), Some(text), Some(sig), Some(namespace)) =
        (event.actor.person(), &auth.statement, &auth.sshsig, &auth.namespace)
    else {
        return Ok(None);
    };
    // A principal is `[a-z0-9._@+-]`, so it is safe in a file name behind the number.
    let file = format!("{:06}-{person}.txt", event.seq);
    write(&target.join(&file), text.as_bytes())?;
    write(&target.join(format!("{file}.sig")), sig.as_bytes())?;
    let at = event.at.to_second();
    let digits = at.bytes().filter(u8::is_ascii_digit).map(char::from).collect::<String>() + "Z";
    Ok(Some(Statement { file, principal: person.to_string(), namespace: namespace.clone(), at: digits }))
}

fn create(path: &Path) -> Result<std::fs::File, ExportError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|why| ExportError::Write { path: path.to_owned(), why })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    create(path)?.write_all(bytes).map_err(|why| ExportError::Write { path: path.to_owned(), why })
}

fn readme(statements: &[Statement]) -> String {
    let mut text = format!(
        "What people signed in this incident, checked with OpenSSH alone. Run these lines in this folder.\n\
         allowed_signers is the copy that came with the record: compare it with your own, or use yours.\n\n\
         The whole record, tree and rules included: backout verify {EVIDENCE}\n\
         (or take it apart: its first lines say which files it carries and how long they are).\n\n"
    );
    for s in statements {
        // A namespace comes out of the record; only the characters of ours are printed into a command.
        let plain = s.namespace.bytes().all(|b| b.is_ascii_alphanumeric() || b".@-_".contains(&b));
        let namespace = if plain { s.namespace.as_str() } else { "INVALID" };
        text.push_str(&format!(
            "ssh-keygen -Y verify -f allowed_signers -I {} -n {namespace} -O verify-time={} -s {2}.sig < {2}\n",
            s.principal, s.at, s.file
        ));
    }
    text
}
