//! A test client for one service: calls its real router with every layer, without a socket.

use axum::Router;
use axum::body::Body;
use bloom_kernel::{ChannelId, TenantId};
use bloom_runtime::{Audience, Scopes, ServiceContext};
use bloom_runtime::{signed_context as context, signed_context::Claims};
use bloom_web::Service;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde_json::Value;
use tower::ServiceExt as _;

/// A running service under test. Its tasks run, and its gRPC is reachable for peers of the same context.
pub struct TestClient {
    /// The service's context: `host.peers.get("<name>")` reaches its gRPC.
    pub host: ServiceContext,
    tenant: TenantId,
    router: Router,
}

impl TestClient {
    pub(crate) fn open(mut service: Service, host: ServiceContext, tenant: TenantId) -> Self {
        let (router, _) = service.router();
        let memory = host.peers.in_memory(service.name);
        let (stop, grpc) = (host.shutdown.clone(), router.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            let _ = axum::serve(memory, grpc).with_graceful_shutdown(async move { stop.cancelled().await }).await;
        });
        for task in service.tasks {
            let stop = host.shutdown.clone();
            #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
            tokio::spawn(async move {
                let ended = task.run.await;
                assert!(stop.is_cancelled(), "the task {} ended by itself: {ended:?}", task.name);
            });
        }
        Self { host, tenant, router }
    }

    /// Starts a request with a secret key's permissions for the test's tenant; change it on the returned
    /// [`TestRequest`].
    pub fn ask(&self, method: &str, path: &str) -> TestRequest<'_> {
        let claims = Claims {
            tenant: self.tenant,
            cell: self.host.cell.to_string(),
            actor: "key:test".to_owned(),
            scopes: Scopes::all(),
            audience: Audience::Secret,
            channel: None,
            expires: 0,
        };
        TestRequest {
            client: self,
            method: method.to_owned(),
            path: path.to_owned(),
            claims: Some(claims),
            headers: Vec::new(),
            body: None,
        }
    }

    /// GET
    pub fn get(&self, path: &str) -> TestRequest<'_> {
        self.ask("GET", path)
    }

    /// POST
    pub fn post(&self, path: &str) -> TestRequest<'_> {
        self.ask("POST", path)
    }

    /// PATCH
    pub fn patch(&self, path: &str) -> TestRequest<'_> {
        self.ask("PATCH", path)
    }

    /// PUT
    pub fn put(&self, path: &str) -> TestRequest<'_> {
        self.ask("PUT", path)
    }

    /// DELETE
    pub fn delete(&self, path: &str) -> TestRequest<'_> {
        self.ask("DELETE", path)
    }
}

/// A request to be sent.
pub struct TestRequest<'d> {
    client: &'d TestClient,
    method: String,
    path: String,
    claims: Option<Claims>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl TestRequest<'_> {
    /// Sets a JSON body.
    ///
    /// # Panics
    ///
    /// When the body does not serialise.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).expect("the body serialises"));
        self.header("content-type", "application/json")
    }

    /// Sets a body unchanged.
    #[must_use]
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Idempotency-Key`
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets `If-Match` to a version.
    #[must_use]
    pub fn if_match(self, version: i64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    /// Sends as another tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId) -> Self {
        if let Some(claims) = &mut self.claims {
            claims.tenant = tenant;
        }
        self
    }

    /// Sends with a publishable key of these scopes.
    #[must_use]
    pub fn publishable(mut self, scopes: &[&str]) -> Self {
        if let Some(claims) = &mut self.claims {
            claims.audience = Audience::Publishable;
            claims.scopes = Scopes::new(scopes.iter().map(|scope| (*scope).to_owned()));
        }
        self
    }

    /// Sends with a secret key of these scopes only.
    #[must_use]
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        if let Some(claims) = &mut self.claims {
            claims.scopes = Scopes::new(scopes.iter().map(|scope| (*scope).to_owned()));
        }
        self
    }

    /// Sends with a key that is bound to a channel.
    #[must_use]
    pub fn channel(mut self, channel: ChannelId) -> Self {
        if let Some(claims) = &mut self.claims {
            claims.channel = Some(channel);
        }
        self
    }

    /// Sends without a context, like a caller that bypasses the gateway.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.claims = None;
        self
    }

    /// Sends the request.
    ///
    /// # Panics
    ///
    /// When the request cannot be built or the body cannot be read.
    pub async fn send(self) -> Answer {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.path);
        if let Some(mut claims) = self.claims {
            claims.expires = self.client.host.platform_now().timestamp() + 30;
            request = request.header(context::HEADER, context::sign(&self.client.host.keys, &claims));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body.map_or_else(Body::empty, Body::from)).expect("the request is well-formed");
        let response = self.client.router.clone().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body is complete").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, json }
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null when it is not JSON.
    pub json: Value,
}

impl Answer {
    /// A header as text; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The version in the `ETag`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn version(&self) -> i64 {
        self.header("etag").trim_matches('"').parse().expect("the reply carries a version as its ETag")
    }

    /// The body's `id`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn id(&self) -> String {
        self.json["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.text)).to_owned()
    }

    /// The `code` of a problem document; empty for any other body.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }

    /// Asserts the status and returns the response.
    ///
    /// # Panics
    ///
    /// When the status is another one.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "the check may be all that is wanted of an answer")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}
