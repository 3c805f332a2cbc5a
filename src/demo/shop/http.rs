//! As much HTTP/1.1 as the shop and its traffic need (RFC 9112). Never reads a head or a body without a limit.

use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const LONGEST_LINE: u64 = 8 << 10;
const MOST_HEADERS: usize = 100;
const LARGEST_BODY: u64 = 64 << 10;
/// How long a connection may say nothing.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Whether the connection stays open.
    pub keep_alive: bool,
}

/// Reads one request with its body thrown away. `None` at the end of the connection or when it is no HTTP.
pub async fn read_request(input: &mut (impl AsyncBufRead + Unpin)) -> Option<Request> {
    let start = read_line(input).await?;
    let mut words = start.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let mut request = Request {
        method: method.to_owned(),
        path: target.split('?').next().unwrap_or(target).to_owned(),
        keep_alive: version == "HTTP/1.1",
    };
    if !version.starts_with("HTTP/1.") {
        return None;
    }
    let mut length = 0;
    for _ in 0..MOST_HEADERS {
        let line = read_line(input).await?;
        if line.is_empty() {
            return skip(input, length).await.then_some(request);
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok().filter(|n| *n <= LARGEST_BODY)?;
        } else if name.eq_ignore_ascii_case("connection") && value.trim().eq_ignore_ascii_case("close") {
            request.keep_alive = false;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
    }
    None
}

async fn read_line(input: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    let mut limited = input.take(LONGEST_LINE);
    tokio::time::timeout(IDLE, limited.read_until(b'\n', &mut bytes)).await.ok()?.ok()?;
    let line = bytes.strip_suffix(b"\n")?;
    String::from_utf8(line.strip_suffix(b"\r").unwrap_or(line).to_vec()).ok()
}

async fn skip(input: &mut (impl AsyncRead + Unpin), length: u64) -> bool {
    let copy = async { tokio::io::copy(&mut input.take(length), &mut tokio::io::sink()).await };
    matches!(tokio::time::timeout(IDLE, copy).await, Ok(Ok(n)) if n == length)
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub code: u16,
    /// Media type.
    pub media: &'static str,
    /// Body.
    pub body: String,
}

impl Response {
    /// Plain text.
    pub fn text(code: u16, body: impl Into<String>) -> Self {
        Response { code, media: "text/plain; charset=utf-8", body: body.into() }
    }

    /// JSON.
    pub fn json(body: impl Into<String>) -> Self {
        Response { code: 200, media: "application/json", body: body.into() }
    }
}

/// Writes an answer in one piece.
///
/// # Errors
/// When the other side is gone.
pub async fn write_response(
    output: &mut (impl AsyncWrite + Unpin),
    response: &Response,
    keep_alive: bool,
) -> std::io::Result<()> {
    let reason = match response.code {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Answer",
    };
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let Response { code, media, body } = response;
    let length = body.len();
    let message = format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{body}"
    );
    output.write_all(message.as_bytes()).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Option<Request> {
        read_request(&mut tokio::io::BufReader::new(bytes)).await
    }

    #[tokio::test]
    async fn a_request_is_read_with_its_body_and_the_next_follows() {
        let bytes = b"POST /checkout?x=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n";
        let mut input = tokio::io::BufReader::new(bytes.as_slice());
        let first = read_request(&mut input).await.unwrap();
        assert_eq!(
            (first.method.as_str(), first.path.as_str(), first.keep_alive),
            ("POST", "/checkout", true)
        );
        let second = read_request(&mut input).await.unwrap();
        assert_eq!((second.path.as_str(), second.keep_alive), ("/", false));
        assert_eq!(read_request(&mut input).await, None);
    }

    #[tokio::test]
    async fn what_is_no_request_ends_the_connection() {
        let long = [b"GET /".as_slice(), &vec![b'a'; 20_000], b" HTTP/1.1\r\n\r\n"].concat();
        let many = [b"GET / HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(200), b"\r\n"].concat();
        let cases: [&[u8]; 8] = [
            b"",
            b"\r\n",
            b"GET /\r\n\r\n",
            b"GET / SPDY/3\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
            &long,
            &many,
        ];
        for bytes in cases {
            assert_eq!(read(bytes).await, None, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
