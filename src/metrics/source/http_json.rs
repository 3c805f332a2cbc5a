//! One number out of a JSON document fetched over HTTP. Never picks one of several matches.

use std::time::Duration;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::{Answered, Endpoint, Trouble, expect_json, get, parse_number};
use crate::outside::http::{Clients, excerpt, fetch};

const LIMIT: usize = 1 << 20;

pub(super) async fn query(
    endpoint: &Endpoint,
    clients: &Clients,
    path: &str,
    timeout: Duration,
) -> Result<Answered, Trouble> {
    // Before anything is asked: a wrong path is wrong whatever the answer.
    let path = compile(path)?;
    let request = get(endpoint, clients, &endpoint.url)?;
    let answer = expect_json(fetch(request, timeout, LIMIT).await?)?;
    if !answer.is_success() {
        return Err(Trouble(format!("HTTP {}: {}", answer.status, answer.excerpt())));
    }
    read(&answer.body, &path)
}

fn compile(path: &str) -> Result<JsonPath, Trouble> {
    JsonPath::parse(path)
        .map_err(|e| Trouble(format!("`{}` is not a JSONPath: {}", excerpt(path), excerpt(&e.to_string()))))
}

/// Whether this is a JSONPath.
pub(super) fn check(path: &str) -> Result<(), String> {
    compile(path).map(|_| ()).map_err(|Trouble(why)| why)
}

fn read(document: &[u8], path: &JsonPath) -> Result<Answered, Trouble> {
    let document: Value = serde_json::from_slice(document)
        .map_err(|e| Trouble(format!("the answer is not JSON: {}", excerpt(&e.to_string()))))?;
    pick(&document, path)
}

/// The one number in a document that came from elsewhere.
pub(super) fn number_in(document: &[u8], path: &str) -> Result<Answered, Trouble> {
    read(document, &compile(path)?)
}

fn pick(document: &Value, path: &JsonPath) -> Result<Answered, Trouble> {
    let found = path.query(document).all();
    match found.as_slice() {
        [] => Ok(Answered::no_data(format!("nothing at {path}"))),
        [Value::Null] => Ok(Answered::no_data(format!("null at {path}"))),
        [Value::Number(n)] => {
            n.as_f64().map(Answered::value).ok_or_else(|| Trouble(format!("{n} is too large")))
        }
        [Value::String(text)] => parse_number(text)
            .map(Answered::value)
            .ok_or_else(|| Trouble(format!("`{}` at {path} is not a number", excerpt(text)))),
        [Value::Bool(_) | Value::Array(_) | Value::Object(_)] => {
            Err(Trouble(format!("what is at {path} is not a number")))
        }
        several => Err(Trouble(format!("{path} finds {} values, make it find one", several.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Reading;
    use serde_json::json;

    fn seen(document: &Value, path: &str) -> Result<Reading, String> {
        pick(document, &JsonPath::parse(path).unwrap()).map(|a| a.reading).map_err(|t| t.0)
    }

    #[test]
    fn a_number_is_found_also_when_it_is_written_as_text() {
        let document = json!({"a": {"b": [1, 2.5]}, "c": "1e-3", "inf": "+Inf"});
        assert_eq!(seen(&document, "$.a.b[1]"), Ok(Reading::Value(2.5)));
        assert_eq!(seen(&document, "$.c"), Ok(Reading::Value(0.001)));
        assert_eq!(seen(&document, "$.inf"), Ok(Reading::Value(f64::INFINITY)));
    }

    #[test]
    fn nothing_and_null_are_no_data_and_the_rest_is_refused() {
        let document = json!({"n": null, "s": "soon", "l": [1, 2], "b": true});
        assert!(matches!(seen(&document, "$.missing"), Ok(Reading::NoData { .. })));
        assert!(matches!(seen(&document, "$.n"), Ok(Reading::NoData { .. })));
        assert_eq!(seen(&document, "$.s").unwrap_err(), "`soon` at $.s is not a number");
        assert!(seen(&document, "$.l").is_err() && seen(&document, "$.b").is_err());
        assert!(seen(&document, "$.l[*]").unwrap_err().contains("finds 2 values"));
    }
}
