//! `open`: an incident begins. Never overwrites one that is there.

use crate::cli::args::{Args, ModeArg, Open};
use crate::cli::context::{self, Context};
use crate::cli::door::Door;
use crate::cli::params::{self, Answers, Asking};
use crate::cli::room::Seat;
use crate::cli::{follow, lint, live, record, redlines, say};
use crate::client::session::{self, Session};
use crate::core::event::{Mode, Opened};
use crate::core::id::{IncidentId, PersonId, RoleName};
use crate::core::incident::Stage;
use crate::core::intent::Intent;
use crate::core::team::Team;
use crate::core::time::spoken;
use crate::error::{Failure, Kind, Result};
use crate::hub::layout::{self, Copies, Opening};
use crate::hub::start::{Launch, Ready};
use crate::identity::AllowedSigners;
use crate::identity::signer::Signer;
use crate::runbook::model::Runbook;
use crate::timeline::seal::Origin;
use crate::wire::act::Act;
use crate::workspace::Workspace;
use std::fs::File;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// What a new incident is about.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Folder of the incidents.
    pub state: &'a Path,
    /// The runbook's bytes, to be pinned.
    pub bytes: Vec<u8>,
    /// The runbook.
    pub runbook: &'a Runbook,
    /// The answers to its questions.
    pub answers: Answers,
    /// For real or not.
    pub mode: Mode,
    /// 1 to 5.
    pub severity: u8,
    /// Seats the opener wants.
    pub roles: Vec<RoleName>,
}

/// An incident whose hub runs.
#[derive(Debug)]
pub struct Begun {
    /// Its folder.
    pub dir: PathBuf,
    /// The opener's session, begun with the record.
    pub session: Session,
}

/// Runs the verb.
pub fn run(args: &Args, verb: &Open) -> Result<()> {
    if !verb.headless {
        live::ready(args)?;
        if !std::io::stdout().is_terminal() {
            let failure = Failure::usage("a console needs a terminal");
            return Err(failure.hint("--headless goes without; nothing was opened"));
        }
    }
    let context = Context::of(args)?;
    let workspace = context.workspace(Some(&verb.runbook))?;
    let path = workspace.runbook(&verb.runbook.to_string_lossy()).unwrap_or_else(|| verb.runbook.clone());
    let (bytes, runbook) = read(&path, &workspace)?;
    let asking = if verb.headless { Asking::Never } else { Asking::AtTheTerminal };
    let answers = params::gather(&runbook, &verb.params, asking)?;
    let signers = AllowedSigners::parse(&workspace.files.allowed_signers);
    let (person, signer) = context.identify_among(&signers)?;
    let roles = seats(&runbook, &workspace.team, &person, &verb.role)?;
    let mode = mode(verb.mode);
    let wanted = Wanted {
        workspace: &workspace,
        state: &context.state,
        bytes,
        runbook: &runbook,
        answers,
        mode,
        severity: verb.severity,
        roles: roles.clone(),
    };
    if verb.take_over.as_ref().is_some_and(|why| why.trim().is_empty()) {
        return Err(Failure::usage("taking over needs a reason").hint("it goes into the record"));
    }
    for found in lint::workspace::mistakable(&workspace) {
        say(&format!("{}:{}: {}", found.path, found.line, found.message));
    }
    let turn = turn(&context.state)?;
    let held = holder(&context.state, &runbook, mode)?;
    if let (Some(holder), None) = (&held, &verb.take_over) {
        return Err(Failure::refused(format!(
            "{} in {} is held by incident {holder}",
            runbook.service, runbook.environment
        ))
        .hint("join or close that one; or say --take-over with your reason"));
    }
    let open_redlines = redlines::open(&context.state, &workspace, &runbook.id);
    let remarks = remarks(verb, held.as_deref(), open_redlines);
    let begun = begin(wanted, &person, &signer)?;
    drop(turn);
    let id = begun.dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    say(&format!("incident {id} is open; its record is in {}", begun.dir.display()));
    let door = Door::Folder(begun.dir);
    context::runtime()?.block_on(async {
        let room = context::enter(&door).await?;
        let mut seat = Seat::of_session(room, person, signer, begun.session);
        seat.room.catch_up().await.map_err(context::lost)?;
        for remark in &remarks {
            seat.note(remark).await?;
        }
        if verb.headless {
            seat.assume(&roles).await?;
            return follow::headless(seat, verb).await;
        }
        let (room, person, signer, session) = seat.into_parts()?;
        let attendance = live::Attendance { room, person, signer, session, roles, door };
        live::farewell(&live::attend(args, attendance).await?, &id);
        Ok(())
    })
}

fn mode(asked: ModeArg) -> Mode {
    match asked {
        ModeArg::Live => Mode::Live,
        ModeArg::Drill => Mode::Drill,
        ModeArg::Tabletop => Mode::Tabletop,
    }
}

/// What the record is told at its beginning. Redlines never keep anybody from opening: at that hour the old runbook
/// is better than none, and what is open is said loudly and written down.
fn remarks(verb: &Open, held: Option<&str>, open_redlines: usize) -> Vec<String> {
    let mut out = Vec::new();
    if let (Some(holder), Some(why)) = (held, &verb.take_over) {
        out.push(format!("takes over from incident {holder}: {why}"));
    }
    if open_redlines > 0 {
        let runbook = verb.runbook.display();
        say(&format!(
            "WARNING: {open_redlines} redlines of this runbook are open: earlier incidents did otherwise than it says.\n  \
             `backout redlines {runbook}` lists them."
        ));
        let why = verb.with_open_redlines.as_deref().unwrap_or("no reason given");
        out.push(format!("opened with {open_redlines} open redlines: {why}"));
    }
    out
}

