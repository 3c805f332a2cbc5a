//! The Prometheus HTTP API: `query` and `query_range` as of Prometheus 2 and 3.
//! Never picks one of several series, and never takes an empty result for a zero.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Answered, Endpoint, Trouble, expect_json, get, parse_number};
use crate::metrics::series::{Reading, Sample};
use crate::outside::http::{Answer, Clients, HttpError, excerpt, fetch};

/// Enough for ten thousand series, so that the error can say how many there are.
const LIMIT: usize = 8 << 20;
/// Prometheus refuses more than 11,000 points in one range query.
const MOST_POINTS: u128 = 10_000;

#[derive(Deserialize)]
struct Envelope<'a> {
    status: String,
    #[serde(borrow)]
    data: Option<Data<'a>>,
    error: Option<String>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "resultType")]
    kind: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct Item {
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// From, to and distance of the points of a range query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from_micros: i64,
    pub(super) to_micros: i64,
    pub(super) step: Duration,
}

/// Asks for the value now.
pub(super) async fn query(
    endpoint: &Endpoint,
    clients: &Clients,
    query: &str,
    timeout: Duration,
) -> Result<Answered, Trouble> {
    let url = endpoint.below("api/v1/query");
    let limit = format!("{}ms", timeout.as_millis());
    let request = get(endpoint, clients, &url)?.query(&[("query", query), ("timeout", &limit)]);
    let answer = ask(request, timeout).await?;
    instant(&answer.body)
}

/// Asks for the values of the past.
pub(super) async fn query_range(
    endpoint: &Endpoint,
    clients: &Clients,
    query: &str,
    span: Span,
    timeout: Duration,
) -> Result<Vec<Sample>, Trouble> {
    let url = endpoint.below("api/v1/query_range");
    let length = u128::try_from(span.to_micros.saturating_sub(span.from_micros)).unwrap_or(0);
    let step = span.step.as_micros().max(length.div_ceil(MOST_POINTS)).max(1_000);
    let decimal = |micros: f64| format!("{:.3}", micros / 1e6);
    let request = get(endpoint, clients, &url)?.query(&[
        ("query", query),
        ("start", &decimal(span.from_micros as f64)),
        ("end", &decimal(span.to_micros as f64)),
        ("step", &decimal(step as f64)),
        ("timeout", &format!("{}ms", timeout.as_millis())),
    ]);
    let answer = ask(request, timeout).await?;
    range(&answer.body)
}

/// Sends, and turns every status that is not 2xx into the server's own words.
async fn ask(request: reqwest::RequestBuilder, timeout: Duration) -> Result<Answer, Trouble> {
    let answer = match fetch(request, timeout, LIMIT).await {
        Err(e @ HttpError::TooBig { .. }) => {
            return Err(Trouble(format!("{e}; aggregate the query, for example with sum()")));
        }
        other => expect_json(other?)?,
    };
    if answer.is_success() {
        return Ok(answer);
    }
    let words = match serde_json::from_slice::<Envelope<'_>>(&answer.body) {
        Ok(envelope) => refusal(&envelope),
        Err(_) => answer.excerpt(),
    };
    Err(Trouble(format!("HTTP {}: {words}", answer.status)))
}

fn refusal(envelope: &Envelope<'_>) -> String {
    let kind = envelope.error_type.as_deref().unwrap_or("error");
    excerpt(&format!("{kind}: {}", envelope.error.as_deref().unwrap_or("no reason given")))
}

fn envelope(body: &[u8]) -> Result<Envelope<'_>, Trouble> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|e| {
        Trouble(format!("the answer is not what Prometheus sends: {}", excerpt(&e.to_string())))
    })?;
    if envelope.status == "success" { Ok(envelope) } else { Err(Trouble(refusal(&envelope))) }
}

fn result<'a>(envelope: &Envelope<'a>) -> Result<(String, &'a str), Trouble> {
    match &envelope.data {
        Some(data) => Ok((data.kind.clone(), data.result.get())),
        None => Err(Trouble("the answer holds no data".to_owned())),
    }
}

fn items(result: &str) -> Result<Vec<Item>, Trouble> {
    serde_json::from_str(result)
        .map_err(|e| Trouble(format!("the answer holds unreadable series: {}", excerpt(&e.to_string()))))
}

/// The one series, none, or an error that says how many there are.
fn only(mut items: Vec<Item>) -> Result<Option<Item>, Trouble> {
    let count = items.len();
    if count > 1 {
        return Err(Trouble(format!("the query gives {count} series, aggregate it, for example with sum()")));
    }
    Ok(items.pop())
}

