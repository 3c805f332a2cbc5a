//! Sources that want to know who asks: tokens, passwords, certificates, tenants. None of them shows up in an error.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use backout::metrics::series::Reading;
use backout::metrics::source::{Config, Endpoint, Kind, Login, Secret, Source};
use backout::outside::http::{ClientCertificate, Clients, Tls};

use super::hostile::{Server, ok, page};
use super::{LONG, failure, now};
use crate::support::{Daemon, Place, free_port, need, wait_for};

fn source(kind: Kind) -> Source {
    Source::new(Config { kind, timeout: LONG }, Clients::new(), 0)
}

#[tokio::test]
async fn a_token_is_read_at_each_use_and_a_tenant_goes_along() {
    let place = Place::new();
    let token = place.write("token", "first-token\n");
    let server = Server::answering(|_| ok(r#"{"a":1}"#));
    let mut endpoint = Endpoint::new(format!("{}/tenants/api/", server.url()));
    endpoint.login = Login::Bearer(Secret::File(token.clone()));
    endpoint.headers.insert("X-Scope-OrgID".into(), "shop".into());
    let source = source(Kind::HttpJson(endpoint));
    source.query("$.a", now()).await;
    std::fs::write(&token, "second-token").unwrap();
    source.query("$.a", now()).await;
    let asked = server.requests();
    assert_eq!(asked[0].header("authorization").as_deref(), Some("Bearer first-token"));
    assert_eq!(asked[1].header("authorization").as_deref(), Some("Bearer second-token"));
    assert_eq!(asked[1].header("x-scope-orgid").as_deref(), Some("shop"));
    assert_eq!(asked[1].what(), "GET /tenants/api/");
    std::fs::remove_file(&token).unwrap();
    let why = failure(&source, "$.a").await;
    assert!(why.contains("cannot read the secret in") && !why.contains("second-token"), "{why}");
    assert_eq!(server.asked(), 2, "nobody is asked without the token");
}

#[tokio::test]
async fn a_refused_token_is_told_in_the_servers_words_and_not_repeated() {
    let place = Place::new();
    let server = Server::answering(|_| page(401, "text/plain", "token expired"));
    let mut endpoint = Endpoint::new(server.url());
    endpoint.login = Login::Bearer(Secret::File(place.write("token", "s3cret-token")));
    let why = failure(&source(Kind::Exposition(endpoint)), "up").await;
    assert_eq!(why, "HTTP 401: token expired");
}

#[tokio::test]
async fn an_applications_own_page_gives_rates() {
    let server = Server::answering(|n| {
        let text = format!(
            "# TYPE hits_total counter\nhits_total{{code=\"200\"}} {}\nhits_total{{code=\"500\"}} {}\n",
            n * 90,
            n * 10
        );
        page(200, "text/plain; version=0.0.4", &text)
    });
    let source = source(Kind::Exposition(Endpoint::new(server.url())));
    let query = r#"sum(rate(hits_total{code="500"}[1m])) / sum(rate(hits_total[1m]))"#;
    assert!(matches!(source.query(query, 1_000_000).await.reading, Reading::NoData { .. }));
    let Reading::Value(share) = source.query(query, 6_000_000).await.reading else { panic!("a number") };
    assert!((share - 0.1).abs() < 1e-12, "{share}");
    let web = Server::answering(|_| page(200, "text/html", "<html>login</html>"));
    let source = super::logins::source(Kind::Exposition(Endpoint::new(web.url())));
    assert!(failure(&source, "up").await.contains("web page instead of metrics"));
}

/// `openssl` with these arguments in this folder.
fn openssl(dir: &Path, arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An authority and, signed by it, certificates for the server and for us.
fn certificates(dir: &Path) {
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let authority = ["req", "-x509", "-subj", "/CN=it authority", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(dir, &[&authority[..], &curve].concat());
    for (name, extension) in
        [("server", "subjectAltName=IP:127.0.0.1"), ("us", "extendedKeyUsage=clientAuth")]
    {
        let (key, out) = (format!("{name}.key"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        let signed = ["req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", &subject];
        let files = [
            "-addext",
            extension,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            &key,
            "-out",
            &out,
        ];
        openssl(dir, &[&signed[..], &files, &curve].concat());
    }
}

/// A Prometheus behind a path, certificates on both sides and a password (`open sesame`).
fn guarded(place: &Place) -> Option<(Daemon, u16, PathBuf)> {
    let server = need("prometheus")?;
    need("openssl")?;
    let dir = place.folder("tls");
    certificates(&dir);
    place.write("tls/prometheus.yml", "scrape_configs: []\n");
    place.write(
        "tls/web.yml",
        "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem, \
         client_auth_type: RequireAndVerifyClientCert}\n\
         basic_auth_users: {ana: $2b$04$c1ejJ3twKDSR3eVPs/DfReftzHU7WlPvgE3IRIYcA2J6etNYONose}\n",
    );
    let port = free_port();
    let mut run = Daemon::command(server, None);
    run.arg(format!("--config.file={}", dir.join("prometheus.yml").display()));
    run.arg(format!("--web.config.file={}", dir.join("web.yml").display()));
    run.arg(format!("--storage.tsdb.path={}", place.folder("tls/data").display()));
    run.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    run.args(["--web.external-url=https://127.0.0.1/prom", "--log.level=warn"]);
    let mut daemon = Daemon::start("prometheus", run, &place.join("tls/log"));
    wait_for("the guarded Prometheus listens", LONG, || {
        assert!(daemon.is_alive(), "{}", daemon.state());
        std::net::TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|e| e.to_string())
    });
    Some((daemon, port, dir))
}

#[tokio::test]
async fn a_real_prometheus_behind_certificates_a_password_and_a_path() {
    let place = Place::new();
    let Some((_daemon, port, dir)) = guarded(&place) else { return };
    let password = place.write("password", "open sesame\n");
    let mut endpoint = Endpoint::new(format!("https://127.0.0.1:{port}/prom"));
    let whole = Tls {
        ca: Some(dir.join("ca.pem")),
        client: Some(ClientCertificate { certificate: dir.join("us.pem"), key: dir.join("us.key") }),
    };
    endpoint.tls = whole.clone();
    endpoint.login = Login::Basic { user: "ana".into(), password: Secret::File(password.clone()) };
    let asking = |endpoint: &Endpoint| source(Kind::Prometheus(endpoint.clone()));
    // It listens before it can answer queries.
    let answer = async {
        loop {
            match asking(&endpoint).query("vector(42)", now()).await.reading {
                Reading::Value(x) => return x,
                other => assert!(format!("{other:?}").contains("503"), "{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(tokio::time::timeout(LONG, answer).await.unwrap(), 42.0);

    std::fs::write(&password, "guessed").unwrap();
    let why = failure(&asking(&endpoint), "vector(42)").await;
    assert!(why.contains("401") && !why.contains("guessed"), "{why}");
    endpoint.tls.client = None;
    let why = failure(&asking(&endpoint), "vector(42)").await;
    assert!(why.to_lowercase().contains("certificate"), "without ours: {why}");
    endpoint.tls = Tls { ca: None, ..whole };
    let why = failure(&asking(&endpoint), "vector(42)").await;
    assert!(why.starts_with("cannot connect"), "an authority nobody knows: {why}");
}
