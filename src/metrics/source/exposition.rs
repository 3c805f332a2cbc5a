//! What an application shows to Prometheus, asked without one. Never asks for anything but the one page.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Answered, Endpoint, Trouble, get};
use crate::metrics::exposition::{Memory, Outcome};
use crate::outside::http::{Clients, fetch};

/// The page of a large application has about this many bytes.
const LIMIT: usize = 16 << 20;

/// Whom to ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) clients: &'a Clients,
    pub(super) timeout: Duration,
}

/// Fetches the page and reckons.
pub(super) async fn query(
    ask: &Ask<'_>,
    memory: &Mutex<Memory>,
    query: &str,
    now_micros: i64,
) -> Result<Answered, Trouble> {
    let request = get(ask.endpoint, ask.clients, &ask.endpoint.url)?
        .header("Accept", "text/plain;version=0.0.4, text/plain;q=0.5");
    let answer = fetch(request, ask.timeout, LIMIT).await?;
    if !answer.is_success() {
        return Err(Trouble(format!("HTTP {}: {}", answer.status, answer.excerpt())));
    }
    if answer.is_html() {
        return Err(Trouble(
            "answers with a web page instead of metrics; is this the right path?".to_owned(),
        ));
    }
    read(&String::from_utf8_lossy(&answer.body), memory, query, now_micros)
}

/// Reckons with a page that came from anywhere.
pub(super) fn read(
    page: &str,
    memory: &Mutex<Memory>,
    query: &str,
    now_micros: i64,
) -> Result<Answered, Trouble> {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match memory.look(query, page, now_micros)? {
        Outcome::Value(x) => Answered::value(x),
        Outcome::NoData(why) => Answered::no_data(why),
    })
}
