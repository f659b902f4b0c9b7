//! `ork lsp`: the checker and its tables behind the Language Server Protocol. It translates and knows nothing of the language
//! itself: what is wrong is [`crate::problems`]', what stands at a place is [`orkestra_pattern::query`]'s.

mod answer;
mod complete;
mod files;
mod functions;
mod publish;
mod state;
mod text;

use std::time::Duration;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::{
    CodeActionParams, CodeActionProvider, CompletionOptions, DefinitionProvider, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DocumentSymbolParams, DocumentSymbolProvider, HoverProvider,
    InitializeResult, Position, PositionEncodingKind, Save, ServerCapabilities, ServerInfo,
    TextDocumentContentChangeEvent, TextDocumentPositionParams, TextDocumentSync, TextDocumentSyncKind,
    TextDocumentSyncOptions,
};
use serde_json::{Value, json};

use state::{Asked, State};

/// How long a text has to stay as it is before it is checked: whoever types on does not wait for what is outdated.
const PAUSE: Duration = Duration::from_millis(10);

/// Why the server ended otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// What came is not the protocol.
    #[error("the editor broke the protocol")]
    Protocol(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `exit` came before `shutdown`, or the stream ended.
    #[error("the editor went without saying goodbye")]
    Gone,
}

/// Serves one editor over stdin and stdout until it says `exit`.
///
/// # Errors
/// The editor breaks the protocol, or goes without `shutdown`.
pub(crate) fn serve() -> Result<(), Ended> {
    let (connection, threads) = Connection::stdio();
    let ended = session(&connection);
    // The writer ends when nobody can send any more; only then all is written.
    drop(connection);
    match ended {
        Ok(()) => threads.join().map_err(|error| Ended::Protocol(Box::new(error))),
        Err(error) => Err(error),
    }
}

fn session(connection: &Connection) -> Result<(), Ended> {
    let protocol = |error: lsp_server::ProtocolError| Ended::Protocol(Box::new(error));
    let (id, _) = connection.initialize_start().map_err(protocol)?;
    connection.initialize_finish(id, json!(abilities())).map_err(protocol)?;
    let mut state = State::default();
    loop {
        let message = if state.is_changed() {
            match connection.receiver.recv_timeout(PAUSE) {
                Ok(message) => Some(message),
                Err(error) if error.is_timeout() => None,
                Err(_) => return Err(Ended::Gone),
            }
        } else {
            Some(connection.receiver.recv().map_err(|_| Ended::Gone)?)
        };
        match message {
            None => publish(connection, &mut state)?,
            Some(Message::Request(request)) => {
                if connection.handle_shutdown(&request).map_err(protocol)? {
                    return Ok(());
                }
                publish(connection, &mut state)?;
                send(connection, answer(&state, request))?;
            }
            Some(Message::Notification(notification)) if notification.method == "exit" => return Err(Ended::Gone),
            Some(Message::Notification(notification)) => notified(&mut state, notification),
            // Nothing is asked of editors.
            Some(Message::Response(_)) => {}
        }
    }
}

fn abilities() -> InitializeResult {
    InitializeResult {
        capabilities: ServerCapabilities {
            position_encoding: Some(PositionEncodingKind::UTF16),
            text_document_sync: Some(TextDocumentSync::Options(TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::Full),
                save: Some(Save::Bool(true)),
                ..TextDocumentSyncOptions::default()
            })),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some([".", "{", " "].map(str::to_owned).to_vec()),
                ..CompletionOptions::default()
            }),
            hover_provider: Some(HoverProvider::Bool(true)),
            definition_provider: Some(DefinitionProvider::Bool(true)),
            code_action_provider: Some(CodeActionProvider::Bool(true)),
            document_symbol_provider: Some(DocumentSymbolProvider::Bool(true)),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo { name: "ork".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) }),
    }
}

