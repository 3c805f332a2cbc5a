//! A PostgreSQL cluster as a company has it: archived WAL, a base backup, and a disaster at a known moment.
//! Runs as the account that Debian made for it, never as root.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{Daemon, Place, need, wait_for};

/// The programs.
pub const BIN: &str = "/usr/lib/postgresql/15/bin";

/// A cluster in `place/<name>`, which its account owns: `data`, `archive`, and what tests put beside them.
pub struct Cluster {
    pub folder: PathBuf,
    home: PathBuf,
}

impl Cluster {
    /// Makes and starts one; nothing when PostgreSQL is missing.
    pub fn start(place: &Place, name: &str) -> Option<Cluster> {
        need("pg_verifybackup")?;
        let folder = place.folder(name);
        let cluster = Cluster { folder, home: place.folder("home") };
        give(&cluster.folder);
        cluster.tool(
            "initdb",
            &[
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
                "--wal-segsize=1",
                "-k",
                "-D",
                &cluster.at("data"),
            ],
        );
        cluster.owned("mkdir", &[&cluster.at("archive"), &cluster.at("sockets")]);
        cluster.configure(&format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\nmax_connections = 30\narchive_mode = on\narchive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'\n",
            cluster.at("sockets"),
            archive = cluster.at("archive"),
        ));
        cluster.up();
        Some(cluster)
    }

    /// More settings.
    pub fn configure(&self, text: &str) {
        let path = self.folder.join("data/postgresql.conf");
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, before + text).unwrap();
    }

    /// A path inside, as text.
    pub fn at(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Starts its server.
    pub fn up(&self) {
        self.tool("pg_ctl", &["-D", &self.at("data"), "-l", &self.at("log"), "-w", "-t", "60", "start"]);
    }

    /// Stops its server in order.
    pub fn down(&self) {
        self.tool("pg_ctl", &["-D", &self.at("data"), "-m", "fast", "-w", "stop"]);
    }

    /// Whether a server runs on the folder.
    pub fn is_up(&self) -> bool {
        self.command(&format!("{BIN}/pg_ctl"), &["-D", &self.at("data"), "status"])
            .output()
            .unwrap()
            .status
            .success()
    }

    /// Runs one of PostgreSQL's programs as the account.
    #[track_caller]
    pub fn tool(&self, program: &str, arguments: &[&str]) -> String {
        self.owned(&format!("{BIN}/{program}"), arguments)
    }

    /// Runs a program as the account.
    #[track_caller]
    pub fn owned(&self, program: &str, arguments: &[&str]) -> String {
        // To a file: a server that was started would hold a pipe open.
        let out = tempfile::tempfile().unwrap();
        let mut command = self.command(program, arguments);
        command.stdout(out.try_clone().unwrap()).stderr(out.try_clone().unwrap());
        let status = command.status().unwrap();
        let mut said = String::new();
        let mut out = out;
        std::io::Seek::rewind(&mut out).unwrap();
        std::io::Read::read_to_string(&mut out, &mut said).unwrap();
        assert!(status.success(), "{program} {arguments:?}: {said}");
        said.trim_end().to_owned()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Daemon::command(program, Some("postgres"));
        command
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .env("HOME", &self.home)
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("PATH", "/usr/bin:/bin");
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Asks a database of its server.
    #[track_caller]
    pub fn sql(&self, database: &str, statements: &str) -> String {
        self.ask(&self.at("sockets"), "5432", database, statements)
    }

    /// Asks a server by its socket.
    #[track_caller]
    pub fn ask(&self, socket: &str, port: &str, database: &str, statements: &str) -> String {
        self.tool(
            "psql",
            &[
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                socket,
                "-p",
                port,
                "-U",
                "postgres",
                "-d",
                database,
                "-c",
                statements,
            ],
        )
    }

    /// Runs a file of SQL and gives its table.
    #[track_caller]
    pub fn table(&self, database: &str, file: &Path) -> String {
        let copy = self.folder.join("asked.sql");
        std::fs::copy(file, &copy).unwrap();
        self.tool(
            "psql",
            &[
                "-X",
                "-q",
                "--csv",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                &self.at("sockets"),
                "-U",
                "postgres",
                "-d",
                database,
                "-f",
                copy.to_str().unwrap(),
            ],
        ) + "\n"
    }

    /// Takes a base backup into `name`.
    pub fn back_up(&self, name: &str) {
        self.tool(
            "pg_basebackup",
            &[
                "-h",
                &self.at("sockets"),
                "-U",
                "postgres",
                "-c",
                "fast",
                "-X",
                "none",
                "-N",
                "-D",
                &self.at(name),
            ],
        );
    }

    /// A moment that lies behind everything so far and before everything after, and a second behind the last backup.
    pub fn moment(&self) -> String {
        let now = "to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
        let begun = self.sql("postgres", "select extract(epoch from clock_timestamp())");
        wait_for("the next second but one", Duration::from_secs(20), || {
            let later = self
                .sql("postgres", &format!("select extract(epoch from clock_timestamp()) > {begun} + 2.1"));
            if later == "t" { Ok(()) } else { Err(later) }
        });
        self.sql("postgres", &format!("select {now}"))
    }

    /// Makes everything so far part of the archive.
    pub fn archive_all(&self) {
        self.sql("postgres", "create table if not exists switched (at int); insert into switched values (1); select pg_switch_wal()");
        wait_for("all is archived", Duration::from_secs(30), || {
            let waiting = self.owned("find", &[&self.at("data/pg_wal/archive_status"), "-name", "*.ready"]);
            if waiting.is_empty() { Ok(()) } else { Err(waiting) }
        });
    }

    /// The archive's segments, oldest first.
    pub fn segments(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(self.folder.join("archive")).unwrap().map(|e| e.unwrap().path()).collect();
        found.retain(|path| path.file_name().unwrap().len() == 24);
        found.sort();
        found
    }
}

/// PostgreSQL does not run as root: its folders go to the account that Debian made for it.
pub fn give(folder: &Path) {
    if rustix::process::geteuid().is_root() {
        let done = Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder).status().unwrap();
        assert!(done.success());
    }
}
