//! The shop's routes. Never counts a checkout as sold before its order is written.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Shop;
use super::http::{Request, Response, read_request, write_response};
use super::orders;
use super::release::Live;
use super::stats::{Served, Stats};

/// More connections than this wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 256;

struct State {
    shop: Shop,
    inner: Mutex<Inner>,
}

struct Inner {
    live: Live,
    stats: Stats,
    requests: u64,
    orders: u64,
    /// Collects the error share; a checkout fails whenever it is full. Even and repeatable, unlike chance.
    fault: f64,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until dropped.
pub(super) async fn serve(shop: Shop, listener: TcpListener) {
    let now = Instant::now();
    let orders = orders::count(&shop).unwrap_or(0);
    let inner = Inner { live: Live::new(now), stats: Stats::new(now), requests: 0, orders, fault: 0.0 };
    let state = Arc::new(State { shop, inner: Mutex::new(inner) });
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    connection(&state, stream).await;
                    drop(place);
                });
            }
            // Out of file descriptors, usually: waiting lets some connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(state: &State, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        let response = answer(state, &request).await;
        let sent = write_response(&mut stream, &response, request.keep_alive).await;
        if sent.is_err() || !request.keep_alive {
            return;
        }
    }
}

async fn answer(state: &State, request: &Request) -> Response {
    let began = Instant::now();
    let (route, response) = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/version") => return version(state, began),
        ("GET", "/health") => return health(state, began),
        ("GET", "/metrics") => {
            let body = state.lock().stats.exposition();
            return Response { code: 200, media: "text/plain; version=0.0.4; charset=utf-8", body };
        }
        ("GET", "/stats") => {
            let window = state.lock().stats.window(began);
            return Response::json(serde_json::to_string(&window).unwrap_or_default());
        }
        ("GET", "/") => ("/", page(state).await),
        ("GET", "/catalog") => ("/catalog", catalog(state).await),
        ("POST", "/checkout") => ("/checkout", checkout(state, began).await),
        (_, "/checkout") => ("/checkout", Response::text(405, "post your order\n")),
        (_, _) => ("other", Response::text(404, "there is nothing here\n")),
    };
    let at = Instant::now();
    let took = at.duration_since(began);
    state.lock().stats.count(Served { at, route, code: response.code, took });
    response
}

fn version(state: &State, now: Instant) -> Response {
    match state.lock().live.look(&state.shop, now) {
        Some((release, _)) => Response::text(200, release.version.clone()),
        None => Response::text(503, "no release is live"),
    }
}

fn health(state: &State, now: Instant) -> Response {
    match state.lock().live.look(&state.shop, now) {
        Some((release, _)) => {
            Response::json(format!("{{\"status\":\"ok\",\"version\":\"{}\"}}", release.version))
        }
        None => Response::text(503, "no release is live"),
    }
}

/// A number that grows with each request; answers take a little longer or shorter by it.
fn turn(state: &State) -> u64 {
    let mut inner = state.lock();
    inner.requests += 1;
    inner.requests
}

async fn page(state: &State) -> Response {
    tokio::time::sleep(Duration::from_millis(2 + turn(state) % 4)).await;
    Response::text(200, "beans, filters and mugs\n")
}

async fn catalog(state: &State) -> Response {
    tokio::time::sleep(Duration::from_millis(3 + turn(state) % 5)).await;
    match fs::read_to_string(state.shop.catalog()) {
        Ok(body) => Response { code: 200, media: "text/csv; charset=utf-8", body },
        Err(_) => Response::text(503, "the catalog cannot be read\n"),
    }
}

async fn checkout(state: &State, began: Instant) -> Response {
    let turn = turn(state);
    let planned = {
        let mut inner = state.lock();
        let found = inner.live.look(&state.shop, began);
        let Some((release, live_for)) = found else { return Response::text(503, "no release is live\n") };
        let (share, extra, version) =
            (release.error_share(live_for), release.extra_latency_ms, release.version.clone());
        inner.fault += share;
        let fails = inner.fault >= 1.0;
        if fails {
            inner.fault -= 1.0;
        }
        (fails, extra, version)
    };
    let (fails, extra, version) = planned;
    tokio::time::sleep(Duration::from_millis(8 + turn % 7 * 3 + extra)).await;
    if fails {
        return Response::text(500, "the payment could not be confirmed\n");
    }
    match sell(state, turn, &version) {
        Ok(order) => Response::text(200, format!("order {order}\n")),
        Err(_) => Response::text(503, "the order could not be written\n"),
    }
}

fn sell(state: &State, turn: u64, version: &str) -> std::io::Result<u64> {
    const GOODS: [(&str, u64); 4] =
        [("beans-250", 890), ("filter-100", 450), ("mug-blue", 1400), ("beans-1000", 2990)];
    let pick = usize::try_from(turn % 4).unwrap_or(0);
    let (sku, cents) = GOODS.get(pick).copied().unwrap_or(("beans-250", 890));
    let mut inner = state.lock();
    let order = inner.orders + 1;
    orders::append(&state.shop, order, sku, cents, version)?;
    inner.orders = order;
    Ok(order)
}
