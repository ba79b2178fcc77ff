//! `bloom import`: imports a file of products through the API and shows progress.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bloom_process::{print_error, print_line};
use bloom_runtime::StartError;
use reqwest::{Body, Client, StatusCode};
use serde_json::Value;
use tokio_util::io::ReaderStream;

use crate::state::StateDir;

const POLL: Duration = Duration::from_millis(500);

/// What to import, and as whom.
#[derive(clap::Args, Clone, Debug)]
pub struct ImportOptions {
    /// NDJSON file, a product a line.
    pub file: PathBuf,
    /// Where the API is; that of the running `up` when absent.
    #[arg(long, env = "BLOOM_URL")]
    pub url: Option<String>,
    /// Secret key; the demo shop's when absent.
    #[arg(long, env = "BLOOM_SECRET_KEY", hide_env_values = true)]
    pub secret_key: Option<String>,
    /// Where to put the report of refused lines; standard error when absent.
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// Uploads the file, waits, and writes the report; exit code 1 when any line was refused.
pub async fn run(state: &Path, options: &ImportOptions) -> Result<ExitCode, StartError> {
    let api = Api::new(state, options.url.clone(), options.secret_key.clone())?;
    let job = upload(&api, &options.file).await?;
    let path = format!("/v1/catalog/imports/{}", job["id"].as_str().unwrap_or_default());
    let mut job = job;
    while !matches!(job["status"].as_str(), Some("completed" | "failed")) {
        tokio::time::sleep(POLL).await;
        job = api.get(&path).await?;
        print_line(format_args!("{} lines done, {} refused", number(&job, "lines_processed"), number(&job, "lines_failed")))?;
    }
    if job["status"] == "failed" {
        return Err(StartError::new(format!("the import failed: {}", job["failure"].as_str().unwrap_or("no reason given"))));
    }
    if number(&job, "lines_failed") == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let report = api.text(&format!("{path}/report")).await?;
    match &options.report {
        None => print_error(report.trim_end()),
        Some(file) => std::fs::write(file, report)
            .map_err(|error| StartError::caused(format!("the report cannot be written to {}", file.display()), error))?,
    }
    Ok(ExitCode::FAILURE)
}

async fn upload(api: &Api, file: &Path) -> Result<Value, StartError> {
    let open = tokio::fs::File::open(file).await;
    let open = open.map_err(|error| StartError::caused(format!("{} cannot be read", file.display()), error))?;
    api.ndjson("/v1/catalog/imports", Body::wrap_stream(ReaderStream::with_capacity(open, 256 * 1024))).await
}

fn number(job: &Value, field: &str) -> i64 {
    job[field].as_i64().unwrap_or_default()
}

/// A client of the public API with one key.
pub struct Api {
    client: Client,
    url: String,
    secret_key: String,
}

impl Api {
    /// Uses the given address and key, otherwise those of the running `up`.
    pub fn new(state: &Path, url: Option<String>, secret_key: Option<String>) -> Result<Self, StartError> {
        let dev = StateDir::existing(state).and_then(|dir| dir.read()).unwrap_or_default();
        let url = url.unwrap_or(dev.gateway_url);
        let secret_key = secret_key.unwrap_or(dev.secret_key);
        if url.is_empty() || secret_key.is_empty() {
            return Err(StartError::new("no platform is running here: start it with `./dev up`, or name --url and --secret-key"));
        }
        Ok(Self::at(url, secret_key))
    }

    /// A client with an address and a key.
    ///
    /// # Panics
    ///
    /// Never: a client without TLS settings always builds.
    pub fn at(url: String, secret_key: String) -> Self {
        let client = Client::builder().connect_timeout(Duration::from_secs(5)).build().expect("a plain client builds");
        Self { client, url, secret_key }
    }

    /// GET as JSON.
    pub async fn get(&self, path: &str) -> Result<Value, StartError> {
        self.json(self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.secret_key)).await
    }

    /// GET as text.
    pub async fn text(&self, path: &str) -> Result<String, StartError> {
        let sent = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.secret_key).send().await;
        let text = match sent {
            Ok(response) => response.text().await,
            Err(error) => Err(error),
        };
        text.map_err(|error| StartError::caused("the API did not answer", error))
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, StartError> {
        self.json(self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.secret_key).json(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, StartError> {
        self.json(self.client.put(format!("{}{path}", self.url)).bearer_auth(&self.secret_key).json(body)).await
    }

    /// POST with a body of NDJSON.
    pub async fn ndjson(&self, path: &str, body: impl Into<Body>) -> Result<Value, StartError> {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.secret_key);
        self.json(request.header("content-type", "application/x-ndjson").body(body)).await
    }

    async fn json(&self, request: reqwest::RequestBuilder) -> Result<Value, StartError> {
        let response = request.send().await.map_err(|error| StartError::caused("the API did not answer", error))?;
        let status = response.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let body: Value = response.json().await.map_err(|error| StartError::caused("the API's answer was not JSON", error))?;
        if status.is_client_error() || status.is_server_error() {
            return Err(refused(status, &body));
        }
        Ok(body)
    }
}

fn refused(status: StatusCode, problem: &Value) -> StartError {
    let detail = problem["detail"].as_str().unwrap_or_default();
    let errors: Vec<String> = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| format!("{} {}", error["pointer"].as_str().unwrap_or(""), error["message"].as_str().unwrap_or("")))
        .collect();
    StartError::new(format!("the API refused with {status}: {detail} {}", errors.join("; ")))
}
