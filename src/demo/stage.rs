//! A throw-away workspace with a real shop in it, and its processes. Never outlives the program that made it: whatever
//! still runs when the stage is dropped is ended.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::core::id::PersonId;
use crate::demo::script::Part;
use crate::demo::shop::{self, BAD, Shop};
use crate::demo::sweep;
use crate::error::{Failure, Kind, Result};
use crate::identity::signer::Signer;
use crate::outside::http::{Clients, fetch};

/// Name of the runbook in the workspace.
pub const RUNBOOK: &str = "runbooks/shop-deploy-rollback.yaml";
/// So long may the shop take to open and sell something.
const OPENS_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(50);
/// A hub whose record is closed ends within this.
const HUB_ENDS_WITHIN: Duration = Duration::from_secs(3);
/// A process on the leash gets so long to end by itself.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// The workspace, its people and its processes.
#[derive(Debug)]
pub struct Stage {
    /// The workspace's folder, absolute.
    pub dir: PathBuf,
    /// Address of the shop.
    pub url: String,
    program: PathBuf,
    cast: Vec<Player>,
    // Dropped first to last: visitors leave before the shop shuts.
    leashed: Vec<Leashed>,
}

/// One person and their throw-away key.
struct Player {
    part: Part,
    person: PersonId,
    seed: [u8; 32],
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Player({})", self.person)
    }
}

impl Stage {
    /// Makes the workspace in a folder that is new or empty, opens the shop with the bad release live, and returns when
    /// people are buying.
    ///
    /// # Errors
    /// The folder is in use or cannot be written, or the shop does not come up.
    pub async fn build(dir: &Path) -> Result<Stage> {
        let dir = claim(dir)?;
        let program = std::env::current_exe()
            .map_err(|e| Failure::environment("this program does not find itself").because(e))?;
        let mut stage = Stage { dir, url: String::new(), program, cast: cast()?, leashed: Vec::new() };
        let folder = stage.shop();
        shop::lay_out(&folder)?;
        stage.start("__shop", &folder)?;
        let opened = Shop::at(&folder);
        let port = until("the shop did not open", || opened.port()).await?;
        stage.url = format!("http://127.0.0.1:{port}");
        stage.write_workspace()?;
        stage.start("__traffic", &folder)?;
        stage.is_selling().await?;
        Ok(stage)
    }

    /// Folder of the shop.
    pub fn shop(&self) -> PathBuf {
        self.dir.join("shop")
    }

    /// Folder of the incidents.
    pub fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// The roster of keys: whoever judges the record judges it by these.
    pub fn allowed_signers(&self) -> PathBuf {
        self.dir.join(crate::workspace::SIGNERS_FILE)
    }

    /// Key file of a person.
    pub fn key_file(&self, part: Part) -> PathBuf {
        self.dir.join("keys").join(part.id())
    }

    /// A person's id and signer.
    ///
    /// # Errors
    /// Nobody of this stage has the part.
    pub fn person(&self, part: Part) -> Result<(PersonId, Signer)> {
        let player = self.cast.iter().find(|p| p.part == part);
        let player =
            player.ok_or_else(|| Failure::new(Kind::Internal, "somebody is missing on the stage"))?;
        Ok((player.person.clone(), Signer::generate_memory(player.seed)))
    }

    /// The answers to the runbook's questions that only this stage knows, as `name=value`; the others have defaults.
    ///
    /// # Errors
    /// A path that is no text cannot be an answer.
    pub fn answers(&self) -> Result<Vec<String>> {
        let text = |path: &Path| {
            let text = path.to_str().map(str::to_owned);
            text.ok_or_else(|| Failure::environment(format!("{} is not a path in UTF-8", path.display())))
        };
        Ok(vec![
            format!("backout={}", text(&self.program)?),
            format!("dir={}", text(&self.shop())?),
            format!("url={}", self.url),
        ])
    }

    /// Ends everything but lets a hub that is about to end do so by itself: its record is complete only then.
    pub fn strike(&self) {
        let begun = Instant::now();
        let hub = || sweep::processes(&self.dir).iter().any(|(_, verb)| verb == "__hub");
        while begun.elapsed() < HUB_ENDS_WITHIN && hub() {
            std::thread::sleep(LOOK);
        }
        sweep::end_all(&self.dir);
    }

    fn start(&mut self, verb: &str, dir: &Path) -> Result<()> {
        let child = Command::new(&self.program)
            .arg(verb)
            .arg(dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| Failure::environment("the shop cannot be started").because(e))?;
        self.leashed.insert(0, Leashed(child));
        Ok(())
    }

