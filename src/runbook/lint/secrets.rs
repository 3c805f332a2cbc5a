//! Secrets that stand where everybody can read them. Never repeats one.

use super::case::{Case, Report};
use super::starts;
use crate::runbook::model::{Action, HttpRequest, Step, Subject};
use regex::Regex;
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::sync::LazyLock;

/// Shapes of written-out secrets. A value that begins with `$`, `{`, `<`, `@` or `/` comes from elsewhere.
const SHAPES: [&str; 7] = [
    r#"(?i)--?(?:password|passwd|pass|token|api-?key|auth-token|access-key)[= ]["']?[^\s"'${<@/-][^\s"']*"#,
    r#"(?i)(?:^|[\s;&|])(?:[A-Z_]*PASSWORD|[A-Z_]*PASSWD|MYSQL_PWD|REDISCLI_AUTH|[A-Z_]*_TOKEN|[A-Z_]*SECRET(?:_KEY)?)=["']?[^\s"'$({<]"#,
    r"://[^/\s:@${]+:[^/\s@${]+@",
    r"(?i)\bbearer\s+[a-z0-9._~+/-]{12,}",
    r"\bAKIA[0-9A-Z]{16}\b",
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{20}|xox[abprs]-[\w-]{10,})",
    r"-----BEGIN [A-Z ]*PRIVATE KEY",
];

/// Over bytes: secrets are ASCII, and patterns that know all letters of the world take ten times as long to make.
static SECRET: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSetBuilder::new(SHAPES).unicode(false).build().unwrap_or_default());
static NAMED_SECRET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:password|passwd|secret|token|api_?key|private_key|_pwd)$").ok());

fn is_secret(text: &str) -> bool {
    SECRET.is_match(text.as_bytes())
}

pub fn no_secret_is_written_out(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for start in starts::of(placed) {
            if is_secret(&start.text()) {
                report.at(&start.path, "this looks like a secret, and arguments are visible to everybody");
            }
        }
        for (name, value) in &placed.step.env {
            let named = NAMED_SECRET.as_ref().is_some_and(|r| r.is_match(name));
            let literal = !value.is_empty() && !value.contains("{{") && !value.starts_with('/');
            if (named && literal) || is_secret(value) {
                let path = format!("{}.env.{name}", placed.path);
                report.at(&path, &format!("`{name}` looks like a secret that stands in this file"));
            }
        }
        for (path, http) in requests(placed.step) {
            let headers = http.headers.values().any(|v| is_secret(v));
            if headers || is_secret(&http.url) || http.body.as_ref().is_some_and(|b| is_secret(b)) {
                report.at_key(&format!("{}.{path}", placed.path), "this request has a secret written out");
            }
        }
    }
}

pub fn credentials_travel_encrypted(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for (path, http) in requests(placed.step) {
            let here =
                ["http://127.", "http://localhost", "http://[::1]"].iter().any(|h| http.url.starts_with(h));
            let proves = |name: &String| {
                ["authorization", "cookie", "x-api-key", "x-auth-token"]
                    .contains(&name.to_lowercase().as_str())
            };
            if http.url.starts_with("http://") && !here && http.headers.keys().any(proves) {
                let message = format!("`{}` sends who it is without encryption", placed.step.id);
                report.at(&format!("{}.{path}.url", placed.path), &message);
            }
        }
    }
}

fn requests(step: &Step) -> Vec<(&'static str, &HttpRequest)> {
    let own = match &step.action {
        Action::Await(a) => Some(("await.http", &a.condition.subject)),
        Action::Check(c) => Some(("check.http", &c.condition.subject)),
        Action::Measure { subject, .. } => Some(("measure.http", subject)),
        Action::Manual { .. }
        | Action::Run { .. }
        | Action::Approve(_)
        | Action::Decide { .. }
        | Action::Send { .. }
        | Action::SetAside { .. }
        | Action::Wait { .. } => None,
    };
    let probe = step.reconcile.as_ref().map(|c| ("reconcile.http", &c.subject));
    let all = own.into_iter().chain(probe);
    all.filter_map(
        |(path, subject)| if let Subject::Http(http) = subject { Some((path, http)) } else { None },
    )
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_shape() {
        for text in [
            "mysql --password=hunter2",
            "tool --token abc",
            "PGPASSWORD=hunter2 psql",
            "psql postgres://ana:hunter2@db/orders",
            "curl -H 'Authorization: Bearer abcdefghijklmnop'",
            "AKIAABCDEFGHIJKLMNOP",
            "ghp_abcdefghijklmnopqrstuvwx",
        ] {
            assert!(is_secret(text), "{text}");
        }
        for text in [
            "mysql --password=$MYSQL_PASSWORD",
            "tool --token-file /run/secrets/token",
            "tool --password-stdin",
            "PGPASSWORD=\"$ORDERS\" psql",
            "psql postgres://ana@db/orders",
            "curl -H \"Authorization: Bearer $TOKEN\"",
            "psql postgres://ana:$PW@db/orders",
            "backup --pass /run/x",
        ] {
            assert!(!is_secret(text), "{text}");
        }
    }
}
