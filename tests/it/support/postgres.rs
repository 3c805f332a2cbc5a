//! A real PostgreSQL on its own port. Never shared between tests: it dies with the thread that started it.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Daemon, Place, find, free_port, need, wait_for};

/// A running cluster with trust authentication and the superuser `postgres`.
pub struct Postgres {
    daemon: Daemon,
    socket: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes and starts a cluster in `place/pg`; nothing when PostgreSQL is missing.
    pub fn start(place: &Place) -> Option<Postgres> {
        let (initdb, server, _) = (need("initdb")?, need("postgres")?, need("psql")?);
        let data = place.folder("pg");
        let socket = place.folder("pgs");
        for folder in [&data, &socket] {
            give_to_postgres(folder);
        }
        let mut make = Daemon::command(initdb, Some("postgres"));
        make.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        let made = make.arg("-D").arg(&data).current_dir("/").output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        // A port that somebody else took between the look and the start ends the server: try another.
        for _ in 0..5 {
            let port = free_port();
            let mut run = Daemon::command(&server, Some("postgres"));
            run.current_dir("/").arg("-D").arg(&data);
            for setting in [
                "listen_addresses=127.0.0.1".to_owned(),
                format!("port={port}"),
                format!("unix_socket_directories={}", socket.display()),
                "fsync=off".to_owned(),
                "cluster_name=orders-db-primary".to_owned(),
            ] {
                run.arg("-c").arg(setting);
            }
            let daemon = Daemon::start("postgres", run, &place.join("postgres.log"));
            let mut postgres = Postgres { daemon, socket: socket.clone(), port };
            if postgres.answers() {
                return Some(postgres);
            }
        }
        panic!("PostgreSQL found no free port in five tries");
    }

    fn answers(&mut self) -> bool {
        wait_for("PostgreSQL answers", Duration::from_secs(60), || {
            if !self.daemon.is_alive() {
                let printed = self.daemon.printed();
                assert!(printed.contains("Address already in use"), "PostgreSQL ended: {printed}");
                return Ok(false);
            }
            match self.sql("postgres", "select 1") {
                Ok(_) => Ok(true),
                Err(why) => Err(format!("{why}; {}", self.daemon.state())),
            }
        })
    }

    /// `psql` connected to `database` as the superuser, bare of the caller's own settings.
    pub fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(find("psql").unwrap());
        psql.env_clear().envs(self.env(database)).args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        psql
    }

    /// The environment with which any `psql` finds this server.
    pub fn env(&self, database: &str) -> Vec<(String, String)> {
        [
            ("PATH", "/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", &self.port.to_string()),
            ("PGUSER", "postgres"),
            ("PGDATABASE", database),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Runs statements; unaligned rows without headers, or what psql complained about.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, String> {
        answer(self.psql(database).args(["-A", "-t", "-c", statements]))
    }

    /// Runs a file; what it printed, or what psql complained about.
    pub fn file(&self, database: &str, file: &Path) -> Result<String, String> {
        answer(self.psql(database).arg("-f").arg(file))
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

fn answer(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// PostgreSQL does not run as root: its folders go to the account that Debian made for it.
fn give_to_postgres(folder: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(folder, Some(account("-u")), Some(account("-g"))).unwrap();
    }
}

fn account(which: &str) -> u32 {
    let id = Command::new("id").args([which, "postgres"]).output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim().parse().expect("the account `postgres`")
}
