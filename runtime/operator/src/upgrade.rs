//! What an upgrade would meet in a cluster: the definition as it is there, and the objects. Only read.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, read_as};
use crate::error::ApiError;
use crate::identity::Identity;
use crate::survey::DEFINITIONS;

/// The longest that one request may take. A page of large objects takes its time.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// Objects of a page.
const PAGE: u32 = 200;

/// A cluster that is looked at and never written to.
#[derive(Clone)]
pub struct Onlooker {
    api: Api,
}

impl Onlooker {
    /// With a client whose rights count.
    pub fn new(client: kube::Client) -> Self {
        Self { api: Api::new(client, REQUEST_LIMIT) }
    }

    /// The definition `plural.group`, whole; none where there is none.
    ///
    /// # Errors
    ///
    /// What the API server says.
    pub async fn definition(&self, name: &str) -> Result<Option<Value>, ApiError> {
        let path = format!("{DEFINITIONS}/{name}");
        let answer = self.api.get_optional(&Identity::Process, &path).await?;
        answer.map(|answer| read_as(&answer.body, || format!("GET {path}"))).transpose()
    }

    /// Gives every object of a kind to `visit`, in pages, and says how many there are. One that is made meanwhile may be missed.
    ///
    /// # Errors
    ///
    /// What the API server says.
    pub async fn each(
        &self,
        group: &str,
        version: &str,
        plural: &str,
        visit: &mut (dyn FnMut(&Value) + Send),
    ) -> Result<u64, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            metadata: Metadata,
            items: Vec<Value>,
        }
        #[derive(Deserialize)]
        struct Metadata {
            #[serde(default, rename = "continue")]
            next: String,
        }
        let (mut count, mut next) = (0, String::new());
        loop {
            let follow = if next.is_empty() { String::new() } else { format!("&continue={next}") };
            let page: Page = self.api.get_as(&format!("/apis/{group}/{version}/{plural}?limit={PAGE}{follow}")).await?;
            for item in &page.items {
                count += 1;
                visit(item);
            }
            next = page.metadata.next;
            if next.is_empty() {
                return Ok(count);
            }
        }
    }
}
