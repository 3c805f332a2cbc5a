//! The folder of one team: people, keys, sources, channels, policies, and where the program keeps its own files.
//! Never contacts anything and never reads a secret; only the names of the variables that hold them.

pub mod config;
pub mod paths;
pub mod schema;
pub mod team;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::core::team::Team;
use crate::error::{Failure, Kind};
use crate::runbook::finding::{self, Finding, Paint};
use crate::runbook::yaml::MAX_BYTES;
use config::Config;

/// The file that makes a folder a workspace.
pub const CONFIG_FILE: &str = "backout.yaml";
/// The people.
pub const TEAM_FILE: &str = "team.yaml";
/// Their keys, in OpenSSH's own format.
pub const SIGNERS_FILE: &str = "allowed_signers";
/// Keys that no longer count; may be missing.
pub const REVOKED_FILE: &str = "revoked_keys";
/// The folder of the runbooks.
pub const RUNBOOKS: &str = "runbooks";

/// Why a workspace cannot be used.
#[derive(Debug)]
pub enum Broken {
    /// A file is not there or cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There is no workspace around this folder.
    NotFound {
        /// Where the search began.
        from: PathBuf,
    },
    /// Files say something that cannot be.
    Findings(Vec<Finding>),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Failure {
        match broken {
            Broken::Unreadable { path, why } => {
                Failure::environment(format!("cannot read {}", path.display())).because(why)
            }
            Broken::NotFound { from } => {
                Failure::environment(format!("no workspace around {}", from.display()))
                    .hint("`backout init` makes one here; `--workspace DIR` names one elsewhere")
            }
            Broken::Findings(findings) => Failure::new(Kind::Environment, "the workspace cannot be used")
                .because(format!("\n{}", finding::to_text(&findings, Paint::Plain))),
        }
    }
}

/// The bytes that were read, for pinning them to an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `backout.yaml`.
    pub config: Vec<u8>,
    /// `team.yaml`.
    pub team: Vec<u8>,
    /// `allowed_signers`.
    pub allowed_signers: Vec<u8>,
    /// `revoked_keys`; empty when there is none.
    pub revoked_keys: Vec<u8>,
}

/// A workspace that was read without errors.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its folder, absolute.
    pub root: PathBuf,
    /// `backout.yaml`.
    pub config: Config,
    /// `team.yaml`.
    pub team: Team,
    /// What was read.
    pub files: Files,
    /// Things that work and still deserve a look.
    pub warnings: Vec<Finding>,
}

/// The nearest folder at or above `start` that holds a `backout.yaml`.
///
/// # Errors
/// [`Broken::NotFound`] when there is none.
pub fn find(start: &Path) -> Result<PathBuf, Broken> {
    start
        .ancestors()
        .find(|dir| dir.join(CONFIG_FILE).is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| Broken::NotFound { from: start.to_path_buf() })
}

impl Workspace {
    /// Reads the workspace in `root`.
    ///
    /// # Errors
    /// When a file cannot be read, or all findings of both files when one of them is an error.
    pub fn load(root: &Path) -> Result<Workspace, Broken> {
        let root = std::path::absolute(root)
            .map_err(|e| Broken::Unreadable { path: root.to_path_buf(), why: e.to_string() })?;
        let files = Files {
            config: read(&root.join(CONFIG_FILE))?,
            team: read(&root.join(TEAM_FILE))?,
            allowed_signers: read(&root.join(SIGNERS_FILE))?,
            revoked_keys: read_if_there(&root.join(REVOKED_FILE))?,
        };
        let (config, mut warnings) = config::decode(CONFIG_FILE, &files.config, &root);
        let (team, more) = team::decode(TEAM_FILE, &files.team);
        warnings.extend(more);
        match (config, team) {
            (Some(config), Some(team)) => Ok(Workspace { root, config, team, files, warnings }),
            (None, _) | (_, None) => Err(Broken::Findings(warnings)),
        }
    }

