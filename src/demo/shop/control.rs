//! The shop's operating tool (`__shopctl`): what a runbook's commands call. Never talks to the service; it
//! changes and reads the same files.

use std::fs;
use std::path::Path;

use super::{Shop, orders, release};
use crate::error::{Failure, Kind, Result};

const USAGE: &str = "pause | resume | status | release VERSION | orders count | orders first N | catalog";

/// Carries out one command and returns what it prints.
///
/// # Errors
/// On unknown commands (exit 2), files that cannot be read or written (exit 3), lost orders (exit 1).
pub fn run(dir: &Path, arguments: &[String]) -> Result<String> {
    let shop = Shop::at(dir);
    let words: Vec<&str> = arguments.iter().map(|a| a.trim()).collect();
    match words.as_slice() {
        ["pause"] => pause(&shop),
        ["resume"] => resume(&shop),
        ["status"] => Ok(status(&shop)),
        ["release", version] => {
            release::switch(&shop, version)?;
            Ok(format!("current is now {version}\n"))
        }
        ["orders", "count"] => Ok(format!("{}\n", orders::count(&shop)?)),
        ["orders", "first", number] => {
            let first = number
                .parse()
                .map_err(|_| Failure::usage(format!("`{number}` is not a number of orders")))?;
            orders::fingerprint(&shop, first)
        }
        ["catalog"] => read(&shop.catalog()),
        _ => Err(Failure::new(Kind::Usage, "unknown shop command").hint(USAGE)),
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|e| Failure::environment(format!("cannot read {}", path.display())).because(e))
}

fn pause(shop: &Shop) -> Result<String> {
    let path = shop.paused();
    fs::write(&path, "")
        .map_err(|e| Failure::environment(format!("cannot write {}", path.display())).because(e))?;
    Ok("deployments are paused\n".to_owned())
}

/// Takes what is live for what is wanted, then lets the deployer go on: in this order it cannot undo a rollback.
fn resume(shop: &Shop) -> Result<String> {
    let current = release::current(shop).ok_or_else(|| Failure::environment("no release is live"))?;
    let path = shop.wanted();
    fs::write(&path, &current)
        .map_err(|e| Failure::environment(format!("cannot write {}", path.display())).because(e))?;
    match fs::remove_file(shop.paused()) {
        Ok(()) => Ok(format!("deployments go on, {current} is wanted\n")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Ok(format!("were not paused, {current} is wanted\n"))
        }
        Err(e) => Err(Failure::environment("cannot resume deployments").because(e)),
    }
}

fn status(shop: &Shop) -> String {
    let wanted = fs::read_to_string(shop.wanted()).unwrap_or_default();
    let status = serde_json::json!({
        "paused": shop.paused().exists(),
        "current": release::current(shop),
        "wanted": wanted.trim(),
    });
    format!("{status}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::shop::{BAD, GOOD, deployer, lay_out};

    fn ctl(dir: &Path, line: &str) -> Result<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        run(dir, &words)
    }

    #[test]
    fn the_deployer_undoes_a_rollback_unless_it_is_paused() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path()).unwrap();
        let shop = Shop::at(dir.path());
        ctl(dir.path(), "release 1.4.2").unwrap();
        assert!(deployer::reconcile(&shop));
        assert_eq!(release::current(&shop).as_deref(), Some(BAD));

        ctl(dir.path(), "pause").unwrap();
        ctl(dir.path(), "release 1.4.2").unwrap();
        assert!(!deployer::reconcile(&shop));
        assert!(ctl(dir.path(), "status").unwrap().contains("\"paused\":true"));

        ctl(dir.path(), "resume").unwrap();
        assert!(!deployer::reconcile(&shop));
        assert_eq!(release::current(&shop).as_deref(), Some(GOOD));
        assert!(ctl(dir.path(), "resume").unwrap().starts_with("were not paused"));
    }

    #[test]
    fn what_it_does_not_know_it_refuses() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path()).unwrap();
        for line in ["", "fly", "release", "release ../..", "release 9.9.9", "orders first many", "orders"] {
            assert_eq!(ctl(dir.path(), line).unwrap_err().kind, Kind::Usage, "{line}");
        }
        assert!(ctl(dir.path(), "catalog").unwrap().starts_with("sku,name,price_cents\n"));
        assert_eq!(ctl(dir.path(), "orders count").unwrap(), "0\n");
    }
}
