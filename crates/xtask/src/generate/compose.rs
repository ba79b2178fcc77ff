//! The services in docker-compose.yml. The infrastructure in that file is written by hand.

use std::fmt::Write as _;
use std::fs;

use super::{Files, text};
use crate::Outcome;
use crate::fleet::Fleet;
use crate::workspace::Workspace;

pub(super) fn files(workspace: &Workspace, fleet: &Fleet) -> Outcome<Files> {
    let path = workspace.path("docker-compose.yml");
    let file = text::replace_part(&fs::read_to_string(&path)?, "services", &services(fleet))?;
    let ready = ["gateway"].into_iter().chain(fleet.names());
    let ready = ready.fold(String::new(), |lines, name| lines + name + ": { condition: service_healthy }\n");
    Ok(Files::from([(path, text::replace_part(&file, "ready", &ready)?)]))
}

fn services(fleet: &Fleet) -> String {
    let port = fleet.gateway.port;
    let mut services = format!(
        "gateway:\n  <<: *process\n  build: {{ <<: *build, args: {{ BINARY: bloom-gateway }} }}\n  environment: {{ <<: \
         *environment, BLOOM_LISTEN: \"0.0.0.0:{port}\", BLOOM_REDIS_URL: \"redis://redis:6379\" }}\n  \
         ports: [\"127.0.0.1:{port}:{port}\"]\n"
    );
    for name in fleet.names() {
        let _ = write!(services, "{name}:\n  <<: *process\n  build: {{ <<: *build, args: {{ BINARY: bloom-{name} }} }}\n");
    }
    services
}