/// Waits for one's turn to open: of two who open at once, the second finds the first one's incident. Held by a lock
/// that goes with its process.
fn turn(state: &Path) -> Result<File> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let path = state.join("open.lock");
    let cannot = |e| Failure::environment(format!("cannot write {}", path.display())).because(e);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(cannot)?;
    let file = File::options().create(true).append(true).mode(0o600).open(&path).map_err(cannot)?;
    file.lock().map_err(cannot)?;
    Ok(file)
}

/// The live incident that is not over for the same service and environment: its id, who commands and for how long.
fn holder(state: &Path, runbook: &Runbook, mode: Mode) -> Result<Option<String>> {
    if mode != Mode::Live {
        return Ok(None);
    }
    let now = context::now();
    for dir in record::all(state)? {
        // One that cannot be read cannot be asked; `list` shows it.
        let Ok(other) = record::load(&dir) else { continue };
        let incident = &other.incident;
        let live = incident.opened.as_ref().is_some_and(|o| o.mode == Mode::Live);
        let same = incident.runbook.service == runbook.service
            && incident.runbook.environment == runbook.environment;
        if live && same && incident.stage != Stage::Closed {
            let id = incident.opened.as_ref().map(|o| o.incident.to_string()).unwrap_or_default();
            let who = incident.commander().map_or_else(|| "nobody".to_owned(), |s| s.person.to_string());
            let age = spoken(now.since(incident.opened_at));
            return Ok(Some(format!("{id}, commanded by {who}, open for {age}")));
        }
    }
    Ok(None)
}

/// Reads a runbook for use: its errors, the linter's included, stop it here.
///
/// # Errors
/// All findings.
pub fn read(path: &Path, workspace: &Workspace) -> Result<(Vec<u8>, Runbook)> {
    let (bytes, loaded) = lint::load(path)?;
    lint::fit(path, &loaded, Some(workspace))?;
    Ok((bytes, loaded.runbook))
}

/// The seats a person takes: those asked for, or every seat of the runbook that the team gives them.
fn seats(runbook: &Runbook, team: &Team, person: &PersonId, asked: &[String]) -> Result<Vec<RoleName>> {
    let names: Vec<String> = if asked.is_empty() {
        runbook.roles.iter().map(|r| r.name.clone()).filter(|r| team.may_take(person, r)).collect()
    } else {
        asked.to_vec()
    };
    names.into_iter().map(|n| RoleName::parse(n).map_err(|e| Failure::usage(e.to_string()))).collect()
}

/// Lays out the incident's folder, signs the opener in and starts the hub.
///
/// # Errors
/// When the opener's key does not sign, or the hub does not come up.
pub fn begin(wanted: Wanted<'_>, person: &PersonId, signer: &Signer) -> Result<Begun> {
    let incident = new_id()?;
    let bad = |e: crate::timeline::seal::SealError| {
        Failure::new(Kind::Internal, "the log has no valid name").because(e)
    };
    let origin = Origin::of_incident(crate::cli::ORIGIN, incident.as_str()).map_err(bad)?;
    let asking = session::Asking {
        person: person.clone(),
        roles: wanted.roles,
        via: context::via(),
        display: context::display(),
    };
    let (session, joined, auth) = Session::begin(origin.as_str(), &asking, signer, context::now())
        .map_err(|e| Failure::environment("nothing was signed, so nothing was opened").because(e))?;
    let files = &wanted.workspace.files;
    let copies = Copies {
        runbook: wanted.bytes,
        team: files.team.clone(),
        allowed_signers: files.allowed_signers.clone(),
        revoked_keys: files.revoked_keys.clone(),
        workspace: files.config.clone(),
    };
    let opened = Opened {
        log: origin.as_str().to_owned(),
        incident: incident.clone(),
        mode: wanted.mode,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        // The hub makes this key and fills it in: nobody else ever holds it.
        hub_key: String::new(),
        pinned: copies.pinned(),
        params: wanted.answers.recorded,
        restore_point: wanted.answers.restore_point,
        severity: wanted.severity,
        policies: wanted.workspace.config.policies.pinned(wanted.runbook.class),
        session: joined,
    };
    let act =
        Act { person: person.clone(), intent: Intent::Open(Box::new(opened)), auth, payload: Vec::new() };
    let opening = Opening { act, workspace: wanted.workspace.root.clone() };
    let dir = layout::prepare(wanted.state, &incident, &copies, &opening)?;
    warn(&Launch::new(&dir).secrets(wanted.answers.secrets).start()?);
    Ok(Begun { dir, session })
}

/// Says what will end a hub before its time, so that nobody finds out by logging out.
pub fn warn(ready: &Ready) {
    if let Some(warning) = ready.warning {
        say(&format!("\n  !! {warning}\n"));
    }
}

/// A ULID: 48 bits of time in milliseconds, then 80 random bits, in Crockford's base 32.
fn new_id() -> Result<IncidentId> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let random: [u8; 10] =
        session::random().map_err(|e| Failure::environment("an incident needs a random id").because(e))?;
    let millis = u128::try_from(context::now().0 / 1_000).unwrap_or(0) & ((1 << 48) - 1);
    let tail = random.iter().fold(0u128, |all, byte| (all << 8) | u128::from(*byte));
    let bits = (millis << 80) | tail;
    let text: String = (0..26)
        .filter_map(|i| ALPHABET.get(((bits >> (125 - 5 * i)) & 31) as usize))
        .map(|c| char::from(*c))
        .collect();
    IncidentId::parse(text).map_err(|e| Failure::new(Kind::Internal, "the new id is not one").because(e))
}