    fn write_workspace(&self) -> Result<()> {
        let config = format!(
            "# A throw-away workspace of `backout demo`.\n\
             sources:\n  shop: {{http_json: \"{}/stats\", timeout: 2s}}\n\
             channels:\n  paper: {{file: messages.txt}}\n",
            self.url
        );
        let (mut team, mut signers) = ("people:\n".to_owned(), String::new());
        self.folder("keys")?;
        for player in &self.cast {
            let (part, id) = (player.part, player.part.id());
            let (name, role) = (part.name(), part.role());
            team.push_str(&format!("  - {{id: {id}, name: \"{name}\", roles: [{role}]}}\n"));
            let signer = Signer::generate_memory(player.seed);
            signers.push_str(&format!("{id} namespaces=\"*@backout\" {} {id}\n", signer.public_openssh()));
            let comment = format!("{id}, throw-away key of a demo");
            signer
                .write_key_file(&self.key_file(part), &comment)
                .map_err(|e| Failure::environment("no key could be written").because(e))?;
        }
        self.folder("runbooks")?;
        self.write(crate::workspace::CONFIG_FILE, &config)?;
        self.write(crate::workspace::TEAM_FILE, &team)?;
        self.write(crate::workspace::SIGNERS_FILE, &signers)?;
        self.write(RUNBOOK, shop::RUNBOOK)
    }

    fn folder(&self, name: &str) -> Result<()> {
        let path = self.dir.join(name);
        DirBuilder::new().mode(0o700).create(&path).map_err(|e| cannot("make", &path, e))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut f| f.write_all(text.as_bytes())).map_err(|e| cannot("write", &path, e))
    }

    /// Waits until the bad release answers and visitors are counted.
    async fn is_selling(&self) -> Result<()> {
        let clients = Clients::new();
        let begun = Instant::now();
        loop {
            let version = get(&clients, &format!("{}/version", self.url)).await;
            let stats = get(&clients, &format!("{}/stats", self.url)).await;
            let rate = serde_json::from_str::<serde_json::Value>(&stats)
                .ok()
                .and_then(|stats| stats.get("requests_per_second")?.as_f64());
            if version.trim() == BAD && rate.is_some_and(|rate| rate > 0.0) {
                return Ok(());
            }
            if begun.elapsed() > OPENS_WITHIN {
                return Err(Failure::environment("nobody came to the shop").because(stats));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The hub first: it must not take note of steps that end only because everything ends.
        sweep::end_all(&self.dir);
        self.leashed.clear();
    }
}

async fn get(clients: &Clients, url: &str) -> String {
    let Ok(client) = clients.for_url(url, None) else { return String::new() };
    let answer = fetch(client.get(url), ENDS_WITHIN, 1 << 16).await;
    answer.map_or_else(|e| e.to_string(), |a| String::from_utf8_lossy(&a.body).into_owned())
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        match look() {
            Some(found) => return Ok(found),
            None if begun.elapsed() > OPENS_WITHIN => {
                return Err(Failure::environment(format!("{what} within {} s", OPENS_WITHIN.as_secs())));
            }
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

fn cast() -> Result<Vec<Player>> {
    let bad = |e: &dyn std::fmt::Display| Failure::environment("no key can be made").because(e);
    Part::ALL
        .into_iter()
        .map(|part| {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|e| bad(&e))?;
            let person = PersonId::parse(part.id()).map_err(|e| bad(&e))?;
            Ok(Player { part, person, seed })
        })
        .collect()
}

/// Makes the folder, or takes one that is empty.
fn claim(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir).map_err(|e| cannot("use", dir, e))?;
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(|e| cannot("make", parent, e))?;
    }
    match DirBuilder::new().mode(0o700).create(&dir) {
        Ok(()) => Ok(dir),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let mut entries = fs::read_dir(&dir).map_err(|e| cannot("use", &dir, e))?;
            match entries.next() {
                None => Ok(dir),
                Some(_) => Err(Failure::environment(format!("{} is not empty", dir.display()))
                    .because("a demo begins in a folder of its own")
                    .hint("name a new folder, or leave --dir away for a temporary one")),
            }
        }
        Err(e) => Err(cannot("make", &dir, e)),
    }
}

/// A new folder for a stage among the system's temporary ones.
///
/// # Errors
/// The system has no random bytes for its name.
pub fn temporary() -> Result<PathBuf> {
    let mut random = [0; 6];
    getrandom::fill(&mut random).map_err(|e| Failure::environment("no folder can be named").because(e))?;
    let name: String = random.iter().map(|b| format!("{b:02x}")).collect();
    Ok(std::env::temp_dir().join(format!("backout-demo-{name}")))
}

fn cannot(what: &str, path: &Path, why: io::Error) -> Failure {
    Failure::environment(format!("cannot {what} {}", path.display())).because(why)
}

/// A process that ends when its standard input does.
#[derive(Debug)]
struct Leashed(Child);

impl Drop for Leashed {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let begun = Instant::now();
        while begun.elapsed() < ENDS_WITHIN {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // It may end in this very moment; then there is nothing left to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("precious"), "").unwrap();
        let failure = claim(place.path()).unwrap_err();
        assert!(failure.to_string().contains("is not empty"), "{failure}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_folder_and_an_empty_one_are_taken() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(claim(place.path()).unwrap(), place.path());
        let deep = place.path().join("a b").join("c");
        assert_eq!(claim(&deep).unwrap(), deep);
        assert!(deep.is_dir());
    }
}
