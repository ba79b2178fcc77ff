//! Asks the process on the same host whether it is ready, for health checks in images without a shell and curl.

use std::time::Duration;

use bloom_runtime::StartError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(2);
const YES: &[u8] = b"HTTP/1.1 200";

/// Requests `/readyz` on the port that a process listens on.
pub(crate) async fn ready(listen: &str) -> Result<(), StartError> {
    let port = listen.rsplit(':').next().unwrap_or(listen);
    let asked = tokio::time::timeout(DEADLINE, ask(format!("127.0.0.1:{port}"))).await;
    match asked {
        Ok(Ok(answer)) if answer == YES => Ok(()),
        Ok(Ok(answer)) => Err(StartError::new(format!("not ready: {}", String::from_utf8_lossy(&answer)))),
        Ok(Err(error)) => Err(StartError::caused(format!("no process answers on port {port}"), error)),
        Err(_) => Err(StartError::new(format!("no answer on port {port} within {} s", DEADLINE.as_secs()))),
    }
}

async fn ask(address: String) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut status = vec![0; YES.len()];
    stream.read_exact(&mut status).await?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn readiness_follows_the_readyz_status() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = async {
            for answer in ["200 OK", "503 Service Unavailable"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 24];
                stream.read_exact(&mut request).await.unwrap();
                assert!(request.starts_with(b"GET /readyz "));
                stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
            }
        };
        let asks = async {
            ready(&address).await.unwrap();
            assert!(ready(&address).await.unwrap_err().chain().contains("not ready: HTTP/1.1 503"));
        };
        tokio::join!(answers, asks);
        drop(listener);
        assert!(ready(&address).await.unwrap_err().chain().contains("no process answers"));
    }
}
