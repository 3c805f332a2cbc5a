//! The shop's own deployer: puts the wanted release back whenever it finds another one live, unless paused.
//! Never asks anybody, which is why a rollback suspends it first.

use std::fs;
use std::time::Duration;

use super::{Shop, release};

const LOOK: Duration = Duration::from_millis(500);

/// Runs until dropped.
pub(super) async fn run(shop: Shop) {
    loop {
        tokio::time::sleep(LOOK).await;
        reconcile(&shop);
    }
}

/// One look: whether the link was put back.
pub(super) fn reconcile(shop: &Shop) -> bool {
    if shop.paused().exists() {
        return false;
    }
    let Ok(wanted) = fs::read_to_string(shop.wanted()) else { return false };
    let wanted = wanted.trim();
    // A release that cannot be deployed is tried again at the next look, as deployers do.
    release::current(shop).as_deref() != Some(wanted) && release::switch(shop, wanted).is_ok()
}
