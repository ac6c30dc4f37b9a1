//! The least of HTTP that tells whether a page is served: one GET over plain TCP, and the status of the
//! answer.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::{Duration, Instant},
};

use anysvc_backend_api::{Error, ErrorKind, Result};

/// A status line is short; a longer one is no HTTP.
const LONGEST_STATUS: usize = 1024;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// As it goes into the `Host` header.
    host: String,
    /// As it is looked up: with the port.
    address: String,
    path: String,
}

impl Page {
    /// Reads `http://HOST[:PORT][/PATH]`.
    pub(super) fn parse(url: &str) -> Result<Page> {
        let wrong = |why: &str| {
            let message = format!("`{}` can't be asked for: {why}", url.escape_debug());
            Error::new(ErrorKind::InvalidSpec, message).with_hint("write `http://HOST:PORT/PATH`")
        };
        let rest = url.strip_prefix("http://").ok_or_else(|| wrong("only http:// is spoken here"))?;
        if url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(wrong("it contains blanks or control characters"));
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() || host.contains('@') {
            return Err(wrong("it names no host"));
        }
        let after_address = host.rfind(']').map_or(0, |end| end + 1);
        let address =
            if host[after_address..].contains(':') { host.to_owned() } else { format!("{host}:80") };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Page { host: host.to_owned(), address, path })
    }

    /// Whether it is served: an answer with a status below 400.
    pub(super) fn is_served(&self, limit: Duration) -> Result<(), String> {
        let failed = |what: &str| format!("http://{}{} {what}", self.host, self.path);
        match self.status(limit) {
            Ok(status) if status < 400 => Ok(()),
            Ok(status) => Err(failed(&format!("answers with status {status}"))),
            Err(cause) => Err(failed(&format!("does not answer: {cause}"))),
        }
    }

    fn status(&self, limit: Duration) -> std::io::Result<u16> {
        let end = Instant::now() + limit;
        let left = || {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() { Err(std::io::ErrorKind::TimedOut) } else { Ok(left) }
        };
        let mut stream = self.connect(left)?;
        stream.set_write_timeout(Some(left()?))?;
        let Page { host, path, .. } = self;
        let request =
            format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: anysvc\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut buffer = [0; 256];
        while !answer.contains(&b'\n') && answer.len() < LONGEST_STATUS {
            stream.set_read_timeout(Some(left()?))?;
            match stream.read(&mut buffer)? {
                0 => break,
                n => answer.extend_from_slice(&buffer[..n]),
            }
        }
        status_of(&answer).ok_or_else(|| std::io::Error::other("what it says is not HTTP"))
    }

    fn connect(&self, left: impl Fn() -> Result<Duration, std::io::ErrorKind>) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left()?) {
                Ok(stream) => return Ok(stream),
                Err(cause) => last = cause,
            }
        }
        Err(last)
    }
}

/// The status of `HTTP/1.1 200 OK`.
fn status_of(answer: &[u8]) -> Option<u16> {
    let line = str::from_utf8(answer.split(|&b| b == b'\r' || b == b'\n').next()?).ok()?;
    let (_, rest) = line.strip_prefix("HTTP/")?.split_once(' ')?;
    rest.trim_start().get(..3)?.parse().ok().filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn urls_are_split() {
        let cases = [
            ("http://localhost", "localhost:80", "/"),
            ("http://127.0.0.1:8000/health?x=1#y", "127.0.0.1:8000", "/health?x=1"),
            ("http://[::1]/x", "[::1]:80", "/x"),
            ("http://[::1]:81?q", "[::1]:81", "/?q"),
        ];
        for (url, address, path) in cases {
            let page = Page::parse(url).expect(url);
            assert_eq!((page.address.as_str(), page.path.as_str()), (address, path), "{url}");
        }
        for wrong in
            ["https://x", "x", "http://", "http:///x", "http://a b", "http://x/\r\nHost: y", "http://u@h"]
        {
            assert!(Page::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn statuses_are_read_and_nothing_else_is() {
        assert_eq!(status_of(b"HTTP/1.1 204 No Content\r\n"), Some(204));
        assert_eq!(status_of(b"HTTP/1.0 503\r\n"), Some(503));
        for wrong in ["", "220 mail", "HTTP/1.1", "HTTP/1.1 x", "HTTP/1.1 99 ", "HTTP/1.1 999"] {
            assert_eq!(status_of(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn an_answer_below_400_is_ready() {
        for (answer, ready) in
            [("HTTP/1.1 302 Found\r\n\r\n", true), ("HTTP/1.1 500 No\r\n\r\n", false), ("", false)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let url = format!("http://{}/health", listener.local_addr().expect("it is bound"));
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("somebody connects");
                let mut request = [0; 4096];
                let length = stream.read(&mut request).expect("it asks");
                stream.write_all(answer.as_bytes()).expect("it listens");
                String::from_utf8_lossy(&request[..length]).into_owned()
            });
            let page = Page::parse(&url).expect("a url");
            assert_eq!(page.is_served(Duration::from_secs(60)).is_ok(), ready, "{answer}");
            assert!(server.join().expect("it served").starts_with("GET /health HTTP/1.0\r\nHost: 127."));
        }
    }
}
