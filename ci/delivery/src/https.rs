//! The platform on a cluster whose edge speaks HTTPS, set up as the guide says.

use anyhow::Result;
use load::{HOST, Load, Options};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder};
use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use crate::Platform;
use crate::authority::{Authority, Pair};
use crate::run::{Run, output};

/// The ports that browsers want.
const PORTS: &str = "https: {port: 443, plain_port: 80}";
const PORT: u16 = 443;
/// Files of the copy of the checkout.
const AUTHORITY: &str = "authority.pem";
const SECRETS: &str = "secrets";

/// A cluster with HTTPS; what ran on it before is there again when this is dropped.
pub struct Https {
    platform: Platform,
    authority: Authority,
    nodes: Vec<IpAddr>,
    /// The release without HTTPS, and the cluster's file.
    before: u64,
    without: String,
    is_put_back: bool,
}

impl Https {
    /// Writes into the checkout that the cluster has HTTPS. Nothing is deployed yet; the secrets become a copy, so that
    /// those of the machine stay as they are.
    pub fn prepare(platform: Platform) -> Result<Self> {
        let without = std::fs::read_to_string(platform.cluster_file())?;
        let authority = Authority::make()?;
        let root = platform.root();
        std::fs::write(root.join(AUTHORITY), authority.certificate())?;
        let mut copy = Command::new("cp");
        copy.args(["--recursive", &platform.secrets(), SECRETS]);
        output(copy.current_dir(&root))?;
        let secrets = |folder| format!("secrets: {folder}\n");
        platform.change_cluster(&secrets(&*platform.secrets()), &secrets(SECRETS))?;

        let plain = platform.addresses.iter();
        let plain: Vec<_> = plain.map(ToString::to_string).collect();
        let nodes: Vec<_> = platform.addresses.iter().map(SocketAddr::ip).collect();
        let urls: Vec<_> = nodes.iter().map(|node| format!("https://{node}")).collect();
        platform.change_cluster(
            &format!("addresses: {plain:?}\n"),
            &format!("addresses: {urls:?}\nauthority: {AUTHORITY}\n{PORTS}\n"),
        )?;
        Ok(Self {
            before: platform.live()?,
            without,
            is_put_back: false,
            platform,
            authority,
            nodes,
        })
    }

    /// The platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Where its edges are.
    pub fn nodes(&self) -> &[IpAddr] {
        &self.nodes
    }

    /// A new certificate, for the name that clients know and for the address of each node.
    pub fn pair(&self) -> Result<Pair> {
        let addresses = self.nodes.iter().map(ToString::to_string);
        self.authority
            .sign(addresses.chain([HOST.to_owned()]).collect())
    }

    /// Deploys with a certificate and a key.
    pub fn deploy(&self, certificate: &str, key: &str) -> Result<Run> {
        let secrets = self.platform.root().join(SECRETS);
        std::fs::write(secrets.join("edge_certificate"), certificate)?;
        std::fs::write(secrets.join("edge_key"), key)?;
        self.platform.submit()
    }

    /// Rolls back to the release that ran before, which is asked for where the cluster's file said then.
    pub fn put_back(&mut self) -> Result<Run> {
        std::fs::write(self.platform.cluster_file(), &self.without)?;
        let run = self.platform.rollback(self.before)?;
        self.is_put_back = run.code == 0;
        Ok(run)
    }

    /// A client that comes to one node, trusts its authority alone, and follows nothing.
    pub fn client(&self, node: IpAddr) -> Result<ClientBuilder> {
        let authority = Certificate::from_pem(self.authority.certificate().as_bytes())?;
        let builder = Client::builder().no_proxy().tls_certs_only([authority]);
        Ok(builder
            .tls_info(true)
            .resolve(HOST, SocketAddr::new(node, 0))
            .redirect(Policy::none()))
    }

    /// A load on all nodes, by HTTPS.
    pub async fn load(&self, rate: u32, conversations: u32, jobs: u32) -> Result<Load> {
        let nodes = self.nodes.iter();
        Load::start(&Options {
            addresses: nodes.map(|node| SocketAddr::new(*node, PORT)).collect(),
            authority: Some(self.authority.certificate().to_owned()),
            ..self.platform.options(rate, conversations, jobs)?
        })
        .await
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        if self.is_put_back {
            return;
        }
        let run = self.put_back();
        if !self.is_put_back {
            eprintln!("HTTPS is left on the cluster: {run:?}");
        }
    }
}
