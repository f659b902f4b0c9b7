//! An API server for tests whose answers are written down beforehand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use kube::client::Body;
use serde_json::Value;

use crate::api::Api;

/// Gives the answers that it was given, in order, and remembers what was asked.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Scripted {
    /// Each answer is a status code and a JSON object.
    pub(crate) fn new(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        Self::lines(answers.into_iter().map(|(code, answer)| (code, vec![answer])))
    }

    /// Each answer is a status code and JSON objects, one a line, as a watch sends them.
    pub(crate) fn lines(answers: impl IntoIterator<Item = (u16, Vec<Value>)>) -> Self {
        let text = |lines: Vec<Value>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let answers = answers.into_iter().map(|(code, lines)| (code, text(lines)));
        Self { answers: Arc::new(Mutex::new(answers.collect())), asked: Arc::default() }
    }

    /// A client of it.
    pub(crate) fn api(&self) -> Api {
        let scripted = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let scripted = scripted.clone();
            async move {
                let accept = request.headers().get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
                let part = accept.and_then(|accept| accept.split(';').find(|part| part.starts_with("as=")));
                let part = part.map(|part| format!(" {part}")).unwrap_or_default();
                let line = format!("{} {}{part}", request.method(), request.uri());
                let body = request.into_body().collect_bytes().await?;
                scripted.asked.lock().unwrap().push((line, serde_json::from_slice(&body).unwrap_or(Value::Null)));
                let (code, answer) = scripted.answers.lock().unwrap().pop_front().expect("an answer is written down");
                let response = Response::builder().status(code).body(Body::from(answer.into_bytes()));
                Ok::<_, tower::BoxError>(response.unwrap())
            }
        });
        Api::new(kube::Client::new(service, "default"), Duration::from_secs(5))
    }

    /// What was asked: method with path and what part of an object, and body. All answers must have been used.
    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        assert!(self.answers.lock().unwrap().is_empty(), "answers are left");
        self.asked.lock().unwrap().clone()
    }
}