fn number(text: &str) -> Result<f64, Trouble> {
    parse_number(text).ok_or_else(|| Trouble(format!("`{}` is not a number", excerpt(text))))
}

fn instant(body: &[u8]) -> Result<Answered, Trouble> {
    let envelope = envelope(body)?;
    let (kind, result) = result(&envelope)?;
    let mut answered = match kind.as_str() {
        "vector" => match only(items(result)?)? {
            None => Answered::no_data("the query gives no series"),
            Some(Item { value: Some((_, text)), .. }) => Answered::value(number(&text)?),
            Some(_) => return Err(Trouble("the query gives a histogram, not a number".to_owned())),
        },
        "scalar" => {
            let (_, text): (f64, String) = serde_json::from_str(result)
                .map_err(|_| Trouble("the answer holds an unreadable scalar".to_owned()))?;
            Answered::value(number(&text)?)
        }
        "matrix" => {
            return Err(Trouble("the query gives a range; wrap it, for example in rate()".to_owned()));
        }
        other => return Err(Trouble(format!("the query gives a {}, not a number", excerpt(other)))),
    };
    answered.warnings = envelope.warnings.iter().chain(&envelope.infos).map(|w| excerpt(w)).collect();
    Ok(answered)
}

fn range(body: &[u8]) -> Result<Vec<Sample>, Trouble> {
    let envelope = envelope(body)?;
    let (kind, result) = result(&envelope)?;
    if kind != "matrix" {
        return Err(Trouble(format!("the range query gives a {}, not a matrix", excerpt(&kind))));
    }
    let Some(item) = only(items(result)?)? else { return Ok(Vec::new()) };
    let mut samples = Vec::with_capacity(item.values.len());
    for (at, text) in &item.values {
        samples.push(Sample { at_micros: (at * 1e6).round() as i64, value: Reading::Value(number(text)?) });
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(result: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}}}}"#)
    }

    #[test]
    fn one_series_is_a_number_and_none_is_no_data() {
        let one =
            instant(vector(r#"[{"metric":{"a":"b"},"value":[1795180224.469,"0.25"]}]"#).as_bytes()).unwrap();
        assert_eq!(one.reading, Reading::Value(0.25));
        let none = instant(vector("[]").as_bytes()).unwrap();
        assert_eq!(none.reading, Reading::NoData { why: "the query gives no series".into() });
    }

    #[test]
    fn infinities_and_nan_are_kept() {
        for (text, check) in [("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY)] {
            let body = vector(&format!(r#"[{{"metric":{{}},"value":[1,"{text}"]}}]"#));
            assert_eq!(instant(body.as_bytes()).unwrap().reading, Reading::Value(check));
        }
        let body = vector(r#"[{"metric":{},"value":[1,"NaN"]}]"#);
        assert!(matches!(instant(body.as_bytes()).unwrap().reading, Reading::Value(x) if x.is_nan()));
    }

    #[test]
    fn several_series_are_counted_and_refused() {
        let many = [r#"{"metric":{},"value":[1,"2"]}"#; 7].join(",");
        let error = instant(vector(&format!("[{many}]")).as_bytes()).unwrap_err();
        assert!(error.0.starts_with("the query gives 7 series, aggregate it"), "{error}");
    }

    #[test]
    fn scalars_count_and_other_shapes_are_named() {
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}"#;
        assert_eq!(instant(scalar.as_bytes()).unwrap().reading, Reading::Value(3.0));
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        assert!(instant(matrix.as_bytes()).unwrap_err().0.contains("range"));
        let histogram = vector(r#"[{"metric":{},"histogram":[1,{"count":"2"}]}]"#);
        assert!(instant(histogram.as_bytes()).unwrap_err().0.contains("histogram"));
    }

    #[test]
    fn warnings_are_kept_beside_the_number() {
        let body = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]}]},
            "warnings":["remote read is partial"],"infos":["not a counter"]}"#;
        let answered = instant(body.as_bytes()).unwrap();
        assert_eq!(answered.warnings, ["remote read is partial", "not a counter"]);
    }

    #[test]
    fn a_range_gives_samples_in_microseconds() {
        let body = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{},"values":[[10.5,"1"],[11.5,"NaN"]]}]}}"#;
        let samples = range(body.as_bytes()).unwrap();
        assert_eq!(samples[0], Sample { at_micros: 10_500_000, value: Reading::Value(1.0) });
        assert!(matches!(samples[1].value, Reading::Value(x) if x.is_nan()));
        let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        assert_eq!(range(empty.as_bytes()).unwrap(), []);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = instant(&body);
            let _ = range(&body);
        }
    }
}