    /// The roster of keys.
    pub fn allowed_signers(&self) -> PathBuf {
        self.root.join(SIGNERS_FILE)
    }

    /// A runbook by path, or by name inside `runbooks/` with or without `.yaml`.
    pub fn runbook(&self, name: &str) -> Option<PathBuf> {
        let folder = self.root.join(RUNBOOKS);
        let candidates = [
            PathBuf::from(name),
            self.root.join(name),
            folder.join(name),
            folder.join(format!("{name}.yaml")),
        ];
        candidates.into_iter().find(|path| path.is_file())
    }
}

/// Reads a file of the workspace, up to one byte more than anyone may write.
fn read(path: &Path) -> Result<Vec<u8>, Broken> {
    let unreadable = |e: std::io::Error| Broken::Unreadable { path: path.to_path_buf(), why: e.to_string() };
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Broken::Unreadable { path: path.to_path_buf(), why: "not a plain file".to_owned() });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_BYTES {
        let why = format!("larger than {MAX_BYTES} bytes");
        return Err(Broken::Unreadable { path: path.to_path_buf(), why });
    }
    Ok(bytes)
}

fn read_if_there(path: &Path) -> Result<Vec<u8>, Broken> {
    if path.symlink_metadata().is_ok() { read(path) } else { Ok(Vec::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TEAM: &str = "people:\n  - {id: ana, name: Ana, roles: [commander]}\n";

    fn workspace() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CONFIG_FILE), "sources: {}\n").unwrap();
        fs::write(dir.path().join(TEAM_FILE), TEAM).unwrap();
        fs::write(dir.path().join(SIGNERS_FILE), "").unwrap();
        dir
    }

    #[test]
    fn it_is_found_from_anywhere_below() {
        let dir = workspace();
        let deep = dir.path().join("runbooks/scenarios");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(find(&deep).unwrap(), dir.path());
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(matches!(find(elsewhere.path()), Err(Broken::NotFound { .. })));
    }

    #[test]
    fn it_is_read_with_the_bytes_it_was_read_from() {
        let dir = workspace();
        fs::create_dir(dir.path().join(RUNBOOKS)).unwrap();
        fs::write(dir.path().join("runbooks/back.yaml"), "").unwrap();
        let workspace = Workspace::load(dir.path()).unwrap();
        assert_eq!(workspace.team.people.len(), 1);
        assert_eq!(workspace.files.team, TEAM.as_bytes());
        assert!(workspace.warnings.is_empty());
        assert_eq!(workspace.runbook("back"), Some(dir.path().join("runbooks/back.yaml")));
        assert_eq!(workspace.runbook("forth"), None);
    }

    #[test]
    fn mistakes_of_both_files_come_together() {
        let dir = workspace();
        fs::write(dir.path().join(CONFIG_FILE), "sorces: {}\n").unwrap();
        fs::write(dir.path().join(TEAM_FILE), "people: []\n").unwrap();
        let failure: Failure = Workspace::load(dir.path()).unwrap_err().into();
        let text = failure.to_string();
        assert!(text.contains("backout.yaml:1:1") && text.contains("did you mean `sources`?"), "{text}");
        assert!(text.contains("team.yaml:1:"), "{text}");
    }

    #[test]
    fn a_missing_file_or_a_folder_in_its_place_is_named() {
        let dir = workspace();
        fs::remove_file(dir.path().join(SIGNERS_FILE)).unwrap();
        let failure: Failure = Workspace::load(dir.path()).unwrap_err().into();
        assert!(failure.to_string().contains("allowed_signers"), "{failure}");
        fs::create_dir(dir.path().join(SIGNERS_FILE)).unwrap();
        let failure: Failure = Workspace::load(dir.path()).unwrap_err().into();
        assert!(failure.to_string().contains("not a plain file"), "{failure}");
    }
}
