//! Where we are and who we are: workspace, state, person, key, hub. Never decides what may be done.

use crate::cli::args::Args;
use crate::cli::door::{self, Door};
use crate::client::room::{Room, RoomError};
use crate::core::event::Display;
use crate::core::id::PersonId;
use crate::core::time::Stamp;
use crate::error::{Failure, Kind, Result};
use crate::hub::layout;
use crate::identity::key::Presented;
use crate::identity::signer::{SignError, Signer};
use crate::identity::{AllowedSigners, agent};
use crate::workspace::{self, Workspace, paths};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the command line and the environment say about where and who.
#[derive(Debug)]
pub struct Context {
    /// Folder of the incidents.
    pub state: PathBuf,
    workspace: Option<PathBuf>,
    person: Option<String>,
    key: Option<PathBuf>,
    socket: Option<PathBuf>,
    via: Option<String>,
    captive: Option<Presented>,
}

impl Context {
    /// Reads arguments and environment.
    ///
    /// # Errors
    /// When there is no place for state.
    pub fn of(args: &Args) -> Result<Context> {
        Ok(Context {
            state: paths::state(args.state.as_deref(), &paths::environment)?,
            workspace: args.workspace.clone(),
            person: args.person.clone(),
            key: args.key.clone(),
            socket: args.socket.clone(),
            via: args.via.clone(),
            captive: args.captive.clone(),
        })
    }

    /// The workspace named, or found upward from here or from the runbook.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn workspace(&self, beside: Option<&Path>) -> Result<Workspace> {
        let root = match &self.workspace {
            Some(root) => root.clone(),
            None => self.search(beside)?,
        };
        Ok(Workspace::load(&root)?)
    }

    fn search(&self, beside: Option<&Path>) -> Result<PathBuf> {
        let here = std::env::current_dir()
            .map_err(|e| Failure::environment("the current folder cannot be read").because(e))?;
        let found = workspace::find(&here);
        let beside = beside.and_then(|p| std::path::absolute(p).ok());
        match (found, beside.as_deref().and_then(Path::parent)) {
            (Ok(root), _) => Ok(root),
            (Err(broken), None) => Err(broken.into()),
            (Err(_), Some(parent)) => Ok(workspace::find(parent)?),
        }
    }

    /// The way to an incident's hub.
    ///
    /// # Errors
    /// When there is no such incident.
    pub fn door(&self, incident: Option<&str>) -> Result<Door> {
        let door = door::find(&self.state, incident, self.socket.as_deref(), self.via.as_deref())?;
        match (&self.captive, &door) {
            (None, _) => Ok(door),
            (Some(_), Door::Folder(dir)) => captive_may(dir).map(|()| door),
            (Some(_), Door::Socket(_) | Door::Ssh(_)) => Err(Failure::usage("name the incident by its id")),
        }
    }

    /// Who somebody is, where nothing has to be signed here: the person named, or whoever the key that came in speaks
    /// for, or whoever one's own keys speak for.
    ///
    /// # Errors
    /// When that is nobody, or several people.
    pub fn who(&self, room: &Room) -> Result<PersonId> {
        if let Some(key) = &self.captive {
            return self.known_by(key, &room.roster());
        }
        match &self.person {
            Some(person) => PersonId::parse(person.clone()).map_err(|e| Failure::usage(e.to_string())),
            None => self
                .identify(room)
                .map(|(person, _)| person)
                .map_err(|e| e.hint("or say who with --as PERSON")),
        }
    }

    /// Whom a key speaks for.
    fn known_by(&self, key: &Presented, signers: &AllowedSigners) -> Result<PersonId> {
        let mut people = signers.principals_of(key);
        if let Some(named) = &self.person {
            people.retain(|p| p == named);
        }
        match people.as_slice() {
            [one] => PersonId::parse(one.clone()).map_err(|e| Failure::usage(e.to_string())),
            [] => Err(Failure::refused(format!(
                "the key that came in ({key}) does not speak for {} in this incident",
                self.person.as_deref().unwrap_or("anybody")
            ))),
            [_, _, ..] => Err(Failure::usage(format!("your key speaks for {}", people.join(", ")))
                .hint("say who with --as")),
        }
    }

    /// Behind a captive login, only the key that came in signs.
    fn captive_signer(&self, key: &Presented, signers: &AllowedSigners) -> Result<(PersonId, Signer)> {
        let person = self.known_by(key, signers)?;
        let socket = agent::socket_from_environment().map_err(|e| {
            Failure::environment("no key of yours can sign here").because(e).hint(
                "come in with `ssh -A`; or sign on your own machine: `pending INCIDENT`, ssh-keygen -Y sign, `submit INCIDENT`",
            )
        })?;
        let held = Signer::of_agent(&socket, key)
            .map_err(|e| Failure::environment("the key that came in cannot sign here").because(e))?;
        Ok((person, held))
    }

    /// Who acts, by the keys pinned in an incident, and what signs for them. The room has caught up: its first event
    /// names the digest of the roster.
    ///
    /// # Errors
    /// When no key fits, or several people do.
    pub fn identify(&self, room: &Room) -> Result<(PersonId, Signer)> {
        self.identify_among(&room.roster())
    }

    /// Who acts, among these keys.
    ///
    /// # Errors
    /// When no key fits, or several people do.
    pub fn identify_among(&self, signers: &AllowedSigners) -> Result<(PersonId, Signer)> {
        if let Some(key) = &self.captive {
            return self.captive_signer(key, signers);
        }
        let socket = agent::socket_from_environment().ok();
        let no_key = |e: SignError| {
            Failure::environment("no key of yours can sign")
                .because(e)
                .hint("load your key with ssh-add, or name a file with --key")
        };
        let id = |text: &str| PersonId::parse(text).map_err(|e| Failure::usage(e.to_string()));
        if let Some(person) = &self.person {
            let who = id(person)?;
            let ask = &mut |path: &Path| crate::cli::ask::passphrase(path);
            let signer = Signer::find_asking(person, signers, socket.as_deref(), self.key.as_deref(), ask);
            return Ok((who, signer.map_err(no_key)?));
        }
        let mut known = Signer::who_am_i(signers, socket.as_deref(), self.key.as_deref()).map_err(no_key)?;
        if known.len() > 1 {
            let shown = |p: &str| crate::sanitize::unmistakable(p).into_string();
            let names: Vec<String> = known.iter().map(|(p, _)| shown(p)).collect();
            return Err(
                Failure::usage(format!("your keys speak for {}", names.join(", "))).hint("say who with --as")
            );
        }
        match known.pop() {
            Some((person, signer)) => Ok((id(&person)?, signer)),
            None => Err(Failure::environment("allowed_signers lists none of your keys")
                .hint("its owner adds a line: your id, then your public key (`ssh-add -L` prints it)")),
        }
    }
}