fn send(connection: &Connection, message: impl Into<Message>) -> Result<(), Ended> {
    connection.sender.send(message.into()).map_err(|_| Ended::Gone)
}

fn publish(connection: &Connection, state: &mut State) -> Result<(), Ended> {
    if !state.is_changed() {
        return Ok(());
    }
    for params in state.check() {
        let method = "textDocument/publishDiagnostics".to_owned();
        send(connection, Notification { method, params: json!(params) })?;
    }
    Ok(())
}

/// What an editor tells. What cannot be understood, or is about files that are not ours, changes nothing.
fn notified(state: &mut State, notification: Notification) {
    let Notification { method, params } = notification;
    match method.as_str() {
        "textDocument/didOpen" => {
            let Ok(DidOpenTextDocumentParams { text_document: file }) = serde_json::from_value(params) else { return };
            if let Some(path) = files::path_of(&file.uri.0) {
                state.put(path, file.uri.0, files::Text { version: file.version, text: file.text });
            }
        }
        "textDocument/didChange" => {
            let Ok(params) = serde_json::from_value::<DidChangeTextDocumentParams>(params) else { return };
            // The whole text, as the server asked for; the last one counts.
            let whole = params.content_changes.into_iter().rev().find_map(|change| match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => Some(whole.text),
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(_) => None,
            });
            let file = params.text_document;
            let uri = file.text_document_identifier.uri.0;
            if let (Some(path), Some(text)) = (files::path_of(&uri), whole) {
                state.put(path, uri, files::Text { version: file.version, text });
            }
        }
        "textDocument/didClose" => {
            let Ok(params) = serde_json::from_value::<DidCloseTextDocumentParams>(params) else { return };
            if let Some(path) = files::path_of(&params.text_document.uri.0) {
                state.close(&path);
            }
        }
        "textDocument/didSave" | "workspace/didChangeWatchedFiles" => state.touch_all(),
        // `$/cancelRequest` comes too late: a request is answered before the next message is read.
        _ => {}
    }
}

fn answer(state: &State, request: Request) -> Response {
    let Request { id, method, params } = request;
    let found = match method.as_str() {
        "textDocument/hover" => at(state, params, |asked, at| json!(answer::hover(asked, at))),
        "textDocument/definition" => at(state, params, |asked, at| json!(answer::definition(asked, at))),
        "textDocument/completion" => at(state, params, |asked, at| json!(complete::complete(asked, at))),
        "textDocument/documentSymbol" => serde_json::from_value::<DocumentSymbolParams>(params).map(|params| {
            let path = files::path_of(&params.text_document.uri.0);
            let symbols = path.and_then(|path| Some(answer::symbols(&state.ask(&path)?)));
            json!(symbols.unwrap_or_default())
        }),
        "textDocument/codeAction" => serde_json::from_value::<CodeActionParams>(params).map(|params| {
            let path = files::path_of(&params.text_document.uri.0);
            let asked = path.as_deref().and_then(|path| state.ask(path));
            json!(
                asked.map(|asked| answer::mends(&asked, &params.text_document.uri.0, params.range)).unwrap_or_default()
            )
        }),
        _ => {
            let code = ErrorCode::MethodNotFound as i32;
            return Response::new_err(id, code, format!("`{method}` is not what this server does"));
        }
    };
    match found {
        Ok(value) => Response { id, response_result: Ok(value) },
        Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}

/// Answers about a place; null, where it is in no file of ours. What else such a request says is not needed.
fn at(
    state: &State,
    params: Value,
    answer: impl FnOnce(&Asked<'_>, Position) -> Value,
) -> Result<Value, serde_json::Error> {
    let TextDocumentPositionParams { text_document, position } = serde_json::from_value(params)?;
    let path = files::path_of(&text_document.uri.0);
    let asked = path.as_deref().and_then(|path| state.ask(path));
    Ok(asked.map(|asked| answer(&asked, position)).unwrap_or_default())
}
