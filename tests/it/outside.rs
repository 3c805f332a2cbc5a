//! Messages leave through the configured address only, and what became of them is told without secrets.

mod again;
mod alone;
mod anchors;
mod channels;
mod messages;
mod silences;
mod told;

use backout::outside::channel::{Address, Channel, Delivery, Message, deliver};
use backout::outside::http::Clients;
use backout::sanitize;

use crate::metrics::hostile::{Server, page};

fn message(text: &str) -> Message {
    Message {
        incident: sanitize::line("inc-1"),
        audience: sanitize::line("customers"),
        text: sanitize::text(text),
        head: sanitize::line("12·abc"),
        at_micros: 0,
    }
}

async fn why_not(channel: &Channel) -> String {
    match deliver(channel, &message("x"), &Clients::new()).await {
        Delivery::Failed { why } => why.into_string(),
        Delivery::Delivered { how } => panic!("delivered: {how}"),
    }
}

fn slack(url: String) -> Channel {
    Channel::Slack(Address::Url(url))
}

#[tokio::test]
async fn slack_and_teams_take_a_message() {
    let server = Server::answering(|_| page(200, "text/plain", "ok"));
    for channel in [slack(server.url()), Channel::Teams(Address::Url(server.url()))] {
        let delivery = deliver(&channel, &message("all clear"), &Clients::new()).await;
        assert_eq!(delivery, Delivery::Delivered { how: sanitize::line("accepted with HTTP 200") });
    }
    assert_eq!(server.asked(), 2);
    assert!(server.last_request().starts_with("POST / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_the_other_side() {
    let server = Server::answering(|_| page(404, "text/plain", "channel_not_found"));
    assert_eq!(why_not(&slack(server.url())).await, "HTTP 404: channel_not_found");
    let login = Server::answering(|_| page(200, "text/html", "<html>ok</html>"));
    assert_eq!(why_not(&slack(login.url())).await, "HTTP 200: a web page instead of an answer");
}

#[tokio::test]
async fn a_message_does_not_follow_a_redirect() {
    let elsewhere = Server::answering(|_| page(200, "text/plain", "ok"));
    let to = elsewhere.url();
    let server = Server::answering(move |_| {
        format!("HTTP/1.1 307 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    });
    assert!(why_not(&slack(server.url())).await.starts_with("answers 307"));
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn a_secret_address_never_shows_in_an_error() {
    // A variable every test run has, whose value is no web address.
    let path = std::env::var("PATH").unwrap();
    let why = why_not(&Channel::Slack(Address::Env("PATH".into()))).await;
    assert_eq!(why, "the address in environment variable PATH is not an http or https address");
    assert!(!why.contains(&path));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let why = why_not(&slack(format!("http://{closed}/services/T0/B0/secret"))).await;
    assert!(why.starts_with("cannot connect") && !why.contains("secret"), "{why}");
    let why = why_not(&Channel::Teams(Address::Env("BACKOUT_NO_SUCH_VARIABLE".into()))).await;
    assert_eq!(why, "environment variable BACKOUT_NO_SUCH_VARIABLE is not set");
}
