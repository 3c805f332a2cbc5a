//! A shop small enough to read and real enough to fail: an HTTP service, two releases on disk, a `current` link,
//! orders that must not be lost, and a deployer that insists on its release. Never serves beyond this machine.
//!
//! The folder: `releases/VERSION/release.json`, `current` (link to one of them), `catalog.csv`, `orders.csv`,
//! `deployer/wanted`, `deployer/paused` (exists while deployments are suspended), `port`.

pub mod control;
mod deployer;
pub mod http;
pub mod orders;
pub mod release;
mod serve;
pub mod stats;

use std::fs;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use crate::error::{Failure, Result};

/// The release that works.
pub const GOOD: &str = "1.4.2";
/// The release that fails a growing share of checkouts.
pub const BAD: &str = "1.5.0";
/// The runbook for going back.
pub const RUNBOOK: &str = include_str!("../../runbooks/shop-deploy-rollback.yaml");

const CATALOG: &str = "sku,name,price_cents\n\
    beans-250,House beans 250 g,890\n\
    beans-1000,House beans 1 kg,2990\n\
    filter-100,Paper filters,450\n\
    mug-blue,Blue mug,1400\n\
    grinder,Hand grinder,6900\n";

/// Paths inside the shop's folder.
#[derive(Debug, Clone)]
pub struct Shop {
    dir: PathBuf,
}

impl Shop {
    /// The shop in this folder.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Shop { dir: dir.into() }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn current(&self) -> PathBuf {
        self.dir.join("current")
    }

    fn release(&self, version: &str) -> PathBuf {
        self.dir.join("releases").join(version)
    }

    fn catalog(&self) -> PathBuf {
        self.dir.join("catalog.csv")
    }

    fn orders(&self) -> PathBuf {
        self.dir.join("orders.csv")
    }

    fn wanted(&self) -> PathBuf {
        self.dir.join("deployer").join("wanted")
    }

    fn paused(&self) -> PathBuf {
        self.dir.join("deployer").join("paused")
    }

    fn port_file(&self) -> PathBuf {
        self.dir.join("port")
    }

    /// The port the service listens on, once it does.
    pub fn port(&self) -> Option<u16> {
        fs::read_to_string(self.port_file()).ok()?.trim().parse().ok()
    }
}

/// Writes a shop whose release [`BAD`] has just gone live.
///
/// # Errors
/// When the folder cannot be written.
pub fn lay_out(dir: &Path) -> Result<()> {
    let shop = Shop::at(dir);
    let cannot = |e: std::io::Error| {
        Failure::environment(format!("cannot lay out the shop in {}", dir.display())).because(e)
    };
    fs::create_dir_all(dir.join("deployer")).map_err(cannot)?;
    for (version, release) in [
        (GOOD, release::Release::healthy(GOOD)),
        (
            BAD,
            release::Release {
                checkout_error_share: 0.30,
                ramp_seconds: 15.0,
                extra_latency_ms: 140,
                ..release::Release::healthy(BAD)
            },
        ),
    ] {
        fs::create_dir_all(shop.release(version)).map_err(cannot)?;
        fs::write(shop.release(version).join("release.json"), release.to_json()).map_err(cannot)?;
    }
    fs::write(shop.catalog(), CATALOG).map_err(cannot)?;
    fs::write(shop.orders(), orders::HEADER).map_err(cannot)?;
    fs::write(shop.wanted(), BAD).map_err(cannot)?;
    release::switch(&shop, BAD)
}

/// Serves the shop in `dir` until standard input ends or the folder vanishes.
///
/// # Errors
/// When no port can be opened on 127.0.0.1 or the folder cannot be written.
pub fn main(dir: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::environment("cannot start the shop").because(e))?;
    runtime.block_on(async {
        tokio::select! {
            ended = run(Shop::at(dir)) => ended,
            () = super::leash::released(std::io::stdin(), dir) => Ok(()),
        }
    })
}

/// Serves the shop, deployer included, until dropped.
///
/// # Errors
/// As for [`main`].
pub async fn run(shop: Shop) -> Result<()> {
    let listener = listen(&shop).await?;
    tokio::select! {
        () = serve::serve(shop.clone(), listener) => {}
        () = deployer::run(shop.clone()) => {}
    }
    Ok(())
}

async fn listen(shop: &Shop) -> Result<TcpListener> {
    let cannot = |e: std::io::Error| Failure::environment("cannot open a port on 127.0.0.1").because(e);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
    let port = listener.local_addr().map_err(cannot)?.port();
    // Written beside and renamed, so that who waits for the file never reads half a number.
    let draft = shop.dir().join("port.new");
    fs::write(&draft, port.to_string())
        .and_then(|()| fs::rename(&draft, shop.port_file()))
        .map_err(|e| Failure::environment(format!("cannot write {}", draft.display())).because(e))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::parse;

    #[test]
    fn the_shipped_runbook_is_without_findings_and_goes_back_to_the_good_release() {
        let loaded =
            parse::load("shop-deploy-rollback.yaml", RUNBOOK.as_bytes()).unwrap_or_else(|findings| {
                panic!(
                    "{}",
                    crate::runbook::finding::to_text(&findings, crate::runbook::finding::Paint::Plain)
                )
            });
        assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
        let runbook = loaded.runbook;
        let release = runbook.params.iter().find(|p| p.name == "release").unwrap();
        assert_eq!(release.default.as_deref(), Some(GOOD));
        assert_eq!(runbook.covers("switch").count(), 1);
        assert!(runbook.metrics.iter().all(|m| m.source == "shop"));
    }
}
