//! Finds the client's address behind proxies: `X-Forwarded-For` is trusted only as far as trusted proxies wrote it.

use std::net::{IpAddr, SocketAddr};

use bloom_runtime::StartError;
use http::HeaderMap;
use ipnet::IpNet;

/// The proxies whose `X-Forwarded-For` is trusted; none by default.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Parses a comma-separated list of addresses and CIDR blocks.
    pub fn parse(list: &str) -> Result<Self, StartError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(block).collect::<Result<_, _>>().map(Self)
    }

    /// The client's address: the peer's, unless the peer is a trusted proxy. Then it is the right-most address in the
    /// header that is not a trusted proxy, because the client itself may have written everything to the left of it. The
    /// search stops before an entry that is not an address.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let mut named = values.flat_map(|value| value.to_str().unwrap_or("").rsplit(',')).map(address);
        while self.trusts(client)
            && let Some(Some(next)) = named.next()
        {
            client = next;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(&address))
    }
}

fn block(entry: &str) -> Result<IpNet, StartError> {
    let block = entry.parse().or_else(|_| entry.parse().map(|address: IpAddr| address.to_canonical().into()));
    block.map_err(|_| {
        StartError::new(format!(
            "BLOOM_TRUSTED_PROXIES is not usable: `{entry}` is neither an address nor a CIDR block such as 10.0.0.0/8"
        ))
    })
}

/// Some proxies append the client's port to its address.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse().or_else(|_| entry.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}
