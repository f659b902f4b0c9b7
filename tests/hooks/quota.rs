//! A quota service on loopback. It stands for the one of an organisation: it is asked over plain HTTP and knows one token.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The token that it takes.
pub(crate) const TOKEN: &str = "s3cret-token";

/// A running service; its thread ends with the process of the tests.
pub(crate) struct Quota {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    left: BTreeMap<String, u64>,
    down: bool,
    asked: Vec<String>,
}

impl Quota {
    /// A service with some GiB left for teams.
    pub(crate) fn start(left: &[(&str, u64)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let left = left.iter().map(|(team, left)| ((*team).to_owned(), *left)).collect();
        let state = Arc::new(Mutex::new(State { left, ..State::default() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is no fault of the service.
                let _ = answer(&stream, &shared);
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.state.lock().expect("a lock").down = down;
    }

    /// The request lines so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().expect("a lock").asked.clone()
    }
}

fn answer(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let line = lines.next().transpose()?.unwrap_or_default();
    let mut authorized = false;
    for header in lines {
        let header = header?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or((&header, ""));
        authorized |= name.eq_ignore_ascii_case("authorization") && value.trim() == format!("Bearer {TOKEN}");
    }
    let mut state = state.lock().expect("a lock");
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    state.asked.push(line);
    let left = path.strip_prefix("/teams/").and_then(|team| state.left.get(team));
    let (status, more, body) = match (state.down, authorized, left) {
        (true, _, _) => ("503 Service Unavailable", "retry-after: 1\r\n", String::new()),
        (_, false, _) => ("401 Unauthorized", "", String::new()),
        (_, _, None) => ("404 Not Found", "", String::new()),
        (_, _, Some(left)) => ("200 OK", "content-type: application/json\r\n", format!("{{\"leftGiB\":{left}}}")),
    };
    let length = body.len();
    write!(&*stream, "HTTP/1.1 {status}\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
