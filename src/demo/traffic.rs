//! People who visit the shop: about forty requests a second over real connections. Never remembers an answer;
//! what happened is what the shop counts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;

use super::shop::Shop;
use crate::error::{Failure, Result};

/// Time between two visitors.
const PAUSE: Duration = Duration::from_millis(25);
/// A visitor gives up after this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Visitors at the same time; when the shop is that slow, further ones stay away.
const MOST: usize = 100;

/// Sends traffic to the shop in `dir` until standard input ends or the folder vanishes.
///
/// # Errors
/// When no runtime can be started.
pub fn main(dir: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::environment("cannot start the traffic").because(e))?;
    runtime.block_on(async {
        tokio::select! {
            () = run(Shop::at(dir)) => {}
            () = super::leash::released(std::io::stdin(), dir) => {}
        }
    });
    Ok(())
}

/// Visits until dropped. Waits for the shop to open and survives its absence.
pub async fn run(shop: Shop) {
    let places = Arc::new(Semaphore::new(MOST));
    let mut interval = tokio::time::interval(PAUSE);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut port = None;
    for visitor in 0_u64.. {
        interval.tick().await;
        if port.is_none() || visitor % 40 == 0 {
            port = shop.port();
        }
        let (Some(port), Ok(place)) = (port, Arc::clone(&places).try_acquire_owned()) else { continue };
        tokio::spawn(async move {
            // Whether it worked is the shop's to count; a visitor who gives up tells nobody.
            let _ = tokio::time::timeout(PATIENCE, visit(port, visitor)).await;
            drop(place);
        });
    }
}

async fn visit(port: u16, visitor: u64) -> std::io::Result<()> {
    let request = match visitor % 4 {
        0 | 2 => "POST /checkout",
        1 => "GET /",
        _ => "GET /catalog",
    };
    let message = format!(
        "{request} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(message.as_bytes()).await?;
    let mut sink = Vec::new();
    stream.take(64 << 10).read_to_end(&mut sink).await?;
    Ok(())
}
