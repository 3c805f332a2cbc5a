//! Programs of others to be compared with. One that is not there is said loudly, and never left out in silence.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where the program is: in `$BACKOUT_PEERS/bin`, or else on the path.
pub fn find(name: &str) -> Option<PathBuf> {
    let own = std::env::var_os("BACKOUT_PEERS").map(|dir| PathBuf::from(dir).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = own.into_iter().chain(std::env::split_paths(&path));
    let found = all.map(|dir| dir.join(name)).find(|file| file.is_file());
    if found.is_none() {
        println!("PEER MISSING: there is no `{name}` in $BACKOUT_PEERS/bin or on PATH; not compared with it");
    }
    found
}

/// go-task with so many steps, once as the commands of one task and once as tasks with names, in one file.
///
/// It makes every variable of the environment a value of its templates anew for each command, so what it costs
/// depends on how many there are: twice as much with 45 as with 5.
pub struct GoTask {
    program: PathBuf,
    file: PathBuf,
}

impl GoTask {
    /// `None` when it is not installed.
    pub fn new(dir: &Path, steps: usize) -> Option<GoTask> {
        let program = find("task")?;
        let mut text = "version: '3'\nsilent: true\ntasks:\n  commands:\n    cmds:\n".to_owned();
        text.push_str(&"      - /bin/true\n".repeat(steps));
        text.push_str("  named:\n    cmds:\n");
        for n in 1..=steps {
            writeln!(text, "      - task: s{n}").unwrap();
        }
        for n in 1..=steps {
            writeln!(text, "  s{n}:\n    cmds: [/bin/true]").unwrap();
        }
        let file = dir.join("Taskfile.yml");
        std::fs::write(&file, text).unwrap();
        Some(GoTask { program, file })
    }

    /// Runs one of its tasks, with the environment of this process or with almost none; the CPU it took.
    pub fn run(&self, task: &str, bare: bool) -> Duration {
        super::cpu_of(|| {
            let mut command = Command::new(&self.program);
            command.arg("-t").arg(&self.file).arg(task).stdin(Stdio::null()).stdout(Stdio::null());
            if bare {
                super::bare(&mut command);
            }
            assert!(command.status().unwrap().success());
        })
    }
}

/// ansible-playbook with so many tasks of one module on this machine.
pub struct Ansible {
    program: PathBuf,
    dir: PathBuf,
    steps: usize,
}

impl Ansible {
    /// `None` when it is not installed.
    pub fn new(dir: &Path, module: &str, steps: usize) -> Option<Ansible> {
        let program = find("ansible-playbook")?;
        let dir = dir.join(format!("ansible-{module}"));
        std::fs::create_dir_all(&dir).unwrap();
        let mut text =
            "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n".to_owned();
        for n in 1..=steps {
            writeln!(text, "    - {{name: s{n}, {module}: /bin/true}}").unwrap();
        }
        std::fs::write(dir.join("play.yml"), text).unwrap();
        Some(Ansible { program, dir, steps })
    }

    /// Runs all of it; the CPU it took.
    pub fn run(&self) -> Duration {
        // The interpreter it would find by itself may be one that fails, and then it looks fast.
        let python = self.program.with_file_name("python");
        let python = if python.is_file() { python } else { PathBuf::from("/usr/bin/python3") };
        super::cpu_of(|| {
            let mut command = Command::new(&self.program);
            command.args(["-i", "localhost,", "-e"]);
            command.arg(format!("ansible_python_interpreter={}", python.display()));
            command.arg(self.dir.join("play.yml")).current_dir(&self.dir).env("ANSIBLE_HOME", &self.dir);
            command.env("ANSIBLE_NOCOWS", "1").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && said.contains(&format!("ok={}", self.steps)), "{said}");
        })
    }
}