/// A shared login must not be the account that the hub and its steps run under: any of its visitors' forwarded agents
/// would be within a step's reach.
fn captive_may(dir: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(dir).map(|m| m.uid()).unwrap_or(u32::MAX);
    if owner != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Failure::refused("this login and the incident's hub are one account")
        .because("a step could use the agents that visitors forward here")
        .hint("open incidents under another account, in a state that is shared with this login's group"))
}

/// Connects to the hub of the incident in this folder.
///
/// # Errors
/// When no hub runs there.
pub async fn attach(dir: &Path) -> Result<Room> {
    enter(&Door::Folder(dir.to_owned())).await
}

/// Connects to the hub behind a door.
///
/// # Errors
/// When there is none, or not the one that was looked for.
pub async fn enter(door: &Door) -> Result<Room> {
    if let Door::Folder(dir) = door {
        // Knows best why a folder is closed.
        layout::socket(dir)?;
    }
    door.open().await.map_err(|why| door.shut(why))
}

/// A connection that ended, for a person.
pub fn lost(why: RoomError) -> Failure {
    match why {
        RoomError::Mirror(e) => Failure::new(Kind::No, "what the hub sends does not hold").because(e),
        other => Failure::environment("the hub cannot be followed any more").because(other),
    }
}

/// Now, by this machine's clock.
pub fn now() -> Stamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Stamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// How this person reaches the hub: for attribution only, never for authority.
pub fn via() -> String {
    match std::env::var("SSH_CONNECTION") {
        Ok(ssh) => {
            let from = ssh.split(' ').next().unwrap_or("?");
            format!("from {}", crate::sanitize::line(from).as_str())
        }
        Err(_) => "on this machine".to_owned(),
    }
}

/// Where statements are shown: by this program, on this machine. With a forwarded agent the key is elsewhere.
pub fn display() -> Display {
    let forwarded =
        std::env::var_os("SSH_CONNECTION").is_some() && std::env::var_os("SSH_AUTH_SOCK").is_some();
    if forwarded { Display::Hub } else { Display::Local }
}

/// The runtime of a client: one thread is plenty.
///
/// # Errors
/// When the system has none to give.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::environment("the system gives no event loop").because(e))
}
